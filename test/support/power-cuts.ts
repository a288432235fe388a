/**
 * A node on a disk in memory that writes while the log is rewritten and snapshots are made, with the disk that a loss
 * of power would leave at each operation, and what must be on it. The time is that of the disk's operations: a clock
 * that only they and the client move.
 *
 * Each step is a transaction over two keys, of which the one has the numbers of all steps and the other the last.
 */
import { Settings } from '../../lib/config/settings.js';
import { Node } from '../../lib/server.js';
import { FakeClock } from '../../lib/util/clock.js';
import { silentLog } from '../../lib/util/log.js';
import type { Random } from '../../lib/util/random.js';
import { MemoryFiles, type Operation } from './memory-files.js';
import { RawClient } from './raw-client.js';

const BURSTS = 24;
const BURST_STEPS_MAX = 4;
/** So far the clock goes at a time, so that what is due by then is seen. */
const SLICE_MS = 20;
/** `everysec` syncs so long after the last sync has begun. */
const SYNC_PERIOD_MS = 1000;
/** Between two slices of the clock several turns of the event loop may pass, and several operations move it in each. */
const SLACK_MS = 300;

export interface Cut {
  /** What the power cut left. */
  disk: MemoryFiles;
  /** The operation in front of which it came. */
  what: string;
  /** The last step that a sync which had ended covers. */
  synced: number;
  /** The last that `everysec` had the time to sync. */
  due: number;
  /** The last that was sent. */
  sent: number;
}

/** When a step was acknowledged, and how long the disk had been at work on the log until then. */
interface Moment {
  step: number;
  atMs: number;
  busyMs: number;
}

const LOG_OPERATIONS: ReadonlySet<Operation> = new Set(['write', 'sync', 'truncate']);

export class PowerCuts {
  readonly cuts: Cut[] = [];
  rewrites = 0;
  snapshots = 0;
  private readonly clock = new FakeClock();
  private readonly files = new MemoryFiles();
  private readonly node: Node;
  private sent = 0;
  private synced = 0;
  private readonly acknowledged: Moment[] = [];
  /** By file, the last step that the sync under way covers. */
  private readonly syncing = new Map<string, number>();
  private busyMs = 0;
  private busySinceMs: number | undefined;

  constructor(
    private readonly settings: Readonly<Record<string, string>>,
    private readonly random: Random,
  ) {
    const all = {
      port: 'any', 'line-port': '0', bind: '127.0.0.1', appendonly: 'yes', dir: '/data', 'auto-aof-rewrite-percentage': '0',
    };
    const { clock, files } = this;
    this.node = new Node({ settings: new Settings({ ...all, ...settings }), log: silentLog, files, clock });
  }

  /** Writes from the start to the stop of the node. */
  async run(): Promise<void> {
    const { node, files, random } = this;
    await node.start();
    files.delay = (operation, path) => this.work(operation, path);
    files.fault = (operation, path) => {
      this.onOperation(operation, path);
      return undefined;
    };
    const client = await RawClient.connect(node.port);
    for (let burst = 0; burst < BURSTS; burst++) {
      await this.pass(random.next() * 400);
      if (burst % 9 === 4) await client.ask('BGREWRITEAOF');
      if (burst % 7 === 2) await client.ask('BGSAVE SCHEDULE');
      await this.write(client, 1 + Math.floor(random.next() * BURST_STEPS_MAX));
    }
    const info = await client.ask('INFO persistence');
    this.rewrites = Number(/aof_rewrites:(\d+)/.exec(info)![1]);
    this.snapshots = Number(/rdb_saves:(\d+)/.exec(info)![1]);
    client.close();
    await node.stop();
  }

  /** Steps in one go, as a client that does not wait sends them. */
  private async write(client: RawClient, count: number): Promise<void> {
    const first = this.sent + 1;
    this.sent += count;
    const steps = Array.from({ length: count }, (_, index) => first + index);
    client.send(steps.map((step) => `MULTI\r\nRPUSH l ${step}\r\nSET b ${step}\r\nEXEC\r\n`).join(''));
    for (const step of steps) {
      const replies = [];
      for (let i = 0; i < 4; i++) replies.push(await client.reply());
      // While the disk is behind writes wait, and none is refused.
      if (!replies[3]!.startsWith('*2')) throw new Error(`step ${step}: ${replies.join(' ')}`);
      this.acknowledged.push({ step, atMs: this.clock.nowMs(), busyMs: this.busySoFarMs });
    }
  }

  // ---- the time

  /** Time goes by, and what is due is done. */
  private async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= SLICE_MS) {
      this.clock.advance(Math.min(left, SLICE_MS));
      // As the timer of the log would: it follows the system's clock.
      this.node.state.settings.set('appendfsync', this.settings.appendfsync!);
      await new Promise(setImmediate);
    }
  }

  private get busySoFarMs(): number {
    return this.busyMs + (this.busySinceMs === undefined ? 0 : this.clock.nowMs() - this.busySinceMs);
  }

  // ---- the disk

  /** An operation takes its time. */
  private async work(operation: Operation, path: string): Promise<void> {
    if (isOfLog(operation, path)) {
      this.busySinceMs = this.clock.nowMs();
      if (operation === 'sync') this.syncing.set(path, lastStepIn(this.files.get(path)));
    }
    await new Promise(setImmediate);
    const msMax = operation === 'sync' ? 600 : 40;
    await this.pass(this.random.next() < 0.5 ? 0 : this.random.next() * msMax);
  }

  /** An operation is about to have its effect: the power may fail now. */
  private onOperation(operation: Operation, path: string): void {
    const { synced, sent } = this;
    const what = `${operation} ${path}`;
    this.cuts.push({ disk: this.files.afterPowerCut(this.random), what, synced, due: this.findDue(), sent });
    if (!isOfLog(operation, path)) return;
    this.busyMs = this.busySoFarMs;
    this.busySinceMs = undefined;
    if (operation === 'sync') this.synced = Math.max(synced, this.syncing.get(path)!);
  }

  private findDue(): number {
    if (this.settings.appendfsync !== 'everysec') return 0;
    const isDue = ({ atMs, busyMs }: Moment): boolean =>
      atMs + SYNC_PERIOD_MS + (this.busySoFarMs - busyMs) + SLACK_MS <= this.clock.nowMs();
    return this.acknowledged.findLast(isDue)?.step ?? 0;
  }
}

function isOfLog(operation: Operation, path: string): boolean {
  return LOG_OPERATIONS.has(operation) && path.endsWith('.incr.aof');
}

/** The number of the last step that a file has. */
function lastStepIn(bytes: Buffer | undefined): number {
  const text = bytes?.toString('latin1') ?? '';
  const at = text.lastIndexOf('\r\nb\r\n$');
  return at < 0 ? 0 : Number(text.slice(at).split('\r\n')[3]);
}

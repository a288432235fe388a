/**
 * Crashes: nodes in processes of their own are killed at a random moment under load, with rewrites and snapshots under
 * way, and started again on their folders. With `always` every step that was acknowledged is there (crash-steps.ts).
 * With the other policies what is there is a beginning of what each client wrote, with at most the last second missing.
 * Never is a step there in part: the data are those of a node that has run the same steps and never crashed.
 *
 * Every second round the nodes are killed once more on their way: while they load, cut off a torn end, or put away what
 * a rewrite has left.
 */
import { appendFileSync, existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type CrashClient, SHORT_MS_MAX, counterOf, stepOf } from './crash-steps.js';
import { datasetOf } from './dataset.js';
import { MemoryFile } from './memory-file.js';
import { RawClient, encode } from './raw-client.js';
import { freePort } from './reference.js';
import { type SpawnedNode, type StartingNode, beginNode } from './spawned-node.js';
import { startNode } from './targets.js';
import { waitFor } from './wait-for.js';
import { LOCK_NAME } from '../../lib/persistence/folder-lock.js';
import { RdbReader } from '../../lib/persistence/rdb-reader.js';
import type { Node } from '../../lib/server.js';
import { Store } from '../../lib/store/store.js';
import type { Random } from '../../lib/util/random.js';

const CLIENTS = 8;
const DATABASES = 3;
const RUN_MS_MAX = 500;
const LOST_MS_MAX = 1500;
/** A start is tried to be interrupted so often; it may be done before that. */
const INTERRUPTIONS_MAX = 5;
/** A record whose end is missing. */
const TORN = '*3\r\n$3\r\nSET\r\n$4\r\nto';

/** What one client has sent, and what was acknowledged. */
interface Writer {
  client: CrashClient;
  connection: RawClient;
  sent: number;
  acknowledged: number;
  /** When each step was acknowledged. */
  moments: Map<number, number>;
  done: Promise<void>;
}

/** A node, or two that share the alphabet, with folders that outlive them, and the model of what they should have. */
export class CrashSite {
  steps = 0;
  /** Starts that were interrupted. */
  interrupted = 0;
  private rounds = 0;
  /** How long the last start took, from when it had its folder. */
  private startMs = 0;
  private readonly nodes = new Map<string, SpawnedNode>();
  private readonly clients: CrashClient[];
  private readonly reached: number[];
  private model: Node | undefined;
  private addresses = '';

  constructor(
    private readonly folder: string,
    private readonly appendfsync: string,
    private readonly random: Random,
    private readonly names: readonly string[] = ['foo'],
  ) {
    this.clients = Array.from({ length: CLIENTS }, (_, number) => ({
      tag: `${number % 2 === 0 ? 'a' : 'z'}${number}`, database: number % DATABASES, number,
    }));
    this.reached = this.clients.map(() => 0);
  }

  /** Starts the nodes, lets clients write, kills, starts again and compares. Gives what is wrong, if anything is. */
  async round(): Promise<string | undefined> {
    if (this.model === undefined) await this.begin();
    const writers = await Promise.all(this.clients.map((client) => this.startWriter(client)));
    await delay(this.random.next() * RUN_MS_MAX);
    await this.disturb();
    const killedAt = performance.now();
    const victims = this.names.filter(() => this.names.length === 1 || this.random.next() < 0.6);
    await Promise.all(victims.map((name) => this.nodes.get(name)!.kill()));
    for (const { connection } of writers) connection.close();
    await Promise.all(writers.map(({ done }) => done));
    const isInterrupted = this.rounds++ % 2 === 0;
    for (const name of victims) {
      if (this.random.next() < 0.5) this.tear(name);
      if (isInterrupted) await this.interruptStart(name);
      await this.startNode(name);
    }
    return this.compare(writers, killedAt);
  }

  private async begin(): Promise<void> {
    this.model = await startNode();
    const ports: string[] = [];
    for (const name of this.names) ports.push(`${name}=127.0.0.1:${await freePort()}`);
    this.addresses = ports.join(',');
    for (const name of this.names) await this.startNode(name);
  }

  async end(): Promise<void> {
    await Promise.all([...this.nodes.values()].map((node) => node.kill()));
    await this.model?.stop();
  }

  private settingsOf(name: string): Record<string, string> {
    const cluster = { node: name, nodes: this.addresses, shards: 'a-m=foo,n-z=bar,*=foo', cookie: 'oatmeal' };
    return {
      dir: join(this.folder, name), appendonly: 'yes', appendfsync: this.appendfsync, save: '1 50',
      'auto-aof-rewrite-min-size': '50000', 'auto-aof-rewrite-percentage': '50',
      ...(this.names.length > 1 ? cluster : {}),
    };
  }

  private async startNode(name: string): Promise<void> {
    const node = beginNode(this.settingsOf(name));
    await Promise.race([this.folderTaken(name, node), node.started]);
    const takenAt = performance.now();
    const port = await node.started;
    this.startMs = performance.now() - takenAt;
    this.nodes.set(name, { port, process: node.process, kill: node.kill });
  }

  /** Starts a node and kills it between the moment when it has its folder and the one when it has loaded its data. */
  private async interruptStart(name: string): Promise<void> {
    for (let left = INTERRUPTIONS_MAX; left > 0; left--) {
      const node = beginNode(this.settingsOf(name));
      const isStarted = node.started.then(() => true, () => false);
      await Promise.race([this.folderTaken(name, node), node.started]);
      // A lock that was stale is looked at twice before anything is read.
      await delay((0.3 + 0.7 * this.random.next()) * this.startMs * (left / INTERRUPTIONS_MAX));
      await node.kill();
      if (await isStarted) continue;
      this.interrupted++;
      if (this.random.next() < 0.5) return;
    }
  }

  /** Resolves when a process has locked the folder of a node: it begins to read there. */
  private async folderTaken(name: string, { process: { pid } }: StartingNode): Promise<void> {
    const path = join(this.folder, name, LOCK_NAME);
    const isTaken = (): boolean => existsSync(path) && readFileSync(path, 'latin1').startsWith(`${String(pid)} `);
    await waitFor(isTaken, `${name} to take its folder`);
  }

  /** Leaves the log with a torn end, as a write that was under way would. */
  private tear(name: string): void {
    const folder = join(this.folder, name, 'appendonlydir');
    const sequence = (file: string): number => Number(/\.(\d+)\.incr\.aof$/.exec(file)?.[1] ?? 0);
    const last = readdirSync(folder).toSorted((one, other) => sequence(one) - sequence(other)).at(-1)!;
    appendFileSync(join(folder, last), TORN);
  }

  private connect(number: number): Promise<RawClient> {
    return RawClient.connect(this.nodes.get(this.names[number % this.names.length]!)!.port);
  }

  /** Often a rewrite or a snapshot is under way when the end comes. */
  private async disturb(): Promise<void> {
    const client = await this.connect(Math.floor(this.random.next() * 2));
    if (this.random.next() < 0.4) await client.ask('BGREWRITEAOF');
    if (this.random.next() < 0.4) await client.ask('BGSAVE SCHEDULE');
    await delay(this.random.next() * 20);
    client.close();
  }

  /** Lets a client write until the connection breaks, or its node does. It goes on where the round before has ended. */
  private async startWriter(client: CrashClient): Promise<Writer> {
    // One that shares the node of its keys, or does not.
    const connection = await this.connect(client.number >> 1);
    await connection.ask(`SELECT ${client.database}`);
    const reached = this.reached[client.number]!;
    const writer: Writer = {
      client, connection, sent: reached, acknowledged: reached, moments: new Map(), done: Promise.resolve(),
    };
    writer.done = write(writer);
    return writer;
  }

  private async compare(writers: readonly Writer[], killedAt: number): Promise<string | undefined> {
    const client = await this.connect(0);
    if (this.names.length > 1) {
      const isWhole = async (): Promise<boolean> => (await client.ask('DBSIZE')).startsWith(':');
      await waitFor(isWhole, 'the nodes to reach each other');
    }
    for (const writer of writers) {
      await client.ask(`SELECT ${writer.client.database}`);
      const found = numberIn(await client.ask(`GET ${counterOf(writer.client)}`));
      const wrong = this.judge(writer, found, killedAt);
      if (wrong !== undefined) return wrong;
      await this.advance(writer.client, found);
    }
    await delay(SHORT_MS_MAX);
    client.close();
    const difference = differenceOf(await datasetOf(this.nodes.get('foo')!.port), await datasetOf(this.model!.port));
    if (difference !== undefined) return difference;
    return this.readSnapshots();
  }

  private judge(writer: Writer, found: number, killedAt: number): string | undefined {
    const { client, sent, acknowledged, moments } = writer;
    const about = `client ${client.number}: found ${found}, acknowledged ${acknowledged}, sent ${sent}`;
    if (found > sent) return `${about}: more than was sent`;
    if (found < this.reached[client.number]!) return `${about}: a step of an earlier round is lost`;
    if (found >= acknowledged) return undefined;
    if (this.appendfsync === 'always') return `${about}: an acknowledged step is lost`;
    const lostSince = moments.get(found + 1);
    if (lostSince !== undefined && killedAt - lostSince > LOST_MS_MAX) return `${about}: more than a second is lost`;
    return undefined;
  }

  /** Brings the model to where the nodes are. */
  private async advance(client: CrashClient, found: number): Promise<void> {
    const connection = await RawClient.connect(this.model!.port);
    await connection.ask(`SELECT ${client.database}`);
    const from = this.reached[client.number]!;
    for (let step = from + 1; step <= found; step++) await run(connection, stepOf(client, step));
    this.steps += found - from;
    this.reached[client.number] = found;
    connection.close();
  }

  /** A snapshot that is there is whole. */
  private async readSnapshots(): Promise<string | undefined> {
    for (const name of this.names) {
      const path = join(this.folder, name, 'dump.rdb');
      if (!existsSync(path)) continue;
      const file = new MemoryFile();
      file.bytes = readFileSync(path);
      try {
        const reader = new RdbReader(new Store(), file, file.bytes.length, { leavesOutExpired: true });
        await reader.readAll(() => Promise.resolve());
      } catch (error) {
        return `${path}: ${String(error)}`;
      }
    }
    return undefined;
  }
}

async function write(writer: Writer): Promise<void> {
  while (!writer.connection.isClosed) {
    const step = ++writer.sent;
    if (!(await run(writer.connection, stepOf(writer.client, step)))) return;
    writer.acknowledged = step;
    writer.moments.set(step, performance.now());
  }
}

/** Sends a step; whether it was acknowledged. */
async function run(connection: RawClient, requests: readonly string[][]): Promise<boolean> {
  const isTransaction = requests.length > 1;
  const all = isTransaction ? [['MULTI'], ...requests, ['EXEC']] : requests;
  connection.send(Buffer.concat(all.map((request) => encode(request))));
  let last = '';
  for (const _request of all) last = await connection.reply();
  return last.startsWith(isTransaction ? '*' : '+') && !last.endsWith('<closed>') && last !== '*-1\r\n';
}

function numberIn(reply: string): number {
  return reply.startsWith('$-1') ? 0 : Number(reply.split('\r\n')[1]);
}

/** What is not as it should be; undefined when all is. */
function differenceOf(found: readonly string[], expected: readonly string[]): string | undefined {
  const [ours, theirs] = [withoutChance(found), withoutChance(expected)];
  for (let index = 0; index < Math.max(ours.length, theirs.length); index++) {
    if (ours[index] === theirs[index]) continue;
    const [one, other] = [ours, theirs].map((lines) => (lines[index] ?? 'nothing').slice(0, 300));
    return `found ${one}, and a node that did not crash has ${other}`;
  }
  return undefined;
}

/** What SPOP left is a matter of chance, but for its size; what lives for some milliseconds may or may not be there. */
function withoutChance(lines: readonly string[]): string[] {
  const kept = lines.filter((line) => !line.includes(':short"'));
  return kept.map((line) => {
    if (!line.includes(':bag"')) return line;
    const [db, key, type, members, ...rest] = JSON.parse(line) as [number, string, string, string[], ...unknown[]];
    return JSON.stringify([db, key, type, members.length, ...rest]);
  });
}

/**
 * Handing over: with `load-foreign` the foreign buckets of this node (foreign.ts) go to the nodes that own them now, in
 * the background, by DUMP here and RESTORE there. A bucket is removed here when its owner has said that it has it, and
 * not before; so whatever breaks off in between, nothing is lost.
 *
 * Nothing is written over: where the owner has a bucket of that name already, the one here stays and is named in the
 * log; unless the two are the same, which is what an attempt that broke off has left. An owner that is down, or that
 * cannot take anything now, is asked again.
 */
import { askOwner } from './ask-owner.js';
import type { Cluster } from './cluster.js';
import { NOBODY } from './foreign.js';
import { payloadOf } from '../commands/dump.js';
import { CommandError } from '../errors.js';
import { detached } from '../execution/detached.js';
import type { NodeState } from '../execution/node-state.js';
import { Session } from '../execution/session.js';
import type { Reply } from '../protocol/reply-decoder.js';
import { isPayload, readPayload } from '../rdb/dump-payload.js';
import { RdbError } from '../rdb/rdb-error.js';
import { haveSameValue } from '../rdb/same-value.js';
import { CURSOR_END } from '../store/byte-table.js';
import { HASH, entryType, expiryOf, keySlice } from '../store/entry.js';
import { fieldCount, staysWhenEmpty } from '../store/hash-value.js';
import type { Keyspace } from '../store/keyspace.js';
import { Slice, sliceOf } from '../util/bytes.js';

/** So many buckets, or bytes of them, are on their way at a time. */
const ON_THE_WAY_MAX = 64;
const BYTES_ON_THE_WAY_MAX = 4 * 1024 * 1024;
const RETRY_MS = 1000;
const LINE_PERIOD_MS = 1000;
const NAMES_SHOWN_MAX = 5;

/** The owner cannot take anything now; it may later. */
const PASSING = new Set(['PEERDOWN', 'PEERLOST', 'PEERBUSY', 'WRONGMAP', 'LOADING', 'MISCONF', 'OOM', 'BUSY', 'READONLY', 'MASTERDOWN']);

/** What is carried: the bucket as it was when it was looked at. */
interface Load {
  db: Keyspace;
  ref: number;
  name: Buffer;
  /** Undefined for a bucket without entries. */
  payload: Buffer | undefined;
  expiresAtMs: number;
  staysWhenEmpty: boolean;
}

/** One walk past all foreign buckets. */
class Pass {
  /** Why owners take nothing now. */
  readonly waiting = new Map<string, string>();
  /** Why buckets stay here: names by reason. */
  readonly kept = new Map<string, string[]>();

  keep(reason: string, name: Buffer): void {
    const names = this.kept.get(reason) ?? [];
    names.push(JSON.stringify(name.toString('latin1')));
    this.kept.set(reason, names);
  }
}

export class HandOver {
  private session: Session | undefined;
  private isRunning = false;
  private total = 0;
  private done = 0;
  private linedAtMs = 0;
  private waitingTold = '';
  private timer: NodeJS.Timeout | undefined;
  private endWait: () => void = () => undefined;

  constructor(
    private readonly node: NodeState,
    private readonly cluster: Cluster,
  ) {
    node.settings.watch('load-foreign', () => this.begin());
    cluster.foreign.onSorted = () => this.begin();
  }

  start(): void {
    this.session = new Session(0, this.node, this.node.store, detached);
    this.begin();
  }

  /** What is on its way arrives or not; it stays here as well. */
  stop(): void {
    this.session = undefined;
    clearTimeout(this.timer);
    this.endWait();
  }

  private get isWanted(): boolean {
    return this.session !== undefined && this.node.settings.flag('load-foreign');
  }

  private begin(): void {
    if (this.isRunning || !this.isWanted || this.cluster.foreign.size === 0) return;
    this.isRunning = true;
    void this.run().catch((error: unknown) => {
      this.node.log.error(`Internal error, please report it: ${String((error as Error).stack)}`);
    }).finally(() => (this.isRunning = false));
  }

  private async run(): Promise<void> {
    const { log } = this.node;
    this.total = this.cluster.foreign.size;
    this.done = 0;
    this.linedAtMs = performance.now();
    this.waitingTold = '';
    log.info(`Handing over ${this.total} buckets to the nodes that own them`);
    while (this.isWanted) {
      const pass = new Pass();
      await this.walk(pass);
      if (pass.waiting.size === 0) {
        if (this.session !== undefined) this.end(pass);
        return;
      }
      this.tellWaiting(pass);
      await this.wait();
    }
  }

  private wait(): Promise<void> {
    return new Promise((resolve) => {
      this.endWait = resolve;
      this.timer = setTimeout(resolve, RETRY_MS);
      this.timer.unref();
    });
  }

  private tellWaiting({ waiting }: Pass): void {
    const text = [...waiting].toSorted().map(([owner, reason]) => `${owner} (${reason})`).join(', ');
    if (text === this.waitingTold) return;
    this.waitingTold = text;
    this.node.log.warning(`${this.cluster.foreign.size} buckets stay here until they can be handed over to ${text}`);
  }

  private end({ kept }: Pass): void {
    const { log, appendLog, snapshots } = this.node;
    log.info(`Handed over ${this.done} of ${this.total} buckets`);
    for (const [reason, names] of kept) {
      const shown = names.slice(0, NAMES_SHOWN_MAX).join(', ');
      const more = names.length > NAMES_SHOWN_MAX ? ' ...' : '';
      log.warning(`${names.length} buckets stay here and are not served: ${reason}: ${shown}${more}`);
    }
    // The file that they came from has them still, and the next start would find them there.
    if (this.done > 0 && !appendLog.isOn && snapshots.keysLoaded > 0 && !snapshots.isSaving) {
      snapshots.save().catch(() => undefined);
    }
  }

  // ---- a walk

  private async walk(pass: Pass): Promise<void> {
    for (const db of this.node.store.foreign) {
      let cursor = 0;
      while (cursor < CURSOR_END && db.size > 0) {
        const names: Buffer[] = [];
        while (cursor < CURSOR_END && names.length < ON_THE_WAY_MAX) {
          cursor = db.scan(cursor, (ref) => void names.push(this.nameOf(ref)));
        }
        await this.carryAll(db, names, pass);
        if (!this.isWanted) return;
        this.tellProgress();
      }
    }
  }

  private nameOf(ref: number): Buffer {
    return keySlice(this.node.store.arena, ref, new Slice()).copyOf();
  }

  private async carryAll(db: Keyspace, names: readonly Buffer[], pass: Pass): Promise<void> {
    let onTheWay: Promise<void>[] = [];
    let byteCount = 0;
    for (const name of names) {
      const load = this.load(db, name, pass);
      if (load === undefined) continue;
      onTheWay.push(this.carry(load, pass));
      byteCount += load.payload?.length ?? 0;
      if (byteCount < BYTES_ON_THE_WAY_MAX) continue;
      await Promise.all(onTheWay);
      onTheWay = [];
      byteCount = 0;
      if (!this.isWanted) return;
    }
    await Promise.all(onTheWay);
  }

  private tellProgress(): void {
    const nowMs = performance.now();
    if (nowMs - this.linedAtMs < LINE_PERIOD_MS) return;
    this.linedAtMs = nowMs;
    this.node.log.info(`Handing over: ${this.done} of ${this.total} buckets`);
  }

  /** What is to be carried; undefined when there is nothing, or nobody to take it. */
  private load(db: Keyspace, name: Buffer, pass: Pass): Load | undefined {
    const { cluster, node: { store } } = this;
    const ref = db.peek(sliceOf(name));
    if (ref === 0) return undefined;
    const owner = cluster.foreign.ownerOf(ref);
    if (owner === cluster.self) return undefined;
    if (owner === NOBODY) {
      pass.keep('no range takes their names', name);
      return undefined;
    }
    const state = cluster.peers.find((peer) => peer.name === owner)?.describeState();
    if (state?.state !== 'up') {
      pass.waiting.set(owner, state === undefined || state.reason === '' ? 'not reached yet' : state.reason);
      return undefined;
    }
    const expiresAtMs = expiryOf(store.arena, ref);
    const stays = entryType(store.arena, ref) === HASH && staysWhenEmpty(store.arena, ref);
    const isEmpty = stays && fieldCount(db, ref) === 0;
    const payload = isEmpty ? undefined : payloadOf(this.session!, db, ref);
    return { db, ref, name, payload, expiresAtMs, staysWhenEmpty: stays };
  }

  private async carry(load: Load, pass: Pass): Promise<void> {
    const owner = this.cluster.foreign.ownerOf(load.ref);
    try {
      const isThere = await this.give(load);
      if (this.session === undefined) return;
      if (!isThere) pass.keep(`${owner} has others under their names, which are not written over`, load.name);
      else if (this.letGo(load)) this.done++;
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      if (PASSING.has(error.code)) pass.waiting.set(owner, error.message);
      else pass.keep(`${owner} refuses them: ${error.message}`, load.name);
    }
  }

  /** Gives a bucket to its owner. False when another one is there under its name. Rejects with CommandError. */
  private async give(load: Load): Promise<boolean> {
    const { name, payload, expiresAtMs } = load;
    // It would be gone on arrival.
    if (expiresAtMs !== 0 && expiresAtMs <= this.node.clock.nowMs()) return true;
    if (payload === undefined) return this.giveEmpty(load);
    try {
      await this.ask(load, 'RESTORE', name, String(expiresAtMs), payload, 'ABSTTL');
    } catch (error) {
      if (!(error instanceof CommandError) || error.code !== 'BUSYKEY') throw error;
      const [there, expiresThere] = await Promise.all([this.ask(load, 'DUMP', name), this.ask(load, 'PEXPIRETIME', name)]);
      const isSame = typeof there === 'string' && this.holds(load, Buffer.from(there, 'latin1'));
      if (!isSame || Math.max(0, Number(expiresThere)) !== expiresAtMs) return false;
    }
    if (load.staysWhenEmpty && !this.isOnRedis(name)) await this.ask(load, 'BUCKET', 'CREATE', name);
    return true;
  }

  /** Whether what is carried is still here, and has the value of this payload. */
  private holds({ db, ref, name }: Load, payload: Buffer): boolean {
    const { workbench } = this.node.store;
    const key = sliceOf(name);
    if (!isPayload(sliceOf(payload)) || db.peek(key) !== ref) return false;
    try {
      return haveSameValue({ db, ref }, { db: workbench, ref: readPayload(sliceOf(payload), workbench, key) });
    } catch (error) {
      // A form that only a newer redis-server has.
      if (error instanceof RdbError) return false;
      throw error;
    } finally {
      this.node.store.clearWorkbench();
    }
  }

  private async giveEmpty(load: Load): Promise<boolean> {
    const { name, expiresAtMs } = load;
    if (this.isOnRedis(name)) throw new CommandError('ERR a Redis server has no buckets without entries');
    const isTaken = (await this.ask(load, 'EXISTS', name)) === 1;
    if (isTaken && ((await this.ask(load, 'TYPE', name)) !== 'hash' || (await this.ask(load, 'HLEN', name)) !== 0)) return false;
    await this.ask(load, 'BUCKET', 'CREATE', name);
    if (expiresAtMs !== 0) await this.ask(load, 'PEXPIREAT', name, String(expiresAtMs));
    return true;
  }

  private isOnRedis(name: Buffer): boolean {
    const { map, peers } = this.cluster.router.routes;
    return peers[map.ownerOf(name, 0, name.length)]?.address.kind === 'redis';
  }

  private ask({ db, name }: Load, ...request: readonly (string | Buffer)[]): Promise<Reply> {
    if (this.session === undefined) throw new CommandError('PEERLOST this node is shutting down');
    return askOwner(this.cluster.router, this.session, name, db.index, request);
  }

  /** Removes a bucket that its owner has; false when it is not here as it was, because the map has changed. */
  private letGo({ db, ref, name }: Load): boolean {
    const { store, propagation } = this.node;
    const key = sliceOf(name);
    if (db.peek(key) !== ref) return false;
    db.remove(key, ref);
    store.changes++;
    propagation.recordRemoval(db, ['DEL', key]);
    return true;
  }
}

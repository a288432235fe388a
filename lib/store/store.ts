/**
 * The store: sixteen keyspaces over one arena. It holds buckets and knows nothing of requests or replies.
 */
import { Access } from './access.js';
import { Arena } from './arena.js';
import type { ByteTable } from './byte-table.js';
import { EncodingLimits } from './encoding-limits.js';
import { Evictor } from './eviction.js';
import { Foresight } from './foresight.js';
import { Keyspace } from './keyspace.js';
import { Reclaimer } from './reclaimer.js';
import type { ValueGuard } from './snapshot-guard.js';
import type { Slice } from '../util/bytes.js';
import type { HashSeed } from '../util/half-siphash.js';
import { type Random, randomWords, systemRandom } from '../util/random.js';
import { type Clock, systemClock } from '../util/clock.js';

export interface StoreOptions {
  databases?: number;
  clock?: Clock;
  random?: Random;
  seed?: HashSeed;
}

/** A value that does not fit in an entry: the entry holds its handle. */
export interface Structure {
  /** What finds a member in it by its bytes, if anything does; see foresight.ts. */
  readonly memberIndex?: ByteTable;
  /** Frees a part of what it holds, at most about a thousand entries; false when nothing is left. */
  dismantle(): boolean;
  /** Set while a snapshot needs the value as it was. */
  readonly guard: ValueGuard | undefined;
}

/** What the objects of a structure take on the JavaScript heap: measured were 420 for a list, 790 for a hash. */
const STRUCTURE_BYTES = 800;

/** Why the node removed a bucket: also the name of the keyspace event. */
export type RemovalReason = 'expired' | 'evicted';

/** Is told of a bucket that is there and was not. */
export type Added = (db: Keyspace, key: Slice) => void;

export class Store {
  readonly arena = new Arena();
  readonly seed: HashSeed;
  readonly random: Random;
  readonly clock: Clock;
  readonly access: Access;
  readonly reclaimer = new Reclaimer();
  readonly foresight = new Foresight();
  readonly evictor: Evictor;
  readonly databases: Keyspace[] = [];
  /** No database: here a command puts a value together before it becomes a bucket. Empty between commands. */
  readonly workbench: Keyspace;
  /**
   * Buckets that are kept and not served, by database, because other nodes own their names (cluster/foreign.ts). No
   * command sees them; they do not expire and are not evicted. Snapshots have them, and what empties or exchanges
   * databases concerns them too. There are no keyspaces for them before the first.
   */
  readonly foreign: Keyspace[] = [];
  readonly encodingLimits = new EncodingLimits();

  /** The time that expiry is judged by. Set for each batch of requests, and anew in it behind a slow one. */
  nowMs = 0;
  /** The same moment. While the append log is loaded nothing expires: then only this one is right. */
  timeMs = 0;
  /** Writes since the start: grows by one with every change that a client can see. */
  changes = 0;
  /** A snapshot is being written, and needs buckets as they were; see snapshot-guard.ts. */
  isGuarded = false;
  /** What reads does not remove what has expired: clients are paused, and data are to stay as they are. */
  keepsExpired = false;
  /**
   * The command that runs changes nothing, but that it may find that something has expired; kept while isGuarded or
   * keepsExpired.
   */
  isReading = false;
  /** Buckets that were evicted since CONFIG RESETSTAT. */
  evicted = 0;
  /** Buckets that expired, and look-ups for reading that found and did not find, since CONFIG RESETSTAT. */
  expired = 0;
  /** Fields of hashes that expired since CONFIG RESETSTAT. */
  expiredFields = 0;
  /** What part of the buckets that the expiry cycle sampled had expired, of late. */
  expiredStalePercent = 0;
  /** Rounds of the expiry cycle that ended with work left. */
  expiryRoundsCutShort = 0;
  /** Time that the expiry cycle took, in microseconds. */
  expiryRoundsUs = 0;
  hits = 0;
  misses = 0;

  /** Calls those who follow what is added; undefined, so that nothing is called, while there are none. */
  onAdded: Added | undefined;
  private readonly followers = new Set<Added>();
  /** A bucket was removed by the node, not by a command. */
  onRemoved: ((db: Keyspace, key: Slice, reason: RemovalReason) => void) | undefined;
  /** The time of a field has come, and it is about to be removed: both slices are valid during the call only. */
  onFieldExpired: ((db: Keyspace, key: Slice, field: Slice) => void) | undefined;
  /** Fields of a hash were removed because their time had come; with `isGone` the hash went with the last of them. */
  onFieldsExpired: ((db: Keyspace, key: Slice, isGone: boolean) => void) | undefined;
  /** A command looked for a bucket to read and there was none. */
  onMissed: ((db: Keyspace, key: Slice) => void) | undefined;
  /**
   * All buckets of `db` are about to be removed at once or, with `successor`, to be exchanged for those of that
   * database.
   */
  onTurnover: ((db: Keyspace, successor: Keyspace | undefined) => void) | undefined;

  /** A bucket is there that was not, with its entry: set while clients wait for buckets; see execution/blocking.ts. */
  onArrival: ((db: Keyspace, key: Slice, ref: number) => void) | undefined;
  /** A bucket goes, or is given another entry than `ref`: set while clients wait for that. */
  onDeparture: ((db: Keyspace, key: Slice, ref: number) => void) | undefined;

  /** How many structures there are in which members are found by an index. */
  indexedStructures = 0;
  private readonly structures: (Structure | undefined)[] = [undefined];
  private readonly freeHandles: number[] = [];

  constructor(options: StoreOptions = {}) {
    this.seed = options.seed ?? randomWords();
    this.random = options.random ?? systemRandom;
    this.clock = options.clock ?? systemClock;
    this.access = new Access(this.random);
    this.arena.onEmptied = () => this.reclaimer.add(() => this.arena.releaseEmptied());
    this.evictor = new Evictor(this);
    this.setNow(this.clock.nowMs());
    this.workbench = new Keyspace(this, -1, false);
    const count = options.databases ?? 16;
    for (let index = 0; index < count; index++) this.databases.push(new Keyspace(this, index));
  }

  /** The databases, and what is kept beside them. */
  get keyspaces(): readonly Keyspace[] {
    return [...this.databases, ...this.foreign];
  }

  get foreignSize(): number {
    return this.foreign.reduce((sum, { size }) => sum + size, 0);
  }

  /** Where foreign buckets of this database are kept. */
  foreignOf({ index }: Keyspace): Keyspace {
    if (this.foreign.length === 0) {
      for (const db of this.databases) this.foreign.push(new Keyspace(this, db.index, false));
    }
    return this.foreign[index]!;
  }

  /** Empties databases at once, all of them or none; the memory is freed in slices. */
  empty(databases: readonly Keyspace[]): void {
    const emptied = databases.flatMap((db) => [db, ...this.foreign.slice(db.index, db.index + 1)]);
    const tables = emptied.map((each) => each.newTables());
    for (const [index, each] of emptied.entries()) each.clear(tables[index]);
  }

  /** Removes what a command has left on the workbench; that takes no memory. */
  clearWorkbench(): void {
    const { workbench } = this;
    while (workbench.size > 0) {
      const ref = workbench.random();
      workbench.remove(workbench.copyKey(ref), ref);
    }
  }

  /** Exchanges all buckets of two databases. */
  swap(first: Keyspace, second: Keyspace): void {
    first.swap(second);
    this.foreign[first.index]?.swap(this.foreign[second.index]!);
  }

  /** Has `follower` told of every bucket that is added, or no more. */
  followAdded(follower: Added, follows: boolean): void {
    if (follows) this.followers.add(follower);
    else this.followers.delete(follower);
    const [first, ...others] = this.followers;
    const tellAll: Added = (db, key) => this.followers.forEach((each) => each(db, key));
    this.onAdded = others.length === 0 ? first : tellAll;
  }

  /** Begins a new moment. */
  setNow(nowMs: number): void {
    this.nowMs = this.timeMs = nowMs;
    this.access.setNow(nowMs);
  }

  resetStats(): void {
    this.expired = this.expiredFields = this.evicted = this.hits = this.misses = 0;
    this.expiredStalePercent = this.expiryRoundsCutShort = this.expiryRoundsUs = 0;
  }

  /**
   * Bytes that the data take: the arena's blocks exactly (buckets and their indexes), what lies beside it about
   * (see Arena.besideBytes).
   */
  get usedBytes(): number {
    return this.arena.usedBytes + this.arena.besideBytes;
  }

  /** Keeps a structure and gives its handle, a number above 0. */
  keep(structure: Structure): number {
    this.arena.besideBytes += STRUCTURE_BYTES;
    const handle = this.freeHandles.pop() ?? this.structures.length;
    this.structures[handle] = structure;
    if (structure.memberIndex !== undefined) this.indexedStructures++;
    return handle;
  }

  structure(handle: number): Structure {
    return this.structures[handle]!;
  }

  /** Lets a structure go; what it holds is freed in slices, when no snapshot needs it. */
  drop(handle: number): void {
    const structure = this.structures[handle]!;
    this.structures[handle] = undefined;
    if (structure.memberIndex !== undefined) this.indexedStructures--;
    this.freeHandles.push(handle);
    this.arena.besideBytes -= STRUCTURE_BYTES;
    const dispose = (): void => this.reclaimer.add(() => structure.dismantle());
    if (structure.guard === undefined) dispose();
    else structure.guard.keep(dispose);
  }
}

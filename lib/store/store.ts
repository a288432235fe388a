/**
 * The store: sixteen keyspaces over one arena. It holds buckets and knows nothing of requests or replies.
 */
import { Arena } from './arena.js';
import { Keyspace } from './keyspace.js';
import { Reclaimer } from './reclaimer.js';
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
  /** Frees a part of what it holds, at most about a thousand entries; false when nothing is left. */
  dismantle(): boolean;
}

export class Store {
  readonly arena = new Arena();
  readonly seed: HashSeed;
  readonly random: Random;
  readonly clock: Clock;
  readonly reclaimer = new Reclaimer();
  readonly databases: Keyspace[] = [];

  /** The time that expiry is judged by. Set once for each batch of requests, so that a batch sees one moment. */
  nowMs: number;
  /** Writes since the start: grows by one with every change that a client can see. */
  changes = 0;
  /** Entries that expired, and look-ups that found and did not find, since the start or CONFIG RESETSTAT. */
  expired = 0;

  private readonly structures: (Structure | undefined)[] = [undefined];
  private readonly freeHandles: number[] = [];

  constructor(options: StoreOptions = {}) {
    this.seed = options.seed ?? randomWords();
    this.random = options.random ?? systemRandom;
    this.clock = options.clock ?? systemClock;
    this.nowMs = this.clock.nowMs();
    const count = options.databases ?? 16;
    for (let index = 0; index < count; index++) this.databases.push(new Keyspace(this, index));
  }

  /** Keeps a structure and gives its handle, a number above 0. */
  keep(structure: Structure): number {
    const handle = this.freeHandles.pop() ?? this.structures.length;
    this.structures[handle] = structure;
    return handle;
  }

  structure(handle: number): Structure {
    return this.structures[handle]!;
  }

  /** Lets a structure go; what it holds is freed in slices. */
  drop(handle: number): void {
    const structure = this.structures[handle]!;
    this.structures[handle] = undefined;
    this.freeHandles.push(handle);
    this.reclaimer.add(() => structure.dismantle());
  }
}

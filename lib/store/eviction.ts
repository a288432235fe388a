/**
 * Eviction: picks buckets to go when memory is short. It comes near the ideal order by sampling, as redis-server does:
 * for each bucket to be evicted a few are drawn at random from every database, and the best candidates of this and
 * earlier draws are kept in a pool of 16. The best of the pool goes. So no order over all buckets has to be kept, and
 * what is evicted is nearly always among the oldest tenth.
 *
 * A candidate is known by its name, copied: it may be gone, or have been used, by the time that its turn comes.
 *
 * Source: redis's evict.c, "LRU approximation algorithm".
 */
import { accessOf, expiryOf, keyLength, keyOffset, entryBytes } from './entry.js';
import type { Keyspace } from './keyspace.js';
import type { Store } from './store.js';
import { Slice, copyBytes } from '../util/bytes.js';

/** Which buckets may go, and which of them first; undefined: none may. */
interface Policy {
  onlyExpiring: boolean;
  /** Use: the longest unused or, when uses are counted, the least used. Expiry: the soonest. */
  order: 'use' | 'expiry' | 'chance';
}

/** By the values of `maxmemory-policy`. */
const POLICIES = new Map<string, Policy>([
  ['allkeys-lru', { onlyExpiring: false, order: 'use' }],
  ['allkeys-lfu', { onlyExpiring: false, order: 'use' }],
  ['allkeys-random', { onlyExpiring: false, order: 'chance' }],
  ['volatile-lru', { onlyExpiring: true, order: 'use' }],
  ['volatile-lfu', { onlyExpiring: true, order: 'use' }],
  ['volatile-random', { onlyExpiring: true, order: 'chance' }],
  ['volatile-ttl', { onlyExpiring: true, order: 'expiry' }],
]);

const POOL_SIZE = 16;
const FREQUENCY_MAX = 255;

/** A bucket that may be evicted. */
class Candidate {
  db!: Keyspace;
  /** The higher, the sooner it goes. */
  score = 0;
  readonly key = new Slice();
  private copy = Buffer.alloc(64);

  take(db: Keyspace, ref: number, score: number): void {
    const { arena } = db.store;
    const length = keyLength(arena, ref);
    if (length > this.copy.length) this.copy = Buffer.alloc(length);
    copyBytes(entryBytes(arena, ref), keyOffset(arena, ref), this.copy, 0, length);
    this.key.set(this.copy, 0, length);
    this.db = db;
    this.score = score;
  }
}

export class Evictor {
  /** `maxmemory-samples`: how many buckets are drawn from each database. */
  samples = 5;
  private policy: Policy | undefined;
  /** Lowest score first. */
  private readonly pool: Candidate[] = [];
  private readonly spare = Array.from({ length: POOL_SIZE }, () => new Candidate());
  private nextDatabase = 0;

  constructor(private readonly store: Store) {}

  /** Takes a value of `maxmemory-policy`. */
  choose(policy: string): void {
    this.policy = POLICIES.get(policy);
    this.spare.push(...this.pool.splice(0));
  }

  /** Evicts one bucket; false when there is none that may go. */
  evict(): boolean {
    const { policy } = this;
    if (policy === undefined) return false;
    return policy.order === 'chance' ? this.evictAny(policy) : this.evictBest(policy);
  }

  private evictBest(policy: Policy): boolean {
    const { databases } = this.store;
    for (;;) {
      let isAnyLeft = false;
      for (const db of databases) {
        const size = policy.onlyExpiring ? db.expiringSize : db.size;
        if (size === 0) continue;
        isAnyLeft = true;
        for (let drawn = Math.min(this.samples, size); drawn > 0; drawn--) this.consider(db, policy);
      }
      if (!isAnyLeft) return false;
      for (let best = this.pool.pop(); best !== undefined; best = this.pool.pop()) {
        this.spare.push(best);
        if (best.db.evict(best.key, policy.onlyExpiring)) return true;
      }
    }
  }

  /** Draws a bucket and puts it into the pool, where it is better than the worst there or there is room. */
  private consider(db: Keyspace, policy: Policy): void {
    const { pool, spare } = this;
    const ref = db.random(policy.onlyExpiring);
    const score = this.scoreOf(ref, policy);
    let place = 0;
    while (place < pool.length && pool[place]!.score < score) place++;
    let candidate = spare.pop();
    if (candidate === undefined) {
      if (place === 0) return;
      candidate = pool.shift()!;
      place--;
    }
    candidate.take(db, ref, score);
    pool.splice(place, 0, candidate);
  }

  private scoreOf(ref: number, policy: Policy): number {
    const { arena, access } = this.store;
    if (policy.order === 'expiry') return -expiryOf(arena, ref);
    const used = accessOf(arena, ref);
    return access.isByFrequency ? FREQUENCY_MAX - access.frequency(used) : access.idleSeconds(used);
  }

  /** Takes a bucket from the databases in turn. */
  private evictAny(policy: Policy): boolean {
    const { databases } = this.store;
    const first = this.nextDatabase;
    do {
      const db = databases[this.nextDatabase]!;
      this.nextDatabase = (this.nextDatabase + 1) % databases.length;
      const ref = db.random(policy.onlyExpiring);
      if (ref !== 0) return db.evict(db.copyKey(ref), policy.onlyExpiring);
    } while (this.nextDatabase !== first);
    return false;
  }
}

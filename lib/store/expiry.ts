/**
 * The expiry cycle: finds buckets that have expired though nobody asks for them, and removes them.
 *
 * A round goes over all databases. In each it takes a sample of the buckets that expire, where the last one ended, and
 * removes those whose time has come; while more than a tenth of a sample had expired, it takes another. So a keyspace
 * with little to remove costs next to nothing, and one where much expires at once gets all the time that a round may
 * take. What remains is noticed by the next look-up or a later round.
 *
 * The fields of hashes that expire stand in order (`Keyspace.hashWithExpiredField`), so that each is removed in the
 * first round after its time has come.
 *
 * Source: activeExpireCycle() in redis's expire.c.
 */
import { expiryOf } from './entry.js';
import { expireFields } from './hash-value.js';
import type { Keyspace } from './keyspace.js';
import type { Store } from './store.js';

const SAMPLE = 20;
/** A sample looks at so many steps of the table at most, however few buckets it meets. */
const SAMPLE_STEPS_MAX = 400;
const ACCEPTABLE_STALE = 0.1;
/** So many fields are removed from a hash before the time is looked at. */
const FIELDS_AT_ONCE = 64;

export class ExpiryCycle {
  private next = 0;
  private databasesLeft = 0;
  private sampled = 0;
  private expired = 0;
  private readonly refs: number[] = [];
  private readonly collect = (ref: number): void => void this.refs.push(ref);

  constructor(private readonly store: Store) {}

  /** Begins a round. */
  begin(): void {
    this.databasesLeft = this.store.databases.length;
    this.sampled = this.expired = 0;
  }

  /** Goes on with the round until `isOver`, which is asked after each sample. True when there is more to do. */
  run(isOver: () => boolean): boolean {
    const { databases } = this.store;
    while (this.databasesLeft > 0) {
      const db = databases[this.next]!;
      const hasExpiredFields = this.expireFields(db);
      if (!this.isStale(db) && !hasExpiredFields) this.leaveDatabase();
      if (isOver()) break;
    }
    return this.databasesLeft > 0;
  }

  /** Ends the round. One that was not through began with too much; the next begins with the next database. */
  end(): void {
    if (this.databasesLeft > 0) {
      this.store.expiryRoundsCutShort++;
      this.leaveDatabase();
    }
    const percent = this.sampled === 0 ? 0 : (100 * this.expired) / this.sampled;
    this.store.expiredStalePercent = percent * 0.05 + this.store.expiredStalePercent * 0.95;
  }

  private leaveDatabase(): void {
    this.next = (this.next + 1) % this.store.databases.length;
    this.databasesLeft--;
  }

  /** Removes fields of one hash whose time has come; whether there are more, in whatever hash. */
  private expireFields(db: Keyspace): boolean {
    const found = db.hashWithExpiredField();
    if (found === 0) return false;
    const key = db.copyKey(found);
    const ref = db.peek(key);
    if (ref !== 0) expireFields(db, key, ref, FIELDS_AT_ONCE);
    return db.hasExpiredFields;
  }

  /** Takes a sample; whether so much of it had expired that another is worth while. */
  private isStale(db: Keyspace): boolean {
    if (db.expiringSize === 0) {
      db.averageTtlMs = 0;
      return false;
    }
    const sampled = this.sample(db);
    const averageTtlMs = this.averageTtlOfSample();
    let expired = 0;
    for (const ref of this.refs) if (db.expire(ref)) expired++;
    this.sampled += sampled;
    this.expired += expired;
    // A running average over about fifty samples.
    if (averageTtlMs > 0) {
      db.averageTtlMs = db.averageTtlMs === 0 ? averageTtlMs : (db.averageTtlMs * 49 + averageTtlMs) / 50;
    }
    return expired > sampled * ACCEPTABLE_STALE;
  }

  /** Fills `refs` with the buckets from the database's cursor on, and gives their number. */
  private sample(db: Keyspace): number {
    this.refs.length = 0;
    for (let steps = 0; steps < SAMPLE_STEPS_MAX && this.refs.length < SAMPLE; steps++) {
      if (db.stepThroughExpiring(this.collect)) break;
    }
    return this.refs.length;
  }

  private averageTtlOfSample(): number {
    const { arena, nowMs } = this.store;
    let sumMs = 0;
    let alive = 0;
    for (const ref of this.refs) {
      const ttlMs = expiryOf(arena, ref) - nowMs;
      if (ttlMs <= 0) continue;
      sumMs += ttlMs;
      alive++;
    }
    return alive === 0 ? 0 : sumMs / alive;
  }
}

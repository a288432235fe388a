/**
 * Foresight: has the processor fetch what the next requests will look up, all of it at the same time.
 *
 * With a million buckets a look-up waits for memory twice, for the slot of the index and for the entry that it leads
 * to, and that took two fifths of the CPU time of a GET. The processor can wait for ten places at a time, but it learns
 * of the second request's only when the first has been run. So the requests that have arrived together are gone through
 * in advance, in rounds, in none of which one request's reading depends on another's:
 *
 *     hash all keys  ->  read their slots  ->  (the slots are there) read their entries
 *
 * and, for those that name a member of a large hash or set, the same once more in that bucket's own index. Then the
 * requests are run as ever, and find in the cache what they look for. What is read here is thrown away: no result
 * depends on it, and what a request removes or moves before the next one runs does no harm.
 *
 * Measured with 1,000,000 keys, CPU time a command: GET 23 % less at 16 deep, SET 19 %, INCR 22 %.
 */
import { type Arena, SEGMENT_SHIFT, UNIT_MASK } from './arena.js';
import type { ByteTable } from './byte-table.js';
import { IS_STRUCTURE, hasFlag } from './entry.js';
import type { Keyspace } from './keyspace.js';
import { AHEAD_MAX, type RequestsAhead } from '../protocol/requests-ahead.js';
import { halfSipHash } from '../util/half-siphash.js';

/** Fewer buckets lie in the cache as they are: the slots of the index, and what is looked at of the entries. */
const BUCKETS_MIN = 10_000;
/** A small entry reaches from its first word to about this one, which may lie in the next line of the cache. */
const ENTRY_WORDS = 11;

export class Foresight {
  private count = 0;
  private readonly tables: ByteTable[] = [];
  private readonly hashes = new Int32Array(AHEAD_MAX);
  private readonly refs = new Int32Array(AHEAD_MAX);
  /** What was read is kept here, all in one: the compiler leaves out what nobody keeps. */
  private readonly sink = new Int32Array(1);

  /** Fetches what `requests`, which are for `db`, will look up, and releases them. */
  fetch(db: Keyspace, requests: RequestsAhead): void {
    const hasIndexes = db.store.indexedStructures > 0;
    if (hasIndexes || db.size > BUCKETS_MIN) this.fetchBuckets(db, requests);
    if (hasIndexes) this.fetchMembers(db, requests);
    requests.release();
  }

  private fetchBuckets(db: Keyspace, { bytes, count, keyOffsets, keyLengths }: RequestsAhead): void {
    const { store: { arena, seed }, table } = db;
    this.count = count;
    for (let i = 0; i < count; i++) {
      this.tables[i] = table;
      this.hashes[i] = halfSipHash(bytes, keyOffsets[i]!, keyLengths[i]!, seed.low, seed.high);
    }
    this.fetchEntries(arena);
  }

  private fetchMembers(db: Keyspace, { bytes, count, memberOffsets, memberLengths }: RequestsAhead): void {
    const { store } = db;
    const { arena, seed } = store;
    this.count = 0;
    for (let i = 0; i < count; i++) {
      const ref = this.refs[i]!;
      if (ref === 0 || memberLengths[i]! < 0 || !hasFlag(arena, ref, IS_STRUCTURE)) continue;
      const table = store.structure(db.handleOf(ref)).memberIndex;
      if (table === undefined) continue;
      this.tables[this.count] = table;
      this.hashes[this.count++] = halfSipHash(bytes, memberOffsets[i]!, memberLengths[i]!, seed.low, seed.high);
    }
    if (this.count > 1) this.fetchEntries(arena);
  }

  /** Reads the slots of all `hashes` in their `tables`, and then the entries, whose refs it leaves in `refs`. */
  private fetchEntries(arena: Arena): void {
    const { count, tables, hashes, refs } = this;
    let sum = 0;
    for (let i = 0; i < count; i++) sum ^= tables[i]!.readSlot(hashes[i]!);
    for (let i = 0; i < count; i++) refs[i] = tables[i]!.likelyRef(hashes[i]!);
    for (let i = 0; i < count; i++) {
      const ref = refs[i]!;
      const words = arena.words[ref >>> SEGMENT_SHIFT]!;
      const place = (ref & UNIT_MASK) << 2;
      sum ^= words[place]! ^ words[place + ENTRY_WORDS]!;
    }
    this.sink[0] = sum;
  }
}

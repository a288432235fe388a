/**
 * A small sorted set in the making: see small-map.ts. Members usually come in order, lowest score first; then none has
 * to look for its place.
 */
import type { Arena } from './arena.js';
import { SORTED_SET, createEntry, entryBytes, entrySize, valueOffset } from './entry.js';
import {
  SCORES_BYTES_MAX, appendItem, clearScores, findItem, insertItem, scoresCount, scoresUsed,
} from './packed-scores.js';
import { PACKED_MEMBERS_MAX } from './sorted-set-value.js';
import { type Slice, copyBytes } from '../util/bytes.js';

export class SmallScores {
  /** Bytes of the longest member. */
  longest = 0;
  private readonly record = Buffer.alloc(SCORES_BYTES_MAX);
  private highest = -Infinity;

  /** Begins anew. */
  clear(): void {
    clearScores(this.record, 0);
    this.longest = 0;
    this.highest = -Infinity;
  }

  get count(): number {
    return scoresCount(this.record, 0);
  }

  has(member: Slice): boolean {
    return findItem(this.record, 0, member) >= 0;
  }

  /** Adds a member that is not there. False, and nothing changed, when a set with it is no small one any more. */
  add(member: Slice, score: number): boolean {
    const { record, highest } = this;
    if (this.count === PACKED_MEMBERS_MAX) return false;
    const isAdded = score > highest
      ? appendItem(record, 0, SCORES_BYTES_MAX, member, score)
      : insertItem(record, 0, SCORES_BYTES_MAX, member, score);
    if (!isAdded) return false;
    this.longest = Math.max(this.longest, member.length);
    this.highest = Math.max(highest, score);
    return true;
  }

  /** The entry, in no keyspace yet, of a sorted set with these members. */
  toEntry(arena: Arena, key: Slice, expiresAtMs: number): number {
    const { record } = this;
    const used = scoresUsed(record, 0);
    const spare = -entrySize(key.length, used, expiresAtMs) & 15;
    const ref = createEntry(arena, SORTED_SET, key, used + spare, expiresAtMs);
    copyBytes(record, 0, entryBytes(arena, ref), valueOffset(arena, ref), used);
    return ref;
  }
}

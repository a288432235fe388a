/**
 * A small map in the making: fields, each with a value, are put together in a record of its own (packed-map.ts) that is
 * used again and again. Then the entry is made at one go, and no larger than it must be. So values come in from a file:
 * to add field by field to a bucket that grows costs five times as much.
 */
import type { Arena } from './arena.js';
import { entryBytes, valueLength, valueOffset } from './entry.js';
import { PACKED_FIELDS_MAX, newMap } from './map-value.js';
import {
  PACKED_BYTES_MAX, PACKED_HEADER_BYTES, appendPacked, clearPacked, copyPacked, findPacked, packedCount, packedUsed,
} from './packed-map.js';
import type { Slice } from '../util/bytes.js';

export class SmallMap {
  /** Of the fields and the values, the bytes of the longest. */
  longest = 0;
  private readonly record = Buffer.alloc(PACKED_BYTES_MAX);

  /** Begins anew. */
  clear(): void {
    clearPacked(this.record, 0);
    this.longest = 0;
  }

  get count(): number {
    return packedCount(this.record, 0);
  }

  has(field: Slice): boolean {
    return findPacked(this.record, 0, PACKED_BYTES_MAX, field) >= 0;
  }

  /** Adds a field that is not there. False, and nothing changed, when a map with it is no small one any more. */
  add(field: Slice, value: Slice): boolean {
    const { record, longest } = this;
    if (this.count === PACKED_FIELDS_MAX || !appendPacked(record, 0, PACKED_BYTES_MAX, field, value)) return false;
    this.longest = Math.max(longest, field.length, value.length);
    return true;
  }

  /** The entry, in no keyspace yet, of a map with these fields. */
  toEntry(arena: Arena, type: number, key: Slice, expiresAtMs: number): number {
    const { record } = this;
    const ref = newMap(arena, type, key, packedUsed(record, 0) - PACKED_HEADER_BYTES, expiresAtMs);
    const start = valueOffset(arena, ref);
    copyPacked(record, 0, PACKED_BYTES_MAX, entryBytes(arena, ref), start, start + valueLength(arena, ref));
    return ref;
  }
}

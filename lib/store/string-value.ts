/**
 * String values: bytes in an entry. This file puts them there; reading them needs only `valueSlice`.
 */
import { Arena, SEGMENT_SHIFT, UNIT_MASK } from './arena.js';
import {
  EXPIRY_BYTES, HAS_EXPIRY, HEADER_BYTES, STRING, TYPE_FLAG_A, createEntry, entryBytes, entrySize, setEntryMeta,
  setExpiry, setValueLength, valueOffset,
} from './entry.js';
import type { Keyspace } from './keyspace.js';
import { type Slice, copyBytes } from '../util/bytes.js';

/** The value was changed in place, and is shown with encoding `raw` however short it is. */
export const WAS_EDITED = TYPE_FLAG_A;

/** A block this many times larger than its content needs is not used again for it. */
const WASTE_MAX = 2;

/**
 * Stores a string under `key`, for which `db.find` has just given `ref` (0: nothing there). Whatever the bucket held
 * is gone. `expiresAtMs` 0 means that it does not expire. Returns the entry's ref. The value must not lie in the arena.
 */
export function putString(db: Keyspace, key: Slice, ref: number, value: Slice, expiresAtMs: number): number {
  const { arena } = db.store;
  if (ref !== 0) {
    db.dropValue(ref);
    if (fitsInPlace(arena, ref, key.length, value.length, expiresAtMs)) {
      overwrite(arena, ref, value, expiresAtMs);
      return ref;
    }
  }
  const created = createEntry(arena, STRING, key, value.length, expiresAtMs);
  copyBytes(value.bytes, value.offset, entryBytes(arena, created), valueOffset(arena, created), value.length);
  if (ref === 0) db.add(key, created);
  else db.replace(key, ref, created);
  return created;
}

function fitsInPlace(arena: Arena, ref: number, keyBytes: number, valueBytes: number, expiresAtMs: number): boolean {
  const words = arena.words[ref >>> SEGMENT_SHIFT]!;
  const place = (ref & UNIT_MASK) << 2;
  if ((words[place + 1]! & HAS_EXPIRY) !== 0 !== (expiresAtMs !== 0)) return false;
  const size = entrySize(keyBytes, valueBytes, expiresAtMs);
  const room = arena.sizeOf(ref);
  return size <= room && (room <= 64 || room <= size * WASTE_MAX);
}

function overwrite(arena: Arena, ref: number, value: Slice, expiresAtMs: number): void {
  setEntryMeta(arena, ref, expiresAtMs === 0 ? STRING : STRING | HAS_EXPIRY);
  if (expiresAtMs !== 0) setExpiry(arena, ref, expiresAtMs);
  setValueLength(arena, ref, value.length);
  copyBytes(value.bytes, value.offset, entryBytes(arena, ref), valueOffset(arena, ref), value.length);
}

/** The most bytes that a string bucket's entry adds to its key and value. */
export const STRING_OVERHEAD_BYTES = HEADER_BYTES + EXPIRY_BYTES;

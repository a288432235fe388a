/**
 * String values: bytes in an entry. This file puts them there and lets them grow; reading them needs only
 * `valueSlice`. Integers are kept as their digits: redis-server keeps them as numbers and shows them as digits.
 */
import { Arena, SEGMENT_SHIFT, UNIT_MASK } from './arena.js';
import {
  EXPIRY_BYTES, HAS_EXPIRY, HEADER_BYTES, IS_STRUCTURE, STRING, TYPE_FLAG_A, TYPE_FLAG_B, copyValue, createEntry,
  entryBytes, entryMeta, entrySize, expiryOf, hasFlag, setEntryMeta, setExpiry, setFlag, setValueLength, valueLength,
  valueOffset, valueRoom,
} from './entry.js';
import type { Keyspace } from './keyspace.js';
import { Slice, copyBytes } from '../util/bytes.js';
import { integerLength, parseInteger, writeInteger } from '../util/numbers.js';

/** The value was changed in place, and is shown with encoding `raw` however short it is. */
export const WAS_EDITED = TYPE_FLAG_A;
/** The value came of an addition of floats, and is shown as a string even if it happens to be whole. */
export const IS_FLOAT_RESULT = TYPE_FLAG_B;

/** A block this many times larger than its content needs is not used again for it. */
const WASTE_MAX = 2;

/**
 * Stores a string under `key`, for which `db.find` has just given `ref` (0: nothing there). Whatever the bucket held
 * is gone. `expiresAtMs` 0 means that it does not expire. Returns the entry's ref. The value must not lie in the arena.
 */
export function putString(db: Keyspace, key: Slice, ref: number, value: Slice, expiresAtMs: number): number {
  const { arena } = db.store;
  // What goes with its structure, others may have to be told of: then the entry is another one.
  const isStructure = ref !== 0 && hasFlag(arena, ref, IS_STRUCTURE);
  if (ref !== 0 && !isStructure && fitsInPlace(arena, ref, key.length, value.length, expiresAtMs)) {
    overwrite(arena, ref, value, expiresAtMs);
    return ref;
  }
  const created = newString(arena, key, value, expiresAtMs);
  if (isStructure) db.dropValue(ref);
  putEntry(db, key, ref, created);
  return created;
}

/** The entry, in no keyspace yet, of a string. */
export function newString(arena: Arena, key: Slice, value: Slice, expiresAtMs: number): number {
  const ref = createEntry(arena, STRING, key, value.length, expiresAtMs);
  copyBytes(value.bytes, value.offset, entryBytes(arena, ref), valueOffset(arena, ref), value.length);
  return ref;
}

/** An integer is put together here where it does not fit into the entry; an int64 has at most 20 chars. */
const digits = Buffer.alloc(20);
const digitsSlice = new Slice();

/**
 * Stores an int64's digits in the string under `key`, for which `db.find` has just given `ref` (0: nothing there). The
 * expiry stays. Counters come by here: as a rule the new digits fit into the entry.
 */
export function putInteger(db: Keyspace, key: Slice, ref: number, value: number | bigint): void {
  const { arena } = db.store;
  const length = integerLength(value);
  if (ref !== 0 && length <= valueRoom(arena, ref)) {
    writeInteger(entryBytes(arena, ref), valueOffset(arena, ref), value, length);
    setValueLength(arena, ref, length);
    setEntryMeta(arena, ref, entryMeta(arena, ref) & ~(WAS_EDITED | IS_FLOAT_RESULT));
    return;
  }
  writeInteger(digits, 0, value, length);
  putString(db, key, ref, digitsSlice.set(digits, 0, length), ref === 0 ? 0 : expiryOf(arena, ref));
}

/** Puts a new entry in the place of what `find` gave, if anything. */
export function putEntry(db: Keyspace, key: Slice, ref: number, created: number): void {
  if (ref === 0) db.add(key, created);
  else db.replace(key, ref, created);
}

/** Whether an entry's block holds a value of so many bytes without much waste. */
export function fitsInPlace(
  arena: Arena, ref: number, keyBytes: number, valueBytes: number, expiresAtMs: number,
): boolean {
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

/** A copy of a string in a new entry called `key`, in no keyspace. `expiresAtMs` 0: it does not expire. */
export function copyString(db: Keyspace, ref: number, key: Slice, expiresAtMs: number): number {
  const { arena } = db.store;
  const length = valueLength(arena, ref);
  const copy = createEntry(arena, STRING, key, length, expiresAtMs);
  setEntryMeta(arena, copy, (entryMeta(arena, ref) & ~HAS_EXPIRY) | (entryMeta(arena, copy) & HAS_EXPIRY));
  copyValue(arena, ref, copy, length);
  return copy;
}

/** Values below this double their room when they grow; larger ones take an eighth more than they need. */
const DOUBLING_BYTES_MAX = 2 ** 20;

function roomFor(bytes: number): number {
  return bytes < DOUBLING_BYTES_MAX ? bytes * 2 : bytes + (bytes >>> 3);
}

/**
 * Makes the string under `key` at least `length` bytes long, to be changed in place, and gives its entry's ref, which
 * may be a new one; `db.find` has just given `ref` for this key (0: nothing there). The bytes that it grew by are
 * undefined. The expiry stays.
 *
 * A string that has to move gets room to spare, so that many small steps cost no more than one large.
 */
export function growString(db: Keyspace, key: Slice, ref: number, length: number): number {
  const { arena } = db.store;
  if (ref === 0) {
    const created = createEntry(arena, STRING, key, length, 0);
    setFlag(arena, created, WAS_EDITED, true);
    db.add(key, created);
    return created;
  }
  const grown = length > valueRoom(arena, ref) ? moveToLarger(db, key, ref, length) : ref;
  setEntryMeta(arena, grown, (entryMeta(arena, grown) & ~IS_FLOAT_RESULT) | WAS_EDITED);
  if (length > valueLength(arena, grown)) setValueLength(arena, grown, length);
  return grown;
}

/** As `growString`; the bytes that it grew by are zeros. */
export function growStringWithZeros(db: Keyspace, key: Slice, ref: number, length: number): number {
  const { arena } = db.store;
  const before = ref === 0 ? 0 : valueLength(arena, ref);
  const grown = growString(db, key, ref, length);
  if (length > before) {
    const start = valueOffset(arena, grown);
    entryBytes(arena, grown).fill(0, start + before, start + length);
  }
  return grown;
}

function moveToLarger(db: Keyspace, key: Slice, ref: number, length: number): number {
  const { arena } = db.store;
  const before = valueLength(arena, ref);
  const moved = createEntry(arena, STRING, key, before, expiryOf(arena, ref), roomFor(length));
  setEntryMeta(arena, moved, entryMeta(arena, ref));
  copyValue(arena, ref, moved, before);
  db.replace(key, ref, moved);
  return moved;
}

/** The longest value that redis-server keeps in one piece with its header. */
const EMBEDDED_BYTES_MAX = 44;

export type StringEncoding = 'int' | 'embstr' | 'raw';

/** The encoding that OBJECT ENCODING shows for a string's entry: what redis-server would keep it as. */
export function stringEncoding(arena: Arena, ref: number): StringEncoding {
  if (hasFlag(arena, ref, WAS_EDITED)) return 'raw';
  const length = valueLength(arena, ref);
  const isWhole = parseInteger(entryBytes(arena, ref), valueOffset(arena, ref), length) !== undefined;
  if (isWhole && !hasFlag(arena, ref, IS_FLOAT_RESULT)) return 'int';
  return length <= EMBEDDED_BYTES_MAX ? 'embstr' : 'raw';
}

/** The most bytes that a string bucket's entry adds to its key and value. */
export const STRING_OVERHEAD_BYTES = HEADER_BYTES + EXPIRY_BYTES;

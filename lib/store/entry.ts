/**
 * An entry: one stored record in the arena. A bucket is an entry of its database's keyspace; a field of a large
 * bucket is an entry of that bucket's own table. Both have the same layout, so one byte table serves both.
 *
 *     word 0   the arena's (block size, flags)
 *     word 1   type (bits 0-2) | mark (bit 3) | flags (bits 4-7) | access clock or counter for eviction (bits 8-31)
 *     word 2   length of the key in bytes
 *     word 3   length of the value in bytes
 *     8 bytes  expiry, milliseconds since the epoch, only with flag HAS_EXPIRY
 *     the key's bytes, then the value's bytes
 *
 * An entry may have room to spare behind its value; `arena.sizeOf` tells.
 */
import { Arena, SEGMENT_SHIFT, UNIT_MASK } from './arena.js';
import { type Slice, copyBytes } from '../util/bytes.js';

export const HEADER_BYTES = 16;
export const EXPIRY_BYTES = 8;

const TYPE_MASK = 0x7;
/** A snapshot need not write this bucket: it has, or the bucket is younger. See snapshot-guard.ts. */
const MARK = 0x8;
/** Type and flags. */
const META_MASK = 0xf7;
export const HAS_EXPIRY = 0x10;
/** The value is a handle (one word) of a structure outside the entry: see `Store.structures`. */
export const IS_STRUCTURE = 0x20;
/** Two flags whose meaning belongs to the type: see the type's file. */
export const TYPE_FLAG_A = 0x40;
export const TYPE_FLAG_B = 0x80;
export const ACCESS_SHIFT = 8;

/** The expiry is a signed 64-bit number. */
const EXPIRY_HIGH_MAX = 0x7fffffff;

/** The types, numbered as in Redis's own files. */
export const STRING = 0;
export const LIST = 1;
export const SET = 2;
export const SORTED_SET = 3;
export const HASH = 4;
export const STREAM = 6;

export const TYPE_NAMES = ['string', 'list', 'set', 'zset', 'hash', 'none', 'stream'] as const;

function word(arena: Arena, ref: number, index: number): number {
  return arena.words[ref >>> SEGMENT_SHIFT]![((ref & UNIT_MASK) << 2) + index]!;
}

function setWord(arena: Arena, ref: number, index: number, value: number): void {
  arena.words[ref >>> SEGMENT_SHIFT]![((ref & UNIT_MASK) << 2) + index] = value;
}

/** The buffer that `keyOffset` and `valueOffset` point into. */
export function entryBytes(arena: Arena, ref: number): Buffer {
  return arena.bytes[ref >>> SEGMENT_SHIFT]!;
}

export function entryMeta(arena: Arena, ref: number): number {
  return word(arena, ref, 1);
}

/** Sets type and flags; the access bits and the mark stay as they are. */
export function setEntryMeta(arena: Arena, ref: number, meta: number): void {
  setWord(arena, ref, 1, (word(arena, ref, 1) & ~META_MASK) | (meta & META_MASK));
}

export function entryType(arena: Arena, ref: number): number {
  return word(arena, ref, 1) & TYPE_MASK;
}

export function hasFlag(arena: Arena, ref: number, flag: number): boolean {
  return (word(arena, ref, 1) & flag) !== 0;
}

export function setFlag(arena: Arena, ref: number, flag: number, isOn: boolean): void {
  const meta = word(arena, ref, 1);
  setWord(arena, ref, 1, isOn ? meta | flag : meta & ~flag);
}

/** The 24 bits that eviction uses as a clock or a counter. */
export function accessOf(arena: Arena, ref: number): number {
  return word(arena, ref, 1) >>> ACCESS_SHIFT;
}

export function setAccess(arena: Arena, ref: number, access: number): void {
  setWord(arena, ref, 1, (word(arena, ref, 1) & (META_MASK | MARK)) | (access << ACCESS_SHIFT));
}

export function isMarked(arena: Arena, ref: number): boolean {
  return (word(arena, ref, 1) & MARK) !== 0;
}

export function setMark(arena: Arena, ref: number, isOn: boolean): void {
  setFlag(arena, ref, MARK, isOn);
}

export function keyLength(arena: Arena, ref: number): number {
  return word(arena, ref, 2);
}

export function valueLength(arena: Arena, ref: number): number {
  return word(arena, ref, 3);
}

export function setValueLength(arena: Arena, ref: number, length: number): void {
  setWord(arena, ref, 3, length);
}

export function keyOffset(arena: Arena, ref: number): number {
  const expiryBytes = (word(arena, ref, 1) & HAS_EXPIRY) >>> 1;
  return Arena.byteOffset(ref) + HEADER_BYTES + expiryBytes;
}

export function valueOffset(arena: Arena, ref: number): number {
  return keyOffset(arena, ref) + word(arena, ref, 2);
}

/** How many bytes a value may have before the entry must move. */
export function valueRoom(arena: Arena, ref: number): number {
  return arena.sizeOf(ref) - (valueOffset(arena, ref) - Arena.byteOffset(ref));
}

/** Milliseconds since the epoch, or 0 for an entry that does not expire. */
export function expiryOf(arena: Arena, ref: number): number {
  if (!hasFlag(arena, ref, HAS_EXPIRY)) return 0;
  return word(arena, ref, 5) * 2 ** 32 + (word(arena, ref, 4) >>> 0);
}

/** Rewrites the expiry of an entry that has one. Past 2 ** 53 it is rounded; `setExactExpiry` is exact. */
export function setExpiry(arena: Arena, ref: number, expiresAtMs: number): void {
  setWord(arena, ref, 4, expiresAtMs | 0);
  setWord(arena, ref, 5, Math.min(Math.floor(expiresAtMs / 2 ** 32), EXPIRY_HIGH_MAX));
}

/** As `setExpiry`, for the whole range of 64 bits. */
export function setExactExpiry(arena: Arena, ref: number, expiresAtMs: bigint): void {
  setWord(arena, ref, 4, Number(BigInt.asIntN(32, expiresAtMs)));
  setWord(arena, ref, 5, Number(expiresAtMs >> 32n));
}

/** As `expiryOf` of an entry that expires, exact in the whole range of 64 bits. */
export function exactExpiryOf(arena: Arena, ref: number): bigint {
  return (BigInt(word(arena, ref, 5)) << 32n) | BigInt(word(arena, ref, 4) >>> 0);
}

export function keySlice(arena: Arena, ref: number, into: Slice): Slice {
  return into.set(entryBytes(arena, ref), keyOffset(arena, ref), keyLength(arena, ref));
}

export function valueSlice(arena: Arena, ref: number, into: Slice): Slice {
  return into.set(entryBytes(arena, ref), valueOffset(arena, ref), valueLength(arena, ref));
}

/** Copies the first `length` bytes of an entry's value to where another's begins. */
export function copyValue(arena: Arena, from: number, to: number, length: number): void {
  copyBytes(entryBytes(arena, from), valueOffset(arena, from), entryBytes(arena, to), valueOffset(arena, to), length);
}

/** The size of an entry's block for a key and a value of these lengths. */
export function entrySize(keyBytes: number, valueBytes: number, expiresAtMs: number): number {
  return HEADER_BYTES + (expiresAtMs === 0 ? 0 : EXPIRY_BYTES) + keyBytes + valueBytes;
}

/**
 * A new entry with this key and `valueBytes` bytes of undefined value (room for `valueRoomBytes` when that is more).
 * `expiresAtMs` 0 means that it does not expire. The key is copied.
 */
export function createEntry(
  arena: Arena, type: number, key: Slice, valueBytes: number, expiresAtMs: number, valueRoomBytes = valueBytes,
): number {
  const room = valueRoomBytes > valueBytes ? valueRoomBytes : valueBytes;
  const ref = arena.allocate(entrySize(key.length, room, expiresAtMs));
  const words = arena.words[ref >>> SEGMENT_SHIFT]!;
  const place = (ref & UNIT_MASK) << 2;
  words[place + 1] = expiresAtMs === 0 ? type : type | HAS_EXPIRY;
  words[place + 2] = key.length;
  words[place + 3] = valueBytes;
  if (expiresAtMs !== 0) setExpiry(arena, ref, expiresAtMs);
  copyBytes(key.bytes, key.offset, arena.bytes[ref >>> SEGMENT_SHIFT]!, keyOffset(arena, ref), key.length);
  return ref;
}

/**
 * Set values. Handlers find the bucket and call these functions.
 *
 * A set of few integers is a run of them in the value of its bucket's entry (packed-integers.ts). The first member that
 * is no integer, or one too many, makes it a map without values (map-value.ts): packed while it is small, else with a
 * table. It never goes back. OBJECT ENCODING shows the first as `intset` and both others as `hashtable`, which is where
 * redis-server 7.0 draws the line.
 *
 * A member's `Slice` that a function fills or hands to `visit` is valid until the next call into this file.
 */
import type { Arena } from './arena.js';
import { CURSOR_END } from './byte-table.js';
import {
  SET, TYPE_FLAG_A, createEntry, entryBytes, entrySize, expiryOf, hasFlag, setFlag, valueLength, valueOffset,
} from './entry.js';
import type { Keyspace } from './keyspace.js';
import {
  copyMap, deleteField, fieldCount, forEachField, getField, mapBytes, newMap, newMapOf, putField, randomField,
  sampleFields, scanFields, shrinkMap,
} from './map-value.js';
import {
  INTEGERS_HEADER_BYTES, type Integer, clearIntegers, copyIntegers, findInteger, insertInteger, integerAt,
  integersCount, integersUsed, integersWidth, removeInteger, widthOf,
} from './packed-integers.js';
import { packedFieldBytes } from './packed-map.js';
import type { SmallMap } from './small-map.js';
import { Slice, copyBytes, sliceOf } from '../util/bytes.js';
import { integerLength, parseInteger, writeInteger } from '../util/numbers.js';

/** The members are packed integers. */
const IS_INTEGERS = TYPE_FLAG_A;

/** A block that is used by less than half is exchanged for a smaller one, when it is larger than this. */
const WASTE_MIN_BYTES = 128;
/** A full run grows by an eighth. */
const GROWTH_SHIFT = 3;
/** However many integers a set may have, one run holds no more: it would not fit a block. As in redis-server. */
const INTEGERS_MAX = 2 ** 30;
/** Room that a new set is given in advance, at most: what members repeat is not needed. */
const INITIAL_BYTES_MAX = 4096;

/** Members of sets of integers are spelled out here; an int64 has at most 20 chars. */
const digits = Buffer.alloc(20);
const EMPTY = new Slice();
/** Where values, which are all empty, are read to. */
const ignored = new Slice();

function isIntegers(arena: Arena, ref: number): boolean {
  return hasFlag(arena, ref, IS_INTEGERS);
}

function asInteger(member: Slice): Integer | undefined {
  return parseInteger(member.bytes, member.offset, member.length);
}

/** Points `member` to the digits of an integer. */
function spell(value: Integer, member: Slice): Slice {
  const length = integerLength(value);
  writeInteger(digits, 0, value, length);
  return member.set(digits, 0, length);
}

// ---- reading

/** How many members the set has. */
export function memberCount(db: Keyspace, ref: number): number {
  const { arena } = db.store;
  if (!isIntegers(arena, ref)) return fieldCount(db, ref);
  return integersCount(entryBytes(arena, ref), valueOffset(arena, ref));
}

export function hasMember(db: Keyspace, ref: number, member: Slice): boolean {
  const { arena } = db.store;
  if (!isIntegers(arena, ref)) return getField(db, ref, member, ignored);
  const value = asInteger(member);
  return value !== undefined && findInteger(entryBytes(arena, ref), valueOffset(arena, ref), value) >= 0;
}

export type VisitMember = (member: Slice) => void;

/** Calls `visit` for each member: integers in rising order, others in any. `visit` must not change the set. */
export function forEachMember(db: Keyspace, ref: number, visit: VisitMember): void {
  const { arena } = db.store;
  if (!isIntegers(arena, ref)) return forEachField(db, ref, visit);
  const count = memberCount(db, ref);
  for (let index = 0; index < count; index++) visit(memberAt(arena, ref, index));
}

/** The integer at `index` as a member, in a slice of its own. */
function memberAt(arena: Arena, ref: number, index: number, member = new Slice()): Slice {
  return spell(integerAt(entryBytes(arena, ref), valueOffset(arena, ref), index), member);
}

/**
 * Calls `visit` for some members from `cursor` on and gives the cursor to go on with, or CURSOR_END. Begin with 0. A
 * small set is visited whole, whatever the cursor. `visit` must not change the set.
 */
export function scanMembers(db: Keyspace, ref: number, cursor: number, visit: VisitMember): number {
  if (!isIntegers(db.store.arena, ref)) return scanFields(db, ref, cursor, visit);
  forEachMember(db, ref, visit);
  return CURSOR_END;
}

/** Points `member` to a member drawn at random. The set must have one. */
export function randomMember(db: Keyspace, ref: number, member: Slice): Slice {
  const { arena, random } = db.store;
  if (isIntegers(arena, ref)) return memberAt(arena, ref, Math.floor(random.next() * memberCount(db, ref)), member);
  randomField(db, ref, member, ignored);
  return member;
}

/** Calls `visit` for `count` different members drawn at random; the set must have as many. */
export function sampleMembers(db: Keyspace, ref: number, count: number, visit: VisitMember): void {
  const { arena, random } = db.store;
  if (!isIntegers(arena, ref)) return sampleFields(db, ref, count, visit);
  // Each member is taken with the chance (still wanted) / (still to come), which gives each choice the same chance.
  const total = memberCount(db, ref);
  let wanted = count;
  for (let index = 0; wanted > 0; index++) {
    if (random.next() * (total - index) >= wanted) continue;
    wanted--;
    visit(memberAt(arena, ref, index));
  }
}

/** The encoding as OBJECT ENCODING shows it. */
export function setEncoding(arena: Arena, ref: number): 'intset' | 'hashtable' {
  return isIntegers(arena, ref) ? 'intset' : 'hashtable';
}

/** Points `into` to the run of integers (packed-integers.ts) of a set whose encoding is `intset`. */
export function integersSlice(db: Keyspace, ref: number, into: Slice): Slice {
  const { arena } = db.store;
  const bytes = entryBytes(arena, ref);
  const start = valueOffset(arena, ref);
  return into.set(bytes, start, integersUsed(bytes, start));
}

/** The bytes of the arena that the bucket takes, its share of the keyspace's index left out. */
export function setBytes(db: Keyspace, ref: number): number {
  const { arena } = db.store;
  return isIntegers(arena, ref) ? arena.sizeOf(ref) : mapBytes(db, ref);
}

// ---- changing

/**
 * Adds an empty set under `key`, for which `db.find` has just found nothing, and gives its entry's ref. It is meant
 * for members like `first`, about `count` of them.
 */
export function createSet(db: Keyspace, key: Slice, first: Slice, count: number): number {
  const { arena } = db.store;
  const value = asInteger(first);
  let ref: number;
  if (value === undefined) {
    const byteCount = Math.min(packedFieldBytes(first.length, 0) * count, INITIAL_BYTES_MAX);
    ref = newMap(arena, SET, key, byteCount, 0);
  } else {
    const byteCount = Math.min(widthOf(value) * count, INITIAL_BYTES_MAX);
    ref = newIntegers(arena, key, INTEGERS_HEADER_BYTES + byteCount, 0);
    clearIntegers(entryBytes(arena, ref), valueOffset(arena, ref));
  }
  db.add(key, ref);
  return ref;
}

/** The entry, in no keyspace yet, of a set with these members, the first of which is no integer. */
export function newSetOf(db: Keyspace, key: Slice, members: SmallMap, expiresAtMs: number): number {
  return members.toEntry(db.store.arena, SET, key, expiresAtMs);
}

/**
 * The entry, in no keyspace yet, of a set of integers, a run as packed-integers.ts has it. There must not be more of
 * them than `mayBeIntegers` says.
 */
export function newSetOfIntegers(db: Keyspace, key: Slice, run: Slice, expiresAtMs: number): number {
  const { arena } = db.store;
  const ref = newIntegers(arena, key, run.length, expiresAtMs);
  copyBytes(run.bytes, run.offset, entryBytes(arena, ref), valueOffset(arena, ref), run.length);
  return ref;
}

/** Whether so many integers are kept as a run of them. */
export function mayBeIntegers(db: Keyspace, count: number): boolean {
  return count <= Math.min(db.store.encodingLimits.setIntegersMax, INTEGERS_MAX);
}

/** The entry of a set of integers, with room for a run of `byteCount` bytes or what more the block has. */
function newIntegers(arena: Arena, key: Slice, byteCount: number, expiresAtMs: number): number {
  const spare = -entrySize(key.length, byteCount, expiresAtMs) & 15;
  const ref = createEntry(arena, SET, key, byteCount + spare, expiresAtMs);
  setFlag(arena, ref, IS_INTEGERS, true);
  return ref;
}

/**
 * Adds a member, unless it is there. Returns the bucket's ref, which may be another one; `db.find` has just given `ref`
 * for `key`. `member` must not lie in the set.
 */
export function addMember(db: Keyspace, key: Slice, ref: number, member: Slice): number {
  const { arena } = db.store;
  if (!isIntegers(arena, ref)) return putField(db, key, ref, member, EMPTY);
  const value = asInteger(member);
  if (value === undefined) return putField(db, key, convertToMap(db, key, ref), member, EMPTY);
  const index = findInteger(entryBytes(arena, ref), valueOffset(arena, ref), value);
  if (index >= 0) return ref;
  const grown = addInteger(db, key, ref, -1 - index, value);
  return mayBeIntegers(db, memberCount(db, grown)) ? grown : convertToMap(db, key, grown);
}

function addInteger(db: Keyspace, key: Slice, ref: number, index: number, value: Integer): number {
  const { arena } = db.store;
  const bytes = entryBytes(arena, ref);
  const start = valueOffset(arena, ref);
  const width = Math.max(integersWidth(bytes, start), widthOf(value));
  const needed = INTEGERS_HEADER_BYTES + width * (integersCount(bytes, start) + 1);
  let kept = ref;
  if (needed > valueLength(arena, ref) || width !== integersWidth(bytes, start)) {
    kept = resizeIntegers(db, key, ref, needed + (needed >>> GROWTH_SHIFT), width);
  }
  insertInteger(entryBytes(arena, kept), valueOffset(arena, kept), index, value);
  return kept;
}

/** Moves a run of integers to a block with room for so many bytes. */
function resizeIntegers(db: Keyspace, key: Slice, ref: number, byteCount: number, width: number): number {
  const { arena } = db.store;
  const moved = newIntegers(arena, key, byteCount, expiryOf(arena, ref));
  copyIntegers(
    entryBytes(arena, ref), valueOffset(arena, ref), entryBytes(arena, moved), valueOffset(arena, moved), width,
  );
  db.replace(key, ref, moved);
  return moved;
}

/** Makes a map of a set of integers. */
function convertToMap(db: Keyspace, key: Slice, ref: number): number {
  const members: Slice[] = [];
  forEachMember(db, ref, (member) => members.push(sliceOf(member.copyOf())));
  const map = newMapOf(db.store, SET, key, members, expiryOf(db.store.arena, ref));
  db.replace(key, ref, map);
  return map;
}

/** Takes a member out; false when there was none. Call `settleSet` when the last of a command's members is out. */
export function removeMember(db: Keyspace, ref: number, member: Slice): boolean {
  const { arena } = db.store;
  if (!isIntegers(arena, ref)) return deleteField(db, ref, member);
  const value = asInteger(member);
  if (value === undefined) return false;
  const bytes = entryBytes(arena, ref);
  const start = valueOffset(arena, ref);
  const index = findInteger(bytes, start, value);
  if (index < 0) return false;
  removeInteger(bytes, start, index);
  return true;
}

/**
 * After members were taken out: removes the bucket when it is empty, and gives back room that is not used. Returns the
 * bucket's ref, which may be another one, or 0 when it was removed.
 */
export function settleSet(db: Keyspace, key: Slice, ref: number): number {
  const { arena } = db.store;
  if (memberCount(db, ref) === 0) {
    db.remove(key, ref);
    return 0;
  }
  if (!isIntegers(arena, ref)) return shrinkMap(db, key, ref);
  const room = valueLength(arena, ref);
  if (room <= WASTE_MIN_BYTES || !arena.canGrow) return ref;
  const bytes = entryBytes(arena, ref);
  const start = valueOffset(arena, ref);
  const used = integersUsed(bytes, start);
  return used * 2 < room ? resizeIntegers(db, key, ref, used, integersWidth(bytes, start)) : ref;
}

/**
 * A copy of a set for a bucket called `key`. The copy's entry is in no keyspace: the caller adds it. `expiresAtMs` 0
 * means that the copy does not expire.
 */
export function copySet(db: Keyspace, ref: number, key: Slice, expiresAtMs: number): number {
  const { arena } = db.store;
  if (!isIntegers(arena, ref)) return copyMap(db, ref, key, expiresAtMs);
  const bytes = entryBytes(arena, ref);
  const start = valueOffset(arena, ref);
  const copy = newIntegers(arena, key, integersUsed(bytes, start), expiresAtMs);
  copyIntegers(bytes, start, entryBytes(arena, copy), valueOffset(arena, copy), integersWidth(bytes, start));
  return copy;
}

/**
 * Map values: what a hash and a set that is not of integers have in common. A bucket's fields, each with a value; in a
 * set the members are the fields and the values are empty.
 *
 * A small map is packed into the value of its bucket's entry (packed-map.ts). One that outgrows that has a byte table
 * of its own, in which each field is an entry of the arena, laid out as buckets are; it stays so until it is deleted.
 * Packing has no limit in bytes but the record's own: a table costs objects on the JavaScript heap.
 *
 * An entry's type and the two flags of its type stay as they are, whatever becomes of the map.
 *
 * A field's `Slice` that a function fills points into the arena: it is valid until the next change.
 */
import type { Arena } from './arena.js';
import { CURSOR_END, SLOT_BYTES } from './byte-table.js';
import {
  IS_STRUCTURE, TYPE_FLAG_A, TYPE_FLAG_B, createEntry, entryBytes, entryMeta, entrySize, entryType, expiryOf, hasFlag,
  keySlice, setFlag, valueLength, valueOffset, valueSlice,
} from './entry.js';
import { FieldTable } from './field-table.js';
import type { Keyspace } from './keyspace.js';
import {
  PACKED_BYTES_MAX, PACKED_EXPIRY_BYTES, PACKED_HEADER_BYTES, appendPacked, clearPacked, copyPacked, findPacked,
  markPackedExpires, nextPackedExpiry, packedCount, packedExpires, packedExpiry, packedFieldBytes, packedGrowth,
  packedUsed, readPacked, readPackedValue, removePacked, setPackedExpiry, updatePacked,
} from './packed-map.js';
import type { Store } from './store.js';
import { Slice } from '../util/bytes.js';

/** A look-up in a packed map runs over all its tags, so there must not be too many. */
export const PACKED_FIELDS_MAX = 512;
const HANDLE_BYTES = 4;
/** A block that is used by less than half is exchanged for a smaller one, when it is larger than this. */
const WASTE_MIN_BYTES = 128;
/** Full records grow by an eighth: moves stay rare and the bytes to spare few. */
const GROWTH_SHIFT = 3;

const NO_VALUE = new Slice();

/** The table of a map that has one. */
export function tableOf(db: Keyspace, ref: number): FieldTable {
  const structure = db.store.structure(db.handleOf(ref));
  if (!(structure instanceof FieldTable)) throw new Error(`entry ${ref} holds no table of fields`);
  return structure;
}

export function isTable(db: Keyspace, ref: number): boolean {
  return hasFlag(db.store.arena, ref, IS_STRUCTURE);
}

// ---- reading

/** How many fields the map has, those included that have expired and were not yet removed. */
export function fieldCount(db: Keyspace, ref: number): number {
  if (isTable(db, ref)) return tableOf(db, ref).fields.size;
  const { arena } = db.store;
  return packedCount(entryBytes(arena, ref), valueOffset(arena, ref));
}

/** Points `value` to a field's value; false when there is no such field, or it has expired. */
export function getField(db: Keyspace, ref: number, field: Slice, value: Slice): boolean {
  if (isTable(db, ref)) return tableOf(db, ref).get(field, value, db.store.nowMs);
  const { arena, nowMs } = db.store;
  const bytes = entryBytes(arena, ref);
  const start = valueOffset(arena, ref);
  const end = start + valueLength(arena, ref);
  const index = findPacked(bytes, start, end, field);
  if (index < 0) return false;
  if (packedExpires(bytes, start) && isPast(packedExpiry(bytes, start, end, index), nowMs)) return false;
  readPackedValue(bytes, start, end, index, value);
  return true;
}

function isPast(expiresAtMs: number, nowMs: number): boolean {
  return expiresAtMs > 0 && expiresAtMs <= nowMs;
}

/** `expiresAtMs` is 0 for a field that does not expire. */
export type VisitField = (field: Slice, value: Slice, expiresAtMs: number) => void;

/**
 * Calls `visit` for each field that has not expired: in the order in which they were added while the map is packed,
 * else in any.
 */
export function forEachField(db: Keyspace, ref: number, visit: VisitField): void {
  if (!isTable(db, ref)) return visitPacked(db, ref, visit);
  const { fields } = tableOf(db, ref);
  const visitEntry = entryVisitor(db, visit);
  for (let cursor = 0; cursor < CURSOR_END; ) cursor = fields.scan(cursor, visitEntry);
}

/** How many fields `forEachField` visits. */
export function liveFieldCount(db: Keyspace, ref: number): number {
  return fieldCount(db, ref) - expiredFieldCount(db, ref);
}

function expiredFieldCount(db: Keyspace, ref: number): number {
  const { arena, nowMs } = db.store;
  if (isTable(db, ref)) return tableOf(db, ref).expiredCount(nowMs);
  const bytes = entryBytes(arena, ref);
  const start = valueOffset(arena, ref);
  if (!packedExpires(bytes, start)) return 0;
  const end = start + valueLength(arena, ref);
  let expired = 0;
  for (let index = packedCount(bytes, start) - 1; index >= 0; index--) {
    if (isPast(packedExpiry(bytes, start, end, index), nowMs)) expired++;
  }
  return expired;
}

/**
 * Calls `visit` for some fields from `cursor` on and gives the cursor to go on with, or CURSOR_END. Begin with 0. A
 * packed map is visited whole, whatever the cursor. `visit` must not change the map.
 */
export function scanFields(db: Keyspace, ref: number, cursor: number, visit: VisitField): number {
  return scanFrom(db, ref, cursor, visit, db.store.nowMs);
}

/** As `scanFields`, those included that have expired and were not removed. */
export function scanAllFields(db: Keyspace, ref: number, cursor: number, visit: VisitField): number {
  return scanFrom(db, ref, cursor, visit, 0);
}

function scanFrom(db: Keyspace, ref: number, cursor: number, visit: VisitField, nowMs: number): number {
  if (isTable(db, ref)) return tableOf(db, ref).fields.scan(cursor, entryVisitor(db, visit, nowMs));
  visitPacked(db, ref, visit, nowMs);
  return CURSOR_END;
}

/** Passes over what has expired by `nowMs`. */
function entryVisitor(db: Keyspace, visit: VisitField, nowMs = db.store.nowMs): (entry: number) => void {
  const { arena } = db.store;
  const field = new Slice();
  const value = new Slice();
  return (entry) => {
    const expiresAtMs = expiryOf(arena, entry);
    if (!isPast(expiresAtMs, nowMs)) visit(keySlice(arena, entry, field), valueSlice(arena, entry, value), expiresAtMs);
  };
}

function visitPacked(db: Keyspace, ref: number, visit: VisitField, nowMs = db.store.nowMs): void {
  const { arena } = db.store;
  const field = new Slice();
  const value = new Slice();
  const bytes = entryBytes(arena, ref);
  const start = valueOffset(arena, ref);
  const end = start + valueLength(arena, ref);
  const count = packedCount(bytes, start);
  const mayExpire = packedExpires(bytes, start);
  for (let index = 0; index < count; index++) {
    const expiresAtMs = mayExpire ? packedExpiry(bytes, start, end, index) : 0;
    if (isPast(expiresAtMs, nowMs)) continue;
    readPacked(bytes, start, end, index, field, value);
    visit(field, value, expiresAtMs);
  }
}

/** Points `field` and `value` to a field drawn at random. There must be one that has not expired. */
export function randomField(db: Keyspace, ref: number, field: Slice, value: Slice): void {
  const { arena, random, nowMs } = db.store;
  if (isTable(db, ref)) {
    const table = tableOf(db, ref);
    let drawn = table.fields.random(random);
    while (table.hasExpired(drawn, nowMs)) drawn = table.fields.random(random);
    keySlice(arena, drawn, field);
    valueSlice(arena, drawn, value);
    return;
  }
  const bytes = entryBytes(arena, ref);
  const start = valueOffset(arena, ref);
  const end = start + valueLength(arena, ref);
  const draw = (): number => Math.floor(random.next() * packedCount(bytes, start));
  let index = draw();
  while (isPast(packedExpiry(bytes, start, end, index), nowMs)) index = draw();
  readPacked(bytes, start, end, index, field, value);
}

/** When fewer than one field in this many is wanted of a table, drawing until they differ beats a walk over all. */
const DRAW_SHARE = 3;

/** Calls `visit` for `count` different fields drawn at random; as many that have not expired must be there. */
export function sampleFields(db: Keyspace, ref: number, count: number, visit: VisitField): void {
  const total = liveFieldCount(db, ref);
  if (isTable(db, ref) && count * DRAW_SHARE < total) return drawFields(db, ref, count, visit);
  // Each field is taken with the chance (still wanted) / (still to come), which gives each set the same chance.
  let wanted = count;
  let coming = total;
  forEachField(db, ref, (field, value, expiresAtMs) => {
    if (db.store.random.next() * coming-- >= wanted) return;
    wanted--;
    visit(field, value, expiresAtMs);
  });
}

function drawFields(db: Keyspace, ref: number, count: number, visit: VisitField): void {
  const table = tableOf(db, ref);
  const { random, nowMs } = db.store;
  const drawn = new Set<number>();
  while (drawn.size < count) {
    const entry = table.fields.random(random);
    if (!table.hasExpired(entry, nowMs)) drawn.add(entry);
  }
  drawn.forEach(entryVisitor(db, visit));
}

/** The bytes of the arena that the bucket takes, its share of the keyspace's index left out. */
export function mapBytes(db: Keyspace, ref: number): number {
  const ownBytes = db.store.arena.sizeOf(ref);
  if (!isTable(db, ref)) return ownBytes;
  const { fields, blockBytes, expiring } = tableOf(db, ref);
  return ownBytes + blockBytes + fields.slots * SLOT_BYTES + (expiring?.byteCount ?? 0);
}

// ---- changing

/**
 * The entry, in no keyspace yet, of an empty map. It has room for so many bytes of fields, each counted by
 * `packedFieldBytes`.
 */
export function newMap(arena: Arena, type: number, key: Slice, fieldsBytes: number, expiresAtMs: number): number {
  const byteCount = Math.min(PACKED_HEADER_BYTES + fieldsBytes, PACKED_BYTES_MAX);
  const ref = createPacked(arena, type, key, byteCount, expiresAtMs);
  clearPacked(entryBytes(arena, ref), valueOffset(arena, ref));
  return ref;
}

/** The entry, in no keyspace yet, of a map with these fields, which are all different and have no values. */
export function newMapOf(
  store: Store, type: number, key: Slice, fields: readonly Slice[], expiresAtMs: number,
): number {
  const { arena } = store;
  const byteCount = fields.reduce((sum, { length }) => sum + packedFieldBytes(length, 0), 0);
  if (fields.length > PACKED_FIELDS_MAX || PACKED_HEADER_BYTES + byteCount > PACKED_BYTES_MAX) {
    const table = new FieldTable(store);
    for (const field of fields) table.set(field, NO_VALUE);
    return newTable(store, type, key, table, expiresAtMs);
  }
  const ref = newMap(arena, type, key, byteCount, expiresAtMs);
  const start = valueOffset(arena, ref);
  const end = start + valueLength(arena, ref);
  for (const field of fields) appendPacked(entryBytes(arena, ref), start, end, field, NO_VALUE);
  return ref;
}

/** A map entry with room for a record of `byteCount` bytes, or what more the block has. The record is not written. */
function createPacked(arena: Arena, type: number, key: Slice, byteCount: number, expiresAtMs: number): number {
  const size = entrySize(key.length, byteCount, expiresAtMs);
  const spare = -size & 15;
  return createEntry(arena, type, key, byteCount + spare, expiresAtMs);
}

/**
 * Gives a field a value, and adds the field when it is new; one that expires goes on to do so. Returns the bucket's
 * ref, which may be another one; `db.find` has just given `ref` for `key`. `field` and `value` must not lie in the map.
 */
export function putField(db: Keyspace, key: Slice, ref: number, field: Slice, value: Slice): number {
  if (!isTable(db, ref)) return putPacked(db, key, ref, field, value);
  tableOf(db, ref).set(field, value);
  return ref;
}

function putPacked(db: Keyspace, key: Slice, ref: number, field: Slice, value: Slice): number {
  const { arena } = db.store;
  const bytes = entryBytes(arena, ref);
  const start = valueOffset(arena, ref);
  const end = start + valueLength(arena, ref);
  const index = findPacked(bytes, start, end, field);
  if (putAt(bytes, start, end, index, field, value)) return index < 0 ? ref : shrinkPacked(db, key, ref);

  const isNew = index < 0;
  const growth = isNew
    ? packedFieldBytes(field.length, value.length)
    : packedGrowth(bytes, start, end, index, value.length);
  const needed = packedUsed(bytes, start) + growth;
  if (needed > PACKED_BYTES_MAX || (isNew && packedCount(bytes, start) >= PACKED_FIELDS_MAX)) {
    const table = convertToTable(db, key, ref);
    tableOf(db, table).set(field, value);
    return table;
  }
  const moved = resizePacked(db, key, ref, Math.min(needed + (needed >>> GROWTH_SHIFT), PACKED_BYTES_MAX));
  const movedStart = valueOffset(arena, moved);
  if (!putAt(entryBytes(arena, moved), movedStart, movedStart + valueLength(arena, moved), index, field, value)) {
    throw new Error(`packed map: ${needed} bytes do not fit into entry ${moved}`);
  }
  return moved;
}

/** Adds or updates where the record has room for it. */
function putAt(bytes: Buffer, start: number, end: number, index: number, field: Slice, value: Slice): boolean {
  if (index >= 0) return updatePacked(bytes, start, end, index, value);
  return packedCount(bytes, start) < PACKED_FIELDS_MAX && appendPacked(bytes, start, end, field, value);
}

/** Moves a packed map to a block with room for so many bytes. */
function resizePacked(db: Keyspace, key: Slice, ref: number, byteCount: number): number {
  const { arena } = db.store;
  const moved = createPacked(arena, entryType(arena, ref), key, byteCount, expiryOf(arena, ref));
  copyFlags(arena, ref, moved);
  copyRecord(arena, ref, moved);
  db.replace(key, ref, moved);
  return moved;
}

function copyFlags(arena: Arena, from: number, to: number): void {
  setFlag(arena, to, entryMeta(arena, from) & (TYPE_FLAG_A | TYPE_FLAG_B), true);
}

function copyRecord(arena: Arena, from: number, to: number): void {
  const fromStart = valueOffset(arena, from);
  const toStart = valueOffset(arena, to);
  copyPacked(
    entryBytes(arena, from), fromStart, fromStart + valueLength(arena, from),
    entryBytes(arena, to), toStart, toStart + valueLength(arena, to),
  );
}

/** Moves a packed map to a smaller block when it uses less than half of the one it has. */
function shrinkPacked(db: Keyspace, key: Slice, ref: number): number {
  const { arena } = db.store;
  const room = valueLength(arena, ref);
  if (room <= WASTE_MIN_BYTES || !arena.canGrow) return ref;
  const used = packedUsed(entryBytes(arena, ref), valueOffset(arena, ref));
  return used * 2 < room ? resizePacked(db, key, ref, used) : ref;
}

function convertToTable(db: Keyspace, key: Slice, ref: number): number {
  const moved = copyToTable(db, ref, key, expiryOf(db.store.arena, ref));
  db.replace(key, ref, moved);
  return moved;
}

/** The entry, in no keyspace yet, of a map with a table and the same fields and flags as `ref`. */
function copyToTable(db: Keyspace, ref: number, key: Slice, expiresAtMs: number): number {
  const { store } = db;
  const { arena } = store;
  const table = new FieldTable(store);
  forEachField(db, ref, (field, value, fieldExpiresAtMs) => {
    table.set(field, value);
    if (fieldExpiresAtMs > 0) table.setExpiry(field, fieldExpiresAtMs);
  });
  const copy = newTable(store, entryType(arena, ref), key, table, expiresAtMs);
  copyFlags(arena, ref, copy);
  return copy;
}

/** The entry, in no keyspace yet, of a map with this table. */
function newTable(store: Store, type: number, key: Slice, table: FieldTable, expiresAtMs: number): number {
  const { arena } = store;
  const ref = createEntry(arena, type, key, HANDLE_BYTES, expiresAtMs);
  setFlag(arena, ref, IS_STRUCTURE, true);
  entryBytes(arena, ref).writeInt32LE(store.keep(table), valueOffset(arena, ref));
  return ref;
}

// ---- expiry; the caller tells the keyspace when the first of a bucket's moments is another one (hash-value.ts)

/** Whether some field of the map expires, or did once. */
export function mayExpire(db: Keyspace, ref: number): boolean {
  if (isTable(db, ref)) return tableOf(db, ref).expiring !== undefined;
  const { arena } = db.store;
  return packedExpires(entryBytes(arena, ref), valueOffset(arena, ref));
}

/** When the first of the fields expires, in milliseconds since the epoch; 0 when none does. */
export function nextExpiryOfFields(db: Keyspace, ref: number): number {
  if (isTable(db, ref)) return tableOf(db, ref).nextExpiry;
  const { arena } = db.store;
  const bytes = entryBytes(arena, ref);
  const start = valueOffset(arena, ref);
  return packedExpires(bytes, start) ? nextPackedExpiry(bytes, start, start + valueLength(arena, ref)) : 0;
}

/** When a field expires; 0 for never, -1 when there is no such field. */
export function expiryOfField(db: Keyspace, ref: number, field: Slice): number {
  if (isTable(db, ref)) return tableOf(db, ref).expiryOf(field);
  const { arena } = db.store;
  const bytes = entryBytes(arena, ref);
  const start = valueOffset(arena, ref);
  const end = start + valueLength(arena, ref);
  const index = findPacked(bytes, start, end, field);
  return index < 0 ? -1 : packedExpiry(bytes, start, end, index);
}

/**
 * Sets when a field, which must be there, expires; 0 for never. Returns the bucket's ref, which may be another one;
 * `db.find` has just given `ref` for `key`. `field` must not lie in the map.
 */
export function setExpiryOfField(db: Keyspace, key: Slice, ref: number, field: Slice, expiresAtMs: number): number {
  const { arena } = db.store;
  if (isTable(db, ref)) {
    tableOf(db, ref).setExpiry(field, expiresAtMs);
    return ref;
  }
  const bytes = entryBytes(arena, ref);
  const start = valueOffset(arena, ref);
  const end = start + valueLength(arena, ref);
  const index = findPacked(bytes, start, end, field);
  if (setPackedExpiry(bytes, start, end, index, expiresAtMs)) return ref;
  const needed = packedUsed(bytes, start) + PACKED_EXPIRY_BYTES;
  const moved = needed > PACKED_BYTES_MAX
    ? convertToTable(db, key, ref)
    : resizePacked(db, key, ref, Math.min(needed + (needed >>> GROWTH_SHIFT), PACKED_BYTES_MAX));
  return setExpiryOfField(db, key, moved, field, expiresAtMs);
}

/** Remembers that a field of the map was, or was to be, given an expiry. */
export function noteExpiry(db: Keyspace, ref: number): void {
  if (isTable(db, ref)) return tableOf(db, ref).noteExpiry();
  markPackedExpires(entryBytes(db.store.arena, ref), valueOffset(db.store.arena, ref));
}

/** Points `field` to that which expires first, which there must be; it lies in the map. */
export function firstFieldToExpire(db: Keyspace, ref: number, field: Slice): Slice {
  if (isTable(db, ref)) return tableOf(db, ref).firstToExpire(field);
  const { arena } = db.store;
  const bytes = entryBytes(arena, ref);
  const start = valueOffset(arena, ref);
  const end = start + valueLength(arena, ref);
  const next = nextPackedExpiry(bytes, start, end);
  let index = 0;
  while (packedExpiry(bytes, start, end, index) !== next) index++;
  readPacked(bytes, start, end, index, field, new Slice());
  return field;
}

/** Takes a field out; false when there was none. Call `shrinkMap` when the last is out. */
export function deleteField(db: Keyspace, ref: number, field: Slice): boolean {
  if (isTable(db, ref)) return tableOf(db, ref).delete(field);
  const { arena } = db.store;
  const bytes = entryBytes(arena, ref);
  const start = valueOffset(arena, ref);
  const end = start + valueLength(arena, ref);
  const index = findPacked(bytes, start, end, field);
  if (index < 0) return false;
  removePacked(bytes, start, end, index);
  return true;
}

/** Gives back room that a map does not use, after fields were taken out. Returns its ref, which may be another one. */
export function shrinkMap(db: Keyspace, key: Slice, ref: number): number {
  return isTable(db, ref) ? ref : shrinkPacked(db, key, ref);
}

/**
 * A copy of a map for a bucket called `key`, with the flags of its type. The copy's
 * entry is in no keyspace: the caller adds it. `expiresAtMs` 0 means that the copy does not expire.
 */
export function copyMap(db: Keyspace, ref: number, key: Slice, expiresAtMs: number): number {
  if (isTable(db, ref)) return copyToTable(db, ref, key, expiresAtMs);
  const { arena } = db.store;
  const used = packedUsed(entryBytes(arena, ref), valueOffset(arena, ref));
  const copy = createPacked(arena, entryType(arena, ref), key, used, expiresAtMs);
  copyFlags(arena, ref, copy);
  copyRecord(arena, ref, copy);
  return copy;
}

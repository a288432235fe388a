/**
 * Hash values: buckets with entries, in commands called fields. Handlers find the bucket and call these functions. How
 * fields are kept is in map-value.ts; here is what only hashes have.
 *
 * How a hash is kept and what OBJECT ENCODING shows are two things. The shown encoding turns from `listpack` to
 * `hashtable` where redis-server's would, and a flag remembers it. But a hash of a few longer values stays packed all
 * the same.
 */
import type { Arena } from './arena.js';
import { HASH, TYPE_FLAG_A, TYPE_FLAG_B, hasFlag, setFlag } from './entry.js';
import type { Keyspace } from './keyspace.js';
import {
  deleteField as takeOut, expiryOfField, fieldCount, firstFieldToExpire, mayExpire, newMap, nextExpiryOfFields,
  noteExpiry, putField, setExpiryOfField, shrinkMap,
} from './map-value.js';
import type { SmallMap } from './small-map.js';
import { Slice } from '../util/bytes.js';

export {
  copyMap as copyHash, expiryOfField as fieldExpiry, fieldCount, forEachField, getField, liveFieldCount,
  mapBytes as hashBytes, nextExpiryOfFields as nextFieldExpiry, randomField, sampleFields, scanAllFields, scanFields,
} from './map-value.js';

/** The hash has outgrown its settings, and is shown with encoding `hashtable` however small it gets. */
const SHOWN_AS_TABLE = TYPE_FLAG_A;
/** The hash was made with BUCKET CREATE: it stays when its last field goes. */
const STAYS_WHEN_EMPTY = TYPE_FLAG_B;

/** The encoding as OBJECT ENCODING shows it. */
export function hashEncoding(db: Keyspace, ref: number): 'listpack' | 'listpackex' | 'hashtable' {
  if (hasFlag(db.store.arena, ref, SHOWN_AS_TABLE)) return 'hashtable';
  return mayExpire(db, ref) ? 'listpackex' : 'listpack';
}

/** Shows a hash as `listpack` however long its values are, unless it has too many fields: it came as one. */
export function showAsListpack(db: Keyspace, ref: number): void {
  setFlag(db.store.arena, ref, SHOWN_AS_TABLE, fieldCount(db, ref) > db.store.encodingLimits.hashEntriesMax);
}

/** Whether the hash stays when its last field goes. */
export function staysWhenEmpty(arena: Arena, ref: number): boolean {
  return hasFlag(arena, ref, STAYS_WHEN_EMPTY);
}

/** Makes a hash stay when its last field goes. */
export function keepWhenEmpty(arena: Arena, ref: number): void {
  setFlag(arena, ref, STAYS_WHEN_EMPTY, true);
}

/**
 * Adds an empty hash under `key`, for which `db.find` has just found nothing, and gives its entry's ref. It has room
 * for so many bytes of fields, each counted by `packedFieldBytes`.
 */
export function createHash(db: Keyspace, key: Slice, fieldsBytes = 0): number {
  const ref = newMap(db.store.arena, HASH, key, fieldsBytes, 0);
  db.add(key, ref);
  return ref;
}

/** The entry, in no keyspace yet, of a hash with these fields. */
export function newHashOf(db: Keyspace, key: Slice, fields: SmallMap, expiresAtMs: number): number {
  const { arena, encodingLimits } = db.store;
  const ref = fields.toEntry(arena, HASH, key, expiresAtMs);
  const { hashEntriesMax, hashValueBytesMax } = encodingLimits;
  setFlag(arena, ref, SHOWN_AS_TABLE, fields.longest > hashValueBytesMax || fields.count > hashEntriesMax);
  return ref;
}

/**
 * Gives a field a value, and adds the field when it is new; it does not expire any more. Returns the bucket's ref,
 * which may be another one; `db.find` has just given `ref` for `key`. `field` and `value` must not lie in the hash.
 */
export function setField(db: Keyspace, key: Slice, ref: number, field: Slice, value: Slice): number {
  const kept = updateField(db, key, ref, field, value);
  if (!db.hasFieldsThatExpire || expiryOfField(db, kept, field) <= 0) return kept;
  return setFieldExpiry(db, key, kept, field, 0);
}

/** As `setField`, but a field that expires goes on to do so. */
export function updateField(db: Keyspace, key: Slice, ref: number, field: Slice, value: Slice): number {
  const kept = putField(db, key, ref, field, value);
  noteEncoding(db, kept, field, value);
  return kept;
}

function noteEncoding(db: Keyspace, ref: number, field: Slice, value: Slice): void {
  const { arena, encodingLimits } = db.store;
  const { hashEntriesMax, hashValueBytesMax } = encodingLimits;
  if (field.length > hashValueBytesMax || value.length > hashValueBytesMax || fieldCount(db, ref) > hashEntriesMax) {
    setFlag(arena, ref, SHOWN_AS_TABLE, true);
  }
}

/** Takes a field out; false when there was none. Call `settleHash` when the last is out. */
export function deleteField(db: Keyspace, ref: number, field: Slice): boolean {
  if (!db.hasFieldsThatExpire) return takeOut(db, ref, field);
  const before = nextExpiryOfFields(db, ref);
  const isDeleted = takeOut(db, ref, field);
  db.fieldExpiryChanged(ref, before);
  return isDeleted;
}

/**
 * Sets when a field, which must be there, expires, in milliseconds since the epoch; 0 for never. Returns the bucket's
 * ref, which may be another one; `db.find` has just given `ref` for `key`. `field` must not lie in the hash.
 */
export function setFieldExpiry(db: Keyspace, key: Slice, ref: number, field: Slice, expiresAtMs: number): number {
  noteExpiry(db, ref);
  const before = nextExpiryOfFields(db, ref);
  const kept = setExpiryOfField(db, key, ref, field, expiresAtMs);
  db.fieldExpiryChanged(kept, before);
  return kept;
}

/** From now on the hash is shown as one whose fields may expire. */
export function showAsExpiring(db: Keyspace, ref: number): void {
  noteExpiry(db, ref);
}

const due = new Slice();

/**
 * Removes up to `most` fields whose time has come, soonest first, and tells the store's hooks. Returns the bucket's
 * ref, which may be another one, or 0 when it was removed with its last field. `key` must not lie in the entry, and its
 * hash must be known.
 */
export function expireFields(db: Keyspace, key: Slice, ref: number, most: number): number {
  const { store } = db;
  const before = nextExpiryOfFields(db, ref);
  let removed = 0;
  for (let next = before; removed < most && next > 0 && next <= store.nowMs; removed++) {
    firstFieldToExpire(db, ref, due);
    store.onFieldExpired?.(db, key, due);
    takeOut(db, ref, due);
    next = nextExpiryOfFields(db, ref);
  }
  if (removed === 0) return ref;
  db.fieldExpiryChanged(ref, before);
  store.expiredFields += removed;
  const kept = settleHash(db, key, ref);
  store.onFieldsExpired?.(db, key, kept === 0);
  return kept;
}

/**
 * After fields were taken out: removes the bucket when it is empty and need not stay, and gives back room that is not
 * used. Returns the bucket's ref, which may be another one, or 0 when it was removed.
 */
export function settleHash(db: Keyspace, key: Slice, ref: number): number {
  if (fieldCount(db, ref) === 0 && !staysWhenEmpty(db.store.arena, ref)) {
    db.remove(key, ref);
    return 0;
  }
  return shrinkMap(db, key, ref);
}

/**
 * Look-ups as commands make them. All of them delete a bucket that has expired and do not find it. Those for reading
 * count hits and misses for INFO, and a miss is a keyspace event. A look-up counts as a use of the bucket, unless it
 * only peeks or the client leaves no mark (CLIENT NO-TOUCH). What SET puts in a bucket's place is new, hence used now.
 */
import type { Context } from './context.js';
import { wrongType } from '../errors.js';
import { HASH, entryType } from '../store/entry.js';
import { expireFields } from '../store/hash-value.js';
import type { Slice } from '../util/bytes.js';

/**
 * The entry of a bucket that a command reads, or 0 when there is none. Throws wrongType() when it holds another type.
 */
export function findForRead(context: Context, key: Slice, type: number): number {
  const ref = findAnyForRead(context, key);
  if (ref !== 0 && entryType(context.store.arena, ref) !== type) throw wrongType();
  return ref !== 0 && type === HASH && context.db.hasExpiredFields ? withoutExpiredFields(context, key, ref) : ref;
}

/** A look-up removes so many fields at most whose time has come; readers pass over the others. */
const EXPIRED_AT_ONCE = 512;

/**
 * The entry of the hash `ref` once fields whose time has come are removed from it: `key` as it was looked up. 0 when it
 * went with its last field.
 */
export function withoutExpiredFields({ db }: Context, key: Slice, ref: number): number {
  return expireFields(db, key, ref, EXPIRED_AT_ONCE);
}

/** As `findForRead`, of whatever type. */
export function findAnyForRead(context: Context, key: Slice): number {
  return counted(context, key, findAnyForWrite(context, key));
}

/** As `findAnyForRead`, for TOUCH, which counts as a use even for a client that otherwise leaves no mark. */
export function touchForRead(context: Context, key: Slice): number {
  return counted(context, key, context.db.find(key));
}

/** As `findAnyForRead`, for commands that do not count as a use of the bucket (TTL, TYPE, EXISTS, OBJECT). */
export function peekForRead(context: Context, key: Slice): number {
  return counted(context, key, context.db.peek(key));
}

/** As `peekForRead`, of which a miss is no event (OBJECT). */
export function peekQuietly({ store, db }: Context, key: Slice): number {
  const ref = db.peek(key);
  if (ref !== 0) store.hits++;
  else store.misses++;
  return ref;
}

function counted(context: Context, key: Slice, ref: number): number {
  const { store } = context;
  if (ref !== 0) store.hits++;
  else {
    store.misses++;
    if (store.onMissed !== undefined) store.onMissed(context.db, key);
  }
  return ref;
}

/**
 * The entry of a bucket that a command changes, or 0 when there is none. Throws wrongType() when it holds another type.
 */
export function findForWrite(context: Context, key: Slice, type: number): number {
  const ref = findAnyForWrite(context, key);
  if (ref !== 0 && entryType(context.store.arena, ref) !== type) throw wrongType();
  return ref !== 0 && type === HASH && context.db.hasExpiredFields ? withoutExpiredFields(context, key, ref) : ref;
}

/** As `findForWrite`, of whatever type. */
export function findAnyForWrite({ client, db }: Context, key: Slice): number {
  return client.isUntouching ? db.peek(key) : db.find(key);
}

/**
 * BUCKET PUT, GET and DELETE: one entry of a bucket, in the words of the line protocol, whose verbs become these
 * requests (listeners/line-grammar.ts). They differ from HSET, HGET and HDEL in one thing: a bucket that is not there
 * is an error and is not made. The look-up and the change are one step, which two commands would not be.
 */
import type { Context } from './context.js';
import { tellEntryDeleted, tellEntrySet } from './bucket-lines.js';
import { findAnyForRead, findAnyForWrite, withoutExpiredFields } from './lookup.js';
import { type CommandSpec, type Handler, oneKey } from './spec.js';
import { bucketHolds, noBucket } from '../errors.js';
import { HASH, TYPE_NAMES, entryType } from '../store/entry.js';
import { deleteField, getField, setField, settleHash } from '../store/hash-value.js';
import { Slice } from '../util/bytes.js';

/** Throws bucketHolds() when the bucket `ref` holds anything but entries. */
export function checkHoldsEntries(context: Context, key: Slice, ref: number): void {
  const type = entryType(context.store.arena, ref);
  if (type !== HASH) throw bucketHolds(key.text(), TYPE_NAMES[type]!);
}

/** `ref` when a bucket with entries is there. Throws noBucket() for 0 and bucketHolds() for another type. */
function requireEntries(context: Context, key: Slice, ref: number): number {
  if (ref === 0) throw noBucket(key.text());
  checkHoldsEntries(context, key, ref);
  if (!context.db.hasExpiredFields) return ref;
  const kept = withoutExpiredFields(context, key, ref);
  if (kept === 0) throw noBucket(key.text());
  return kept;
}

const put: Handler = (context, args, reply) => {
  const key = args.slice(2);
  const ref = requireEntries(context, key, findAnyForWrite(context, key));
  setField(context.db, key, ref, args.slice(3), args.slice(4));
  context.recordAs('HSET', key, args.slice(3), args.slice(4));
  context.changed(key, 'h', 'hset');
  tellEntrySet(context, key, args.slice(3), args.slice(4));
  reply.ok();
};

const value = new Slice();

const get: Handler = (context, args, reply) => {
  const key = args.slice(2);
  const ref = requireEntries(context, key, findAnyForRead(context, key));
  if (getField(context.db, ref, args.slice(3), value)) reply.slice(value);
  else reply.nil();
};

const remove: Handler = (context, args, reply) => {
  const key = args.slice(2);
  const ref = requireEntries(context, key, findAnyForWrite(context, key));
  const wasThere = deleteField(context.db, ref, args.slice(3));
  // Whoever listens is told of the deletion of an entry that was not there, too.
  tellEntryDeleted(context, key, args.slice(3));
  if (!wasThere) return reply.integer(0);
  const isGone = settleHash(context.db, key, ref) === 0;
  context.recordAs('HDEL', key, args.slice(3));
  context.changed(key, 'h', 'hdel');
  if (isGone) context.changed(key, 'g', 'del');
  reply.integer(1);
};

const shared = {
  categories: ['hash'], routing: 'one_shard', group: 'hash', since: '0.1.0', complexity: 'O(1)',
} as const;

/** Subcommands of BUCKET. */
export const bucketEntryCommands: readonly CommandSpec[] = [
  {
    ...shared, name: 'put', arity: 5, flags: ['write', 'denyoom', 'fast'], keys: oneKey('RW update', 2),
    summary: 'Gives a field of a bucket a value. The bucket must be there.', syntax: 'name field value', handler: put,
  },
  {
    ...shared, name: 'get', arity: 4, flags: ['readonly', 'fast'], keys: oneKey('RO access', 2),
    summary: 'Gives the value of a field of a bucket. The bucket must be there.', syntax: 'name field', handler: get,
  },
  {
    ...shared, name: 'delete', arity: 4, flags: ['write', 'fast'], keys: oneKey('RW delete', 2),
    summary: 'Deletes a field of a bucket. The bucket must be there.', syntax: 'name field', handler: remove,
  },
];

/** The string commands. A string is a bucket that holds one value of bytes. */
import type { CommandSpec, Handler } from './spec.js';
import { oneKey } from './spec.js';
import type { Context } from './context.js';
import { wrongType } from '../errors.js';
import { STRING, entryBytes, entryType, valueLength, valueOffset } from '../store/entry.js';
import { putString } from '../store/string-value.js';
import type { Slice } from '../util/bytes.js';

/** The entry of a string bucket, or 0 when there is none. Throws wrongType() when the bucket holds another type. */
function findString(context: Context, key: Slice): number {
  const ref = context.db.find(key);
  if (ref !== 0 && entryType(context.store.arena, ref) !== STRING) throw wrongType();
  return ref;
}

const get: Handler = (context, args, reply) => {
  const ref = findString(context, args.slice(1));
  if (ref === 0) return reply.nil();
  const { arena } = context.store;
  reply.bulk(entryBytes(arena, ref), valueOffset(arena, ref), valueLength(arena, ref));
};

const set: Handler = (context, args, reply) => {
  const key = args.slice(1);
  const ref = context.db.find(key);
  putString(context.db, key, ref, args.slice(2), 0);
  context.changed(key, '$', 'set');
  reply.ok();
};

export const stringCommands: readonly CommandSpec[] = [
  {
    name: 'get', arity: 2, flags: ['readonly', 'fast'], keys: oneKey('RO access'), categories: ['string'],
    routing: 'one_shard', group: 'string', since: '1.0.0', complexity: 'O(1)',
    summary: 'Gives the value of a string.', syntax: 'key', handler: get,
  },
  {
    name: 'set', arity: -3, flags: ['write', 'denyoom'], keys: oneKey('RW access update variable_flags'),
    categories: ['string'], routing: 'one_shard', group: 'string', since: '1.0.0', complexity: 'O(1)',
    summary: 'Stores a string, whatever the bucket held before.', syntax: 'key value', handler: set,
  },
];

/**
 * The hash commands. A hash is a bucket with entries, which these commands call fields. Those that add to a number in
 * a field are in hash-counters.ts, those that draw fields or walk over them in hash-walk.ts.
 */
import type { CommandSpec, Handler } from './spec.js';
import { oneKey } from './spec.js';
import type { Context } from './context.js';
import { tellEntryDeleted, tellEntrySet } from './bucket-lines.js';
import { findForRead, findForWrite } from './lookup.js';
import { wrongArity } from '../errors.js';
import type { Args } from '../protocol/args.js';
import { HASH } from '../store/entry.js';
import {
  createHash, deleteField, fieldCount, forEachField, getField, liveFieldCount, setField, settleHash,
} from '../store/hash-value.js';
import { packedFieldBytes } from '../store/packed-map.js';
import { Slice } from '../util/bytes.js';

/** Where a look-up puts the value that it found; each handler is done with it before it returns. */
const found = new Slice();

// ---- reading

const hget: Handler = (context, args, reply) => {
  const ref = findForRead(context, args.slice(1), HASH);
  if (ref !== 0 && getField(context.db, ref, args.slice(2), found)) reply.slice(found);
  else reply.nil();
};

const hmget: Handler = (context, args, reply) => {
  const ref = findForRead(context, args.slice(1), HASH);
  reply.array(args.count - 2);
  for (let index = 2; index < args.count; index++) {
    if (ref !== 0 && getField(context.db, ref, args.slice(index), found)) reply.slice(found);
    else reply.nil();
  }
};

const hexists: Handler = (context, args, reply) => {
  const ref = findForRead(context, args.slice(1), HASH);
  reply.integer(ref !== 0 && getField(context.db, ref, args.slice(2), found) ? 1 : 0);
};

const hstrlen: Handler = (context, args, reply) => {
  const ref = findForRead(context, args.slice(1), HASH);
  reply.integer(ref !== 0 && getField(context.db, ref, args.slice(2), found) ? found.length : 0);
};

const hlen: Handler = (context, args, reply) => {
  const ref = findForRead(context, args.slice(1), HASH);
  reply.integer(ref === 0 ? 0 : fieldCount(context.db, ref));
};

const hgetall: Handler = (context, args, reply) => {
  const ref = findForRead(context, args.slice(1), HASH);
  if (ref === 0) return reply.map(0);
  reply.map(liveFieldCount(context.db, ref));
  forEachField(context.db, ref, (field, value) => {
    reply.slice(field);
    reply.slice(value);
  });
};

const hkeys: Handler = (context, args, reply) => {
  const ref = findForRead(context, args.slice(1), HASH);
  if (ref === 0) return reply.array(0);
  reply.array(liveFieldCount(context.db, ref));
  forEachField(context.db, ref, (field) => reply.slice(field));
};

const hvals: Handler = (context, args, reply) => {
  const ref = findForRead(context, args.slice(1), HASH);
  if (ref === 0) return reply.array(0);
  reply.array(liveFieldCount(context.db, ref));
  forEachField(context.db, ref, (_field, value) => reply.slice(value));
};

// ---- changing

/** Sets the fields that HSET and HMSET name, and gives how many are new. Throws wrongArity() and wrongType(). */
function setFields(context: Context, args: Args, command: string): number {
  if (args.count % 2 === 1) throw wrongArity(command);
  const { db } = context;
  const key = args.slice(1);
  let ref = findForWrite(context, key, HASH);
  if (ref === 0) ref = createHash(db, key, fieldBytes(args));
  const before = fieldCount(db, ref);
  for (let index = 2; index < args.count; index += 2) {
    ref = setField(db, key, ref, args.slice(index), args.slice(index + 1));
    tellEntrySet(context, key, args.slice(index), args.slice(index + 1));
  }
  context.changed(key, 'h', 'hset');
  return fieldCount(db, ref) - before;
}

/** The room that the fields of HSET's arguments take in a small hash. */
function fieldBytes(args: Args): number {
  let byteCount = 0;
  for (let index = 2; index < args.count; index += 2) {
    byteCount += packedFieldBytes(args.lengths[index]!, args.lengths[index + 1]!);
  }
  return byteCount;
}

const hset: Handler = (context, args, reply) => reply.integer(setFields(context, args, 'hset'));

const hmset: Handler = (context, args, reply) => {
  setFields(context, args, 'hmset');
  reply.ok();
};

const hsetnx: Handler = (context, args, reply) => {
  const { db } = context;
  const key = args.slice(1);
  const field = args.slice(2);
  let ref = findForWrite(context, key, HASH);
  if (ref !== 0 && getField(db, ref, field, found)) return reply.integer(0);
  if (ref === 0) ref = createHash(db, key, fieldBytes(args));
  setField(db, key, ref, field, args.slice(3));
  context.changed(key, 'h', 'hset');
  tellEntrySet(context, key, field, args.slice(3));
  reply.integer(1);
};

const hdel: Handler = (context, args, reply) => {
  const { db } = context;
  const key = args.slice(1);
  const ref = findForWrite(context, key, HASH);
  if (ref === 0) return reply.integer(0);
  let deleted = 0;
  for (let index = 2; index < args.count; index++) {
    const field = args.slice(index);
    if (!deleteField(db, ref, field)) continue;
    deleted++;
    tellEntryDeleted(context, key, field);
  }
  if (deleted > 0) finishDeletion(context, key, ref);
  reply.integer(deleted);
};

function finishDeletion(context: Context, key: Slice, ref: number): void {
  const isGone = settleHash(context.db, key, ref) === 0;
  context.changed(key, 'h', 'hdel');
  if (isGone) context.changed(key, 'g', 'del');
}

const HASH_RECORD = { categories: ['hash'], routing: 'one_shard', group: 'hash' } as const;
const ANY_ORDER = ['nondeterministic_output_order'] as const;

export const hashCommands: readonly CommandSpec[] = [
  {
    name: 'hdel', arity: -3, flags: ['write', 'fast'], keys: oneKey('RW delete'), ...HASH_RECORD, since: '2.0.0',
    complexity: 'O(N) where N is the number of fields to be removed.',
    summary: 'Deletes fields, and with the last one the hash.', syntax: 'key field [field ...]',
    history: [['2.4.0', 'Accepts multiple `field` arguments.']], handler: hdel,
  },
  {
    name: 'hexists', arity: 3, flags: ['readonly', 'fast'], keys: oneKey('RO'), ...HASH_RECORD, since: '2.0.0',
    complexity: 'O(1)', summary: 'Tells whether a hash has a field.', syntax: 'key field', handler: hexists,
  },
  {
    name: 'hget', arity: 3, flags: ['readonly', 'fast'], keys: oneKey('RO access'), ...HASH_RECORD, since: '2.0.0',
    complexity: 'O(1)', summary: 'Gives the value of a field.', syntax: 'key field', handler: hget,
  },
  {
    name: 'hgetall', arity: 2, flags: ['readonly'], keys: oneKey('RO access'), ...HASH_RECORD, tips: ANY_ORDER,
    since: '2.0.0', complexity: 'O(N) where N is the size of the hash.',
    summary: 'Gives all fields with their values.', syntax: 'key', handler: hgetall,
  },
  {
    name: 'hkeys', arity: 2, flags: ['readonly'], keys: oneKey('RO access'), ...HASH_RECORD, tips: ANY_ORDER,
    since: '2.0.0', complexity: 'O(N) where N is the size of the hash.', summary: 'Gives all fields.', syntax: 'key',
    handler: hkeys,
  },
  {
    name: 'hlen', arity: 2, flags: ['readonly', 'fast'], keys: oneKey('RO'), ...HASH_RECORD, since: '2.0.0',
    complexity: 'O(1)', summary: 'Counts the fields.', syntax: 'key', handler: hlen,
  },
  {
    name: 'hmget', arity: -3, flags: ['readonly', 'fast'], keys: oneKey('RO access'), ...HASH_RECORD, since: '2.0.0',
    complexity: 'O(N) where N is the number of fields being requested.', summary: 'Gives the values of several fields.',
    syntax: 'key field [field ...]', handler: hmget,
  },
  {
    name: 'hmset', arity: -4, flags: ['write', 'denyoom', 'fast'], keys: oneKey('RW update'), ...HASH_RECORD,
    since: '2.0.0', complexity: 'O(N) where N is the number of fields being set.', summary: 'Sets several fields.',
    syntax: 'key field value [field value ...]',
    deprecated: { since: '4.0.0', replacedBy: '`HSET` with multiple field-value pairs' }, handler: hmset,
  },
  {
    name: 'hset', arity: -4, flags: ['write', 'denyoom', 'fast'], keys: oneKey('RW update'), ...HASH_RECORD,
    since: '2.0.0',
    complexity: 'O(1) for each field/value pair added, so O(N) to add N field/value pairs when the command is called with multiple field/value pairs.',
    summary: 'Sets fields, and creates the hash when there is none.', syntax: 'key field value [field value ...]',
    history: [['4.0.0', 'Accepts multiple `field` and `value` arguments.']], handler: hset,
  },
  {
    name: 'hsetnx', arity: 4, flags: ['write', 'denyoom', 'fast'], keys: oneKey('RW insert'), ...HASH_RECORD,
    since: '2.0.0', complexity: 'O(1)', summary: 'Sets a field that is not there yet.', syntax: 'key field value',
    handler: hsetnx,
  },
  {
    name: 'hstrlen', arity: 3, flags: ['readonly', 'fast'], keys: oneKey('RO'), ...HASH_RECORD, since: '3.2.0',
    complexity: 'O(1)', summary: 'Gives the length of a field\'s value.', syntax: 'key field', handler: hstrlen,
  },
  {
    name: 'hvals', arity: 2, flags: ['readonly'], keys: oneKey('RO access'), ...HASH_RECORD, tips: ANY_ORDER,
    since: '2.0.0', complexity: 'O(N) where N is the size of the hash.', summary: 'Gives all values.', syntax: 'key',
    handler: hvals,
  },
];

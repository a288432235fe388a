/**
 * The string commands that read and write whole values. A string is a bucket that holds one value of bytes. What works
 * on parts of it is in string-range.ts, on the number in it in string-counters.ts, on its bits in bitmap.ts.
 */
import { MILLISECONDS, SECONDS, type TimeUnit, momentText, readExpiry, readTimeUnit } from './arguments.js';
import { findAnyForRead, findAnyForWrite, findForRead } from './lookup.js';
import type { CommandSpec, Handler } from './spec.js';
import { keyRange, oneKey } from './spec.js';
import type { Context } from './context.js';
import { syntaxError, wrongArity } from '../errors.js';
import type { Args } from '../protocol/args.js';
import type { ReplyWriter } from '../protocol/reply-writer.js';
import { HAS_EXPIRY, STRING, entryBytes, entryType, expiryOf, hasFlag, valueLength, valueOffset } from '../store/entry.js';
import { putString } from '../store/string-value.js';
import { Slice } from '../util/bytes.js';

/** Replies with a string bucket's value, or with nil when `ref` is 0. */
function replyValue(context: Context, ref: number, reply: ReplyWriter): void {
  if (ref === 0) return reply.nil();
  const { arena } = context.store;
  reply.bulk(entryBytes(arena, ref), valueOffset(arena, ref), valueLength(arena, ref));
}

const get: Handler = (context, args, reply) => {
  replyValue(context, findForRead(context, args.slice(1), STRING), reply);
};

const set: Handler = (context, args, reply) => {
  if (args.count > 3) return setWithOptions(context, args, reply);
  const key = args.slice(1);
  putString(context.db, key, context.db.find(key), args.slice(2), 0);
  context.changed(key, '$', 'set');
  reply.ok();
};

/** What SET and GETEX are told behind the key and the value. */
interface Options {
  condition?: 'NX' | 'XX';
  givesOldValue?: boolean;
  keepsTtl?: boolean;
  persists?: boolean;
  /** The unit of the expiry, and which argument it is. */
  expiry?: { unit: TimeUnit; at: number };
}

/**
 * The options from argument `from` on. `command` says which there are: SET has conditions, GET and KEEPTTL, GETEX has
 * PERSIST, both have expiries. Throws syntaxError().
 *
 * An option may be said twice, and the later expiry counts; options that contradict each other are refused.
 * Source: parseExtendedStringArgumentsOrReply() in redis's t_string.c.
 */
function readOptions(args: Args, from: number, command: 'set' | 'getex'): Options {
  const options: Options = {};
  for (let at = from; at < args.count; at++) {
    const unit = readTimeUnit(args, at);
    if (unit !== undefined) {
      if (!takesExpiry(options, unit) || at + 1 === args.count) throw syntaxError();
      options.expiry = { unit, at: ++at };
    } else if (command === 'set') readSetOption(args, at, options);
    else if (args.is(at, 'PERSIST') && options.expiry === undefined) options.persists = true;
    else throw syntaxError();
  }
  return options;
}

function takesExpiry({ keepsTtl, persists, expiry }: Options, unit: TimeUnit): boolean {
  return !keepsTtl && !persists && (expiry === undefined || expiry.unit === unit);
}

function readSetOption(args: Args, at: number, options: Options): void {
  if (args.is(at, 'NX') && options.condition !== 'XX') options.condition = 'NX';
  else if (args.is(at, 'XX') && options.condition !== 'NX') options.condition = 'XX';
  else if (args.is(at, 'GET')) options.givesOldValue = true;
  else if (args.is(at, 'KEEPTTL') && options.expiry === undefined) options.keepsTtl = true;
  else throw syntaxError();
}

function setWithOptions(context: Context, args: Args, reply: ReplyWriter): void {
  const { condition, givesOldValue, keepsTtl, expiry } = readOptions(args, 3, 'set');
  const key = args.slice(1);
  const { arena, nowMs } = context.store;
  const newExpiry = expiry && readExpiry(args, expiry.at, expiry.unit, nowMs, 'set');
  const ref = givesOldValue ? findForRead(context, key, STRING) : context.db.find(key);
  if (givesOldValue) replyValue(context, ref, reply);
  if (condition !== undefined && (condition === 'NX') === (ref !== 0)) {
    if (!givesOldValue) reply.nil();
    return;
  }
  const keptExpiry = keepsTtl && ref !== 0 ? expiryOf(arena, ref) : 0;
  store(context, key, ref, args.slice(2), newExpiry ?? keptExpiry, newExpiry !== undefined);
  if (newExpiry !== undefined) recordExpiring(context, key, args.slice(2), newExpiry);
  if (!givesOldValue) reply.ok();
}

/** Stores a string and says so; `expires` when an expiry was set with it. */
function store(context: Context, key: Slice, ref: number, value: Slice, expiresAtMs: number, expires: boolean): void {
  putString(context.db, key, ref, value, expiresAtMs);
  context.changed(key, '$', 'set');
  if (expires) context.changed(key, 'g', 'expire');
}

/** For the append log: the moment in place of the span. */
function recordExpiring(context: Context, key: Slice, value: Slice, expiresAtMs: number): void {
  context.recordAs('SET', key, value, 'PXAT', momentText(expiresAtMs));
}

const setnx: Handler = (context, args, reply) => {
  const key = args.slice(1);
  const ref = findAnyForWrite(context, key);
  if (ref === 0) store(context, key, 0, args.slice(2), 0, false);
  reply.integer(ref === 0 ? 1 : 0);
};

const setWithTtl = (command: string, unit: TimeUnit): Handler => (context, args, reply) => {
  const expiresAtMs = readExpiry(args, 2, unit, context.store.nowMs, command);
  const key = args.slice(1);
  store(context, key, context.db.find(key), args.slice(3), expiresAtMs, true);
  recordExpiring(context, key, args.slice(3), expiresAtMs);
  reply.ok();
};

const getset: Handler = (context, args, reply) => {
  const key = args.slice(1);
  const ref = findForRead(context, key, STRING);
  replyValue(context, ref, reply);
  store(context, key, ref, args.slice(2), 0, false);
};

const getdel: Handler = (context, args, reply) => {
  const key = args.slice(1);
  const ref = findForRead(context, key, STRING);
  replyValue(context, ref, reply);
  if (ref === 0) return;
  context.db.remove(key, ref);
  context.changed(key, 'g', 'del');
};

const getex: Handler = (context, args, reply) => {
  const { persists, expiry } = readOptions(args, 2, 'getex');
  const key = args.slice(1);
  const ref = findForRead(context, key, STRING);
  if (ref === 0) return reply.nil();
  const { nowMs, arena } = context.store;
  const expiresAtMs = expiry && readExpiry(args, expiry.at, expiry.unit, nowMs, 'getex');
  replyValue(context, ref, reply);
  if (expiresAtMs !== undefined) expireNowOrLater(context, key, ref, expiresAtMs);
  else if (persists && hasFlag(arena, ref, HAS_EXPIRY)) {
    context.db.expireAt(key, ref, 0);
    context.recordAs('PERSIST', key);
    context.changed(key, 'g', 'persist');
  }
};

/** A moment that has passed deletes the bucket at once. */
function expireNowOrLater(context: Context, key: Slice, ref: number, expiresAtMs: number): void {
  const isPast = expiresAtMs <= context.store.nowMs;
  if (isPast) context.recordAs('DEL', key);
  else context.recordAs('PEXPIREAT', key, momentText(expiresAtMs));
  if (isPast) context.db.remove(key, ref);
  else context.db.expireAt(key, ref, expiresAtMs);
  context.changed(key, 'g', isPast ? 'del' : 'expire');
}

/** Commands over any number of keys look at them through one slice each, not through one a key. */
const manyKey = new Slice();
const manyValue = new Slice();

function point(slice: Slice, args: Args, index: number): Slice {
  return slice.set(args.bytes, args.offsets[index]!, args.lengths[index]!);
}

const mget: Handler = (context, args, reply) => {
  const { arena } = context.store;
  reply.array(args.count - 1);
  for (let index = 1; index < args.count; index++) {
    const ref = findAnyForRead(context, point(manyKey, args, index));
    replyValue(context, ref !== 0 && entryType(arena, ref) === STRING ? ref : 0, reply);
  }
};

const mset: Handler = (context, args, reply) => {
  if (args.count % 2 === 0) throw wrongArity('mset');
  storeAll(context, args);
  reply.ok();
};

const msetnx: Handler = (context, args, reply) => {
  if (args.count % 2 === 0) throw wrongArity('msetnx');
  for (let index = 1; index < args.count; index += 2) {
    if (findAnyForWrite(context, point(manyKey, args, index)) !== 0) return reply.integer(0);
  }
  try {
    storeAll(context, args);
  } catch (error) {
    // All or none, even if there is no room for all: none of them was there before.
    for (let index = 1; index < args.count; index += 2) removeStored(context, point(manyKey, args, index));
    throw error;
  }
  reply.integer(1);
};

function removeStored(context: Context, key: Slice): void {
  const ref = context.db.find(key);
  if (ref === 0) return;
  context.db.remove(key, ref);
  context.changed(key, 'g', 'del');
}

function storeAll(context: Context, args: Args): void {
  for (let index = 1; index < args.count; index += 2) {
    const key = point(manyKey, args, index);
    store(context, key, context.db.find(key), point(manyValue, args, index + 1), 0, false);
  }
}

const EXPIRY_SYNTAX = 'EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT unix-time-milliseconds';

export const stringCommands: readonly CommandSpec[] = [
  {
    name: 'get', arity: 2, flags: ['readonly', 'fast'], keys: oneKey('RO access'), categories: ['string'],
    routing: 'one_shard', group: 'string', since: '1.0.0', complexity: 'O(1)',
    summary: 'Gives the value of a string.', syntax: 'key', handler: get,
  },
  {
    name: 'set', arity: -3, flags: ['write', 'denyoom'],
    keys: oneKey('RW access update variable_flags', 1, 'RW and ACCESS due to the optional `GET` argument'),
    categories: ['string'], routing: 'one_shard', group: 'string', since: '1.0.0', complexity: 'O(1)',
    summary: 'Stores a string, whatever the bucket held before.',
    syntax: `key value [NX|XX] [GET] [${EXPIRY_SYNTAX}|KEEPTTL]`,
    history: [
      ['2.6.12', 'Added the `EX`, `PX`, `NX` and `XX` options.'],
      ['6.0.0', 'Added the `KEEPTTL` option.'],
      ['6.2.0', 'Added the `GET`, `EXAT` and `PXAT` option.'],
      ['7.0.0', 'Allowed the `NX` and `GET` options to be used together.'],
    ],
    handler: set,
  },
  {
    name: 'setnx', arity: 3, flags: ['write', 'denyoom', 'fast'], keys: oneKey('OW insert'), categories: ['string'],
    routing: 'one_shard', group: 'string', since: '1.0.0', complexity: 'O(1)',
    summary: 'Stores a string where there is no bucket yet.', syntax: 'key value', handler: setnx,
  },
  {
    name: 'setex', arity: 4, flags: ['write', 'denyoom'], keys: oneKey('OW update'), categories: ['string'],
    routing: 'one_shard', group: 'string', since: '2.0.0', complexity: 'O(1)',
    summary: 'Stores a string that expires after a number of seconds.', syntax: 'key seconds value',
    handler: setWithTtl('setex', SECONDS),
  },
  {
    name: 'psetex', arity: 4, flags: ['write', 'denyoom'], keys: oneKey('OW update'), categories: ['string'],
    routing: 'one_shard', group: 'string', since: '2.6.0', complexity: 'O(1)',
    summary: 'Stores a string that expires after a number of milliseconds.', syntax: 'key milliseconds value',
    handler: setWithTtl('psetex', MILLISECONDS),
  },
  {
    name: 'getset', arity: 3, flags: ['write', 'denyoom', 'fast'], keys: oneKey('RW access update'), categories: ['string'],
    routing: 'one_shard', group: 'string', since: '1.0.0', complexity: 'O(1)',
    summary: 'Stores a string and gives the one that was there before.', syntax: 'key value',
    deprecated: { since: '6.2.0', replacedBy: '`SET` with the `!GET` argument' }, handler: getset,
  },
  {
    name: 'getdel', arity: 2, flags: ['write', 'fast'], keys: oneKey('RW access delete'), categories: ['string'],
    routing: 'one_shard', group: 'string', since: '6.2.0', complexity: 'O(1)',
    summary: 'Gives the value of a string and deletes its bucket.', syntax: 'key', handler: getdel,
  },
  {
    name: 'getex', arity: -2, flags: ['write', 'fast'],
    keys: oneKey('RW access update', 1, 'RW and UPDATE because it changes the TTL'), categories: ['string'],
    routing: 'one_shard', group: 'string', since: '6.2.0', complexity: 'O(1)',
    summary: 'Gives the value of a string and sets or removes its expiry.', syntax: `key [${EXPIRY_SYNTAX}|PERSIST]`,
    handler: getex,
  },
  {
    name: 'mget', arity: -2, flags: ['readonly', 'fast'], keys: keyRange('RO access'), categories: ['string'],
    routing: 'multi_shard', merge: 'by_key', group: 'string', since: '1.0.0',
    complexity: 'O(N) where N is the number of keys to retrieve.',
    summary: 'Gives the values of several strings.',
    syntax: 'key [key ...]', handler: mget,
  },
  {
    name: 'mset', arity: -3, flags: ['write', 'denyoom'], keys: keyRange('OW update', 1, -1, 2), categories: ['string'],
    routing: 'multi_shard', merge: 'all_succeeded', group: 'string', since: '1.0.1',
    complexity: 'O(N) where N is the number of keys to set.',
    summary: 'Stores several strings.',
    syntax: 'key value [key value ...]', handler: mset,
  },
  {
    // Split by shard it could store some of the keys and refuse others, which is what it exists to prevent.
    name: 'msetnx', arity: -3, flags: ['write', 'denyoom'], keys: keyRange('OW insert', 1, -1, 2), categories: ['string'],
    tips: ['request_policy:multi_shard', 'response_policy:agg_min'],
    routing: 'one_shard', group: 'string', since: '1.0.1',
    complexity: 'O(N) where N is the number of keys to set.',
    summary: 'Stores several strings where none of the buckets is there yet.', syntax: 'key value [key value ...]',
    handler: msetnx,
  },
];

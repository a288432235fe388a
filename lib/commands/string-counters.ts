/** The string commands that count: the value is a number in digits. */
import { readExactInteger } from './arguments.js';
import { findForWrite } from './lookup.js';
import type { CommandSpec, Handler } from './spec.js';
import { oneKey } from './spec.js';
import type { Context } from './context.js';
import { decrementOverflow, notAFloat, notAnInteger, overflow, sumIsNotFinite } from '../errors.js';
import type { Args } from '../protocol/args.js';
import type { ReplyWriter } from '../protocol/reply-writer.js';
import { STRING, entryBytes, expiryOf, setFlag, valueLength, valueOffset, valueSlice } from '../store/entry.js';
import { IS_FLOAT_RESULT, putInteger, putString } from '../store/string-value.js';
import { Slice, sliceOf } from '../util/bytes.js';
import { type LongDouble, ZERO, addLongDoubles, formatLongDouble, parseLongDouble } from '../util/long-double.js';
import { INT64_MIN, addIntegers, narrow, parseInteger } from '../util/numbers.js';

/** Adds to the integer under the first key, 0 when there is none, and replies with the sum. */
function addInteger(context: Context, args: Args, increment: number | bigint, reply: ReplyWriter): void {
  const { db, store: { arena } } = context;
  const key = args.slice(1);
  const ref = findForWrite(context, key, STRING);
  const value = ref === 0 ? 0 : parseInteger(entryBytes(arena, ref), valueOffset(arena, ref), valueLength(arena, ref));
  if (value === undefined) throw notAnInteger();
  const sum = addIntegers(value, increment);
  if (sum === undefined) throw overflow();
  putInteger(db, key, ref, sum);
  context.changed(key, '$', 'incrby');
  reply.integer(sum);
}

const incr: Handler = (context, args, reply) => addInteger(context, args, 1, reply);

const decr: Handler = (context, args, reply) => addInteger(context, args, -1, reply);

const incrby: Handler = (context, args, reply) => addInteger(context, args, readExactInteger(args, 2), reply);

const decrby: Handler = (context, args, reply) => {
  const decrement = readExactInteger(args, 2);
  // Its negative is no int64.
  if (decrement === INT64_MIN) throw decrementOverflow();
  addInteger(context, args, typeof decrement === 'number' ? 0 - decrement : narrow(-decrement), reply);
};

const incrbyfloat: Handler = (context, args, reply) => {
  const { db, store: { arena } } = context;
  const key = args.slice(1);
  const ref = findForWrite(context, key, STRING);
  const value = ref === 0 ? ZERO : readLongDouble(valueSlice(arena, ref, new Slice()));
  const increment = readLongDouble(args.slice(2));
  const sum = addLongDoubles(value, increment);
  if (sum === undefined || sum.isInfinite) throw sumIsNotFinite();
  const text = Buffer.from(formatLongDouble(sum), 'latin1');
  const put = putString(db, key, ref, sliceOf(text), ref === 0 ? 0 : expiryOf(arena, ref));
  setFlag(arena, put, IS_FLOAT_RESULT, true);
  // Not every machine adds long doubles to the same digits.
  context.recordAs('SET', key, text, 'KEEPTTL');
  context.changed(key, '$', 'incrbyfloat');
  reply.bulk(text);
};

function readLongDouble(slice: Slice): LongDouble {
  const value = parseLongDouble(slice.text());
  if (value === undefined) throw notAFloat();
  return value;
}

const FLAGS = ['write', 'denyoom', 'fast'] as const;
const KEYS = oneKey('RW access update');

export const stringCounterCommands: readonly CommandSpec[] = [
  {
    name: 'incr', arity: 2, flags: FLAGS, keys: KEYS, categories: ['string'], routing: 'one_shard', group: 'string',
    since: '1.0.0', complexity: 'O(1)', summary: 'Adds one to an integer.', syntax: 'key', handler: incr,
  },
  {
    name: 'incrby', arity: 3, flags: FLAGS, keys: KEYS, categories: ['string'], routing: 'one_shard', group: 'string',
    since: '1.0.0', complexity: 'O(1)', summary: 'Adds to an integer.', syntax: 'key increment', handler: incrby,
  },
  {
    name: 'decr', arity: 2, flags: FLAGS, keys: KEYS, categories: ['string'], routing: 'one_shard', group: 'string',
    since: '1.0.0', complexity: 'O(1)', summary: 'Takes one from an integer.', syntax: 'key', handler: decr,
  },
  {
    name: 'decrby', arity: 3, flags: FLAGS, keys: KEYS, categories: ['string'], routing: 'one_shard', group: 'string',
    since: '1.0.0', complexity: 'O(1)', summary: 'Takes from an integer.', syntax: 'key decrement', handler: decrby,
  },
  {
    name: 'incrbyfloat', arity: 3, flags: FLAGS, keys: KEYS, categories: ['string'], routing: 'one_shard', group: 'string',
    since: '2.6.0', complexity: 'O(1)', summary: 'Adds to a number with a fraction.', syntax: 'key increment:double',
    handler: incrbyfloat,
  },
];

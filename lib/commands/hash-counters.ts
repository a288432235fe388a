/** The hash commands that count: the value of a field is a number in digits. */
import { readExactInteger } from './arguments.js';
import type { CommandSpec, Handler } from './spec.js';
import { oneKey } from './spec.js';
import type { Context } from './context.js';
import { tellEntrySet } from './bucket-lines.js';
import { findForWrite } from './lookup.js';
import {
  hashValueNotAFloat, hashValueNotAnInteger, isNotFinite, notAFloat, overflow, sumIsNotFinite,
} from '../errors.js';
import { HASH } from '../store/entry.js';
import { createHash, fieldExpiry, getField, updateField } from '../store/hash-value.js';
import { packedFieldBytes } from '../store/packed-map.js';
import { Slice, sliceOf } from '../util/bytes.js';
import { ZERO, addLongDoubles, formatLongDouble, parseLongDouble } from '../util/long-double.js';
import { addIntegers, integerLength, parseInteger, writeInteger } from '../util/numbers.js';

/** The value that a look-up found. */
const found = new Slice();
/** The new value is put together here; an int64 has at most 20 chars. */
const digits = Buffer.alloc(20);
const newValue = new Slice();

const hincrby: Handler = (context, args, reply) => {
  const increment = readExactInteger(args, 3);
  const key = args.slice(1);
  const field = args.slice(2);
  const ref = findForWrite(context, key, HASH);
  const value = hasField(context, ref, field) ? parseInteger(found.bytes, found.offset, found.length) : 0;
  if (value === undefined) throw hashValueNotAnInteger();
  const sum = addIntegers(value, increment);
  if (sum === undefined) throw overflow();
  const length = integerLength(sum);
  writeInteger(digits, 0, sum, length);
  putNumber(context, key, ref, field, newValue.set(digits, 0, length), 'hincrby');
  reply.integer(sum);
};

const hincrbyfloat: Handler = (context, args, reply) => {
  const increment = parseLongDouble(args.text(3));
  if (increment === undefined) throw notAFloat();
  if (increment.isInfinite) throw isNotFinite();
  const key = args.slice(1);
  const field = args.slice(2);
  const ref = findForWrite(context, key, HASH);
  const value = hasField(context, ref, field) ? parseLongDouble(found.text()) : ZERO;
  if (value === undefined) throw hashValueNotAFloat();
  const sum = addLongDoubles(value, increment);
  if (sum === undefined || sum.isInfinite) throw sumIsNotFinite();
  const text = formatLongDouble(sum);
  putNumber(context, key, ref, field, sliceOf(text), 'hincrbyfloat');
  const { db } = context;
  // HSET would take the expiry away.
  if (db.hasFieldsThatExpire && fieldExpiry(db, db.peek(key), field) > 0) {
    context.recordAs('HSETEX', key, 'KEEPTTL', 'FIELDS', '1', field, text);
  } else context.recordAs('HSET', key, field, text);
  reply.bulkText(text);
};

function hasField(context: Context, ref: number, field: Slice): boolean {
  return ref !== 0 && getField(context.db, ref, field, found);
}

function putNumber(context: Context, key: Slice, ref: number, field: Slice, value: Slice, event: string): void {
  const { db } = context;
  const hash = ref === 0 ? createHash(db, key, packedFieldBytes(field.length, value.length)) : ref;
  updateField(db, key, hash, field, value);
  context.changed(key, 'h', event);
  tellEntrySet(context, key, field, value);
}

const RECORD = {
  arity: 4, flags: ['write', 'denyoom', 'fast'], keys: oneKey('RW access update'), categories: ['hash'],
  routing: 'one_shard', group: 'hash', complexity: 'O(1)',
} as const;

export const hashCounterCommands: readonly CommandSpec[] = [
  {
    name: 'hincrby', ...RECORD, since: '2.0.0', summary: 'Adds to the integer in a field.', syntax: 'key field increment',
    handler: hincrby,
  },
  {
    name: 'hincrbyfloat', ...RECORD, since: '2.6.0', summary: 'Adds to the number with a fraction in a field.',
    syntax: 'key field increment:double', handler: hincrbyfloat,
  },
];

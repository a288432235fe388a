/** The string commands that work on a part of a value, or on its length. */
import { checkStringLength, readInteger } from './arguments.js';
import { findForRead, findForWrite } from './lookup.js';
import type { CommandSpec, Handler } from './spec.js';
import { oneKey } from './spec.js';
import { offsetOutOfRange } from '../errors.js';
import { STRING, entryBytes, valueLength, valueOffset } from '../store/entry.js';
import { growString, growStringWithZeros, putString } from '../store/string-value.js';
import { copyBytes } from '../util/bytes.js';

const strlen: Handler = (context, args, reply) => {
  const ref = findForRead(context, args.slice(1), STRING);
  reply.integer(ref === 0 ? 0 : valueLength(context.store.arena, ref));
};

const append: Handler = (context, args, reply) => {
  const { db, store: { arena } } = context;
  const key = args.slice(1);
  const value = args.slice(2);
  const ref = findForWrite(context, key, STRING);
  const before = ref === 0 ? 0 : valueLength(arena, ref);
  if (ref === 0) putString(db, key, 0, value, 0);
  else {
    checkStringLength(context, before + value.length);
    const grown = growString(db, key, ref, before + value.length);
    copyBytes(value.bytes, value.offset, entryBytes(arena, grown), valueOffset(arena, grown) + before, value.length);
  }
  context.changed(key, '$', 'append');
  reply.integer(before + value.length);
};

const setrange: Handler = (context, args, reply) => {
  const { db, store: { arena } } = context;
  const offset = readInteger(args, 2);
  if (offset < 0) throw offsetOutOfRange();
  const key = args.slice(1);
  const value = args.slice(3);
  const ref = findForWrite(context, key, STRING);
  if (value.length === 0) return reply.integer(ref === 0 ? 0 : valueLength(arena, ref));
  checkStringLength(context, offset + value.length);
  const grown = growStringWithZeros(db, key, ref, offset + value.length);
  copyBytes(value.bytes, value.offset, entryBytes(arena, grown), valueOffset(arena, grown) + offset, value.length);
  context.changed(key, '$', 'setrange');
  reply.integer(valueLength(arena, grown));
};

const NOTHING = Buffer.alloc(0);

const getrange: Handler = (context, args, reply) => {
  const { arena } = context.store;
  const first = readInteger(args, 2);
  const last = readInteger(args, 3);
  const ref = findForRead(context, args.slice(1), STRING);
  const length = ref === 0 ? 0 : valueLength(arena, ref);
  const start = Math.max(first < 0 ? length + first : first, 0);
  const end = Math.min(Math.max(last < 0 ? length + last : last, 0), length - 1);
  const isReversed = first < 0 && last < 0 && first > last;
  if (isReversed || start > end) return reply.bulk(NOTHING);
  reply.bulk(entryBytes(arena, ref), valueOffset(arena, ref) + start, end - start + 1);
};

export const stringRangeCommands: readonly CommandSpec[] = [
  {
    name: 'strlen', arity: 2, flags: ['readonly', 'fast'], keys: oneKey('RO'), categories: ['string'],
    routing: 'one_shard', group: 'string', since: '2.2.0', complexity: 'O(1)',
    summary: 'Gives the length of a string in bytes.', syntax: 'key', handler: strlen,
  },
  {
    name: 'append', arity: 3, flags: ['write', 'denyoom', 'fast'], keys: oneKey('RW insert'), categories: ['string'],
    routing: 'one_shard', group: 'string', since: '2.0.0',
    complexity:
      'O(1). The amortized time complexity is O(1) assuming the appended value is small and the already ' +
      'present value is of any size, since the dynamic string library used by Redis will double the free space ' +
      'available on every reallocation.',
    summary: 'Adds bytes at the end of a string, and begins one where there is none.', syntax: 'key value',
    handler: append,
  },
  {
    name: 'setrange', arity: 4, flags: ['write', 'denyoom'], keys: oneKey('RW update'), categories: ['string'],
    routing: 'one_shard', group: 'string', since: '2.2.0',
    complexity:
      'O(1), not counting the time taken to copy the new string in place. Usually, this string is very small ' +
      'so the amortized complexity is O(1). Otherwise, complexity is O(M) with M being the length of the value ' +
      'argument.',
    summary: 'Writes over a part of a string, and fills with zeros up to it.', syntax: 'key offset value',
    handler: setrange,
  },
  {
    name: 'getrange', arity: 4, flags: ['readonly'], keys: oneKey('RO access'), categories: ['string'],
    routing: 'one_shard', group: 'string', since: '2.4.0',
    complexity:
      'O(N) where N is the length of the returned string. The complexity is ultimately determined by the ' +
      'returned length, but because creating a substring from an existing string is very cheap, it can be ' +
      'considered O(1) for small strings.',
    summary: 'Gives a part of a string.', syntax: 'key start end', handler: getrange,
  },
  {
    name: 'substr', arity: 4, flags: ['readonly'], keys: oneKey('RO access'), categories: ['string'],
    routing: 'one_shard', group: 'string', since: '1.0.0',
    complexity:
      'O(N) where N is the length of the returned string. The complexity is ultimately determined by the ' +
      'returned length, but because creating a substring from an existing string is very cheap, it can be ' +
      'considered O(1) for small strings.',
    summary: 'Gives a part of a string.', syntax: 'key start end',
    deprecated: { since: '2.0.0', replacedBy: '`GETRANGE`' }, handler: getrange,
  },
];

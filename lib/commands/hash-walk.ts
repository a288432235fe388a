/** The hash commands that draw fields at random or walk over them in steps. */
import { readIntegerBetween } from './arguments.js';
import type { CommandSpec, Handler } from './spec.js';
import { oneKey } from './spec.js';
import type { Context } from './context.js';
import { findForRead } from './lookup.js';
import { passes, readScanCursor, readScanOptions } from './scan-options.js';
import { countOutOfRange, replyTooLarge, syntaxError } from '../errors.js';
import type { Args } from '../protocol/args.js';
import type { ReplyWriter } from '../protocol/reply-writer.js';
import { CURSOR_END } from '../store/byte-table.js';
import { HASH } from '../store/entry.js';
import {
  forEachField, hashEncoding, liveFieldCount, randomField, sampleFields, scanFields,
} from '../store/hash-value.js';
import { Slice } from '../util/bytes.js';
import { INT64_MAX } from '../util/numbers.js';

/** A negative count may ask for any number of fields; a reply past this size is refused. */
const RANDOM_REPLY_BYTES_MAX = 256 * 1024 * 1024;

const hrandfield: Handler = (context, args, reply) => {
  if (args.count === 2) return replyWithOne(context, args, reply);
  const count = readIntegerBetween(args, 2, -INT64_MAX, INT64_MAX);
  const withValues = readWithValues(args, count);
  const ref = findForRead(context, args.slice(1), HASH);
  const size = ref === 0 ? 0 : liveFieldCount(context.db, ref);
  if (count === 0 || size === 0) return reply.array(0);
  const replied = count < 0 ? -count : Math.min(count, size);
  const write = pairWriter(reply, replied, withValues);
  if (count < 0) drawWithRepeats(context, ref, replied, reply, write);
  else if (replied === size) forEachField(context.db, ref, write);
  else sampleFields(context.db, ref, replied, write);
};

function replyWithOne(context: Context, args: Args, reply: ReplyWriter): void {
  const ref = findForRead(context, args.slice(1), HASH);
  if (ref === 0 || liveFieldCount(context.db, ref) === 0) return reply.nil();
  const field = new Slice();
  randomField(context.db, ref, field, new Slice());
  reply.slice(field);
}

function readWithValues(args: Args, count: number): boolean {
  if (args.count > 4 || (args.count === 4 && !args.is(3, 'WITHVALUES'))) throw syntaxError();
  if (args.count === 3) return false;
  if (Math.abs(count) > Number(INT64_MAX / 2n)) throw countOutOfRange();
  return true;
}

/** Begins the reply and gives the function that adds a field; with values, RESP3 has each pair in an array. */
function pairWriter(reply: ReplyWriter, count: number, withValues: boolean): (field: Slice, value: Slice) => void {
  const isNested = withValues && reply.protocol === 3;
  reply.array(withValues && !isNested ? count * 2 : count);
  return (field, value) => {
    if (isNested) reply.array(2);
    reply.slice(field);
    if (withValues) reply.slice(value);
  };
}

function drawWithRepeats(
  context: Context, ref: number, count: number, reply: ReplyWriter, write: (field: Slice, value: Slice) => void,
): void {
  const field = new Slice();
  const value = new Slice();
  const replyBytesMax = reply.length + RANDOM_REPLY_BYTES_MAX;
  for (let drawn = 0; drawn < count; drawn++) {
    randomField(context.db, ref, field, value);
    write(field, value);
    if (reply.length > replyBytesMax) throw replyTooLarge();
  }
}

/** A call makes at most so many times COUNT steps, however few fields it meets. */
const STEPS_PER_COUNT = 10;

/**
 * A small hash is returned whole, as redis-server does for its listpack. The cursor of a larger one is the hash of the
 * field to go on with: see byte-table.ts for why each field that stays is returned.
 */
const hscan: Handler = (context, args, reply) => {
  const cursor = Number(readScanCursor(args, 2));
  const ref = findForRead(context, args.slice(1), HASH);
  if (ref === 0) return replyWithFields(reply, 0, []);
  const options = readScanOptions(args, 3);
  const { db } = context;
  const found: Slice[] = [];
  let visited = 0;
  const visit = (field: Slice, value: Slice): void => {
    visited++;
    if (passes(options, field)) found.push(copyOf(field), copyOf(value));
  };
  if (hashEncoding(db, ref) !== 'hashtable') {
    forEachField(db, ref, visit);
    return replyWithFields(reply, 0, found);
  }
  let next = cursor;
  let stepsLeft = options.count * STEPS_PER_COUNT;
  while (next < CURSOR_END && visited < options.count && stepsLeft-- > 0) next = scanFields(db, ref, next, visit);
  replyWithFields(reply, next < CURSOR_END ? next : 0, found);
};

/** The same place in the same buffer: walks use their slices again. */
function copyOf({ bytes, offset, length }: Slice): Slice {
  return new Slice().set(bytes, offset, length);
}

function replyWithFields(reply: ReplyWriter, cursor: number, slices: readonly Slice[]): void {
  reply.array(2);
  reply.bulkText(String(cursor));
  reply.array(slices.length);
  for (const slice of slices) reply.slice(slice);
}

const RECORD = {
  flags: ['readonly'], keys: oneKey('RO access'), categories: ['hash'], tips: ['nondeterministic_output'],
  routing: 'one_shard', group: 'hash',
} as const;

export const hashWalkCommands: readonly CommandSpec[] = [
  {
    name: 'hrandfield', arity: -2, ...RECORD, since: '6.2.0', complexity: 'O(N) where N is the number of fields returned',
    summary: 'Gives fields drawn at random.', syntax: 'key [count [WITHVALUES]]', handler: hrandfield,
  },
  {
    name: 'hscan', arity: -3, ...RECORD, since: '2.8.0',
    complexity: 'O(1) for every call. O(N) for a complete iteration, including enough command calls for the cursor to return back to 0. N is the number of elements inside the collection..',
    summary: 'Walks over the fields and values of a hash in steps.', syntax: 'key cursor [MATCH pattern] [COUNT count]',
    handler: hscan,
  },
];

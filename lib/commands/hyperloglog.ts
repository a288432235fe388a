/**
 * The HyperLogLog commands: counting different elements in a few kilobytes, with an error of about 0.8 %. The format is
 * in store/hyperloglog.ts, what is for a look inside in hyperloglog-debug.ts.
 */
import type { Context } from './context.js';
import { findAnyForRead, findAnyForWrite } from './lookup.js';
import { type CommandSpec, type Handler, keyRange, oneKey } from './spec.js';
import { malformedHyperLogLog, notAHyperLogLog, wrongType } from '../errors.js';
import type { Args } from '../protocol/args.js';
import type { ReplyWriter } from '../protocol/reply-writer.js';
import { STRING, entryBytes, entryType, setFlag, valueOffset, valueSlice } from '../store/entry.js';
import {
  REGISTERS, estimateCount, estimateOf, forgetCount, isHyperLogLog, isSparse, mergeRegisters, rememberCount,
  rememberedCount,
} from '../store/hyperloglog.js';
import { type Raise, addElement, createHyperLogLog, makeDense, raiseRegister } from '../store/hyperloglog-value.js';
import { WAS_EDITED } from '../store/string-value.js';
import { Slice } from '../util/bytes.js';

const value = new Slice();

/** Points `value` to the HyperLogLog of an entry. Throws wrongType() and notAHyperLogLog(). */
function readValue({ store: { arena } }: Context, ref: number): Slice {
  if (entryType(arena, ref) !== STRING) throw wrongType();
  if (!isHyperLogLog(valueSlice(arena, ref, value))) throw notAHyperLogLog();
  return value;
}

/** The entry of a HyperLogLog that a command may change, or 0. Throws as `readValue`. */
export function findHyperLogLog(context: Context, key: Slice): number {
  const ref = findAnyForWrite(context, key);
  if (ref === 0) return 0;
  readValue(context, ref);
  // To redis-server it is a string that is changed in place, even if nothing changes.
  setFlag(context.store.arena, ref, WAS_EDITED, true);
  return ref;
}

const pfadd: Handler = (context, args, reply) => {
  const { db } = context;
  const key = args.slice(1);
  const found = findHyperLogLog(context, key);
  const raise: Raise = { ref: found === 0 ? createHyperLogLog(db, key) : found, outcome: 'kept' };
  let isChanged = found === 0;
  for (let index = 2; index < args.count; index++) {
    addElement(db, key, raise, args.slice(index));
    if (raise.outcome === 'malformed') {
      if (isChanged) recordSpoilt(context, key, raise.ref);
      throw malformedHyperLogLog();
    }
    if (raise.outcome === 'raised') isChanged = true;
  }
  if (isChanged) finishChange(context, key, raise.ref);
  reply.integer(isChanged ? 1 : 0);
};

/**
 * For the append log: a HyperLogLog that was spoilt by hand has taken the elements before the one that showed it, as in
 * redis-server, which does not record that.
 */
function recordSpoilt(context: Context, key: Slice, ref: number): void {
  context.recordAs('SET', key, readValue(context, ref), 'KEEPTTL');
  context.node.propagation.recordServed(context);
}

function finishChange(context: Context, key: Slice, ref: number): void {
  const { arena } = context.store;
  forgetCount(entryBytes(arena, ref), valueOffset(arena, ref));
  context.changed(key, '$', 'pfadd');
}

/** The registers of a command over several keys. */
const registers = new Uint8Array(REGISTERS);

const pfcount: Handler = (context, args, reply) => {
  if (args.count === 2) return countOne(context, args, reply);
  registers.fill(0);
  for (let index = 1; index < args.count; index++) mergeFrom(context, args.slice(index));
  reply.integer(estimateOf(registers));
};

/** Raises `registers` to those of a key, and tells whether it holds a dense HyperLogLog. A missing key has none. */
function mergeFrom(context: Context, key: Slice): boolean {
  const ref = findAnyForRead(context, key);
  if (ref === 0) return false;
  if (!mergeRegisters(registers, readValue(context, ref))) throw malformedHyperLogLog();
  return !isSparse(value.bytes, value.offset);
}

/**
 * The count is remembered in the value. That changes its bytes, as in redis-server, and is recorded as a change, but
 * says nothing new: watching clients need not know.
 */
function countOne(context: Context, args: Args, reply: ReplyWriter): void {
  const ref = findAnyForRead(context, args.slice(1));
  if (ref === 0) return reply.integer(0);
  readValue(context, ref);
  setFlag(context.store.arena, ref, WAS_EDITED, true);
  let count = rememberedCount(value.bytes, value.offset);
  if (count === undefined) {
    count = estimateCount(value);
    if (count === undefined) throw malformedHyperLogLog();
    rememberCount(value.bytes, value.offset, count);
    context.store.changes++;
    context.recordAs('PFCOUNT', args.slice(1));
  }
  reply.integer(count);
}

/** The destination is one of the sources; it becomes dense when any of them is. */
const pfmerge: Handler = (context, args, reply) => {
  const { db } = context;
  registers.fill(0);
  let isDense = false;
  for (let index = 1; index < args.count; index++) {
    if (mergeFrom(context, args.slice(index))) isDense = true;
  }
  const key = args.slice(1);
  const found = findHyperLogLog(context, key);
  const raise: Raise = { ref: found === 0 ? createHyperLogLog(db, key) : found, outcome: 'kept' };
  if (isDense && isSparse(entryBytes(db.store.arena, raise.ref), valueOffset(db.store.arena, raise.ref))) {
    makeDense(db, key, raise);
  }
  for (let index = 0; index < REGISTERS; index++) {
    if (registers[index]! > 0) raiseRegister(db, key, raise, { index, value: registers[index]! });
  }
  finishChange(context, key, raise.ref);
  reply.ok();
};

const RECORD = { categories: ['hyperloglog'], routing: 'one_shard', group: 'hyperloglog', since: '2.8.9' } as const;
const COUNT_NOTE = 'RW because it may change the internal representation of the key, and propagate to replicas';

export const hyperLogLogCommands: readonly CommandSpec[] = [
  {
    name: 'pfadd', arity: -2, flags: ['write', 'denyoom', 'fast'], keys: oneKey('RW insert'), ...RECORD,
    complexity: 'O(1) to add every element.',
    summary: 'Counts elements, and creates the HyperLogLog when there is none.',
    syntax: 'key [element [element ...]]', handler: pfadd,
  },
  {
    name: 'pfcount', arity: -2, flags: ['readonly'], mayReplicate: true,
    keys: keyRange('RW access').map((spec) => ({ ...spec, notes: COUNT_NOTE })), ...RECORD,
    complexity:
      'O(1) with a very small average constant time when called with a single key. O(N) with N being the number of ' +
      'keys, and much bigger constant times, when called with multiple keys.',
    summary: 'Estimates how many different elements were counted, in one HyperLogLog or in several together.',
    syntax: 'key [key ...]', handler: pfcount,
  },
  {
    name: 'pfmerge', arity: -2, flags: ['write', 'denyoom'],
    keys: [...oneKey('RW access insert'), ...keyRange('RO access', 2)], ...RECORD,
    complexity: 'O(N) to merge N HyperLogLogs, but with high constant times.',
    summary: 'Adds what several HyperLogLogs have counted to one.', syntax: 'destkey sourcekey [sourcekey ...]',
    handler: pfmerge,
  },
];

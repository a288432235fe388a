/** The bitmap commands: a string as an array of bits. BITFIELD, which sees integers in them, is in bitfield.ts. */
import { readInteger } from './arguments.js';
import type { Context } from './context.js';
import { findForRead, findForWrite } from './lookup.js';
import type { CommandSpec, Handler, KeySpec } from './spec.js';
import { keyRange, oneKey } from './spec.js';
import { bitMustBeOneOrZero, bitopNotTakesOneKey, notABit, notABitOffset, syntaxError } from '../errors.js';
import type { Args } from '../protocol/args.js';
import { type BitOperation, combineBits, countOnes, findBit, readField, writeField } from '../store/bits.js';
import { STRING, createEntry, setFlag, valueLength } from '../store/entry.js';
import { WAS_EDITED, growStringWithZeros, putEntry } from '../store/string-value.js';
import { parseInteger } from '../util/numbers.js';

const BIT = { isSigned: false, bits: 1 };

/**
 * Argument `index` as the place of a bit. `#n` is the n-th field of `fieldBits` bits, where that is given.
 * Throws notABitOffset(), also for a place that no string may reach.
 */
export function readBitOffset(context: Context, args: Args, index: number, fieldBits?: number): number {
  const offset = args.offsets[index]!;
  const length = args.lengths[index]!;
  const isField = fieldBits !== undefined && length > 0 && args.bytes[offset] === HASH;
  const number = parseInteger(args.bytes, offset + (isField ? 1 : 0), length - (isField ? 1 : 0));
  if (number === undefined) throw notABitOffset();
  const bit = Number(number) * (isField ? fieldBits : 1);
  if (bit < 0 || bit >= context.node.settings.integer('proto-max-bulk-len') * 8) throw notABitOffset();
  return bit;
}

const HASH = 35;

const setbit: Handler = (context, args, reply) => {
  const offset = readBitOffset(context, args, 2);
  const bit = readInteger(args, 3, notABit);
  if (bit !== 0 && bit !== 1) throw notABit();
  const { db, store: { arena } } = context;
  const key = args.slice(1);
  const ref = findForWrite(context, key, STRING);
  const bytes = Math.floor(offset / 8) + 1;
  const hasGrown = ref === 0 || bytes > valueLength(arena, ref);
  const edited = growStringWithZeros(db, key, ref, bytes);
  const before = readField(arena, edited, offset, BIT);
  if (hasGrown || before !== bit) {
    writeField(arena, edited, offset, BIT, bit);
    context.changed(key, '$', 'setbit');
  }
  reply.integer(before);
};

const getbit: Handler = (context, args, reply) => {
  const offset = readBitOffset(context, args, 2);
  const ref = findForRead(context, args.slice(1), STRING);
  reply.integer(readField(context.store.arena, ref, offset, BIT));
};

/** A range of bits of a string: `first` lies behind `last` when it is empty. */
interface BitRange {
  first: number;
  last: number;
}

function readUnit(args: Args, index: number): 1 | 8 {
  if (args.is(index, 'BIT')) return 1;
  if (args.is(index, 'BYTE')) return 8;
  throw syntaxError();
}

/** The bits that `start` and `end` mean in a string; they count units of so many bits, below 0 from the end. */
function bitRange(stringBytes: number, start: number, end: number, unit: 1 | 8): BitRange {
  const units = (stringBytes * 8) / unit;
  const first = Math.max(start < 0 ? units + start : start, 0);
  const last = Math.min(Math.max(end < 0 ? units + end : end, 0), units - 1);
  return { first: first * unit, last: last * unit + unit - 1 };
}

const EMPTY: BitRange = { first: 0, last: -1 };

/** The range of BITCOUNT; the order of checks is redis-server's. */
function readCountRange(args: Args, stringBytes: number): BitRange {
  if (args.count === 2) return bitRange(stringBytes, 0, -1, 8);
  if (args.count !== 4 && args.count !== 5) throw syntaxError();
  const start = readInteger(args, 2);
  const end = readInteger(args, 3);
  if (start < 0 && end < 0 && start > end) return EMPTY;
  return bitRange(stringBytes, start, end, args.count === 5 ? readUnit(args, 4) : 8);
}

const bitcount: Handler = (context, args, reply) => {
  const { arena } = context.store;
  const ref = findForRead(context, args.slice(1), STRING);
  if (ref === 0) return reply.integer(0);
  const { first, last } = readCountRange(args, valueLength(arena, ref));
  reply.integer(first > last ? 0 : countOnes(arena, ref, first, last));
};

/** The range of BITPOS; the order of checks is redis-server's. */
function readPositionRange(args: Args, stringBytes: number): BitRange {
  if (args.count > 6) throw syntaxError();
  const start = args.count > 3 ? readInteger(args, 3) : 0;
  const unit = args.count > 5 ? readUnit(args, 5) : 8;
  const end = args.count > 4 ? readInteger(args, 4) : -1;
  return bitRange(stringBytes, start, end, unit);
}

const bitpos: Handler = (context, args, reply) => {
  const bit = readInteger(args, 2);
  if (bit !== 0 && bit !== 1) throw bitMustBeOneOrZero();
  const { arena } = context.store;
  const ref = findForRead(context, args.slice(1), STRING);
  if (ref === 0) return reply.integer(bit === 1 ? -1 : 0);
  const { first, last } = readPositionRange(args, valueLength(arena, ref));
  if (first > last) return reply.integer(-1);
  const found = findBit(arena, ref, first, last, bit);
  // Where no end is given a string goes on in zeros.
  const isClearBehind = bit === 0 && args.count < 5;
  reply.integer(found < 0 && isClearBehind ? last + 1 : found);
};

function readOperation(args: Args): BitOperation {
  for (const operation of ['AND', 'OR', 'XOR', 'NOT'] as const) if (args.is(1, operation)) return operation;
  throw syntaxError();
}

const bitop: Handler = (context, args, reply) => {
  const operation = readOperation(args);
  if (operation === 'NOT' && args.count !== 4) throw bitopNotTakesOneKey();
  const { db, store: { arena } } = context;
  const sources: number[] = [];
  for (let index = 3; index < args.count; index++) sources.push(findForRead(context, args.slice(index), STRING));
  const length = sources.reduce((longest, ref) => Math.max(longest, ref === 0 ? 0 : valueLength(arena, ref)), 0);
  const key = args.slice(2);
  const ref = db.find(key);
  if (length > 0) {
    // The bucket may be one of the sources: the result gets an entry of its own first.
    const created = createEntry(arena, STRING, key, length, 0);
    setFlag(arena, created, WAS_EDITED, true);
    combineBits(arena, operation, sources, created);
    if (ref !== 0) db.dropValue(ref);
    putEntry(db, key, ref, created);
    context.changed(key, '$', 'set');
  } else if (ref !== 0) {
    db.remove(key, ref);
    context.changed(key, 'g', 'del');
  }
  reply.integer(length);
};

const bitopKeys: readonly KeySpec[] = [...oneKey('OW update', 2), ...keyRange('RO access', 3)];

export const bitmapCommands: readonly CommandSpec[] = [
  {
    name: 'setbit', arity: 4, flags: ['write', 'denyoom'], keys: oneKey('RW access update'), categories: ['bitmap'],
    routing: 'one_shard', group: 'bitmap', since: '2.2.0', complexity: 'O(1)',
    summary: 'Sets or clears a bit of a string and gives what it was.', syntax: 'key offset value:integer',
    handler: setbit,
  },
  {
    name: 'getbit', arity: 3, flags: ['readonly', 'fast'], keys: oneKey('RO access'), categories: ['bitmap'],
    routing: 'one_shard', group: 'bitmap', since: '2.2.0', complexity: 'O(1)',
    summary: 'Gives a bit of a string.', syntax: 'key offset', handler: getbit,
  },
  {
    name: 'bitcount', arity: -2, flags: ['readonly'], keys: oneKey('RO access'), categories: ['bitmap'],
    routing: 'one_shard', group: 'bitmap', since: '2.6.0', complexity: 'O(N)',
    summary: 'Counts the bits of a string that are set.', syntax: 'key [start end [BYTE|BIT]]',
    history: [['7.0.0', 'Added the `BYTE|BIT` option.']], handler: bitcount,
  },
  {
    name: 'bitpos', arity: -3, flags: ['readonly'], keys: oneKey('RO access'), categories: ['bitmap'],
    routing: 'one_shard', group: 'bitmap', since: '2.8.7', complexity: 'O(N)',
    summary: 'Finds the first bit of a string that is set, or clear.', syntax: 'key bit [start [end [BYTE|BIT]]]',
    history: [['7.0.0', 'Added the `BYTE|BIT` option.']], handler: bitpos,
  },
  {
    name: 'bitop', arity: -4, flags: ['write', 'denyoom'], keys: bitopKeys, categories: ['bitmap'],
    routing: 'one_shard', group: 'bitmap', since: '2.6.0', complexity: 'O(N)',
    summary: 'Combines the bits of strings and stores what comes out.', syntax: 'operation destkey key [key ...]',
    handler: bitop,
  },
];

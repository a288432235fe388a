/** BITFIELD and BITFIELD_RO: integers of any width up to 64 bits, at any bit of a string. */
import { readExactInteger } from './arguments.js';
import { readBitOffset } from './bitmap.js';
import type { Context } from './context.js';
import { findForRead, findForWrite } from './lookup.js';
import type { CommandSpec, Handler } from './spec.js';
import { oneKey } from './spec.js';
import { badFieldType, badOverflowType, bitfieldIsReadOnly, syntaxError } from '../errors.js';
import type { Args } from '../protocol/args.js';
import type { ReplyWriter } from '../protocol/reply-writer.js';
import { type FieldType, readField, writeField } from '../store/bits.js';
import { STRING, valueLength } from '../store/entry.js';
import { growStringWithZeros } from '../store/string-value.js';
import { INT64_MAX, narrow, parseInteger } from '../util/numbers.js';

/** What becomes of a result that its field cannot hold. */
type Overflow = 'WRAP' | 'SAT' | 'FAIL';

interface Operation {
  verb: 'GET' | 'SET' | 'INCRBY';
  type: FieldType;
  offset: number;
  /** The value or the increment; 0 for GET. */
  operand: number | bigint;
  overflow: Overflow;
}

const VERBS = { GET: 2, SET: 3, INCRBY: 3 } as const;
const OVERFLOWS = ['WRAP', 'SAT', 'FAIL'] as const;

/** Throws syntaxError(), badOverflowType(), badFieldType(), notABitOffset() and notAnInteger(). */
function readOperations(context: Context, args: Args): Operation[] {
  const operations: Operation[] = [];
  let overflow: Overflow = 'WRAP';
  for (let at = 2; at < args.count; ) {
    if (args.is(at, 'OVERFLOW') && at + 1 < args.count) {
      overflow = readOverflow(args, at + 1);
      at += 2;
      continue;
    }
    const verb = readVerb(args, at);
    const type = readFieldType(args.text(at + 1));
    const offset = readBitOffset(context, args, at + 2, type.bits);
    const operand = verb === 'GET' ? 0 : readExactInteger(args, at + 3);
    operations.push({ verb, type, offset, operand, overflow });
    at += 1 + VERBS[verb];
  }
  return operations;
}

function readOverflow(args: Args, index: number): Overflow {
  const overflow = OVERFLOWS.find((each) => args.is(index, each));
  if (overflow === undefined) throw badOverflowType();
  return overflow;
}

function readVerb(args: Args, at: number): Operation['verb'] {
  for (const verb of ['GET', 'SET', 'INCRBY'] as const) {
    if (args.is(at, verb) && at + VERBS[verb] < args.count) return verb;
  }
  throw syntaxError();
}

function readFieldType(text: string): FieldType {
  const isSigned = text.startsWith('i');
  const bits = parseInteger(Buffer.from(text, 'latin1'), 1, text.length - 1);
  if (!isSigned && !text.startsWith('u')) throw badFieldType();
  if (typeof bits !== 'number' || bits < 1 || bits > (isSigned ? 64 : 63)) throw badFieldType();
  return { isSigned, bits };
}

/**
 * What a field of this type holds of `value`, which may be any integer: the value itself when it fits, otherwise what
 * `overflow` makes of it, undefined for FAIL.
 */
function fitted(
  value: number | bigint, { isSigned, bits }: FieldType, overflow: Overflow,
): number | bigint | undefined {
  const { min, max } = limitsOf(isSigned, bits);
  if (value >= min && value <= max) return value;
  if (overflow === 'FAIL') return undefined;
  if (overflow === 'SAT') return value > max ? max : min;
  return narrow(isSigned ? BigInt.asIntN(bits, BigInt(value)) : BigInt.asUintN(bits, BigInt(value)));
}

function limitsOf(isSigned: boolean, bits: number): { min: number | bigint; max: number | bigint } {
  const valueBits = isSigned ? bits - 1 : bits;
  const isSafe = valueBits <= 53;
  const max = isSafe ? 2 ** valueBits - 1 : 2n ** BigInt(valueBits) - 1n;
  if (!isSigned) return { min: 0, max };
  return { min: isSafe ? -(2 ** valueBits) : -(2n ** BigInt(valueBits)), max };
}

function exactSum(a: number | bigint, b: number | bigint): number | bigint {
  const sum = typeof a === 'number' && typeof b === 'number' ? a + b : NaN;
  return Number.isSafeInteger(sum) ? sum : narrow(BigInt(a) + BigInt(b));
}

/**
 * What a SET writes, before it is fitted: the operand, or its 64 bits taken as a positive number where redis-server's
 * comparison in 64 bits makes one of it. A negative is too large, not too small, for an unsigned field, and so is one
 * whose distance from a signed field's largest value is no int64.
 * Source: checkUnsignedBitfieldOverflow() and checkSignedBitfieldOverflow() in redis's bitops.c.
 */
function operandOf({ type, operand }: Operation): number | bigint {
  const { isSigned, bits } = type;
  const isWrapped = isSigned
    ? bits < 64 && typeof operand === 'bigint' && BigInt(limitsOf(true, bits).max) - operand > INT64_MAX
    : operand < 0;
  return isWrapped ? BigInt.asUintN(64, BigInt(operand)) : operand;
}

const bitfield: Handler = (context, args, reply) => {
  const operations = readOperations(context, args);
  if (operations.every(({ verb }) => verb === 'GET')) return readFields(context, args, operations, reply);
  const { db, store: { arena } } = context;
  const key = args.slice(1);
  const found = findForWrite(context, key, STRING);
  const bytes = bytesWritten(operations);
  const hasGrown = found === 0 || bytes > valueLength(arena, found);
  const ref = growStringWithZeros(db, key, found, bytes);
  let hasChanged = false;
  reply.array(operations.length);
  for (const operation of operations) {
    const { type, offset } = operation;
    const before = readField(arena, ref, offset, type);
    if (operation.verb === 'GET') {
      reply.integer(before);
      continue;
    }
    const wanted = operation.verb === 'SET' ? operandOf(operation) : exactSum(before, operation.operand);
    const after = fitted(wanted, type, operation.overflow);
    if (after === undefined) {
      reply.nil();
      continue;
    }
    writeField(arena, ref, offset, type, after);
    if (hasGrown || after !== before) hasChanged = true;
    reply.integer(operation.verb === 'SET' ? before : after);
  }
  if (hasChanged) context.changed(key, '$', 'setbit');
};

/** How long the string must be for all that is written. */
function bytesWritten(operations: readonly Operation[]): number {
  let end = 0;
  for (const { verb, offset, type } of operations) if (verb !== 'GET') end = Math.max(end, offset + type.bits);
  return Math.ceil(end / 8);
}

function readFields(context: Context, args: Args, operations: readonly Operation[], reply: ReplyWriter): void {
  const ref = findForRead(context, args.slice(1), STRING);
  reply.array(operations.length);
  for (const { offset, type } of operations) reply.integer(readField(context.store.arena, ref, offset, type));
}

const bitfieldReadOnly: Handler = (context, args, reply) => {
  const operations = readOperations(context, args);
  if (operations.some(({ verb }) => verb !== 'GET')) throw bitfieldIsReadOnly();
  readFields(context, args, operations, reply);
};

export const bitfieldCommands: readonly CommandSpec[] = [
  {
    name: 'bitfield', arity: -2, flags: ['write', 'denyoom'],
    keys: oneKey('RW access update variable_flags', 1, 'This command allows both access and modification of the key'),
    categories: ['bitmap'], routing: 'one_shard', group: 'bitmap', since: '3.2.0',
    complexity: 'O(1) for each subcommand specified',
    summary: 'Reads, writes and adds to integers inside a string.',
    syntax:
      'key [<GET encoding offset|<[OVERFLOW <WRAP|SAT|FAIL>]> ' +
      '<SET encoding offset value:integer|INCRBY encoding offset increment>> ...]',
    handler: bitfield,
  },
  {
    name: 'bitfield_ro', arity: -2, flags: ['readonly', 'fast'], keys: oneKey('RO access'), categories: ['bitmap'],
    routing: 'one_shard', group: 'bitmap', since: '6.0.0',
    complexity: 'O(1) for each subcommand specified',
    summary: 'Reads integers inside a string.', syntax: 'key [GET encoding offset [GET encoding offset ...]]',
    handler: bitfieldReadOnly,
  },
];

/** PFDEBUG and PFSELFTEST: a look inside HyperLogLogs, and a check of their arithmetic. */
import type { Context } from './context.js';
import { findHyperLogLog } from './hyperloglog.js';
import { type CommandSpec, type Handler, oneKey } from './spec.js';
import {
  CommandError, hyperLogLogMissing, hyperLogLogNotSparse, malformedHyperLogLog, unknownDebugSubcommand,
} from '../errors.js';
import type { ReplyWriter } from '../protocol/reply-writer.js';
import { valueSlice } from '../store/entry.js';
import {
  DENSE_BYTES, HEADER_BYTES, type Mark, REGISTERS, denseRegister, estimateOf, isSparse, markOf, raiseDense,
  setDenseRegister, unpackDense,
} from '../store/hyperloglog.js';
import { describeRuns } from '../store/hyperloglog-sparse.js';
import { type Raise, makeDense } from '../store/hyperloglog-value.js';
import { Slice, sliceOf } from '../util/bytes.js';

const value = new Slice();

const pfdebug: Handler = (context, args, reply) => {
  const key = args.slice(2);
  const ref = findHyperLogLog(context, key);
  if (ref === 0) throw hyperLogLogMissing();
  valueSlice(context.store.arena, ref, value);
  if (args.is(1, 'GETREG')) replyWithRegisters(context, key, ref, reply);
  else if (args.is(1, 'DECODE')) replyWithRuns(reply);
  else if (args.is(1, 'ENCODING')) reply.status(isSparse(value.bytes, value.offset) ? 'sparse' : 'dense');
  else if (args.is(1, 'TODENSE')) reply.integer(densify(context, key, ref) ? 1 : 0);
  else throw unknownDebugSubcommand(args.text(1));
};

/** It becomes dense by being looked at, as in redis-server. */
function replyWithRegisters(context: Context, key: Slice, ref: number, reply: ReplyWriter): void {
  densify(context, key, ref);
  reply.array(REGISTERS);
  for (let index = 0; index < REGISTERS; index++) reply.integer(denseRegister(value.bytes, value.offset, index));
}

function replyWithRuns(reply: ReplyWriter): void {
  const { bytes, offset, length } = value;
  if (!isSparse(bytes, offset)) throw hyperLogLogNotSparse();
  reply.bulkText(describeRuns(bytes, offset + HEADER_BYTES, offset + length));
}

/** Makes `value`, which is that of `ref`, dense; false when it is already. */
function densify({ db, store }: Context, key: Slice, ref: number): boolean {
  if (!isSparse(value.bytes, value.offset)) return false;
  const raise: Raise = { ref, outcome: 'kept' };
  if (!makeDense(db, key, raise)) throw malformedHyperLogLog();
  valueSlice(store.arena, raise.ref, value);
  store.changes++;
  return true;
}

/** Enough to see a mistake. redis-server takes 10,000,000, and holds its clients up for a second. */
const TEST_ELEMENTS = 100_000;
const TEST_CYCLES = 20;

const pfselftest: Handler = ({ store: { random } }, _args, reply) => {
  const dense = Buffer.alloc(DENSE_BYTES);
  for (let cycle = 0; cycle < TEST_CYCLES; cycle++) testRegisters(dense, () => Math.floor(random.next() * 64));
  dense.fill(0);
  testEstimate(dense, Math.floor(random.next() * 2 ** 32));
  reply.ok();
};

/** Neighbours must not disturb each other. */
function testRegisters(dense: Buffer, draw: () => number): void {
  const drawn = Uint8Array.from({ length: REGISTERS }, draw);
  for (let index = 0; index < REGISTERS; index++) setDenseRegister(dense, 0, index, drawn[index]!);
  for (let index = 0; index < REGISTERS; index++) {
    const found = denseRegister(dense, 0, index);
    if (found !== drawn[index]) {
      throw new CommandError(`ERR TESTFAILED Register ${index} should be ${drawn[index]} but is ${found}`);
    }
  }
}

/** The estimate must stay within six times the standard error. */
function testEstimate(dense: Buffer, seed: number): void {
  const registers = new Uint8Array(REGISTERS);
  const element = Buffer.alloc(8);
  const mark: Mark = { index: 0, value: 0 };
  element.writeUInt32LE(seed, 4);
  for (let count = 1, checkpoint = 1; count <= TEST_ELEMENTS; count++) {
    element.writeUInt32LE(count, 0);
    raiseDense(dense, 0, markOf(sliceOf(element), mark));
    if (count !== checkpoint) continue;
    unpackDense(dense, 0, registers);
    const error = Math.abs(count - Number(estimateOf(registers)));
    if (error > Math.ceil((1.04 / Math.sqrt(REGISTERS)) * 6 * count)) {
      throw new CommandError(`ERR TESTFAILED Too big error. card:${count} abserr:${error}`);
    }
    checkpoint *= 10;
  }
}

const RECORD = {
  routing: 'one_shard', group: 'hyperloglog', since: '2.8.9', categories: ['hyperloglog'], complexity: 'N/A',
  isSystem: true,
} as const;

export const hyperLogLogDebugCommands: readonly CommandSpec[] = [
  {
    name: 'pfdebug', arity: 3, flags: ['write', 'denyoom', 'admin'], keys: oneKey('RW access', 2), ...RECORD,
    summary: 'Shows the registers of a HyperLogLog or how they are kept, or makes it dense.',
    syntax: 'subcommand key', handler: pfdebug,
  },
  {
    name: 'pfselftest', arity: 1, flags: ['admin'], ...RECORD, routing: 'local',
    summary: 'Checks the registers and the estimate of HyperLogLogs.', handler: pfselftest,
  },
];

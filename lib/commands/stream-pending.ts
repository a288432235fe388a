/** What was delivered to the consumers of a group and is not acknowledged: XACK, XPENDING, XCLAIM, XAUTOCLAIM. */
import { readExactInteger, readInteger } from './arguments.js';
import type { Context } from './context.js';
import { findAnyForRead, findForRead } from './lookup.js';
import { type CommandSpec, type Handler, oneKey } from './spec.js';
import { isId, readId, readIds, readRangeEnd, readRangeStart, replyId } from './stream-arguments.js';
import { findConsumer, recordProgress } from './stream-group.js';
import { replyEntry } from './stream.js';
import {
  autoclaimCountTooHigh, badAutoclaimCount, badClaimNumber, noGroup, syntaxError, unknownClaimOption, wrongType,
} from '../errors.js';
import type { Args } from '../protocol/args.js';
import type { ReplyWriter } from '../protocol/reply-writer.js';
import { STREAM, entryType } from '../store/entry.js';
import { type StreamConsumer, type StreamGroup, sortedByName } from '../store/stream-group.js';
import { StreamId } from '../store/stream-id.js';
import { streamOf } from '../store/stream-value.js';
import type { Stream } from '../store/stream.js';
import type { Slice } from '../util/bytes.js';
import { INT64_MAX, addWrapping } from '../util/numbers.js';

interface Found {
  stream: Stream;
  group: StreamGroup;
}

/** The stream of argument 1 and its group of argument 2; undefined when one is missing. Throws wrongType(). */
function findGroup(context: Context, args: Args): Found | undefined {
  return groupIn(context, findForRead(context, args.slice(1), STREAM), args);
}

function groupIn(context: Context, ref: number, args: Args): Found | undefined {
  if (ref === 0) return undefined;
  const stream = streamOf(context.db, ref);
  const group = stream.groups.get(args.text(2));
  return group && { stream, group };
}

const xack: Handler = (context, args, reply) => {
  const found = findGroup(context, args);
  if (found === undefined) return reply.integer(0);
  let acknowledged = 0;
  for (const id of readIds(args, 3)) if (found.group.acknowledge(id)) acknowledged++;
  context.store.changes += acknowledged;
  reply.integer(acknowledged);
};

// ---- XPENDING

interface PendingRange {
  start: StreamId;
  end: StreamId;
  count: number;
  /** Only what was delivered so long ago. */
  minIdleMs: number;
  consumerName: string | undefined;
}

/** Throws syntaxError(), notAnInteger(), invalidStreamId(), and what the ends of a range throw. */
function readPendingRange(args: Args): PendingRange {
  let minIdleMs = 0;
  let at = 3;
  if (args.is(3, 'IDLE')) {
    minIdleMs = readInteger(args, 4);
    if (args.count < 8) throw syntaxError();
    at = 5;
  }
  const count = Math.max(0, readInteger(args, at + 2));
  const start = readRangeStart(args, at);
  const end = readRangeEnd(args, at + 1);
  return { start, end, count, minIdleMs, consumerName: at + 3 < args.count ? args.text(at + 3) : undefined };
}

const xpending: Handler = (context, args, reply) => {
  if (args.count !== 3 && (args.count < 6 || args.count > 9)) throw syntaxError();
  const range = args.count === 3 ? undefined : readPendingRange(args);
  const found = findGroup(context, args);
  if (found === undefined) throw noGroup(args.text(1), args.text(2));
  if (range === undefined) replyPendingSummary(found.group, reply);
  else replyPending(context, found.group, range, reply);
};

/** Writes how much is pending, from which ID up to which, and how much with each consumer. */
function replyPendingSummary(group: StreamGroup, reply: ReplyWriter): void {
  const { pending } = group;
  reply.array(4);
  reply.integer(pending.size);
  const id = new StreamId();
  if (!pending.seekFirst()) {
    reply.nil();
    reply.nil();
    return reply.nilArray();
  }
  replyId(reply, pending.readId(id));
  pending.seekLast();
  replyId(reply, pending.readId(id));
  const consumers = sortedByName(group.consumers).filter((each) => each.pending.size > 0);
  reply.array(consumers.length);
  for (const consumer of consumers) {
    reply.array(2);
    reply.bulkText(consumer.name);
    reply.bulkText(String(consumer.pending.size));
  }
}

function replyPending({ store }: Context, group: StreamGroup, range: PendingRange, reply: ReplyWriter): void {
  const { consumerName, start, end, count, minIdleMs } = range;
  const consumer = consumerName === undefined ? undefined : group.consumers.get(consumerName);
  if (consumerName !== undefined && consumer === undefined) return reply.array(0);
  const index = consumer?.pending ?? group.pending;
  const mark = reply.length;
  const id = new StreamId();
  let written = 0;
  for (let isThere = index.seekFrom(start); isThere && written < count; isThere = index.next()) {
    if (index.readId(id).compare(end) > 0) break;
    if (consumer !== undefined) group.pending.seek(id);
    const idleMs = store.nowMs - group.pending.deliveredAtMs;
    if (minIdleMs !== 0 && idleMs < minIdleMs) continue;
    written++;
    reply.array(4);
    replyId(reply, id);
    reply.bulkText(group.owner().name);
    reply.integer(Math.max(0, idleMs));
    reply.integer(group.pending.deliveries);
  }
  reply.arrayFrom(mark, written);
}

// ---- claiming

/** What becomes of an entry that is claimed. */
interface Claim {
  consumerName: string;
  /** Undefined until the first entry is claimed. */
  consumer: StreamConsumer | undefined;
  deliveredAtMs: number;
  /** Undefined: one more than before. */
  deliveries: number | bigint | undefined;
  /** The reply has IDs only, and this is no delivery. */
  isBare: boolean;
}

/** Gives the pending entry at the cursor, or with `isNew` one that is not pending, to the claim's consumer. */
function claim(
  context: Context, args: Args, found: Found, id: StreamId, isNew: boolean, by: Claim, reply: ReplyWriter,
): void {
  const { group, stream } = found;
  by.consumer ??= findConsumer(context, args.slice(1), group, by.consumerName);
  if (isNew) group.deliver(id, by.consumer, by.deliveredAtMs, 1);
  else group.assign(id, by.consumer);
  group.pending.deliveredAtMs = by.deliveredAtMs;
  if (by.deliveries !== undefined) group.pending.deliveries = by.deliveries;
  else if (!by.isBare) group.pending.deliveries = addWrapping(group.pending.deliveries, 1);
  context.store.changes++;
  recordClaim(context, args.slice(1), group, by.consumer, id);
  if (by.isBare) return replyId(reply, id);
  const walk = stream.walk(id, id);
  walk.next();
  replyEntry(reply, walk);
}

/** For the append log: what is pending now, whatever was asked. */
function recordClaim(context: Context, key: Slice, group: StreamGroup, consumer: StreamConsumer, id: StreamId): void {
  const { deliveredAtMs, deliveries } = group.pending;
  context.recordAs(
    'XCLAIM', key, group.name, consumer.name, '0', id.text(), 'TIME', String(deliveredAtMs),
    'RETRYCOUNT', String(deliveries), 'FORCE', 'JUSTID', 'LASTID', group.lastId.text(),
  );
}

/** How long an entry must have been pending to be claimed. */
function readMinIdle(args: Args, command: string): number {
  return Math.max(0, readInteger(args, 4, () => badClaimNumber('min-idle-time', command)));
}

interface ClaimOptions {
  ids: StreamId[];
  deliveredAtMs: number | bigint | undefined;
  deliveries: number | bigint | undefined;
  /** What is not pending is claimed too, when the stream has it. */
  takesAll: boolean;
  isBare: boolean;
  lastId: StreamId;
}

/** The IDs and what stands behind them. Throws badClaimNumber(), invalidStreamId() and unknownClaimOption(). */
function readClaimOptions(args: Args, nowMs: number): ClaimOptions {
  const options: ClaimOptions = {
    ids: [], deliveredAtMs: undefined, deliveries: undefined, takesAll: false, isBare: false, lastId: new StreamId(),
  };
  let index = 5;
  for (const id = new StreamId(); index < args.count && isId(args, index, id); index++) {
    options.ids.push(new StreamId().copyFrom(id));
  }
  while (index < args.count) index += readClaimOption(args, index, nowMs, options);
  return options;
}

/** Takes the option at `index` and gives how many arguments it has. */
function readClaimOption(args: Args, index: number, nowMs: number, options: ClaimOptions): number {
  const hasValue = index + 1 < args.count;
  const number = (name: string): number | bigint =>
    readExactInteger(args, index + 1, () => badClaimNumber(`${name} option`, 'XCLAIM'));
  if (args.is(index, 'FORCE')) options.takesAll = true;
  else if (args.is(index, 'JUSTID')) options.isBare = true;
  else if (hasValue && args.is(index, 'IDLE')) options.deliveredAtMs = addWrapping(nowMs, -BigInt(number('IDLE')));
  else if (hasValue && args.is(index, 'TIME')) options.deliveredAtMs = number('TIME');
  else if (hasValue && args.is(index, 'RETRYCOUNT')) options.deliveries = number('RETRYCOUNT');
  else if (hasValue && args.is(index, 'LASTID')) readId(args, index + 1, options.lastId);
  else throw unknownClaimOption(args.text(index));
  return args.is(index, 'FORCE') || args.is(index, 'JUSTID') ? 1 : 2;
}

/** A moment of delivery that was given, or now when it makes no sense. */
function usableMoment(given: number | bigint | undefined, nowMs: number): number {
  return given === undefined || given < 0 || given > nowMs ? nowMs : Number(given);
}

const xclaim: Handler = (context, args, reply) => {
  const { nowMs } = context.store;
  const found = findGroup(context, args);
  if (found === undefined) throw noGroup(args.text(1), args.text(2));
  const minIdleMs = readMinIdle(args, 'XCLAIM');
  const options = readClaimOptions(args, nowMs);
  const { stream, group } = found;
  if (options.lastId.compare(group.lastId) > 0) {
    group.lastId.copyFrom(options.lastId);
    recordProgress(context, args.slice(1), group);
    context.store.changes++;
  }
  const by: Claim = {
    consumerName: args.text(3), consumer: undefined,
    deliveredAtMs: usableMoment(options.deliveredAtMs, context.store.timeMs),
    deliveries: options.deliveries !== undefined && options.deliveries >= 0 ? options.deliveries : undefined,
    isBare: options.isBare,
  };
  const mark = reply.length;
  let claimed = 0;
  for (const id of options.ids) {
    const isPending = group.pending.seek(id);
    if (!stream.has(id)) {
      if (isPending) forget(context, args.slice(1), group, id);
      continue;
    }
    if (!isPending && !options.takesAll) continue;
    if (isPending && minIdleMs > 0 && nowMs - group.pending.deliveredAtMs < minIdleMs) continue;
    claim(context, args, found, id, !isPending, by, reply);
    claimed++;
  }
  reply.arrayFrom(mark, claimed);
};

/** Takes out a pending entry that the stream has no more; false when none is behind it. */
function forget(context: Context, key: Slice, group: StreamGroup, id: StreamId): boolean {
  context.recordAs('XACK', key, group.name, id.text());
  context.store.changes++;
  return group.forget(id);
}

/** So many pending entries are looked at for each one that is wanted. */
const LOOKS_PER_CLAIM = 10;
const CLAIMS_DEFAULT = 100;
/** What redis-server takes for a COUNT, and from where on it finds no memory for the IDs. */
const CLAIMS_MAX = INT64_MAX / 16n;
const CLAIMS_LIMIT = 2 ** 43;

/** COUNT and JUSTID. Throws syntaxError() and badAutoclaimCount(). */
function readAutoclaimOptions(args: Args): { count: number; isBare: boolean } {
  const options = { count: CLAIMS_DEFAULT, isBare: false };
  for (let index = 6; index < args.count; index++) {
    if (args.is(index, 'COUNT') && index + 1 < args.count) {
      const count = readExactInteger(args, ++index, badAutoclaimCount);
      if (count < 1 || count > CLAIMS_MAX) throw badAutoclaimCount();
      options.count = Number(count);
    } else if (args.is(index, 'JUSTID')) options.isBare = true;
    else throw syntaxError();
  }
  return options;
}

const xautoclaim: Handler = (context, args, reply) => {
  // Looked up before the options are read, as in redis-server: a miss counts in any case. Its type is looked at after.
  const ref = findAnyForRead(context, args.slice(1));
  const minIdleMs = readMinIdle(args, 'XAUTOCLAIM');
  const start = readRangeStart(args, 5);
  const { count, isBare } = readAutoclaimOptions(args);
  if (ref !== 0 && entryType(context.store.arena, ref) !== STREAM) throw wrongType();
  const found = groupIn(context, ref, args);
  if (found === undefined) throw noGroup(args.text(1), args.text(2));
  if (count > CLAIMS_LIMIT) throw autoclaimCountTooHigh();
  const { stream, group: { pending } } = found;
  const { nowMs } = context.store;
  const by: Claim = {
    consumerName: args.text(3), consumer: undefined, deliveredAtMs: nowMs, deliveries: undefined, isBare,
  };
  const mark = reply.length;
  const deleted: StreamId[] = [];
  const id = new StreamId();
  let claimed = 0;
  let looks = count * LOOKS_PER_CLAIM;
  let isThere = pending.seekFrom(start);
  for (; isThere && looks > 0 && claimed + deleted.length < count; looks--) {
    if (!stream.has(pending.readId(id))) {
      deleted.push(new StreamId().copyFrom(id));
      isThere = forget(context, args.slice(1), found.group, id);
      continue;
    }
    if (minIdleMs === 0 || nowMs - pending.deliveredAtMs >= minIdleMs) {
      claim(context, args, found, id, false, by, reply);
      claimed++;
    }
    isThere = pending.next();
  }
  const next = isThere ? pending.readId(id) : id.set(0, 0, 0, 0);
  reply.arrayFrom(mark, claimed);
  reply.bulkTextFrom(mark, next.text());
  reply.arrayFrom(mark, 3);
  reply.array(deleted.length);
  for (const each of deleted) replyId(reply, each);
};

const RECORD = { categories: ['stream'], routing: 'one_shard', group: 'stream', since: '5.0.0' } as const;

export const streamPendingCommands: readonly CommandSpec[] = [
  {
    name: 'xack', ...RECORD, arity: -4, flags: ['write', 'fast'], keys: oneKey('RW update'),
    complexity: 'O(1) for each message ID processed.', summary: 'Acknowledges entries that were delivered.',
    syntax: 'key group id [id ...]', handler: xack,
  },
  {
    name: 'xautoclaim', ...RECORD, arity: -6, flags: ['write', 'fast'], keys: oneKey('RW delete'),
    tips: ['nondeterministic_output'], since: '6.2.0', complexity: 'O(1) if COUNT is small.',
    history: [
      ['7.0.0', 'Added an element to the reply array, containing deleted entries the command cleared from the PEL'],
    ],
    summary: 'Gives a consumer entries that have long been pending with others, as it walks over them.',
    syntax: 'key group consumer min-idle-time start:string [COUNT count] [JUSTID]', handler: xautoclaim,
  },
  {
    name: 'xclaim', ...RECORD, arity: -6, flags: ['write', 'fast'], keys: oneKey('RW update'),
    tips: ['nondeterministic_output'],
    complexity: 'O(log N) with N being the number of messages in the PEL of the consumer group.',
    summary: 'Gives a consumer entries that have long been pending with others.',
    syntax: 'key group consumer min-idle-time id [id ...] [IDLE ms] [TIME unix-time-milliseconds] [RETRYCOUNT count] [FORCE] [JUSTID] [LASTID id]',
    handler: xclaim,
  },
  {
    name: 'xpending', ...RECORD, arity: -3, flags: ['readonly'], keys: oneKey('RO access'),
    tips: ['nondeterministic_output'],
    complexity: 'O(N) with N being the number of elements returned, so asking for a small fixed number of entries per call is O(1). O(M), where M is the total number of entries scanned when used with the IDLE filter. When the command returns just the summary and the list of consumers is small, it runs in O(1) time; otherwise, an additional O(N) time for iterating every consumer.',
    history: [['6.2.0', 'Added the `IDLE` option and exclusive range intervals.']],
    summary: 'Shows what was delivered to a group and is not acknowledged.',
    syntax: 'key group [<[IDLE min-idle-time:integer]> start:string end:string count [consumer]]', handler: xpending,
  },
];

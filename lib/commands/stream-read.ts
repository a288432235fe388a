/**
 * XREAD and XREADGROUP: the entries of several streams behind given IDs, for anyone or for a consumer of a group. With
 * BLOCK, who finds nothing waits for the first entry that is added to one of them (execution/blocking.ts).
 */
import { readInteger } from './arguments.js';
import type { Context, Wait } from './context.js';
import { findForRead } from './lookup.js';
import type { CommandSpec, Handler, KeySpec } from './spec.js';
import { readId, replyId } from './stream-arguments.js';
import { findConsumer, recordProgress } from './stream-group.js';
import { replyEntries, replyEntry } from './stream.js';
import { namesOf, readTimeoutMs } from './waiting.js';
import {
  dollarInReadGroup, groupMissing, groupNeedsReadGroup, newEntriesNeedReadGroup, noGroupToRead, noackNeedsReadGroup,
  syntaxError, unbalancedStreams, waitedGroupGone, waitedStreamGone,
} from '../errors.js';
import type { Args } from '../protocol/args.js';
import type { ReplyWriter } from '../protocol/reply-writer.js';
import { STREAM, entryType } from '../store/entry.js';
import type { StreamConsumer, StreamGroup } from '../store/stream-group.js';
import { StreamId } from '../store/stream-id.js';
import { advance } from '../store/stream-progress.js';
import { streamOf } from '../store/stream-value.js';
import type { Stream } from '../store/stream.js';
import { type Slice, sliceOf } from '../util/bytes.js';
import { addWrapping } from '../util/numbers.js';

const LAST = new StreamId().setMax();

/** How many entries a client gets at most that has waited and said no number. */
const WAITED_COUNT = 1000;

/** What is asked for. */
export interface Reading {
  /** How many entries of each stream, at most. */
  count: number;
  /** Until when to wait for entries, as `Wait.untilMs`; undefined when there is no waiting. */
  untilMs: number | undefined;
  /** The group and the consumer of XREADGROUP. */
  groupName: string | undefined;
  consumerName: string;
  /** What is delivered need not be acknowledged. */
  isAcknowledged: boolean;
  /** The argument with the first stream's name, and how many streams there are. */
  keysAt: number;
  keyCount: number;
}

/** Throws syntaxError(), notAnInteger() and what each option throws. */
function readReading(context: Context, args: Args, isForGroup: boolean): Reading {
  const reading: Reading = {
    count: Infinity, untilMs: undefined, groupName: undefined, consumerName: '', isAcknowledged: false,
    keysAt: 0, keyCount: 0,
  };
  for (let index = 1; index < args.count && reading.keysAt === 0; ) {
    index = readOption(context, args, index, isForGroup, reading);
  }
  if (reading.keysAt === 0) throw syntaxError();
  if (isForGroup && reading.groupName === undefined) throw groupMissing();
  return reading;
}

/** Takes the option at `index` and gives the place of the next. */
function readOption(context: Context, args: Args, index: number, isForGroup: boolean, reading: Reading): number {
  const hasValue = index + 1 < args.count;
  if (hasValue && args.is(index, 'BLOCK')) {
    reading.untilMs = readTimeoutMs(context, args, index + 1);
    return index + 2;
  }
  if (hasValue && args.is(index, 'COUNT')) {
    const count = readInteger(args, index + 1);
    reading.count = count <= 0 ? Infinity : count;
    return index + 2;
  }
  if (hasValue && args.is(index, 'STREAMS')) {
    reading.keysAt = index + 1;
    reading.keyCount = (args.count - reading.keysAt) / 2;
    if (reading.keyCount % 1 !== 0) throw unbalancedStreams();
    return args.count;
  }
  if (index + 2 < args.count && args.is(index, 'GROUP')) {
    if (!isForGroup) throw groupNeedsReadGroup();
    reading.groupName = args.text(index + 1);
    reading.consumerName = args.text(index + 2);
    return index + 3;
  }
  if (!args.is(index, 'NOACK')) throw syntaxError();
  if (!isForGroup) throw noackNeedsReadGroup();
  reading.isAcknowledged = true;
  return index + 1;
}

/**
 * What a request asks for, without a look at any stream: for a node that has others read (cluster/far-read.ts).
 * Throws what `readReading` throws, and invalidStreamId().
 */
export function readRequest(context: Context, args: Args, isForGroup: boolean): Reading {
  const reading = readReading(context, args, isForGroup);
  for (let index = reading.keysAt + reading.keyCount; index < args.count; index++) {
    readAfter(args, index, undefined, isForGroup);
  }
  return reading;
}

/** A stream that is asked, from behind which ID on, and for which group. */
interface Source {
  key: number;
  /** The highest ID stands for what the group has not seen yet. */
  after: StreamId;
  group: StreamGroup | undefined;
}

/** Finds streams and groups and reads the IDs. Throws wrongType(), noGroupToRead(), invalidStreamId(). */
function readSources(context: Context, args: Args, reading: Reading): Source[] {
  const sources: Source[] = [];
  for (let key = reading.keysAt; key < reading.keysAt + reading.keyCount; key++) {
    const ref = findForRead(context, args.slice(key), STREAM);
    const stream = ref === 0 ? undefined : streamOf(context.db, ref);
    const { groupName } = reading;
    const group = groupName === undefined ? undefined : stream?.groups.get(groupName);
    if (groupName !== undefined && group === undefined) throw noGroupToRead(args.text(key), groupName);
    sources.push({ key, after: readAfter(args, key + reading.keyCount, stream, groupName !== undefined), group });
  }
  return sources;
}

/** The ID behind which a stream is read. */
function readAfter(args: Args, index: number, stream: Stream | undefined, isForGroup: boolean): StreamId {
  const after = new StreamId();
  const text = args.lengths[index]! > 2 ? '' : args.text(index).split('\0', 1)[0]!;
  if (text === '$') {
    if (isForGroup) throw dollarInReadGroup();
    return stream === undefined ? after : after.copyFrom(stream.lastId);
  }
  if (text === '>') {
    if (!isForGroup) throw newEntriesNeedReadGroup();
    return after.setMax();
  }
  return readId(args, index, after);
}

/** XREAD, and XREADGROUP with `isForGroup`. */
function readHandler(isForGroup: boolean): Handler {
  return (context, args, reply) => {
    const reading = readReading(context, args, isForGroup);
    const sources = readSources(context, args, reading);
    const mark = reply.length;
    let served = 0;
    for (const source of sources) if (serve(context, args, reading, source, reply)) served++;
    if (served > 0) closeStreams(reply, mark, served);
    else if (reading.untilMs === undefined || !context.mayWait) reply.nilArray();
    else waitFor(context, args, reading, reading.untilMs, sources);
  };
}

/** Puts a header in front of the streams that were written since `length` was `mark`. */
function closeStreams(reply: ReplyWriter, mark: number, count: number): void {
  if (reply.protocol === 3) reply.mapFrom(mark, count);
  else reply.arrayFrom(mark, count);
}

/** Writes a stream's name and what it has for the reader; false when it has nothing. */
function serve(context: Context, args: Args, reading: Reading, source: Source, reply: ReplyWriter): boolean {
  const { after, group } = source;
  const key = args.slice(source.key);
  const ref = findForRead(context, key, STREAM);
  if (ref === 0) return false;
  const stream = streamOf(context.db, ref);
  if (group !== undefined && !after.isMax) {
    replyHistory(context, key, stream, group, after, reading, reply);
    // What is read again is delivered again, which redis-server does not record either.
    context.recordAs();
    return true;
  }
  const seen = group === undefined ? after : group.lastId;
  if (!hasNewer(stream, seen)) return false;
  replyNewer(context, key, stream, group, seen, reading, reply);
  return true;
}

/** For the append log: who has got which entries, at what time, and how far the group is. */
function recordDelivered(
  context: Context, key: Slice, group: StreamGroup, consumer: StreamConsumer, ids: readonly string[],
): void {
  const { timeMs } = context.store;
  const last = group.lastId.text();
  for (let from = 0; from < ids.length; from += RECORDED_TOGETHER) {
    const some = ids.slice(from, from + RECORDED_TOGETHER);
    const how = ['TIME', String(timeMs), 'RETRYCOUNT', '1', 'FORCE', 'JUSTID', 'LASTID', last];
    context.recordAs('XCLAIM', key, group.name, consumer.name, '0', ...some, ...how);
  }
  recordProgress(context, key, group);
}

/** So many entries that were delivered stand in one record of the append log. */
const RECORDED_TOGETHER = 1024;

const newest = new StreamId();

function hasNewer(stream: Stream, than: StreamId): boolean {
  return stream.length > 0 && stream.readNewestId(newest) && newest.compare(than) > 0;
}

/** Writes a stream's name and its entries behind `seen`, and notes that a group's consumer has got them. */
function replyNewer(
  context: Context, key: Slice, stream: Stream, group: StreamGroup | undefined, seen: StreamId, reading: Reading,
  reply: ReplyWriter,
): void {
  const start = new StreamId().copyFrom(seen);
  start.increment();
  openStream(reply, key);
  if (group === undefined) return replyEntries(reply, stream.walk(start, LAST), reading.count);
  const consumer = findConsumer(context, key, group, reading.consumerName);
  recordDelivered(context, key, group, consumer, deliver(context, stream, group, consumer, start, reading, reply));
}

function openStream(reply: ReplyWriter, key: Slice): void {
  if (reply.protocol === 2) reply.array(2);
  reply.slice(key);
}

/**
 * Writes the entries from `start` on, which are new to the group, and notes that the consumer has got them. Gives the
 * IDs of those that are to be acknowledged.
 */
function deliver(
  { store }: Context, stream: Stream, group: StreamGroup, consumer: StreamConsumer, start: StreamId, reading: Reading,
  reply: ReplyWriter,
): string[] {
  store.changes++;
  const mark = reply.length;
  const walk = stream.walk(start, LAST);
  const ids: string[] = [];
  let written = 0;
  for (; written < reading.count && walk.next(); written++) {
    replyEntry(reply, walk);
    if (!reading.isAcknowledged) {
      // Before the group has read it: an entry for which there is no room is read the next time.
      group.deliver(walk.id, consumer, store.nowMs, 1);
      ids.push(walk.id.text());
    }
    advance(stream, group, walk.id);
  }
  reply.arrayFrom(mark, written);
  return ids;
}

/** Writes what is pending with the consumer behind `after`; of an entry that was deleted only the ID is left. */
function replyHistory(
  context: Context, key: Slice, stream: Stream, group: StreamGroup, after: StreamId, reading: Reading,
  reply: ReplyWriter,
): void {
  const { store } = context;
  openStream(reply, key);
  const { pending } = findConsumer(context, key, group, reading.consumerName);
  store.changes++;
  const mark = reply.length;
  const id = new StreamId().copyFrom(after);
  id.increment();
  let written = 0;
  for (let isThere = pending.seekFrom(id); isThere && written < reading.count; isThere = pending.next()) {
    const walk = stream.walk(pending.readId(id), id);
    if (walk.next()) {
      replyEntry(reply, walk);
      group.pending.seek(id);
      group.pending.deliveredAtMs = store.nowMs;
      group.pending.deliveries = addWrapping(group.pending.deliveries, 1);
    } else {
      reply.array(2);
      replyId(reply, id);
      reply.nilArray();
    }
    written++;
  }
  reply.arrayFrom(mark, written);
}

// ---- waiting

/** Lets the client wait for an entry behind the given IDs, or for one that is new to its group. */
function waitFor(context: Context, args: Args, reading: Reading, untilMs: number, sources: readonly Source[]): void {
  const after = idsByName(args, sources);
  const waited = { ...reading, count: waitedCount(reading) };
  context.wait({
    ...waitOf(args, reading), untilMs,
    retry: (later, key, late) => serveWaiting(later, key, after.get(key.text())!, waited, late),
  });
}

/** How many entries who has waited gets at most. */
export function waitedCount({ count }: Reading): number {
  return count === Infinity ? WAITED_COUNT : count;
}

function waitOf(args: Args, { keysAt, keyCount, groupName }: Reading): Pick<Wait, 'keys' | 'type' | 'endsWithBucket'> {
  return { keys: namesOf(args, keysAt, keysAt + keyCount), type: STREAM, endsWithBucket: groupName !== undefined };
}

/** Of a stream that is named twice the first ID counts. */
function idsByName(args: Args, sources: readonly Source[]): Map<string, StreamId> {
  const after = new Map<string, StreamId>();
  for (const source of sources) if (!after.has(args.text(source.key))) after.set(args.text(source.key), source.after);
  return after;
}

/**
 * For a client of another node that reads here (cluster/far-read.ts): answers which stream has something for it,
 * counted from 0, when one has. Nothing is read; `found` is called. `isTaken` says of which streams others have been
 * told before. Throws what XREAD and XREADGROUP throw.
 */
export function awaitReadable(
  context: Context, args: Args, reply: ReplyWriter, isTaken: (key: Slice) => boolean, found: (key: Slice) => void,
  waitFor: (wait: Wait) => void = (wait) => context.wait(wait),
): void {
  const reading = readReading(context, args, args.is(0, 'XREADGROUP'));
  const sources = readSources(context, args, reading);
  const after = idsByName(args, sources);
  const wait = waitOf(args, reading);
  const tell = (later: Context, key: Slice, late: ReplyWriter): boolean => {
    const waited = findWaited(later, key, after.get(key.text())!, reading);
    if (waited === undefined || !hasNewer(waited.stream, waited.seen)) return false;
    late.integer(wait.keys.indexOf(key.text()));
    found(key);
    return true;
  };
  for (const name of wait.keys) {
    const key = sliceOf(name);
    if (!isTaken(key) && tell(context, key, reply)) return;
  }
  waitFor({ ...wait, untilMs: 0, retry: tell });
}

/**
 * Writes what a stream has now for a client that waits; false when that is nothing. An entry may have been added and
 * deleted since: then the client gets none. Throws waitedStreamGone() and waitedGroupGone().
 * Source: serveClientsBlockedOnStreamKey() in redis's blocked.c.
 */
function serveWaiting(context: Context, key: Slice, after: StreamId, reading: Reading, reply: ReplyWriter): boolean {
  const waited = findWaited(context, key, after, reading);
  if (waited === undefined) return false;
  const mark = reply.length;
  replyNewer(context, key, waited.stream, waited.group, waited.seen, reading, reply);
  closeStreams(reply, mark, 1);
  return true;
}

/** A stream that has something new for who waits, with the ID of the last that is not new. */
interface WaitedStream {
  stream: Stream;
  group: StreamGroup | undefined;
  seen: StreamId;
}

function findWaited(context: Context, key: Slice, after: StreamId, reading: Reading): WaitedStream | undefined {
  const { db, store } = context;
  const ref = db.peek(key);
  const { groupName } = reading;
  if (ref === 0 || entryType(store.arena, ref) !== STREAM) {
    if (groupName !== undefined) throw waitedStreamGone();
    return undefined;
  }
  const stream = streamOf(db, ref);
  const group = groupName === undefined ? undefined : stream.groups.get(groupName);
  if (groupName !== undefined && group === undefined) throw waitedGroupGone();
  const seen = group === undefined ? after : group.lastId;
  return stream.lastId.compare(seen) <= 0 ? undefined : { stream, group, seen };
}

const streamKeys = (from: number): KeySpec[] => [
  { flags: 'RO access', begin: { keyword: 'STREAMS', from }, find: { last: -1, step: 1, limit: 2 } },
];

const RECORD = { categories: ['stream', 'blocking'], routing: 'one_shard', group: 'stream', since: '5.0.0' } as const;

export const streamReadCommands: readonly CommandSpec[] = [
  {
    name: 'xread', ...RECORD, arity: -4, flags: ['readonly', 'blocking', 'movablekeys'], keys: streamKeys(1),
    complexity: 'For each stream mentioned: O(N) with N being the number of elements being returned, it means that XREAD-ing with a fixed COUNT is O(1). Note that when the BLOCK option is used, XADD will pay O(M) time in order to serve the M clients blocked on the stream getting new data.',
    summary: 'Gives the entries of several streams that are newer than given IDs.',
    syntax: '[COUNT count] [BLOCK milliseconds] STREAMS key [key ...] id [id ...]', handler: readHandler(false),
  },
  {
    name: 'xreadgroup', ...RECORD, arity: -7, flags: ['write', 'blocking', 'movablekeys'], keys: streamKeys(4),
    complexity: 'For each stream mentioned: O(M) with M being the number of elements returned. If M is constant (e.g. always asking for the first 10 elements with COUNT), you can consider it O(1). On the other side when XREADGROUP blocks, XADD will pay the O(N) time in order to serve the N clients blocked on the stream getting new data.',
    summary: 'Gives a consumer of a group entries that no other consumer has got, or those that are pending with it.',
    syntax: 'GROUP group consumer [COUNT count] [BLOCK milliseconds] [NOACK] STREAMS key [key ...] id [id ...]',
    handler: readHandler(true),
  },
];

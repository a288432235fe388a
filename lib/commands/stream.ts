/**
 * The stream commands on one stream: add, read a range, delete, trim. Reading several streams is in stream-read.ts,
 * consumer groups in stream-group.ts, what is pending with them in stream-pending.ts, and the views of what a stream is
 * made of in stream-info.ts.
 */
import { readExactInteger, readInteger } from './arguments.js';
import type { Context } from './context.js';
import { findForRead, findForWrite } from './lookup.js';
import type { CommandSpec, Handler } from './spec.js';
import { oneKey } from './spec.js';
import {
  type NewId, readAddOptions, readId, readIds, readRangeEnd, readRangeStart, readTrim, replyId,
} from './stream-arguments.js';
import {
  elementsTooLarge, entriesAddedBelowLength, entriesAddedNotPositive, idBelowMaxDeleted, idBelowTop, newIdIsZero,
  newIdTooLow, noSuchKey, streamIsExhausted, syntaxError, wrongArity,
} from '../errors.js';
import { Args } from '../protocol/args.js';
import type { ReplyWriter } from '../protocol/reply-writer.js';
import { STREAM } from '../store/entry.js';
import type { Fields } from '../store/stream-node.js';
import { StreamId } from '../store/stream-id.js';
import { addStream, streamOf } from '../store/stream-value.js';
import type { StreamWalk } from '../store/stream-walk.js';
import { ENTRY_BYTES_MAX, Stream, type Trim } from '../store/stream.js';
import { Slice } from '../util/bytes.js';

/** Where a walk puts what it came to; each handler is done with it before it returns. */
const field = new Slice();
const value = new Slice();

// ---- adding

const xadd: Handler = (context, args, reply) => {
  const { db } = context;
  const options = readAddOptions(args, context.store.encodingLimits);
  const { newId, fieldsAt } = options;
  const partCount = args.count - fieldsAt;
  if (partCount < 2 || partCount % 2 === 1) throw wrongArity('xadd');
  if (newId.kind === 'given' && newId.id.isZero) throw newIdIsZero();
  readFields(args, fieldsAt);
  const key = args.slice(1);
  const ref = findForWrite(context, key, STREAM);
  if (ref === 0 && options.isForExisting) return reply.nil();
  const found = ref === 0 ? undefined : streamOf(db, ref);
  const id = nextId(context, found, newId);
  if (fields.byteCount > ENTRY_BYTES_MAX) throw elementsTooLarge();
  const stream = found ?? new Stream(context.store);
  stream.append(id, fields);
  if (found === undefined) addStream(db, key, stream);
  replyId(reply, id);
  context.changed(key, 't', 'xadd');
  context.node.waits.signal(db, key);
  const isTrimmed = options.trim !== undefined && stream.trim(options.trim) > 0;
  if (isTrimmed) context.changed(key, 't', 'xtrim');
  if (isTrimmed || newId.kind !== 'given') recordAdded(context, key, id, isTrimmed ? stream : undefined, args, fieldsAt);
};

/** For the append log: with the ID that was made, and cut to the length that came of it. */
function recordAdded(
  context: Context, key: Slice, id: StreamId, trimmed: Stream | undefined, args: Args, fieldsAt: number,
): void {
  if (!context.node.propagation.isOn) return;
  const trim = trimmed === undefined ? [] : ['MAXLEN', '=', String(trimmed.length)];
  const parts = Array.from({ length: args.count - fieldsAt }, (_, index) => args.slice(fieldsAt + index));
  context.recordAs('XADD', key, ...trim, id.text(), ...parts);
}

/** The fields that XADD adds; it is done with them when it ends. */
const fields: Fields = { parts: new Args(), first: 0, pairs: 0, byteCount: 0 };

function readFields(args: Args, first: number): void {
  let byteCount = 0;
  for (let index = first; index < args.count; index++) byteCount += args.lengths[index]!;
  fields.parts = args;
  fields.first = first;
  fields.pairs = (args.count - first) / 2;
  fields.byteCount = byteCount;
}

const none = new StreamId();

/**
 * The ID of a stream's next entry. Throws streamIsExhausted(), newIdTooLow(), and elementsTooLarge(), which is what
 * redis-server says when a moment has no sequence number left.
 */
function nextId({ store }: Context, stream: Stream | undefined, { kind, id }: NewId): StreamId {
  const last = stream === undefined ? none : stream.lastId;
  if (last.isMax) throw streamIsExhausted();
  if (kind === 'automatic') {
    id.setMoment(store.nowMs);
    if (id.compare(last) > 0 && !id.isAsOld(last)) return id;
    id.copyFrom(last).increment();
    return id;
  }
  if (kind === 'moment' && id.isAsOld(last)) {
    if (last.isLastOfMoment) throw elementsTooLarge();
    id.copyFrom(last).increment();
  }
  if (id.compare(last) <= 0) throw newIdTooLow();
  return id;
}

const xtrim: Handler = (context, args, reply) => {
  const trim: Trim = readTrim(args, context.store.encodingLimits);
  const key = args.slice(1);
  const ref = findForWrite(context, key, STREAM);
  if (ref === 0) return reply.integer(0);
  const stream = streamOf(context.db, ref);
  const trimmed = stream.trim(trim);
  if (trimmed > 0) {
    context.recordAs('XTRIM', key, 'MAXLEN', '=', String(stream.length));
    context.changed(key, 't', 'xtrim');
  }
  reply.integer(trimmed);
};

const xdel: Handler = (context, args, reply) => {
  const key = args.slice(1);
  const ref = findForWrite(context, key, STREAM);
  if (ref === 0) return reply.integer(0);
  const ids = readIds(args, 2);
  const stream = streamOf(context.db, ref);
  let deleted = 0;
  for (const id of ids) if (stream.delete(id)) deleted++;
  if (deleted > 0) {
    stream.settleFirstId();
    context.changed(key, 't', 'xdel');
  }
  reply.integer(deleted);
};

// ---- reading

const xlen: Handler = (context, args, reply) => {
  const ref = findForRead(context, args.slice(1), STREAM);
  reply.integer(ref === 0 ? 0 : streamOf(context.db, ref).length);
};

/** XRANGE, and XREVRANGE with `isReverse`. */
function rangeHandler(isReverse: boolean): Handler {
  return (context, args, reply) => {
    const start = readRangeStart(args, isReverse ? 3 : 2);
    const end = readRangeEnd(args, isReverse ? 2 : 3);
    const count = readRangeCount(args);
    const ref = findForRead(context, args.slice(1), STREAM);
    if (ref === 0) return reply.array(0);
    if (count === 0) return reply.nilArray();
    replyEntries(reply, streamOf(context.db, ref).walk(start, end, isReverse), count);
  };
}

/** How many entries a range shall have at most: 0 for none, Infinity for all. */
function readRangeCount(args: Args): number {
  let count = Infinity;
  for (let index = 4; index < args.count; index += 2) {
    if (!args.is(index, 'COUNT') || index + 1 === args.count) throw syntaxError();
    count = Math.max(0, readInteger(args, index + 1));
  }
  return count;
}

/** Writes an array of up to `count` entries of a walk. */
export function replyEntries(reply: ReplyWriter, walk: StreamWalk, count: number): void {
  const mark = reply.length;
  let written = 0;
  for (; written < count && walk.next(); written++) replyEntry(reply, walk);
  reply.arrayFrom(mark, written);
}

/** Writes the entry that a walk came to: its ID, and an array of its fields and values. */
export function replyEntry(reply: ReplyWriter, walk: StreamWalk): void {
  reply.array(2);
  replyId(reply, walk.id);
  reply.array(walk.fieldCount * 2);
  for (let left = walk.fieldCount; left > 0; left--) {
    walk.readPair(field, value);
    reply.slice(field);
    reply.slice(value);
  }
}

// ---- setting

interface NewState {
  lastId: StreamId;
  entriesAdded: number | bigint | undefined;
  maxDeletedId: StreamId;
}

/** Throws invalidStreamId(), notAnInteger(), syntaxError(), entriesAddedNotPositive() and idBelowMaxDeleted(). */
function readState(args: Args): NewState {
  const lastId = readId(args, 2, new StreamId());
  const state: NewState = { lastId, entriesAdded: undefined, maxDeletedId: new StreamId() };
  for (let index = 3; index < args.count; index += 2) {
    if (index + 1 === args.count) throw syntaxError();
    if (args.is(index, 'ENTRIESADDED')) {
      state.entriesAdded = readExactInteger(args, index + 1);
      if (state.entriesAdded < 0) throw entriesAddedNotPositive();
    } else if (args.is(index, 'MAXDELETEDID')) {
      readId(args, index + 1, state.maxDeletedId);
      if (lastId.compare(state.maxDeletedId) < 0) throw idBelowMaxDeleted();
    } else throw syntaxError();
  }
  return state;
}

const xsetid: Handler = (context, args, reply) => {
  const state = readState(args);
  const key = args.slice(1);
  const ref = findForWrite(context, key, STREAM);
  if (ref === 0) throw noSuchKey();
  const stream = streamOf(context.db, ref);
  if (stream.length > 0) {
    const newest = new StreamId();
    if (stream.readNewestId(newest) && state.lastId.compare(newest) < 0) throw idBelowTop();
    if (state.entriesAdded !== undefined && stream.length > state.entriesAdded) throw entriesAddedBelowLength();
  }
  stream.lastId.copyFrom(state.lastId);
  if (state.entriesAdded !== undefined) stream.entriesAdded = state.entriesAdded;
  if (!state.maxDeletedId.isZero) stream.maxDeletedId.copyFrom(state.maxDeletedId);
  context.changed(key, 't', 'xsetid');
  reply.ok();
};

const RECORD = { categories: ['stream'], routing: 'one_shard', group: 'stream', since: '5.0.0' } as const;

const RANGE = {
  ...RECORD, arity: -4, flags: ['readonly'], keys: oneKey('RO access'),
  complexity: 'O(N) with N being the number of elements being returned. If N is constant (e.g. always asking for the first 10 elements with COUNT), you can consider it O(1).',
  history: [['6.2.0', 'Added exclusive ranges.']],
} as const;

const TRIM = '<MAXLEN|MINID> [=|~] threshold [LIMIT count]';
const TRIM_HISTORY = ['6.2.0', 'Added the `MINID` trimming strategy and the `LIMIT` option.'] as const;

export const streamCommands: readonly CommandSpec[] = [
  {
    name: 'xadd', ...RECORD, arity: -5, flags: ['write', 'denyoom', 'fast'],
    keys: oneKey('RW update', 1, 'UPDATE instead of INSERT because of the optional trimming feature'),
    tips: ['nondeterministic_output'],
    complexity: 'O(1) when adding a new entry, O(N) when trimming where N being the number of entries evicted.',
    history: [
      ['6.2.0', 'Added the `NOMKSTREAM` option, `MINID` trimming strategy and the `LIMIT` option.'],
      ['7.0.0', 'Added support for the `<ms>-*` explicit ID form.'],
    ],
    summary: 'Adds an entry, and creates the stream when there is none.',
    syntax: `key [NOMKSTREAM] [${TRIM}] <*|id> field value [field value ...]`, handler: xadd,
  },
  {
    name: 'xdel', ...RECORD, arity: -3, flags: ['write', 'fast'], keys: oneKey('RW delete'),
    complexity: 'O(1) for each single item to delete in the stream, regardless of the stream size.',
    summary: 'Deletes entries by their IDs.', syntax: 'key id [id ...]', handler: xdel,
  },
  {
    name: 'xlen', ...RECORD, arity: 2, flags: ['readonly', 'fast'], keys: oneKey('RO'), complexity: 'O(1)',
    summary: 'Counts the entries.', syntax: 'key', handler: xlen,
  },
  {
    name: 'xrange', ...RANGE, summary: 'Gives the entries between two IDs.', syntax: 'key start:string end:string [COUNT count]',
    handler: rangeHandler(false),
  },
  {
    name: 'xrevrange', ...RANGE,
    complexity: 'O(N) with N being the number of elements returned. If N is constant (e.g. always asking for the first 10 elements with COUNT), you can consider it O(1).',
    summary: 'Gives the entries between two IDs, the newest first.',
    syntax: 'key end:string start:string [COUNT count]', handler: rangeHandler(true),
  },
  {
    name: 'xsetid', ...RECORD, arity: -3, flags: ['write', 'denyoom', 'fast'], keys: oneKey('RW update'),
    complexity: 'O(1)', history: [['7.0.0', 'Added the `entries_added` and `max_deleted_entry_id` arguments.']],
    summary: 'Sets the last ID that a stream has given out.',
    syntax: 'key last-id [ENTRIESADDED entries_added] [MAXDELETEDID max_deleted_entry_id]', handler: xsetid,
  },
  {
    name: 'xtrim', ...RECORD, arity: -4, flags: ['write'], keys: oneKey('RW delete'), tips: ['nondeterministic_output'],
    complexity: 'O(N), with N being the number of evicted entries. Constant times are very small however, since entries are organized in macro nodes containing multiple entries that can be released with a single deallocation.',
    history: [TRIM_HISTORY], summary: 'Deletes the oldest entries.', syntax: `key <${TRIM}>`, handler: xtrim,
  },
];

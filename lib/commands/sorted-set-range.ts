/** The sorted set commands over ranges by rank, score and member: reading, counting, storing and removing. */
import { readInteger } from './arguments.js';
import type { Context } from './context.js';
import { findForRead, findForWrite } from './lookup.js';
import { readMemberRange, readScoreRange } from './sorted-set-range-arguments.js';
import { storeMembers } from './sorted-set-store.js';
import { type CommandSpec, type Handler, oneKey } from './spec.js';
import { byLexExcludesScores, limitNeedsRange, syntaxError } from '../errors.js';
import type { Args } from '../protocol/args.js';
import type { ReplyWriter } from '../protocol/reply-writer.js';
import { SORTED_SET } from '../store/entry.js';
import type { Range } from '../store/sorted-set-range.js';
import {
  type ScoredMember, countInRange, deleteRange, firstInRange, memberCount, walkMembers,
} from '../store/sorted-set-value.js';
import { Slice } from '../util/bytes.js';
import { formatDouble } from '../util/numbers.js';

type RangeKind = 'rank' | 'score' | 'member';

/** Which members a request asks for; positions count from the end when they are negative. */
interface RangeRequest {
  by: { start: number; stop: number } | Range;
  isReverse: boolean;
  withScores: boolean;
  /** How many are left out first, and how many follow at most (negative: all). */
  offset: number;
  limit: number;
}

/** Members that stand behind one another: `count` from `rank` on, downwards with `isReverse`. */
interface Run {
  rank: number;
  count: number;
}

const NOTHING: Run = { rank: 0, count: 0 };

/**
 * The range and the options of ZRANGE and its kin; the key is argument `keyAt`, and the range stands behind it. `kind`
 * and `isReverse` are undefined where the request's own options say them.
 * Source: zrangeGenericCommand() in redis's t_zset.c, in whose order things are checked.
 */
function readRange(
  args: Args, keyAt: number, kind: RangeKind | undefined, isReverse: boolean | undefined, isStored: boolean,
): RangeRequest {
  const request = { isReverse, kind, withScores: false, offset: 0, limit: -1 };
  for (let index = keyAt + 3; index < args.count; index++) {
    if (!isStored && args.is(index, 'WITHSCORES')) request.withScores = true;
    else if (args.is(index, 'LIMIT') && index + 2 < args.count) {
      request.offset = readInteger(args, index + 1);
      request.limit = readInteger(args, index + 2);
      index += 2;
    } else if (request.isReverse === undefined && args.is(index, 'REV')) request.isReverse = true;
    else if (request.kind === undefined && args.is(index, 'BYLEX')) request.kind = 'member';
    else if (request.kind === undefined && args.is(index, 'BYSCORE')) request.kind = 'score';
    else throw syntaxError();
  }
  const { withScores, offset, limit } = request;
  const isDownwards = request.isReverse ?? false;
  const by = request.kind ?? 'rank';
  if (limit !== -1 && by === 'rank') throw limitNeedsRange();
  if (withScores && by === 'member') throw byLexExcludesScores();
  return { by: readEnds(args, keyAt + 1, by, isDownwards), isReverse: isDownwards, withScores, offset, limit };
}

/** Downwards, the upper end of a range by score or member is named first. */
function readEnds(args: Args, at: number, kind: RangeKind, isReverse: boolean): RangeRequest['by'] {
  if (kind === 'rank') return { start: readInteger(args, at), stop: readInteger(args, at + 1) };
  const min = isReverse ? at + 1 : at;
  const max = isReverse ? at : at + 1;
  return kind === 'score' ? readScoreRange(args, min, max) : readMemberRange(args, min, max);
}

/** Where the members that are asked for stand. */
function runOf(context: Context, ref: number, { by, isReverse, offset, limit }: RangeRequest): Run {
  const { db } = context;
  const total = memberCount(db, ref);
  if ('start' in by) {
    const run = runOfPositions(by.start, by.stop, total);
    return isReverse ? { rank: total - 1 - run.rank, count: run.count } : run;
  }
  const first = firstInRange(db, ref, by, isReverse);
  // A negative offset leaves all out, as in redis-server.
  if (first < 0 || offset < 0) return NOTHING;
  const rank = isReverse ? first - offset : first + offset;
  const count = countInRange(db, ref, by, rank, isReverse);
  return { rank, count: limit < 0 ? count : Math.min(count, limit) };
}

function runOfPositions(start: number, stop: number, total: number): Run {
  const first = Math.max(start < 0 ? start + total : start, 0);
  const last = Math.min(stop < 0 ? stop + total : stop, total - 1);
  return first > last ? NOTHING : { rank: first, count: last - first + 1 };
}

// ---- reading

const rangeHandler = (kind?: RangeKind, isReverse?: boolean): Handler => (context, args, reply) => {
  const request = readRange(args, 1, kind, isReverse, false);
  const ref = findForRead(context, args.slice(1), SORTED_SET);
  if (ref === 0) return reply.array(0);
  const { rank, count } = runOf(context, ref, request);
  const write = memberWriter(reply, count, request.withScores);
  walkMembers(context.db, ref, rank, count, request.isReverse, write);
};

/** Begins the reply and gives the function that adds a member; with scores, RESP3 has each pair in an array. */
export function memberWriter(
  reply: ReplyWriter, count: number, withScores: boolean,
): (member: Slice, score: number) => void {
  const isNested = withScores && reply.protocol === 3;
  reply.array(withScores && !isNested ? count * 2 : count);
  return (member, score) => {
    if (isNested) reply.array(2);
    reply.slice(member);
    if (withScores) reply.double(formatDouble(score));
  };
}

const zrange = rangeHandler();
const zrevrange = rangeHandler('rank', true);
const zrangebyscore = rangeHandler('score', false);
const zrevrangebyscore = rangeHandler('score', true);
const zrangebylex = rangeHandler('member', false);
const zrevrangebylex = rangeHandler('member', true);

const zrangestore: Handler = (context, args, reply) => {
  const request = readRange(args, 2, undefined, undefined, true);
  const ref = findForRead(context, args.slice(2), SORTED_SET);
  const members: ScoredMember[] = [];
  if (ref !== 0) {
    const { rank, count } = runOf(context, ref, request);
    // Upwards in any case: a sorted set is built in order.
    const lowest = request.isReverse && count > 0 ? rank - count + 1 : rank;
    walkMembers(context.db, ref, lowest, count, false, ({ bytes, offset, length }, score) => {
      members.push({ member: new Slice().set(bytes, offset, length), score });
    });
  }
  storeMembers(context, args.slice(1), members, 'zrangestore', reply);
};

/** How many members are in a range, counted from its lowest on. */
function countRange(context: Context, ref: number, range: Range): number {
  const first = firstInRange(context.db, ref, range, false);
  return first < 0 ? 0 : countInRange(context.db, ref, range, first, false);
}

const countHandler = (read: (args: Args, min: number, max: number) => Range): Handler => (context, args, reply) => {
  const range = read(args, 2, 3);
  const ref = findForRead(context, args.slice(1), SORTED_SET);
  reply.integer(ref === 0 ? 0 : countRange(context, ref, range));
};

const zcount = countHandler(readScoreRange);
const zlexcount = countHandler(readMemberRange);

// ---- removing

function removeRun(context: Context, key: Slice, ref: number, { rank, count }: Run, event: string): number {
  if (count === 0) return 0;
  const isGone = deleteRange(context.db, key, ref, rank, count) === 0;
  context.changed(key, 'z', event);
  if (isGone) context.changed(key, 'g', 'del');
  return count;
}

const zremrangebyrank: Handler = (context, args, reply) => {
  const start = readInteger(args, 2);
  const stop = readInteger(args, 3);
  const key = args.slice(1);
  const ref = findForWrite(context, key, SORTED_SET);
  if (ref === 0) return reply.integer(0);
  const run = runOfPositions(start, stop, memberCount(context.db, ref));
  reply.integer(removeRun(context, key, ref, run, 'zremrangebyrank'));
};

const removeHandler = (
  read: (args: Args, min: number, max: number) => Range, event: string,
): Handler => (context, args, reply) => {
  const range = read(args, 2, 3);
  const key = args.slice(1);
  const ref = findForWrite(context, key, SORTED_SET);
  if (ref === 0) return reply.integer(0);
  const rank = firstInRange(context.db, ref, range, false);
  const count = rank < 0 ? 0 : countInRange(context.db, ref, range, rank, false);
  reply.integer(removeRun(context, key, ref, { rank, count }, event));
};

const zremrangebyscore = removeHandler(readScoreRange, 'zremrangebyscore');
const zremrangebylex = removeHandler(readMemberRange, 'zremrangebylex');

const RECORD = { categories: ['sortedset'], routing: 'one_shard', group: 'sorted-set' } as const;
const READ = { ...RECORD, flags: ['readonly'], keys: oneKey('RO access') } as const;
const COUNT = { ...RECORD, arity: 4, flags: ['readonly', 'fast'], keys: oneKey('RO access') } as const;
const REMOVE = { ...RECORD, arity: 4, flags: ['write'], keys: oneKey('RW delete') } as const;
const LOG_COUNT = 'O(log(N)) with N being the number of elements in the sorted set.';
const LOG_READ = 'O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements returned.';
const LOG_RANGE =
  'O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements being returned. If M is constant (e.g. always asking for the first 10 elements with LIMIT), you can consider it O(log(N)).';
const LOG_REMOVE =
  'O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements removed by the operation.';

export const sortedSetRangeCommands: readonly CommandSpec[] = [
  {
    name: 'zcount', ...COUNT, since: '2.0.0', complexity: LOG_COUNT, summary: 'Counts the members in a range of scores.',
    syntax: 'key min max', handler: zcount,
  },
  {
    name: 'zlexcount', ...COUNT, since: '2.8.9', complexity: LOG_COUNT,
    summary: 'Counts the members in a range of members.', syntax: 'key min:string max:string', handler: zlexcount,
  },
  {
    name: 'zrange', arity: -4, ...READ, since: '1.2.0', complexity: LOG_READ,
    summary: 'Gives the members in a range of ranks, scores or members.',
    syntax: 'key start:string stop:string [BYSCORE|BYLEX] [REV] [LIMIT offset count] [WITHSCORES]',
    history: [['6.2.0', 'Added the `REV`, `BYSCORE`, `BYLEX` and `LIMIT` options.']], handler: zrange,
  },
  {
    name: 'zrangebylex', arity: -4, ...READ, since: '2.8.9', complexity: LOG_RANGE,
    summary: 'Gives the members in a range of members.', syntax: 'key min:string max:string [LIMIT offset count]',
    deprecated: { since: '6.2.0', replacedBy: '`ZRANGE` with the `BYLEX` argument' }, handler: zrangebylex,
  },
  {
    name: 'zrangebyscore', arity: -4, ...READ, since: '1.0.5', complexity: LOG_RANGE,
    summary: 'Gives the members in a range of scores.', syntax: 'key min max [WITHSCORES] [LIMIT offset count]',
    history: [['2.0.0', 'Added the `WITHSCORES` modifier.']],
    deprecated: { since: '6.2.0', replacedBy: '`ZRANGE` with the `BYSCORE` argument' }, handler: zrangebyscore,
  },
  {
    name: 'zrangestore', arity: -5, ...RECORD, flags: ['write', 'denyoom'],
    keys: [...oneKey('OW update'), ...oneKey('RO access', 2)], since: '6.2.0',
    complexity: 'O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements stored into the destination key.',
    summary: 'Stores the members in a range of ranks, scores or members as a new sorted set.',
    syntax: 'dst src min:string max:string [BYSCORE|BYLEX] [REV] [LIMIT offset count]', handler: zrangestore,
  },
  {
    name: 'zremrangebylex', ...REMOVE, since: '2.8.9', complexity: LOG_REMOVE,
    summary: 'Removes the members in a range of members.', syntax: 'key min:string max:string', handler: zremrangebylex,
  },
  {
    name: 'zremrangebyrank', ...REMOVE, since: '2.0.0', complexity: LOG_REMOVE,
    summary: 'Removes the members in a range of ranks.', syntax: 'key start stop', handler: zremrangebyrank,
  },
  {
    name: 'zremrangebyscore', ...REMOVE, since: '1.2.0', complexity: LOG_REMOVE,
    summary: 'Removes the members in a range of scores.', syntax: 'key min max', handler: zremrangebyscore,
  },
  {
    name: 'zrevrange', arity: -4, ...READ, since: '1.2.0', complexity: LOG_READ,
    summary: 'Gives the members in a range of ranks, highest score first.', syntax: 'key start stop [WITHSCORES]',
    deprecated: { since: '6.2.0', replacedBy: '`ZRANGE` with the `REV` argument' }, handler: zrevrange,
  },
  {
    name: 'zrevrangebylex', arity: -4, ...READ, since: '2.8.9', complexity: LOG_RANGE,
    summary: 'Gives the members in a range of members, last first.',
    syntax: 'key max:string min:string [LIMIT offset count]',
    deprecated: { since: '6.2.0', replacedBy: '`ZRANGE` with the `REV` and `BYLEX` arguments' }, handler: zrevrangebylex,
  },
  {
    name: 'zrevrangebyscore', arity: -4, ...READ, since: '2.2.0', complexity: LOG_RANGE,
    summary: 'Gives the members in a range of scores, highest score first.',
    syntax: 'key max min [WITHSCORES] [LIMIT offset count]', history: [['2.1.6', '`min` and `max` can be exclusive.']],
    deprecated: { since: '6.2.0', replacedBy: '`ZRANGE` with the `REV` and `BYSCORE` arguments' },
    handler: zrevrangebyscore,
  },
];

/**
 * The sorted set commands about single members: scores, ranks, adding and removing. The data are in
 * store/sorted-set-value.ts.
 */
import { readDouble } from './arguments.js';
import type { Context } from './context.js';
import { findForRead, findForWrite } from './lookup.js';
import { type CommandSpec, type Handler, oneKey } from './spec.js';
import {
  gtLtNxExclude, incrTakesOnePair, nxExcludesXx, scoreIsNotANumber, syntaxError, wrongArity,
} from '../errors.js';
import type { Args } from '../protocol/args.js';
import type { ReplyWriter } from '../protocol/reply-writer.js';
import { SORTED_SET } from '../store/entry.js';
import { scoreItemBytes } from '../store/packed-scores.js';
import {
  addMember, createSortedSet, deleteMember, getScore, memberCount, rankOf, settleSortedSet, updateMember,
} from '../store/sorted-set-value.js';
import type { Slice } from '../util/bytes.js';
import { formatDouble } from '../util/numbers.js';

// ---- adding

export interface AddOptions {
  nx: boolean;
  xx: boolean;
  gt: boolean;
  lt: boolean;
  ch: boolean;
  incr: boolean;
  /** The first score. */
  from: number;
}

/** The words between the key and the first score. Throws syntaxError() and the errors about options that conflict. */
function readAddOptions(args: Args, incr: boolean): AddOptions {
  const options: AddOptions = { nx: false, xx: false, gt: false, lt: false, ch: false, incr, from: 2 };
  for (; options.from < args.count; options.from++) {
    const at = options.from;
    if (args.is(at, 'NX')) options.nx = true;
    else if (args.is(at, 'XX')) options.xx = true;
    else if (args.is(at, 'GT')) options.gt = true;
    else if (args.is(at, 'LT')) options.lt = true;
    else if (args.is(at, 'CH')) options.ch = true;
    else if (args.is(at, 'INCR')) options.incr = true;
    else break;
  }
  const { nx, xx, gt, lt } = options;
  const words = args.count - options.from;
  if (words === 0 || words % 2 === 1) throw syntaxError();
  if (nx && xx) throw nxExcludesXx();
  if ((gt && nx) || (lt && nx) || (gt && lt)) throw gtLtNxExclude();
  if (options.incr && words > 2) throw incrTakesOnePair();
  return options;
}

/** Room for the scores of a request, used again. */
let scores = new Float64Array(16);

function readScores(args: Args, from: number): void {
  const count = (args.count - from) / 2;
  if (count > scores.length) scores = new Float64Array(count * 2);
  for (let pair = 0; pair < count; pair++) scores[pair] = readDouble(args, from + pair * 2);
}

/** What ZADD and ZINCRBY did. */
export interface Added {
  added: number;
  updated: number;
  /** The member's score with INCR; undefined when the options kept it from being touched. */
  score: number | undefined;
}

function addAll(context: Context, args: Args, options: AddOptions): Added {
  readScores(args, options.from);
  return addMembers(context, args, options, scores, 2);
}

/**
 * Adds members with these scores, or changes theirs. From `options.from` on, each `stride` arguments stand for one
 * member, which is the last of them. Throws wrongType() and scoreIsNotANumber().
 * Sources: zaddGenericCommand() and zsetAdd() in redis's t_zset.c.
 */
export function addMembers(
  context: Context, args: Args, options: AddOptions, given: Float64Array, stride: number,
): Added {
  const { db } = context;
  const key = args.slice(1);
  const done: Added = { added: 0, updated: 0, score: undefined };
  let ref = findForWrite(context, key, SORTED_SET);
  if (ref === 0) {
    if (options.xx) return done;
    ref = createSortedSet(db, key, itemsBytes(args, options.from, given, stride));
  }
  for (let index = options.from + stride - 1, pair = 0; index < args.count; index += stride, pair++) {
    ref = addOne(context, key, ref, args.slice(index), given[pair]!, options, done);
  }
  if (done.added + done.updated > 0) context.changed(key, 'z', options.incr ? 'zincr' : 'zadd');
  return done;
}

/** The room that the members take in a small sorted set. */
function itemsBytes(args: Args, from: number, given: Float64Array, stride: number): number {
  let byteCount = 0;
  for (let index = from + stride - 1, pair = 0; index < args.count; index += stride, pair++) {
    byteCount += scoreItemBytes(args.lengths[index]!, given[pair]!);
  }
  return byteCount;
}

/** Gives the bucket's ref, which may be another one. */
function addOne(
  context: Context, key: Slice, ref: number, member: Slice, given: number, options: AddOptions, done: Added,
): number {
  const { db } = context;
  const current = getScore(db, ref, member);
  if (current === undefined) {
    if (options.xx) return ref;
    done.added++;
    done.score = given;
    return addMember(db, key, ref, member, given);
  }
  if (options.nx) return ref;
  const score = options.incr ? current + given : given;
  if (Number.isNaN(score)) throw scoreIsNotANumber();
  if ((options.lt && score >= current) || (options.gt && score <= current)) return ref;
  done.score = score;
  if (score === current) return ref;
  done.updated++;
  return updateMember(db, key, ref, member, score);
}

const zadd: Handler = (context, args, reply) => {
  const options = readAddOptions(args, false);
  const done = addAll(context, args, options);
  if (options.incr) return replyWithScore(reply, done.score);
  reply.integer(options.ch ? done.added + done.updated : done.added);
};

/** It takes ZADD's options too, though then no arguments are left for the score and the member. */
const zincrby: Handler = (context, args, reply) => {
  replyWithScore(reply, addAll(context, args, readAddOptions(args, true)).score);
};

function replyWithScore(reply: ReplyWriter, score: number | undefined): void {
  if (score === undefined) reply.nil();
  else reply.double(formatDouble(score));
}

// ---- removing

const zrem: Handler = (context, args, reply) => {
  const { db } = context;
  const key = args.slice(1);
  const ref = findForWrite(context, key, SORTED_SET);
  if (ref === 0) return reply.integer(0);
  let removed = 0;
  for (let index = 2; index < args.count; index++) if (deleteMember(db, ref, args.slice(index))) removed++;
  if (removed > 0) {
    const isGone = settleSortedSet(db, key, ref) === 0;
    context.changed(key, 'z', 'zrem');
    if (isGone) context.changed(key, 'g', 'del');
  }
  reply.integer(removed);
};

// ---- reading

const zcard: Handler = (context, args, reply) => {
  const ref = findForRead(context, args.slice(1), SORTED_SET);
  reply.integer(ref === 0 ? 0 : memberCount(context.db, ref));
};

const zscore: Handler = (context, args, reply) => {
  const ref = findForRead(context, args.slice(1), SORTED_SET);
  replyWithScore(reply, ref === 0 ? undefined : getScore(context.db, ref, args.slice(2)));
};

const zmscore: Handler = (context, args, reply) => {
  const ref = findForRead(context, args.slice(1), SORTED_SET);
  reply.array(args.count - 2);
  for (let index = 2; index < args.count; index++) {
    replyWithScore(reply, ref === 0 ? undefined : getScore(context.db, ref, args.slice(index)));
  }
};

/** WITHSCORE is of redis-server 7.2; anything else behind the member is one argument too many, as in 7.0. */
function replyWithRank(context: Context, args: Args, reply: ReplyWriter, isReverse: boolean): void {
  const withScore = args.count === 4 && args.is(3, 'WITHSCORE');
  if (args.count > 3 && !withScore) throw wrongArity(isReverse ? 'zrevrank' : 'zrank');
  const { db } = context;
  const ref = findForRead(context, args.slice(1), SORTED_SET);
  const rank = ref === 0 ? -1 : rankOf(db, ref, args.slice(2));
  if (rank < 0) {
    if (withScore) reply.nilArray();
    else reply.nil();
    return;
  }
  if (withScore) reply.array(2);
  reply.integer(isReverse ? memberCount(db, ref) - 1 - rank : rank);
  if (withScore) replyWithScore(reply, getScore(db, ref, args.slice(2)));
}

const zrank: Handler = (context, args, reply) => replyWithRank(context, args, reply, false);

const zrevrank: Handler = (context, args, reply) => replyWithRank(context, args, reply, true);

const READ = {
  flags: ['readonly', 'fast'], categories: ['sortedset'], routing: 'one_shard', group: 'sorted-set',
} as const;
const WRITE = { categories: ['sortedset'], routing: 'one_shard', group: 'sorted-set' } as const;

export const sortedSetCommands: readonly CommandSpec[] = [
  {
    name: 'zadd', arity: -4, flags: ['write', 'denyoom', 'fast'], keys: oneKey('RW update'), ...WRITE, since: '1.2.0',
    complexity: 'O(log(N)) for each item added, where N is the number of elements in the sorted set.',
    summary: 'Adds members with their scores, or gives members other scores.',
    syntax: 'key [NX|XX] [GT|LT] [CH] [INCR] score member [score member ...]',
    history: [
      ['2.4.0', 'Accepts multiple elements.'], ['3.0.2', 'Added the `XX`, `NX`, `CH` and `INCR` options.'],
      ['6.2.0', 'Added the `GT` and `LT` options.'],
    ],
    handler: zadd,
  },
  {
    name: 'zcard', arity: 2, keys: oneKey('RO'), ...READ, since: '1.2.0', complexity: 'O(1)',
    summary: 'Counts the members.', syntax: 'key', handler: zcard,
  },
  {
    name: 'zincrby', arity: 4, flags: ['write', 'denyoom', 'fast'], keys: oneKey('RW access update'), ...WRITE,
    since: '1.2.0', complexity: 'O(log(N)) where N is the number of elements in the sorted set.',
    summary: 'Adds to the score of a member.', syntax: 'key increment member', handler: zincrby,
  },
  {
    name: 'zmscore', arity: -3, keys: oneKey('RO access'), ...READ, since: '6.2.0',
    complexity: 'O(N) where N is the number of members being requested.', summary: 'Gives the scores of several members.',
    syntax: 'key member [member ...]', handler: zmscore,
  },
  {
    name: 'zrank', arity: -3, keys: oneKey('RO access'), ...READ, since: '2.0.0', complexity: 'O(log(N))',
    summary: 'Gives the rank of a member, counted from the lowest score.', syntax: 'key member [WITHSCORE]',
    history: [['7.2.0', 'Added the optional `WITHSCORE` argument.']], handler: zrank,
  },
  {
    name: 'zrem', arity: -3, flags: ['write', 'fast'], keys: oneKey('RW delete'), ...WRITE, since: '1.2.0',
    complexity: 'O(M*log(N)) with N being the number of elements in the sorted set and M the number of elements to be removed.',
    summary: 'Removes members, and with the last one the sorted set.', syntax: 'key member [member ...]',
    history: [['2.4.0', 'Accepts multiple elements.']], handler: zrem,
  },
  {
    name: 'zrevrank', arity: -3, keys: oneKey('RO access'), ...READ, since: '2.0.0', complexity: 'O(log(N))',
    summary: 'Gives the rank of a member, counted from the highest score.', syntax: 'key member [WITHSCORE]',
    history: [['7.2.0', 'Added the optional `WITHSCORE` argument.']], handler: zrevrank,
  },
  {
    name: 'zscore', arity: 3, keys: oneKey('RO access'), ...READ, since: '1.2.0', complexity: 'O(1)',
    summary: 'Gives the score of a member.', syntax: 'key member', handler: zscore,
  },
];

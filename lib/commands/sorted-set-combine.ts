/** The sorted set commands that make one sorted set of several: union, intersection and difference. */
import { readDouble, readInteger } from './arguments.js';
import type { Context } from './context.js';
import { findAnyForRead } from './lookup.js';
import { memberWriter } from './sorted-set-range.js';
import { storeMembers } from './sorted-set-store.js';
import { type CommandSpec, type Handler, type KeySpec, oneKey } from './spec.js';
import { limitIsNegative, needsInputKey, syntaxError, weightNotAFloat, wrongType } from '../errors.js';
import type { Args } from '../protocol/args.js';
import { SET, SORTED_SET, entryType } from '../store/entry.js';
import { forEachMember as forEachSetMember, hasMember, memberCount as setSize } from '../store/set-value.js';
import { type ScoredMember, forEachMember, getScore, memberCount } from '../store/sorted-set-value.js';
import { type Slice, sliceOf } from '../util/bytes.js';

type Operation = 'union' | 'inter' | 'diff';

/** What a command does besides: gives the result, stores it, or only counts it. */
type Use = 'reply' | 'store' | 'count';

/** One of the sorted sets that are combined; a missing one is empty. */
interface Source {
  size: number;
  weight: number;
  forEach(visit: (member: Slice, score: number) => void): void;
  scoreOf(member: Slice): number | undefined;
}

interface CombineRequest {
  sources: Source[];
  aggregate: (a: number, b: number) => number;
  withScores: boolean;
  limit: number;
}

// ---- reading the arguments

/**
 * The sources and options of a request whose number of keys is argument `at`.
 * Source: zunionInterDiffGenericCommand() in redis's t_zset.c, in whose order things are checked.
 */
function readRequest(
  context: Context, args: Args, at: number, command: string, operation: Operation, use: Use,
): CombineRequest {
  const numkeys = readInteger(args, at);
  if (numkeys < 1) throw needsInputKey(command);
  if (numkeys > args.count - at - 1) throw syntaxError();
  const sources: Source[] = [];
  for (let index = at + 1; index <= at + numkeys; index++) sources.push(sourceAt(context, args, index));
  const request: CombineRequest = { sources, aggregate: sum, withScores: false, limit: 0 };
  const takesWeights = operation !== 'diff' && use !== 'count';
  for (let index = at + numkeys + 1; index < args.count; index++) {
    const left = args.count - index - 1;
    if (takesWeights && left >= numkeys && args.is(index, 'WEIGHTS')) {
      for (const source of sources) source.weight = readDouble(args, ++index, weightNotAFloat);
    } else if (takesWeights && left >= 1 && args.is(index, 'AGGREGATE')) request.aggregate = readAggregate(args, ++index);
    else if (use === 'reply' && args.is(index, 'WITHSCORES')) request.withScores = true;
    else if (use === 'count' && left >= 1 && args.is(index, 'LIMIT')) {
      request.limit = readInteger(args, ++index, limitIsNegative);
      if (request.limit < 0) throw limitIsNegative();
    } else throw syntaxError();
  }
  return request;
}

/** A set's members have score 1. Throws wrongType() when the bucket is neither set nor sorted set. */
function sourceAt(context: Context, args: Args, position: number): Source {
  const { db, store } = context;
  const key = args.slice(position);
  const ref = findAnyForRead(context, key);
  if (ref === 0) return { size: 0, weight: 1, forEach: () => undefined, scoreOf: () => undefined };
  const type = entryType(store.arena, ref);
  if (type === SET) {
    return {
      size: setSize(db, ref), weight: 1,
      forEach: (visit) => forEachSetMember(db, ref, (member) => visit(member, 1)),
      scoreOf: (member) => (hasMember(db, ref, member) ? 1 : undefined),
    };
  }
  if (type !== SORTED_SET) throw wrongType();
  return {
    size: memberCount(db, ref), weight: 1,
    forEach: (visit) => forEachMember(db, ref, visit),
    scoreOf: (member) => getScore(db, ref, member),
  };
}

function readAggregate(args: Args, index: number): CombineRequest['aggregate'] {
  if (args.is(index, 'SUM')) return sum;
  if (args.is(index, 'MIN')) return lesser;
  if (args.is(index, 'MAX')) return greater;
  throw syntaxError();
}

/** What is not a number (inf and -inf, inf times 0) counts as 0. */
function numberOr0(score: number): number {
  return Number.isNaN(score) ? 0 : score;
}

const sum = (a: number, b: number): number => numberOr0(a + b);
const lesser = (a: number, b: number): number => (b < a ? b : a);
const greater = (a: number, b: number): number => (b > a ? b : a);

// ---- combining

/** The members of a result by their bytes, one char a byte. */
type Result = Map<string, number>;

const combine: Readonly<Record<Operation, (request: CombineRequest) => Result>> = {
  union({ sources, aggregate }) {
    const result: Result = new Map();
    for (const source of bySize(sources)) {
      source.forEach((member, score) => {
        const name = member.text();
        const weighted = numberOr0(source.weight * score);
        const before = result.get(name);
        result.set(name, before === undefined ? weighted : aggregate(before, weighted));
      });
    }
    return result;
  },

  inter(request) {
    const result: Result = new Map();
    intersect(request, (name, score) => {
      result.set(name, score);
      return true;
    });
    return result;
  },

  diff({ sources }) {
    const result: Result = new Map();
    const [first, ...others] = sources;
    first!.forEach((member, score) => {
      if (others.every((other) => other.scoreOf(member) === undefined)) result.set(member.text(), score);
    });
    return result;
  },
};

/** Smallest first: so many look-ups are saved, and scores are summed up in redis-server's order. */
function bySize(sources: readonly Source[]): Source[] {
  return [...sources].sort((a, b) => a.size - b.size);
}

/** Calls `visit` for what is in all sources until it gives false. */
function intersect(request: CombineRequest, visit: (name: string, score: number) => boolean): void {
  const [first, ...others] = bySize(request.sources);
  let isOver = false;
  first!.forEach((member, score) => {
    if (isOver) return;
    let total = numberOr0(first!.weight * score);
    for (const other of others) {
      const itsScore = other.scoreOf(member);
      if (itsScore === undefined) return;
      total = request.aggregate(total, itsScore * other.weight);
    }
    isOver = !visit(member.text(), total);
  });
}

/** The result as a sorted set has it. */
function inOrder(result: Result): ScoredMember[] {
  const pairs = [...result];
  pairs.sort(([a, aScore], [b, bScore]) => (aScore < bScore || (aScore === bScore && a < b) ? -1 : 1));
  return pairs.map(([name, score]) => ({ member: sliceOf(name), score }));
}

// ---- the commands

const replyHandler = (command: string, operation: Operation): Handler => (context, args, reply) => {
  const request = readRequest(context, args, 1, command, operation, 'reply');
  const members = inOrder(combine[operation](request));
  const write = memberWriter(reply, members.length, request.withScores);
  for (const { member, score } of members) write(member, score);
};

const storeHandler = (command: string, operation: Operation): Handler => (context, args, reply) => {
  const request = readRequest(context, args, 2, command, operation, 'store');
  storeMembers(context, args.slice(1), inOrder(combine[operation](request)), command, reply);
};

const zintercard: Handler = (context, args, reply) => {
  const request = readRequest(context, args, 1, 'zintercard', 'inter', 'count');
  let count = 0;
  intersect(request, () => ++count !== request.limit);
  reply.integer(count);
};

const inputKeys = (begin: number): KeySpec => ({ flags: 'RO access', begin, find: { count: 0, first: 1, step: 1 } });

const RECORD = { categories: ['sortedset'], routing: 'one_shard', group: 'sorted-set' } as const;
const READ = { arity: -3, flags: ['readonly', 'movablekeys'], keys: [inputKeys(1)], ...RECORD } as const;
const STORE = {
  arity: -4, flags: ['write', 'denyoom', 'movablekeys'], keys: [...oneKey('OW update'), inputKeys(2)], ...RECORD,
} as const;
const INTER_COMPLEXITY =
  'O(N*K)+O(M*log(M)) worst case with N being the smallest input sorted set, K being the number of input sorted sets and M being the number of elements in the resulting sorted set.';
const DIFF_COMPLEXITY =
  'O(L + (N-K)log(N)) worst case where L is the total number of elements in all the sets, N is the size of the first set, and K is the size of the result set.';
const KEYS = 'numkeys key [key ...]';
const OPTIONS = '[WEIGHTS weight [weight ...]] [AGGREGATE SUM|MIN|MAX]';

export const sortedSetCombineCommands: readonly CommandSpec[] = [
  {
    name: 'zdiff', ...READ, since: '6.2.0', complexity: DIFF_COMPLEXITY,
    summary: 'Gives the members of the first sorted set that the others do not have.', syntax: `${KEYS} [WITHSCORES]`,
    handler: replyHandler('zdiff', 'diff'),
  },
  {
    name: 'zdiffstore', ...STORE, since: '6.2.0', complexity: DIFF_COMPLEXITY,
    summary: 'Stores the members of the first sorted set that the others do not have.', syntax: `destination ${KEYS}`,
    handler: storeHandler('zdiffstore', 'diff'),
  },
  {
    name: 'zinter', ...READ, since: '6.2.0', complexity: INTER_COMPLEXITY,
    summary: 'Gives the members that all sorted sets have.', syntax: `${KEYS} ${OPTIONS} [WITHSCORES]`,
    handler: replyHandler('zinter', 'inter'),
  },
  {
    name: 'zintercard', ...READ, since: '7.0.0',
    complexity: 'O(N*K) worst case with N being the smallest input sorted set, K being the number of input sorted sets.',
    summary: 'Counts the members that all sorted sets have.', syntax: `${KEYS} [LIMIT limit]`, handler: zintercard,
  },
  {
    name: 'zinterstore', ...STORE, since: '2.0.0', complexity: INTER_COMPLEXITY,
    summary: 'Stores the members that all sorted sets have.', syntax: `destination ${KEYS} ${OPTIONS}`,
    handler: storeHandler('zinterstore', 'inter'),
  },
  {
    name: 'zunion', ...READ, since: '6.2.0',
    complexity: 'O(N)+O(M*log(M)) with N being the sum of the sizes of the input sorted sets, and M being the number of elements in the resulting sorted set.',
    summary: 'Gives the members of all sorted sets.',
    syntax: `${KEYS} ${OPTIONS} [WITHSCORES]`, handler: replyHandler('zunion', 'union'),
  },
  {
    name: 'zunionstore', ...STORE, since: '2.0.0',
    complexity: 'O(N)+O(M log(M)) with N being the sum of the sizes of the input sorted sets, and M being the number of elements in the resulting sorted set.',
    summary: 'Stores the members of all sorted sets.', syntax: `destination ${KEYS} ${OPTIONS}`,
    handler: storeHandler('zunionstore', 'union'),
  },
];

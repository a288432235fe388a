/** LPOS: the places of an element in a list. */
import { readCount, readExactInteger } from './arguments.js';
import { findForRead } from './lookup.js';
import type { CommandSpec, Handler } from './spec.js';
import { oneKey } from './spec.js';
import { lposCountNegative, lposMaxlenNegative, lposRankZero, syntaxError } from '../errors.js';
import type { Args } from '../protocol/args.js';
import { LIST } from '../store/entry.js';
import type { Keyspace } from '../store/keyspace.js';
import { listLength, startWalk } from '../store/list-value.js';
import type { Slice } from '../util/bytes.js';
import { INT64_MIN } from '../util/numbers.js';

interface Search {
  /** Which match is the first that counts; negative: from the tail. */
  rank: number;
  /** How many places are wanted, 0 for all; undefined when the reply is one place and no array. */
  count: number | undefined;
  /** How many elements are compared, 0 for all. */
  maxlen: number;
}

/** Throws syntaxError(), notAnInteger(), lposRankZero() and what COUNT and MAXLEN throw. */
function readSearch(args: Args): Search {
  const search: Search = { rank: 1, count: undefined, maxlen: 0 };
  let rank: number | bigint = 1;
  for (let i = 3; i < args.count; i += 2) {
    if (i + 1 === args.count) throw syntaxError();
    if (args.is(i, 'RANK')) rank = readRank(args, i + 1);
    else if (args.is(i, 'COUNT')) search.count = readCount(args, i + 1, lposCountNegative);
    else if (args.is(i, 'MAXLEN')) search.maxlen = readCount(args, i + 1, lposMaxlenNegative);
    else throw syntaxError();
  }
  search.rank = Number(rank);
  if (rank === INT64_MIN) {
    // It has no positive counterpart: redis-server takes it for -1, and COUNT bounds nothing then.
    search.rank = -1;
    if (search.count !== undefined) search.count = 0;
  }
  return search;
}

function readRank(args: Args, index: number): number | bigint {
  const rank = readExactInteger(args, index);
  if (rank === 0) throw lposRankZero();
  return rank;
}

const lpos: Handler = (context, args, reply) => {
  const search = readSearch(args);
  const ref = findForRead(context, args.slice(1), LIST);
  const places = ref === 0 ? [] : findPlaces(context.db, ref, args.slice(2), search);
  if (search.count !== undefined) {
    reply.array(places.length);
    for (const place of places) reply.integer(place);
  } else if (places.length === 0) reply.nil();
  else reply.integer(places[0]!);
};

/** The places of the elements with these bytes, in the order of the search. */
function findPlaces(db: Keyspace, ref: number, element: Slice, { rank, count = 1, maxlen }: Search): number[] {
  const length = listLength(db, ref);
  const isForward = rank > 0;
  const walk = startWalk(db, ref, isForward ? 0 : length - 1, isForward);
  const compared = maxlen === 0 ? length : Math.min(maxlen, length);
  const places: number[] = [];
  let toSkip = Math.abs(rank) - 1;
  for (let step = 0; step < compared; step++) {
    if (!walk.next().equals(element) || toSkip-- > 0) continue;
    places.push(isForward ? step : length - 1 - step);
    if (places.length === count) break;
  }
  return places;
}

export const listPositionCommands: readonly CommandSpec[] = [
  {
    name: 'lpos', arity: -3, flags: ['readonly'], keys: oneKey('RO access'), categories: ['list'], routing: 'one_shard',
    group: 'list', since: '6.0.6',
    complexity: 'O(N) where N is the number of elements in the list, for the average case. When searching for elements near the head or the tail of the list, or when the MAXLEN option is provided, the command may run in constant time.',
    summary: 'Gives the places of an element.',
    syntax: 'key element [RANK rank] [COUNT num-matches] [MAXLEN len]', handler: lpos,
  },
];

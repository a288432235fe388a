/**
 * SORT and SORT_RO: the elements of a list, a set or a sorted set in another order, by themselves or by what other
 * buckets say of them, and in their place what other buckets say of them if that is asked for. The patterns of BY and
 * GET are in sort-pattern.ts.
 *
 * Elements are worked with as text, one char a byte: it compares as bytes do. Equal elements keep their order, but for
 * BY with LIMIT, where the order is that of redis-server's partial sort (util/partial-sort.ts).
 *
 * Source: sortCommandGeneric() in redis's sort.c.
 */
import { readInteger } from './arguments.js';
import type { Context } from './context.js';
import { findAnyForRead } from './lookup.js';
import { SortPattern } from './sort-pattern.js';
import { type CommandSpec, type Handler, type KeySpec, oneKey } from './spec.js';
import { sortNeedsNumbers, syntaxError, wrongType } from '../errors.js';
import type { Args } from '../protocol/args.js';
import type { ReplyWriter } from '../protocol/reply-writer.js';
import { LIST, SET, SORTED_SET, entryType } from '../store/entry.js';
import { createList, listLength, pushElement, startWalk } from '../store/list-value.js';
import { forEachMember, memberCount as setSize } from '../store/set-value.js';
import { memberCount as sortedSetSize, showAsSkiplist, walkMembers } from '../store/sorted-set-value.js';
import { type Slice, sliceOf } from '../util/bytes.js';
import { parseDouble } from '../util/numbers.js';
import { partialSort } from '../util/partial-sort.js';

interface SortRequest {
  isDescending: boolean;
  isAlphabetic: boolean;
  offset: number;
  /** Negative: all. */
  limit: number;
  by: SortPattern | undefined;
  /** BY named no pattern: the elements stay in their own order. */
  isUnsorted: boolean;
  gets: SortPattern[];
  /** The argument that names the bucket for the result, or 0. */
  storeAt: number;
}

function readRequest(args: Args, takesStore: boolean): SortRequest {
  const request: SortRequest = {
    isDescending: false, isAlphabetic: false, offset: 0, limit: -1, by: undefined, isUnsorted: false, gets: [],
    storeAt: 0,
  };
  for (let at = 2; at < args.count; at++) {
    const left = args.count - 1 - at;
    if (args.is(at, 'ASC')) request.isDescending = false;
    else if (args.is(at, 'DESC')) request.isDescending = true;
    else if (args.is(at, 'ALPHA')) request.isAlphabetic = true;
    else if (args.is(at, 'LIMIT') && left >= 2) {
      request.offset = readInteger(args, ++at);
      request.limit = readInteger(args, ++at);
    } else if (takesStore && args.is(at, 'STORE') && left >= 1) request.storeAt = ++at;
    else if (args.is(at, 'BY') && left >= 1) {
      request.by = new SortPattern(args.text(++at));
      if (!request.by.hasPlace) request.isUnsorted = true;
    } else if (args.is(at, 'GET') && left >= 1) request.gets.push(new SortPattern(args.text(++at)));
    else throw syntaxError();
  }
  return request;
}

/** The bucket that is sorted. */
interface Source {
  ref: number;
  /** Undefined when there is none. */
  type: number | undefined;
  size: number;
}

function findSource(context: Context, key: Slice): Source {
  const { db, store: { arena } } = context;
  const ref = findAnyForRead(context, key);
  if (ref === 0) return { ref, type: undefined, size: 0 };
  const type = entryType(arena, ref);
  if (type === LIST) return { ref, type, size: listLength(db, ref) };
  if (type === SET) return { ref, type, size: setSize(db, ref) };
  if (type !== SORTED_SET) throw wrongType();
  showAsSkiplist(arena, ref);
  return { ref, type, size: sortedSetSize(db, ref) };
}

/** Which of the elements in their new order are wanted. */
function wantedOf({ offset, limit }: SortRequest, size: number): { first: number; count: number } {
  const first = Math.min(Math.max(offset, 0), size);
  const left = size - first;
  return { first, count: limit < 0 ? left : Math.min(limit, left) };
}

// ---- elements in their own order

/** `count` elements from `first` on; with `isReverse` downwards from the end, which a set does not have. */
function readElements(context: Context, source: Source, first: number, count: number, isReverse: boolean): string[] {
  const { db } = context;
  const { ref, type, size } = source;
  const elements: string[] = [];
  if (count === 0) return elements;
  const start = isReverse ? size - 1 - first : first;
  if (type === LIST) {
    const walk = startWalk(db, ref, start, !isReverse);
    while (elements.length < count) elements.push(walk.next().text());
  } else if (type === SORTED_SET) {
    walkMembers(db, ref, start, count, isReverse, (member) => elements.push(member.text()));
  } else {
    forEachMember(db, ref, (member) => elements.push(member.text()));
    return elements.slice(first, first + count);
  }
  return elements;
}

// ---- elements in another order

interface Weighed {
  element: string;
  /** What numbers are sorted by; 0 when there is nothing. */
  score: number;
  /** What is sorted by alphabetically; undefined when there is nothing. */
  text: string | undefined;
}

/** Each element with what it is sorted by. Throws sortNeedsNumbers(). */
function weigh(context: Context, elements: readonly string[], { by, isAlphabetic, storeAt }: SortRequest): Weighed[] {
  const weighed = elements.map((element): Weighed => {
    const text = by === undefined ? element : by.lookUp(context, element)?.text();
    if (!isAlphabetic) return { element, score: text === undefined ? 0 : readScore(text), text: undefined };
    // Without STORE the order is that of words in C, which end at a zero byte.
    return { element, score: 0, text: storeAt > 0 ? text : text?.split('\0', 1)[0] };
  });
  if (weighed.some(({ score }) => Number.isNaN(score))) throw sortNeedsNumbers();
  return weighed;
}

/** As C's strtod reads it: blanks may stand in front, a zero byte ends it, nothing is 0. NaN for what is no number. */
function readScore(text: string): number {
  const read = text.split('\0', 1)[0]!;
  if (read === '') return 0;
  return parseDouble(read.replace(/^[ \t-\r]+/, '')) ?? NaN;
}

function compareText(a: string | undefined, b: string | undefined): number {
  if (a === b) return 0;
  if (a === undefined) return -1;
  return b === undefined || a > b ? 1 : -1;
}

function sortElements(context: Context, elements: readonly string[], request: SortRequest): string[] {
  const { by, isAlphabetic, isDescending } = request;
  const weighed = weigh(context, elements, request);
  const sign = isDescending ? -1 : 1;
  const compare = isAlphabetic
    ? (a: Weighed, b: Weighed): number => sign * compareText(a.text, b.text)
    : (a: Weighed, b: Weighed): number =>
      sign * (a.score === b.score ? compareText(a.element, b.element) : a.score > b.score ? 1 : -1);
  const { first, count } = wantedOf(request, elements.length);
  if (by !== undefined && count < elements.length) partialSort(weighed, first, first + count - 1, compare);
  else weighed.sort(compare);
  return weighed.slice(first, first + count).map(({ element }) => element);
}

// ---- the command

function sortHandler(takesStore: boolean): Handler {
  return (context, args, reply) => {
    const request = readRequest(args, takesStore);
    const source = findSource(context, args.slice(1));
    if (request.isUnsorted && source.type === SET && request.storeAt > 0) {
      // What is stored should not hang on the order of an index.
      request.isUnsorted = false;
      request.isAlphabetic = true;
      request.by = undefined;
    }
    let elements: string[];
    if (request.isUnsorted) {
      const { first, count } = wantedOf(request, source.size);
      elements = readElements(context, source, first, count, request.isDescending);
    } else {
      elements = sortElements(context, readElements(context, source, 0, source.size, false), request);
    }
    if (request.storeAt === 0) replyWith(context, elements, request, reply);
    else reply.integer(store(context, elements, request, args.slice(request.storeAt)));
  };
}

function replyWith(context: Context, elements: readonly string[], { gets }: SortRequest, reply: ReplyWriter): void {
  reply.array(elements.length * Math.max(gets.length, 1));
  for (const element of elements) {
    if (gets.length === 0) reply.bulkText(element);
    for (const get of gets) {
      const value = get.lookUp(context, element);
      if (value === undefined) reply.nil();
      else reply.slice(value);
    }
  }
}

const NOTHING = sliceOf('');

/** Puts a list of the result in the place of whatever is under `key`; nothing when it is empty. Gives its length. */
function store(context: Context, elements: readonly string[], { gets }: SortRequest, key: Slice): number {
  const { db, store: { workbench } } = context;
  let ref = 0;
  let length = 0;
  const push = (value: Slice): void => {
    if (ref === 0) {
      workbench.find(key);
      ref = createList(workbench, key, 0);
    }
    ref = pushElement(workbench, key, ref, 'tail', value);
    length++;
  };
  for (const element of elements) {
    if (gets.length === 0) push(sliceOf(element));
    for (const get of gets) push(get.lookUp(context, element) ?? NOTHING);
  }
  const old = db.find(key);
  if (ref !== 0) {
    db.takeOver(key, old, ref);
    context.changed(key, 'l', 'sortstore');
  } else if (old !== 0) {
    db.remove(key, old);
    context.changed(key, 'g', 'del');
  }
  return length;
}

const PATTERN_NOTE =
  "For the optional BY/GET keyword. It is marked 'unknown' because the key names derive from the content of the key we sort";
const STORE_NOTE =
  "For the optional STORE keyword. It is marked 'unknown' because the keyword can appear anywhere in the argument array";

function unknownKeys(flags: string, notes: string): KeySpec {
  return { flags, begin: 'unknown', find: 'unknown', notes };
}

const RECORD = {
  arity: -2, categories: ['set', 'sortedset', 'list', 'dangerous'], routing: 'one_shard', group: 'generic',
  complexity:
    'O(N+M*log(M)) where N is the number of elements in the list or set to sort, and M the number of returned ' +
    'elements. When the elements are not sorted, complexity is O(N).',
} as const;
const SYNTAX = 'key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC|DESC] [ALPHA]';

export const sortCommands: readonly CommandSpec[] = [
  {
    name: 'sort', flags: ['write', 'denyoom', 'movablekeys'], ...RECORD,
    keys: [
      ...oneKey('RO access'), unknownKeys('RO access', PATTERN_NOTE), unknownKeys('OW update', STORE_NOTE),
    ],
    since: '1.0.0', summary: 'Gives the elements of a list, a set or a sorted set in order, or stores them.',
    syntax: `${SYNTAX} [STORE destination]`, handler: sortHandler(true),
  },
  {
    name: 'sort_ro', flags: ['readonly', 'movablekeys'], ...RECORD,
    keys: [...oneKey('RO access'), unknownKeys('RO access', PATTERN_NOTE)], since: '7.0.0',
    summary: 'Gives the elements of a list, a set or a sorted set in order.', syntax: SYNTAX, handler: sortHandler(false),
  },
];

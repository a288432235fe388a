/**
 * The list commands on one list: push, pop, read, change. Those that take from one of several lists or move elements
 * between two are in list-move.ts, those that wait for a list in list-blocking.ts, the search for an element's places
 * in list-position.ts.
 */
import { readCount, readInteger } from './arguments.js';
import type { CommandSpec, Handler } from './spec.js';
import { oneKey } from './spec.js';
import type { Context } from './context.js';
import { findForRead, findForWrite } from './lookup.js';
import { indexOutOfRange, noSuchKey, syntaxError, wrongArity } from '../errors.js';
import type { Args } from '../protocol/args.js';
import type { ReplyWriter } from '../protocol/reply-writer.js';
import { elementBytes } from '../store/element-run.js';
import { LIST } from '../store/entry.js';
import {
  type ListEnd, createList, getElement, getEndElement, insertElement, listLength, pushElement, removeElements,
  removeEndElement, removeEqualElements, setElement, settleList, startWalk,
} from '../store/list-value.js';
import { Slice } from '../util/bytes.js';

/** Where a look-up puts the element that it found; each handler is done with it before it returns. */
const found = new Slice();

// ---- pushing and popping

/** LPUSH, RPUSH and, with `onlyExisting`, LPUSHX and RPUSHX. */
function pushHandler(end: ListEnd, onlyExisting: boolean): Handler {
  const event = end === 'head' ? 'lpush' : 'rpush';
  return (context, args, reply) => {
    const { db } = context;
    const key = args.slice(1);
    let ref = findForWrite(context, key, LIST);
    if (ref === 0) {
      if (onlyExisting) return reply.integer(0);
      ref = createList(db, key, bytesFrom(args, 2));
    }
    for (let index = 2; index < args.count; index++) ref = pushElement(db, key, ref, end, args.slice(index));
    context.changed(key, 'l', event);
    reply.integer(listLength(db, ref));
  };
}

/** The bytes that the arguments from `first` on take as elements. */
function bytesFrom(args: Args, first: number): number {
  let byteCount = 0;
  for (let index = first; index < args.count; index++) byteCount += elementBytes(args.lengths[index]!);
  return byteCount;
}

/** LPOP and RPOP. */
function popHandler(end: ListEnd): Handler {
  const command = end === 'head' ? 'lpop' : 'rpop';
  return (context, args, reply) => {
    if (args.count > 3) throw wrongArity(command);
    const count = args.count === 3 ? readCount(args, 2) : undefined;
    const key = args.slice(1);
    const ref = findForWrite(context, key, LIST);
    if (count === undefined) {
      if (ref === 0) reply.nil();
      else popOne(context, key, ref, end, reply);
    } else if (ref === 0) reply.nilArray();
    else popSeveral(context, key, ref, end, count, reply);
  };
}

/** Takes the element at one end of a list that is there, and replies with it. */
export function popOne(context: Context, key: Slice, ref: number, end: ListEnd, reply: ReplyWriter): void {
  getEndElement(context.db, ref, end, found);
  reply.slice(found);
  removeEnd(context, key, ref, end);
}

/** Takes the element at one end out and tells of it, and of the bucket's end with the last. */
export function removeEnd(context: Context, key: Slice, ref: number, end: ListEnd): void {
  const isGone = removeEndElement(context.db, key, ref, end) === 0;
  tellRemoval(context, key, end === 'head' ? 'lpop' : 'rpop', isGone);
}

/** Takes up to `count` elements from one end into an array, the outermost first; of a list that is there. */
export function popSeveral(
  context: Context, key: Slice, ref: number, end: ListEnd, count: number, reply: ReplyWriter,
): void {
  const { db } = context;
  const length = listLength(db, ref);
  const popped = Math.min(count, length);
  if (end === 'head') writeElements(context, ref, 0, popped, true, reply);
  else writeElements(context, ref, length - 1, popped, false, reply);
  if (popped === 0) return;
  removeElements(db, ref, end === 'head' ? 0 : length - popped, popped);
  finishRemoval(context, key, ref, end === 'head' ? 'lpop' : 'rpop');
}

function finishRemoval(context: Context, key: Slice, ref: number, event: string): void {
  tellRemoval(context, key, event, settleList(context.db, key, ref) === 0);
}

function tellRemoval(context: Context, key: Slice, event: string, isGone: boolean): void {
  context.changed(key, 'l', event);
  if (isGone) context.changed(key, 'g', 'del');
}

// ---- reading

const llen: Handler = (context, args, reply) => {
  const ref = findForRead(context, args.slice(1), LIST);
  reply.integer(ref === 0 ? 0 : listLength(context.db, ref));
};

/** The place that an index means, which counts from the end when it is negative; -1 when there is none. */
function placeOf(index: number, length: number): number {
  const place = index < 0 ? length + index : index;
  return place >= 0 && place < length ? place : -1;
}

const lindex: Handler = (context, args, reply) => {
  const ref = findForRead(context, args.slice(1), LIST);
  if (ref === 0) return reply.nil();
  const place = placeOf(readInteger(args, 2), listLength(context.db, ref));
  if (place < 0) return reply.nil();
  getElement(context.db, ref, place, found);
  reply.slice(found);
};

/** The places from `start` to `stop`, which count from the end when they are negative, cut to the list. */
function rangeOf(start: number, stop: number, length: number): { first: number; count: number } {
  const first = Math.max(0, start < 0 ? length + start : start);
  const last = Math.min(length - 1, stop < 0 ? length + stop : stop);
  return first > last ? { first: 0, count: 0 } : { first, count: last - first + 1 };
}

const lrange: Handler = (context, args, reply) => {
  const start = readInteger(args, 2);
  const stop = readInteger(args, 3);
  const ref = findForRead(context, args.slice(1), LIST);
  if (ref === 0) return reply.array(0);
  const { first, count } = rangeOf(start, stop, listLength(context.db, ref));
  writeElements(context, ref, first, count, true, reply);
};

/** Writes an array of `count` elements from the one at `first` on, towards the tail or the head. */
function writeElements(
  context: Context, ref: number, first: number, count: number, isForward: boolean, reply: ReplyWriter,
): void {
  reply.array(count);
  if (count === 0) return;
  const walk = startWalk(context.db, ref, first, isForward);
  for (let left = count; left > 0; left--) {
    const element = walk.next();
    reply.sliceUnder(walk.view, element);
  }
}

// ---- changing

const lset: Handler = (context, args, reply) => {
  const { db } = context;
  const key = args.slice(1);
  const ref = findForWrite(context, key, LIST);
  if (ref === 0) throw noSuchKey();
  const place = placeOf(readInteger(args, 2), listLength(db, ref));
  if (place < 0) throw indexOutOfRange();
  setElement(db, key, ref, place, args.slice(3));
  context.changed(key, 'l', 'lset');
  reply.ok();
};

const linsert: Handler = (context, args, reply) => {
  const isAfter = args.is(2, 'AFTER');
  if (!isAfter && !args.is(2, 'BEFORE')) throw syntaxError();
  const { db } = context;
  const key = args.slice(1);
  const ref = findForWrite(context, key, LIST);
  if (ref === 0) return reply.integer(0);
  const place = firstPlaceOf(context, ref, args.slice(3));
  if (place < 0) return reply.integer(-1);
  const changed = insertElement(db, key, ref, isAfter ? place + 1 : place, args.slice(4));
  context.changed(key, 'l', 'linsert');
  reply.integer(listLength(db, changed));
};

/** The first place of an element with these bytes, or -1. */
function firstPlaceOf({ db }: Context, ref: number, element: Slice): number {
  const length = listLength(db, ref);
  const walk = startWalk(db, ref, 0, true);
  for (let place = 0; place < length; place++) if (walk.next().equals(element)) return place;
  return -1;
}

const lrem: Handler = (context, args, reply) => {
  const count = readInteger(args, 2);
  const { db } = context;
  const key = args.slice(1);
  const ref = findForWrite(context, key, LIST);
  if (ref === 0) return reply.integer(0);
  const most = count === 0 ? Infinity : Math.abs(count);
  const removed = removeEqualElements(db, ref, args.slice(3), most, count < 0 ? 'tail' : 'head');
  if (removed > 0) finishRemoval(context, key, ref, 'lrem');
  reply.integer(removed);
};

const ltrim: Handler = (context, args, reply) => {
  const start = readInteger(args, 2);
  const stop = readInteger(args, 3);
  const { db } = context;
  const key = args.slice(1);
  const ref = findForWrite(context, key, LIST);
  if (ref === 0) return reply.ok();
  const length = listLength(db, ref);
  const { first, count } = rangeOf(start, stop, length);
  removeElements(db, ref, first + count, length - first - count);
  removeElements(db, ref, 0, first);
  finishRemoval(context, key, ref, 'ltrim');
  reply.ok();
};

const RECORD = { keys: oneKey('RW insert'), categories: ['list'], routing: 'one_shard', group: 'list' } as const;

const PUSH = {
  ...RECORD, arity: -3, flags: ['write', 'denyoom', 'fast'], syntax: 'key element [element ...]',
  complexity: 'O(1) for each element added, so O(N) to add N elements when the command is called with multiple arguments.',
} as const;

const POP = {
  ...RECORD, arity: -2, flags: ['write', 'fast'], keys: oneKey('RW access delete'), since: '1.0.0',
  complexity: 'O(N) where N is the number of elements returned', history: [['6.2.0', 'Added the `count` argument.']],
  syntax: 'key [count]',
} as const;

export const listCommands: readonly CommandSpec[] = [
  {
    name: 'lindex', ...RECORD, arity: 3, flags: ['readonly'], keys: oneKey('RO access'), since: '1.0.0',
    complexity: 'O(N) where N is the number of elements to traverse to get to the element at index. This makes asking for the first or the last element of the list O(1).',
    summary: 'Gives the element at a place.', syntax: 'key index', handler: lindex,
  },
  {
    name: 'linsert', ...RECORD, arity: 5, flags: ['write', 'denyoom'], since: '2.2.0',
    complexity: 'O(N) where N is the number of elements to traverse before seeing the value pivot. This means that inserting somewhere on the left end on the list (head) can be considered O(1) and inserting somewhere on the right end (tail) is O(N).',
    summary: 'Puts an element before or behind another.', syntax: 'key BEFORE|AFTER pivot element', handler: linsert,
  },
  {
    name: 'llen', ...RECORD, arity: 2, flags: ['readonly', 'fast'], keys: oneKey('RO'), since: '1.0.0', complexity: 'O(1)',
    summary: 'Counts the elements.', syntax: 'key', handler: llen,
  },
  { name: 'lpop', ...POP, summary: 'Takes elements from the head.', handler: popHandler('head') },
  {
    name: 'lpush', ...PUSH, since: '1.0.0', history: [['2.4.0', 'Accepts multiple `element` arguments.']],
    summary: 'Adds elements at the head, and creates the list when there is none.', handler: pushHandler('head', false),
  },
  {
    name: 'lpushx', ...PUSH, since: '2.2.0', history: [['4.0.0', 'Accepts multiple `element` arguments.']],
    summary: 'Adds elements at the head of a list that is there.', handler: pushHandler('head', true),
  },
  {
    name: 'lrange', ...RECORD, arity: 4, flags: ['readonly'], keys: oneKey('RO access'), since: '1.0.0',
    complexity: 'O(S+N) where S is the distance of start offset from HEAD for small lists, from nearest end (HEAD or TAIL) for large lists; and N is the number of elements in the specified range.',
    summary: 'Gives the elements between two places.', syntax: 'key start stop', handler: lrange,
  },
  {
    name: 'lrem', ...RECORD, arity: 4, flags: ['write'], keys: oneKey('RW delete'), since: '1.0.0',
    complexity: 'O(N+M) where N is the length of the list and M is the number of elements removed.',
    summary: 'Deletes elements that are equal to one.', syntax: 'key count element', handler: lrem,
  },
  {
    name: 'lset', ...RECORD, arity: 4, flags: ['write', 'denyoom'], keys: oneKey('RW update'), since: '1.0.0',
    complexity: 'O(N) where N is the length of the list. Setting either the first or the last element of the list is O(1).',
    summary: 'Puts an element in the place of another.', syntax: 'key index element', handler: lset,
  },
  {
    name: 'ltrim', ...RECORD, arity: 4, flags: ['write'], keys: oneKey('RW delete'), since: '1.0.0',
    complexity: 'O(N) where N is the number of elements to be removed by the operation.',
    summary: 'Keeps the elements between two places and deletes the others.', syntax: 'key start stop', handler: ltrim,
  },
  { name: 'rpop', ...POP, summary: 'Takes elements from the tail.', handler: popHandler('tail') },
  {
    name: 'rpush', ...PUSH, since: '1.0.0', history: [['2.4.0', 'Accepts multiple `element` arguments.']],
    summary: 'Adds elements at the tail, and creates the list when there is none.', handler: pushHandler('tail', false),
  },
  {
    name: 'rpushx', ...PUSH, since: '2.2.0', history: [['4.0.0', 'Accepts multiple `element` arguments.']],
    summary: 'Adds elements at the tail of a list that is there.', handler: pushHandler('tail', true),
  },
];

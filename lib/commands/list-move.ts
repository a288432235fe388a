/** The list commands over several lists: an element moves from one to another, or comes from the first that has one. */
import { readInteger } from './arguments.js';
import type { Context } from './context.js';
import { popSeveral, removeEnd } from './list.js';
import { findForWrite } from './lookup.js';
import type { CommandSpec, Handler } from './spec.js';
import { oneKey } from './spec.js';
import { countTooSmall, numkeysTooSmall, syntaxError } from '../errors.js';
import type { Args } from '../protocol/args.js';
import type { ReplyWriter } from '../protocol/reply-writer.js';
import { elementBytes } from '../store/element-run.js';
import { LIST } from '../store/entry.js';
import { type ListEnd, createList, getEndElement, pushElement, rotateList } from '../store/list-value.js';
import { Slice, sliceOf } from '../util/bytes.js';

const found = new Slice();

/** The end that argument `index` names. Throws syntaxError(). */
export function readEnd(args: Args, index: number): ListEnd {
  if (args.is(index, 'LEFT')) return 'head';
  if (args.is(index, 'RIGHT')) return 'tail';
  throw syntaxError();
}

const lmove: Handler = (context, args, reply) => {
  const from = readEnd(args, 3);
  const to = readEnd(args, 4);
  if (!moveElement(context, args.slice(1), args.slice(2), from, to, reply)) reply.nil();
};

const rpoplpush: Handler = (context, args, reply) => {
  if (!moveElement(context, args.slice(1), args.slice(2), 'tail', 'head', reply)) reply.nil();
};

/**
 * Moves an element from one list to another, which may be the same, and replies with it. False when there is no list to
 * take it from. Throws wrongType().
 */
export function moveElement(
  context: Context, source: Slice, destination: Slice, from: ListEnd, to: ListEnd, reply: ReplyWriter,
): boolean {
  const { db } = context;
  const ref = findForWrite(context, source, LIST);
  if (ref === 0) return false;
  const destinationRef = findForWrite(context, destination, LIST);
  getEndElement(db, ref, from, found);
  reply.slice(found);
  if (ref === destinationRef) {
    rotate(context, source, ref, from, to);
    return true;
  }
  const size = elementBytes(found.length);
  const list = destinationRef === 0 ? createList(db, destination, size) : destinationRef;
  pushElement(db, destination, list, to, found);
  context.changed(destination, 'l', to === 'head' ? 'lpush' : 'rpush');
  removeEnd(context, source, ref, from);
  return true;
}

/** Moves the element in `found` from one end of its list to an end of the same. */
function rotate(context: Context, key: Slice, ref: number, from: ListEnd, to: ListEnd): void {
  const { db } = context;
  if (from !== to) rotateList(db, key, ref, from, sliceOf(found.copyOf()));
  context.changed(key, 'l', to === 'head' ? 'lpush' : 'rpush');
  context.changed(key, 'l', from === 'head' ? 'lpop' : 'rpop');
}

/** What LMPOP and BLMPOP take: up to `count` elements from one end of the first list among some arguments. */
export interface PopOrder {
  readonly firstKey: number;
  readonly keyEnd: number;
  readonly end: ListEnd;
  readonly count: number;
}

/** The order that begins with the number of keys at argument `at`. Throws what is wrong with it. */
export function readPopOrder(args: Args, at: number): PopOrder {
  const numkeys = readInteger(args, at, numkeysTooSmall);
  if (numkeys < 1) throw numkeysTooSmall();
  const keyEnd = at + 1 + numkeys;
  if (keyEnd >= args.count) throw syntaxError();
  return { firstKey: at + 1, keyEnd, end: readEnd(args, keyEnd), count: readPopCount(args, keyEnd + 1) };
}

/**
 * Takes what is ordered and replies with it. False when no list is there. Lists are looked at only up to the first that
 * is, so what the keys behind it hold does not matter. Throws wrongType().
 */
export function popFirstList(context: Context, args: Args, order: PopOrder, reply: ReplyWriter): boolean {
  for (let index = order.firstKey; index < order.keyEnd; index++) {
    if (popFromList(context, args.slice(index), order, reply)) return true;
  }
  return false;
}

/** As `popFirstList`, from one list. */
export function popFromList(context: Context, key: Slice, { end, count }: PopOrder, reply: ReplyWriter): boolean {
  const ref = findForWrite(context, key, LIST);
  if (ref === 0) return false;
  reply.array(2);
  reply.slice(key);
  popSeveral(context, key, ref, end, count, reply);
  context.recordAs(end === 'head' ? 'LPOP' : 'RPOP', key, String(Math.min(count, Number.MAX_SAFE_INTEGER)));
  return true;
}

const lmpop: Handler = (context, args, reply) => {
  if (!popFirstList(context, args, readPopOrder(args, 1), reply)) reply.nilArray();
};

/** The number behind COUNT, which may be left out. Throws countTooSmall() and syntaxError(). */
function readPopCount(args: Args, from: number): number {
  if (from === args.count) return 1;
  if (!args.is(from, 'COUNT') || from + 1 === args.count) throw syntaxError();
  const count = readInteger(args, from + 1, countTooSmall);
  if (count < 1) throw countTooSmall();
  if (from + 2 < args.count) throw syntaxError();
  return count;
}

const RECORD = { categories: ['list'], routing: 'one_shard', group: 'list' } as const;
const TWO_LISTS = [...oneKey('RW access delete'), ...oneKey('RW insert', 2)];

export const listMoveCommands: readonly CommandSpec[] = [
  {
    name: 'lmove', arity: 5, flags: ['write', 'denyoom'], keys: TWO_LISTS, ...RECORD, since: '6.2.0', complexity: 'O(1)',
    summary: 'Moves an element from an end of one list to an end of another.',
    syntax: 'source destination LEFT|RIGHT LEFT|RIGHT', handler: lmove,
  },
  {
    name: 'lmpop', arity: -4, flags: ['write', 'movablekeys'],
    keys: [{ flags: 'RW access delete', begin: 1, find: { count: 0, first: 1, step: 1 } }], ...RECORD, since: '7.0.0',
    complexity: 'O(N+M) where N is the number of provided keys and M is the number of elements returned.',
    summary: 'Takes elements from the first of several lists that has some.',
    syntax: 'numkeys key [key ...] LEFT|RIGHT [COUNT count]', handler: lmpop,
  },
  {
    name: 'rpoplpush', arity: 3, flags: ['write', 'denyoom'], keys: TWO_LISTS, ...RECORD, since: '1.2.0',
    complexity: 'O(1)', summary: 'Moves the last element of one list to the head of another.',
    syntax: 'source destination', deprecated: { since: '6.2.0', replacedBy: '`LMOVE` with the `RIGHT` and `LEFT` arguments' },
    handler: rpoplpush,
  },
];

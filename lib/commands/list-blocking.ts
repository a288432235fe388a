/**
 * The list commands that wait until there is something to take. Each first does what its sister without the B does;
 * only when that finds nothing, and not inside a transaction, the client waits (execution/blocking.ts).
 */
import type { Context } from './context.js';
import { popOne } from './list.js';
import { moveElement, popFirstList, popFromList, readEnd, readPopOrder } from './list-move.js';
import { findForWrite } from './lookup.js';
import { type CommandSpec, type Handler, keyRange, oneKey } from './spec.js';
import { namesOf, readTimeout } from './waiting.js';
import type { Args } from '../protocol/args.js';
import type { ReplyWriter } from '../protocol/reply-writer.js';
import { LIST } from '../store/entry.js';
import type { ListEnd } from '../store/list-value.js';
import { type Slice, sliceOf } from '../util/bytes.js';

/** Takes one element from an end and replies with the key and it. False when there is no list. */
function popWithKey(context: Context, key: Slice, end: ListEnd, reply: ReplyWriter): boolean {
  const ref = findForWrite(context, key, LIST);
  if (ref === 0) return false;
  reply.array(2);
  reply.slice(key);
  popOne(context, key, ref, end, reply);
  context.recordAs(end === 'head' ? 'LPOP' : 'RPOP', key);
  return true;
}

/** BLPOP and BRPOP. */
function popHandler(end: ListEnd): Handler {
  const retry = (context: Context, key: Slice, reply: ReplyWriter): boolean => popWithKey(context, key, end, reply);
  return (context, args, reply) => {
    const keyEnd = args.count - 1;
    const untilMs = readTimeout(context, args, keyEnd);
    for (let index = 1; index < keyEnd; index++) if (popWithKey(context, args.slice(index), end, reply)) return;
    if (!context.mayWait) return reply.nilArray();
    context.wait({ keys: namesOf(args, 1, keyEnd), type: LIST, untilMs, retry });
  };
}

const blmpop: Handler = (context, args, reply) => {
  const order = readPopOrder(args, 2);
  const untilMs = readTimeout(context, args, 1);
  if (popFirstList(context, args, order, reply)) return;
  if (!context.mayWait) return reply.nilArray();
  context.wait({
    keys: namesOf(args, order.firstKey, order.keyEnd), type: LIST, untilMs,
    retry: (later, key, late) => popFromList(later, key, order, late),
  });
};

const blmove: Handler = (context, args, reply) => {
  const from = readEnd(args, 3);
  const to = readEnd(args, 4);
  moveOrWait(context, args, from, to, readTimeout(context, args, 5), reply);
};

const brpoplpush: Handler = (context, args, reply) =>
  moveOrWait(context, args, 'tail', 'head', readTimeout(context, args, 3), reply);

/** As moveElement. In the append log it is a LMOVE. */
function move(
  context: Context, source: Slice, destination: Slice, from: ListEnd, to: ListEnd, reply: ReplyWriter,
): boolean {
  const isMoved = moveElement(context, source, destination, from, to, reply);
  if (isMoved) context.recordAs('LMOVE', source, destination, SIDES[from], SIDES[to]);
  return isMoved;
}

function moveOrWait(
  context: Context, args: Args, from: ListEnd, to: ListEnd, untilMs: number, reply: ReplyWriter,
): void {
  if (move(context, args.slice(1), args.slice(2), from, to, reply)) return;
  if (!context.mayWait) return reply.nil();
  const destination = args.copy(2);
  context.wait({
    keys: [args.text(1)], type: LIST, untilMs,
    retry: (later, key, late) => move(later, key, sliceOf(destination), from, to, late),
  });
}

const SIDES = { head: 'LEFT', tail: 'RIGHT' } as const;

const RECORD = { categories: ['list'], routing: 'one_shard', group: 'list' } as const;
const TWO_LISTS = [...oneKey('RW access delete'), ...oneKey('RW insert', 2)];
const TIMEOUT_HISTORY = [['6.0.0', '`timeout` is interpreted as a double instead of an integer.']] as const;

const POP = {
  ...RECORD, arity: -3, flags: ['write', 'noscript', 'blocking'], keys: keyRange('RW access delete', 1, -2), since: '2.0.0',
  complexity: 'O(N) where N is the number of provided keys.', syntax: 'key [key ...] timeout:double', history: TIMEOUT_HISTORY,
} as const;

export const listBlockingCommands: readonly CommandSpec[] = [
  {
    name: 'blmove', arity: 6, flags: ['write', 'denyoom', 'noscript', 'blocking'], keys: TWO_LISTS, ...RECORD,
    since: '6.2.0', complexity: 'O(1)',
    summary: 'Moves an element from an end of one list to an end of another, and waits for one when there is none.',
    syntax: 'source destination LEFT|RIGHT LEFT|RIGHT timeout:double', handler: blmove,
  },
  {
    name: 'blmpop', arity: -5, flags: ['write', 'blocking', 'movablekeys'],
    keys: [{ flags: 'RW access delete', begin: 2, find: { count: 0, first: 1, step: 1 } }], ...RECORD, since: '7.0.0',
    complexity: 'O(N+M) where N is the number of provided keys and M is the number of elements returned.',
    summary: 'Takes elements from the first of several lists that has some, and waits for one when none has.',
    syntax: 'timeout:double numkeys key [key ...] LEFT|RIGHT [COUNT count]', handler: blmpop,
  },
  {
    name: 'blpop', ...POP, summary: 'Takes an element from the head of the first list that has one, or waits for one.',
    handler: popHandler('head'),
  },
  {
    name: 'brpop', ...POP, summary: 'Takes an element from the tail of the first list that has one, or waits for one.',
    handler: popHandler('tail'),
  },
  {
    name: 'brpoplpush', arity: 4, flags: ['write', 'denyoom', 'noscript', 'blocking'], keys: TWO_LISTS, ...RECORD,
    since: '2.2.0', complexity: 'O(1)',
    summary: 'Moves the last element of one list to the head of another, and waits for one when there is none.',
    syntax: 'source destination timeout:double', history: TIMEOUT_HISTORY,
    deprecated: { since: '6.2.0', replacedBy: '`BLMOVE` with the `RIGHT` and `LEFT` arguments' }, handler: brpoplpush,
  },
];

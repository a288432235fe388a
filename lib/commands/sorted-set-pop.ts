/** The sorted set commands that take members off an end and give them. */
import { readCount, readExactInteger } from './arguments.js';
import type { Context } from './context.js';
import { findForWrite } from './lookup.js';
import { memberWriter } from './sorted-set-range.js';
import { type CommandSpec, type Handler, oneKey } from './spec.js';
import { type CommandError, countNotPositive, numkeysNotPositive, syntaxError } from '../errors.js';
import type { Args } from '../protocol/args.js';
import type { ReplyWriter } from '../protocol/reply-writer.js';
import { SORTED_SET } from '../store/entry.js';
import { deleteRange, memberCount, walkMembers } from '../store/sorted-set-value.js';
import type { Slice } from '../util/bytes.js';
import { INT64_MAX, formatDouble } from '../util/numbers.js';

export type End = 'min' | 'max';

/** Gives `count` members (or all) from one end to `begin` and what that gives, and then takes them out. */
function popMembers(
  context: Context, key: Slice, ref: number, end: End, count: number,
  begin: (count: number) => (member: Slice, score: number) => void,
): void {
  const { db } = context;
  const total = memberCount(db, ref);
  const taken = Math.min(count, total);
  const isReverse = end === 'max';
  walkMembers(db, ref, isReverse ? total - 1 : 0, taken, isReverse, begin(taken));
  const isGone = deleteRange(db, key, ref, isReverse ? total - taken : 0, taken) === 0;
  context.changed(key, 'z', `zpop${end}`);
  if (isGone) context.changed(key, 'g', 'del');
}

const popHandler = (end: End): Handler => (context, args, reply) => {
  if (args.count > 3) throw syntaxError();
  const count = args.count === 3 ? readCount(args, 2) : undefined;
  const key = args.slice(1);
  const ref = findForWrite(context, key, SORTED_SET);
  if (ref === 0 || count === 0) return reply.array(0);
  popMembers(context, key, ref, end, count ?? 1, (taken) => {
    if (count !== undefined) return memberWriter(reply, taken, true);
    reply.array(2);
    return pairWriter(reply);
  });
};

function pairWriter(reply: ReplyWriter): (member: Slice, score: number) => void {
  return (member, score) => {
    reply.slice(member);
    reply.double(formatDouble(score));
  };
}

/** What ZMPOP and BZMPOP take. Source: zmpopGenericCommand() in redis's t_zset.c. */
export interface MemberPopOrder {
  readonly firstKey: number;
  readonly keyEnd: number;
  readonly end: End;
  readonly count: number;
}

/** The order that begins with the number of keys at argument `at`. Throws what is wrong with it. */
export function readMemberPopOrder(args: Args, at: number): MemberPopOrder {
  const numkeys = readPositive(args, at, numkeysNotPositive);
  const keyEnd = at + 1 + numkeys;
  if (keyEnd >= args.count) throw syntaxError();
  return { firstKey: at + 1, keyEnd, end: readEnd(args, keyEnd), count: readPopCount(args, keyEnd + 1) };
}

/** Takes what is ordered and replies with it. False when no sorted set is there. Throws wrongType(). */
export function popFirstSet(context: Context, args: Args, order: MemberPopOrder, reply: ReplyWriter): boolean {
  for (let index = order.firstKey; index < order.keyEnd; index++) {
    if (popFromSet(context, args.slice(index), order, reply)) return true;
  }
  return false;
}

/** As `popFirstSet`, from one sorted set. */
export function popFromSet(
  context: Context, key: Slice, { end, count }: MemberPopOrder, reply: ReplyWriter,
): boolean {
  const ref = findForWrite(context, key, SORTED_SET);
  if (ref === 0) return false;
  reply.array(2);
  reply.slice(key);
  popMembers(context, key, ref, end, count, (taken) => {
    reply.array(taken);
    const write = pairWriter(reply);
    return (member, score) => {
      reply.array(2);
      write(member, score);
    };
  });
  context.recordAs(end === 'min' ? 'ZPOPMIN' : 'ZPOPMAX', key, String(Math.min(count, Number.MAX_SAFE_INTEGER)));
  return true;
}

/** As `popFromSet`, of one member, with the key, the member and its score in one array. */
export function popWithKey(context: Context, key: Slice, end: End, reply: ReplyWriter): boolean {
  const ref = findForWrite(context, key, SORTED_SET);
  if (ref === 0) return false;
  reply.array(3);
  reply.slice(key);
  popMembers(context, key, ref, end, 1, () => pairWriter(reply));
  context.recordAs(end === 'min' ? 'ZPOPMIN' : 'ZPOPMAX', key);
  return true;
}

const zmpop: Handler = (context, args, reply) => {
  if (!popFirstSet(context, args, readMemberPopOrder(args, 1), reply)) reply.nilArray();
};

function readEnd(args: Args, index: number): End {
  if (args.is(index, 'MIN')) return 'min';
  if (args.is(index, 'MAX')) return 'max';
  throw syntaxError();
}

function readPopCount(args: Args, from: number): number {
  if (from === args.count) return 1;
  if (!args.is(from, 'COUNT') || from + 1 === args.count) throw syntaxError();
  const count = readPositive(args, from + 1, countNotPositive);
  if (from + 2 < args.count) throw syntaxError();
  return count;
}

function readPositive(args: Args, index: number, error: () => CommandError): number {
  const value = readExactInteger(args, index, error);
  if (value < 1 || value > INT64_MAX) throw error();
  return Number(value);
}

const POP = {
  arity: -2, flags: ['write', 'fast'], keys: oneKey('RW access delete'), categories: ['sortedset'],
  routing: 'one_shard', group: 'sorted-set', since: '5.0.0', syntax: 'key [count]',
  complexity: 'O(log(N)*M) with N being the number of elements in the sorted set, and M being the number of elements popped.',
} as const;

export const sortedSetPopCommands: readonly CommandSpec[] = [
  {
    name: 'zmpop', arity: -4, flags: ['write', 'movablekeys'],
    keys: [{ flags: 'RW access delete', begin: 1, find: { count: 0, first: 1, step: 1 } }], categories: ['sortedset'],
    routing: 'one_shard', group: 'sorted-set', since: '7.0.0',
    complexity: 'O(K) + O(M*log(N)) where K is the number of provided keys, N being the number of elements in the sorted set, and M being the number of elements popped.',
    summary: 'Removes and gives members at one end of the first sorted set that there is.',
    syntax: 'numkeys key [key ...] MIN|MAX [COUNT count]', handler: zmpop,
  },
  { name: 'zpopmax', ...POP, summary: 'Removes and gives the members with the highest scores.', handler: popHandler('max') },
  { name: 'zpopmin', ...POP, summary: 'Removes and gives the members with the lowest scores.', handler: popHandler('min') },
];

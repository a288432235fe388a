/** The set commands that draw members at random, or walk over them in steps. */
import { readCount, readIntegerBetween } from './arguments.js';
import type { Context } from './context.js';
import { findForRead, findForWrite } from './lookup.js';
import { passes, readScanCursor, readScanOptions } from './scan-options.js';
import { finishRemoval } from './set.js';
import type { CommandSpec, Handler } from './spec.js';
import { oneKey } from './spec.js';
import { replyTooLarge, syntaxError } from '../errors.js';
import type { Args } from '../protocol/args.js';
import type { ReplyWriter } from '../protocol/reply-writer.js';
import { CURSOR_END } from '../store/byte-table.js';
import { SET } from '../store/entry.js';
import {
  forEachMember, memberCount, randomMember, removeMember, sampleMembers, scanMembers, setEncoding,
} from '../store/set-value.js';
import { Slice, sliceOf } from '../util/bytes.js';
import { INT64_MAX } from '../util/numbers.js';

/** A negative count may ask for any number of members; a reply past this size is refused. */
const RANDOM_REPLY_BYTES_MAX = 256 * 1024 * 1024;

/** So many members that were popped stand in one record of the append log. */
const RECORDED_TOGETHER = 1024;

const drawn = new Slice();

const srandmember: Handler = (context, args, reply) => {
  if (args.count > 3) throw syntaxError();
  if (args.count === 3) return replyWithDraws(context, args, reply);
  const ref = findForRead(context, args.slice(1), SET);
  if (ref === 0) reply.nil();
  else reply.slice(randomMember(context.db, ref, drawn));
};

function replyWithDraws(context: Context, args: Args, reply: ReplyWriter): void {
  const { db } = context;
  const count = readIntegerBetween(args, 2, -INT64_MAX, INT64_MAX);
  const ref = findForRead(context, args.slice(1), SET);
  if (ref === 0 || count === 0) return reply.array(0);
  if (count < 0) return drawWithRepeats(context, ref, -count, reply);
  const size = memberCount(db, ref);
  const write = (member: Slice): void => reply.slice(member);
  reply.array(Math.min(count, size));
  if (count >= size) forEachMember(db, ref, write);
  else sampleMembers(db, ref, count, write);
}

function drawWithRepeats(context: Context, ref: number, count: number, reply: ReplyWriter): void {
  const replyBytesMax = reply.length + RANDOM_REPLY_BYTES_MAX;
  reply.array(count);
  for (let draws = 0; draws < count; draws++) {
    reply.slice(randomMember(context.db, ref, drawn));
    if (reply.length > replyBytesMax) throw replyTooLarge();
  }
}

/** What is taken out is written into the reply first: it is gone afterwards. */
const spop: Handler = (context, args, reply) => {
  if (args.count > 3) throw syntaxError();
  if (args.count === 3) return popSeveral(context, args, reply);
  const key = args.slice(1);
  const ref = findForWrite(context, key, SET);
  if (ref === 0) return reply.nil();
  randomMember(context.db, ref, drawn);
  reply.slice(drawn);
  context.recordAs('SREM', key, drawn);
  removeMember(context.db, ref, drawn);
  finishRemoval(context, key, ref, 'spop');
};

function popSeveral(context: Context, args: Args, reply: ReplyWriter): void {
  const { db } = context;
  const count = readCount(args, 2);
  const key = args.slice(1);
  const ref = findForWrite(context, key, SET);
  if (ref === 0 || count === 0) return reply.set(0);
  const size = memberCount(db, ref);
  if (count >= size) return popAll(context, key, ref, reply);
  const popped: Buffer[] = [];
  reply.set(count);
  sampleMembers(db, ref, count, (member) => {
    reply.slice(member);
    popped.push(member.copyOf());
  });
  for (let from = 0; from < count; from += RECORDED_TOGETHER) {
    context.recordAs('SREM', key, ...popped.slice(from, from + RECORDED_TOGETHER));
  }
  for (const member of popped) removeMember(db, ref, sliceOf(member));
  finishRemoval(context, key, ref, 'spop');
}

function popAll(context: Context, key: Slice, ref: number, reply: ReplyWriter): void {
  const { db } = context;
  reply.set(memberCount(db, ref));
  forEachMember(db, ref, (member) => reply.slice(member));
  db.remove(key, ref);
  context.recordAs('DEL', key);
  context.changed(key, 's', 'spop');
  context.changed(key, 'g', 'del');
}

/** A call makes at most so many times COUNT steps, however few members it meets. */
const STEPS_PER_COUNT = 10;

/** A set of integers is returned whole, as by redis-server. Otherwise the cursor is a hash, as that of HSCAN. */
const sscan: Handler = (context, args, reply) => {
  const cursor = Number(readScanCursor(args, 2));
  const { db, store } = context;
  const ref = findForRead(context, args.slice(1), SET);
  if (ref === 0) return replyWithMembers(reply, 0, []);
  const options = readScanOptions(args, 3);
  const found: Buffer[] = [];
  let visited = 0;
  const visit = (member: Slice): void => {
    visited++;
    if (passes(options, member)) found.push(member.copyOf());
  };
  if (setEncoding(store.arena, ref) === 'intset') {
    forEachMember(db, ref, visit);
    return replyWithMembers(reply, 0, found);
  }
  let next = cursor;
  let stepsLeft = options.count * STEPS_PER_COUNT;
  while (next < CURSOR_END && visited < options.count && stepsLeft-- > 0) next = scanMembers(db, ref, next, visit);
  replyWithMembers(reply, next < CURSOR_END ? next : 0, found);
};

function replyWithMembers(reply: ReplyWriter, cursor: number, members: readonly Buffer[]): void {
  reply.array(2);
  reply.bulkText(String(cursor));
  reply.array(members.length);
  for (const member of members) reply.bulk(member);
}

const RECORD = { categories: ['set'], tips: ['nondeterministic_output'], routing: 'one_shard', group: 'set' } as const;

export const setWalkCommands: readonly CommandSpec[] = [
  {
    name: 'spop', arity: -2, flags: ['write', 'fast'], keys: oneKey('RW access delete'), ...RECORD, since: '1.0.0',
    complexity: 'Without the count argument O(1), otherwise O(N) where N is the value of the passed count.',
    summary: 'Removes members drawn at random and gives them.', syntax: 'key [count]',
    history: [['3.2.0', 'Added the `count` argument.']], handler: spop,
  },
  {
    name: 'srandmember', arity: -2, flags: ['readonly'], keys: oneKey('RO access'), ...RECORD, since: '1.0.0',
    complexity: 'Without the count argument O(1), otherwise O(N) where N is the absolute value of the passed count.',
    summary: 'Gives members drawn at random.', syntax: 'key [count]',
    history: [['2.6.0', 'Added the optional `count` argument.']], handler: srandmember,
  },
  {
    name: 'sscan', arity: -3, flags: ['readonly'], keys: oneKey('RO access'), ...RECORD, since: '2.8.0',
    complexity: 'O(1) for every call. O(N) for a complete iteration, including enough command calls for the cursor to return back to 0. N is the number of elements inside the collection..',
    summary: 'Walks over the members of a set in steps.', syntax: 'key cursor [MATCH pattern] [COUNT count]',
    handler: sscan,
  },
];

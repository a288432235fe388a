/**
 * The commands that work out a set from others: intersection, union, difference. A result is put together on the
 * store's workbench under the destination's key, in the same way as SADD would make it; so the destination may be one
 * of the sources, and it ends up in the encoding that redis-server would give it. An intersection that is not stored
 * goes straight into the reply.
 */
import { readInteger } from './arguments.js';
import type { Context } from './context.js';
import { findAnyForWrite, findForRead } from './lookup.js';
import type { CommandSpec, Handler } from './spec.js';
import { keyRange, oneKey } from './spec.js';
import { negativeLimit, syntaxError, tooFewKeys, tooManyKeys } from '../errors.js';
import type { Args } from '../protocol/args.js';
import { ReplyWriter } from '../protocol/reply-writer.js';
import { CURSOR_END } from '../store/byte-table.js';
import { SET } from '../store/entry.js';
import type { Keyspace } from '../store/keyspace.js';
import {
  type VisitMember, addMember, createSet, forEachMember, hasMember, memberCount, removeMember, scanMembers, settleSet,
} from '../store/set-value.js';
import type { Slice } from '../util/bytes.js';

/** The entries of the sets that arguments `first` to `last` name, 0 for missing ones. Throws wrongType(). */
function findSets(context: Context, args: Args, first: number, last: number): number[] {
  const refs: number[] = [];
  for (let index = first; index <= last; index++) refs.push(findForRead(context, args.slice(index), SET));
  return refs;
}

/** A set in the making, on the workbench. */
class Result {
  private readonly db: Keyspace;
  /** Its entry; 0 while it has no member. */
  ref = 0;

  constructor(context: Context, private readonly key: Slice) {
    this.db = context.store.workbench;
    this.db.find(key);
  }

  add(member: Slice): void {
    if (this.ref === 0) this.ref = createSet(this.db, this.key, member, 1);
    this.ref = addMember(this.db, this.key, this.ref, member);
  }

  /** Takes members out again; afterwards there may be none. */
  removeAll(walk: (visit: VisitMember) => void): void {
    if (this.ref === 0) return;
    walk((member) => void removeMember(this.db, this.ref, member));
    this.ref = settleSet(this.db, this.key, this.ref);
  }

  /** Writes the members into the reply and lets go of them. */
  replyTo(reply: ReplyWriter): void {
    if (this.ref === 0) return reply.set(0);
    reply.set(memberCount(this.db, this.ref));
    forEachMember(this.db, this.ref, (member) => reply.slice(member));
    this.db.remove(this.key, this.ref);
  }

  /** Makes the set the bucket that its key names, or removes that one when the set is empty. Gives its size. */
  store(context: Context, event: string): number {
    const { db } = context;
    const { key, ref } = this;
    const old = findAnyForWrite(context, key);
    if (ref !== 0) {
      db.takeOver(key, old, ref);
      context.changed(key, 's', event);
      return memberCount(db, ref);
    }
    if (old !== 0) {
      db.remove(key, old);
      context.changed(key, 'g', 'del');
    }
    return 0;
  }
}

// ---- intersection

/** Calls `visit` for the members that are in all sets, for `limit` of them at most, and gives their number. */
function intersect(db: Keyspace, refs: readonly number[], limit: number, visit: VisitMember): number {
  if (refs.includes(0)) return 0;
  const [smallest, ...others] = [...new Set(refs)].sort((a, b) => memberCount(db, a) - memberCount(db, b));
  let count = 0;
  const visitShared = (member: Slice): void => {
    if (count === limit || !others.every((ref) => hasMember(db, ref, member))) return;
    count++;
    visit(member);
  };
  for (let cursor = 0; cursor < CURSOR_END && count < limit; ) cursor = scanMembers(db, smallest!, cursor, visitShared);
  return count;
}

/** The members of an intersection gather here, since their number stands in front of them in the reply. */
const gathered = new ReplyWriter();

const sinter: Handler = (context, args, reply) => {
  const refs = findSets(context, args, 1, args.count - 1);
  gathered.rewind(0);
  const count = intersect(context.db, refs, Infinity, (member) => gathered.slice(member));
  reply.set(count);
  for (const bytes of gathered.take()) reply.raw(bytes);
  gathered.reuse();
};

const sinterstore: Handler = (context, args, reply) => {
  const refs = findSets(context, args, 2, args.count - 1);
  const result = new Result(context, args.slice(1));
  intersect(context.db, refs, Infinity, (member) => result.add(member));
  reply.integer(result.store(context, 'sinterstore'));
};

const sintercard: Handler = (context, args, reply) => {
  const keyCount = readInteger(args, 1, tooFewKeys);
  if (keyCount < 1) throw tooFewKeys();
  if (keyCount > args.count - 2) throw tooManyKeys();
  const limit = readLimit(args, 2 + keyCount);
  const refs = findSets(context, args, 2, 1 + keyCount);
  reply.integer(intersect(context.db, refs, limit, () => undefined));
};

/** The value of the last LIMIT from argument `from` on; a limit of 0, or none, is no limit. */
function readLimit(args: Args, from: number): number {
  let limit = 0;
  for (let index = from; index < args.count; index += 2) {
    if (!args.is(index, 'LIMIT') || index + 1 === args.count) throw syntaxError();
    limit = readInteger(args, index + 1, negativeLimit);
    if (limit < 0) throw negativeLimit();
  }
  return limit === 0 ? Infinity : limit;
}

// ---- union and difference

function unite(db: Keyspace, refs: readonly number[], result: Result): void {
  for (const ref of refs) if (ref !== 0) forEachMember(db, ref, (member) => result.add(member));
}

/**
 * The members of the first set that are in none of the others. Either each is looked up in all others, or all are taken
 * and those of the others removed, whichever is less work. The choice is redis-server's, because it shows: a set that
 * members are removed from keeps the encoding that it had with them.
 * Source: sunionDiffGenericCommand() in redis's t_set.c.
 */
function subtract(db: Keyspace, [first, ...others]: readonly number[], result: Result): void {
  if (first === undefined || first === 0 || others.includes(first)) return;
  const present = others.filter((ref) => ref !== 0);
  const size = memberCount(db, first);
  const lookups = Math.floor((size * (present.length + 1)) / 2);
  const moves = present.reduce((sum, ref) => sum + memberCount(db, ref), size);
  if (lookups > moves) {
    forEachMember(db, first, (member) => result.add(member));
    result.removeAll((visit) => present.forEach((ref) => forEachMember(db, ref, visit)));
    return;
  }
  // The larger a set, the likelier it is to have the member.
  present.sort((a, b) => memberCount(db, b) - memberCount(db, a));
  forEachMember(db, first, (member) => {
    if (!present.some((ref) => hasMember(db, ref, member))) result.add(member);
  });
}

type Operation = typeof unite;

const replying = (operate: Operation): Handler => (context, args, reply) => {
  const refs = findSets(context, args, 1, args.count - 1);
  const result = new Result(context, args.slice(1));
  operate(context.db, refs, result);
  result.replyTo(reply);
};

const storing = (operate: Operation, event: string): Handler => (context, args, reply) => {
  const refs = findSets(context, args, 2, args.count - 1);
  const result = new Result(context, args.slice(1));
  operate(context.db, refs, result);
  reply.integer(result.store(context, event));
};

const RECORD = { categories: ['set'], routing: 'one_shard', group: 'set' } as const;
const ANY_ORDER = ['nondeterministic_output_order'] as const;
const OF_SMALLEST = 'O(N*M) worst case where N is the cardinality of the smallest set and M is the number of sets.';
const OF_TOTAL = 'O(N) where N is the total number of elements in all given sets.';
const SOURCES = keyRange('RO access', 2);

export const setAlgebraCommands: readonly CommandSpec[] = [
  {
    name: 'sdiff', arity: -2, flags: ['readonly'], keys: keyRange('RO access'), ...RECORD, tips: ANY_ORDER,
    since: '1.0.0', complexity: OF_TOTAL, summary: 'Gives the members of a set that no other has.',
    syntax: 'key [key ...]', handler: replying(subtract),
  },
  {
    name: 'sdiffstore', arity: -3, flags: ['write', 'denyoom'], keys: [...oneKey('OW update'), ...SOURCES], ...RECORD,
    since: '1.0.0', complexity: OF_TOTAL, summary: 'Stores the members of a set that no other has.',
    syntax: 'destination key [key ...]', handler: storing(subtract, 'sdiffstore'),
  },
  {
    name: 'sinter', arity: -2, flags: ['readonly'], keys: keyRange('RO access'), ...RECORD, tips: ANY_ORDER,
    since: '1.0.0', complexity: OF_SMALLEST, summary: 'Gives the members that all sets have.', syntax: 'key [key ...]',
    handler: sinter,
  },
  {
    name: 'sintercard', arity: -3, flags: ['readonly', 'movablekeys'],
    keys: [{ flags: 'RO access', begin: 1, find: { count: 0, first: 1, step: 1 } }], ...RECORD, since: '7.0.0',
    complexity: OF_SMALLEST, summary: 'Counts the members that all sets have.',
    syntax: 'numkeys key [key ...] [LIMIT limit]', handler: sintercard,
  },
  {
    name: 'sinterstore', arity: -3, flags: ['write', 'denyoom'], keys: [...oneKey('RW update'), ...SOURCES], ...RECORD,
    since: '1.0.0', complexity: OF_SMALLEST, summary: 'Stores the members that all sets have.',
    syntax: 'destination key [key ...]', handler: sinterstore,
  },
  {
    name: 'sunion', arity: -2, flags: ['readonly'], keys: keyRange('RO access'), ...RECORD, tips: ANY_ORDER,
    since: '1.0.0', complexity: OF_TOTAL, summary: 'Gives the members that any of the sets has.',
    syntax: 'key [key ...]', handler: replying(unite),
  },
  {
    name: 'sunionstore', arity: -3, flags: ['write', 'denyoom'], keys: [...oneKey('OW update'), ...SOURCES], ...RECORD,
    since: '1.0.0', complexity: OF_TOTAL, summary: 'Stores the members that any of the sets has.',
    syntax: 'destination key [key ...]', handler: storing(unite, 'sunionstore'),
  },
];

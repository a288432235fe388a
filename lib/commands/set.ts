/**
 * The set commands over single members. Those that draw members at random or walk over them are in set-walk.ts, those
 * that work out a set from others in set-algebra.ts.
 */
import type { Context } from './context.js';
import { findAnyForWrite, findForRead, findForWrite } from './lookup.js';
import type { CommandSpec, Handler } from './spec.js';
import { oneKey } from './spec.js';
import { wrongType } from '../errors.js';
import { SET, entryType } from '../store/entry.js';
import {
  addMember, createSet, forEachMember, hasMember, memberCount, removeMember, settleSet,
} from '../store/set-value.js';
import type { Slice } from '../util/bytes.js';

// ---- reading

const scard: Handler = (context, args, reply) => {
  const ref = findForRead(context, args.slice(1), SET);
  reply.integer(ref === 0 ? 0 : memberCount(context.db, ref));
};

const sismember: Handler = (context, args, reply) => {
  const ref = findForRead(context, args.slice(1), SET);
  reply.integer(ref !== 0 && hasMember(context.db, ref, args.slice(2)) ? 1 : 0);
};

const smismember: Handler = (context, args, reply) => {
  const ref = findForRead(context, args.slice(1), SET);
  reply.array(args.count - 2);
  for (let index = 2; index < args.count; index++) {
    reply.integer(ref !== 0 && hasMember(context.db, ref, args.slice(index)) ? 1 : 0);
  }
};

const smembers: Handler = (context, args, reply) => {
  const ref = findForRead(context, args.slice(1), SET);
  if (ref === 0) return reply.set(0);
  reply.set(memberCount(context.db, ref));
  forEachMember(context.db, ref, (member) => reply.slice(member));
};

// ---- changing

const sadd: Handler = (context, args, reply) => {
  const { db } = context;
  const key = args.slice(1);
  let ref = findForWrite(context, key, SET);
  if (ref === 0) ref = createSet(db, key, args.slice(2), args.count - 2);
  const before = memberCount(db, ref);
  for (let index = 2; index < args.count; index++) ref = addMember(db, key, ref, args.slice(index));
  const added = memberCount(db, ref) - before;
  if (added > 0) context.changed(key, 's', 'sadd');
  reply.integer(added);
};

const srem: Handler = (context, args, reply) => {
  const { db } = context;
  const key = args.slice(1);
  const ref = findForWrite(context, key, SET);
  if (ref === 0) return reply.integer(0);
  let removed = 0;
  for (let index = 2; index < args.count; index++) if (removeMember(db, ref, args.slice(index))) removed++;
  if (removed > 0) finishRemoval(context, key, ref, 'srem');
  reply.integer(removed);
};

/** After members were taken out: removes a set that is empty now, and says what happened. */
export function finishRemoval(context: Context, key: Slice, ref: number, event: string): void {
  const isGone = settleSet(context.db, key, ref) === 0;
  context.changed(key, 's', event);
  if (isGone) context.changed(key, 'g', 'del');
}

/** A missing source is answered before the destination's type is checked. */
const smove: Handler = (context, args, reply) => {
  const { db, store } = context;
  const source = args.slice(1);
  const destination = args.slice(2);
  const member = args.slice(3);
  const from = findAnyForWrite(context, source);
  const to = findAnyForWrite(context, destination);
  if (from === 0) return reply.integer(0);
  if (entryType(store.arena, from) !== SET) throw wrongType();
  if (to !== 0 && entryType(store.arena, to) !== SET) throw wrongType();
  if (from === to) return reply.integer(hasMember(db, from, member) ? 1 : 0);
  if (!hasMember(db, from, member)) return reply.integer(0);
  // There first: when there is no room for it, it stays here.
  const target = to === 0 ? createSet(db, destination, member, 1) : to;
  const before = memberCount(db, target);
  const isNew = memberCount(db, addMember(db, destination, target, member)) > before;
  removeMember(db, from, member);
  finishRemoval(context, source, from, 'srem');
  if (isNew) context.changed(destination, 's', 'sadd');
  reply.integer(1);
};

const RECORD = { categories: ['set'], routing: 'one_shard', group: 'set' } as const;
const SEVERAL_MEMBERS = [['2.4.0', 'Accepts multiple `member` arguments.']] as const;

export const setCommands: readonly CommandSpec[] = [
  {
    name: 'sadd', arity: -3, flags: ['write', 'denyoom', 'fast'], keys: oneKey('RW insert'), ...RECORD, since: '1.0.0',
    complexity: 'O(1) for each element added, so O(N) to add N elements when the command is called with multiple arguments.',
    summary: 'Adds members, and creates the set when there is none.', syntax: 'key member [member ...]',
    history: SEVERAL_MEMBERS, handler: sadd,
  },
  {
    name: 'scard', arity: 2, flags: ['readonly', 'fast'], keys: oneKey('RO'), ...RECORD, since: '1.0.0',
    complexity: 'O(1)', summary: 'Counts the members.', syntax: 'key', handler: scard,
  },
  {
    name: 'sismember', arity: 3, flags: ['readonly', 'fast'], keys: oneKey('RO'), ...RECORD, since: '1.0.0',
    complexity: 'O(1)', summary: 'Tells whether a set has a member.', syntax: 'key member', handler: sismember,
  },
  {
    name: 'smembers', arity: 2, flags: ['readonly'], keys: oneKey('RO access'), ...RECORD,
    tips: ['nondeterministic_output_order'], since: '1.0.0', complexity: 'O(N) where N is the set cardinality.',
    summary: 'Gives all members.', syntax: 'key', handler: smembers,
  },
  {
    name: 'smismember', arity: -3, flags: ['readonly', 'fast'], keys: oneKey('RO access'), ...RECORD, since: '6.2.0',
    complexity: 'O(N) where N is the number of elements being checked for membership',
    summary: 'Tells for each of several members whether a set has it.', syntax: 'key member [member ...]',
    handler: smismember,
  },
  {
    name: 'smove', arity: 4, flags: ['write', 'fast'], keys: [...oneKey('RW access delete'), ...oneKey('RW insert', 2)],
    ...RECORD, since: '1.0.0', complexity: 'O(1)', summary: 'Moves a member from one set to another.',
    syntax: 'source destination member', handler: smove,
  },
  {
    name: 'srem', arity: -3, flags: ['write', 'fast'], keys: oneKey('RW delete'), ...RECORD, since: '1.0.0',
    complexity: 'O(N) where N is the number of members to be removed.',
    summary: 'Removes members, and with the last one the set.', syntax: 'key member [member ...]',
    history: SEVERAL_MEMBERS, handler: srem,
  },
];

/**
 * The commands about when fields of hashes expire: HEXPIRE, HTTL, HPERSIST and their like. They came with Redis 7.4, so
 * redis-server 7.0 has none of them. Those that read or set fields at the same time are in hash-with-expiry.ts.
 */
import { MILLISECONDS, SECONDS, type TimeUnit, UNIX_MILLISECONDS, UNIX_SECONDS } from './arguments.js';
import { tellEntryDeleted } from './bucket-lines.js';
import { readFieldMoment, readFields } from './hash-expiry-arguments.js';
import type { Context } from './context.js';
import { findForRead, findForWrite } from './lookup.js';
import type { CommandSpec, Handler } from './spec.js';
import { oneKey } from './spec.js';
import { numfieldsNotPositive, numfieldsTooSmall } from '../errors.js';
import type { Args } from '../protocol/args.js';
import type { ReplyWriter } from '../protocol/reply-writer.js';
import { HASH } from '../store/entry.js';
import { deleteField, fieldExpiry, setFieldExpiry, settleHash, showAsExpiring } from '../store/hash-value.js';
import type { Keyspace } from '../store/keyspace.js';
import type { Slice } from '../util/bytes.js';

/** What HEXPIRE, HTTL and HPERSIST reply for a field. */
const NO_FIELD = -2;
const NO_EXPIRY = -1;
const NOT_TAKEN = 0;
const TAKEN = 1;
const DELETED = 2;

/** A moment that has passed, or that is now, deletes. */
export function isOver(db: Keyspace, expiresAtMs: number): boolean {
  return expiresAtMs <= db.store.nowMs;
}

/** When a field expires; 0 for never, -1 when it is not there, or its time has come. */
function liveExpiry(db: Keyspace, ref: number, field: Slice): number {
  const moment = fieldExpiry(db, ref, field);
  return moment > 0 && isOver(db, moment) ? -1 : moment;
}

type Condition = 'NX' | 'XX' | 'GT' | 'LT';
const CONDITIONS: readonly Condition[] = ['NX', 'XX', 'GT', 'LT'];

/** Whether a moment is taken in the place of `current`, which is 0 for a field that does not expire. */
function allows(condition: Condition | undefined, current: number, moment: number): boolean {
  switch (condition) {
    case undefined:
      return true;
    case 'NX':
      return current === 0;
    case 'XX':
      return current > 0;
    case 'GT':
      return current > 0 && moment > current;
    case 'LT':
      return current === 0 || moment < current;
  }
}

/** HEXPIRE and its like. An array: 1 for a field that has the new moment, 2 when that has passed and deleted it. */
function expireHandler(unit: TimeUnit, command: string): Handler {
  return (context, args, reply) => {
    const { db } = context;
    const key = args.slice(1);
    let ref = findForWrite(context, key, HASH);
    const moment = readFieldMoment(args, 2, unit, db.store.nowMs, command);
    const condition = CONDITIONS.find((each) => args.is(3, each));
    const first = readFields(args, condition === undefined ? 3 : 4, numfieldsTooSmall);
    if (ref === 0) return replyForAll(reply, args, first, NO_FIELD);
    showAsExpiring(db, ref);
    const changed: Slice[] = [];
    reply.array(args.count - first);
    for (let index = first; index < args.count; index++) {
      const field = args.slice(index);
      const current = liveExpiry(db, ref, field);
      if (current < 0) reply.integer(NO_FIELD);
      else if (!allows(condition, current, moment)) reply.integer(NOT_TAKEN);
      else if (isOver(db, moment)) {
        deleteField(db, ref, field);
        tellEntryDeleted(context, key, field);
        changed.push(field);
        reply.integer(DELETED);
      } else {
        ref = setFieldExpiry(db, key, ref, field, moment);
        changed.push(field);
        reply.integer(TAKEN);
      }
    }
    if (changed.length === 0) return;
    context.changed(key, 'h', isOver(db, moment) ? 'hdel' : 'hexpire');
    recordExpiry(context, key, changed, moment);
    settleAfter(context, key, ref);
  };
}

/** Has the append log record fields that expire at a moment, or are deleted because it has passed. */
export function recordExpiry(context: Context, key: Slice, fields: readonly Slice[], moment: number): void {
  if (isOver(context.db, moment)) context.recordAs('HDEL', key, ...fields);
  else context.recordAs('HPEXPIREAT', key, String(moment), 'FIELDS', String(fields.length), ...fields);
}

function replyForAll(reply: ReplyWriter, args: Args, first: number, value: number): void {
  reply.array(args.count - first);
  for (let index = first; index < args.count; index++) reply.integer(value);
}

/** Removes the hash when its last field has gone, and says so. */
export function settleAfter(context: Context, key: Slice, ref: number): void {
  if (settleHash(context.db, key, ref) === 0) context.changed(key, 'g', 'del');
}

/** HTTL and its like: an array of the spans that are left or, with `isSpan` false, of moments; seconds rounded up. */
function ttlHandler(unit: TimeUnit): Handler {
  return (context, args, reply) => {
    const { db } = context;
    const ref = findForRead(context, args.slice(1), HASH);
    const first = readFields(args, 2, numfieldsNotPositive);
    if (ref === 0) return replyForAll(reply, args, first, NO_FIELD);
    reply.array(args.count - first);
    for (let index = first; index < args.count; index++) {
      const moment = liveExpiry(db, ref, args.slice(index));
      if (moment < 0) reply.integer(NO_FIELD);
      else if (moment === 0) reply.integer(NO_EXPIRY);
      else reply.integer(Math.ceil((moment - (unit.isSpan ? db.store.nowMs : 0)) / unit.ms));
    }
  };
}

/** An array: 1 for a field that does not expire any more, -1 for one that did not. */
const hpersist: Handler = (context, args, reply) => {
  const { db } = context;
  const key = args.slice(1);
  let ref = findForWrite(context, key, HASH);
  const first = readFields(args, 2, numfieldsNotPositive);
  if (ref === 0) return replyForAll(reply, args, first, NO_FIELD);
  let isChanged = false;
  reply.array(args.count - first);
  for (let index = first; index < args.count; index++) {
    const field = args.slice(index);
    const current = liveExpiry(db, ref, field);
    if (current < 0) reply.integer(NO_FIELD);
    else if (current === 0) reply.integer(NO_EXPIRY);
    else {
      ref = setFieldExpiry(db, key, ref, field, 0);
      isChanged = true;
      reply.integer(TAKEN);
    }
  }
  if (isChanged) context.changed(key, 'h', 'hpersist');
};

const RECORD = {
  categories: ['hash'], routing: 'one_shard', group: 'hash', since: '7.4.0',
  complexity: 'O(N) where N is the number of specified fields',
} as const;
const SETTER = { ...RECORD, arity: -6, flags: ['write', 'fast'], keys: oneKey('RW update') } as const;
const GETTER = {
  ...RECORD, arity: -5, flags: ['readonly', 'fast'], keys: oneKey('RO access'),
  syntax: 'key FIELDS numfields field [field ...]',
} as const;
const SPAN_GETTER = { ...GETTER, tips: ['nondeterministic_output'] } as const;
const FIELDS = '[NX|XX|GT|LT] FIELDS numfields field [field ...]';

export const hashExpireCommands: readonly CommandSpec[] = [
  {
    name: 'hexpire', ...SETTER, summary: 'Sets how long fields live, in seconds.', syntax: `key seconds ${FIELDS}`,
    handler: expireHandler(SECONDS, 'hexpire'),
  },
  {
    name: 'hpexpire', ...SETTER, summary: 'Sets how long fields live, in milliseconds.',
    syntax: `key milliseconds ${FIELDS}`, handler: expireHandler(MILLISECONDS, 'hpexpire'),
  },
  {
    name: 'hexpireat', ...SETTER, summary: 'Sets when fields expire, in seconds since 1970.',
    syntax: `key unix-time-seconds ${FIELDS}`, handler: expireHandler(UNIX_SECONDS, 'hexpireat'),
  },
  {
    name: 'hpexpireat', ...SETTER, summary: 'Sets when fields expire, in milliseconds since 1970.',
    syntax: `key unix-time-milliseconds ${FIELDS}`, handler: expireHandler(UNIX_MILLISECONDS, 'hpexpireat'),
  },
  { name: 'httl', ...SPAN_GETTER, summary: 'Gives how long fields have to live, in seconds.', handler: ttlHandler(SECONDS) },
  {
    name: 'hpttl', ...SPAN_GETTER, summary: 'Gives how long fields have to live, in milliseconds.',
    handler: ttlHandler(MILLISECONDS),
  },
  {
    name: 'hexpiretime', ...GETTER, summary: 'Gives when fields expire, in seconds since 1970.',
    handler: ttlHandler(UNIX_SECONDS),
  },
  {
    name: 'hpexpiretime', ...GETTER, summary: 'Gives when fields expire, in milliseconds since 1970.',
    handler: ttlHandler(UNIX_MILLISECONDS),
  },
  {
    name: 'hpersist', ...RECORD, arity: -5, flags: ['write', 'fast'], keys: oneKey('RW update'),
    summary: 'Lets fields live as long as their hash.', syntax: 'key FIELDS numfields field [field ...]', handler: hpersist,
  },
];

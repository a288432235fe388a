/**
 * HGETDEL, HGETEX and HSETEX, which came with Redis 8.0: they read or set fields, and in the same step delete them or
 * set when they expire. Texts and the order of checks are those of redis's t_hash.c.
 */
import { readTimeUnit } from './arguments.js';
import { tellEntryDeleted, tellEntrySet } from './bucket-lines.js';
import type { Context } from './context.js';
import { isOver, recordExpiry, settleAfter } from './hash-expire.js';
import { readFieldMoment, readFields, readFieldsWithValues } from './hash-expiry-arguments.js';
import { findForWrite } from './lookup.js';
import type { CommandSpec, Handler } from './spec.js';
import { oneKey } from './spec.js';
import {
  fieldConditionsExclude, fieldTimeMissing, fieldTimesExclude, numfieldsInvalid, numfieldsNotPositive, unknownArgument,
} from '../errors.js';
import type { Args } from '../protocol/args.js';
import type { ReplyWriter } from '../protocol/reply-writer.js';
import { HASH } from '../store/entry.js';
import {
  createHash, deleteField, fieldExpiry, getField, setField, setFieldExpiry, showAsExpiring, updateField,
} from '../store/hash-value.js';
import { Slice } from '../util/bytes.js';

const found = new Slice();

function replyWithNils(reply: ReplyWriter, count: number): void {
  reply.array(count);
  for (let left = count; left > 0; left--) reply.nil();
}

/** The values, as HMGET gives them; the fields are deleted, and with the last the hash. */
const hgetdel: Handler = (context, args, reply) => {
  const { db } = context;
  const key = args.slice(1);
  const ref = findForWrite(context, key, HASH);
  const first = readFields(args, 2, numfieldsNotPositive);
  if (ref === 0) return replyWithNils(reply, args.count - first);
  const deleted: Slice[] = [];
  reply.array(args.count - first);
  for (let index = first; index < args.count; index++) {
    const field = args.slice(index);
    if (!getField(db, ref, field, found)) reply.nil();
    else {
      reply.slice(found);
      deleteField(db, ref, field);
      tellEntryDeleted(context, key, field);
      deleted.push(field);
    }
  }
  if (deleted.length === 0) return;
  context.changed(key, 'h', 'hdel');
  context.recordAs('HDEL', key, ...deleted);
  settleAfter(context, key, ref);
};

/** The values, as HMGET gives them; the fields that are there get the new expiry, or lose theirs. */
const hgetex: Handler = (context, args, reply) => {
  const { db } = context;
  const key = args.slice(1);
  let ref = findForWrite(context, key, HASH);
  const unit = readTimeUnit(args, 2);
  const persists = args.is(2, 'PERSIST');
  const moment = unit === undefined ? 0 : readFieldMoment(args, 3, unit, db.store.nowMs, 'hgetex');
  const first = readFields(args, unit === undefined ? (persists ? 3 : 2) : 4, numfieldsNotPositive);
  if (ref === 0) return replyWithNils(reply, args.count - first);
  if (unit !== undefined || persists) showAsExpiring(db, ref);
  const isPast = unit !== undefined && isOver(db, moment);
  const changed: Slice[] = [];
  reply.array(args.count - first);
  for (let index = first; index < args.count; index++) {
    const field = args.slice(index);
    if (!getField(db, ref, field, found)) {
      reply.nil();
      continue;
    }
    reply.slice(found);
    if (unit === undefined && (!persists || fieldExpiry(db, ref, field) === 0)) continue;
    changed.push(field);
    if (isPast) {
      deleteField(db, ref, field);
      tellEntryDeleted(context, key, field);
    } else ref = setFieldExpiry(db, key, ref, field, moment);
  }
  if (changed.length === 0) return;
  context.changed(key, 'h', isPast ? 'hdel' : persists ? 'hpersist' : 'hexpire');
  if (persists) context.recordAs('HPERSIST', key, 'FIELDS', String(changed.length), ...changed);
  else recordExpiry(context, key, changed, moment);
  if (isPast) settleAfter(context, key, ref);
};

interface SetOptions {
  /** FNX: none of the fields may be there; FXX: all must. */
  condition: 'none' | 'all' | undefined;
  keepsExpiry: boolean;
  /** When the fields expire; undefined for never. */
  moment: number | undefined;
  /** The index of the first field. */
  first: number;
}

function readSetOptions(args: Args, nowMs: number): SetOptions {
  const options: SetOptions = { condition: undefined, keepsExpiry: false, moment: undefined, first: 0 };
  for (let index = 2; index < args.count; index++) {
    const unit = readTimeUnit(args, index);
    if (args.is(index, 'FIELDS')) {
      options.first = readFieldsWithValues(args, index, 'hsetex', numfieldsInvalid);
      return options;
    }
    if (unit !== undefined) {
      if (options.keepsExpiry || options.moment !== undefined) throw fieldTimesExclude();
      if (++index === args.count) throw fieldTimeMissing();
      options.moment = readFieldMoment(args, index, unit, nowMs, 'hsetex');
    } else if (args.is(index, 'KEEPTTL')) {
      if (options.keepsExpiry || options.moment !== undefined) throw fieldTimesExclude();
      options.keepsExpiry = true;
    } else if (args.is(index, 'FXX') || args.is(index, 'FNX')) {
      if (options.condition !== undefined) throw fieldConditionsExclude();
      options.condition = args.is(index, 'FXX') ? 'all' : 'none';
    } else throw unknownArgument(args.text(index));
  }
  // Redis asserts that it does not come here: it would end the server.
  throw numfieldsInvalid();
}

/** 1 when all fields were set, 0 when none was, because of FNX or FXX. */
const hsetex: Handler = (context, args, reply) => {
  const options = readSetOptions(args, context.store.nowMs);
  const key = args.slice(1);
  const ref = findForWrite(context, key, HASH);
  if (!isAllowed(context, ref, args, options)) return reply.integer(0);
  setFields(context, key, ref === 0 ? createHash(context.db, key) : ref, args, options);
  reply.integer(1);
};

function isAllowed({ db }: Context, ref: number, args: Args, { condition, first }: SetOptions): boolean {
  if (condition === undefined) return true;
  for (let index = first; index < args.count; index += 2) {
    const isThere = ref !== 0 && getField(db, ref, args.slice(index), found);
    if (isThere !== (condition === 'all')) return false;
  }
  return true;
}

function setFields(context: Context, key: Slice, ref: number, args: Args, options: SetOptions): void {
  const { db } = context;
  const { moment, keepsExpiry, first } = options;
  let kept = ref;
  const isPast = moment !== undefined && isOver(db, moment);
  if (moment !== undefined) showAsExpiring(db, ref);
  for (let index = first; index < args.count; index += 2) {
    const field = args.slice(index);
    const value = args.slice(index + 1);
    kept = keepsExpiry ? updateField(db, key, kept, field, value) : setField(db, key, kept, field, value);
    tellEntrySet(context, key, field, value);
    if (isPast) {
      deleteField(db, kept, field);
      tellEntryDeleted(context, key, field);
    } else if (moment !== undefined) kept = setFieldExpiry(db, key, kept, field, moment);
  }
  context.changed(key, 'h', 'hset');
  if (moment !== undefined) context.changed(key, 'h', isPast ? 'hdel' : 'hexpire');
  recordSet(context, key, args, options);
  if (isPast) settleAfter(context, key, kept);
}

/** As it came, but for what counts from now on, and without a condition: that was met. */
function recordSet(context: Context, key: Slice, args: Args, { moment, keepsExpiry, first }: SetOptions): void {
  if (!context.node.propagation.isOn) return;
  const words = Array.from({ length: args.count - first }, (_, index) => args.slice(first + index));
  if (moment !== undefined && isOver(context.db, moment)) {
    return context.recordAs('HDEL', key, ...words.filter((_, index) => index % 2 === 0));
  }
  const how = moment === undefined ? (keepsExpiry ? ['KEEPTTL'] : []) : ['PXAT', String(moment)];
  context.recordAs('HSETEX', key, ...how, 'FIELDS', String(words.length / 2), ...words);
}

const RECORD = { categories: ['hash'], routing: 'one_shard', group: 'hash', since: '8.0.0' } as const;

export const hashWithExpiryCommands: readonly CommandSpec[] = [
  {
    name: 'hgetdel', ...RECORD, arity: -5, flags: ['write', 'fast'], keys: oneKey('RW access delete'),
    complexity: 'O(N) where N is the number of specified fields', summary: 'Gives the values of fields, and deletes them.',
    syntax: 'key FIELDS numfields field [field ...]', handler: hgetdel,
  },
  {
    name: 'hgetex', ...RECORD, arity: -5, flags: ['write', 'fast'],
    keys: oneKey('RW access update', 1, 'RW and UPDATE because it changes the TTL'),
    complexity: 'O(N) where N is the number of specified fields',
    summary: 'Gives the values of fields, and sets when they expire.',
    syntax:
      'key [EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT unix-time-milliseconds|PERSIST] ' +
      'FIELDS numfields field [field ...]',
    handler: hgetex,
  },
  {
    name: 'hsetex', ...RECORD, arity: -6, flags: ['write', 'denyoom', 'fast'], keys: oneKey('RW update'),
    complexity: 'O(N) where N is the number of fields being set.',
    summary: 'Sets fields, and when they expire.',
    syntax:
      'key [FNX|FXX] [EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT unix-time-milliseconds|KEEPTTL] ' +
      'FIELDS numfields field value [field value ...]',
    handler: hsetex,
  },
];

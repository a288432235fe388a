/** The commands about when buckets expire. */
import { MILLISECONDS, SECONDS, type TimeUnit, UNIX_MILLISECONDS, UNIX_SECONDS, momentText, readMoment } from './arguments.js';
import type { Context } from './context.js';
import { findAnyForWrite, peekForRead } from './lookup.js';
import type { CommandSpec, Handler } from './spec.js';
import { oneKey } from './spec.js';
import { conditionsExclude, gtExcludesLt, unsupportedOption } from '../errors.js';
import type { Args } from '../protocol/args.js';
import { HAS_EXPIRY, exactExpiryOf, expiryOf, hasFlag, setExactExpiry } from '../store/entry.js';
import type { Slice } from '../util/bytes.js';
import { narrow } from '../util/numbers.js';

/** When a new expiry is taken. A bucket that does not expire counts as one that lives for ever. */
interface Condition {
  onlyFirst: boolean;
  onlyLater: boolean;
  onlySooner: boolean;
  onlyRenewed: boolean;
}

/** NX, XX, GT and LT from argument 3 on. Source: parseExtendedExpireArgumentsOrReply() in redis's expire.c. */
function readCondition(args: Args): Condition {
  const condition = { onlyFirst: false, onlyRenewed: false, onlyLater: false, onlySooner: false };
  for (let i = 3; i < args.count; i++) {
    if (args.is(i, 'NX')) condition.onlyFirst = true;
    else if (args.is(i, 'XX')) condition.onlyRenewed = true;
    else if (args.is(i, 'GT')) condition.onlyLater = true;
    else if (args.is(i, 'LT')) condition.onlySooner = true;
    else throw unsupportedOption(args.text(i));
  }
  const { onlyFirst, onlyRenewed, onlyLater, onlySooner } = condition;
  if (onlyFirst && (onlyRenewed || onlyLater || onlySooner)) throw conditionsExclude();
  if (onlyLater && onlySooner) throw gtExcludesLt();
  return condition;
}

function allows(condition: Condition, current: number | bigint | undefined, moment: number | bigint): boolean {
  if (current === undefined) return !condition.onlyRenewed && !condition.onlyLater;
  if (condition.onlyFirst) return false;
  if (condition.onlyLater) return moment > current;
  return !condition.onlySooner || moment < current;
}

/** When an entry expires, exactly; undefined for never. */
function expiryIfAny(context: Context, ref: number): number | bigint | undefined {
  const { arena } = context.store;
  if (!hasFlag(arena, ref, HAS_EXPIRY)) return undefined;
  const moment = expiryOf(arena, ref);
  return Number.isSafeInteger(moment) ? moment : narrow(exactExpiryOf(arena, ref));
}

function setMoment(context: Context, key: Slice, ref: number, moment: number | bigint): void {
  const expiring = context.db.expireAt(key, ref, Number(moment));
  if (typeof moment === 'bigint') setExactExpiry(context.store.arena, expiring, moment);
}

/** EXPIRE and its like. A moment that has passed deletes the bucket. */
function expireHandler(unit: TimeUnit, command: string): Handler {
  return (context, args, reply) => {
    const condition = readCondition(args);
    const { nowMs } = context.store;
    const moment = readMoment(args, 2, unit, nowMs, command);
    const key = args.slice(1);
    const ref = findAnyForWrite(context, key);
    if (ref === 0 || !allows(condition, expiryIfAny(context, ref), moment)) return reply.integer(0);
    if (moment <= nowMs) {
      context.db.remove(key, ref);
      context.recordAs('DEL', key);
      context.changed(key, 'g', 'del');
    } else {
      setMoment(context, key, ref, moment);
      context.recordAs('PEXPIREAT', key, momentText(moment));
      context.changed(key, 'g', 'expire');
    }
    reply.integer(1);
  };
}

const NO_BUCKET = -2;
const NO_EXPIRY = -1;

/** TTL and its like: the span that is left or, with `isSpan` false, the moment. */
function ttlHandler(unit: TimeUnit): Handler {
  return (context, args, reply) => {
    const ref = peekForRead(context, args.slice(1));
    if (ref === 0) return reply.integer(NO_BUCKET);
    const moment = expiryIfAny(context, ref);
    if (moment === undefined) return reply.integer(NO_EXPIRY);
    reply.integer(inUnit(moment, unit, context.store.nowMs));
  };
}

function inUnit(moment: number | bigint, unit: TimeUnit, nowMs: number): number | bigint {
  const fromMs = unit.isSpan ? nowMs : 0;
  if (typeof moment === 'number') {
    const ms = Math.max(0, moment - fromMs);
    return unit.ms === 1 ? ms : Math.floor((ms + 500) / 1000);
  }
  const ms = moment - BigInt(fromMs);
  return unit.ms === 1 ? ms : (ms + 500n) / 1000n;
}

const persist: Handler = (context, args, reply) => {
  const key = args.slice(1);
  const ref = findAnyForWrite(context, key);
  if (ref === 0 || !hasFlag(context.store.arena, ref, HAS_EXPIRY)) return reply.integer(0);
  context.db.expireAt(key, ref, 0);
  context.changed(key, 'g', 'persist');
  reply.integer(1);
};

const RECORD = { categories: ['keyspace'], routing: 'one_shard', group: 'generic', complexity: 'O(1)' } as const;

const SETTER = {
  ...RECORD, arity: -3, flags: ['write', 'fast'], keys: oneKey('RW update'),
  history: [['7.0.0', 'Added options: `NX`, `XX`, `GT` and `LT`.']],
} as const;

const GETTER = { ...RECORD, arity: 2, flags: ['readonly', 'fast'], keys: oneKey('RO access'), syntax: 'key' } as const;

const SPAN_GETTER = {
  ...GETTER, tips: ['nondeterministic_output'], history: [['2.8.0', 'Added the -2 reply.']],
} as const;

export const genericExpireCommands: readonly CommandSpec[] = [
  {
    name: 'expire', ...SETTER, since: '1.0.0', summary: 'Sets how long a bucket lives, in seconds.',
    syntax: 'key seconds [NX|XX|GT|LT]', handler: expireHandler(SECONDS, 'expire'),
  },
  {
    name: 'pexpire', ...SETTER, since: '2.6.0', summary: 'Sets how long a bucket lives, in milliseconds.',
    syntax: 'key milliseconds [NX|XX|GT|LT]', handler: expireHandler(MILLISECONDS, 'pexpire'),
  },
  {
    name: 'expireat', ...SETTER, since: '1.2.0', summary: 'Sets when a bucket expires, in seconds since 1970.',
    syntax: 'key unix-time-seconds [NX|XX|GT|LT]', handler: expireHandler(UNIX_SECONDS, 'expireat'),
  },
  {
    name: 'pexpireat', ...SETTER, since: '2.6.0', summary: 'Sets when a bucket expires, in milliseconds since 1970.',
    syntax: 'key unix-time-milliseconds [NX|XX|GT|LT]', handler: expireHandler(UNIX_MILLISECONDS, 'pexpireat'),
  },
  {
    name: 'ttl', ...SPAN_GETTER, since: '1.0.0', summary: 'Gives how long a bucket has to live, in seconds.',
    handler: ttlHandler(SECONDS),
  },
  {
    name: 'pttl', ...SPAN_GETTER, since: '2.6.0', summary: 'Gives how long a bucket has to live, in milliseconds.',
    handler: ttlHandler(MILLISECONDS),
  },
  {
    name: 'expiretime', ...GETTER, since: '7.0.0', summary: 'Gives when a bucket expires, in seconds since 1970.',
    handler: ttlHandler(UNIX_SECONDS),
  },
  {
    name: 'pexpiretime', ...GETTER, since: '7.0.0', summary: 'Gives when a bucket expires, in milliseconds since 1970.',
    handler: ttlHandler(UNIX_MILLISECONDS),
  },
  {
    name: 'persist', ...RECORD, arity: 2, flags: ['write', 'fast'], keys: oneKey('RW update'), since: '2.2.0',
    summary: 'Lets a bucket live for ever.', syntax: 'key', handler: persist,
  },
];

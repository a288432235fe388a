/**
 * DUMP and RESTORE: a bucket's value as bytes, in redis-server's format, and back. The format is in lib/rdb/; MIGRATE,
 * which moves buckets by these two, is in migrate.ts.
 */
import { momentText, readExactInteger } from './arguments.js';
import type { Context } from './context.js';
import { findAnyForRead } from './lookup.js';
import { type CommandSpec, type Handler, oneKey } from './spec.js';
import { badDataFormat, badFrequency, badIdleTime, badPayload, badTtl, busyKey, syntaxError } from '../errors.js';
import type { Args } from '../protocol/args.js';
import { isPayload, readPayload, writePayload } from '../rdb/dump-payload.js';
import { RdbError } from '../rdb/rdb-error.js';
import { RdbOutput } from '../rdb/rdb-output.js';
import { setAccess } from '../store/entry.js';
import type { Keyspace } from '../store/keyspace.js';
import type { Slice } from '../util/bytes.js';

/** A bucket's payload, in a buffer of its own. */
export function payloadOf(context: Context, db: Keyspace, ref: number): Buffer {
  const output = new RdbOutput(context.node.settings.flag('rdbcompression'));
  writePayload(output, db, ref);
  return output.bytes.subarray(0, output.length);
}

const dump: Handler = (context, args, reply) => {
  const ref = findAnyForRead(context, args.slice(1));
  if (ref === 0) return reply.nil();
  reply.bulk(payloadOf(context, context.db, ref));
};

interface RestoreOptions {
  replaces: boolean;
  isAbsolute: boolean;
  /** Seconds without use; undefined when it is not said. */
  idleSeconds: number | undefined;
  frequency: number | undefined;
}

/** Throws syntaxError(), notAnInteger(), badIdleTime() and badFrequency(). */
function readRestoreOptions(args: Args): RestoreOptions {
  const options: RestoreOptions = { replaces: false, isAbsolute: false, idleSeconds: undefined, frequency: undefined };
  for (let i = 4; i < args.count; i++) {
    const hasMore = i + 1 < args.count;
    if (args.is(i, 'REPLACE')) options.replaces = true;
    else if (args.is(i, 'ABSTTL')) options.isAbsolute = true;
    else if (args.is(i, 'IDLETIME') && hasMore && options.frequency === undefined) {
      options.idleSeconds = Number(readExactInteger(args, ++i));
      if (options.idleSeconds < 0) throw badIdleTime();
    } else if (args.is(i, 'FREQ') && hasMore && options.idleSeconds === undefined) {
      options.frequency = Number(readExactInteger(args, ++i));
      if (options.frequency < 0 || options.frequency > 255) throw badFrequency();
    } else throw syntaxError();
  }
  return options;
}

/**
 * The moment that the ttl argument means, 0 for never. One beyond int64 wraps, as in redis-server, and is long past.
 * Throws notAnInteger() and badTtl().
 */
function readTtl(context: Context, args: Args, isAbsolute: boolean): number {
  const ttl = readExactInteger(args, 2);
  if (ttl < 0) throw badTtl();
  if (ttl === 0 || isAbsolute) return Number(ttl);
  return Number(BigInt.asIntN(64, BigInt(ttl) + BigInt(context.store.nowMs)));
}

/** Source: restoreCommand() in redis's cluster.c, also for the order in which things are checked. */
const restore: Handler = (context, args, reply) => {
  const { db, store } = context;
  const key = args.slice(1);
  const options = readRestoreOptions(args);
  const taken = db.find(key);
  if (taken !== 0 && !options.replaces) throw busyKey();
  const expiresAtMs = readTtl(context, args, options.isAbsolute);
  const built = build(store.workbench, key, args.slice(3));
  if (expiresAtMs !== 0 && expiresAtMs <= store.nowMs) {
    store.workbench.remove(key, built);
    if (taken !== 0) {
      db.remove(key, taken);
      context.recordAs('DEL', key);
      context.changed(key, 'g', 'del');
    }
    return reply.ok();
  }
  const ref = store.workbench.expireAt(key, built, expiresAtMs);
  db.makeRoomFor(key.hash, ref);
  // A bucket of its own, whatever was there: its expiry and its use begin anew.
  if (taken !== 0) db.remove(key, taken);
  db.takeOver(key, 0, ref);
  noteUse(context, ref, options);
  if (expiresAtMs !== 0) context.recordAs('RESTORE', key, momentText(expiresAtMs), args.slice(3), 'REPLACE', 'ABSTTL');
  context.changed(key, 'g', 'restore');
  reply.ok();
};

/** Throws badPayload() and badDataFormat(). */
function build(workbench: Keyspace, key: Slice, payload: Slice): number {
  if (!isPayload(payload)) throw badPayload();
  try {
    return readPayload(payload, workbench, key);
  } catch (error) {
    if (error instanceof RdbError) throw badDataFormat();
    throw error;
  }
}

/** What is said in the unit in which use is not kept is passed over, as in redis-server. */
function noteUse({ store }: Context, ref: number, { idleSeconds, frequency }: RestoreOptions): void {
  const { access, arena } = store;
  if (frequency !== undefined && access.isByFrequency) setAccess(arena, ref, access.usedOften(frequency));
  if (idleSeconds !== undefined && !access.isByFrequency) setAccess(arena, ref, access.usedBefore(idleSeconds));
}

const RECORD = {
  arity: -4, keys: oneKey('OW update'), categories: ['keyspace', 'dangerous'], routing: 'one_shard',
  complexity:
    'O(1) to create the new key and additional O(N*M) to reconstruct the serialized value, where N is the number of ' +
    'Redis objects composing the value and M their average size. For small string values the time complexity is thus ' +
    'O(1)+O(1*M) where M is small, so simply O(1). However for sorted set values the complexity is O(N*M*log(N)) because ' +
    'inserting values into sorted sets is O(log(N)).',
  history: [
    ['3.0.0', 'Added the `REPLACE` modifier.'],
    ['5.0.0', 'Added the `ABSTTL` modifier.'],
    ['5.0.0', 'Added the `IDLETIME` and `FREQ` options.'],
  ],
  syntax: 'key ttl:integer serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds:integer] [FREQ frequency:integer]',
  handler: restore,
} as const;

export const dumpCommands: readonly CommandSpec[] = [
  {
    name: 'dump', arity: 2, flags: ['readonly'], keys: oneKey('RO access'), categories: ['keyspace'],
    tips: ['nondeterministic_output'], routing: 'one_shard', group: 'generic', since: '2.6.0',
    complexity:
      'O(1) to access the key and additional O(N*M) to serialize it, where N is the number of Redis objects composing ' +
      'the value and M their average size. For small string values the time complexity is thus O(1)+O(1*M) where M is ' +
      'small, so simply O(1).',
    summary: 'Gives the value of a bucket as bytes that RESTORE takes, here and on redis-server.', syntax: 'key',
    handler: dump,
  },
  {
    name: 'restore', flags: ['write', 'denyoom'], ...RECORD, group: 'generic', since: '2.6.0',
    summary: 'Makes a bucket of the bytes that DUMP gave.',
  },
  {
    name: 'restore-asking', flags: ['write', 'denyoom', 'asking'], ...RECORD, group: 'server', since: '3.0.0',
    isSystem: true, summary: 'RESTORE as it is sent between nodes of a Redis Cluster.',
  },
];

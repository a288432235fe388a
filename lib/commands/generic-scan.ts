/** The commands that look at all buckets of a database: some at a time, by pattern, or one by chance. */
import { type ScanOptions, passes, readScanCursor, readScanOptions } from './scan-options.js';
import type { CommandSpec, Handler } from './spec.js';
import type { Args } from '../protocol/args.js';
import { CURSOR_END } from '../store/byte-table.js';
import { TYPE_NAMES, entryType, keySlice } from '../store/entry.js';
import type { Keyspace } from '../store/keyspace.js';
import type { ReplyWriter } from '../protocol/reply-writer.js';
import { Slice } from '../util/bytes.js';
import { matchesGlob } from '../util/glob.js';

/** A call of SCAN makes at most so many times COUNT steps, however few buckets it meets. */
const STEPS_PER_COUNT = 10;

interface Page {
  /** Where to go on; 0 at the end. */
  next: number;
  /** The entries of the buckets found. */
  refs: number[];
}

/**
 * The buckets from `cursor` on that get through `options` and are of type `type` (undefined: of any; a name that no
 * type has: none). Meets about `options.count` of them; those that have expired are removed.
 *
 * The cursor is the hash of the bucket to go on with, so it has 32 bits: see byte-table.ts for why every bucket that
 * stays is returned.
 */
function scanPage(db: Keyspace, cursor: number, options: ScanOptions, type: string | undefined): Page {
  const met: number[] = [];
  const collect = (ref: number): void => void met.push(ref);
  let next = cursor;
  let stepsLeft = options.count * STEPS_PER_COUNT;
  while (next < CURSOR_END && met.length < options.count && stepsLeft-- > 0) next = db.scan(next, collect);
  const { arena } = db.store;
  const key = new Slice();
  const refs = met.filter((ref) => {
    if (!passes(options, keySlice(arena, ref, key))) return false;
    if (type !== undefined && TYPE_NAMES[entryType(arena, ref)] !== type) return false;
    return !db.expire(ref);
  });
  return { next: next < CURSOR_END ? next : 0, refs };
}

function writeKeys(db: Keyspace, refs: readonly number[], reply: ReplyWriter): void {
  const key = new Slice();
  reply.array(refs.length);
  for (const ref of refs) reply.slice(keySlice(db.store.arena, ref, key));
}

const scan: Handler = (context, args, reply) => {
  // As redis-server does with its own, a cursor that has more bits than ours is cut.
  const cursor = Number(BigInt.asUintN(32, readScanCursor(args, 1)));
  let type: string | undefined;
  const options = readScanOptions(args, 2, (index) => {
    if (!args.is(index, 'TYPE') || index + 1 === args.count) return 0;
    type = args.text(index + 1).toLowerCase();
    return 2;
  });
  const page = scanPage(context.db, cursor, options, type);
  reply.array(2);
  reply.bulkText(String(page.next));
  writeKeys(context.db, page.refs, reply);
};

const STAR = 0x2a;

/** Expired buckets are left out but, as in redis-server, not removed. */
const keys: Handler = (context, args, reply) => {
  const { db } = context;
  const pattern = patternOf(args);
  const key = new Slice();
  const refs: number[] = [];
  const collect = (ref: number): void => {
    if (pattern !== undefined && !matchesGlob(pattern, keySlice(db.store.arena, ref, key))) return;
    if (!db.isExpired(ref)) refs.push(ref);
  };
  for (let cursor = 0; cursor < CURSOR_END; ) cursor = db.scan(cursor, collect);
  writeKeys(db, refs, reply);
};

/** Undefined for the pattern `*`. */
function patternOf(args: Args): Slice | undefined {
  const pattern = args.slice(1);
  return pattern.length === 1 && pattern.bytes[pattern.offset] === STAR ? undefined : pattern;
}

/** So many expired buckets are drawn and removed before RANDOMKEY gives up, so that it never stops the node. */
const DRAWS_MAX = 10_000;

const randomkey: Handler = (context, _args, reply) => {
  const { db } = context;
  for (let draw = 0; draw < DRAWS_MAX; draw++) {
    const ref = db.random();
    if (ref === 0) break;
    if (!db.expire(ref)) return reply.slice(keySlice(db.store.arena, ref, new Slice()));
  }
  reply.nil();
};

export const genericScanCommands: readonly CommandSpec[] = [
  {
    name: 'scan', arity: -2, flags: ['readonly'], categories: ['keyspace'], routing: 'special',
    tips: ['nondeterministic_output', 'request_policy:special'], group: 'generic', since: '2.8.0',
    complexity: 'O(1) for every call. O(N) for a complete iteration, including enough command calls for the cursor to return back to 0. N is the number of elements inside the collection.',
    summary: 'Walks over the keys of a database, some at a time.',
    syntax: 'cursor [MATCH pattern] [COUNT count] [TYPE type]', history: [['6.0.0', 'Added the `TYPE` subcommand.']],
    handler: scan,
  },
  {
    name: 'keys', arity: 2, flags: ['readonly'], categories: ['keyspace', 'dangerous'],
    tips: ['request_policy:all_shards', 'nondeterministic_output_order'], routing: 'all_shards', merge: 'concat', group: 'generic', since: '1.0.0',
    complexity: 'O(N) with N being the number of keys in the database, under the assumption that the key names in the database and the given pattern have limited length.',
    summary: 'Gives all keys that match a pattern.', syntax: 'pattern', handler: keys,
  },
  {
    name: 'randomkey', arity: 1, flags: ['readonly'], categories: ['keyspace'], tips: ['request_policy:all_shards', 'nondeterministic_output'],
    routing: 'special', group: 'generic', since: '1.0.0', complexity: 'O(1)', summary: 'Gives a key drawn at random.',
    handler: randomkey,
  },
];

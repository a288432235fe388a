/** The sorted set commands that draw members at random or walk over them in steps. */
import { readIntegerBetween } from './arguments.js';
import type { Context } from './context.js';
import { findForRead } from './lookup.js';
import { passes, readScanCursor, readScanOptions } from './scan-options.js';
import { memberWriter } from './sorted-set-range.js';
import { type CommandSpec, type Handler, oneKey } from './spec.js';
import { countOutOfRange, replyTooLarge, syntaxError } from '../errors.js';
import type { Args } from '../protocol/args.js';
import type { ReplyWriter } from '../protocol/reply-writer.js';
import { CURSOR_END } from '../store/byte-table.js';
import { SORTED_SET } from '../store/entry.js';
import {
  type VisitMember, forEachMember, memberCount, sampleMembers, scanMembers, sortedSetEncoding, walkMembers,
} from '../store/sorted-set-value.js';
import { Slice } from '../util/bytes.js';
import { INT64_MAX, formatDouble } from '../util/numbers.js';

/** A negative count may ask for any number of members; a reply past this size is refused. */
const RANDOM_REPLY_BYTES_MAX = 256 * 1024 * 1024;

const zrandmember: Handler = (context, args, reply) => {
  if (args.count === 2) return replyWithOne(context, args, reply);
  const count = readIntegerBetween(args, 2, -INT64_MAX, INT64_MAX);
  const withScores = readWithScores(args, count);
  const ref = findForRead(context, args.slice(1), SORTED_SET);
  if (count === 0 || ref === 0) return reply.array(0);
  const { db } = context;
  if (count < 0) return drawWithRepeats(context, ref, -count, reply, memberWriter(reply, -count, withScores));
  const drawn = Math.min(count, memberCount(db, ref));
  sampleMembers(db, ref, drawn, memberWriter(reply, drawn, withScores));
};

function replyWithOne(context: Context, args: Args, reply: ReplyWriter): void {
  const ref = findForRead(context, args.slice(1), SORTED_SET);
  if (ref === 0) return reply.nil();
  drawOne(context, ref, (member) => reply.slice(member));
}

function drawOne({ db, store }: Context, ref: number, visit: VisitMember): void {
  walkMembers(db, ref, Math.floor(store.random.next() * memberCount(db, ref)), 1, false, visit);
}

function readWithScores(args: Args, count: number): boolean {
  if (args.count > 4 || (args.count === 4 && !args.is(3, 'WITHSCORES'))) throw syntaxError();
  if (args.count === 3) return false;
  if (Math.abs(count) > Number(INT64_MAX / 2n)) throw countOutOfRange();
  return true;
}

function drawWithRepeats(context: Context, ref: number, count: number, reply: ReplyWriter, write: VisitMember): void {
  const replyBytesMax = reply.length + RANDOM_REPLY_BYTES_MAX;
  for (let drawn = 0; drawn < count; drawn++) {
    drawOne(context, ref, write);
    if (reply.length > replyBytesMax) throw replyTooLarge();
  }
}

/** A call makes at most so many times COUNT steps, however few members it meets. */
const STEPS_PER_COUNT = 10;

/** As HSCAN (see hash-walk.ts): a small sorted set whole, a larger one by the members' hashes. */
const zscan: Handler = (context, args, reply) => {
  const cursor = Number(readScanCursor(args, 2));
  const ref = findForRead(context, args.slice(1), SORTED_SET);
  if (ref === 0) return replyWithMembers(reply, 0, []);
  const options = readScanOptions(args, 3);
  const { db } = context;
  const found: Found[] = [];
  let visited = 0;
  const visit: VisitMember = (member, score) => {
    visited++;
    // A walk uses its slice again.
    if (passes(options, member)) found.push([new Slice().set(member.bytes, member.offset, member.length), score]);
  };
  if (sortedSetEncoding(db.store.arena, ref) === 'listpack') {
    forEachMember(db, ref, visit);
    return replyWithMembers(reply, 0, found, formatPackedScore);
  }
  let next = cursor;
  let stepsLeft = options.count * STEPS_PER_COUNT;
  while (next < CURSOR_END && visited < options.count && stepsLeft-- > 0) next = scanMembers(db, ref, next, visit);
  replyWithMembers(reply, next < CURSOR_END ? next : 0, found);
};

type Found = readonly [member: Slice, score: number];

/** A listpack keeps whole numbers up to here as integers, and gives all their digits. */
const PACKED_INTEGER_MAX = 2 ** 62;

function formatPackedScore(score: number): string {
  return Number.isInteger(score) && Math.abs(score) <= PACKED_INTEGER_MAX ? String(BigInt(score)) : formatDouble(score);
}

function replyWithMembers(
  reply: ReplyWriter, cursor: number, found: readonly Found[], format: (score: number) => string = formatDouble,
): void {
  reply.array(2);
  reply.bulkText(String(cursor));
  reply.array(found.length * 2);
  for (const [member, score] of found) {
    reply.slice(member);
    reply.bulkText(format(score));
  }
}

const RECORD = {
  flags: ['readonly'], keys: oneKey('RO access'), categories: ['sortedset'], tips: ['nondeterministic_output'],
  routing: 'one_shard', group: 'sorted-set',
} as const;

export const sortedSetWalkCommands: readonly CommandSpec[] = [
  {
    name: 'zrandmember', arity: -2, ...RECORD, since: '6.2.0',
    complexity: 'O(N) where N is the number of elements returned', summary: 'Gives members drawn at random.',
    syntax: 'key [count [WITHSCORES]]', handler: zrandmember,
  },
  {
    name: 'zscan', arity: -3, ...RECORD, since: '2.8.0',
    complexity: 'O(1) for every call. O(N) for a complete iteration, including enough command calls for the cursor to return back to 0. N is the number of elements inside the collection..',
    summary: 'Walks over the members and scores of a sorted set in steps.',
    syntax: 'key cursor [MATCH pattern] [COUNT count]', handler: zscan,
  },
];

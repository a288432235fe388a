/** LCS: the longest run of bytes, gaps allowed, that two strings have in common. */
import { readInteger } from './arguments.js';
import { findAnyForRead } from './lookup.js';
import type { CommandSpec, Handler } from './spec.js';
import { keyRange } from './spec.js';
import type { Context } from './context.js';
import { lcsNeedsStrings, lcsTakesOneForm, lcsTooLarge, syntaxError } from '../errors.js';
import type { Args } from '../protocol/args.js';
import type { ReplyWriter } from '../protocol/reply-writer.js';
import { STRING, entryType, valueSlice } from '../store/entry.js';
import { Slice } from '../util/bytes.js';
import { type Match, LongestCommon } from '../util/longest-common.js';

/** What redis-server takes for each cell of its table, which decides what is too large. */
const REFERENCE_CELL_BYTES = 4;

interface Options {
  givesLength: boolean;
  givesMatches: boolean;
  withLengths: boolean;
  shortestMatch: number;
}

function readOptions(args: Args): Options {
  const options: Options = { givesLength: false, givesMatches: false, withLengths: false, shortestMatch: 0 };
  for (let at = 3; at < args.count; at++) {
    if (args.is(at, 'IDX')) options.givesMatches = true;
    else if (args.is(at, 'LEN')) options.givesLength = true;
    else if (args.is(at, 'WITHMATCHLEN')) options.withLengths = true;
    else if (args.is(at, 'MINMATCHLEN') && at + 1 < args.count) options.shortestMatch = readInteger(args, ++at);
    else throw syntaxError();
  }
  if (options.givesMatches && options.givesLength) throw lcsTakesOneForm();
  return options;
}

/** The value of an entry, empty when there is none. */
function valueOf(context: Context, ref: number): Slice {
  const { arena } = context.store;
  if (ref === 0) return new Slice();
  if (entryType(arena, ref) !== STRING) throw lcsNeedsStrings();
  return valueSlice(arena, ref, new Slice());
}

const lcs: Handler = (context, args, reply) => {
  // Both are looked up, also when the first is of the wrong type. An entry stays where it is while others expire.
  const refs = [1, 2].map((index) => findAnyForRead(context, args.slice(index)));
  const [a, b] = refs.map((ref) => valueOf(context, ref)) as [Slice, Slice];
  const options = readOptions(args);
  const tableBytes = (a.length + 1) * (b.length + 1) * REFERENCE_CELL_BYTES;
  if (tableBytes > context.node.settings.integer('proto-max-bulk-len')) throw lcsTooLarge();
  const common = new LongestCommon(a, b);
  if (options.givesMatches) replyMatches(common, options, reply);
  else if (options.givesLength) reply.integer(common.length);
  else reply.bulk(common.bytes());
};

function replyMatches(common: LongestCommon, options: Options, reply: ReplyWriter): void {
  const matches = common.matches().filter((match) => match.length >= options.shortestMatch);
  reply.map(2);
  reply.bulkText('matches');
  reply.array(matches.length);
  for (const match of matches) replyMatch(match, options.withLengths, reply);
  reply.bulkText('len');
  reply.integer(common.length);
}

function replyMatch({ startInA, startInB, length }: Match, withLength: boolean, reply: ReplyWriter): void {
  reply.array(withLength ? 3 : 2);
  for (const start of [startInA, startInB]) {
    reply.array(2);
    reply.integer(start);
    reply.integer(start + length - 1);
  }
  if (withLength) reply.integer(length);
}

export const lcsCommands: readonly CommandSpec[] = [
  {
    name: 'lcs', arity: -3, flags: ['readonly'], keys: keyRange('RO access', 1, 1), categories: ['string'],
    routing: 'one_shard', group: 'string', since: '7.0.0',
    complexity: 'O(N*M) where N and M are the lengths of s1 and s2, respectively',
    summary: 'Gives the longest subsequence that two strings have in common.',
    syntax: 'key1 key2 [LEN] [IDX] [MINMATCHLEN len] [WITHMATCHLEN]', handler: lcs,
  },
];

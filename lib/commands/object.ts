/** OBJECT: how a bucket is kept, and when and how often it was used. A look at it does not count as a use. */
import type { Context } from './context.js';
import { helpHandler } from './help.js';
import { peekQuietly } from './lookup.js';
import type { CommandSpec, Handler } from './spec.js';
import { oneKey } from './spec.js';
import { frequencyIsNotTracked, idleTimeIsNotTracked } from '../errors.js';
import { STRING, accessOf, entryBytes, entryType, valueLength, valueOffset } from '../store/entry.js';
import { stringEncoding } from '../store/string-value.js';
import { valueTypeOf } from '../store/value-types.js';
import { parseShortInteger } from '../util/numbers.js';

const encoding: Handler = (context, args, reply) => {
  const ref = peekQuietly(context, args.slice(2));
  if (ref === 0) return reply.nil();
  reply.bulkText(valueTypeOf(context.db, ref).encoding(context.db, ref));
};

const freq: Handler = (context, args, reply) => {
  const ref = peekQuietly(context, args.slice(2));
  if (ref === 0) return reply.nil();
  const { access, arena } = context.store;
  if (!access.isByFrequency) throw frequencyIsNotTracked();
  reply.integer(access.frequency(accessOf(arena, ref)));
};

const idletime: Handler = (context, args, reply) => {
  const ref = peekQuietly(context, args.slice(2));
  if (ref === 0) return reply.nil();
  const { access, arena } = context.store;
  if (access.isByFrequency) throw idleTimeIsNotTracked();
  reply.integer(access.idleSeconds(accessOf(arena, ref)));
};

/** What redis-server says of the small integers, which it keeps once for all. */
const SHARED = 2 ** 31 - 1;
const SHARED_INTEGERS = 10_000;

const refcount: Handler = (context, args, reply) => {
  const ref = peekQuietly(context, args.slice(2));
  if (ref === 0) return reply.nil();
  reply.integer(isSharedInteger(context, ref) ? SHARED : 1);
};

function isSharedInteger({ store: { arena } }: Context, ref: number): boolean {
  if (entryType(arena, ref) !== STRING || stringEncoding(arena, ref) !== 'int') return false;
  const value = parseShortInteger(entryBytes(arena, ref), valueOffset(arena, ref), valueLength(arena, ref));
  return value >= 0 && value < SHARED_INTEGERS;
}

const help = helpHandler('OBJECT', [
  'ENCODING <key>',
  '    Return the kind of internal representation used in order to store the value',
  '    associated with a <key>.',
  'FREQ <key>',
  '    Return the access frequency index of the <key>. The returned integer is',
  '    proportional to the logarithm of the recent access frequency of the key.',
  'IDLETIME <key>',
  '    Return the idle time of the <key>, that is the approximated number of',
  '    seconds elapsed since the last access to the key.',
  'REFCOUNT <key>',
  '    Return the number of references of the value associated with the specified',
  '    <key>.',
]);

const OF_KEY = {
  arity: 3, flags: ['readonly'], keys: oneKey('RO', 2), categories: ['keyspace'], tips: ['nondeterministic_output'],
  routing: 'one_shard', group: 'generic', complexity: 'O(1)', syntax: 'key',
} as const;

export const objectCommands: readonly CommandSpec[] = [
  {
    name: 'object', arity: -2, flags: [], categories: [], group: 'generic', since: '2.2.3',
    complexity: 'Depends on subcommand.', summary: 'Holds the commands that tell how a bucket is kept.',
    subcommands: [
      {
        name: 'freq', ...OF_KEY, since: '4.0.0', summary: 'Gives the counter of how often a bucket is used.',
        handler: freq,
      },
      { name: 'encoding', ...OF_KEY, since: '2.2.3', summary: 'Names the way in which a value is kept.', handler: encoding },
      {
        name: 'idletime', ...OF_KEY, since: '2.2.3', summary: 'Gives the seconds since a bucket was last used.',
        handler: idletime,
      },
      {
        name: 'help', arity: 2, flags: ['loading', 'stale'], categories: ['keyspace'], routing: 'local', group: 'generic',
        since: '6.2.0', complexity: 'O(1)', summary: 'Lists the subcommands.', handler: help,
      },
      {
        name: 'refcount', ...OF_KEY, since: '2.2.3', summary: 'Gives the number of references to a value.',
        handler: refcount,
      },
    ],
  },
];

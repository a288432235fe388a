/** Commands about the node as a whole that have no family of their own: TIME, LOLWUT, SHUTDOWN. */
import { readInteger } from './arguments.js';
import type { CommandSpec, Handler } from './spec.js';
import { PIGEONHOLE_VERSION, REDIS_VERSION } from '../config/version.js';
import { CommandError, syntaxError } from '../errors.js';

const time: Handler = ({ node }, _args, reply) => {
  const us = node.clock.nowUs();
  reply.array(2);
  reply.bulkText(String(Math.floor(us / 1e6)));
  reply.bulkText(String(us % 1e6));
};

const PICTURE = [
  '   ___________________________ ',
  '  | a    | b    | c    | d    |',
  '  |  __  |      |  __  |      |',
  '  |_/__\\_|______|_\\__\\_|______|',
  '  | e    | f    | g    | h    |',
  '  |      | (o>  |      |  __  |',
  '  |______|_//___|______|_/__/_|',
  '  | ...  | x    | y    | z    |',
  '  |      |      |  __  |      |',
  '  |______|______|_\\__\\_|______|',
  '',
];

const lolwut: Handler = (_context, args, reply) => {
  if (args.count >= 3 && args.is(1, 'VERSION')) readInteger(args, 2);
  const signature = `Pigeonhole ${PIGEONHOLE_VERSION}, as Redis ver. ${REDIS_VERSION}`;
  reply.verbatim('txt', [...PICTURE, signature, ''].join('\n'));
};

/** Who asked gets no reply when the node stops. There are no replicas that NOW would not wait for. */
const shutdown: Handler = (context, args, reply) => {
  const { node } = context;
  const words = new Set<string>();
  for (let i = 1; i < args.count; i++) {
    const word = ['NOSAVE', 'SAVE', 'NOW', 'FORCE', 'ABORT'].find((each) => args.is(i, each));
    if (word === undefined) throw syntaxError();
    words.add(word);
  }
  const isContradictory = (words.has('NOSAVE') && words.has('SAVE')) || (words.has('ABORT') && words.size > 1);
  if (isContradictory) throw syntaxError();
  if (words.has('ABORT')) {
    if (!node.abortShutdown()) throw new CommandError('ERR No shutdown in progress.');
    return reply.ok();
  }
  node.log.warning('User requested shutdown...');
  const saves = words.has('SAVE') ? true : words.has('NOSAVE') ? false : undefined;
  const deferred = context.defer(true);
  node.shutDown({ saves, isForced: words.has('FORCE') }).catch(() => {
    deferred.complete([Buffer.from('-ERR Errors trying to SHUTDOWN. Check logs.\r\n')]);
  });
};

export const serverCommands: readonly CommandSpec[] = [
  {
    name: 'lolwut', arity: -1, flags: ['readonly', 'fast'], categories: [], routing: 'local', group: 'server',
    since: '5.0.0', complexity: '', summary: 'Draws a picture and says which version this is.',
    syntax: '[VERSION version]', handler: lolwut,
  },
  {
    name: 'shutdown', arity: -1, flags: ['admin', 'noscript', 'loading', 'stale', 'no_multi', 'allow_busy'],
    categories: [], routing: 'local', group: 'server', since: '1.0.0',
    complexity:
      'O(N) when saving, where N is the total number of keys in all databases when saving data, otherwise O(1)',
    summary: 'Stops the node.', syntax: '[NOSAVE|SAVE] [NOW] [FORCE] [ABORT]',
    history: [['7.0.0', 'Added the `NOW`, `FORCE` and `ABORT` modifiers.']], handler: shutdown,
  },
  {
    name: 'time', arity: 1, flags: ['loading', 'stale', 'fast'], categories: [], tips: ['nondeterministic_output'],
    routing: 'local', group: 'server', since: '2.6.0', complexity: 'O(1)',
    summary: "Gives the node's time: seconds since the epoch, and microseconds of the second.", handler: time,
  },
];

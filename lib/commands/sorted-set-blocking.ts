/** The sorted set commands that wait until there is a member to take; see list-blocking.ts. */
import type { Context } from './context.js';
import { type End, popFirstSet, popFromSet, popWithKey, readMemberPopOrder } from './sorted-set-pop.js';
import { type CommandSpec, type Handler, keyRange } from './spec.js';
import { namesOf, readTimeout } from './waiting.js';
import type { ReplyWriter } from '../protocol/reply-writer.js';
import { SORTED_SET } from '../store/entry.js';
import type { Slice } from '../util/bytes.js';

/** BZPOPMIN and BZPOPMAX. */
function popHandler(end: End): Handler {
  const retry = (context: Context, key: Slice, reply: ReplyWriter): boolean => popWithKey(context, key, end, reply);
  return (context, args, reply) => {
    const keyEnd = args.count - 1;
    const untilMs = readTimeout(context, args, keyEnd);
    for (let index = 1; index < keyEnd; index++) if (popWithKey(context, args.slice(index), end, reply)) return;
    if (!context.mayWait) return reply.nilArray();
    context.wait({ keys: namesOf(args, 1, keyEnd), type: SORTED_SET, untilMs, retry });
  };
}

const bzmpop: Handler = (context, args, reply) => {
  const order = readMemberPopOrder(args, 2);
  const untilMs = readTimeout(context, args, 1);
  if (popFirstSet(context, args, order, reply)) return;
  if (!context.mayWait) return reply.nilArray();
  context.wait({
    keys: namesOf(args, order.firstKey, order.keyEnd), type: SORTED_SET, untilMs,
    retry: (later, key, late) => popFromSet(later, key, order, late),
  });
};

const RECORD = { categories: ['sortedset'], routing: 'one_shard', group: 'sorted-set' } as const;

const POP = {
  ...RECORD, arity: -3, flags: ['write', 'noscript', 'blocking', 'fast'], keys: keyRange('RW access delete', 1, -2),
  since: '5.0.0', complexity: 'O(log(N)) with N being the number of elements in the sorted set.',
  syntax: 'key [key ...] timeout:double',
  history: [['6.0.0', '`timeout` is interpreted as a double instead of an integer.']],
} as const;

export const sortedSetBlockingCommands: readonly CommandSpec[] = [
  {
    name: 'bzmpop', arity: -5, flags: ['write', 'blocking', 'movablekeys'],
    keys: [{ flags: 'RW access delete', begin: 2, find: { count: 0, first: 1, step: 1 } }], ...RECORD, since: '7.0.0',
    complexity: 'O(K) + O(M*log(N)) where K is the number of provided keys, N being the number of elements in the sorted set, and M being the number of elements popped.',
    summary: 'Takes members at one end of the first sorted set that there is, and waits for one when there is none.',
    syntax: 'timeout:double numkeys key [key ...] MIN|MAX [COUNT count]', handler: bzmpop,
  },
  {
    name: 'bzpopmax', ...POP, summary: 'Takes the member with the highest score from the first sorted set, or waits for one.',
    handler: popHandler('max'),
  },
  {
    name: 'bzpopmin', ...POP, summary: 'Takes the member with the lowest score from the first sorted set, or waits for one.',
    handler: popHandler('min'),
  },
];

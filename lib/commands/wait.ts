/** WAIT. A node has no replicas, so whoever waits for one waits until the time is over. */
import { readInteger } from './arguments.js';
import type { CommandSpec, Handler } from './spec.js';
import { timeoutIsNegative, timeoutNotAnInteger } from '../errors.js';

const NOTHING: readonly string[] = [];
const NO_TYPE = -1;

const wait: Handler = (context, args, reply) => {
  const replicas = readInteger(args, 1);
  const timeoutMs = readInteger(args, 2, timeoutNotAnInteger);
  if (timeoutMs < 0) throw timeoutIsNegative();
  if (replicas <= 0 || !context.mayWait) return reply.integer(0);
  const untilMs = timeoutMs === 0 ? 0 : context.node.clock.nowMs() + timeoutMs;
  context.wait({ keys: NOTHING, type: NO_TYPE, untilMs, retry: () => false, giveUp: (late) => late.integer(0) });
};

export const waitCommands: readonly CommandSpec[] = [
  {
    name: 'wait', arity: 3, flags: ['noscript'], categories: ['connection'], routing: 'local',
    tips: ['request_policy:all_shards', 'response_policy:agg_min'], group: 'generic',
    since: '3.0.0', complexity: 'O(1)',
    summary: 'Waits until so many replicas have the writes of this connection; there are none, so until the time is over.',
    syntax: 'numreplicas timeout:integer', handler: wait,
  },
];

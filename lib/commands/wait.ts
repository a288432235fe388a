/** WAIT. A node has no replicas, so whoever waits for one waits until the time is over. */
import { readInteger } from './arguments.js';
import type { CommandSpec, Handler } from './spec.js';
import { timeoutIsNegative, timeoutNotAnInteger } from '../errors.js';

const NO_REPLICAS = Buffer.from(':0\r\n');

/** The longest that a timer can be set for, some 24 days; whoever waits longer is waited for again. */
const TIMER_MS_MAX = 2 ** 31 - 1;

const wait: Handler = (context, args, reply) => {
  const replicas = readInteger(args, 1);
  const timeoutMs = readInteger(args, 2, timeoutNotAnInteger);
  if (timeoutMs < 0) throw timeoutIsNegative();
  if (replicas <= 0) return reply.integer(0);
  const deferred = context.defer(true);
  const cancel = callLater(timeoutMs === 0 ? Infinity : timeoutMs, () => deferred.complete([NO_REPLICAS]));
  deferred.onAbandoned = cancel;
};

/** Calls `callback` after so many milliseconds, however many they are, unless the returned function is called first. */
function callLater(ms: number, callback: () => void): () => void {
  const stepMs = Math.min(ms, TIMER_MS_MAX);
  let cancelNext: (() => void) | undefined;
  const timer = setTimeout(() => {
    if (stepMs === ms) callback();
    else cancelNext = callLater(ms - stepMs, callback);
  }, stepMs);
  return () => {
    clearTimeout(timer);
    cancelNext?.();
  };
}

export const waitCommands: readonly CommandSpec[] = [
  {
    name: 'wait', arity: 3, flags: ['noscript'], categories: ['connection'], routing: 'local',
    tips: ['request_policy:all_shards', 'response_policy:agg_min'], group: 'generic',
    since: '3.0.0', complexity: 'O(1)',
    summary: 'Waits until so many replicas have the writes of this connection; there are none, so until the time is over.',
    syntax: 'numreplicas timeout:integer', handler: wait,
  },
];

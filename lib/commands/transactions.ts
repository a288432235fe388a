/** The commands of transactions. What they do is in execution/transaction.ts and, over shards, in cluster/. */
import { type CommandSpec, type Flag, type Handler, keyRange } from './spec.js';

const multi: Handler = ({ steps }, _args, reply) => {
  steps.begin();
  reply.ok();
};

const exec: Handler = ({ steps }, _args, reply) => steps.exec(reply);

const discard: Handler = ({ steps }, _args, reply) => {
  steps.discard();
  reply.ok();
};

const watch: Handler = ({ steps }, args, reply) => {
  for (let index = 1; index < args.count; index++) steps.watch(args.slice(index));
  reply.ok();
};

const unwatch: Handler = ({ steps }, _args, reply) => {
  steps.unwatch();
  reply.ok();
};

const STEP: readonly Flag[] = ['noscript', 'loading', 'stale', 'fast', 'allow_busy'];
const common = { flags: STEP, categories: ['transaction'], group: 'transactions', tips: [], complexity: 'O(1)' } as const;

export const transactionCommands: readonly CommandSpec[] = [
  {
    ...common, name: 'discard', arity: 1, routing: 'local', since: '2.0.0',
    complexity: 'O(N), when N is the number of queued commands', summary: 'Gives a transaction up.', handler: discard,
  },
  {
    ...common, name: 'exec', arity: 1, flags: ['noscript', 'loading', 'stale', 'skip_slowlog'], routing: 'special',
    since: '1.2.0', complexity: 'Depends on commands in the transaction',
    summary: 'Runs what has been queued since MULTI, and nothing in between.', handler: exec,
  },
  {
    ...common, name: 'multi', arity: 1, routing: 'local', since: '1.2.0',
    summary: 'Begins a transaction: commands are queued until EXEC.', handler: multi,
  },
  {
    ...common, name: 'unwatch', arity: 1, routing: 'local', since: '2.2.0', summary: 'Forgets the keys that were watched.',
    handler: unwatch,
  },
  {
    ...common, name: 'watch', arity: -2, keys: keyRange('RO'), routing: 'special', since: '2.2.0',
    complexity: 'O(1) for every key.', summary: 'Lets the next transaction run only if these keys stay as they are.',
    syntax: 'key [key ...]', handler: watch,
  },
];

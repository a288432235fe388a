/** The commands over whole databases: counting, emptying, exchanging. Upstream groups them with the server's. */
import { readInteger } from './arguments.js';
import type { CommandSpec, Handler } from './spec.js';
import {
  type CommandError, databaseIndexOutOfRange, firstDatabaseIndexInvalid, secondDatabaseIndexInvalid, syntaxError,
} from '../errors.js';
import type { Args } from '../protocol/args.js';

/**
 * FLUSHALL and FLUSHDB take ASYNC or SYNC, and do the same for both: the buckets are out of sight when the reply
 * leaves, and their memory is freed in slices, so that no other client waits.
 */
function readFlushMode(args: Args): void {
  if (args.count > 2) throw syntaxError();
  if (args.count === 2 && !args.is(1, 'ASYNC') && !args.is(1, 'SYNC')) throw syntaxError();
}

const flushall: Handler = (context, args, reply) => {
  readFlushMode(args);
  const { store } = context;
  const removed = store.databases.reduce((sum, { size }) => sum + size, 0);
  store.empty(store.databases);
  store.changes += removed + 1;
  context.node.tracking.flushed();
  reply.ok();
};

const flushdb: Handler = (context, args, reply) => {
  readFlushMode(args);
  const { db, store } = context;
  const removed = db.size;
  store.empty([db]);
  store.changes += removed;
  context.node.tracking.flushed();
  reply.ok();
};

const dbsize: Handler = (context, _args, reply) => {
  reply.integer(context.db.size);
};

const INT_MAX = 2 ** 31 - 1;

/** A database's number as SWAPDB reads it: whether there is such a database is asked later. */
function readNumber(args: Args, index: number, error: () => CommandError): number {
  const number = readInteger(args, index, error);
  if (number > INT_MAX || number < -INT_MAX - 1) throw error();
  return number;
}

const swapdb: Handler = ({ store }, args, reply) => {
  const first = store.databases[readNumber(args, 1, firstDatabaseIndexInvalid)];
  const second = store.databases[readNumber(args, 2, secondDatabaseIndexInvalid)];
  if (first === undefined || second === undefined) throw databaseIndexOutOfRange();
  if (first !== second) store.swap(first, second);
  store.changes++;
  reply.ok();
};

const flushHistory = [
  ['4.0.0', 'Added the `ASYNC` flushing mode modifier.'],
  ['6.2.0', 'Added the `SYNC` flushing mode modifier.'],
] as const;

export const keyspaceCommands: readonly CommandSpec[] = [
  {
    name: 'flushall', arity: -1, flags: ['write'], categories: ['keyspace', 'dangerous'], routing: 'all_shards',
    merge: 'all_succeeded', group: 'server', since: '1.0.0', complexity: 'O(1); the memory is freed in the background',
    summary: 'Removes all buckets of all databases.', syntax: '[ASYNC|SYNC]', history: flushHistory, handler: flushall,
  },
  {
    name: 'flushdb', arity: -1, flags: ['write'], categories: ['keyspace', 'dangerous'], routing: 'all_shards',
    merge: 'all_succeeded', group: 'server', since: '1.0.0', complexity: 'O(1); the memory is freed in the background',
    summary: 'Removes all buckets of the selected database.', syntax: '[ASYNC|SYNC]', history: flushHistory,
    handler: flushdb,
  },
  {
    name: 'dbsize', arity: 1, flags: ['readonly', 'fast'], categories: ['keyspace'], routing: 'all_shards',
    merge: 'agg_sum', group: 'server', since: '1.0.0', complexity: 'O(1)',
    summary: 'Counts the buckets of the selected database.', handler: dbsize,
  },
  {
    name: 'swapdb', arity: 3, flags: ['write', 'fast'], categories: ['keyspace', 'dangerous'], tips: [],
    routing: 'all_shards', merge: 'all_succeeded', group: 'server', since: '4.0.0', complexity: 'O(1)',
    summary: 'Exchanges the buckets of two databases, for all clients at once.', syntax: 'index1 index2',
    handler: swapdb,
  },
];

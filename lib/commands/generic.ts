/** The commands over buckets of any type: whether they are there, what they are, and taking them away. */
import type { CommandSpec, Handler } from './spec.js';
import { keyRange, oneKey } from './spec.js';
import { peekForRead, touchForRead } from './lookup.js';
import { TYPE_NAMES, entryType } from '../store/entry.js';

/** DEL and UNLINK are one: a bucket is out of sight at once, and a large one's memory is freed in slices. */
const del: Handler = (context, args, reply) => {
  const { db } = context;
  let removed = 0;
  for (let i = 1; i < args.count; i++) {
    const key = args.slice(i);
    const ref = db.peek(key);
    if (ref === 0) continue;
    db.remove(key, ref);
    context.changed(key, 'g', 'del');
    removed++;
  }
  reply.integer(removed);
};

const exists: Handler = (context, args, reply) => {
  let found = 0;
  for (let i = 1; i < args.count; i++) if (peekForRead(context, args.slice(i)) !== 0) found++;
  reply.integer(found);
};

const touch: Handler = (context, args, reply) => {
  let found = 0;
  for (let i = 1; i < args.count; i++) if (touchForRead(context, args.slice(i)) !== 0) found++;
  reply.integer(found);
};

const type: Handler = (context, args, reply) => {
  const ref = peekForRead(context, args.slice(1));
  reply.status(ref === 0 ? 'none' : TYPE_NAMES[entryType(context.store.arena, ref)]!);
};

const SEVERAL = { categories: ['keyspace'], routing: 'multi_shard', merge: 'agg_sum', group: 'generic', syntax: 'key [key ...]' } as const;

export const genericCommands: readonly CommandSpec[] = [
  {
    name: 'del', arity: -2, flags: ['write'], keys: keyRange('RM delete'), ...SEVERAL, since: '1.0.0',
    complexity: 'O(N) where N is the number of keys; what large buckets held is freed in the background',
    summary: 'Removes buckets.', handler: del,
  },
  {
    name: 'unlink', arity: -2, flags: ['write', 'fast'], keys: keyRange('RM delete'), ...SEVERAL, since: '4.0.0',
    complexity: 'O(N) where N is the number of keys; what large buckets held is freed in the background',
    summary: 'Removes buckets, as DEL does.', handler: del,
  },
  {
    name: 'exists', arity: -2, flags: ['readonly', 'fast'], keys: keyRange('RO'), ...SEVERAL, since: '1.0.0',
    complexity: 'O(N) where N is the number of keys to check.', summary: 'Counts the keys that name a bucket.',
    history: [['3.0.3', 'Accepts multiple `key` arguments.']], handler: exists,
  },
  {
    name: 'touch', arity: -2, flags: ['readonly', 'fast'], keys: keyRange('RO'), ...SEVERAL, since: '3.2.1',
    complexity: 'O(N) where N is the number of keys that will be touched.',
    summary: 'Counts the keys that name a bucket, and marks the buckets as used now.', handler: touch,
  },
  {
    name: 'type', arity: 2, flags: ['readonly', 'fast'], keys: oneKey('RO'), categories: ['keyspace'],
    routing: 'one_shard', group: 'generic', since: '1.0.0', complexity: 'O(1)',
    summary: 'Names the type of a bucket.', syntax: 'key', handler: type,
  },
];

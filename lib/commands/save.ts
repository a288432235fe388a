/** SAVE, BGSAVE and LASTSAVE: the snapshot file. Both write it in slices; see persistence/snapshot.ts. */
import type { CommandSpec, Handler } from './spec.js';
import { saveInProgress, syntaxError } from '../errors.js';

/** Only the client that asked waits. */
const save: Handler = (context) => {
  const { snapshots } = context.node;
  if (snapshots.isSaving) throw saveInProgress();
  const deferred = context.defer(true);
  snapshots.save().then(
    () => deferred.complete([Buffer.from('+OK\r\n')]),
    () => deferred.complete([Buffer.from('-ERR\r\n')]),
  );
};

const bgsave: Handler = ({ node }, args, reply) => {
  if (args.count > 2 || (args.count === 2 && !args.is(1, 'SCHEDULE'))) throw syntaxError();
  if (node.snapshots.isSaving) throw saveInProgress();
  // INFO and LASTSAVE tell how it went.
  node.snapshots.save().catch(() => undefined);
  reply.status('Background saving started');
};

const lastsave: Handler = ({ node }, _args, reply) => reply.integer(Math.floor(node.snapshots.lastSavedAtMs / 1000));

const RECORD = { categories: [], routing: 'local', group: 'server', since: '1.0.0' } as const;

export const saveCommands: readonly CommandSpec[] = [
  {
    name: 'save', arity: 1, flags: ['admin', 'noscript', 'no_async_loading', 'no_multi'], ...RECORD,
    complexity: 'O(N) where N is the total number of keys in all databases',
    summary: 'Writes a snapshot to disk and replies when it is there.', handler: save,
  },
  {
    name: 'bgsave', arity: -1, flags: ['admin', 'noscript', 'no_async_loading'], ...RECORD, complexity: 'O(1)',
    summary: 'Writes a snapshot to disk in the background.', syntax: '[SCHEDULE]',
    history: [['3.2.2', 'Added the `SCHEDULE` option.']], handler: bgsave,
  },
  {
    name: 'lastsave', arity: 1, flags: ['loading', 'stale', 'fast'], ...RECORD, categories: ['admin', 'dangerous'],
    tips: ['nondeterministic_output'], complexity: 'O(1)',
    summary: 'Gives the second in which the last snapshot was written.', handler: lastsave,
  },
];

/** SAVE, BGSAVE and LASTSAVE: the snapshot file. Both write it in slices; see persistence/snapshot.ts. */
import type { Context } from './context.js';
import type { CommandSpec, Handler } from './spec.js';
import { FolderInUse, hasNoFolder, rewriteUnderWay, saveInProgress, syntaxError } from '../errors.js';

/** Throws saveInProgress() and hasNoFolder(). */
function check({ node: { snapshots } }: Context): void {
  if (!snapshots.hasFolder) throw hasNoFolder();
  if (snapshots.isSaving) throw saveInProgress();
}

/** Only the client that asked waits; while the append log is rewritten, until that is done. */
const save: Handler = (context) => {
  check(context);
  const deferred = context.defer(true);
  context.node.snapshots.save().then(
    () => deferred.complete([Buffer.from('+OK\r\n')]),
    (error: unknown) => {
      const reason = error instanceof FolderInUse ? ` ${error.message}` : '';
      deferred.complete([Buffer.from(`-ERR${reason}\r\n`)]);
    },
  );
};

const bgsave: Handler = (context, args, reply) => {
  const { snapshots, appendLog } = context.node;
  const mayWait = args.count === 2 && args.is(1, 'SCHEDULE');
  if (args.count > 2 || (args.count === 2 && !mayWait)) throw syntaxError();
  check(context);
  // In a transaction it would be of a moment in the middle of it.
  if (context.mayWait && !appendLog.isRewriting) {
    // INFO and LASTSAVE tell how it went.
    snapshots.saveInBackground();
    return reply.status('Background saving started');
  }
  if (context.mayWait && !mayWait) throw rewriteUnderWay();
  snapshots.schedule();
  reply.status('Background saving scheduled');
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

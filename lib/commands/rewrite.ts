/** BGREWRITEAOF: makes the append log as short as what it describes; see persistence/rewrite.ts. */
import type { CommandSpec, Handler } from './spec.js';
import { hasNoFolder, rewriteInProgress } from '../errors.js';

/** How it went is in INFO and in the log. Without an append log it begins one that nobody goes on with. */
const bgrewriteaof: Handler = ({ node, mayWait }, _args, reply) => {
  const { appendLog, snapshots } = node;
  if (!snapshots.hasFolder) throw hasNoFolder();
  if (appendLog.isRewriting) throw rewriteInProgress();
  const isLater = snapshots.isSaving || !mayWait;
  appendLog.rewrite();
  reply.status(`Background append only file rewriting ${isLater ? 'scheduled' : 'started'}`);
};

export const rewriteCommands: readonly CommandSpec[] = [
  {
    name: 'bgrewriteaof', arity: 1, flags: ['admin', 'noscript', 'no_async_loading'], categories: [], routing: 'local',
    group: 'server', since: '1.0.0', complexity: 'O(1)', summary: 'Rewrites the append log in the background.',
    handler: bgrewriteaof,
  },
];

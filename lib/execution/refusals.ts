/**
 * Why commands are refused whatever they ask for: the data is being loaded, the append log cannot be written, the last
 * snapshot failed. The gate asks `NodeState.refusal`, which is there only while there is a reason.
 */
import type { Session } from './session.js';
import type { Command } from '../commands/table.js';
import { type CommandError, isLoading } from '../errors.js';

export type RefusalReason = 'loading' | 'lost log' | 'log' | 'snapshot';

/** The error for a command that must not run now; undefined when it may. */
export type Refusal = (command: Command, session: Session) => CommandError | undefined;

export const refuseWhileLoading: Refusal = (command) => (command.isAllowedWhileLoading ? undefined : isLoading());

/** Refuses what writes and, as redis-server does, PING: who watches a node by it shall notice. */
export function refuseWrites(error: CommandError): Refusal {
  return ({ isWrite, name }, { transaction }) => {
    const writes = isWrite || name === 'ping' || (name === 'exec' && transaction?.writes === true);
    return writes ? error : undefined;
  };
}

/** Puts several refusals into one: the first that has something to say. Undefined when there are none. */
export function joinRefusals(refusals: readonly Refusal[]): Refusal | undefined {
  if (refusals.length <= 1) return refusals[0];
  return (command, session) => {
    for (const refusal of refusals) {
      const error = refusal(command, session);
      if (error !== undefined) return error;
    }
    return undefined;
  };
}

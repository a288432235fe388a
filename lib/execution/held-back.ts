/**
 * What a request waits for that may not run now, whole and with its client: the end of a pause here
 * (commands/client-pause.ts) or at another node (cluster/peer-link.ts).
 */
import type { Session } from './session.js';
import type { Command } from '../commands/table.js';

/** Whoever holds requests back. */
export interface Holder {
  /** Calls `goOn` once, when the request may be tried again. */
  wait(goOn: () => void): void;
  forget(goOn: () => void): void;
}

/** Thrown where a request is sent to another node, before anything has been: it is to be tried again later. */
export class HeldBack extends Error {
  constructor(readonly by: Holder) {
    super('held back');
  }
}

/** Whether a pause of writes holds this request. */
export function isForPauseOfWrites(session: Session, command: Command): boolean {
  return command.isWrite || command.mayReplicate || (command.name === 'exec' && session.transaction?.writes === true);
}

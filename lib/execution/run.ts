/** Runs a command that has been admitted: on its own (execute.ts), or as a part of a transaction (transaction.ts). */
import type { Router } from './execute.js';
import { HeldBack } from './held-back.js';
import { writeError } from './refusal.js';
import type { Session } from './session.js';
import type { Command } from '../commands/table.js';
import { execAbortedBy, outOfMemory } from '../errors.js';
import type { Args } from '../protocol/args.js';
import type { ReplyWriter } from '../protocol/reply-writer.js';

/**
 * Runs the command here or, when `router` says so, elsewhere, and writes its reply or the error. One that must wait
 * before it can be sent has the session postponed.
 */
export function runCommand(session: Session, command: Command, args: Args, reply: ReplyWriter, router?: Router): void {
  const { node } = session;
  const { maxMemory, timer, trackedCommands } = node;
  const mark = reply.length;
  const isTracked = session.tracking !== undefined;
  timer.begin(command);
  try {
    if (isTracked) trackedCommands.begin(session, command, args, router);
    const isElsewhere = router?.route(session, command, args, reply);
    if (isElsewhere !== true) {
      if (maxMemory.isSet && isRefusedForMemory(session, command)) return refuseForMemory(session, command, reply);
      node.propagation.run(session, command, args, reply);
    }
  } catch (error) {
    reply.rewind(mark);
    if (error instanceof HeldBack) return holdBack(session, args, error);
    writeError(node, error, command, reply);
  }
  if (isTracked || session.tracking !== undefined) trackedCommands.end(session, command, args);
  timer.end(session, command, args);
  if (node.monitors.count > 0) node.monitors.show(session, session.db.index, command, args);
}

/** Nothing has been sent or run: the request waits with its client, and is run as if it came then. */
function holdBack(session: Session, args: Args, { by }: HeldBack): void {
  session.node.tracking.commandDone();
  session.postpone(args, by);
}

/** A transaction is refused as a whole: what is in it is not asked again. */
function isRefusedForMemory(session: Session, command: Command): boolean {
  const { maxMemory } = session.node;
  if (session.transaction?.isOpen === true && command.name === 'exec') {
    return maxMemory.isFull() && session.transaction.needsMemory;
  }
  return session.mayWait && maxMemory.refuses(command);
}

function refuseForMemory(session: Session, command: Command, reply: ReplyWriter): void {
  command.rejectedCalls++;
  const isExec = command.name === 'exec';
  if (isExec) session.transaction?.end();
  writeError(session.node, isExec ? execAbortedBy(outOfMemory()) : outOfMemory(), undefined, reply);
}

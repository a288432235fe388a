/**
 * The one gate: every request, from whatever listener, is run here. It finds the command, checks what must be checked
 * before any command, keeps it for later (a pause, a transaction) or runs it (run.ts), and then serves the clients that
 * waited for what it did (blocking.ts).
 *
 * An error of any other kind is a mistake of ours. One client's request must not end the node for all: the error is
 * logged with its stack, the client gets `-ERR internal error`, and the node goes on. A handler changes nothing before
 * it has checked everything, so what such an error can leave half done is one bucket.
 */
import { HeldBack, isForPauseOfWrites } from './held-back.js';
import type { NodeState } from './node-state.js';
import { writeError } from './refusal.js';
import { runCommand } from './run.js';
import type { Session } from './session.js';
import { mustAuthenticate } from '../commands/authentication.js';
import type { KeyPositions } from '../commands/key-positions.js';
import type { Command, CommandTable } from '../commands/table.js';
import {
  CommandError, execAbortedBy, noAuth, notInTransactions, notWhileSubscribed, outOfMemory, unknownCommand,
  unknownSubcommand, wrongArity,
} from '../errors.js';
import type { Args } from '../protocol/args.js';
import type { ReplyWriter } from '../protocol/reply-writer.js';

/**
 * Sends requests that are not (only) for this node to where they belong; see cluster/router.ts. Throws HeldBack for one
 * that must wait until it can be sent.
 */
export interface Router {
  /** True when the request has been taken care of; false when it is to be run here. */
  route(session: Session, command: Command, args: Args, reply: ReplyWriter): boolean;
  /** Sends a request to every other node that owns one of the keys, in front of what is routed next. */
  tellOwners(
    session: Session, command: Command, args: Args, keys: KeyPositions, request: (keys: readonly Buffer[]) => Buffer,
    failed: (keys: readonly Buffer[]) => void,
  ): void;
  /** Throws when a request cannot be a part of the session's transaction, because of where its buckets are. */
  admitToTransaction(session: Session, command: Command, args: Args): void;
}

/** The warning about web browsers that were talked into speaking to us is not repeated sooner. */
const HTTP_WARNING_PERIOD_MS = 60_000;

/** So much of what a client sent stands in the error that says it is unknown. */
const TEXT_BYTES_MAX = 128;

export class Executor {
  router: Router | undefined;
  private readonly table: CommandTable;
  private httpWarnedAtMs = -Infinity;

  constructor(private readonly node: NodeState) {
    this.table = node.table;
  }

  /** Runs one request and writes its reply. */
  execute(session: Session, args: Args, reply: ReplyWriter): void {
    const { node, router } = this;
    let command: Command | undefined;
    try {
      command = this.admit(session, args);
    } catch (error) {
      if (args.is(0, 'EXEC')) this.refuseExec(session, error, reply);
      else this.refuse(session, error, reply);
    }
    if (command === undefined) return;
    if (node.pause.isActive && node.pause.holdsBack(session, isForPauseOfWrites(session, command))) {
      return session.postpone(args, node.pause);
    }
    if (router !== undefined && command.overtakes && session.isOwed) return session.postponeBehindOwed(args);
    session.lastCommand = command;
    if (session.isQueueing && !command.isStepOfTransaction) return this.queue(session, command, args, reply);
    runCommand(session, command, args, reply, router);
    if (node.waits.hasReady) node.waits.serve();
  }

  /** Keeps a request for EXEC. */
  private queue(session: Session, command: Command, args: Args, reply: ReplyWriter): void {
    const { maxMemory } = this.node;
    try {
      if (maxMemory.isSet && maxMemory.isFull()) throw outOfMemory();
      this.router?.admitToTransaction(session, command, args);
    } catch (error) {
      if (error instanceof HeldBack) return session.postpone(args, error.by);
      command.rejectedCalls++;
      return this.refuse(session, error, reply);
    }
    session.transaction!.add(command, args);
    reply.status('QUEUED');
  }

  /** Refuses a request that is not run, and with it the transaction that it would have been a part of. */
  private refuse(session: Session, error: unknown, reply: ReplyWriter): void {
    if (session.isQueueing) session.transaction!.abort();
    else if (session.tracking !== undefined) session.tracking.isCachingGiven = false;
    writeError(this.node, error, undefined, reply);
  }

  /** An EXEC that is refused ends the transaction, and says why. */
  private refuseExec(session: Session, error: unknown, reply: ReplyWriter): void {
    session.transaction?.end();
    writeError(this.node, error instanceof CommandError ? execAbortedBy(error) : error, undefined, reply);
  }

  /** The command that a request means, when this client may run it now. Throws what is to be replied when not. */
  private admit(session: Session, args: Args): Command | undefined {
    let command = this.table.find(args);
    if (command === undefined) {
      if (args.is(0, 'POST') || args.is(0, 'HOST:')) {
        this.refuseHttp(session);
        return undefined;
      }
      throw unknownCommand(args.textStart(0, TEXT_BYTES_MAX), argumentTexts(args));
    }
    if (command.subcommands !== undefined && args.count > 1) {
      const found = command.subcommands.get(args.textStart(1, TEXT_BYTES_MAX).toLowerCase());
      if (found === undefined) throw unknownSubcommand(args.textStart(1, TEXT_BYTES_MAX), command.name);
      command = found;
    }
    if (!command.takes(args.count) || command.handler === undefined) {
      command.rejectedCalls++;
      throw wrongArity(command.fullName);
    }
    if (!session.isAuthenticated && !command.isAllowedUnauthenticated && mustAuthenticate(session)) {
      command.rejectedCalls++;
      throw noAuth();
    }
    if (session.subscriptions !== undefined && session.protocol === 2 && !command.isForSubscribers) {
      command.rejectedCalls++;
      throw notWhileSubscribed(command.fullName);
    }
    if (session.isQueueing && command.isRefusedInTransactions) {
      command.rejectedCalls++;
      throw notInTransactions();
    }
    const refusal = this.node.refusal?.(command, session);
    if (refusal !== undefined) {
      command.rejectedCalls++;
      throw refusal;
    }
    return command;
  }

  /** A web page can make a browser send requests here: what looks like HTTP ends the connection. */
  private refuseHttp(session: Session): void {
    session.closeAfterReply();
    const nowMs = this.node.clock.nowMs();
    if (nowMs - this.httpWarnedAtMs < HTTP_WARNING_PERIOD_MS) return;
    this.httpWarnedAtMs = nowMs;
    this.node.log.warning(
      'Possible SECURITY ATTACK detected. It looks like somebody is sending POST or Host: commands to Pigeonhole. ' +
        'This is likely due to an attacker attempting to use Cross Protocol Scripting to compromise your node. ' +
        `Connection from ${session.address} aborted.`,
    );
  }
}

function argumentTexts(args: Args): string[] {
  const texts: string[] = [];
  for (let i = 1; i < args.count && i <= 128; i++) texts.push(args.textStart(i, TEXT_BYTES_MAX));
  return texts;
}

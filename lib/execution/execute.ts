/**
 * The one gate: every request, from whatever listener, is run here. It finds the command, checks what must be checked
 * before any command, lets the router send it elsewhere, runs the handler, turns a thrown CommandError into the reply,
 * and then serves the clients that waited for what the command did (blocking.ts).
 *
 * An error of any other kind is a mistake of ours. One client's request must not end the node for all: the error is
 * logged with its stack, the client gets `-ERR internal error`, and the node goes on. A handler changes nothing before
 * it has checked everything, so what such an error can leave half done is one bucket.
 */
import type { CommandTimer } from './command-timer.js';
import type { NodeState } from './node-state.js';
import { writeError } from './refusal.js';
import type { Session } from './session.js';
import { TrackedCommands } from './tracked-commands.js';
import { mustAuthenticate } from '../commands/authentication.js';
import type { KeyPositions } from '../commands/key-positions.js';
import type { Command, CommandTable } from '../commands/table.js';
import { noAuth, notWhileSubscribed, outOfMemory, unknownCommand, unknownSubcommand, wrongArity } from '../errors.js';
import type { Args } from '../protocol/args.js';
import type { ReplyWriter } from '../protocol/reply-writer.js';

/** Sends requests that are not (only) for this node to where they belong; see cluster/router.ts. */
export interface Router {
  /** True when the request has been taken care of; false when it is to be run here. */
  route(session: Session, command: Command, args: Args, reply: ReplyWriter): boolean;
  /** Sends a request to every other node that owns one of the keys, in front of what is routed next. */
  tellOwners(
    session: Session, args: Args, keys: KeyPositions, request: (keys: readonly Buffer[]) => Buffer,
    failed: (keys: readonly Buffer[]) => void,
  ): void;
}

/** The warning about web browsers that were talked into speaking to us is not repeated sooner. */
const HTTP_WARNING_PERIOD_MS = 60_000;

/** So much of what a client sent stands in the error that says it is unknown. */
const TEXT_BYTES_MAX = 128;

export class Executor {
  router: Router | undefined;
  private readonly table: CommandTable;
  private readonly timer: CommandTimer;
  private readonly tracked: TrackedCommands;
  private httpWarnedAtMs = -Infinity;

  constructor(private readonly node: NodeState) {
    this.table = node.table;
    this.timer = node.timer;
    this.tracked = new TrackedCommands(node);
  }

  /** Runs one request and writes its reply. */
  execute(session: Session, args: Args, reply: ReplyWriter): void {
    const { node, timer } = this;
    const mark = reply.length;
    let isTracked = false;
    let command: Command | undefined;
    try {
      command = this.admit(session, args);
      if (command === undefined) return;
      if (node.pause.isActive && node.pause.holdsBack(command)) {
        session.postpone(args);
        return;
      }
      session.lastCommand = command;
      timer.begin(command);
      isTracked = session.tracking !== undefined;
      if (isTracked) this.tracked.begin(session, command, args, this.router);
      const isElsewhere = this.router?.route(session, command, args, reply);
      if (isElsewhere !== true) {
        if (node.maxMemory.isSet && node.maxMemory.refuses(command)) return this.refuseForMemory(command, reply);
        command.handler!(session, args, reply);
      }
    } catch (error) {
      reply.rewind(mark);
      writeError(node, error, command, reply);
      if (command === undefined) return;
    }
    if (isTracked) this.tracked.end(session, command, args);
    timer.end(session, command, args);
    if (node.waits.hasReady) node.waits.serve();
    if (node.monitors.count > 0) node.monitors.show(session, session.db.index, command, args);
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
    return command;
  }

  private refuseForMemory(command: Command, reply: ReplyWriter): void {
    command.rejectedCalls++;
    writeError(this.node, outOfMemory(), undefined, reply);
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

/**
 * What is done around the commands of clients that keep copies of what they read (CLIENT TRACKING): the keys of a read
 * are remembered, here or by the nodes that own them, and a client that is to be told of what it has changed itself is
 * told when it has its reply. See pubsub/tracking.ts.
 *
 * What CLIENT CACHING says is for the next request, and for all of a transaction that begins with it.
 *
 * A request that goes to another node over a link of its own (a transaction, or a read that may wait) is told of there:
 * the node remembers what it reads while it runs.
 */
import type { Router } from './execute.js';
import type { NodeState } from './node-state.js';
import type { Session } from './session.js';
import type { Transaction } from './transaction.js';
import { KeyPositions, findKeys } from '../commands/key-positions.js';
import type { Command } from '../commands/table.js';
import { type Args, encodeRequest } from '../protocol/args.js';

/** What goes with a request of a client that tracks over a link of its own. */
export interface TrackedAway {
  /** Is sent in front of it. */
  readonly preface: Buffer;
  /** The node does not understand it. */
  readonly failed: () => void;
  /** The request has been answered. */
  readonly answered: () => void;
}

export class TrackedCommands {
  private readonly keys = new KeyPositions();

  constructor(private readonly node: NodeState) {}

  /** A command of a client that tracks is about to run, or to be sent to where it runs. */
  begin(session: Session, command: Command, args: Args, router: Router | undefined): void {
    const { tracking, runId } = this.node;
    const state = session.tracking!;
    const { keys } = this;
    tracking.current = session;
    keys.count = 0;
    if (command.isReadOnly) {
      state.hasForgotten = false;
      if (!state.remembers || !findKeys(command, args, keys) || command.isBlocking) return;
      // An owner that cannot tell what changes must not be trusted: the client forgets at once what it gets.
      router?.tellOwners(session, command, args, keys, (names) => encodeRequest(['PEER', 'TRACK', runId, ...names]), (names) => {
        for (const name of names) tracking.tell(name.toString('latin1'), 0);
      });
    } else if (command.isWrite && state.isLoopless && router !== undefined && !command.isBlocking) {
      if (!findKeys(command, args, keys)) return;
      const origin = encodeRequest(['PEER', 'ORIGIN', runId, String(session.id)]);
      router.tellOwners(session, command, args, keys, () => origin, () => undefined);
      keys.count = 0;
    }
  }

  /** The command has run or has been sent; `args` are still its own. */
  end(session: Session, command: Command, args: Args): void {
    const { keys, node: { tracking } } = this;
    const state = session.tracking;
    if (state !== undefined) {
      for (let i = 0; i < keys.count; i++) tracking.remember(state.reader, args.text(keys.positions[i]!));
    }
    keys.count = 0;
    // The rest is for the end of the transaction.
    if (!session.mayWait) return;
    if (state !== undefined && !session.isQueueing && command.parent?.name !== 'client') state.isCachingGiven = false;
    tracking.commandDone();
  }

  /** A command that may wait goes to another node. */
  away(session: Session, command: Command, args: Args): TrackedAway | undefined {
    const state = session.tracking;
    if (state === undefined) return undefined;
    const { keys, node: { tracking } } = this;
    const reads = command.isReadOnly && state.remembers && findKeys(command, args, keys);
    const names = reads ? Array.from({ length: keys.count }, (_, index) => args.text(keys.positions[index]!)) : [];
    return this.told(session, reads, command.isWrite && state.isLoopless, () => {
      // Others than the reply may have overtaken it: then it is old already.
      for (const name of names) if (!tracking.remembers(session.id, name)) tracking.tellAgain(session, name);
    });
  }

  /** A transaction goes to another node: what it reads is remembered before, and not forgotten until it is over. */
  transactionAway(session: Session, transaction: Transaction): TrackedAway | undefined {
    const state = session.tracking;
    if (state === undefined) return undefined;
    const { keys, node: { tracking } } = this;
    let { remembers } = state;
    let reads = false;
    transaction.forEach((command, args) => {
      remembers ||= command.fullName === 'client|caching' && !state.isBroadcast;
      if (!remembers || !command.isReadOnly || !findKeys(command, args, keys)) return;
      reads = true;
      for (let i = 0; i < keys.count; i++) tracking.remember(session.id, args.text(keys.positions[i]!));
    });
    keys.count = 0;
    state.readsElsewhere = reads;
    return this.told(session, reads, state.isLoopless && transaction.writes, () => {
      state.readsElsewhere = false;
    });
  }

  /** What was to run here of a transaction that ran elsewhere has run. */
  endTransactionAway(session: Session, wasTracking: boolean): void {
    const { tracking: state } = session;
    if (state === undefined) return;
    state.isCachingGiven = false;
    // What it read behind CLIENT TRACKING ON was read before.
    if (!wasTracking) this.node.tracking.sendFlush(session);
  }

  private told(session: Session, reads: boolean, isLoopless: boolean, answered: () => void): TrackedAway | undefined {
    const { tracking, runId } = this.node;
    if (!reads && !isLoopless) return undefined;
    const preface = encodeRequest(['PEER', 'TRACKED', runId, isLoopless ? String(session.id) : '0', reads ? '1' : '0']);
    return { preface, answered, failed: () => tracking.sendFlush(session) };
  }
}

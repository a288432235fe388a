/**
 * What is done around the commands of clients that keep copies of what they read (CLIENT TRACKING): the keys of a read
 * are remembered, here or by the nodes that own them, and a client that is to be told of what it has changed itself is
 * told when it has its reply. See pubsub/tracking.ts.
 */
import type { Router } from './execute.js';
import type { NodeState } from './node-state.js';
import type { Session } from './session.js';
import { KeyPositions, findKeys } from '../commands/key-positions.js';
import type { Command } from '../commands/table.js';
import { type Args, encodeRequest } from '../protocol/args.js';

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
      if (!state.remembers || !findKeys(command, args, keys)) return;
      // An owner that cannot tell what changes must not be trusted: the client forgets at once what it gets.
      router?.tellOwners(session, args, keys, (names) => encodeRequest(['PEER', 'TRACK', runId, ...names]), (names) => {
        for (const name of names) tracking.tell(name.toString('latin1'), 0);
      });
    } else if (command.isWrite && state.isLoopless && router !== undefined && findKeys(command, args, keys)) {
      const origin = encodeRequest(['PEER', 'ORIGIN', runId, String(session.id)]);
      router.tellOwners(session, args, keys, () => origin, () => undefined);
      keys.count = 0;
    }
  }

  /** The command has run or has been sent; `args` are still its own. */
  end(session: Session, command: Command, args: Args): void {
    const { keys, node: { tracking } } = this;
    for (let i = 0; i < keys.count; i++) tracking.remember(session.id, args.text(keys.positions[i]!));
    // CLIENT CACHING is for the command behind it, other CLIENT commands aside.
    if (session.tracking !== undefined && command.parent?.name !== 'client') session.tracking.isCachingGiven = false;
    tracking.commandDone();
  }
}

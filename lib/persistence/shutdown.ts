/**
 * The last things before a node goes: what is to be on disk is brought there, and only then may the node stop.
 * Meanwhile what writes waits, so that nothing is acknowledged that the last snapshot does not have. When the disk does
 * not take it the node goes on as before, unless it is told to go all the same.
 * Source: prepareForShutdown() in redis's server.c.
 */
import type { Persistence } from './persistence.js';
import type { SnapshotKeeper } from './snapshot-keeper.js';
import { reasonOf } from './system-error.js';
import type { ShutdownOptions } from '../commands/context.js';
import type { NodeState } from '../execution/node-state.js';

/** The node does not stop; why is in the log, and in the message. */
export class ShutdownRefused extends Error {}

/** The words of `shutdown-on-sigterm` and `shutdown-on-sigint`. */
export function shutdownOptions(words: string): ShutdownOptions {
  const has = (word: string): boolean => words.split(' ').includes(word);
  const saves = has('save') ? true : has('nosave') ? false : undefined;
  return { saves, isForced: has('force') };
}

export class Shutdown {
  private work: Promise<void> | undefined;
  /** Of the attempt to stop that is under way. */
  private aborter = new AbortController();

  constructor(
    private readonly node: NodeState,
    private readonly snapshots: SnapshotKeeper,
    private readonly persistence: Persistence,
  ) {}

  /**
   * Resolves when the node may stop; from then on nothing is written any more. Who asks while this is under way gets
   * what the first who asked gets. Rejects with ShutdownRefused.
   */
  prepare(options: ShutdownOptions): Promise<void> {
    this.work ??= this.prepareOnce(options).catch((error: unknown) => {
      this.work = undefined;
      this.node.pause.holdForStop(false);
      throw error;
    });
    return this.work;
  }

  /** SHUTDOWN ABORT: the node goes on. False when it was not about to stop. */
  abort(): boolean {
    if (this.work === undefined) return false;
    this.aborter.abort();
    this.snapshots.abort();
    return true;
  }

  private async prepareOnce({ saves, isForced = false }: ShutdownOptions): Promise<void> {
    const { node, snapshots, persistence } = this;
    const { signal } = (this.aborter = new AbortController());
    // What is not loaded as a whole is not to be written.
    if (!persistence.isLoaded) return;
    node.pause.holdForStop(true);
    try {
      persistence.checkBegun();
      await snapshots.giveUp();
      await persistence.endRewrite();
      await persistence.flush();
      if (saves ?? snapshots.hasPoints) {
        node.log.info('Saving the final RDB snapshot before exiting.');
        await snapshots.save();
      }
    } catch (error) {
      const reason = reasonOf(error);
      if (!isForced || signal.aborted) throw this.refusal(reason);
      node.log.warning(`Error trying to save the DB. Exit anyway: ${reason}`);
    }
    if (signal.aborted) throw this.refusal('it was aborted');
  }

  private refusal(reason: string): ShutdownRefused {
    this.node.log.warning(`Errors trying to shut down the node, which goes on: ${reason}`);
    return new ShutdownRefused(`the node goes on: what is to be kept could not be written: ${reason}`);
  }
}

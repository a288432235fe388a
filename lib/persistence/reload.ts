/**
 * DEBUG RELOAD and LOADAOF: the store is emptied, and loaded from the disk while the node runs. Clients stay, and are
 * told -LOADING meanwhile; those that wait for buckets are served when it is done. Nothing of it is recorded.
 */
import { PersistenceError } from './persistence-error.js';
import type { Persistence } from './persistence.js';
import type { SnapshotKeeper } from './snapshot-keeper.js';
import { reasonOf } from './system-error.js';
import type { ReloadOptions, ReloadOutcome } from '../commands/context.js';
import type { NodeState } from '../execution/node-state.js';
import { refuseWhileLoading } from '../execution/refusals.js';

/** Runs `load` while nobody is served and nothing is recorded. */
export async function loadAside(node: NodeState, load: () => Promise<void>): Promise<void> {
  const { waits, propagation } = node;
  const { log } = propagation;
  node.refuseFor('loading', refuseWhileLoading);
  waits.isSuspended = true;
  propagation.log = undefined;
  try {
    await load();
  } finally {
    propagation.log = log;
    waits.isSuspended = false;
    node.refuseFor('loading', undefined);
    waits.serve();
  }
}

export class Reload {
  constructor(
    private readonly node: NodeState,
    private readonly snapshots: SnapshotKeeper,
    private readonly persistence: Persistence,
  ) {}

  /**
   * Writes `dump.rdb`, and loads it in the place of what is in the store. No snapshot is being written.
   *
   * With NOSAVE, NOFLUSH or MERGE what is loaded is another state than the log's. Nobody is served before the log has
   * it too: a node that is killed until then comes back with what it had before, and with nothing that was written
   * since. (redis-server leaves the log as it is, and replays what is written later on the state from before.)
   */
  async run({ saves = true, empties = true, replaces = false }: ReloadOptions): Promise<ReloadOutcome> {
    const { node, snapshots, persistence } = this;
    const isOther = !(saves && empties);
    let outcome: ReloadOutcome = 'not saved';
    try {
      await persistence.whileSteady(() => loadAside(node, async () => {
        if (saves) await snapshots.save();
        if (isOther) await persistence.flush();
        outcome = 'not loaded';
        // What is there stays when there is nothing to be loaded.
        if (!(await snapshots.isThere())) throw new PersistenceError('there is no snapshot');
        if (empties) node.store.empty(node.store.databases);
        try {
          await snapshots.load({ replaces });
          outcome = 'done';
        } finally {
          // What was emptied and could not be loaded is in the log alone.
          if (isOther && (outcome === 'done' || !empties)) await persistence.replaceLog('DEBUG RELOAD has loaded another state');
        }
      }));
      node.log.warning('DB reloaded by DEBUG RELOAD');
    } catch (error) {
      node.log.warning(`DEBUG RELOAD: ${reasonOf(error)}`);
    }
    return outcome;
  }
}

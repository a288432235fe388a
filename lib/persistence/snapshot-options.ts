/** What snapshots of a node have in common, be it `dump.rdb` or the base of the append log. */
import type { SnapshotOptions } from './snapshot.js';
import type { NodeState } from '../execution/node-state.js';

const PATIENCE_MS = 10_000;

/**
 * All of them are made here, so that V8 sees one shape of object: code that is compiled for `dump.rdb` would be thrown
 * out, and be slow for some milliseconds, when the base of the log comes with another.
 */
export function snapshotOptions(node: NodeState, form: SnapshotOptions['form'], isLogBase: boolean): SnapshotOptions {
  const { settings, clock, latency } = node;
  const policy = settings.text('maxmemory-policy');
  return {
    form,
    isLogBase,
    functions: node.functions,
    syncsOften: settings.flag(isLogBase ? 'aof-rewrite-incremental-fsync' : 'rdb-save-incremental-fsync'),
    compresses: settings.flag('rdbcompression'),
    hasChecksum: settings.flag('rdbchecksum'),
    notesTime: isLogBase && settings.flag('aof-timestamp-enabled'),
    notesUse: policy.endsWith('-lru') ? 'idle' : policy.endsWith('-lfu') ? 'frequency' : undefined,
    nowMs: clock.nowMs(),
    elapsedUs: () => clock.elapsedUs(),
    beforeSlice: () => node.sendReplies(),
    onSlice(durationUs) {
      if (latency.isSlow(durationUs)) latency.add('snapshot-cycle', durationUs, clock.nowMs());
    },
    patienceMs: PATIENCE_MS,
    onBehind(isBehind) {
      if (!node.pause.holdWrites('snapshot', isBehind) || !isBehind) return;
      node.log.warning('The disk does not keep up with the snapshot: writes wait for it');
    },
  };
}

/** What snapshots of a node have in common, be it `dump.rdb` or the base of the append log. */
import type { SnapshotOptions } from './snapshot.js';
import type { NodeState } from '../execution/node-state.js';

const PATIENCE_MS = 10_000;

export function snapshotOptions(node: NodeState): Omit<SnapshotOptions, 'form' | 'isLogBase' | 'functions' | 'syncsOften'> {
  const { settings, clock } = node;
  const policy = settings.text('maxmemory-policy');
  return {
    compresses: settings.flag('rdbcompression'),
    hasChecksum: settings.flag('rdbchecksum'),
    notesUse: policy.endsWith('-lru') ? 'idle' : policy.endsWith('-lfu') ? 'frequency' : undefined,
    nowMs: clock.nowMs(),
    elapsedUs: () => clock.elapsedUs(),
    patienceMs: PATIENCE_MS,
    onBehind(isBehind) {
      if (!node.pause.holdWrites('snapshot', isBehind) || !isBehind) return;
      node.log.warning('The disk does not keep up with the snapshot: writes wait for it');
    },
  };
}

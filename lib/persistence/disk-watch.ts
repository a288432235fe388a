/**
 * Watches the disk for the append log: writes are refused while it cannot be written and wait while it does not keep
 * up; what takes long is noted for LATENCY, under the names that redis-server has for it.
 */
import type { AppendLog, LogEvents } from './append-log.js';
import type { SyncRules } from './log-writer.js';
import type { SnapshotTurn } from './snapshot-turn.js';
import { reasonOf } from './system-error.js';
import { misconfigured } from '../errors.js';
import type { NodeState } from '../execution/node-state.js';
import { refuseWrites } from '../execution/refusals.js';

export class DiskWatch implements LogEvents {
  /** How often writers had to wait. */
  delays = 0;
  /** Since when they wait. */
  private heldSinceUs: number | undefined;

  constructor(
    private readonly node: NodeState,
    private readonly rules: SyncRules,
    private readonly turn: SnapshotTurn,
  ) {}

  /** Has writers wait while the disk does not keep up. */
  look(log: AppendLog | undefined): void {
    const { node } = this;
    const isBehind = log?.isBehind === true;
    if (!node.pause.holdWrites('log', isBehind)) return;
    const nowUs = node.clock.elapsedUs();
    if (isBehind) {
      this.delays++;
      this.heldSinceUs = nowUs;
      node.log.warning('The disk does not keep up with the append log: writes wait for it');
    } else if (this.heldSinceUs !== undefined) this.note('aof-write-pending-fsync', nowUs - this.heldSinceUs);
  }

  /** There is no log any more: nobody waits for it, and nothing is refused for it. */
  end(): void {
    this.node.pause.holdWrites('log', false);
    this.node.refuseFor('log', undefined);
  }

  onFailure(operation: 'write' | 'sync', error: unknown): void {
    const reason = reasonOf(error);
    const what = operation === 'write' ? 'Error writing to the AOF file' : 'Fail to fsync the AOF file';
    this.node.log.warning(`${what}: ${reason}`);
    this.node.refuseFor('log', refuseWrites(misconfigured(reason)));
  }

  onRecovery(): void {
    this.node.log.warning('AOF write error looks solved. The node can write again.');
    this.node.refuseFor('log', undefined);
  }

  onDone(operation: 'write' | 'sync', durationUs: number): void {
    if (!this.node.latency.isSlow(durationUs)) return;
    if (operation === 'sync') return this.note(this.rules.policy === 'always' ? 'aof-fsync-always' : 'aof-fsync', durationUs);
    this.note('aof-write', durationUs);
    this.note(this.turn.isTaken ? 'aof-write-active-child' : 'aof-write-alone', durationUs);
  }

  /** An event is kept when it took long enough. */
  note(event: string, durationUs: number): void {
    const { latency, clock } = this.node;
    if (latency.isSlow(durationUs)) latency.add(event, durationUs, clock.nowMs());
  }
}

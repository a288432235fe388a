/**
 * Runs the expiry cycle (store/expiry.ts) ten times a second, in slices between which clients are served. A round may
 * take a quarter of the time; DEBUG SET-ACTIVE-EXPIRE switches it off.
 */
import type { NodeState } from './node-state.js';
import { ExpiryCycle } from '../store/expiry.js';

const PERIOD_MS = 100;
const SLICE_US = 1000;
const SLICES_MAX = 25;

export class ExpiryTimer {
  private readonly cycle: ExpiryCycle;
  private timer: NodeJS.Timeout | undefined;
  /** A round is under way; on a busy node it may take longer than a period. */
  private isRunning = false;
  private sliceEndUs = 0;
  private readonly isSliceOver = (): boolean => this.node.clock.elapsedUs() >= this.sliceEndUs;

  constructor(private readonly node: NodeState) {
    this.cycle = new ExpiryCycle(node.store);
  }

  start(): void {
    this.timer = setInterval(() => this.round(), PERIOD_MS);
    this.timer.unref();
  }

  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  private round(): void {
    // During a pause data are to stay as they are.
    if (this.isRunning || !this.node.isExpiringActively || this.node.pause.isActive) return;
    this.isRunning = true;
    this.cycle.begin();
    this.slice(SLICES_MAX);
  }

  private slice(slicesLeft: number): void {
    this.node.beginBatch();
    const { clock, store } = this.node;
    const startUs = clock.elapsedUs();
    this.sliceEndUs = startUs + SLICE_US;
    const hasMore = this.cycle.run(this.isSliceOver);
    if (this.node.waits.hasReady) this.node.waits.serve();
    store.expiryRoundsUs += clock.elapsedUs() - startUs;
    if (hasMore && slicesLeft > 1 && this.timer !== undefined) {
      setImmediate(() => this.slice(slicesLeft - 1));
      return;
    }
    this.cycle.end();
    this.isRunning = false;
  }
}

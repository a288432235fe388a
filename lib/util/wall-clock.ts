/**
 * The time of day, read off the clock that measures durations. A batch of requests needs both times, and each look at a
 * clock costs 50 to 70 ns; so it looks once, and the difference of the two clocks is measured now and then (`sync`).
 */
import type { Clock } from './clock.js';

/** Differences up to here are the milliseconds' roughness; larger ones mean that somebody has set the time. */
const DRIFT_MS_MAX = 5;

export class WallClock {
  /** Milliseconds since the epoch when `elapsedUs` was 0. */
  private originMs: number;

  constructor(private readonly clock: Clock) {
    this.originMs = this.measure();
  }

  /** Milliseconds since the epoch, whole, when `elapsedUs` was what is given. */
  msAt(elapsedUs: number): number {
    return Math.floor(this.originMs + elapsedUs / 1000);
  }

  /** Follows the system's time. It does not go back by the millisecond that a measurement may be short. */
  sync(): void {
    const originMs = this.measure();
    if (originMs > this.originMs || originMs < this.originMs - DRIFT_MS_MAX) this.originMs = originMs;
  }

  private measure(): number {
    return this.clock.nowMs() - this.clock.elapsedUs() / 1000;
  }
}

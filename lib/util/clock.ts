/** Time as an argument: a node reads its clock through this, and a test hands in one that it moves by hand. */
export interface Clock {
  /** Milliseconds since the epoch, whole. */
  nowMs(): number;
  /** Microseconds since the epoch, whole; as exact as the system's clock allows, and at least as `nowMs`. */
  nowUs(): number;
  /** Microseconds on a clock that never goes back, for durations. */
  elapsedUs(): number;
}

const DRIFT_MS_MAX = 5;

export const systemClock: Clock = {
  nowMs: Date.now,
  nowUs: () => {
    // The fine clock does not follow when the system's time is set; then milliseconds must do.
    const us = Math.floor((performance.timeOrigin + performance.now()) * 1000);
    const ms = Date.now();
    return Math.abs(us / 1000 - ms) < DRIFT_MS_MAX ? us : ms * 1000;
  },
  elapsedUs: () => performance.now() * 1000,
};

/** A clock that stands still until `advance` moves it. */
export class FakeClock implements Clock {
  constructor(private ms = 1_700_000_000_000) {}

  nowMs(): number {
    return Math.floor(this.ms);
  }

  nowUs(): number {
    return Math.floor(this.ms * 1000);
  }

  elapsedUs(): number {
    return this.ms * 1000;
  }

  advance(ms: number): void {
    this.ms += ms;
  }
}

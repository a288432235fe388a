/** Time as an argument: a node reads its clock through this, and a test hands in one that it moves by hand. */
export interface Clock {
  /** Milliseconds since the epoch, whole. */
  nowMs(): number;
  /** Microseconds on a clock that never goes back, for durations. */
  elapsedUs(): number;
}

export const systemClock: Clock = {
  nowMs: Date.now,
  elapsedUs: () => performance.now() * 1000,
};

/** A clock that stands still until `advance` moves it. */
export class FakeClock implements Clock {
  constructor(private ms = 1_700_000_000_000) {}

  nowMs(): number {
    return Math.floor(this.ms);
  }

  elapsedUs(): number {
    return this.ms * 1000;
  }

  advance(ms: number): void {
    this.ms += ms;
  }
}

/** Waits for a moment of a clock. */
import type { Clock } from './clock.js';

/** The longest that a timer can be set for, some 24 days; whoever waits longer is waited for again. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/**
 * Calls `callback` when the clock has reached a moment, however far off, unless the returned function is called first.
 * Never sooner: a timer may be early by a part of a millisecond.
 */
export function callAt(clock: Clock, momentMs: number, callback: () => void): () => void {
  let timer: NodeJS.Timeout;
  const arm = (): void => {
    const ms = Math.min(momentMs - clock.nowMs(), TIMER_MS_MAX);
    timer = setTimeout(() => (clock.nowMs() < momentMs ? arm() : callback()), Math.max(0, ms));
  };
  arm();
  return () => clearTimeout(timer);
}

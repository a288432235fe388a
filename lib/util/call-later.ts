/** The longest that a timer can be set for, some 24 days; whoever waits longer is waited for again. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** Calls `callback` after so many milliseconds, however many they are, unless the returned function is called first. */
export function callLater(ms: number, callback: () => void): () => void {
  const stepMs = Math.max(0, Math.min(ms, TIMER_MS_MAX));
  let cancelNext: (() => void) | undefined;
  const timer = setTimeout(() => {
    if (stepMs >= ms) callback();
    else cancelNext = callLater(ms - stepMs, callback);
  }, stepMs);
  return () => {
    clearTimeout(timer);
    cancelNext?.();
  };
}

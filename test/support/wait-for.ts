/** Waiting in tests: for what must become true, never for a time. */
import { setTimeout as delay } from 'node:timers/promises';

const STEP_MS = 5;
/** Not a limit for what is tested: long enough for a machine under any load, and shorter than ava waits. */
const PATIENCE_MS = 60_000;

/** Resolves when `condition` holds. Rejects after a minute, and names what did not come. */
export async function waitFor(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`waited ${PATIENCE_MS} ms in vain for: ${what}`);
    await delay(STEP_MS);
  }
}

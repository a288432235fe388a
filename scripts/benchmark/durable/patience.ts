/** Waiting for what takes seconds, with few questions meanwhile, so that they do not show in what is measured. */
import { setTimeout as delay } from 'node:timers/promises';
import type { RawClient } from '../../../test/support/raw-client.js';

const STEP_MS = 100;
const PATIENCE_MS = 180_000;

/** Resolves when INFO persistence has the text. Rejects after three minutes. */
export async function untilInfoHas(client: RawClient, text: string): Promise<void> {
  const endMs = performance.now() + PATIENCE_MS;
  while (!(await client.ask('INFO persistence')).includes(text)) {
    if (performance.now() > endMs) throw new Error(`waited in vain for ${text}`);
    await delay(STEP_MS);
  }
}

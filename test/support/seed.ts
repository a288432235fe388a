/** The seed of whatever a test draws: from SEED in the environment, or new for each run; always printed. */
import type { ExecutionContext } from 'ava';

const given = process.env.SEED;
export const seed = given === undefined ? Date.now() % 2 ** 31 : Number(given);

/** The run's seed, shown with the test's result. */
export function seedOf(t: ExecutionContext): number {
  t.log(`SEED=${seed}`);
  return seed;
}

/**
 * The seed of whatever a test draws: from SEED in the environment, else new for each run, and always printed. In CI it
 * is the same for every run: there a change is judged, and must not be refused for a difference that was always there
 * and that this run happened to draw. Who looks for such differences runs the tests without CI set, or scripts/fuzz.
 */
import type { ExecutionContext } from 'ava';

const IN_CI = 1;
const otherwise = process.env.CI === undefined ? Date.now() % 2 ** 31 : IN_CI;
export const seed = Number(process.env.SEED ?? otherwise);

/** The run's seed, shown with the test's result. */
export function seedOf(t: ExecutionContext): number {
  t.log(`SEED=${seed}`);
  return seed;
}

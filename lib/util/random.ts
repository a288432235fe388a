/**
 * Randomness as an argument: everything that draws gets one of these, so that a test can replay a run by its seed.
 */
import { randomFillSync } from 'node:crypto';

export interface Random {
  /** A number from 0 up to, not including, 1. */
  next(): number;
}

export const systemRandom: Random = { next: Math.random };

/** Two words from the system's secure source, for hash seeds. */
export function randomWords(): { low: number; high: number } {
  const words = randomFillSync(new Int32Array(2));
  return { low: words[0]!, high: words[1]! };
}

/**
 * A repeatable sequence for tests and simulations.
 * Source: "mulberry32", T. Ettinger, public domain.
 */
export function seededRandom(seed: number): Random {
  let state = seed | 0;
  return {
    next() {
      state = (state + 0x6d2b79f5) | 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    },
  };
}

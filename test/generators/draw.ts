/** Draws from a seeded sequence. */
import type { Random } from '../../lib/util/random.js';

export class Draw {
  constructor(private readonly random: Random) {}

  /** A whole number from 0 up to, not including, `count`. */
  below(count: number): number {
    return Math.floor(this.random.next() * count);
  }

  /** A whole number from `least` to `most`, both included. */
  between(least: number, most: number): number {
    return least + this.below(most - least + 1);
  }

  chance(share: number): boolean {
    return this.random.next() < share;
  }

  pick<T>(choices: readonly T[]): T {
    if (choices.length === 0) throw new Error('nothing to pick from');
    return choices[this.below(choices.length)]!;
  }
}

/** Partial sorting against the whole sort under a seed. */
import test from 'ava';
import { seedOf, seed } from '../support/seed.js';
import { seededRandom } from '../../lib/util/random.js';
import { partialSort } from '../../lib/util/partial-sort.js';

test('the wanted part is what a whole sort puts there', (t) => {
  seedOf(t);
  const random = seededRandom(seed);
  const below = (count: number): number => Math.floor(random.next() * count);
  for (let round = 0; round < 5000; round++) {
    const values = below(2) === 0 ? 5 : 1000;
    const items = Array.from({ length: 1 + below(120) }, () => below(values));
    const first = below(items.length);
    const last = first + below(items.length - first);
    const whole = items.toSorted((a, b) => a - b);
    partialSort(items, first, last, (a, b) => a - b);
    t.deepEqual(items.slice(first, last + 1), whole.slice(first, last + 1));
    t.deepEqual(items.sort((a, b) => a - b), whole);
  }
});

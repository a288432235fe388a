/** The leaf list against a sorted array under a seed. */
import test from 'ava';
import { Arena } from '../../lib/store/arena.js';
import { STRING, createEntry, keySlice } from '../../lib/store/entry.js';
import { LeafList } from '../../lib/store/leaf-list.js';
import { Slice, sliceOf } from '../../lib/util/bytes.js';
import { type Random, seededRandom } from '../../lib/util/random.js';
import { seed } from '../support/seed.js';

console.log(`leaf-list: SEED=${seed}`);

interface Pair {
  score: number;
  name: string;
  ref: number;
}

/** A list and the same pairs in an array. */
class Model {
  readonly arena = new Arena();
  readonly list = new LeafList(this.arena);
  readonly pairs: Pair[] = [];
  private made = 0;

  /** How many pairs of the array are before this one. */
  place(score: number, name: string): number {
    let low = 0;
    for (let high = this.pairs.length; low < high; ) {
      const middle = (low + high) >>> 1;
      const pair = this.pairs[middle]!;
      if (pair.score < score || (pair.score === score && pair.name < name)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  insert(score: number): void {
    const name = `${(this.made * 7919) % 100_003}-${this.made++}`;
    const ref = createEntry(this.arena, STRING, sliceOf(name), 8, 0);
    this.list.insert(score, ref);
    this.pairs.splice(this.place(score, name), 0, { score, name, ref });
  }

  remove(index: number): void {
    const { score, ref } = this.pairs[index]!;
    this.list.remove(score, ref);
    this.pairs.splice(index, 1);
    this.arena.free(ref);
  }

  removeRange(index: number, count: number): boolean {
    const released: number[] = [];
    this.list.removeRange(index, count, (ref) => released.push(ref));
    const refs = this.pairs.splice(index, count).map(({ ref }) => ref);
    for (const ref of refs) this.arena.free(ref);
    return JSON.stringify(refs) === JSON.stringify(released);
  }

  walked(rank: number, count: number, isReverse: boolean): Pair[] {
    const walked: Pair[] = [];
    const key = new Slice();
    this.list.walk(rank, count, isReverse, (ref, score) => {
      walked.push({ score, name: keySlice(this.arena, ref, key).text(), ref });
    });
    return walked;
  }

  /** Whether a walk over a part, drawn at random, gives what the array has there. */
  isAlike(random: Random): boolean {
    const { length } = this.pairs;
    if (this.list.size !== length) return false;
    const rank = Math.floor(random.next() * length);
    const count = Math.floor(random.next() * (length - rank));
    const expected = this.pairs.slice(rank, rank + count);
    const upwards = this.walked(rank, count, false);
    const downwards = this.walked(rank + count - 1, count, true).reverse();
    return same(upwards, expected) && same(downwards, expected);
  }
}

function same(ours: readonly Pair[], model: readonly Pair[]): boolean {
  return ours.length === model.length && ours.every(({ ref, score }, index) => {
    const pair = model[index]!;
    return ref === pair.ref && score === pair.score;
  });
}

const PAIRS_OF_A_LEAF = 512;
const LEAVES_OF_A_GROUP = 128;

/** In which form a list is. Leaves that were split have room for all that they may hold. */
function formOf({ list }: Model): string {
  const leaves = list.byteCount / 12 / PAIRS_OF_A_LEAF;
  if (leaves <= 1) return 'one leaf';
  return leaves <= LEAVES_OF_A_GROUP ? 'one group' : 'several groups';
}

const SHAPES = [
  { name: 'a few hundred pairs', size: 300, forms: ['one leaf'], scores: (random: Random) => Math.floor(random.next() * 50) },
  {
    name: 'many scores', size: 60_000, forms: ['one leaf', 'one group', 'several groups'],
    scores: (random: Random) => random.next() * 1000 - 500,
  },
  { name: 'few scores', size: 8_000, forms: ['one leaf', 'one group'], scores: (random: Random) => Math.floor(random.next() * 4) },
  { name: 'one score', size: 5_000, forms: ['one leaf', 'one group'], scores: () => 1 },
];

for (const { name, size, forms, scores } of SHAPES) {
  test(`a list with ${name} is as a sorted array`, (t) => {
    const random = seededRandom(seed);
    const model = new Model();
    const met = new Set<string>();
    let isGrowing = true;
    for (let step = 0; step < Math.max(100_000, size * 4); step++) {
      if (step % 64 === 0) met.add(formOf(model));
      const { length } = model.pairs;
      if (length >= size) isGrowing = false;
      if (length === 0) isGrowing = true;
      const index = Math.floor(random.next() * length);
      const choice = random.next();
      let isAlike = true;
      if (length === 0 || choice < (isGrowing ? 0.7 : 0.2)) model.insert(scores(random));
      else if (choice < 0.9) model.remove(index);
      else if (choice < 0.9005 && !isGrowing) {
        isAlike = model.removeRange(index, Math.ceil(random.next() * Math.min(length - index, 2000)));
      } else {
        const pair = model.pairs[index]!;
        isAlike = model.list.rankOfPair(pair.score, pair.ref) === index;
        const rank = model.list.rankOf({ isBefore: (score) => score <= pair.score });
        isAlike &&= rank === model.place(pair.score, '\uffff');
      }
      if (step % 997 === 0) isAlike &&= model.isAlike(random);
      if (!isAlike) return t.fail(`SEED=${seed}, step ${step}: differs`);
    }
    while (model.pairs.length > 0) t.true(model.removeRange(0, model.pairs.length));
    t.is(model.list.size, 0);
    t.deepEqual([...met], forms);
  });
}

test('a list built in order, upwards or downwards, has all its pairs, through 200,000 of them', (t) => {
  for (const direction of [1, -1]) {
    const model = new Model();
    const name = sliceOf('x');
    for (let step = 0; step < 200_000; step++) {
      model.list.insert(step * direction + 0, createEntry(model.arena, STRING, name, 8, 0));
    }
    t.is(model.list.size, 200_000);
    for (const rank of [0, 1, 511, 512, 70_000, 199_999]) {
      const [pair] = model.walked(rank, 1, false);
      t.is(pair!.score, direction > 0 ? rank : rank - 199_999);
      t.is(model.list.rankOfPair(pair!.score, pair!.ref), rank);
    }
    t.true(model.list.byteCount < 200_000 * 12 * (direction > 0 ? 1.01 : 2.02));
  }
});

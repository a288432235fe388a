/** The stream index against a plain sorted array under a seed. */
import test from 'ava';
import { Arena } from '../../lib/store/arena.js';
import { StreamId } from '../../lib/store/stream-id.js';
import { StreamIndex } from '../../lib/store/stream-index.js';
import { type Random, seededRandom } from '../../lib/util/random.js';
import { seedOf } from '../support/seed.js';

const STEPS = 150_000;

/** IDs of few moments and many sequence numbers, or the other way round, on both sides of 2 ** 32. */
function drawId(random: Random, spread: number): StreamId {
  const part = (): number => Math.floor(random.next() * spread) - spread / 2;
  const words = (value: number): [number, number] => [value < 0 ? 0 : 1, value >>> 0];
  return new StreamId().set(...words(part()), ...words(part()));
}

/** An index, and the same records in order. */
class Pair {
  readonly arena = new Arena();
  readonly index = new StreamIndex(this.arena, 1);
  readonly model: { id: StreamId; word: number }[] = [];

  /** The place of the first record in the model that is not before `id`. */
  placeOf(id: StreamId): number {
    let low = 0;
    for (let high = this.model.length; low < high; ) {
      const middle = (low + high) >>> 1;
      if (this.model[middle]!.id.compare(id) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  has(id: StreamId): boolean {
    return this.model[this.placeOf(id)]?.id.compare(id) === 0;
  }

  insert(id: StreamId, word: number): boolean {
    const isNew = this.index.insert(id);
    if (isNew === this.has(id)) return false;
    this.index.setWord(0, word);
    this.model.splice(this.placeOf(id), isNew ? 0 : 1, { id, word });
    return this.index.size === this.model.length;
  }

  remove(id: StreamId): boolean {
    const place = this.placeOf(id);
    if (this.index.seek(id) !== this.has(id)) return false;
    if (!this.has(id)) return true;
    this.model.splice(place, 1);
    return this.isAt(place, this.index.remove());
  }

  seekFrom(id: StreamId): boolean {
    return this.isAt(this.placeOf(id), this.index.seekFrom(id));
  }

  seekUpTo(id: StreamId): boolean {
    const place = this.placeOf(id) - (this.has(id) ? 0 : 1);
    return this.isAt(place, this.index.seekUpTo(id));
  }

  /** Whether the cursor, when it is anywhere, is at the model's record at `place`. */
  private isAt(place: number, isThere: boolean): boolean {
    const expected = this.model[place];
    if (expected === undefined || !isThere) return expected === undefined && !isThere;
    return this.index.readId(new StreamId()).compare(expected.id) === 0 && this.index.word(0) === expected.word;
  }

  /** Whether a walk in either direction meets all records. */
  isWhole(): boolean {
    const { index, model } = this;
    let place = 0;
    for (let isThere = index.seekFirst(); isThere; isThere = index.next()) if (!this.isAt(place++, true)) return false;
    if (place !== model.length) return false;
    for (let isThere = index.seekLast(); isThere; isThere = index.previous()) {
      if (!this.isAt(--place, true)) return false;
    }
    return place === 0;
  }
}

const LEAF_RECORDS = 128;
const RECORD_BYTES = 20;

/** How many leaves there must be for so many bytes. */
function formOf({ index }: Pair): string {
  const leaves = index.byteCount / (LEAF_RECORDS * RECORD_BYTES);
  if (leaves < 1) return 'one leaf that grows';
  return leaves < 3 ? 'a leaf or two' : 'many leaves';
}

const ALL = ['one leaf that grows', 'a leaf or two', 'many leaves'];

for (const [spread, forms] of [[4, ['one leaf that grows']], [40, ALL], [4000, ALL]] as const) {
  test(`an index over IDs of ${spread} moments is as a sorted array`, (t) => {
    const random = seededRandom(seedOf(t));
    const pair = new Pair();
    const met = new Set<string>();
    const usedAtStart = pair.arena.usedBytes;
    for (let step = 0; step < STEPS; step++) {
      met.add(formOf(pair));
      // It grows and shrinks in turns, so that leaves are cut and joined.
      const isGrowing = (step >>> 14) % 2 === 0;
      const id = drawId(random, spread);
      const choice = random.next();
      let isAlike: boolean;
      if (choice < (isGrowing ? 0.6 : 0.2)) isAlike = pair.insert(id, step);
      else if (choice < 0.8) {
        const { model } = pair;
        const known = model[Math.floor(random.next() * random.next() * model.length)]?.id ?? id;
        isAlike = pair.remove(choice < 0.25 ? id : known);
      } else isAlike = choice < 0.9 ? pair.seekFrom(id) : pair.seekUpTo(id);
      if (!isAlike || (step % 5000 === 0 && !pair.isWhole())) return t.fail(`step ${step}`);
    }
    t.true(pair.isWhole());
    t.is(pair.index.byteCount, pair.arena.usedBytes - usedAtStart);
    while (pair.index.dismantle(() => undefined));
    t.is(pair.arena.usedBytes, usedAtStart);
    t.deepEqual([...met], [...forms]);
  });
}

test('records that come in order fill their leaves', (t) => {
  const arena = new Arena();
  const index = new StreamIndex(arena, 1);
  const id = new StreamId();
  for (let count = 0; count < 100_000; count++) {
    id.increment();
    index.insert(id);
  }
  t.true(index.byteCount < 100_000 * 21);
});

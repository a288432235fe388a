/** List values against a plain array under a seed, across every size at which they are kept otherwise. */
import test from 'ava';
import { ElementRun, elementBytes, readElement, readElementBackwards } from '../../lib/store/element-run.js';
import { IS_STRUCTURE, expiryOf, hasFlag } from '../../lib/store/entry.js';
import {
  copyList, createList, getElement, insertElement, listBytes, listLength, pushElement, removeElements,
  removeEqualElements, setElement, settleList, startWalk,
} from '../../lib/store/list-value.js';
import { Store } from '../../lib/store/store.js';
import { Slice, sliceOf } from '../../lib/util/bytes.js';
import { type Random, seededRandom } from '../../lib/util/random.js';
import { seed } from '../support/seed.js';

console.log(`list-value: SEED=${seed}`);

const KEY = 'bucket';

/** A store with one list in it, and the same list as an array. */
class Pair {
  readonly store: Store;
  readonly key = sliceOf(KEY);
  model: string[] = [];

  constructor(random: Random) {
    this.store = new Store({ random, seed: { low: 1, high: 2 }, databases: 1 });
  }

  get db() {
    return this.store.databases[0]!;
  }

  get ref(): number {
    return this.db.find(this.key);
  }

  insert(index: number, element: string): void {
    const found = this.ref;
    const ref = found === 0 ? createList(this.db, this.key, elementBytes(element.length)) : found;
    insertElement(this.db, this.key, ref, index, sliceOf(element));
    this.model.splice(index, 0, element);
  }

  push(element: string, atHead: boolean): void {
    const found = this.ref;
    const ref = found === 0 ? createList(this.db, this.key, elementBytes(element.length)) : found;
    pushElement(this.db, this.key, ref, atHead ? 'head' : 'tail', sliceOf(element));
    if (atHead) this.model.unshift(element);
    else this.model.push(element);
  }

  set(index: number, element: string): void {
    setElement(this.db, this.key, this.ref, index, sliceOf(element));
    this.model[index] = element;
  }

  remove(index: number, count: number): void {
    const { ref } = this;
    removeElements(this.db, ref, index, count);
    settleList(this.db, this.key, ref);
    this.model.splice(index, count);
  }

  /** Whether as many went as from the array. */
  removeEqual(element: string, most: number, fromHead: boolean): boolean {
    const { ref } = this;
    const removed = removeEqualElements(this.db, ref, sliceOf(element), most, fromHead ? 'head' : 'tail');
    settleList(this.db, this.key, ref);
    let left = most;
    const keep = (each: string): boolean => each !== element || left-- <= 0;
    const before = this.model.length;
    this.model = fromHead ? this.model.filter(keep) : this.model.reverse().filter(keep).reverse();
    return removed === before - this.model.length;
  }

  get(index: number): string {
    const element = new Slice();
    getElement(this.db, this.ref, index, element);
    return element.text();
  }

  /** Up to `count` elements from `index` on, in either direction. */
  walk(index: number, count: number, isForward: boolean): string[] {
    const walk = startWalk(this.db, this.ref, index, isForward);
    return Array.from({ length: count }, () => walk.next().text());
  }

  /** What differs between the two, or undefined. */
  difference(): string | undefined {
    const { ref, model } = this;
    if (ref === 0) return model.length === 0 ? undefined : 'the bucket is gone';
    if (model.length === 0) return 'an empty bucket stayed';
    if (listLength(this.db, ref) !== model.length) return `${listLength(this.db, ref)} elements for ${model.length}`;
    const isAlike = (ours: string[], theirs: string[]): boolean => ours.every((each, index) => each === theirs[index]);
    if (!isAlike(this.walk(0, model.length, true), model)) return 'the elements differ, from the head on';
    const reversed = [...model].reverse();
    return isAlike(this.walk(model.length - 1, model.length, false), reversed) ? undefined : 'they differ from the tail on';
  }
}

function draw(random: Random, limit: number): number {
  return Math.floor(random.next() * limit);
}

const CONTENT = '\xc0v\r\n\0\x80'.repeat(10_000);

/** How many elements there may be, and how long: small, about a page, many pages, larger than a page. */
const SHAPES = [
  { name: 'few short elements', elements: 12, bytes: 12 },
  { name: 'about a page', elements: 1200, bytes: 12 },
  { name: 'many pages', elements: 12_000, bytes: 30 },
  { name: 'elements of about 128 bytes', elements: 300, bytes: 140 },
  { name: 'elements of about a third of a page', elements: 60, bytes: 4000 },
  { name: 'elements larger than a page', elements: 30, bytes: 20_000 },
];

for (const shape of SHAPES) {
  for (const pageSizes of [[-2], [-1], [-5], [3], [128], [-2, -5, 1, 7, -1, 128]]) {
    test(`a list of ${shape.name} is as an array, with list-max-listpack-size ${pageSizes.join(', then ')}`, (t) => {
      const random = seededRandom(seed);
      const pair = new Pair(random);
      const met = new Set<boolean>();
      const usedAtStart = pair.store.arena.usedBytes;
      for (let step = 0; step < 12_000; step++) {
        if (step % 250 === 0) pair.store.encodingLimits.setListPage(pageSizes[draw(random, pageSizes.length)]!);
        const isAlike = operate(pair, random, shape, step);
        if (pair.ref !== 0) met.add(hasFlag(pair.store.arena, pair.ref, IS_STRUCTURE));
        if (step % 499 === 0 || !isAlike) {
          const difference = isAlike ? pair.difference() : 'an answer differs';
          if (difference !== undefined) return t.fail(`SEED=${seed}, step ${step}: ${difference}`);
        }
      }
      t.is(pair.difference(), undefined);
      if (pageSizes.length > 1) t.is(met.size, 2, 'it was one record, and pages');
      if (pair.ref !== 0) pair.db.remove(pair.key, pair.ref);
      while (pair.store.reclaimer.run(() => false));
      t.is(pair.store.arena.usedBytes, usedAtStart, 'all memory came back');
    });
  }
}

/** One operation on both; whether they gave the same. */
function operate(pair: Pair, random: Random, shape: { elements: number; bytes: number }, step: number): boolean {
  const { model } = pair;
  const { length } = model;
  // The share of removals changes slowly, so that the list grows to its full size and shrinks to nothing.
  const isGrowing = (step >>> 11) % 2 === 0 && length < shape.elements;
  const element = CONTENT.slice(0, draw(random, shape.bytes));
  const choice = random.next();
  if (length === 0 || choice < (isGrowing ? 0.5 : 0.1)) pair.push(element, draw(random, 2) === 0);
  else if (choice < (isGrowing ? 0.7 : 0.15)) pair.insert(draw(random, length + 1), element);
  else if (choice < (isGrowing ? 0.72 : 0.2)) {
    for (let more = 0; more < 20 && isGrowing; more++) pair.push(element, step % 2 === 0);
  } else if (choice < 0.8) pair.remove(draw(random, 2) * (length - 1), 1);
  else if (choice < 0.85) pair.set(draw(random, length), element);
  else if (choice < 0.88) {
    const index = draw(random, length);
    pair.remove(index, 1 + draw(random, Math.min(length - index, isGrowing ? 3 : 200)));
  } else if (choice < 0.9) return pair.removeEqual(model[draw(random, length)]!, 1 + draw(random, 5), step % 2 === 0);
  else if (choice < 0.905) return pair.removeEqual(model[0]!, length, true);
  else if (choice < 0.99) {
    const index = draw(random, length);
    const count = Math.min(length - index, 30);
    const isForward = step % 2 === 0;
    const ours = pair.walk(isForward ? index : index + count - 1, count, isForward);
    const theirs = model.slice(index, index + count);
    return pair.get(index) === model[index] && ours.join() === (isForward ? theirs : theirs.reverse()).join();
  } else pair.db.expireAt(pair.key, pair.ref, pair.store.nowMs + 1e6);
  return true;
}

test('an element of any length is read from both ends', (t) => {
  for (const length of [0, 1, 127, 128, 16_383, 16_384, 70_000]) {
    const run = new ElementRun();
    run.bytes = Buffer.alloc(200_000);
    run.limit = run.bytes.length;
    const element = sliceOf(Buffer.alloc(length, 0xc3));
    t.true(run.insert(0, element));
    t.is(run.used, elementBytes(length));
    const read = new Slice();
    t.is(readElement(run.bytes, run.begin, read), run.end);
    t.true(read.equals(element));
    t.is(readElementBackwards(run.bytes, run.end, read), run.begin);
    t.true(read.equals(element));
  }
});

test('a copy has the same elements and a life of its own', (t) => {
  for (const size of [1, 300, 50_000]) {
    const pair = new Pair(seededRandom(seed));
    for (let index = 0; index < size; index++) pair.push(`element ${index}`, index % 3 === 0);
    const { db, store } = pair;
    const other = sliceOf('a bucket with another name');
    t.is(db.find(other), 0);
    const copy = copyList(db, pair.ref, other, store.nowMs + 5000);
    db.add(other, copy);
    t.is(expiryOf(store.arena, copy), store.nowMs + 5000);
    t.is(hasFlag(store.arena, copy, IS_STRUCTURE), size === 50_000);
    const walk = startWalk(db, copy, 0, true);
    t.true(pair.model.every((each) => walk.next().text() === each));
    pair.set(0, 'changed');
    const first = new Slice();
    getElement(db, copy, 0, first);
    t.not(first.text(), 'changed');
    t.true(listBytes(db, copy) > size * 10);
  }
});

test('a deleted list of 1,000,000 elements is freed in slices, and so is what LTRIM takes off', (t) => {
  const pair = new Pair(seededRandom(seed));
  const { db, store, key } = pair;
  const usedAtStart = store.arena.usedBytes;
  const element = sliceOf('x'.repeat(60));
  let ref = createList(db, key, 0);
  for (let index = 0; index < 1_000_000; index++) ref = pushElement(db, key, ref, 'tail', element);
  removeElements(db, ref, 200_000, 600_000);
  t.true(store.reclaimer.pending > 0);
  t.is(listLength(db, ref), 400_000);
  db.remove(key, ref);
  let slices = 0;
  while (store.reclaimer.run(() => true)) slices++;
  t.true(slices > 10);
  t.is(store.arena.usedBytes, usedAtStart);
});

test('a queue that runs through millions of elements keeps its memory', (t) => {
  const pair = new Pair(seededRandom(seed));
  const { db, store, key } = pair;
  const element = sliceOf('x'.repeat(100));
  let ref = createList(db, key, 0);
  for (let index = 0; index < 20_000; index++) ref = pushElement(db, key, ref, 'tail', element);
  const bytes = listBytes(db, ref);
  for (let index = 0; index < 300_000; index++) {
    ref = pushElement(db, key, ref, 'tail', element);
    removeElements(db, ref, 0, 1);
  }
  t.is(listLength(db, ref), 20_000);
  t.true(listBytes(db, ref) < bytes * 1.1);
  t.true(store.arena.usedBytes < bytes * 1.1);
});

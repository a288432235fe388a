/** Sorted set values against a sorted array under a seed, across every size at which they are kept otherwise. */
import test from 'ava';
import { CURSOR_END } from '../../lib/store/byte-table.js';
import { IS_STRUCTURE, expiryOf, hasFlag } from '../../lib/store/entry.js';
import { MemberRange, ScoreRange } from '../../lib/store/sorted-set-range.js';
import {
  addMember, buildSortedSet, copySortedSet, countInRange, createSortedSet, deleteMember, deleteRange, firstInRange,
  forEachMember, getScore, memberCount, rankOf, sampleMembers, scanMembers, settleSortedSet, sortedSetBytes,
  sortedSetEncoding, updateMember, walkMembers,
} from '../../lib/store/sorted-set-value.js';
import { Store } from '../../lib/store/store.js';
import { sliceOf } from '../../lib/util/bytes.js';
import { type Random, seededRandom } from '../../lib/util/random.js';
import { seed } from '../support/seed.js';
import { turnAt } from '../support/turns.js';

console.log(`sorted-set-value: SEED=${seed}`);

type Pair = [member: string, score: number];

function isBefore([a, aScore]: Pair, [b, bScore]: Pair): boolean {
  return aScore < bScore || (aScore === bScore && a < b);
}

/** A store with one sorted set in it, and the same as a Map. */
class Model {
  readonly store: Store;
  readonly scores = new Map<string, number>();
  readonly key = sliceOf('bucket');
  private isShownAsSkiplist = false;

  constructor(random: Random) {
    this.store = new Store({ random, seed: { low: 1, high: 2 }, databases: 1 });
  }

  get db() {
    return this.store.databases[0]!;
  }

  get ref(): number {
    return this.db.find(this.key);
  }

  set(member: string, score: number): void {
    const { db, key } = this;
    const { sortedSetEntriesMax, sortedSetMemberBytesMax } = this.store.encodingLimits;
    const found = this.ref;
    if (found === 0) this.isShownAsSkiplist = false;
    const ref = found === 0 ? createSortedSet(db, key) : found;
    const isNew = !this.scores.has(member);
    const put = isNew ? addMember : updateMember;
    put(db, key, ref, sliceOf(member), score);
    this.scores.set(member, score);
    const isOver = member.length > sortedSetMemberBytesMax || this.scores.size > sortedSetEntriesMax;
    if (isNew && isOver) this.isShownAsSkiplist = true;
  }

  delete(member: string): boolean {
    const { ref } = this;
    if (ref === 0) return false;
    const isDeleted = deleteMember(this.db, ref, sliceOf(member));
    settleSortedSet(this.db, this.key, ref);
    this.scores.delete(member);
    return isDeleted;
  }

  deleteRange(random: Random): void {
    const inOrder = this.inOrder();
    const rank = draw(random, inOrder.length);
    const count = 1 + draw(random, Math.min(inOrder.length - rank, 40));
    for (const [member] of inOrder.slice(rank, rank + count)) this.scores.delete(member);
    deleteRange(this.db, this.key, this.ref, rank, count);
  }

  get(member: string): number | undefined {
    return this.ref === 0 ? undefined : getScore(this.db, this.ref, sliceOf(member));
  }

  inOrder(): Pair[] {
    return [...this.scores].sort((a, b) => (isBefore(a, b) ? -1 : 1));
  }

  all(): Pair[] {
    const all: Pair[] = [];
    if (this.ref !== 0) forEachMember(this.db, this.ref, (member, score) => all.push([member.text(), score]));
    return all;
  }

  /** How the sorted set is kept and shown. */
  get form(): string {
    const { ref, store } = this;
    if (ref === 0) return 'none';
    return `${hasFlag(store.arena, ref, IS_STRUCTURE) ? 'table' : 'packed'} as ${sortedSetEncoding(store.arena, ref)}`;
  }

  get isShownRight(): boolean {
    const { ref } = this;
    return ref === 0 || sortedSetEncoding(this.store.arena, ref) === (this.isShownAsSkiplist ? 'skiplist' : 'listpack');
  }

  /** What differs between the two, or undefined. */
  difference(random: Random): string | undefined {
    const { db, ref } = this;
    if (ref === 0) return this.scores.size === 0 ? undefined : 'the bucket is gone';
    if (!this.isShownRight) return `shown as ${sortedSetEncoding(this.store.arena, ref)}`;
    const inOrder = this.inOrder();
    if (memberCount(db, ref) !== inOrder.length) return `${memberCount(db, ref)} members for ${inOrder.length}`;
    if (JSON.stringify(this.all()) !== JSON.stringify(inOrder)) return 'the members differ, or their order';
    const rank = draw(random, inOrder.length);
    const [member] = inOrder[rank]!;
    if (rankOf(db, ref, sliceOf(member)) !== rank) return `the rank of ${member} differs`;
    return this.rangeDifference(inOrder, random);
  }

  private rangeDifference(inOrder: readonly Pair[], random: Random): string | undefined {
    const { db, ref } = this;
    const end = () => {
      const score = inOrder[draw(random, inOrder.length)]![1] + draw(random, 3) - 1;
      return { score, isOutside: random.next() < 0.5 };
    };
    const [min, max] = [end(), end()];
    const isFromMin = (score: number) => (min.isOutside ? score > min.score : score >= min.score);
    const isToMax = (score: number) => (max.isOutside ? score < max.score : score <= max.score);
    const inside = inOrder.filter(([, score]) => isFromMin(score) && isToMax(score));
    const range = new ScoreRange(min, max);
    for (const isReverse of [false, true]) {
      const rank = firstInRange(db, ref, range, isReverse);
      const walked: Pair[] = [];
      const count = rank < 0 ? 0 : countInRange(db, ref, range, rank, isReverse);
      walkMembers(db, ref, rank, count, isReverse, (member, score) => walked.push([member.text(), score]));
      if (isReverse) walked.reverse();
      if (JSON.stringify(walked) !== JSON.stringify(inside)) return `the range from ${min.score} to ${max.score} differs`;
    }
    return undefined;
  }
}

function draw(random: Random, limit: number): number {
  return Math.floor(random.next() * limit);
}

const STEPS = 20_000;
const PACKED = ['none', 'packed as listpack', 'packed as skiplist'];
const ALL = [...PACKED, 'table as listpack', 'table as skiplist'];

/**
 * How many members there may be, and how long: small, at the thresholds, large. And in which forms such a sorted set
 * must have been.
 */
const SHAPES = [
  { name: 'few members', members: 12, memberBytes: 8, scores: 4, forms: PACKED },
  { name: 'about 128 members', members: 170, memberBytes: 8, scores: 20, forms: ALL },
  { name: 'members of about 64 bytes', members: 60, memberBytes: 70, scores: 1e6, forms: PACKED },
  { name: 'members of about 128 bytes', members: 100, memberBytes: 140, scores: 1e10, forms: ALL },
  { name: 'a few long members', members: 5, memberBytes: 9000, scores: 300, forms: ALL },
  { name: 'many members', members: 4000, memberBytes: 10, scores: 100, forms: ALL },
];

/** `zset-max-listpack-entries` and `-value`, from below to above all that the shapes have. */
const SETTINGS = [[0, 0], [8, 130], [140, 10], [128, 64], [10_000, 10_000]] as const;

/** What a turn asks for, see turns.ts. */
function takeTurn(model: Model, random: Random, step: number, shape: (typeof SHAPES)[number]): void {
  const turn = turnAt(step, SETTINGS);
  if (turn === undefined) return;
  const { encodingLimits } = model.store;
  [encodingLimits.sortedSetEntriesMax, encodingLimits.sortedSetMemberBytesMax] = turn.setting;
  if (turn.clears) for (const member of model.scores.keys()) model.delete(member);
  for (let index = 0; turn.fills && index < shape.members * 2; index++) {
    model.set(`m${index >>> 1}`.padEnd((index & 1) * shape.memberBytes, '\0'), draw(random, shape.scores));
  }
}

for (const shape of SHAPES) {
  test(`a sorted set of ${shape.name} is as a sorted array`, (t) => {
    const random = seededRandom(seed);
    const model = new Model(random);
    const met = new Set<string>();
    const usedAtStart = model.store.usedBytes;
    for (let step = 0; step < STEPS; step++) {
      if (step > STEPS / 2) takeTurn(model, random, step, shape);
      met.add(model.form);
      const isGrowing = (step >>> 12) % 2 === 0;
      const member = `m${draw(random, shape.members)}`.padEnd(draw(random, 2) * shape.memberBytes, '\0');
      const choice = random.next();
      let isAlike = true;
      if (choice < 0.2) isAlike = model.get(member) === model.scores.get(member);
      else if (choice < 0.2 + (isGrowing ? 0.6 : 0.2)) {
        const score = draw(random, shape.scores) - shape.scores / 2;
        model.set(member, random.next() < 0.8 ? score : score / 3);
      } else if (choice < 0.999) {
        const had = model.scores.has(member);
        isAlike = model.delete(member) === had;
      } else if (choice < 0.9995) {
        if (model.ref !== 0) model.deleteRange(random);
      } else if (model.ref !== 0) model.db.expireAt(model.key, model.ref, model.store.nowMs + 1e6);
      met.add(model.form);
      if (step % 331 === 0 || !isAlike || !model.isShownRight) {
        const difference = isAlike ? model.difference(random) : `${member} differs`;
        if (difference !== undefined) return t.fail(`SEED=${seed}, step ${step}: ${difference}`);
      }
    }
    t.is(model.difference(random), undefined);
    t.deepEqual([...met].sort(), [...shape.forms].sort());
    if (model.ref !== 0) model.db.remove(model.key, model.ref);
    while (model.store.reclaimer.run(() => false));
    t.is(model.store.usedBytes, usedAtStart, 'all memory came back');
  });
}

test('ranges by member, with every kind of end', (t) => {
  for (const size of [20, 600]) {
    const model = new Model(seededRandom(seed));
    const names = Array.from({ length: size }, (_, index) => `m${index}`);
    for (const name of names) model.set(name, 7);
    const inOrder = model.inOrder().map(([name]) => name);
    const [low, high] = [inOrder[3]!, inOrder[size - 5]!];
    const count = (min: string, isMinOut: boolean, max: string, isMaxOut: boolean): number => {
      const end = (text: string) => (text === 'first' || text === 'last' ? text : sliceOf(text));
      const range = new MemberRange(
        { member: end(min), isOutside: isMinOut }, { member: end(max), isOutside: isMaxOut },
      );
      const rank = firstInRange(model.db, model.ref, range, false);
      return rank < 0 ? 0 : countInRange(model.db, model.ref, range, rank, false);
    };
    t.is(count('first', false, 'last', false), size);
    t.is(count(low, false, high, false), size - 7);
    t.is(count(low, true, high, true), size - 9);
    t.is(count(high, false, low, false), 0);
    t.is(count(low, false, low, false), 1);
    t.is(count(low, true, low, false), 0);
    t.is(count('last', false, 'first', false), 0);
    t.is(count('first', false, low, true), 3);
  }
});

test('the encoding shown turns with the settings, and not back', (t) => {
  const model = new Model(seededRandom(seed));
  const shown = (): string => sortedSetEncoding(model.store.arena, model.ref);
  for (let index = 0; index < 128; index++) model.set(`m${index}`, index);
  t.is(shown(), 'listpack');
  model.set('one more', 1);
  t.is(shown(), 'skiplist');
  t.true(hasFlag(model.store.arena, model.ref, IS_STRUCTURE));
  for (let index = 0; index < 128; index++) model.delete(`m${index}`);
  t.is(shown(), 'skiplist');
  model.delete('one more');
  model.set('x'.repeat(64), 1);
  t.is(shown(), 'listpack');
  model.set('x'.repeat(65), 1);
  t.is(shown(), 'skiplist');
  t.false(hasFlag(model.store.arena, model.ref, IS_STRUCTURE));
});

test('a scan returns each member that is there all the time, and samples differ from each other', (t) => {
  const random = seededRandom(seed);
  for (const size of [1, 100, 129, 4000]) {
    const model = new Model(random);
    for (let index = 0; index < size; index++) model.set(`m${index}`, index);
    const seen = new Set<string>();
    for (let cursor = 0; cursor < CURSOR_END; ) {
      cursor = scanMembers(model.db, model.ref, cursor, (member, score) => {
        t.is(model.scores.get(member.text()), score);
        seen.add(member.text());
      });
    }
    t.is(seen.size, size);
    for (const count of [1, size >>> 2, size >>> 1, size]) {
      const drawn = new Set<string>();
      sampleMembers(model.db, model.ref, count, (member) => drawn.add(member.text()));
      t.is(drawn.size, count);
    }
  }
});

test('a copy has the same members and encoding, and a life of its own; so has one that was built in order', (t) => {
  for (const size of [1, 128, 2000]) {
    const model = new Model(seededRandom(seed));
    for (let index = 0; index < size; index++) model.set(`m${index}`, index % 7);
    const { db, store } = model;
    const [other, third] = [sliceOf('a bucket with another name'), sliceOf('and a third')];
    t.is(db.find(other), 0);
    db.add(other, copySortedSet(db, model.ref, other, store.nowMs + 5000));
    t.is(db.find(third), 0);
    const members = model.inOrder().map(([member, score]) => ({ member: sliceOf(member), score }));
    db.add(third, buildSortedSet(db, third, members));
    const expected = JSON.stringify(model.all());
    model.set('m0', 99);
    t.is(expiryOf(store.arena, db.find(other)), store.nowMs + 5000);
    for (const key of [other, third]) {
      const all: Pair[] = [];
      forEachMember(db, db.find(key), (member, score) => all.push([member.text(), score]));
      t.is(JSON.stringify(all), expected);
      t.is(sortedSetEncoding(store.arena, db.find(key)), sortedSetEncoding(store.arena, model.ref));
      t.true(sortedSetBytes(db, db.find(key)) > size * 4);
    }
  }
});

test('a deleted sorted set of 200,000 members is freed in slices', (t) => {
  const model = new Model(seededRandom(seed));
  const usedAtStart = model.store.arena.usedBytes;
  for (let index = 0; index < 200_000; index++) model.set(`m${index}`, index % 1000);
  deleteRange(model.db, model.key, model.ref, 0, 200_000);
  t.is(model.ref, 0);
  let slices = 0;
  while (model.store.reclaimer.run(() => true)) slices++;
  t.true(slices > 100);
  t.is(model.store.arena.usedBytes, usedAtStart);
});

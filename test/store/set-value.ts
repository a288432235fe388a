/** Set values against a plain Set under a seed, across every size and width at which they are kept otherwise. */
import test from 'ava';
import { CURSOR_END } from '../../lib/store/byte-table.js';
import { IS_STRUCTURE, TYPE_FLAG_A, expiryOf, hasFlag } from '../../lib/store/entry.js';
import {
  addMember, copySet, createSet, forEachMember, hasMember, memberCount, randomMember, removeMember, sampleMembers,
  scanMembers, setBytes, setEncoding, settleSet,
} from '../../lib/store/set-value.js';
import { Store } from '../../lib/store/store.js';
import { Slice, sliceOf } from '../../lib/util/bytes.js';
import { type Random, seededRandom } from '../../lib/util/random.js';
import { seed } from '../support/seed.js';
import { turnAt } from '../support/turns.js';

console.log(`set-value: SEED=${seed}`);

/** A store with one set in it, and the same set as a Set. */
class Pair {
  readonly store: Store;
  readonly model = new Set<string>();
  readonly key = sliceOf('bucket');
  private isIntegers = true;

  constructor(random: Random) {
    this.store = new Store({ random, seed: { low: 1, high: 2 }, databases: 1 });
  }

  get db() {
    return this.store.databases[0]!;
  }

  get ref(): number {
    return this.db.find(this.key);
  }

  /** Whether the set and the model agree that the member is new. */
  add(member: string): boolean {
    let ref = this.ref;
    if (ref === 0) {
      ref = createSet(this.db, this.key, sliceOf(member), 1);
      this.isIntegers = true;
    }
    const before = memberCount(this.db, ref);
    const isNew = memberCount(this.db, addMember(this.db, this.key, ref, sliceOf(member))) > before;
    const isNewInModel = !this.model.has(member);
    this.model.add(member);
    if (!isInteger(member) || (isNew && this.model.size > this.store.encodingLimits.setIntegersMax)) {
      this.isIntegers = false;
    }
    return isNew === isNewInModel;
  }

  /** Whether the set and the model agree that the member was there. */
  remove(member: string): boolean {
    const { ref } = this;
    if (ref === 0) return this.model.size === 0;
    const isRemoved = removeMember(this.db, ref, sliceOf(member));
    settleSet(this.db, this.key, ref);
    return isRemoved === this.model.delete(member);
  }

  has(member: string): boolean {
    const { ref } = this;
    return (ref !== 0 && hasMember(this.db, ref, sliceOf(member))) === this.model.has(member);
  }

  all(): string[] {
    const all: string[] = [];
    if (this.ref !== 0) forEachMember(this.db, this.ref, (member) => all.push(member.text()));
    return all;
  }

  /** How the set is kept. */
  get form(): string {
    const { ref, store } = this;
    if (ref === 0) return 'none';
    if (hasFlag(store.arena, ref, TYPE_FLAG_A)) return 'integers';
    return hasFlag(store.arena, ref, IS_STRUCTURE) ? 'table' : 'packed';
  }

  get isShownRight(): boolean {
    const { ref } = this;
    return ref === 0 || setEncoding(this.store.arena, ref) === (this.isIntegers ? 'intset' : 'hashtable');
  }

  /** What differs between the two, or undefined. */
  difference(): string | undefined {
    const { ref, model } = this;
    if (ref === 0) return model.size === 0 ? undefined : 'the bucket is gone';
    if (model.size === 0) return 'an empty bucket stayed';
    if (memberCount(this.db, ref) !== model.size) return `${memberCount(this.db, ref)} members for ${model.size}`;
    if (!this.isShownRight) return `shown as ${setEncoding(this.store.arena, ref)}`;
    const ours = this.isIntegers ? this.all() : this.all().sort();
    const expected = this.isIntegers ? [...model].sort(byValue) : [...model].sort();
    return JSON.stringify(ours) === JSON.stringify(expected) ? undefined : 'the members differ, or their order';
  }
}

function isInteger(member: string): boolean {
  if (!/^(0|-?[1-9]\d*)$/.test(member)) return false;
  return BigInt.asIntN(64, BigInt(member)) === BigInt(member);
}

function byValue(a: string, b: string): number {
  return BigInt(a) < BigInt(b) ? -1 : 1;
}

function draw(random: Random, limit: number): number {
  return Math.floor(random.next() * limit);
}

const EDGES = [0n, 2n ** 15n, 2n ** 31n, 2n ** 53n, 2n ** 63n];

/** An integer near a width's limit, on either side of it and of zero; a few of them are none of int64. */
function edge(random: Random): string {
  const near = EDGES[draw(random, EDGES.length)]! + BigInt(draw(random, 9) - 4);
  return String(random.next() < 0.5 ? near : -near);
}

const LONG = 'm\r\n\0'.repeat(3000);
const STEPS = 40_000;
const WORDS = ['none', 'packed'];
const SMALL = [...WORDS, 'integers'];
const ALL = ['none', 'integers', 'packed', 'table'];

interface Shape {
  name: string;
  /** What `set-max-intset-entries` is in the first half of the steps; then it changes. */
  integersMax: number;
  member: (random: Random) => string;
  /** In which forms such a set must have been. */
  forms: readonly string[];
}

const integersOf = (limit: number) => (random: Random) => String(draw(random, limit));
const wordsOf = (limit: number) => (random: Random) => `m${draw(random, limit)}`;
const SHAPES: readonly Shape[] = [
  { name: 'few small integers', integersMax: 512, member: (random) => String(draw(random, 30) - 15), forms: SMALL },
  {
    name: 'integers of all widths', integersMax: 512, forms: SMALL,
    member: (random) => (random.next() < 0.02 ? edge(random) : String(draw(random, 99))),
  },
  { name: 'integers at the edges', integersMax: 4096, member: edge, forms: SMALL },
  { name: 'about 512 integers', integersMax: 512, member: integersOf(700), forms: ALL },
  { name: 'many integers in one run', integersMax: 100_000, member: (random) => `${draw(random, 9000)}000`, forms: ALL },
  { name: 'no integers at all', integersMax: 0, member: integersOf(40), forms: SMALL },
  { name: 'few words', integersMax: 512, member: wordsOf(12), forms: WORDS },
  {
    name: 'integers and words', integersMax: 512, forms: SMALL,
    member: (random) => (random.next() < 0.001 ? '01' : String(draw(random, 200))),
  },
  { name: 'about 512 words', integersMax: 512, member: wordsOf(700), forms: [...WORDS, 'table'] },
  {
    name: 'about 16 KiB', integersMax: 512, forms: [...WORDS, 'table'],
    member: (random) => `${draw(random, 90)}${LONG.slice(0, 200)}`,
  },
  { name: 'a few long members', integersMax: 512, member: (random) => LONG.slice(draw(random, 4)), forms: [...WORDS, 'table'] },
  { name: 'many words', integersMax: 512, member: wordsOf(5000), forms: [...WORDS, 'table'] },
];

/** `set-max-intset-entries`, from below to above all that the shapes have. */
const SETTINGS = [0, 8, 300, 512, 100_000];

/** What a turn asks for, see turns.ts. */
function takeTurn(pair: Pair, random: Random, step: number, member: Shape['member']): void {
  const turn = turnAt(step, SETTINGS);
  if (turn === undefined) return;
  pair.store.encodingLimits.setIntegersMax = turn.setting;
  if (turn.clears) for (const each of pair.model) pair.remove(each);
  for (let count = 0; turn.fills && count < 1500; count++) pair.add(member(random));
}

for (const { name, integersMax, member, forms } of SHAPES) {
  test(`a set of ${name} is as a Set`, (t) => {
    const random = seededRandom(seed);
    const pair = new Pair(random);
    pair.store.encodingLimits.setIntegersMax = integersMax;
    const met = new Set<string>();
    const usedAtStart = pair.store.arena.usedBytes;
    for (let step = 0; step < STEPS; step++) {
      if (step > STEPS / 2) takeTurn(pair, random, step, member);
      met.add(pair.form);
      // The share of removals changes slowly, so that the set grows to its full size and shrinks to nothing.
      const isGrowing = (step >>> 12) % 2 === 0;
      const drawn = member(random);
      const choice = random.next();
      let isAlike = true;
      if (choice < 0.2) isAlike = pair.has(drawn);
      else if (choice < 0.2 + (isGrowing ? 0.6 : 0.2)) isAlike = pair.add(drawn);
      else if (choice < 0.9995) isAlike = pair.remove(drawn);
      else if (pair.ref !== 0) pair.db.expireAt(pair.key, pair.ref, pair.store.nowMs + 1e6);
      met.add(pair.form);
      if (step % 331 === 0 || !isAlike || !pair.isShownRight) {
        const difference = isAlike ? pair.difference() : `${drawn} differs`;
        if (difference !== undefined) return t.fail(`SEED=${seed}, step ${step}: ${difference}`);
      }
    }
    t.is(pair.difference(), undefined);
    t.deepEqual([...met].sort(), [...forms].sort());
    if (pair.ref !== 0) pair.db.remove(pair.key, pair.ref);
    while (pair.store.reclaimer.run(() => false));
    t.is(pair.store.arena.usedBytes, usedAtStart, 'all memory came back');
  });
}

/** A set of each kind: packed integers, packed words, a table. */
const KINDS = [
  { name: 'integers', size: 100, member: (index: number) => String(index * 1000) },
  { name: 'packed words', size: 100, member: (index: number) => `m${index}` },
  { name: 'a table', size: 3000, member: (index: number) => `m${index}` },
];

function filled({ size, member }: (typeof KINDS)[number]): Pair {
  const pair = new Pair(seededRandom(seed));
  for (let index = 0; index < size; index++) pair.add(member(index));
  return pair;
}

for (const kind of KINDS) {
  test(`${kind.name}: the set is kept as it should be`, (t) => {
    const pair = filled(kind);
    t.is(hasFlag(pair.store.arena, pair.ref, TYPE_FLAG_A), kind.name === 'integers');
    t.is(hasFlag(pair.store.arena, pair.ref, IS_STRUCTURE), kind.name === 'a table');
  });

  test(`${kind.name}: samples have no member twice, and members are drawn about equally often`, (t) => {
    const pair = filled(kind);
    const { db, ref, model } = pair;
    for (const count of [0, 1, kind.size >>> 3, kind.size >>> 1, kind.size - 1, kind.size]) {
      const sample: string[] = [];
      sampleMembers(db, ref, count, (member) => sample.push(member.text()));
      t.is(sample.length, count);
      t.is(new Set(sample).size, count);
      t.true(sample.every((member) => model.has(member)));
    }
    const drawn = countDraws(kind.size * 100, (count) => count(randomMember(db, ref, new Slice())));
    assertEven(drawn, kind.size);
    const rounds = 400;
    const tenth = kind.size / 10;
    const sampled = countDraws(rounds, (count) => sampleMembers(db, ref, tenth, count));
    assertEven(sampled, kind.size);
  });

  test(`${kind.name}: a copy has the same members and a life of its own`, (t) => {
    const pair = filled(kind);
    const { db, store } = pair;
    const other = sliceOf('a bucket with another name');
    t.is(db.find(other), 0);
    const copy = copySet(db, pair.ref, other, store.nowMs + 5000);
    db.add(other, copy);
    t.is(expiryOf(store.arena, copy), store.nowMs + 5000);
    t.is(setEncoding(store.arena, copy), setEncoding(store.arena, pair.ref));
    t.is(memberCount(db, copy), kind.size);
    pair.remove(kind.member(1));
    t.true(hasMember(db, copy, sliceOf(kind.member(1))));
    t.true(setBytes(db, copy) > kind.size * 2);
  });
}

function countDraws(times: number, drawOnce: (count: (member: Slice) => void) => void): Map<string, number> {
  const counts = new Map<string, number>();
  for (let time = 0; time < times; time++) {
    drawOnce((member) => counts.set(member.text(), (counts.get(member.text()) ?? 0) + 1));
  }
  return counts;
}

/** Every member was drawn, and none several times as often as the average: a table's draws are only about even. */
function assertEven(counts: Map<string, number>, size: number): void {
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const most = Math.max(...counts.values());
  if (counts.size !== size) throw new Error(`SEED=${seed}: only ${counts.size} of ${size} members were drawn`);
  if (most > (total / size) * 5) throw new Error(`SEED=${seed}: a member was drawn ${most} of ${total} times`);
}

test('a scan returns each member that is there from its start to its end, while the set grows and shrinks', (t) => {
  const random = seededRandom(seed);
  for (let round = 0; round < 4; round++) {
    const pair = new Pair(random);
    const stays = Array.from({ length: 1 + draw(random, 2000) }, (_, index) => `stay${index}`);
    for (const member of stays) pair.add(member);
    const seen = new Set<string>();
    let wave = 0;
    for (let cursor = 0; cursor < CURSOR_END; ) {
      cursor = scanMembers(pair.db, pair.ref, cursor, (member) => seen.add(member.text()));
      const isGrowing = (wave >>> 9) % 2 === 0;
      for (let change = 0; change < 20; change++) {
        if (isGrowing) pair.add(`come${wave}-${change}`);
        else pair.remove(`come${wave - 512}-${change}`);
      }
      wave++;
    }
    for (const member of stays) t.true(seen.has(member), `SEED=${seed}: ${member} was not returned`);
  }
});

test('a deleted set of 300,000 members is freed in slices', (t) => {
  const pair = new Pair(seededRandom(seed));
  const usedAtStart = pair.store.arena.usedBytes;
  for (let index = 0; index < 300_000; index++) pair.add(String(index));
  pair.db.remove(pair.key, pair.ref);
  let slices = 0;
  while (pair.store.reclaimer.run(() => true)) slices++;
  t.true(slices > 200);
  t.is(pair.store.arena.usedBytes, usedAtStart);
});

/** The byte table against a plain Map, while it grows and shrinks; and the promise of its scan. */
import test from 'ava';
import { Arena } from '../../lib/store/arena.js';
import { ByteTable, CURSOR_END } from '../../lib/store/byte-table.js';
import { STRING, createEntry, keySlice } from '../../lib/store/entry.js';
import { Slice, sliceOf } from '../../lib/util/bytes.js';
import { type Random, seededRandom } from '../../lib/util/random.js';
import { seedOf } from '../support/seed.js';

/** A table with the entries that a Map says it has. */
class Pair {
  readonly arena = new Arena();
  readonly table: ByteTable;
  readonly model = new Map<string, number>();

  constructor(readonly random: Random) {
    this.table = new ByteTable(this.arena, { low: this.below(2 ** 31), high: this.below(2 ** 31) });
  }

  below(limit: number): number {
    return Math.floor(this.random.next() * limit);
  }

  /** The ref of a key, looked up as a handler does. */
  find(name: string): number {
    return this.table.find(sliceOf(name));
  }

  add(name: string): void {
    const key = sliceOf(name);
    if (this.table.find(key) !== 0) return;
    const ref = createEntry(this.arena, STRING, key, 0, 0);
    this.table.insert(key.hash, ref);
    this.model.set(name, ref);
  }

  remove(name: string): void {
    const key = sliceOf(name);
    const ref = this.table.find(key);
    if (ref === 0) return;
    this.table.remove(key.hash, ref);
    this.arena.free(ref);
    this.model.delete(name);
  }

  move(name: string): void {
    const key = sliceOf(name);
    const ref = this.table.find(key);
    if (ref === 0) return;
    const moved = createEntry(this.arena, STRING, key, this.below(100), this.below(2) * 1e12);
    this.table.replace(key.hash, ref, moved);
    this.arena.free(ref);
    this.model.set(name, moved);
  }

  /** The names that one step of a scan gives, and the next cursor. */
  scan(cursor: number): { names: string[]; next: number } {
    const names: string[] = [];
    const key = new Slice();
    const next = this.table.scan(cursor, (ref) => names.push(keySlice(this.arena, ref, key).text()));
    return { names, next };
  }

  scanAll(): string[] {
    const all: string[] = [];
    for (let cursor = 0; cursor < CURSOR_END; ) {
      const { names, next } = this.scan(cursor);
      all.push(...names);
      cursor = next;
    }
    return all;
  }

  /** Whether a scan of all gives what the Map has, each name once. */
  isWhole(): boolean {
    const all = this.scanAll();
    const distinct = new Set(all);
    return all.length === distinct.size && all.length === this.model.size && all.every((name) => this.model.has(name));
  }
}

/** Grows and shrinks by turns, over as many sizes as the steps allow. */
function step(pair: Pair, index: number, names: number): void {
  const isGrowing = Math.floor(index / names) % 2 === 0;
  const name = `key:${pair.below(names)}`;
  const choice = pair.random.next();
  if (choice < 0.1) pair.move(name);
  else if (choice < (isGrowing ? 0.9 : 0.15)) pair.add(name);
  else pair.remove(name);
}

/** In which form a table with so many slots is: segments of at most 1,024. */
function formOf(slots: number): string {
  if (slots < 1024) return 'one segment that doubles';
  if (slots === 1024) return 'one full segment';
  return slots <= 16 * 1024 ? 'several segments' : 'many segments';
}

test('300,000 random steps leave what a Map has', (t) => {
  const pair = new Pair(seededRandom(seedOf(t)));
  const met = new Set<string>();
  let wrong = 0;
  for (let index = 0; index < 300_000; index++) {
    step(pair, index, 60_000);
    const name = `key:${pair.below(60_000)}`;
    if (pair.find(name) !== (pair.model.get(name) ?? 0)) wrong++;
    met.add(formOf(pair.table.slots));
    if (index % 50_000 === 0) t.true(pair.isWhole());
  }
  t.is(wrong, 0);
  t.deepEqual([...met], ['one segment that doubles', 'one full segment', 'several segments', 'many segments']);
  t.is(pair.table.size, pair.model.size);
});

test('a table is never too full and, when much was removed, not too empty', (t) => {
  const pair = new Pair(seededRandom(seedOf(t)));
  for (let index = 0; index < 100_000; index++) pair.add(`key:${index}`);
  t.true(pair.table.size / pair.table.slots <= 0.75);
  t.true(pair.table.size / pair.table.slots > 0.3);
  for (let index = 0; index < 100_000; index++) if (index % 100 !== 0) pair.remove(`key:${index}`);
  t.is(pair.table.size, 1000);
  t.true(pair.table.slots <= 16 * 1024, `${pair.table.slots} slots for ${pair.table.size} entries`);
  for (const name of [...pair.model.keys()]) pair.remove(name);
  t.is(pair.table.size, 0);
  t.true(pair.table.slots <= 1024, `${pair.table.slots} slots for none`);
});

test('a scan gives what stays exactly once, however the table grows and shrinks meanwhile', (t) => {
  const pair = new Pair(seededRandom(seedOf(t)));
  for (let round = 0; round < 5; round++) {
    const stays = Array.from({ length: 2000 }, (_, index) => `stays:${index}`);
    for (const name of stays) pair.add(name);
    const seen = new Map<string, number>();
    let steps = pair.below(100_000);
    for (let cursor = 0; cursor < CURSOR_END; ) {
      const { names, next } = pair.scan(cursor);
      if (next <= cursor) return t.fail('a cursor that does not go on');
      for (const name of names) seen.set(name, (seen.get(name) ?? 0) + 1);
      cursor = next;
      for (let i = 0; i < 5; i++) step(pair, steps++, 20_000);
      if (pair.random.next() < 0.1) for (const name of stays.slice(0, 50)) pair.move(name);
    }
    t.deepEqual(stays.filter((name) => seen.get(name) !== 1), []);
  }
});

test('keys that begin alike, are empty, long or binary are told apart', (t) => {
  const pair = new Pair(seededRandom(seedOf(t)));
  const names = ['', '\0', '\0\0', 'a', 'a\0', 'ab', '\xff', 'x'.repeat(100), `${'x'.repeat(100)}y`, 'x'.repeat(5000)];
  for (const name of names) pair.add(name);
  t.is(pair.table.size, names.length);
  t.true(pair.isWhole());
  for (const name of names) {
    pair.remove(name);
    t.is(pair.find(name), 0);
  }
});

test('each entry is about as likely to be drawn', (t) => {
  const pair = new Pair(seededRandom(seedOf(t)));
  t.is(pair.table.random(pair.random), 0);
  const count = 5000;
  const draws = 200;
  for (let index = 0; index < count; index++) pair.add(`key:${index}`);
  const drawn = new Map<number, number>();
  for (let i = 0; i < count * draws; i++) {
    const ref = pair.table.random(pair.random);
    drawn.set(ref, (drawn.get(ref) ?? 0) + 1);
  }
  t.is(drawn.size, count);
  const [least, most] = [Math.min(...drawn.values()), Math.max(...drawn.values())];
  t.true(least > draws / 4 && most < draws * 4, `drawn ${least} to ${most} times, should be ${draws}`);
});

test('taking a table apart gives every entry once and frees everything', (t) => {
  const pair = new Pair(seededRandom(seedOf(t)));
  for (let index = 0; index < 50_000; index++) pair.add(`key:${index}`);
  const released: number[] = [];
  const release = (ref: number): void => {
    released.push(ref);
    pair.arena.free(ref);
  };
  let calls = 1;
  while (pair.table.dismantle(release)) calls++;
  t.true(calls > 30, 'in many steps');
  t.is(released.length, pair.model.size);
  t.is(new Set([...released, ...pair.model.values()]).size, pair.model.size);
  t.is(pair.arena.usedBytes, 0);
});

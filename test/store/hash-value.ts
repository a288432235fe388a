/** Hash values against a plain Map under a seed, across every size at which they are kept or shown otherwise. */
import test from 'ava';
import { CURSOR_END } from '../../lib/store/byte-table.js';
import { expiryOf, hasFlag, IS_STRUCTURE } from '../../lib/store/entry.js';
import {
  copyHash, createHash, deleteField, fieldCount, forEachField, getField, hashBytes, hashEncoding, keepWhenEmpty,
  randomField, sampleFields, scanFields, setField, settleHash,
} from '../../lib/store/hash-value.js';
import { Store } from '../../lib/store/store.js';
import { Slice, sliceOf } from '../../lib/util/bytes.js';
import { type Random, seededRandom } from '../../lib/util/random.js';
import { seed } from '../support/seed.js';
import { turnAt } from '../support/turns.js';

console.log(`hash-value: SEED=${seed}`);

const KEY = 'bucket';

/** A store with one hash in it, and the same hash as a Map. */
class Pair {
  readonly store: Store;
  readonly model = new Map<string, string>();
  readonly key = sliceOf(KEY);
  private mayStay = false;
  private isShownAsTable = false;

  constructor(random: Random) {
    this.store = new Store({ random, seed: { low: 1, high: 2 }, databases: 1 });
  }

  get db() {
    return this.store.databases[0]!;
  }

  get ref(): number {
    return this.db.find(this.key);
  }

  set(field: string, value: string): void {
    let ref = this.ref;
    if (ref === 0) {
      ref = createHash(this.db, this.key);
      this.isShownAsTable = false;
      this.mayStay = false;
    }
    setField(this.db, this.key, ref, sliceOf(field), sliceOf(value));
    this.model.set(field, value);
    const { hashEntriesMax, hashValueBytesMax } = this.store.encodingLimits;
    const longest = Math.max(field.length, value.length);
    if (this.model.size > hashEntriesMax || longest > hashValueBytesMax) this.isShownAsTable = true;
  }

  delete(field: string): boolean {
    const { ref } = this;
    if (ref === 0) return false;
    const isDeleted = deleteField(this.db, ref, sliceOf(field));
    settleHash(this.db, this.key, ref);
    this.model.delete(field);
    return isDeleted;
  }

  clear(): void {
    for (const field of this.model.keys()) this.delete(field);
    if (this.ref !== 0) this.db.remove(this.key, this.ref);
    this.mayStay = false;
  }

  keep(): void {
    if (this.ref === 0) return;
    keepWhenEmpty(this.store.arena, this.ref);
    this.mayStay = true;
  }

  get(field: string): string | undefined {
    const value = new Slice();
    const { ref } = this;
    return ref !== 0 && getField(this.db, ref, sliceOf(field), value) ? value.text() : undefined;
  }

  all(): [string, string][] {
    const all: [string, string][] = [];
    if (this.ref !== 0) forEachField(this.db, this.ref, (field, value) => all.push([field.text(), value.text()]));
    return all;
  }

  /** How the hash is kept and shown. */
  get form(): string {
    const { ref } = this;
    if (ref === 0) return 'none';
    return `${hasFlag(this.store.arena, ref, IS_STRUCTURE) ? 'table' : 'packed'} as ${hashEncoding(this.db, ref)}`;
  }

  get isShownRight(): boolean {
    const { ref } = this;
    return ref === 0 || hashEncoding(this.db, ref) === (this.isShownAsTable ? 'hashtable' : 'listpack');
  }

  /** What differs between the two, or undefined. */
  difference(): string | undefined {
    const { ref } = this;
    if (ref === 0) return this.model.size === 0 && !this.mayStay ? undefined : 'the bucket is gone';
    if (this.model.size === 0 && !this.mayStay) return 'an empty bucket stayed';
    if (fieldCount(this.db, ref) !== this.model.size) return `${fieldCount(this.db, ref)} fields for ${this.model.size}`;
    if (!this.isShownRight) return `shown as ${hashEncoding(this.db, ref)}`;
    const isTable = hasFlag(this.store.arena, ref, IS_STRUCTURE);
    const ours = isTable ? this.all().sort() : this.all();
    const model = isTable ? [...this.model].sort() : [...this.model];
    return JSON.stringify(ours) === JSON.stringify(model) ? undefined : 'the fields differ, or their order';
  }
}

function draw(random: Random, limit: number): number {
  return Math.floor(random.next() * limit);
}

const VALUE = 'v\r\n\0'.repeat(3000);

const STEPS = 40_000;
const PACKED = ['none', 'packed as listpack', 'packed as hashtable'];
const TABLE = ['table as listpack', 'table as hashtable'];

/**
 * How many fields there may be, and how long their values: small, at the thresholds, large. And in which forms such a
 * hash must have been.
 */
const SHAPES = [
  { name: 'few short fields', fields: 12, valueBytes: 12, forms: PACKED },
  { name: 'about 512 fields', fields: 700, valueBytes: 6, forms: [...PACKED, ...TABLE] },
  { name: 'about 64 bytes', fields: 40, valueBytes: 80, forms: PACKED },
  { name: 'values of about 128 bytes', fields: 60, valueBytes: 140, forms: PACKED },
  { name: 'about 16 KiB', fields: 90, valueBytes: 400, forms: [...PACKED, ...TABLE] },
  { name: 'a few long values', fields: 4, valueBytes: 9000, forms: [...PACKED, ...TABLE] },
  { name: 'many fields', fields: 5000, valueBytes: 20, forms: [...PACKED, ...TABLE] },
];

/** `hash-max-listpack-entries` and `-value`, from below to above all that the shapes have. */
const SETTINGS = [[0, 0], [8, 300], [300, 10], [512, 64], [10_000, 10_000]] as const;

/** What a turn asks for, see turns.ts. */
function takeTurn(pair: Pair, random: Random, step: number, shape: { fields: number; valueBytes: number }): void {
  const turn = turnAt(step, SETTINGS);
  if (turn === undefined) return;
  const { encodingLimits } = pair.store;
  [encodingLimits.hashEntriesMax, encodingLimits.hashValueBytesMax] = turn.setting;
  if (turn.clears) pair.clear();
  for (let index = 0; turn.fills && index < shape.fields; index++) {
    pair.set(`f${index}`, VALUE.slice(0, draw(random, shape.valueBytes)));
  }
}

for (const shape of SHAPES) {
  test(`a hash of ${shape.name} is as a Map`, (t) => {
    const random = seededRandom(seed);
    const pair = new Pair(random);
    const met = new Set<string>();
    const usedAtStart = pair.store.arena.usedBytes;
    for (let step = 0; step < STEPS; step++) {
      if (step > STEPS / 2) takeTurn(pair, random, step, shape);
      met.add(pair.form);
      // The share of deletions changes slowly, so that the hash grows to its full size and shrinks to nothing.
      const isGrowing = (step >>> 12) % 2 === 0;
      const field = `f${draw(random, shape.fields)}`.padEnd(draw(random, 30) === 0 ? 1 + (step % 2) * 140 : 1, '\0');
      const choice = random.next();
      let isAlike = true;
      if (choice < 0.2) isAlike = pair.get(field) === pair.model.get(field);
      else if (choice < 0.2 + (isGrowing ? 0.6 : 0.2)) pair.set(field, VALUE.slice(0, draw(random, shape.valueBytes)));
      else if (choice < 0.999) {
        const had = pair.model.has(field);
        isAlike = pair.delete(field) === had;
      } else if (choice < 0.9995) pair.keep();
      else if (pair.ref !== 0) pair.db.expireAt(pair.key, pair.ref, pair.store.nowMs + 1e6);
      met.add(pair.form);
      if (step % 331 === 0 || !isAlike || !pair.isShownRight) {
        const difference = isAlike ? pair.difference() : `${field} differs`;
        if (difference !== undefined) return t.fail(`SEED=${seed}, step ${step}: ${difference}`);
      }
    }
    t.is(pair.difference(), undefined);
    t.deepEqual([...met].sort(), [...shape.forms].sort());
    if (pair.ref !== 0) pair.db.remove(pair.key, pair.ref);
    while (pair.store.reclaimer.run(() => false));
    t.is(pair.store.arena.usedBytes, usedAtStart, 'all memory came back');
  });
}

test('a scan returns each field that is there from its start to its end, while the hash grows and shrinks', (t) => {
  const random = seededRandom(seed);
  for (let round = 0; round < 20; round++) {
    const pair = new Pair(random);
    const stays = Array.from({ length: 1 + draw(random, 2000) }, (_, index) => `stay${index}`);
    for (const field of stays) pair.set(field, 'x');
    const seen = new Map<string, number>();
    let wave = 0;
    for (let cursor = 0; cursor < CURSOR_END; ) {
      cursor = scanFields(pair.db, pair.ref, cursor, (field) => {
        seen.set(field.text(), (seen.get(field.text()) ?? 0) + 1);
      });
      const isGrowing = (wave >>> 9) % 2 === 0;
      for (let change = 0; change < 20; change++) {
        if (isGrowing) pair.set(`come${wave}-${change}`, 'x');
        else pair.delete(`come${wave - 512}-${change}`);
      }
      wave++;
    }
    for (const field of stays) t.true(seen.has(field), `SEED=${seed}: ${field} was not returned`);
    const isTwice = stays.some((field) => seen.get(field)! > 1);
    t.false(isTwice && stays.length > 1024, `SEED=${seed}: a field of a table was returned twice`);
  }
});

test('random fields are fields of the hash, and samples differ from each other', (t) => {
  const random = seededRandom(seed);
  for (const size of [1, 2, 100, 512, 513, 4000]) {
    const pair = new Pair(random);
    for (let index = 0; index < size; index++) pair.set(`f${index}`, `v${index}`);
    const field = new Slice();
    const value = new Slice();
    for (let draws = 0; draws < 100; draws++) {
      randomField(pair.db, pair.ref, field, value);
      t.is(pair.model.get(field.text()), value.text());
    }
    for (const count of [1, size >>> 2, size >>> 1, size]) {
      const drawn = new Map<string, string>();
      let visits = 0;
      sampleFields(pair.db, pair.ref, count, (each, its) => {
        visits++;
        drawn.set(each.text(), its.text());
      });
      t.is(drawn.size, count);
      t.is(visits, count);
      t.true([...drawn].every(([name, its]) => pair.model.get(name) === its));
    }
  }
});

test('a copy has the same fields and flags, and a life of its own', (t) => {
  for (const size of [0, 3, 512, 2000]) {
    const pair = new Pair(seededRandom(seed));
    pair.set('first', 'x'.repeat(65));
    pair.keep();
    for (let index = 0; index < size; index++) pair.set(`f${index}`, 'v');
    const { db, store } = pair;
    const other = sliceOf('a bucket with another name');
    t.is(db.find(other), 0);
    const copy = copyHash(db, pair.ref, other, store.nowMs + 5000);
    db.add(other, copy);
    t.is(expiryOf(store.arena, copy), store.nowMs + 5000);
    t.is(hashEncoding(db, copy), 'hashtable');
    t.is(fieldCount(db, copy), size + 1);
    pair.set('first', 'changed');
    const value = new Slice();
    t.true(getField(db, copy, sliceOf('first'), value));
    t.is(value.text(), 'x'.repeat(65));
    t.true(hashBytes(db, copy) > 0);
  }
});

test('a deleted hash of 300,000 fields is freed in slices', (t) => {
  const pair = new Pair(seededRandom(seed));
  const usedAtStart = pair.store.arena.usedBytes;
  for (let index = 0; index < 300_000; index++) pair.set(`f${index}`, 'v');
  pair.db.remove(pair.key, pair.ref);
  let slices = 0;
  while (pair.store.reclaimer.run(() => true)) slices++;
  t.true(slices > 200);
  t.is(pair.store.arena.usedBytes, usedAtStart);
});

test('the settings say when a hash is shown as a table, and nothing turns it back', (t) => {
  const pair = new Pair(seededRandom(seed));
  pair.store.encodingLimits.hashEntriesMax = 2;
  pair.store.encodingLimits.hashValueBytesMax = 5;
  const shown = (): string => hashEncoding(pair.db, pair.ref);
  pair.set('a', '12345');
  pair.set('b', '1');
  t.is(shown(), 'listpack');
  pair.set('c', '1');
  t.is(shown(), 'hashtable');
  pair.delete('c');
  t.is(shown(), 'hashtable');
  pair.delete('a');
  pair.delete('b');
  pair.set('a', '123456');
  t.is(shown(), 'hashtable');
});

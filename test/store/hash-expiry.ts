/** Fields that expire, against plain Maps under a seed, with a clock that is moved by hand. */
import test from 'ava';
import { CURSOR_END } from '../../lib/store/byte-table.js';
import { ExpiryCycle } from '../../lib/store/expiry.js';
import {
  copyHash, createHash, deleteField, expireFields, fieldCount, fieldExpiry, forEachField, getField, hashEncoding,
  liveFieldCount, randomField, sampleFields, scanFields, setField, setFieldExpiry, settleHash, updateField,
} from '../../lib/store/hash-value.js';
import { Store } from '../../lib/store/store.js';
import { putString } from '../../lib/store/string-value.js';
import { Slice, sliceOf } from '../../lib/util/bytes.js';
import { FakeClock } from '../../lib/util/clock.js';
import { type Random, seededRandom } from '../../lib/util/random.js';
import { seedOf } from '../support/seed.js';

interface Field {
  value: string;
  /** 0: never. */
  expiresAtMs: number;
}

/** A database with a few hashes, and what Maps say of it. */
class Pair {
  readonly clock = new FakeClock();
  readonly store: Store;
  readonly cycle: ExpiryCycle;
  readonly models = new Map<string, Map<string, Field>>();

  constructor(readonly random: Random) {
    this.store = new Store({ databases: 1, clock: this.clock, random, seed: { low: 7, high: 8 } });
    this.cycle = new ExpiryCycle(this.store);
  }

  get db() {
    return this.store.databases[0]!;
  }

  below(limit: number): number {
    return Math.floor(this.random.next() * limit);
  }

  advance(ms: number): void {
    this.clock.advance(ms);
    this.store.setNow(this.clock.nowMs());
  }

  isLive({ expiresAtMs }: Field): boolean {
    return expiresAtMs === 0 || expiresAtMs > this.store.nowMs;
  }

  /** What the model has in a hash now; those that have expired are dropped when a look-up would drop them too. */
  live(key: string): Map<string, Field> {
    const fields = this.models.get(key) ?? new Map<string, Field>();
    return new Map([...fields].filter(([, field]) => this.isLive(field)));
  }

  /** The hash without what has expired, as a command finds it; 0 when there is none. */
  find(key: string): number {
    const slice = sliceOf(key);
    const ref = this.db.find(slice);
    const kept = ref === 0 ? 0 : expireFields(this.db, slice, ref, Infinity);
    const live = this.live(key);
    if (live.size === 0) this.models.delete(key);
    else this.models.set(key, live);
    return kept;
  }

  /** The key with its hash, as a look-up leaves it. */
  key(name: string): Slice {
    const key = sliceOf(name);
    this.db.find(key);
    return key;
  }

  difference(key: string): string | undefined {
    const ref = this.db.find(sliceOf(key));
    const live = this.live(key);
    const shown: string[] = [];
    if (ref !== 0) forEachField(this.db, ref, (field, value, at) => shown.push(`${field.text()}=${value.text()}@${at}`));
    const expected = [...live].map(([name, { value, expiresAtMs }]) => `${name}=${value}@${expiresAtMs}`);
    if (shown.sort().join() !== expected.sort().join()) return `${key}: ${shown.join()} and not ${expected.join()}`;
    if (ref !== 0 && liveFieldCount(this.db, ref) !== live.size) return `${key}: ${liveFieldCount(this.db, ref)} live`;
    return undefined;
  }
}

/** What can be done to a hash, and what that is to the model. */
function step(pair: Pair, keys: number, fields: number, valueBytes: number): void {
  const name = `hash${pair.below(keys)}`;
  const field = `f${pair.below(fields)}`;
  const { db } = pair;
  const ref = pair.find(name);
  const key = pair.key(name);
  const model = pair.models.get(name);
  const choice = pair.below(100);
  const value = 'v'.repeat(pair.below(valueBytes));
  const moment = pair.store.nowMs + 1 + pair.below(3000);
  if (choice < 30) {
    setField(db, key, ref === 0 ? createHash(db, key) : ref, sliceOf(field), sliceOf(value));
    pair.models.set(name, (model ?? new Map<string, Field>()).set(field, { value, expiresAtMs: 0 }));
    return;
  }
  if (ref === 0 || model === undefined) return;
  if (choice < 40) {
    updateField(db, key, ref, sliceOf(field), sliceOf(value));
    model.set(field, { value, expiresAtMs: model.get(field)?.expiresAtMs ?? 0 });
  } else if (choice < 75 && model.has(field)) {
    const expiresAtMs = choice < 68 ? moment : 0;
    setFieldExpiry(db, key, ref, sliceOf(field), expiresAtMs);
    model.get(field)!.expiresAtMs = expiresAtMs;
  } else if (choice < 90) {
    deleteField(db, ref, sliceOf(field));
    settleHash(db, key, ref);
    model.delete(field);
    if (model.size === 0) pair.models.delete(name);
  } else if (choice < 92) db.expireAt(key, ref, pair.store.nowMs + 1e9);
  else if (choice < 94) db.expireAt(key, ref, 0);
  else if (choice < 96) copyOrRename(pair, name, ref, choice === 94);
  else if (choice === 96 && pair.below(10) === 0) {
    if (pair.below(2) === 0) db.remove(key, ref);
    else {
      putString(db, key, ref, sliceOf('a string now'), 0);
      db.remove(key, db.find(key));
    }
    pair.models.delete(name);
  }
}

function copyOrRename(pair: Pair, name: string, ref: number, copies: boolean): void {
  const { db } = pair;
  const other = pair.below(2) === 0 ? 'copied' : 'hash-with-another-length';
  const otherRef = db.find(sliceOf(other));
  if (otherRef !== 0) db.remove(pair.key(other), otherRef);
  const model = pair.models.get(name)!;
  if (copies) {
    const key = pair.key(other);
    db.add(key, copyHash(db, ref, key, 0));
    pair.models.set(other, new Map([...model].map(([field, each]) => [field, { ...each }])));
  } else {
    db.rename(pair.key(name), ref, pair.key(other), 0);
    pair.models.set(other, model);
    pair.models.delete(name);
  }
}

const SHAPES = [
  { name: 'small', keys: 5, fields: 12, valueBytes: 12, steps: 40_000, checkedEvery: 97 },
  { name: 'about as large as a packed one may be', keys: 2, fields: 700, valueBytes: 40, steps: 30_000, checkedEvery: 397 },
  { name: 'large', keys: 2, fields: 6000, valueBytes: 20, steps: 30_000, checkedEvery: 997 },
];

for (const shape of SHAPES) {
  test(`fields expire as in a Map: ${shape.name} hashes`, (t) => {
    const seed = seedOf(t);
    const pair = new Pair(seededRandom(seed));
    const usedAtStart = pair.store.usedBytes;
    for (let at = 0; at < shape.steps; at++) {
      step(pair, shape.keys, shape.fields, shape.valueBytes);
      if (pair.below(20) === 0) pair.advance(pair.below(60));
      if (pair.below(50) === 0) {
        pair.cycle.begin();
        for (let samples = 0; pair.cycle.run(() => ++samples > 500););
        pair.cycle.end();
        if (pair.db.hasExpiredFields) return t.fail(`SEED=${seed}: the cycle left a field`);
      }
      if (at % shape.checkedEvery > 0) continue;
      for (const key of new Set([...pair.models.keys(), 'hash0', 'copied'])) {
        const difference = pair.difference(key);
        if (difference !== undefined) return t.fail(`SEED=${seed}, step ${at}: ${difference}`);
      }
    }
    // When every field has expired, nothing is left, in the database and in the arena.
    for (const [name, model] of pair.models) {
      for (const field of model.keys()) {
        const key = pair.key(name);
        const ref = pair.db.find(key);
        if (fieldExpiry(pair.db, ref, sliceOf(field)) >= 0) {
          setFieldExpiry(pair.db, key, ref, sliceOf(field), pair.store.nowMs + 10);
        }
      }
    }
    pair.advance(10_000);
    pair.cycle.begin();
    while (pair.cycle.run(() => false));
    t.is(pair.db.size, 0);
    while (pair.store.reclaimer.run(() => false));
    t.true(pair.store.usedBytes - usedAtStart < 2048, `${pair.store.usedBytes - usedAtStart} bytes are left`);
  });
}

test('a hash is found without what has expired, also where more has than one look-up removes', (t) => {
  const random = seededRandom(seedOf(t));
  for (const count of [10, 3000]) {
    const pair = new Pair(random);
    const { db } = pair;
    const key = pair.key('hash');
    let ref = createHash(db, key);
    for (let index = 0; index < count; index++) {
      ref = setField(db, key, ref, sliceOf(`f${index}`), sliceOf('v'));
      if (index % 3 > 0) ref = setFieldExpiry(db, key, ref, sliceOf(`f${index}`), pair.store.nowMs + index);
    }
    pair.advance(count + 1);
    const live = Math.ceil(count / 3);
    t.is(fieldCount(db, ref), count);
    t.is(liveFieldCount(db, ref), live);
    const names = new Set<string>();
    const note = (field: Slice): unknown => names.add(field.text());
    for (let cursor = 0; cursor < CURSOR_END; ) cursor = scanFields(db, ref, cursor, note);
    t.is(names.size, live);
    const value = new Slice();
    const field = new Slice();
    t.false(getField(db, ref, sliceOf('f1'), value));
    t.true(getField(db, ref, sliceOf('f0'), value));
    for (let drawn = 0; drawn < 50; drawn++) {
      randomField(db, ref, field, value);
      t.true(names.has(field.text()));
    }
    for (const sampled of [1, live >>> 1, live]) {
      const drawn = new Set<string>();
      sampleFields(db, ref, sampled, (each) => drawn.add(each.text()));
      t.is(drawn.size, sampled);
      t.true([...drawn].every((name) => names.has(name)));
    }
    ref = expireFields(db, key, ref, 5);
    t.is(fieldCount(db, ref), count - 5);
    t.is(liveFieldCount(db, ref), live);
  }
});

test('a flushed or swapped database has its own fields that expire', (t) => {
  const pair = new Pair(seededRandom(seedOf(t)));
  const { db } = pair;
  const put = (name: string): void => {
    const key = pair.key(name);
    const ref = setField(db, key, createHash(db, key), sliceOf('f'), sliceOf('v'));
    setFieldExpiry(db, key, ref, sliceOf('f'), pair.store.nowMs + 100);
  };
  put('a');
  for (let index = 0; index < 600; index++) {
    const key = pair.key('a');
    setField(db, key, db.find(key), sliceOf(`f${index}`), sliceOf('v'));
  }
  db.clear();
  t.false(db.hasFieldsThatExpire);
  put('b');
  while (pair.store.reclaimer.run(() => false));
  t.true(db.hasFieldsThatExpire);
  const other = new Store({ databases: 2, seed: { low: 1, high: 2 } });
  const [first, second] = other.databases;
  const key = sliceOf('c');
  first!.find(key);
  const ref = setField(first!, key, createHash(first!, key), sliceOf('f'), sliceOf('v'));
  setFieldExpiry(first!, key, ref, sliceOf('f'), other.nowMs + 100);
  first!.swap(second!);
  t.false(first!.hasFieldsThatExpire);
  t.true(second!.hasFieldsThatExpire);
});

test('the encoding tells that fields may expire, until the hash outgrows it', (t) => {
  const pair = new Pair(seededRandom(seedOf(t)));
  const { db } = pair;
  const key = pair.key('hash');
  let ref = setField(db, key, createHash(db, key), sliceOf('f'), sliceOf('v'));
  t.is(hashEncoding(db, ref), 'listpack');
  ref = setFieldExpiry(db, key, ref, sliceOf('f'), pair.store.nowMs + 100);
  t.is(hashEncoding(db, ref), 'listpackex');
  ref = setFieldExpiry(db, key, ref, sliceOf('f'), 0);
  t.is(hashEncoding(db, ref), 'listpackex');
  ref = setField(db, key, ref, sliceOf('g'), sliceOf('v'.repeat(65)));
  t.is(hashEncoding(db, ref), 'hashtable');
});

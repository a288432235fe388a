/** Keyspaces against plain Maps, while buckets expire under a clock that is moved by hand. */
import test from 'ava';
import { CURSOR_END } from '../../lib/store/byte-table.js';
import { STRING, accessOf, createEntry, expiryOf, keySlice, valueSlice } from '../../lib/store/entry.js';
import { ExpiryCycle } from '../../lib/store/expiry.js';
import { createHash, deleteField, fieldCount, setField, settleHash } from '../../lib/store/hash-value.js';
import type { Keyspace } from '../../lib/store/keyspace.js';
import { Store } from '../../lib/store/store.js';
import { putString } from '../../lib/store/string-value.js';
import { Slice, sliceOf } from '../../lib/util/bytes.js';
import { FakeClock } from '../../lib/util/clock.js';
import { type Random, seededRandom } from '../../lib/util/random.js';
import { seedOf } from '../support/seed.js';

const NEVER = Infinity;
const ALWAYS = (): boolean => true;
const NEVER_OVER = (): boolean => false;

interface Bucket {
  value: string;
  expiresAtMs: number;
}

/** A store of two databases and what Maps say of it. */
class Pair {
  readonly clock = new FakeClock();
  readonly store: Store;
  readonly cycle: ExpiryCycle;
  readonly models = [new Map<string, Bucket>(), new Map<string, Bucket>()];
  /** Names in the order in which the store said that they expired. */
  readonly expired: string[] = [];

  constructor(readonly random: Random) {
    this.store = new Store({ databases: 2, clock: this.clock, random, seed: { low: 3, high: 4 } });
    this.store.onRemoved = (db, key) => {
      this.expired.push(`${db.index} ${key.text()}`);
    };
    this.cycle = new ExpiryCycle(this.store);
  }

  below(limit: number): number {
    return Math.floor(this.random.next() * limit);
  }

  advance(ms: number): void {
    this.clock.advance(ms);
    this.store.setNow(this.clock.nowMs());
  }

  db(index: number): Keyspace {
    return this.store.databases[index]!;
  }

  /** What the model has under a name now. */
  bucket(index: number, name: string): Bucket | undefined {
    const bucket = this.models[index]!.get(name);
    return bucket !== undefined && bucket.expiresAtMs > this.store.nowMs ? bucket : undefined;
  }

  value(index: number, name: string): string | undefined {
    const ref = this.db(index).find(sliceOf(name));
    return ref === 0 ? undefined : valueSlice(this.store.arena, ref, new Slice()).text();
  }

  expiry(index: number, name: string): number {
    const ref = this.db(index).find(sliceOf(name));
    return ref === 0 ? NEVER : expiryOf(this.store.arena, ref) || NEVER;
  }

  set(index: number, name: string, value: string, expiresAtMs: number): void {
    const key = sliceOf(name);
    const db = this.db(index);
    putString(db, key, db.find(key), sliceOf(value), expiresAtMs === NEVER ? 0 : expiresAtMs);
    this.models[index]!.set(name, { value, expiresAtMs });
  }

  remove(index: number, name: string): void {
    const key = sliceOf(name);
    const ref = this.db(index).find(key);
    if (ref !== 0) this.db(index).remove(key, ref);
    this.models[index]!.delete(name);
  }

  expire(index: number, name: string, expiresAtMs: number): void {
    const key = sliceOf(name);
    const ref = this.db(index).find(key);
    if (ref === 0) return;
    this.db(index).expireAt(key, ref, expiresAtMs === NEVER ? 0 : expiresAtMs);
    this.models[index]!.get(name)!.expiresAtMs = expiresAtMs;
  }

  rename(index: number, name: string, newName: string): void {
    if (name === newName) return;
    const [key, newKey] = [sliceOf(name), sliceOf(newName)];
    const db = this.db(index);
    const ref = db.find(key);
    if (ref === 0) return;
    const taken = db.find(newKey);
    if (taken !== 0) db.remove(newKey, taken);
    db.rename(key, ref, newKey, 0);
    this.models[index]!.set(newName, this.models[index]!.get(name)!);
    this.models[index]!.delete(name);
  }

  move(index: number, name: string): void {
    const key = sliceOf(name);
    const [from, to] = [this.db(index), this.db(1 - index)];
    const ref = from.find(key);
    if (ref === 0 || to.find(key) !== 0) return;
    from.detach(key, ref);
    to.add(key, ref);
    this.models[1 - index]!.set(name, this.models[index]!.get(name)!);
    this.models[index]!.delete(name);
  }

  swap(): void {
    this.db(0).swap(this.db(1));
    this.models.reverse();
  }

  drawExpiry(): number {
    const choice = this.random.next();
    return choice < 0.5 ? NEVER : this.store.nowMs + 1 + this.below(choice < 0.75 ? 100 : 10_000);
  }

  /** One random change, in the store and in the model. */
  step(): void {
    const index = this.below(2);
    const name = this.drawName();
    const choice = this.random.next();
    if (choice < 0.4) this.set(index, name, 'x'.repeat(this.below(100)), this.drawExpiry());
    else if (choice < 0.55) this.remove(index, name);
    else if (choice < 0.7) this.expire(index, name, this.drawExpiry());
    else if (choice < 0.8) this.rename(index, name, this.drawName());
    else if (choice < 0.9) this.move(index, name);
    else if (choice < 0.901) this.swap();
    else if (choice < 0.95) this.advance(this.below(5));
    else if (choice < 0.951) this.runCycle();
  }

  drawName(): string {
    return 'n'.repeat(1 + this.below(3)) + String(this.below(1000));
  }

  runCycle(): void {
    this.cycle.begin();
    while (this.cycle.run(ALWAYS)) continue;
    this.cycle.end();
  }

  /** The names that live, by a scan. */
  names(index: number): string[] {
    const { arena } = this.store;
    const names: string[] = [];
    const key = new Slice();
    const visit = (ref: number): void => {
      if (!this.db(index).isExpired(ref)) names.push(keySlice(arena, ref, key).text());
    };
    for (let cursor = 0; cursor < CURSOR_END; ) cursor = this.db(index).scan(cursor, visit);
    return names;
  }

  /** Whether store and model agree in everything. */
  isSame(): boolean {
    return this.models.every((model, index) => {
      const alive = [...model.keys()].filter((name) => this.bucket(index, name) !== undefined);
      return alive.sort().join() === this.names(index).sort().join();
    });
  }
}

test('200,000 random changes leave what Maps have, and expired buckets are gone', (t) => {
  const pair = new Pair(seededRandom(seedOf(t)));
  let wrong = 0;
  for (let step = 0; step < 200_000; step++) {
    pair.step();
    const [index, name] = [pair.below(2), pair.drawName()];
    const bucket = pair.bucket(index, name);
    if (pair.value(index, name) !== bucket?.value) wrong++;
    if (pair.expiry(index, name) !== (bucket?.expiresAtMs ?? NEVER)) wrong++;
    if (step % 20_000 === 0) t.true(pair.isSame());
  }
  t.is(wrong, 0);
  t.is(pair.store.expired, pair.expired.length);
  for (const db of pair.store.databases) db.clear();
  while (pair.store.reclaimer.run(NEVER_OVER)) continue;
  const empty = new Store({ databases: 2 }).arena.usedBytes;
  t.is(pair.store.arena.usedBytes, empty);
});

test('the expiry cycle removes what nobody asks for, and says so', (t) => {
  const pair = new Pair(seededRandom(seedOf(t)));
  for (let i = 0; i < 10_000; i++) pair.set(i % 2, `soon:${i}`, 'x', pair.store.nowMs + 100 + (i % 50));
  for (let i = 0; i < 1000; i++) pair.set(0, `later:${i}`, 'x', pair.store.nowMs + 1_000_000);
  for (let i = 0; i < 1000; i++) pair.set(0, `never:${i}`, 'x', NEVER);
  pair.runCycle();
  t.is(pair.store.expired, 0);
  pair.advance(100);
  for (let round = 0; round < 100; round++) {
    pair.advance(1);
    pair.runCycle();
  }
  t.is(pair.db(1).size, 0);
  t.true(pair.db(0).size <= 2200, `${pair.db(0).size} buckets, of which 2,000 live`);
  for (let round = 0; round < 100; round++) pair.runCycle();
  t.is(pair.db(0).size, 2000);
  t.is(pair.db(0).expiringSize, 1000);
  t.is(pair.expired.length, 10_000);
  t.is(new Set(pair.expired).size, 10_000);
  t.true(pair.isSame());
});

test('the average time to live is measured, and forgotten with the last bucket that expires', (t) => {
  const pair = new Pair(seededRandom(seedOf(t)));
  for (let i = 0; i < 1000; i++) pair.set(0, `a:${i}`, 'x', pair.store.nowMs + 50_000);
  pair.runCycle();
  t.is(Math.round(pair.db(0).averageTtlMs), 50_000);
  pair.db(0).clear();
  pair.runCycle();
  t.is(pair.db(0).averageTtlMs, 0);
});

test('a round that is cut short is counted, and the next goes on with another database', (t) => {
  const pair = new Pair(seededRandom(seedOf(t)));
  for (let i = 0; i < 2000; i++) pair.set(i % 2, `a:${i}`, 'x', pair.store.nowMs + 1);
  pair.advance(10);
  for (let round = 0; round < 2; round++) {
    pair.cycle.begin();
    t.true(pair.cycle.run(ALWAYS));
    pair.cycle.end();
  }
  t.is(pair.store.expiryRoundsCutShort, 2);
  t.true(pair.db(0).size < 1000 && pair.db(1).size < 1000);
  t.true(pair.store.expiredStalePercent > 0);
});

test('a look-up stamps a bucket, a peek does not', (t) => {
  const pair = new Pair(seededRandom(seedOf(t)));
  const { access, arena } = pair.store;
  const key = sliceOf('a');
  const idle = (): number => access.idleSeconds(accessOf(arena, pair.db(0).peek(key)));
  pair.set(0, 'a', 'x', NEVER);
  t.is(idle(), 0);
  pair.advance(5000);
  t.is(idle(), 5);
  pair.db(0).find(key);
  t.is(idle(), 0);
  pair.advance(7000);
  pair.expire(0, 'a', pair.store.nowMs + 100_000);
  t.is(idle(), 0, 'a write is a use, and the stamp goes along when the entry moves');
});

test('by frequency, use counts up slowly and time counts down', (t) => {
  const pair = new Pair(seededRandom(seedOf(t)));
  const { access } = pair.store;
  access.isByFrequency = true;
  let bits = access.initial();
  t.is(access.frequency(bits), 5);
  for (let i = 0; i < 100; i++) bits = access.touched(bits);
  const often = access.frequency(bits);
  t.true(often > 5 && often < 20, `${often}`);
  for (let i = 0; i < 2_000_000; i++) bits = access.touched(bits);
  t.true(access.frequency(bits) > 200);
  const before = access.frequency(bits);
  pair.advance(60_000 * 10);
  t.is(access.frequency(bits), before - 10);
  pair.advance(60_000 * 1000);
  t.is(access.frequency(bits), 0);
});

test('a deleted or flushed hash is out of sight at once, and its memory comes back', (t) => {
  const pair = new Pair(seededRandom(seedOf(t)));
  const { store } = pair;
  const empty = store.arena.usedBytes;
  const key = sliceOf('h');
  for (let round = 0; round < 3; round++) {
    const db = pair.db(0);
    let ref = createHash(db, key);
    for (let i = 0; i < 20_000; i++) ref = setField(db, key, ref, sliceOf(`field:${i}`), sliceOf('value'));
    t.is(fieldCount(db, ref), 20_000);
    if (round === 0) db.remove(key, ref);
    else if (round === 1) db.clear();
    else {
      for (let i = 0; i < 20_000; i++) deleteField(db, ref, sliceOf(`field:${i}`));
      settleHash(db, key, ref);
    }
    t.is(db.find(key), 0);
    t.is(db.size, 0);
    let slices = 0;
    while (store.reclaimer.run(ALWAYS)) slices++;
    if (round === 0) t.true(slices > 10, 'in slices');
    t.is(store.arena.usedBytes, empty);
  }
});

test('the hooks tell of what is added, missed by expiry and flushed', (t) => {
  const pair = new Pair(seededRandom(seedOf(t)));
  const told: string[] = [];
  pair.store.followAdded((db, key) => void told.push(`added ${db.index} ${key.text()}`), true);
  pair.store.onTurnover = (db, successor) => told.push(`turnover ${db.index} ${successor?.index ?? 'none'}`);
  pair.set(0, 'a', 'x', NEVER);
  pair.set(0, 'a', 'y', NEVER);
  pair.rename(0, 'a', 'b');
  pair.move(0, 'b');
  pair.swap();
  pair.db(1).clear();
  t.deepEqual(told, ['added 0 a', 'added 0 b', 'added 1 b', 'turnover 0 1', 'turnover 1 0', 'turnover 1 none']);
});

test('an entry found by a scan may be removed while its key is told', (t) => {
  const pair = new Pair(seededRandom(seedOf(t)));
  const name = 'k'.repeat(1000);
  pair.set(0, name, '', pair.store.nowMs + 1);
  pair.advance(1);
  let found = 0;
  pair.db(0).scan(0, (ref) => (found = ref));
  for (let cursor = 0; cursor < CURSOR_END && found === 0; ) cursor = pair.db(0).scan(cursor, (ref) => (found = ref));
  t.true(pair.db(0).expire(found));
  t.deepEqual(pair.expired, [`0 ${name}`]);
  t.true(createEntry(pair.store.arena, STRING, sliceOf('x'), 1, 0) > 0);
});

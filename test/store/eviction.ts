/** What eviction takes, beside what it ideally would: under a seed, with a clock that is moved by hand. */
import test from 'ava';
import { Evictor } from '../../lib/store/eviction.js';
import { accessOf } from '../../lib/store/entry.js';
import { Store } from '../../lib/store/store.js';
import { putString } from '../../lib/store/string-value.js';
import { type Slice, sliceOf } from '../../lib/util/bytes.js';
import { FakeClock } from '../../lib/util/clock.js';
import { type Random, seededRandom } from '../../lib/util/random.js';
import { seedOf } from '../support/seed.js';

/** A store, and what it evicted, in order. */
class Bench {
  readonly clock = new FakeClock();
  readonly store: Store;
  readonly evicted: string[] = [];

  constructor(
    readonly random: Random,
    policy: string,
    databases = 1,
  ) {
    this.store = new Store({ databases, clock: this.clock, random, seed: { low: 5, high: 6 } });
    this.store.access.isByFrequency = policy.endsWith('-lfu');
    this.store.evictor.choose(policy);
    this.store.onRemoved = (_db, key, reason) => {
      if (reason === 'evicted') this.evicted.push(key.text());
    };
  }

  get db() {
    return this.store.databases[0]!;
  }

  advance(ms: number): void {
    this.clock.advance(ms);
    this.store.setNow(this.clock.nowMs());
  }

  put(name: string, expiresAtMs = 0, db = this.db): void {
    const key: Slice = sliceOf(name);
    putString(db, key, db.find(key), sliceOf('value'), expiresAtMs);
  }

  get(name: string): boolean {
    return this.db.find(sliceOf(name)) !== 0;
  }
}

/** A number from 0 up to `count`, small ones more often: the n-th about 1/n as often as the first. */
function skewed(random: Random, count: number): number {
  return Math.min(count - 1, Math.floor(count ** random.next()) - 1);
}

test('allkeys-lru takes buckets of the oldest part', (t) => {
  const bench = new Bench(seededRandom(seedOf(t)), 'allkeys-lru');
  const count = 4000;
  for (let i = 0; i < count; i++) {
    bench.advance(1000);
    bench.put(String(i));
  }
  // The first half is used again: now the second is the older one.
  for (let i = 0; i < count / 2; i++) {
    bench.advance(1000);
    t.true(bench.get(String(i)));
  }
  for (let i = 0; i < count / 2; i++) t.true(bench.store.evictor.evict());
  const older = bench.evicted.filter((name) => Number(name) >= count / 2).length;
  t.log(`${((200 * older) / count).toFixed(1)} % of what went was of the older half`);
  t.true(older > count * 0.5 * 0.85);
  t.is(bench.store.evicted, count / 2);
  t.is(bench.db.size, count / 2);
  // The oldest tenth goes for good.
  const oldest = bench.evicted.filter((name) => Number(name) >= count / 2 && Number(name) < count * 0.6).length;
  t.true(oldest > count * 0.1 * 0.94, `${oldest} of ${count * 0.1}`);
});

/** Runs a cache of `room` buckets and gives the share of look-ups that found. */
function hitsOfCache(bench: Bench, random: Random, room: number, lookUps: number): number {
  let hits = 0;
  for (let i = 0; i < lookUps; i++) {
    bench.advance(1000);
    const name = String(skewed(random, room * 20));
    if (bench.get(name)) hits++;
    else {
      while (bench.db.size >= room) bench.store.evictor.evict();
      bench.put(name);
    }
  }
  return hits / lookUps;
}

/** The same with a list in exact order of use. */
function hitsOfExactCache(random: Random, room: number, lookUps: number): number {
  const cache = new Set<string>();
  let hits = 0;
  for (let i = 0; i < lookUps; i++) {
    const name = String(skewed(random, room * 20));
    if (cache.delete(name)) hits++;
    else if (cache.size >= room) cache.delete(cache.values().next().value!);
    cache.add(name);
  }
  return hits / lookUps;
}

test('a cache by allkeys-lru finds nearly as often as one in exact order', (t) => {
  const seed = seedOf(t);
  const room = 1000;
  const ours = hitsOfCache(new Bench(seededRandom(seed + 1), 'allkeys-lru'), seededRandom(seed), room, 60_000);
  const exact = hitsOfExactCache(seededRandom(seed), room, 60_000);
  t.log(`found: ${(100 * ours).toFixed(1)} % of look-ups, in exact order ${(100 * exact).toFixed(1)} %`);
  t.true(ours > exact - 0.015);
});

test('a cache by allkeys-lfu keeps what is used most, also when all else is looked up once in between', (t) => {
  const random = seededRandom(seedOf(t));
  const bench = new Bench(random, 'allkeys-lfu');
  const room = 1000;
  let scanned = 0;
  for (let i = 0; i < 60_000; i++) {
    bench.advance(10);
    const isScan = i % 3 === 0;
    const name = isScan ? `scan${scanned++}` : `often${skewed(random, 400)}`;
    if (bench.get(name)) continue;
    while (bench.db.size >= room) bench.store.evictor.evict();
    bench.put(name);
  }
  const kept = Array.from({ length: 100 }, (_, index) => bench.get(`often${index}`)).filter(Boolean).length;
  t.log(`${kept} of the 100 that were used most are there`);
  t.true(kept >= 97);
  const wasted = bench.evicted.filter((name) => /^often\d\d?$/.test(name)).length;
  t.true(wasted < bench.evicted.length * 0.01, `${wasted} of ${bench.evicted.length}`);
});

test('allkeys-lfu forgets what was used often long ago', (t) => {
  const bench = new Bench(seededRandom(seedOf(t)), 'allkeys-lfu');
  for (let i = 0; i < 500; i++) {
    bench.put(`old${i}`);
    for (let use = 0; use < 50; use++) bench.get(`old${i}`);
  }
  bench.advance(3600_000);
  for (let i = 0; i < 500; i++) bench.put(`new${i}`);
  for (let i = 0; i < 400; i++) bench.store.evictor.evict();
  t.true(bench.evicted.filter((name) => name.startsWith('old')).length > 390);
});

test('volatile-ttl takes those that expire soonest, and none that do not expire', (t) => {
  const random = seededRandom(seedOf(t));
  const bench = new Bench(random, 'volatile-ttl');
  const moments = Array.from({ length: 2000 }, (_, index) => index).sort(() => random.next() - 0.5);
  for (const moment of moments) {
    bench.put(`ttl${moment}`, bench.store.nowMs + 1000 + moment * 1000);
    bench.put(`stays${moment}`);
  }
  for (let i = 0; i < 1000; i++) t.true(bench.store.evictor.evict());
  const places = bench.evicted.map((name) => Number(name.slice(3)));
  const soon = places.filter((place) => place < 1000).length;
  t.log(`${(soon / 10).toFixed(1)} % of what went was of the half that expires sooner`);
  t.true(soon > 850);
  t.is(bench.db.size, 3000);
  while (bench.store.evictor.evict());
  t.is(bench.db.size, 2000);
  t.is(bench.db.expiringSize, 0);
});

for (const order of ['lru', 'lfu', 'random', 'ttl']) {
  test(`volatile-${order} leaves those that do not expire alone, in every database`, (t) => {
    const bench = new Bench(seededRandom(seedOf(t)), `volatile-${order}`, 3);
    const { databases, evictor, nowMs } = bench.store;
    for (const db of databases) {
      for (let i = 0; i < 50; i++) {
        bench.put(`stays${i}`, 0, db);
        bench.put(`goes${i}`, nowMs + 1000 + i, db);
      }
    }
    let evicted = 0;
    while (evictor.evict()) evicted++;
    t.is(evicted, 150);
    t.deepEqual(databases.map((db) => [db.size, db.expiringSize]), [[50, 0], [50, 0], [50, 0]]);
  });
}

for (const order of ['lru', 'lfu', 'random']) {
  test(`allkeys-${order} empties every database`, (t) => {
    const bench = new Bench(seededRandom(seedOf(t)), `allkeys-${order}`, 3);
    const { arena, databases, evictor } = bench.store;
    const usedAtStart = arena.usedBytes;
    for (const db of databases) for (let i = 0; i < 300; i++) bench.put(`${i}`.padEnd(i, '-'), 0, db);
    let evicted = 0;
    while (evictor.evict()) evicted++;
    t.is(evicted, 900);
    t.is(bench.store.evicted, 900);
    t.true(arena.usedBytes < usedAtStart + 4096, 'indexes may keep a little room');
  });
}

test('noeviction takes nothing, and a bucket that has gone from the pool is passed over', (t) => {
  const bench = new Bench(seededRandom(seedOf(t)), 'noeviction');
  bench.put('a');
  t.false(bench.store.evictor.evict());
  const evictor = new Evictor(bench.store);
  evictor.choose('volatile-lru');
  t.false(evictor.evict());
  evictor.choose('allkeys-lru');
  for (let i = 0; i < 20; i++) bench.put(`b${i}`);
  t.true(evictor.evict());
  // Those in the pool are deleted, or made anew, before they are asked for again.
  for (let i = 0; i < 20; i++) {
    const key = sliceOf(`b${i}`);
    const ref = bench.db.find(key);
    if (ref !== 0) bench.db.remove(key, ref);
  }
  bench.put('last');
  while (bench.db.size > 0) t.true(evictor.evict());
  t.false(evictor.evict());
});

test('more samples come nearer to the exact order', (t) => {
  const seed = seedOf(t);
  const shareOfOldest = (samples: number): number => {
    const bench = new Bench(seededRandom(seed), 'allkeys-lru');
    bench.store.evictor.samples = samples;
    for (let i = 0; i < 3000; i++) {
      bench.advance(1000);
      bench.put(String(i));
    }
    for (let i = 0; i < 1000; i++) bench.store.evictor.evict();
    return bench.evicted.filter((name) => Number(name) < 1000).length / 1000;
  };
  const shares = [1, 5, 20].map(shareOfOldest);
  t.log(`share of the oldest third with 1, 5 and 20 samples: ${shares.join(', ')}`);
  t.true(shares[0]! < shares[1]! && shares[1]! < shares[2]!);
});

/** The counter of redis-server's evict.c: LFUDecrAndReturn() and LFULogIncr(). */
class PlainCounter {
  value = 5;

  constructor(private minutes: number) {}

  now(minutes: number, decayMinutes: number): number {
    const periods = decayMinutes === 0 ? 0 : Math.floor((minutes - this.minutes) / decayMinutes);
    return periods > this.value ? 0 : this.value - periods;
  }

  use(minutes: number, decayMinutes: number, factor: number, random: Random): void {
    this.value = this.now(minutes, decayMinutes);
    this.minutes = minutes;
    if (this.value < 255 && random.next() < 1 / (Math.max(0, this.value - 5) * factor + 1)) this.value++;
  }
}

for (const [factor, decayMinutes] of [[10, 1], [0, 0], [1, 3], [100, 60]] as const) {
  test(`uses are counted by redis-server's formulas, with factor ${factor} and decay ${decayMinutes}`, (t) => {
    const seed = seedOf(t);
    const bench = new Bench(seededRandom(seed + 1), 'allkeys-lfu');
    const [same, random] = [seededRandom(seed + 1), seededRandom(seed)];
    const { access, arena } = bench.store;
    Object.assign(access, { logFactor: factor, decayMinutes });
    const minutes = (): number => Math.floor(bench.clock.nowMs() / 60_000);
    bench.put('name');
    const ref = bench.db.peek(sliceOf('name'));
    const plain = new PlainCounter(minutes());
    let most = 0;
    for (let step = 0; step < 3000; step++) {
      if (random.next() < 0.1) bench.advance(Math.floor(random.next() * 120_000));
      bench.get('name');
      plain.use(minutes(), decayMinutes, factor, same);
      t.is(access.frequency(accessOf(arena, ref)), plain.value, `step ${step}`);
      most = Math.max(most, plain.value);
      if (step % 1000 < 999) continue;
      bench.advance(180_000);
      t.is(access.frequency(accessOf(arena, ref)), plain.now(minutes(), decayMinutes));
    }
    t.true(most > 5);
  });
}

test('idle time is the seconds since the last look-up, over the turn of the clock', (t) => {
  const random = seededRandom(seedOf(t));
  const bench = new Bench(random, 'allkeys-lru');
  const { access, arena } = bench.store;
  bench.put('name');
  const ref = bench.db.peek(sliceOf('name'));
  for (let step = 0; step < 500; step++) {
    const from = Math.floor(bench.clock.nowMs() / 1000);
    bench.get('name');
    t.is(access.idleSeconds(accessOf(arena, ref)), 0);
    bench.advance(Math.floor(random.next() * 1000 * (step % 2 === 0 ? 5 : 2 ** 23)));
    t.is(access.idleSeconds(accessOf(arena, ref)), Math.floor(bench.clock.nowMs() / 1000) - from);
  }
});

/** HyperLogLogs in buckets against plain registers under a seed, and the hash against known ones. */
import test, { type ExecutionContext } from 'ava';
import { seed, seedOf } from '../support/seed.js';
import { STRING, createEntry, entryBytes, entryType, valueOffset, valueSlice } from '../../lib/store/entry.js';
import {
  REGISTERS, estimateCount, estimateOf, isHyperLogLog, isSparse, markOf, mergeRegisters,
} from '../../lib/store/hyperloglog.js';
import { type Raise, addElement, createHyperLogLog, raiseRegister } from '../../lib/store/hyperloglog-value.js';
import { Store } from '../../lib/store/store.js';
import { Slice, sliceOf } from '../../lib/util/bytes.js';
import { murmurHash64 } from '../../lib/util/murmur-hash.js';
import { seededRandom } from '../../lib/util/random.js';

/** MurmurHash64A in the words of its author, with a big integer. */
function plainHash(bytes: Buffer, hashSeed: bigint): bigint {
  const m = 0xc6a4a7935bd1e995n;
  const times = (a: bigint): bigint => BigInt.asUintN(64, a * m);
  let h = hashSeed ^ times(BigInt(bytes.length));
  const whole = bytes.length - (bytes.length % 8);
  for (let at = 0; at < whole; at += 8) {
    let k = times(bytes.readBigUInt64LE(at));
    k = times(k ^ (k >> 47n));
    h = times(h ^ k);
  }
  if (whole < bytes.length) {
    const tail = Buffer.alloc(8);
    bytes.copy(tail, 0, whole);
    h = times(h ^ tail.readBigUInt64LE(0));
  }
  h = times(h ^ (h >> 47n));
  return h ^ (h >> 47n);
}

test('the hash is MurmurHash64A for every length', (t) => {
  seedOf(t);
  const random = seededRandom(seed);
  const found = { low: 0, high: 0 };
  for (let round = 0; round < 5000; round++) {
    const bytes = Buffer.from(Array.from({ length: round % 40 }, () => Math.floor(random.next() * 256)));
    murmurHash64(bytes, 0, bytes.length, 0xadc83b19, found);
    const hash = (BigInt(found.high >>> 0) << 32n) | BigInt(found.low >>> 0);
    t.is(hash, plainHash(bytes, 0xadc83b19n), bytes.toString('hex'));
  }
});

/** A HyperLogLog of its own store beside plain registers. */
class Model {
  readonly store = new Store();
  readonly db = this.store.databases[0]!;
  readonly key = sliceOf('h');
  readonly raise: Raise;
  readonly plain = new Uint8Array(REGISTERS);
  private readonly value = new Slice();

  constructor() {
    this.db.find(this.key);
    this.raise = { ref: createHyperLogLog(this.db, this.key), outcome: 'kept' };
    // A neighbour in memory, which must stay as it is.
    createEntry(this.store.arena, STRING, sliceOf('neighbour'), 8, 0);
  }

  get bytes(): Slice {
    return valueSlice(this.store.arena, this.raise.ref, this.value);
  }

  raiseTo(index: number, value: number): void {
    this.db.find(this.key);
    raiseRegister(this.db, this.key, this.raise, { index, value });
    this.plain[index] = Math.max(this.plain[index]!, value);
  }

  add(element: string): void {
    const mark = markOf(sliceOf(element), { index: 0, value: 0 });
    this.db.find(this.key);
    addElement(this.db, this.key, this.raise, sliceOf(element));
    this.plain[mark.index] = Math.max(this.plain[mark.index]!, mark.value);
  }

  get isSparse(): boolean {
    return isSparse(entryBytes(this.store.arena, this.raise.ref), valueOffset(this.store.arena, this.raise.ref));
  }

  check(t: ExecutionContext): void {
    t.is(entryType(this.store.arena, this.raise.ref), STRING);
    t.true(isHyperLogLog(this.bytes));
    const registers = new Uint8Array(REGISTERS);
    t.true(mergeRegisters(registers, this.bytes));
    t.true(Buffer.from(registers).equals(Buffer.from(this.plain)));
    t.is(estimateCount(this.bytes), estimateOf(this.plain));
  }
}

test('elements, from none to a dense one', (t) => {
  seedOf(t);
  const random = seededRandom(seed);
  for (const sparseBytesMax of [0, 100, 3000, 16_000]) {
    const model = new Model();
    model.store.encodingLimits.hyperLogLogSparseBytesMax = sparseBytesMax;
    const met = new Set<boolean>();
    let checked = 0;
    for (let count = 0; count < 20_000; count++) {
      model.add(`${Math.floor(random.next() * 30_000)}`);
      met.add(model.isSparse);
      if (count !== checked) continue;
      model.check(t);
      checked = Math.ceil((checked + 1) * 1.1);
    }
    t.is(model.isSparse, sparseBytesMax === 16_000);
    t.deepEqual([...met], { 0: [false], 100: [true, false], 3000: [true, false], 16_000: [true] }[sparseBytesMax]);
    model.check(t);
  }
});

test('registers of few values beside each other, whose runs join and part', (t) => {
  seedOf(t);
  const random = seededRandom(seed);
  const below = (count: number): number => Math.floor(random.next() * count);
  const outcomes = new Set<string>();
  for (let round = 0; round < 300; round++) {
    const model = new Model();
    const width = 1 + below(90);
    const start = below(REGISTERS - width);
    for (let step = 0; step < 350; step++) {
      model.raiseTo(start + below(width), 1 + below(random.next() < 0.01 ? 51 : 3));
    }
    model.check(t);
    outcomes.add(model.isSparse ? 'sparse' : 'dense');
  }
  t.deepEqual([...outcomes].sort(), ['dense', 'sparse']);
});

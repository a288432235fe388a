/** String values in the arena against plain buffers in a Map. */
import test from 'ava';
import { STRING, createEntry, entryBytes, valueLength, valueOffset } from '../../lib/store/entry.js';
import { Store } from '../../lib/store/store.js';
import { growString, growStringWithZeros, putEntry, putString, stringEncoding } from '../../lib/store/string-value.js';
import { sliceOf } from '../../lib/util/bytes.js';
import { seededRandom } from '../../lib/util/random.js';
import { seedOf } from '../support/seed.js';

const OPERATIONS = 150_000;
const KEYS = 200;

test('values are what was put and grown, whatever happens around them', (t) => {
  const seed = seedOf(t);
  const random = seededRandom(seed);
  const below = (limit: number): number => Math.floor(random.next() * limit);
  const store = new Store();
  const db = store.databases[0]!;
  const model = new Map<string, Buffer>();
  for (let done = 0; done < OPERATIONS; done++) {
    const name = `key:${below(KEYS)}`;
    const key = sliceOf(name);
    const ref = db.find(key);
    const before = model.get(name) ?? Buffer.alloc(0);
    const piece = Buffer.alloc(below(below(50) === 0 ? 20_000 : 100), below(256));
    const kind = below(10);
    if (kind === 0) {
      if (ref !== 0) db.remove(key, ref);
      model.delete(name);
    } else if (kind < 4) {
      putString(db, key, ref, sliceOf(piece), kind === 1 ? store.nowMs + 1e6 : 0);
      model.set(name, piece);
    } else if (kind < 7 && before.length < 100_000) {
      const grown = growString(db, key, ref, before.length + piece.length);
      piece.copy(entryBytes(store.arena, grown), valueOffset(store.arena, grown) + before.length);
      model.set(name, Buffer.concat([before, piece]));
    } else {
      const length = below(3000);
      growStringWithZeros(db, key, ref, length);
      model.set(name, Buffer.concat([before, Buffer.alloc(Math.max(0, length - before.length))]));
    }
    const after = db.find(key);
    if (after === 0) t.false(model.has(name));
    else {
      const start = valueOffset(store.arena, after);
      const value = entryBytes(store.arena, after).subarray(start, start + valueLength(store.arena, after));
      if (!value.equals(model.get(name)!)) t.fail(`${name} differs after ${done} operations, seed ${seed}`);
    }
  }
  t.is(db.size, model.size);
});

test('a string that grows a byte at a time moves a few times only', (t) => {
  const store = new Store();
  const db = store.databases[0]!;
  const key = sliceOf('key');
  let ref = growString(db, key, db.find(key), 1);
  let moves = 0;
  for (let length = 2; length <= 4_000_000; length++) {
    const grown = growString(db, key, ref, length);
    if (grown !== ref) moves++;
    ref = grown;
  }
  t.is(valueLength(store.arena, ref), 4_000_000);
  t.true(moves < 40, `it moved ${moves} times`);
});

test('the encoding of an empty and of a long value', (t) => {
  const store = new Store();
  const db = store.databases[0]!;
  const encodingOf = (value: string): string => {
    const key = sliceOf(value.slice(0, 8));
    return stringEncoding(store.arena, putString(db, key, db.find(key), sliceOf(value), 0));
  };
  t.is(encodingOf(''), 'embstr');
  t.is(encodingOf('-9223372036854775808'), 'int');
  t.is(encodingOf('a'.repeat(44)), 'embstr');
  t.is(encodingOf('a'.repeat(45)), 'raw');
});

test('an entry made elsewhere takes the place of what was there', (t) => {
  const store = new Store();
  const db = store.databases[0]!;
  const key = sliceOf('key');
  putString(db, key, db.find(key), sliceOf('old'), store.nowMs + 1000);
  putEntry(db, key, db.find(key), createEntry(store.arena, STRING, key, 0, 0));
  t.is(valueLength(store.arena, db.find(key)), 0);
  t.is(db.expiringSize, 0);
});

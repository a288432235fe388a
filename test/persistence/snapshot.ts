/** Snapshots of one moment, against a plain Map under a seed, while the store changes in every way. */
import { createHash } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { families } from '../../lib/commands/families.js';
import { CommandTable } from '../../lib/commands/table.js';
import { Settings } from '../../lib/config/settings.js';
import { NodeState } from '../../lib/execution/node-state.js';
import { RdbFileError, RdbReader } from '../../lib/persistence/rdb-reader.js';
import { snapshotOptions } from '../../lib/persistence/snapshot-options.js';
import { rehearseSnapshots } from '../../lib/persistence/rehearsal.js';
import { Snapshot, SnapshotAborted, type SnapshotOptions } from '../../lib/persistence/snapshot.js';
import { writePayload } from '../../lib/rdb/dump-payload.js';
import { RdbOutput } from '../../lib/rdb/rdb-output.js';
import { entryType, expiryOf, isMarked, keySlice, valueSlice } from '../../lib/store/entry.js';
import {
  createHash as createHashValue, deleteField, forEachField, keepWhenEmpty, setField, setFieldExpiry, settleHash,
} from '../../lib/store/hash-value.js';
import type { Keyspace } from '../../lib/store/keyspace.js';
import { createList, pushElement, removeEndElement } from '../../lib/store/list-value.js';
import { addMember, createSortedSet, getScore, updateMember } from '../../lib/store/sorted-set-value.js';
import { CURSOR_END } from '../../lib/store/byte-table.js';
import { Store } from '../../lib/store/store.js';
import { putString } from '../../lib/store/string-value.js';
import { Slice, sliceOf } from '../../lib/util/bytes.js';
import { FakeClock, systemClock } from '../../lib/util/clock.js';
import { silentLog } from '../../lib/util/log.js';
import { seededRandom } from '../../lib/util/random.js';
import { Draw } from '../generators/draw.js';
import { MemoryFile } from '../support/memory-file.js';
import { seedOf } from '../support/seed.js';

const options: SnapshotOptions = {
  form: 'rdb', compresses: true, hasChecksum: true, notesUse: undefined, isLogBase: false, functions: [], nowMs: 1e12,
  elapsedUs: () => performance.now() * 1000, beforeSlice: () => undefined, onSlice: () => undefined,
  syncsOften: true, onBehind: () => undefined, patienceMs: 60_000,
};
const none = (): Promise<void> => Promise.resolve();

function newStore(): Store {
  return new Store({ databases: 4 });
}

async function read(file: MemoryFile): Promise<Store> {
  const store = newStore();
  await new RdbReader(store, file, file.bytes.length, { leavesOutExpired: false }).readAll(none);
  return store;
}

/** Every bucket of a store: its database and name; its expiry and value, in an order that depends on no seed. */
function contents(store: Store): Map<string, string> {
  const all = new Map<string, string>();
  for (const db of store.databases) for (const [name, value] of bucketsOf(db)) all.set(`${db.index} ${name}`, value);
  return all;
}

function* bucketsOf(db: Keyspace): Generator<[string, string]> {
  const refs: number[] = [];
  for (let cursor = 0; cursor < CURSOR_END; ) cursor = db.scan(cursor, (ref) => refs.push(ref));
  for (const ref of refs) {
    const { arena } = db.store;
    const output = new RdbOutput(false);
    writePayload(output, db, ref);
    // A table goes in the order of its store's seed: its bytes are compared in order.
    const digest = createHash('sha1').update(output.bytes.subarray(0, output.length - 8).sort()).digest('hex');
    yield [keySlice(arena, ref, new Slice()).text(), `${expiryOf(arena, ref)} ${digest}`];
  }
}

/** What differs between two stores' contents. */
function differences(actual: Map<string, string>, expected: Map<string, string>): string[] {
  const names = new Set([...actual.keys(), ...expected.keys()]);
  const different = [...names].filter((name) => actual.get(name) !== expected.get(name));
  return different.slice(0, 10).map((name) => `${name}: ${actual.get(name) ?? 'missing'}, not ${expected.get(name) ?? 'there'}`);
}

/** Changes a random bucket in a random way. */
function change(store: Store, draw: Draw, names: number): void {
  const db = store.databases[draw.below(3)]!;
  const key = sliceOf(`bucket ${draw.below(names)}`);
  const value = sliceOf(String(draw.below(1e9)).repeat(draw.between(1, 6)));
  let ref = db.find(key);
  const type = ref === 0 ? draw.below(4) : -1;
  switch (draw.below(12)) {
    case 0:
      if (ref !== 0) db.remove(key, ref);
      return;
    case 1:
      if (ref !== 0) db.expireAt(key, ref, draw.chance(0.5) ? 0 : 4e12 + draw.below(1000));
      return;
    case 2: {
      const newKey = sliceOf(draw.chance(0.5) ? `bucket ${draw.below(names)}` : `other ${draw.below(names)}`);
      if (ref === 0 || newKey.equals(key)) return;
      const taken = db.find(newKey);
      if (taken !== 0) db.remove(newKey, taken);
      db.rename(key, db.find(key), newKey, 0);
      return;
    }
    case 3: {
      const other = store.databases[(db.index + 1) % 3]!;
      if (ref === 0 || other.find(key) !== 0) return;
      db.detach(key, ref);
      other.attach(key, ref);
      return;
    }
    case 4:
      putString(db, key, ref, value, draw.chance(0.1) ? 4e12 : 0);
      return;
  }
  // A handler would ask for the type; here it follows from the name.
  const kind = ref === 0 ? type : entryType(store.arena, ref);
  if (kind === 0) return void putString(db, key, ref, value, 0);
  if (kind === 4 || kind === 2) {
    if (ref === 0) ref = createHashValue(db, key);
    for (let i = draw.below(10); i >= 0; i--) ref = setField(db, key, ref, sliceOf(`f${draw.below(900)}`), value);
    if (draw.chance(0.3)) deleteField(db, ref, sliceOf(`f${draw.below(900)}`));
    settleHash(db, key, ref);
  } else if (kind === 1) {
    if (ref === 0) ref = createList(db, key, 0);
    for (let i = draw.below(10); i >= 0; i--) ref = pushElement(db, key, ref, draw.chance(0.5) ? 'head' : 'tail', value);
    if (draw.chance(0.5)) removeEndElement(db, key, ref, 'head');
  } else {
    if (ref === 0) ref = createSortedSet(db, key);
    for (let i = draw.below(10); i >= 0; i--) {
      const member = sliceOf(`m${draw.below(500)}`);
      const score = getScore(db, ref, member);
      if (score === undefined) ref = addMember(db, key, ref, member, draw.below(100));
      else ref = updateMember(db, key, ref, member, draw.below(100));
    }
  }
}

function noMarks(t: ExecutionContext, store: Store): void {
  for (const db of store.databases) {
    for (let cursor = 0; cursor < CURSOR_END; ) {
      cursor = db.scan(cursor, (ref) => t.false(isMarked(store.arena, ref)));
    }
  }
}

for (const round of [0, 1, 2, 3]) {
  test(`what is written is the moment of the start, round ${round}`, async (t) => {
    const draw = new Draw(seededRandom(seedOf(t) + round));
    const store = newStore();
    for (let i = 0; i < 20_000; i++) change(store, draw, 300);
    // Two small slices, so that commands come between them.
    let clock = 0;
    for (let snapshots = 0; snapshots < 6; snapshots++) {
      const before = contents(store);
      const file = new MemoryFile();
      file.most = draw.pick([Infinity, 5000, 70_000]);
      const snapshot = new Snapshot(store, file, { ...options, elapsedUs: () => (clock += 600) });
      const ended = { isDone: false };
      void snapshot.done.finally(() => (ended.isDone = true));
      while (!ended.isDone) {
        for (let i = draw.below(20); i > 0; i--) change(store, draw, 300);
        if (draw.chance(0.01)) store.databases[draw.below(3)]!.swap(store.databases[draw.below(3)]!);
        if (draw.chance(0.003)) store.databases[draw.below(3)]!.clear();
        while (store.reclaimer.run(() => false));
        await new Promise(setImmediate);
      }
      t.is(await snapshot.done, file.bytes.length);
      t.deepEqual(differences(contents(await read(file)), before), []);
      noMarks(t, store);
      for (let i = 0; i < 2000; i++) change(store, draw, 300);
    }
  });
}

test('a large value is written in pieces, and others come before it', async (t) => {
  const store = newStore();
  const db = store.databases[0]!;
  const key = sliceOf('large');
  db.find(key);
  let ref = createHashValue(db, key);
  for (let i = 0; i < 50_000; i++) ref = setField(db, key, ref, sliceOf(`field ${i}`), sliceOf(`value ${i}`));
  for (let i = 0; i < 3000; i++) {
    const name = sliceOf(`small ${i}`);
    putString(db, name, db.find(name), sliceOf(String(i)), 0);
  }
  const file = new MemoryFile();
  let clock = 0;
  const snapshot = new Snapshot(store, file, { ...options, elapsedUs: () => (clock += 600) });
  for (let i = 0; i < 3000; i++) {
    const name = sliceOf(`small ${i}`);
    putString(db, name, db.find(name), sliceOf('changed'), 0);
    if (i % 50 === 0) await new Promise(setImmediate);
  }
  ref = db.find(key);
  setField(db, key, ref, sliceOf('field 7'), sliceOf('changed'));
  await snapshot.done;
  const copy = await read(file);
  const found = new Map<string, string>();
  const [into] = copy.databases;
  forEachField(into!, into!.find(key), (field, value) => found.set(field.text(), value.text()));
  t.is(found.size, 50_000);
  for (let i = 0; i < 50_000; i++) if (found.get(`field ${i}`) !== `value ${i}`) t.fail(`field ${i}`);
  for (let i = 0; i < 3000; i++) t.not(copy.databases[0]!.find(sliceOf(`small ${i}`)), 0);
  noMarks(t, store);
});

test('a bucket that stays when it is empty comes back', async (t) => {
  const store = newStore();
  const db = store.databases[1]!;
  for (const [name, expiresAtMs] of [['empty', 0], ['expires', 4e12], ['filled', 0]] as const) {
    const key = sliceOf(name);
    db.find(key);
    let ref = createHashValue(db, key);
    keepWhenEmpty(store.arena, ref);
    if (name === 'filled') ref = setField(db, key, ref, sliceOf('f'), sliceOf('v'));
    db.expireAt(key, ref, expiresAtMs);
  }
  const file = new MemoryFile();
  await new Snapshot(store, file, options).done;
  const copy = await read(file);
  t.deepEqual(differences(contents(copy), contents(store)), []);
  const filled = sliceOf('filled');
  const into = copy.databases[1]!;
  deleteField(into, into.find(filled), sliceOf('f'));
  t.not(settleHash(into, filled, into.find(filled)), 0);
});

for (const count of [10, 3000]) {
  test(`a hash of ${count} fields of which some expire comes back`, async (t) => {
    const store = newStore();
    const db = store.databases[0]!;
    const key = sliceOf('hash');
    db.find(key);
    let ref = createHashValue(db, key);
    for (let i = 0; i < count; i++) {
      const field = sliceOf(`field ${i}`);
      ref = setField(db, key, ref, field, sliceOf(String(i)));
      // A moment that could be taken for the length of a string that is longer than the file.
      if (i % 3 === 0) ref = setFieldExpiry(db, key, ref, field, 4e12 + i * 100_000);
    }
    const file = new MemoryFile();
    await new Snapshot(store, file, options).done;
    t.deepEqual(fieldsOf((await read(file)).databases[0]!, key), fieldsOf(db, key));
    t.is(fieldsOf(db, key).length, count);
  });
}

function fieldsOf(db: Keyspace, key: Slice): string[] {
  const fields: string[] = [];
  forEachField(db, db.find(key), (field, value, ms) => fields.push(`${field.text()}=${value.text()} ${ms}`));
  return fields.sort();
}

test('a file that fails, and a snapshot that is given up, leave no marks', async (t) => {
  const draw = new Draw(seededRandom(seedOf(t)));
  const store = newStore();
  for (let i = 0; i < 20_000; i++) change(store, draw, 3000);
  const before = contents(store);
  let clock = 0;
  const slow = { ...options, elapsedUs: () => (clock += 600) };
  const failing = new MemoryFile();
  failing.failure = new Error('no space');
  await t.throwsAsync(new Snapshot(store, failing, slow).done, { message: 'no space' });
  noMarks(t, store);
  const given = new Snapshot(store, new MemoryFile(), slow);
  await new Promise(setImmediate);
  for (let i = 0; i < 50; i++) store.databases[0]!.find(sliceOf(`bucket ${i}`));
  given.abort();
  await t.throwsAsync(given.done, { instanceOf: SnapshotAborted });
  noMarks(t, store);
  t.deepEqual(differences(contents(store), before), []);
  const file = new MemoryFile();
  await new Snapshot(store, file, slow).done;
  t.deepEqual(differences(contents(await read(file)), before), []);
});

/** A disk that takes nothing until it is let. */
class StuckFile extends MemoryFile {
  private release!: () => void;
  private readonly released = new Promise<void>((resolve) => (this.release = resolve));

  override async write(pieces: readonly Buffer[], position: number): Promise<number> {
    await this.released;
    return super.write(pieces, position);
  }

  letGo(): void {
    this.release();
  }
}

const MEGABYTE = 1024 * 1024;

/** A disk that notes whose memory it is given. */
class NotingFile extends MemoryFile {
  readonly memory = new Set<ArrayBufferLike>();
  piecesSeen = 0;

  override async write(pieces: readonly Buffer[], position: number): Promise<number> {
    for (const { buffer } of pieces) this.memory.add(buffer);
    this.piecesSeen += pieces.length;
    return super.write(pieces, position);
  }
}

test('memory whose bytes are in the file is written to again, and no sooner', async (t) => {
  const store = newStore();
  const db = store.databases[0]!;
  for (let i = 0; i < 40_000; i++) {
    const key = sliceOf(`bucket ${i}`);
    putString(db, key, db.find(key), sliceOf(`${i}`.repeat(100)), 0);
  }
  const before = contents(store);
  const file = new NotingFile();
  await new Snapshot(store, file, { ...options, compresses: false }).done;
  t.true(file.piecesSeen > 100, `${file.piecesSeen} pieces`);
  t.true(file.memory.size < file.piecesSeen / 2, `${file.memory.size} blocks for ${file.piecesSeen} pieces`);
  t.deepEqual(differences(contents(await read(file)), before), []);
});

/** A snapshot of which more is written first than the disk may be behind by. */
function writeAllFirst(file: MemoryFile, patienceMs: number): { snapshot: Snapshot; heard: boolean[]; store: Store } {
  const store = newStore();
  const db = store.databases[0]!;
  const heard: boolean[] = [];
  const set = (i: number, value: Buffer): void => {
    const key = sliceOf(`bucket ${i}`);
    putString(db, key, db.find(key), sliceOf(value), 0);
  };
  for (let i = 0; i < 60; i++) set(i, Buffer.alloc(MEGABYTE, i));
  const onBehind = (isBehind: boolean): void => void heard.push(isBehind);
  const snapshot = new Snapshot(store, file, { ...options, compresses: false, onBehind, patienceMs });
  // As commands do that write, as long as they need not wait.
  for (let i = 0; i < 60 && heard.length === 0; i++) set(i, Buffer.from('changed'));
  return { snapshot, heard, store };
}

test('writes wait while the disk is behind with what was written first, and go on', async (t) => {
  const file = new StuckFile();
  const { snapshot, heard } = writeAllFirst(file, 60_000);
  t.deepEqual(heard, [true]);
  t.true(snapshot.waitingBytes > 16 * MEGABYTE && snapshot.waitingBytesPeak < 64 * MEGABYTE);
  file.letGo();
  t.is(await snapshot.done, file.bytes.length);
  t.deepEqual(heard, [true, false]);
  const copy = await read(file);
  for (let i = 0; i < 60; i++) {
    const key = sliceOf(`bucket ${i}`);
    const ref = copy.databases[0]!.find(key);
    t.is(valueSlice(copy.arena, ref, new Slice()).length, MEGABYTE);
  }
});

test('a disk that takes nothing while writes wait ends the snapshot, and the writes go on', async (t) => {
  const { snapshot, heard, store } = writeAllFirst(new StuckFile(), 1);
  await t.throwsAsync(snapshot.done, { message: 'the disk took nothing for 1 ms while writes waited' });
  t.deepEqual(heard, [true, false]);
  t.is(snapshot.waitingBytes, 0);
  noMarks(t, store);
});

test('replies are sent in front of each slice', async (t) => {
  const store = newStore();
  const [db] = store.databases as [Keyspace];
  for (let i = 0; i < 100; i++) putString(db, sliceOf(`bucket ${i}`), db.find(sliceOf(`bucket ${i}`)), sliceOf('value'), 0);
  const seen: string[] = [];
  let us = 0;
  const snapshot = new Snapshot(store, new MemoryFile(), {
    ...options,
    // Each look ends a slice.
    elapsedUs: () => {
      seen.push('clock');
      return (us += 1000);
    },
    beforeSlice: () => seen.push(`replies, ${snapshot.keysWritten} written`),
  });
  await snapshot.done;
  const slice = ['clock', 'clock'];
  t.deepEqual(seen.slice(0, 3), ['replies, 0 written', ...slice]);
  t.true(seen.length > 9);
  for (let at = 0; at < seen.length; at += 3) t.regex(seen[at]!, /^replies/);
});

test('LATENCY has the slices of a snapshot that were slow, as snapshot-cycle', async (t) => {
  const clock = new FakeClock();
  const state = new NodeState(newStore(), new Settings(), new CommandTable(families), clock, silentLog);
  const [db] = state.store.databases as [Keyspace];
  const key = sliceOf('bucket');
  putString(db, key, db.find(key), sliceOf('value'), 0);
  const given = snapshotOptions(state, 'rdb', false);
  // Each look at the clock comes 7 ms behind the one before.
  const elapsedUs = (): number => {
    clock.advance(7);
    return clock.elapsedUs();
  };
  const write = (): Promise<number> => new Snapshot(state.store, new MemoryFile(), { ...given, elapsedUs }).done;
  state.settings.set('latency-monitor-threshold', '8');
  await write();
  t.is(state.latency.events.size, 0);
  state.settings.set('latency-monitor-threshold', '7');
  await write();
  t.deepEqual([...state.latency.events.keys()], ['snapshot-cycle']);
  t.is(state.latency.events.get('snapshot-cycle')!.maxMs, 7);
});

test('a rehearsal goes through two snapshots, and leaves the store of the node alone', async (t) => {
  const settings = new Settings();
  const state = new NodeState(newStore(), settings, new CommandTable(families), systemClock, silentLog);
  const guarded: boolean[] = [];
  state.sendReplies = () => guarded.push(state.store.isGuarded);
  const held = state.store.arena.heldBytes;
  await rehearseSnapshots(state);
  t.true(guarded.length >= 2 && !guarded.includes(true), `${guarded.length} slices`);
  t.deepEqual([state.store.databases[0]!.size, state.store.changes, state.store.arena.heldBytes], [0, 0, held]);
});

/** A snapshot of an old version, which has no checksum, of strings with these keys. */
function snapshotOf(keys: readonly string[]): Buffer {
  const strings = keys.map((key) => `\0${String.fromCharCode(key.length)}${key}\x01v`);
  return Buffer.from(`REDIS0003${strings.join('')}\xff`, 'latin1');
}

test('a bucket that comes twice stops the loading there, and nothing else is left in memory', async (t) => {
  const keys = Array.from({ length: 1000 }, (_, index) => `key:${index}`);
  keys[700] = 'key:300';
  const file = new MemoryFile();
  file.bytes = snapshotOf(keys);
  const store = new Store();
  const reader = new RdbReader(store, file, file.bytes.length, { leavesOutExpired: false });
  const error = await t.throwsAsync<RdbFileError>(reader.readAll(none), { instanceOf: RdbFileError });
  t.is(error.message, 'it is there twice (key "key:300")');
  t.is(error.offset, snapshotOf(keys.slice(0, 701)).length - 1);
  const db = store.databases[0]!;
  t.is(db.size, 700);
  db.clear();
  while (store.reclaimer.run(() => false));
  t.is(store.arena.usedBytes, new Store().arena.usedBytes);
});

test('expired buckets are left out, and leave nothing in memory', async (t) => {
  const [past, future] = ['\xfc\x01\0\0\0\0\0\0\0', '\xfc\0\0\0\0\0\0\x01\0'];
  const hash = '\x04\x01h\x01\x01f\x01v';
  const file = new MemoryFile();
  file.bytes = Buffer.from(`REDIS0003${past}${hash}${past}\0\x01s\x01v${future}\0\x01k\x01v\xff`, 'latin1');
  const [store, other] = [new Store(), new Store()];
  const reader = new RdbReader(store, file, file.bytes.length, { leavesOutExpired: true });
  const { keysLoaded, keysExpired } = await reader.readAll(none);
  t.deepEqual([keysLoaded, keysExpired, store.databases[0]!.size], [1, 2, 1]);
  const key = sliceOf('k');
  other.databases[0]!.find(key);
  putString(other.databases[0]!, key, 0, sliceOf('v'), 2 ** 48);
  t.is(store.arena.usedBytes, other.arena.usedBytes);
});

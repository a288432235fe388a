/** Streams against a plain array under a seed, over sizes of nodes and of entries at which they are kept otherwise. */
import test from 'ava';
import { Store } from '../../lib/store/store.js';
import { StreamId } from '../../lib/store/stream-id.js';
import type { Fields } from '../../lib/store/stream-node.js';
import { copyStream, createStream, streamBytes, streamOf } from '../../lib/store/stream-value.js';
import type { StreamWalk } from '../../lib/store/stream-walk.js';
import { Stream } from '../../lib/store/stream.js';
import { Slice, sliceOf } from '../../lib/util/bytes.js';
import { type Random, seededRandom } from '../../lib/util/random.js';
import { seedOf } from '../support/seed.js';

const STEPS = 20_000;
const FIRST = new StreamId();
const LAST = new StreamId().setMax();

const VALUES = [
  '', '0', '-1', '127', '128', '4095', '-4097', '32768', '8388608', '-2147483649', '9223372036854775807', '01', '\x00\xff',
  'x'.repeat(63), 'x'.repeat(64), 'y'.repeat(127), 'y'.repeat(4095), 'z'.repeat(4096),
];

interface Entry {
  id: string;
  words: string[];
}

function fieldsOf(words: readonly string[]): Fields {
  const offsets: number[] = [];
  let byteCount = 0;
  for (const word of words) {
    offsets.push(byteCount);
    byteCount += word.length;
  }
  const parts = { bytes: Buffer.from(words.join(''), 'latin1'), offsets, lengths: words.map((word) => word.length) };
  return { parts, first: 0, pairs: words.length / 2, byteCount };
}

function entriesOf(walk: StreamWalk): Entry[] {
  const entries: Entry[] = [];
  const [field, value] = [new Slice(), new Slice()];
  while (walk.next()) {
    const words: string[] = [];
    for (let pair = 0; pair < walk.fieldCount; pair++) {
      walk.readPair(field, value);
      words.push(field.text(), value.text());
    }
    entries.push({ id: walk.id.text(), words });
  }
  return entries;
}

/** A stream, and its entries in an array. */
class Pair {
  readonly store = new Store({ databases: 1 });
  readonly stream = new Stream(this.store);
  model: Entry[] = [];
  ids: StreamId[] = [];
  readonly last = new StreamId();

  append(random: Random): void {
    const { last } = this;
    const jump = random.next();
    if (jump < 0.3) last.setMoment(Number(last.ms) + Math.ceil(random.next() * 70_000));
    else if (jump < 0.31) last.setMoment(Number(last.ms) + 2 ** 33);
    else last.increment();
    const isPlain = random.next() < 0.7;
    const pick = (): string => VALUES[Math.floor(random.next() ** 2 * VALUES.length)]!;
    const words = isPlain ? ['f', pick()] : Array.from({ length: 2 * Math.ceil(random.next() * 4) }, pick);
    this.stream.append(last, fieldsOf(words));
    this.model.push({ id: last.text(), words });
    this.ids.push(new StreamId().copyFrom(last));
  }

  delete(place: number): boolean {
    const isDeleted = this.stream.delete(this.ids[place]!) && !this.stream.delete(this.ids[place]!);
    this.stream.settleFirstId();
    this.model.splice(place, 1);
    this.ids.splice(place, 1);
    return isDeleted;
  }

  /** An exact trim, to a length or an ID. */
  trim(place: number, isByLength: boolean): boolean {
    const limit = isByLength ? this.model.length - place : this.ids[place]!;
    this.model.splice(0, place);
    this.ids.splice(0, place);
    return this.stream.trim({ limit, isApproximate: false, entriesMax: 0 }) === place;
  }

  isAlike(from = 0, to = this.model.length - 1): boolean {
    const { stream, ids } = this;
    if (stream.length !== this.model.length) return false;
    const [start, end] = [ids[from] ?? FIRST, ids[to] ?? LAST];
    const expected = JSON.stringify(this.model.slice(from, to + 1));
    const forwards = entriesOf(stream.walk(start, end));
    const backwards = entriesOf(stream.walk(start, end, true)).reverse();
    return JSON.stringify(forwards) === expected && JSON.stringify(backwards) === expected;
  }

  get hasRightEdges(): boolean {
    const first = this.ids[0] ?? FIRST;
    return this.stream.firstId.compare(first) === 0 && this.stream.lastId.compare(this.last) === 0;
  }
}

for (const [nodeEntries, nodeBytes] of [[100, 4096], [1, 4096], [3, 0], [0, 200], [10, 100_000], [0, 0]] as const) {
  test(`a stream is as an array, with nodes of ${nodeEntries} entries and ${nodeBytes} bytes`, (t) => {
    const random = seededRandom(seedOf(t));
    const pair = new Pair();
    const { store, stream } = pair;
    store.encodingLimits.streamNodeEntriesMax = nodeEntries;
    store.encodingLimits.streamNodeBytesMax = nodeBytes;
    const usedAtStart = store.arena.usedBytes;
    const met = new Set<string>();
    const most = nodeEntries + nodeBytes === 0 ? 300 : 1500;
    for (let step = 0; step < STEPS; step++) {
      const isGrowing = (step >>> 11) % 2 === 0 && pair.model.length < most;
      const choice = random.next();
      const place = Math.floor(random.next() * pair.model.length);
      let isAlike = true;
      if (pair.model.length === 0 || choice < (isGrowing ? 0.8 : 0.3)) pair.append(random);
      else if (choice < 0.95) isAlike = pair.delete(place);
      else if (choice < 0.97) isAlike = pair.trim(Math.floor(place * random.next() ** 4), choice < 0.96);
      else isAlike = pair.isAlike(place, Math.min(place + 20, pair.model.length - 1));
      met.add(stream.nodeCount > 2 ? 'many nodes' : `${stream.nodeCount} nodes`);
      if (!isAlike || (step % 3001 === 0 && !pair.isAlike())) return t.fail(`step ${step}`);
    }
    t.true(pair.isAlike());
    t.deepEqual([...met].sort(), nodeEntries + nodeBytes === 0 ? ['0 nodes', '1 nodes'] : ['0 nodes', '1 nodes', '2 nodes', 'many nodes']);
    t.true(pair.hasRightEdges);
    while (store.reclaimer.run(() => false));
    t.is(stream.byteCount, store.arena.usedBytes - usedAtStart);
    const copy = stream.copy();
    t.is(JSON.stringify(entriesOf(copy.walk(FIRST, LAST))), JSON.stringify(pair.model));
    while (stream.dismantle());
    while (copy.dismantle());
    t.is(store.arena.usedBytes, usedAtStart, 'all memory came back');
  });
}

test('what is pending stands with the group and with its consumer', (t) => {
  const random = seededRandom(seedOf(t));
  const store = new Store({ databases: 1 });
  const usedAtStart = store.arena.usedBytes;
  const stream = new Stream(store);
  const group = stream.addGroup('g', FIRST, 0);
  const model = new Map<number, { consumer: string; deliveries: number }>();
  const idOf = (ms: number): StreamId => new StreamId().setMoment(ms);
  const consumerOf = (name: string) => group.consumers.get(name) ?? group.addConsumer(name, 0);
  for (let step = 0; step < 200_000; step++) {
    const ms = Math.floor(random.next() * 3000);
    const name = `c${Math.floor(random.next() * 4)}`;
    const choice = random.next();
    if (choice < 0.4) {
      group.deliver(idOf(ms), consumerOf(name), step, 1);
      model.set(ms, { consumer: name, deliveries: 1 });
    } else if (choice < 0.8) {
      if (group.acknowledge(idOf(ms)) !== model.delete(ms)) return t.fail(`step ${step}`);
    } else if (choice < 0.9999) {
      const known = model.get(ms);
      if (group.pending.seek(idOf(ms)) !== (known !== undefined)) return t.fail(`step ${step}`);
      if (known === undefined) continue;
      if (group.owner().name !== known.consumer) return t.fail(`step ${step}`);
      group.assign(idOf(ms), consumerOf(name));
      group.pending.deliveries = ++known.deliveries;
      known.consumer = name;
    } else {
      group.removeConsumer(consumerOf(name));
      for (const [id, { consumer }] of model) if (consumer === name) model.delete(id);
    }
  }
  const shown = [...model].map(([ms, { consumer, deliveries }]) => `${ms} ${consumer} ${deliveries}`).sort();
  const { pending } = group;
  const id = new StreamId();
  const found: string[] = [];
  for (let isThere = pending.seekFirst(); isThere; isThere = pending.next()) {
    found.push(`${pending.readId(id).ms} ${group.owner().name} ${pending.deliveries}`);
  }
  t.deepEqual(found.sort(), shown);
  const sizes = [...group.consumers.values()].reduce((sum, each) => sum + each.pending.size, 0);
  t.is(sizes, model.size);
  const copy = stream.copy();
  t.is(copy.groups.get('g')!.pending.size, model.size);
  while (stream.dismantle());
  while (copy.dismantle());
  t.is(store.arena.usedBytes, usedAtStart, 'all memory came back');
});

test('a bucket with a million entries and a million pending is removed in slices', (t) => {
  const store = new Store({ databases: 1 });
  const db = store.databases[0]!;
  const key = sliceOf('bucket');
  const usedAtStart = store.arena.usedBytes;
  t.is(db.find(key), 0);
  const stream = createStream(db, key);
  const group = stream.addGroup('g', FIRST, 0);
  const consumer = group.addConsumer('c', 0);
  const id = new StreamId();
  const fields = fieldsOf(['field', 'a value of some bytes']);
  for (let count = 0; count < 1_000_000; count++) {
    id.increment();
    stream.append(id, fields);
    group.deliver(id, consumer, 1, 1);
  }
  t.true(streamBytes(db, db.find(key)) < 1_000_000 * 110);
  const other = sliceOf('another');
  t.is(db.find(other), 0);
  const copy = copyStream(db, db.find(key), other, 0);
  db.add(other, copy);
  t.is(streamOf(db, copy).length, 1_000_000);
  for (const each of [key, other]) {
    db.remove(each, db.find(each));
    let slices = 0;
    let longestMs = 0;
    for (let isMore = true; isMore; slices++) {
      const startedAt = performance.now();
      isMore = store.reclaimer.run(() => true);
      longestMs = Math.max(longestMs, performance.now() - startedAt);
    }
    t.true(slices > 1000);
    t.log(`${slices} slices, the longest ${longestMs.toFixed(2)} ms`);
  }
  t.is(store.arena.usedBytes, usedAtStart);
});

test('a million entries that are trimmed off are freed in slices', (t) => {
  const store = new Store({ databases: 1 });
  const stream = new Stream(store);
  const id = new StreamId();
  const fields = fieldsOf(['f', 'v']);
  for (let count = 0; count < 1_000_000; count++) {
    id.increment();
    stream.append(id, fields);
  }
  t.is(stream.trim({ limit: 5, isApproximate: false, entriesMax: 0 }), 999_995);
  t.true(store.reclaimer.pending > 0);
  while (store.reclaimer.run(() => true));
  t.is(entriesOf(stream.walk(FIRST, LAST)).length, 5);
  t.true(store.arena.usedBytes < 100_000);
});

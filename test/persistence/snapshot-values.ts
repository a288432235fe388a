/**
 * Snapshots of large values while commands of all kinds change them: what is in the file is what a model had at the
 * moment, element for element. The commands run in the test's own process, drawn under a seed, between the pieces.
 */
import test from 'ava';
import { Settings } from '../../lib/config/settings.js';
import { detached } from '../../lib/execution/detached.js';
import { Session } from '../../lib/execution/session.js';
import { DatabaseWalk } from '../../lib/persistence/database-walk.js';
import { LoadProgress } from '../../lib/persistence/load-progress.js';
import { LogFolder } from '../../lib/persistence/log-folder.js';
import { Manifest } from '../../lib/persistence/manifest.js';
import { RdbReader } from '../../lib/persistence/rdb-reader.js';
import { Recovery } from '../../lib/persistence/recovery.js';
import { RdbWriter } from '../../lib/persistence/rdb-writer.js';
import { Snapshot, SnapshotAborted, type SnapshotOptions } from '../../lib/persistence/snapshot.js';
import { Args, setArgs } from '../../lib/protocol/args.js';
import { ReplyWriter } from '../../lib/protocol/reply-writer.js';
import { Node } from '../../lib/server.js';
import { type ByteTable, CURSOR_END } from '../../lib/store/byte-table.js';
import {
  HASH, IS_STRUCTURE, LIST, SET, SORTED_SET, STREAM, entryType, expiryOf, hasFlag, isMarked, keySlice, valueSlice,
} from '../../lib/store/entry.js';
import { ExpiryCycle } from '../../lib/store/expiry.js';
import { FieldTable } from '../../lib/store/field-table.js';
import { scanAllFields } from '../../lib/store/hash-value.js';
import type { Keyspace } from '../../lib/store/keyspace.js';
import { listLength, startWalk } from '../../lib/store/list-value.js';
import type { VisitField } from '../../lib/store/map-value.js';
import { ScoreTable } from '../../lib/store/score-table.js';
import { forEachMember } from '../../lib/store/set-value.js';
import { forEachMember as forEachScore } from '../../lib/store/sorted-set-value.js';
import { Store } from '../../lib/store/store.js';
import { sortedByName } from '../../lib/store/stream-group.js';
import { StreamId } from '../../lib/store/stream-id.js';
import { streamOf } from '../../lib/store/stream-value.js';
import type { Stream } from '../../lib/store/stream.js';
import { Slice } from '../../lib/util/bytes.js';
import { FakeClock } from '../../lib/util/clock.js';
import { Log, silentLog } from '../../lib/util/log.js';
import { seededRandom } from '../../lib/util/random.js';
import { Draw } from '../generators/draw.js';
import { MemoryFile } from '../support/memory-file.js';
import { MemoryFiles } from '../support/memory-files.js';
import { seedOf } from '../support/seed.js';

const DATABASES = 3;
/** What a drawn command may be refused with. */
const EXPECTED_ERRORS = /^-(WRONGTYPE|ERR (no such key|index out of range|hash value|.*not a (valid )?float))/;

/** A node that listens nowhere, and a client of it. */
class Bench {
  readonly clock = new FakeClock();
  readonly said: string[] = [];
  readonly node = new Node({
    settings: new Settings({ databases: String(DATABASES), appendonly: 'no' }), clock: this.clock,
    log: new Log((line) => this.said.push(line)),
  });

  readonly store = this.node.state.store;
  private readonly session = new Session(1, this.node.state, this.store, detached);
  private readonly args = new Args();
  private readonly expiry = new ExpiryCycle(this.store);

  run(...words: string[]): string {
    const reply = new ReplyWriter();
    this.node.executor.execute(this.session, setArgs(this.args, words), reply);
    const text = Buffer.concat(reply.take().map((bytes) => Buffer.from(bytes))).toString('latin1');
    if (text.startsWith('-') && !EXPECTED_ERRORS.test(text)) {
      throw new Error(`${words.slice(0, 6).join(' ')}: ${text}`);
    }
    return text;
  }

  /** Lets time go by, and removes what has expired. */
  advance(ms: number): void {
    this.clock.advance(ms);
    this.store.setNow(this.clock.nowMs());
    this.expiry.begin();
    this.expiry.run(() => false);
    this.expiry.end();
  }
}

// ---- what there is

/** Every bucket: its database and name, then type, expiry and each element. */
function contents(store: Store): Map<string, string> {
  const all = new Map<string, string>();
  for (const db of store.databases) {
    const refs: number[] = [];
    for (let cursor = 0; cursor < CURSOR_END; ) cursor = db.scan(cursor, (ref) => refs.push(ref));
    for (const ref of refs) {
      const name = keySlice(store.arena, ref, new Slice()).text();
      const type = entryType(store.arena, ref);
      all.set(`${db.index} ${name}`, [type, expiryOf(store.arena, ref), ...elements(db, ref, type)].join('\n'));
    }
  }
  return all;
}

function elements(db: Keyspace, ref: number, type: number): string[] {
  const found: string[] = [];
  switch (type) {
    case LIST: {
      const walk = startWalk(db, ref, 0, true);
      for (let left = listLength(db, ref); left > 0; left--) found.push(walk.next().text());
      return found;
    }
    case SET:
      forEachMember(db, ref, (member) => found.push(member.text()));
      return found.sort();
    case SORTED_SET:
      forEachScore(db, ref, (member, score) => found.push(`${score} ${member.text()}`));
      return found;
    case HASH: {
      const visit: VisitField = (field, value, ms) => found.push(`${field.text()}=${value.text()} ${ms}`);
      for (let cursor = 0; cursor < CURSOR_END; ) cursor = scanAllFields(db, ref, cursor, visit);
      return found.sort();
    }
    case STREAM:
      return streamElements(streamOf(db, ref));
    default:
      return [valueSlice(db.store.arena, ref, new Slice()).text()];
  }
}

/** What is pending and was deleted is left out: commands cannot make it. */
function streamElements(stream: Stream): string[] {
  const { lastId, firstId, maxDeletedId, entriesAdded, length } = stream;
  const found = [[length, lastId.text(), firstId.text(), maxDeletedId.text(), entriesAdded].join(' ')];
  const [field, value, id] = [new Slice(), new Slice(), new StreamId()];
  for (const walk = stream.walk(new StreamId(), lastId); walk.next();) {
    const pairs = list(walk.fieldCount, () => {
      walk.readPair(field, value);
      return `${field.text()}=${value.text()}`;
    });
    found.push(`${walk.id.text()} ${pairs.join(' ')}`);
  }
  for (const { name, lastId: groupLastId, entriesRead, pending, consumers } of sortedByName(stream.groups)) {
    found.push(`group ${name} ${groupLastId.text()} ${entriesRead}`);
    for (const consumer of sortedByName(consumers)) {
      found.push(`consumer ${consumer.name}`);
      for (let isThere = consumer.pending.seekFirst(); isThere; isThere = consumer.pending.next()) {
        if (!stream.has(consumer.pending.readId(id)) || !pending.seek(id)) continue;
        found.push(`${id.text()} ${pending.deliveredAtMs} ${pending.deliveries}`);
      }
    }
  }
  return found;
}

function differences(actual: Map<string, string>, expected: Map<string, string>): string[] {
  const names = new Set([...actual.keys(), ...expected.keys()]);
  const different = [...names].filter((name) => actual.get(name) !== expected.get(name));
  return different.map((name) => {
    const [got, wanted] = [actual.get(name)?.split('\n') ?? [], expected.get(name)?.split('\n') ?? []];
    const at = got.findIndex((line, index) => line !== wanted[index]);
    const show = (line?: string): string => line?.slice(0, 60) ?? 'nothing';
    return `${name}: ${got.length} lines, not ${wanted.length}; ${show(got[at])}, not ${show(wanted[at])}`;
  });
}

/** Marks and guards that were left behind. */
function leftBehind(store: Store): string[] {
  const left: string[] = [];
  const look = (ref: number): void => {
    if (isMarked(store.arena, ref)) left.push(`entry ${ref} is marked`);
  };
  for (const db of store.databases) {
    for (let cursor = 0; cursor < CURSOR_END; ) {
      cursor = db.scan(cursor, (ref) => {
        look(ref);
        if (!hasFlag(store.arena, ref, IS_STRUCTURE)) return;
        const structure = store.structure(db.handleOf(ref));
        if (structure.guard !== undefined) left.push(`the value of ${ref} is guarded`);
        if (structure instanceof FieldTable) scanAll(structure.fields, look);
        if (structure instanceof ScoreTable) scanAll(structure.members, look);
      });
    }
  }
  return left;
}

function scanAll(table: ByteTable, visit: (ref: number) => void): void {
  for (let cursor = 0; cursor < CURSOR_END; ) cursor = table.scan(cursor, visit);
}

async function read(file: MemoryFile): Promise<Store> {
  const store = new Store({ databases: DATABASES, clock: new FakeClock() });
  const nothing = (): Promise<void> => Promise.resolve();
  await new RdbReader(store, file, file.bytes.length, { leavesOutExpired: false }).readAll(nothing);
  return store;
}

/** A node that has loaded a base of commands. */
async function readCommands({ bytes }: MemoryFile, { clock }: Bench): Promise<Store> {
  const files = new MemoryFiles();
  const folder = new LogFolder(files, '/data', 'appendonlydir', 'appendonly.aof');
  const manifest = new Manifest('appendonly.aof');
  manifest.base = manifest.nextBase('aof');
  files.put(folder.pathOf(manifest.base), bytes);
  const bench = new Bench();
  bench.clock.advance(clock.nowMs() - bench.clock.nowMs());
  bench.store.setNow(clock.nowMs());
  const progress = new LoadProgress(clock, silentLog, 'the log');
  await new Recovery({ node: bench.node.state, folder, mayCut: false, progress }).load(manifest);
  if (bench.said.length > 0) throw new Error(bench.said.join('\n'));
  return bench.store;
}

// ---- what is done

type Change = (bench: Bench, key: string, draw: Draw) => void;

function list<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

const field = (draw: Draw): string => `field ${draw.below(SIZE * 1.3)}`;
const text = (draw: Draw): string => String(draw.below(1e9)).repeat(draw.between(1, 6));
const score = (draw: Draw): string => String(draw.below(200) - draw.below(100) / 8);
const ID_MS = 1000;
/** So many elements make many pages, leaves, nodes and segments. */
const SIZE = 2000;

const hashChanges: Change[] = [
  (b, key, d) => b.run('HSET', key, ...list(d.between(1, 6), () => [field(d), text(d)]).flat()),
  (b, key, d) => b.run('HDEL', key, ...list(d.between(1, 6), () => field(d))),
  (b, key, d) => b.run('HSETNX', key, field(d), text(d)),
  (b, key, d) => b.run('HSET', key, field(d), '17'),
  (b, key, d) => b.run('HINCRBY', key, `count ${d.below(9)}`, '5'),
  (b, key, d) => b.run('HINCRBYFLOAT', key, `count ${d.below(9)}`, '0.5'),
  (b, key, d) => b.run('HPEXPIRE', key, String(d.between(1, 40)), 'FIELDS', '3', field(d), field(d), field(d)),
  (b, key, d) => b.run('HEXPIRE', key, '100000', 'FIELDS', '2', field(d), field(d)),
  (b, key, d) => b.run('HPERSIST', key, 'FIELDS', '2', field(d), field(d)),
  (b, key, d) => b.run('HGETDEL', key, 'FIELDS', '1', field(d)),
  (b, key, d) => b.run('HGETEX', key, 'PX', '30', 'FIELDS', '1', field(d)),
  (b, key, d) => b.run('HSETEX', key, 'PX', '50', 'FIELDS', '1', field(d), text(d)),
  (b, key, d) => b.run('HGET', key, field(d)),
  (b, key) => b.run('HLEN', key),
];

const setChanges: Change[] = [
  (b, key, d) => b.run('SADD', key, ...list(d.between(1, 6), () => field(d))),
  (b, key, d) => b.run('SREM', key, ...list(d.between(1, 6), () => field(d))),
  (b, key, d) => b.run('SPOP', key, String(d.between(1, 5))),
  (b, key, d) => b.run('SMOVE', key, `${key} other`, field(d)),
  (b, key) => b.run('SUNIONSTORE', `${key} other`, key),
  (b, key) => b.run('SDIFFSTORE', key, key, `${key} other`),
  (b, key, d) => b.run('SISMEMBER', key, field(d)),
];

const sortedSetChanges: Change[] = [
  (b, key, d) => b.run('ZADD', key, ...list(d.between(1, 6), () => [score(d), field(d)]).flat()),
  (b, key, d) => b.run('ZINCRBY', key, score(d), field(d)),
  (b, key, d) => b.run('ZREM', key, ...list(d.between(1, 6), () => field(d))),
  (b, key, d) => b.run('ZPOPMIN', key, String(d.between(1, 4))),
  (b, key, d) => b.run('ZPOPMAX', key, String(d.between(1, 4))),
  (b, key, d) => b.run('ZREMRANGEBYRANK', key, String(d.below(2000)), String(d.below(2000))),
  (b, key, d) => b.run('ZREMRANGEBYSCORE', key, '20', String(20 + d.below(3))),
  (b, key) => b.run('ZUNIONSTORE', `${key} other`, '1', key),
  (b, key, d) => b.run('ZSCORE', key, field(d)),
  (b, key) => b.run('ZRANGE', key, '0', '20'),
];

const listChanges: Change[] = [
  (b, key, d) => b.run('LPUSH', key, ...list(d.between(1, 9), () => text(d))),
  (b, key, d) => b.run('RPUSH', key, ...list(d.between(1, 9), () => text(d))),
  (b, key, d) => b.run('LPOP', key, String(d.between(1, 9))),
  (b, key, d) => b.run('RPOP', key, String(d.between(1, 9))),
  (b, key, d) => b.run('LSET', key, String(d.below(SIZE)), text(d)),
  (b, key, d) => b.run('LINSERT', key, d.pick(['BEFORE', 'AFTER']), 'same', text(d)),
  (b, key, d) => b.run('LREM', key, String(d.between(-2, 2)), 'same'),
  (b, key, d) => b.run('LSET', key, String(d.below(SIZE)), 'same'),
  (b, key, d) => b.run('LTRIM', key, String(d.below(9)), String(-d.between(1, 9))),
  (b, key) => b.run('LMOVE', key, key, 'LEFT', 'RIGHT'),
  (b, key) => b.run('RPOPLPUSH', key, `${key} other`),
  (b, key, d) => b.run('LINDEX', key, String(d.below(3000))),
  (b, key, d) => b.run('RPUSH', key, 'x'.repeat(d.between(9000, 20_000))),
];

const streamId = (draw: Draw): string => `${ID_MS + draw.below(SIZE)}-0`;
const streamChanges: Change[] = [
  (b, key, d) => list(d.between(1, 9), () => b.run('XADD', key, '*', d.pick(['f', 'g']), text(d))),
  (b, key, d) => b.run('XDEL', key, ...list(d.between(1, 9), () => streamId(d))),
  (b, key, d) => b.run('XTRIM', key, 'MINID', streamId(d)),
  (b, key, d) => b.run('XTRIM', key, 'MAXLEN', '~', String(d.between(500, 3000))),
  (b, key, d) => b.run('XGROUP', 'CREATE', key, `group ${d.below(1e9)}`, streamId(d), 'MKSTREAM'),
  (b, key, d) => inGroup(b, key, d, (group) => b.run('XREADGROUP', 'GROUP', group, `c${d.below(3)}`, 'COUNT', String(d.between(1, 200)), 'STREAMS', key, '>')),
  (b, key, d) => inGroup(b, key, d, (group) => b.run('XACK', key, group, ...list(d.between(1, 20), () => streamId(d)))),
  (b, key, d) => inGroup(b, key, d, (group) => b.run('XCLAIM', key, group, `c${d.below(3)}`, '0', streamId(d), streamId(d), 'FORCE')),
  (b, key, d) => inGroup(b, key, d, (group) => b.run('XAUTOCLAIM', key, group, `c${d.below(3)}`, '0', streamId(d))),
  (b, key, d) => inGroup(b, key, d, (group) => b.run('XGROUP', 'DELCONSUMER', key, group, `c${d.below(3)}`)),
  (b, key, d) => inGroup(b, key, d, (group) => b.run('XGROUP', 'SETID', key, group, streamId(d))),
  (b, key, d) => inGroup(b, key, d, (group) => d.chance(0.2) && b.run('XGROUP', 'DESTROY', key, group)),
  (b, key) => b.run('XRANGE', key, '-', '+', 'COUNT', '20'),
];

/** Does something with a group of the stream, when it has one. */
function inGroup(bench: Bench, key: string, draw: Draw, act: (group: string) => void): void {
  const groups = bench.run('EXISTS', key) === ':1\r\n' ? bench.run('XINFO', 'GROUPS', key).match(/group \d+/g) : null;
  if (groups !== null) act(draw.pick(groups));
}

/** Makes a large value. */
const builders: Readonly<Record<string, (bench: Bench, key: string, draw: Draw) => void>> = {
  hash: (b, key, d) => b.run('HSET', key, ...list(SIZE, (index) => [`field ${index}`, text(d)]).flat()),
  set: (b, key) => b.run('SADD', key, ...list(SIZE, (index) => `field ${index}`)),
  'sorted set': (b, key, d) => b.run('ZADD', key, ...list(SIZE, (index) => [score(d), `field ${index}`]).flat()),
  list: (b, key, d) => b.run('RPUSH', key, ...list(SIZE, (index) => (index % 400 === 0 ? 'same' : text(d)))),
  stream(b, key, d) {
    for (let index = 0; index < SIZE; index++) b.run('XADD', key, `${ID_MS + index}-0`, 'f', String(d.below(1e6)));
    for (const group of ['group 1', 'group 2']) {
      b.run('XGROUP', 'CREATE', key, group, '0');
      for (const consumer of ['c0', 'c1']) b.run('XREADGROUP', 'GROUP', group, consumer, 'COUNT', '900', 'STREAMS', key, '>');
    }
  },
};

const changes: Readonly<Record<string, Change[]>> = {
  hash: hashChanges, set: setChanges, 'sorted set': sortedSetChanges, list: listChanges, stream: streamChanges,
};

/** What is done with a bucket as a whole, and with all. */
const wholes: Change[] = [
  (b, key) => b.run('DEL', key),
  (b, key) => b.run('UNLINK', `${key} copy`),
  (b, key) => b.run('SET', key, 'overwritten'),
  (b, key) => b.run('EXISTS', key) === ':1\r\n' && b.run('RENAME', key, `${key} renamed`),
  (b, key) => b.run('EXISTS', `${key} renamed`) === ':1\r\n' && b.run('RENAME', `${key} renamed`, key),
  (b, key) => b.run('COPY', key, `${key} copy`, 'REPLACE'),
  (b, key) => b.run('MOVE', key, '1'),
  (b, key, d) => b.run('PEXPIRE', key, String(d.between(1, 30))),
  (b, key) => b.run('PERSIST', key),
  (b, _key, d) => d.chance(0.3) && b.run('SWAPDB', '0', String(d.between(1, 2))),
  (b, _key, d) => d.chance(0.2) && b.run('FLUSHDB'),
  (b, _key, d) => d.chance(0.1) && b.run('FLUSHALL'),
];

function changeSomething(bench: Bench, type: string, draw: Draw): void {
  const key = `${type} ${draw.below(2)}`;
  if (draw.chance(0.02)) bench.advance(draw.between(1, 20));
  const drawn = draw.below(100);
  if (drawn === 0) draw.pick(wholes)(bench, key, draw);
  else if (drawn === 1 && bench.run('EXISTS', key) === ':0\r\n') builders[type]!(bench, key, draw);
  else draw.pick(changes[type]!)(bench, key, draw);
}

// ---- tests

const options: SnapshotOptions = {
  form: 'rdb', compresses: true, hasChecksum: true, notesUse: undefined, isLogBase: false, functions: [], nowMs: 1e12,
  elapsedUs: () => 0, beforeSlice: () => undefined, onSlice: () => undefined,
  syncsOften: true, onBehind: () => undefined, patienceMs: 60_000,
};

/** Each look at this clock ends a slice, so that commands come between all pieces. */
function hurried(): SnapshotOptions {
  let us = 0;
  return { ...options, elapsedUs: () => (us += 1000) };
}

for (const type of Object.keys(builders)) {
  for (const form of ['rdb', 'aof'] as const) {
    test(`a large ${type} under commands is written as it was, form ${form}`, async (t) => {
      const draw = new Draw(seededRandom(seedOf(t)));
      const bench = new Bench();
      for (let snapshots = 0; snapshots < 3; snapshots++) {
        bench.run('SELECT', '0');
        for (const key of [`${type} 0`, `${type} 1`]) {
          bench.run('DEL', key);
          builders[type]!(bench, key, draw);
        }
        for (let i = draw.below(200); i > 0; i--) changeSomething(bench, type, draw);
        const before = contents(bench.store);
        const busyness = draw.pick([1, 6, 30]);
        const file = new MemoryFile();
        await whileWritten(new Snapshot(bench.store, file, { ...hurried(), form }), () => {
          for (let i = draw.below(busyness); i >= 0; i--) changeSomething(bench, type, draw);
          while (bench.store.reclaimer.run(() => false));
        });
        const store = await (form === 'rdb' ? read(file) : readCommands(file, bench));
        t.deepEqual(differences(contents(store), before), []);
        t.deepEqual(leftBehind(bench.store), []);
      }
    });
  }

  test(`a snapshot of a large ${type} that is given up leaves nothing behind`, async (t) => {
    const draw = new Draw(seededRandom(seedOf(t)));
    const bench = new Bench();
    builders[type]!(bench, `${type} 0`, draw);
    builders[type]!(bench, `${type} 1`, draw);
    const { usedBytes } = bench.store.arena;
    for (let slices = 0; slices < 30; slices += 1 + draw.below(12)) {
      const snapshot = new Snapshot(bench.store, new MemoryFile(), hurried());
      let left = slices;
      const ended = whileWritten(snapshot, () => {
        for (let i = 0; i < 3; i++) draw.pick(changes[type]!)(bench, `${type} ${draw.below(2)}`, draw);
        if (left-- === 0) snapshot.abort();
      });
      if (left < 0) await t.throwsAsync(ended, { instanceOf: SnapshotAborted });
      else await ended.catch(() => undefined);
      t.deepEqual(leftBehind(bench.store), []);
    }
    bench.run('FLUSHALL');
    while (bench.store.reclaimer.run(() => false));
    t.true(bench.store.arena.usedBytes < usedBytes / 100, `${bench.store.arena.usedBytes} bytes are left of ${usedBytes}`);
  });
}

/** Calls `act` in each turn until the snapshot has ended, and settles as it does. */
async function whileWritten(snapshot: Snapshot, act: () => void): Promise<void> {
  const ended = { isOver: false };
  const done = snapshot.done.finally(() => (ended.isOver = true));
  done.catch(() => undefined);
  while (!ended.isOver) {
    act();
    await new Promise(setImmediate);
  }
  await done;
}

/** The most that a run of the walk may write: a piece, and what one more element of these tests has. */
const RUN_BYTES_MAX = 40_000;

for (const type of Object.keys(builders)) {
  test(`a large ${type} is written in small pieces, and no command has more of it written than it changes`, (t) => {
    const draw = new Draw(seededRandom(seedOf(t)));
    const bench = new Bench();
    for (let index = 0; index < 10; index++) builders[type]!(bench, `${type} ${index}`, draw);
    const writer = new RdbWriter(bench.store, options, () => undefined);
    const walks = bench.store.databases.map((db) => new DatabaseWalk(db, writer, () => undefined));
    const most = { run: 0, command: 0 };
    const measured = (what: keyof typeof most, act: () => void): void => {
      const before = writer.writtenBytes;
      act();
      most[what] = Math.max(most[what], writer.writtenBytes - before);
    };
    for (let index = 0; index < 10; index++) {
      const key = `${type} ${index}`;
      measured('command', () => bench.run('OBJECT', 'ENCODING', key));
      for (let i = 0; i < 3; i++) measured('command', () => draw.pick(changes[type]!.slice(0, 5))(bench, key, draw));
      measured('command', () => bench.run('DEL', key));
    }
    const ended = { isOver: false };
    const runs = [...walks.map((walk) => () => walk.walk(false)), ...walks.map((walk) => () => walk.writeHeld(false))];
    for (const run of runs) {
      do measured('run', () => (ended.isOver = run()));
      while (!ended.isOver);
    }
    t.true(most.run > 0 && most.run < RUN_BYTES_MAX, `a run wrote ${most.run} bytes`);
    // What a command changes waits beside, and is not written yet.
    t.true(most.command < 1000, `a command wrote ${most.command} bytes`);
    t.true(writer.writtenBytes > 3 * RUN_BYTES_MAX);
    t.deepEqual(leftBehind(bench.store), []);
  });
}

test('entries that change while those that changed before are handed on stand behind them', async (t) => {
  const bench = new Bench();
  const all = 6000;
  const change = (from: number, to: number): void => {
    for (let index = from; index < to; index++) bench.run('HSET', 'hash', `field ${index}`, `${index} `.repeat(20));
  };
  change(0, all);
  const before = contents(bench.store);
  const file = new MemoryFile();
  const snapshot = new Snapshot(bench.store, file, { ...hurried(), form: 'aof' });
  // Several blocks of what is set aside, an odd number of entries.
  let changed = all / 2 + 1;
  change(0, changed);
  await whileWritten(snapshot, () => {
    change(changed, Math.min(changed + 3, all));
    changed += 3;
  });
  t.deepEqual(differences(contents(await readCommands(file, bench)), before), []);
});

test('what is flushed stays until it is written, and then its bytes are free again', async (t) => {
  const draw = new Draw(seededRandom(seedOf(t)));
  const bench = new Bench();
  for (const type of Object.keys(builders)) builders[type]!(bench, type, draw);
  const { usedBytes } = bench.store.arena;
  const file = new MemoryFile();
  const before = contents(bench.store);
  const snapshot = new Snapshot(bench.store, file, hurried());
  bench.run('FLUSHALL');
  while (bench.store.reclaimer.run(() => false));
  t.true(bench.store.arena.usedBytes >= usedBytes * 0.9, 'what the snapshot needs was freed');
  await snapshot.done;
  while (bench.store.reclaimer.run(() => false));
  t.true(bench.store.arena.usedBytes < usedBytes / 100, `${bench.store.arena.usedBytes} bytes are left of ${usedBytes}`);
  t.deepEqual(differences(contents(await read(file)), before), []);
});

test('a small bucket is written first when a command may change it, or it has expired, and not when it is read', (t) => {
  const bench = new Bench();
  for (const name of ['read', 'changed', 'expired']) bench.run('SET', name, 'x'.repeat(5000));
  bench.run('PEXPIRE', 'expired', '5');
  bench.store.isGuarded = true;
  const writer = new RdbWriter(bench.store, { ...options, compresses: false }, () => undefined);
  bench.store.databases.forEach((db) => new DatabaseWalk(db, writer, () => undefined));
  const written = (...words: string[]): boolean => {
    const before = writer.writtenBytes;
    bench.run(...words);
    return writer.writtenBytes - before > 5000;
  };
  t.false(written('GET', 'read'));
  t.false(written('STRLEN', 'changed'));
  t.true(written('APPEND', 'changed', 'y'));
  t.false(written('APPEND', 'changed', 'y'), 'only once');
  t.true(written('GETSET', 'read', 'y'));
  bench.clock.advance(10);
  bench.store.setNow(bench.clock.nowMs());
  t.true(written('GET', 'expired'));
  t.false(bench.store.isReading);
  t.throws(() => bench.run('LRANGE', 'read', 'no', 'number'), { message: /not an integer/ });
  t.false(bench.store.isReading, 'after an error');
});

/**
 * Snapshots between a node and redis-server: random buckets of all types by seed are written here and loaded there, and
 * the other way round; redis-check-rdb looks at what is written. Values are compared by redis-server's digests.
 */
import test, { type ExecutionContext } from 'ava';
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RdbFileError, RdbReader, type ReadSummary } from '../../lib/persistence/rdb-reader.js';
import { Snapshot, type SnapshotOptions } from '../../lib/persistence/snapshot.js';
import type { Node } from '../../lib/server.js';
import { Store } from '../../lib/store/store.js';
import { seededRandom } from '../../lib/util/random.js';
import { Draw } from '../generators/draw.js';
import { type Ask, askerOf, newFolder } from '../support/data-folder.js';
import { MemoryFile } from '../support/memory-file.js';
import { OLD_FORMS } from '../support/old-forms.js';
import { short } from '../support/payload.js';
import { RawClient } from '../support/raw-client.js';
import { type Reference, startReference } from '../support/reference.js';
import { randomBuckets } from '../support/random-buckets.js';
import { seed, seedOf } from '../support/seed.js';
import { startNode, whyNoReference } from '../support/targets.js';
import { waitFor } from '../support/wait-for.js';

const ifReference = whyNoReference === undefined ? test.serial : test.serial.skip;
const BUCKETS = 150;
const ROUNDS = Number(process.env.ROUNDS ?? 3);
const none = (): Promise<void> => Promise.resolve();

async function referenceIn(t: ExecutionContext, folder: string): Promise<Reference> {
  const server = await startReference('--dir', folder);
  t.teardown(() => server.stop());
  return server;
}

async function nodeWith(t: ExecutionContext): Promise<Node> {
  const node = await startNode();
  t.teardown(() => node.stop());
  return node;
}

async function snapshotOf(store: Store, options: Partial<SnapshotOptions>): Promise<MemoryFile> {
  const file = new MemoryFile();
  await new Snapshot(store, file, {
    form: 'rdb', compresses: true, hasChecksum: true, notesUse: undefined, isLogBase: false, functions: [], nowMs: Date.now(),
    elapsedUs: () => performance.now() * 1000, beforeSlice: () => undefined, onSlice: () => undefined,
    syncsOften: false, onBehind: () => undefined,
    patienceMs: 60_000, ...options,
  }).done;
  return file;
}

function readInto(store: Store, bytes: Buffer, leavesOutExpired = true): Promise<ReadSummary> {
  const file = new MemoryFile();
  file.bytes = bytes;
  return new RdbReader(store, file, bytes.length, { leavesOutExpired }).readAll(none);
}

/** The node's bucket is the server's: its dump, restored there, has the same digest. */
async function compare(t: ExecutionContext, ours: Ask, theirs: Ask, key: string): Promise<void> {
  const dump = await ours('DUMP', key);
  const expiresAt = (await ours('PEXPIRETIME', key)).slice(1, -2);
  const restore = ['RESTORE', 'copy', expiresAt === '-1' ? '0' : expiresAt, dump.slice(dump.indexOf('\r\n') + 2, -2)];
  t.is(await theirs(...restore, 'ABSTTL', 'REPLACE'), '+OK\r\n', key);
  t.is(await theirs('DEBUG', 'DIGEST-VALUE', 'copy'), await theirs('DEBUG', 'DIGEST-VALUE', key), key);
}

const VARIANTS: readonly Partial<SnapshotOptions>[] = [
  {}, { compresses: false }, { hasChecksum: false }, { notesUse: 'idle' }, { notesUse: 'frequency' }, { isLogBase: true },
];

for (let round = 0; round < ROUNDS; round++) {
  ifReference(`written here, loaded there, round ${round}`, async (t) => {
    seedOf(t);
    const node = await nodeWith(t);
    const ours = await askerOf(t, node.port);
    for (const request of randomBuckets(seed + round, BUCKETS)) await ours(...request);
    await ours('SELECT', '7');
    await ours('SET', 'elsewhere', 'value');
    await ours('BUCKET', 'CREATE', 'empty');
    await ours('SELECT', '0');
    for (const variant of VARIANTS.slice(round * 2, round * 2 + 2)) {
      const folder = newFolder(t);
      const path = join(folder, 'dump.rdb');
      writeFileSync(path, (await snapshotOf(node.state.store, variant)).bytes);
      t.regex(execFileSync('redis-check-rdb', [path]).toString(), /RDB looks OK/);
      const theirs = await askerOf(t, (await referenceIn(t, folder)).port);
      t.is(await theirs('DBSIZE'), `:${BUCKETS}\r\n`);
      for (let i = 0; i < BUCKETS; i++) await compare(t, ours, theirs, `b${i}`);
      await theirs('SELECT', '7');
      t.is(await theirs('GET', 'elsewhere'), '$5\r\nvalue\r\n');
    }
  });

  ifReference(`written there, loaded here, round ${round}`, async (t) => {
    seedOf(t);
    const folder = newFolder(t);
    const server = await referenceIn(t, folder);
    const theirs = await askerOf(t, server.port);
    for (const setting of VARIANTS_THERE[round % VARIANTS_THERE.length]!) await theirs('CONFIG', 'SET', ...setting.split(' '));
    for (const request of randomBuckets(seed + round, BUCKETS)) await theirs(...request);
    await theirs('SELECT', '3');
    await theirs('SET', 'elsewhere', 'value');
    await theirs('SELECT', '0');
    t.is(await theirs('SAVE'), '+OK\r\n');
    const node = await nodeWith(t);
    const summary = await readInto(node.state.store, readFileSync(join(folder, 'dump.rdb')));
    t.is(summary.keysLoaded, BUCKETS + 1);
    t.is(summary.aux.get('redis-ver'), '7.0.15');
    const ours = await askerOf(t, node.port);
    for (let i = 0; i < BUCKETS; i++) await compare(t, ours, theirs, `b${i}`);
    await ours('SELECT', '3');
    t.is(await ours('GET', 'elsewhere'), '$5\r\nvalue\r\n');
  });
}

const VARIANTS_THERE = [
  ['rdbcompression no'],
  ['maxmemory-policy allkeys-lru', 'list-compress-depth 1', 'list-max-listpack-size 5'],
  ['maxmemory-policy allkeys-lfu', 'hash-max-listpack-entries 4', 'zset-max-listpack-entries 4'],
];

ifReference('functions are kept aside, and come back to redis-server', async (t) => {
  const folder = newFolder(t);
  const theirs = await askerOf(t, (await referenceIn(t, folder)).port);
  const library = '#!lua name=lib\nredis.register_function("f", function() return 42 end)';
  await theirs('FUNCTION', 'LOAD', library);
  await theirs('SET', 'k', 'v');
  await theirs('SAVE');
  const store = new Store();
  const { functions } = await readInto(store, readFileSync(join(folder, 'dump.rdb')));
  t.deepEqual(functions.map(String), [library]);
  const second = newFolder(t);
  writeFileSync(join(second, 'dump.rdb'), (await snapshotOf(store, { functions })).bytes);
  const again = await askerOf(t, (await referenceIn(t, second)).port);
  t.is(await again('FCALL', 'f', '0'), ':42\r\n');
});

for (const version of [3, 6, 9]) {
  ifReference(`a file of version ${version}, with the forms of its time, is loaded as there`, async (t) => {
    const folder = newFolder(t);
    const names = Object.keys(OLD_FORMS);
    const records = names.map((name) => `${OLD_FORMS[name]![0]!}${short(name)}${OLD_FORMS[name]!.slice(1)}`);
    const checksum = version < 5 ? '' : '\0'.repeat(8);
    const content = `REDIS000${version}\xfe\x00${records.join('')}\xff${checksum}`;
    writeFileSync(join(folder, 'dump.rdb'), content, 'latin1');
    const theirs = await askerOf(t, (await referenceIn(t, folder)).port);
    const node = await nodeWith(t);
    const { keysLoaded } = await readInto(node.state.store, Buffer.from(content, 'latin1'));
    t.is(keysLoaded, names.length);
    t.is(await theirs('DBSIZE'), `:${names.length}\r\n`);
    const ours = await askerOf(t, node.port);
    for (const name of names) await compare(t, ours, theirs, name);
  });
}

// ---- files that are damaged

async function smallFile(): Promise<Buffer> {
  const node = await startNode();
  const client = await RawClient.connect(node.port);
  for (const request of ['SET s value', 'SET e value PX 100000', 'RPUSH l a b c', 'HSET h f v', 'ZADD z 1 m', 'SADD i 1 2', 'SADD m a']) {
    await client.ask(request);
  }
  await client.ask('BUCKET CREATE empty');
  const { bytes } = await snapshotOf(node.state.store, {});
  client.close();
  await node.stop();
  return bytes;
}

test('every truncation and every flipped bit of a small file is refused', async (t) => {
  const bytes = await smallFile();
  const whole = await readInto(new Store(), bytes);
  t.is(whole.keysLoaded, 8);
  t.is(whole.endOffset, bytes.length);
  for (let end = 0; end < bytes.length; end++) {
    await t.throwsAsync(readInto(new Store(), Buffer.from(bytes.subarray(0, end))), { instanceOf: RdbFileError }, `cut at ${end}`);
  }
  for (let at = 0; at < bytes.length; at++) {
    const damaged = Buffer.from(bytes);
    damaged[at]! ^= 1 << at % 8;
    await t.throwsAsync(readInto(new Store(), damaged), { instanceOf: RdbFileError }, `flipped at ${at}`);
  }
});

const cases: readonly [title: string, content: string, message: RegExp][] = [
  ['no RDB file', 'hello world, this is not it', /it is no RDB file/],
  ['a newer version', 'REDIS0011\xff', /it is of version 11; versions up to 10 can be read/],
  ['a module', 'REDIS0010\x07\x01k\x81\x83\xb2\x91\x7e\xa1\x70\x04\x01\0', /a value of the module \S{9}, .* \(key "k"\)/],
  ['data of a module', 'REDIS0010\xf7\x81\x83\xb2\x91\x7e\xa1\x70\x04\x01\0', /data of the module \S{9},/],
  ['a key twice', 'REDIS0003\x00\x01k\x01v\x00\x01k\x01v\xff', /it is there twice \(key "k"\)/],
  ['a database too many', 'REDIS0003\xfe\x10\x00\x01k\x01v\xff', /it has a database 16/],
];

for (const [title, content, message] of cases) {
  test(`refused with a text: ${title}`, async (t) => {
    const error = await t.throwsAsync(readInto(new Store(), Buffer.from(content, 'latin1')), { instanceOf: RdbFileError });
    t.regex(error.message, message);
  });
}

test('a file of many chunks is read as it was written, wherever they end', async (t) => {
  const draw = new Draw(seededRandom(seedOf(t)));
  const node = await nodeWith(t);
  const ours = await askerOf(t, node.port);
  const text = (most = 1000): string => 'x'.repeat(draw.below(most));
  const requests = (i: number): string[] =>
    draw.pick([
      ['SET', `b${i}`, text(5000)], ['SET', `b${i}`, text(), 'PX', '1000000'], ['HSET', `b${i}`, 'f', text(3000), 'g', text(3000)],
      ['SADD', `b${i}`, text(), 'y', text(), '1', 'a'], ['SADD', `b${i}`, '1', '2'], ['ZADD', `b${i}`, '1', text(), '2.5', 'a'],
      ['RPUSH', `b${i}`, text(), text()],
    ]);
  for (let i = 0; i < 10_000; i++) await ours(...requests(i));
  const { bytes } = await snapshotOf(node.state.store, { compresses: false });
  t.true(bytes.length > 8 * 1024 * 1024);
  const again = await nodeWith(t);
  t.is((await readInto(again.state.store, bytes)).keysLoaded, 10_000);
  const theirs = await askerOf(t, again.port);
  for (let i = 0; i < 10_000; i++) {
    t.is(await theirs('DUMP', `b${i}`), await ours('DUMP', `b${i}`));
    t.is(await theirs('PEXPIRETIME', `b${i}`), await ours('PEXPIRETIME', `b${i}`));
  }
});

test('what has expired is left out, unless a log follows', async (t) => {
  const expired = 'REDIS0003\xfc\x01\0\0\0\0\0\0\0\x00\x01k\x01v\x00\x01l\x01v\xff';
  const { keysLoaded, keysExpired } = await readInto(new Store(), Buffer.from(expired, 'latin1'));
  t.deepEqual([keysLoaded, keysExpired], [1, 1]);
  const store = new Store();
  const base = await readInto(store, Buffer.from(expired, 'latin1'), false);
  t.deepEqual([base.keysLoaded, store.databases[0]!.size], [2, 2]);
});

test('a collection without elements is no bucket', async (t) => {
  const empty = 'REDIS0003\x02\x01k\x00\x00\x01l\x01v\xff';
  const { keysLoaded, keysEmpty } = await readInto(new Store(), Buffer.from(empty, 'latin1'));
  t.deepEqual([keysLoaded, keysEmpty], [1, 1]);
});

ifReference('functions of a snapshot are kept through the append log and come back', async (t) => {
  const folder = newFolder(t);
  const reference = await startReference('--dir', folder);
  const ask = await askerOf(t, reference.port);
  const library = "#!lua name=mylib\nredis.register_function('f', function() return 7 end)";
  t.is(await ask('FUNCTION', 'LOAD', library), '$5\r\nmylib\r\n');
  await ask('SET', 'k', 'v');
  const list = await ask('FUNCTION', 'LIST', 'WITHCODE');
  t.is(await ask('SAVE'), '+OK\r\n');
  await reference.stop();
  // Into the base of the log, out of it again, through a rewrite, and into a snapshot.
  for (const request of ['PING', 'BGREWRITEAOF', 'SAVE']) {
    const node = await startNode({ dir: folder, appendonly: 'yes' });
    const ours = await askerOf(t, node.port);
    t.is(await ours('GET', 'k'), '$1\r\nv\r\n');
    await ours(request);
    await waitFor(async () => (await ours('INFO', 'persistence')).includes('aof_rewrite_in_progress:0'), 'the rewrite');
    await node.stop();
    if (request === 'PING') rmSync(join(folder, 'dump.rdb'));
  }
  for (const appendonly of ['yes', 'no']) {
    const server = await startReference('--dir', folder, '--appendonly', appendonly);
    const theirs = await askerOf(t, server.port);
    t.is(await theirs('FUNCTION', 'LIST', 'WITHCODE'), list, appendonly);
    t.is(await theirs('FCALL', 'f', '0'), ':7\r\n');
    await server.stop();
  }
});

ifReference('functions in the commands of a log stop the start, and the text has the remedy', async (t) => {
  const folder = newFolder(t);
  const flags = ['--dir', folder, '--appendonly', 'yes', '--appendfsync', 'always'];
  const reference = await startReference(...flags);
  const ask = await askerOf(t, reference.port);
  await ask('SET', 'k', 'v');
  await ask('FUNCTION', 'LOAD', "#!lua name=mylib\nredis.register_function('f', function() return 7 end)");
  await reference.stop();
  const message = /at offset \d+: unknown command 'FUNCTION', which BGREWRITEAOF .* puts into the base/;
  await t.throwsAsync(startNode({ dir: folder, appendonly: 'yes' }), { message });
  const again = await startReference(...flags);
  const rewrite = await askerOf(t, again.port);
  await rewrite('BGREWRITEAOF');
  const isDone = async (): Promise<boolean> =>
    (await rewrite('INFO', 'persistence')).includes('aof_rewrite_in_progress:0');
  await waitFor(isDone, 'the rewrite to end');
  await again.stop();
  const node = await startNode({ dir: folder, appendonly: 'yes' });
  t.teardown(() => node.stop());
  const ours = await askerOf(t, node.port);
  t.is(await ours('GET', 'k'), '$1\r\nv\r\n');
  t.is(node.state.functions.length, 1);
});

/**
 * The other files beside increments of our own (damage.ts): base, manifest, lock, and increments that redis-server
 * wrote, which have no seals. Each is cut at each length and has a bit of each byte flipped; a start loads what was
 * there, or a beginning of it, or refuses with a text. It never crashes or hangs.
 */
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { Settings } from '../../lib/config/settings.js';
import { FolderInUse } from '../../lib/errors.js';
import { FolderLock, LOCK_NAME } from '../../lib/persistence/folder-lock.js';
import { PersistenceError } from '../../lib/persistence/persistence-error.js';
import { Node } from '../../lib/server.js';
import { silentLog } from '../../lib/util/log.js';
import { startDurable } from '../support/durable-node.js';
import { referenceTest } from '../support/macros.js';
import { MemoryFiles } from '../support/memory-files.js';
import { RawClient } from '../support/raw-client.js';
import { startReference } from '../support/reference.js';

const FOLDER = '/data/appendonlydir';

/** How many buckets a node has after a start on this disk, or why it does not start. */
async function loaded(disk: ReadonlyMap<string, Buffer>): Promise<number | string> {
  const files = new MemoryFiles();
  for (const [path, bytes] of disk) files.put(path, bytes);
  const settings = new Settings({ port: '0', 'line-port': '0', appendonly: 'yes', dir: '/data' });
  const node = new Node({ settings, log: silentLog, files });
  try {
    await node.start();
  } catch (error) {
    if (!(error instanceof PersistenceError)) throw error;
    return error.message;
  }
  const { size } = node.state.store.databases[0]!;
  await node.stop();
  return size;
}

/** A file at each length, and with a bit of each byte flipped. */
function* damaged(bytes: Buffer): Generator<[what: string, bytes: Buffer]> {
  for (let length = 0; length < bytes.length; length++) yield [`cut at ${length}`, bytes.subarray(0, length)];
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes);
    changed[at]! ^= 1 << (at % 8);
    yield [`byte ${at} changed`, changed];
  }
}

const WRITES = ['SET a 1', 'HSET h f v g w', 'RPUSH l a b', 'SADD s 1 2', 'ZADD z 1 m', 'BUCKET CREATE empty'];

/** The disk of a node with a base and an increment; some buckets are in the one, and some in the other. */
async function ourDisk(): Promise<Map<string, Buffer>> {
  const files = new MemoryFiles();
  const done: (() => Promise<void>)[] = [];
  const surroundings = { teardown: (end: () => Promise<void>) => done.push(end) } as never;
  const first = await startDurable(surroundings, files, { appendonly: 'no' });
  const client = await RawClient.connect(first.node.port);
  for (const line of WRITES) await client.ask(line);
  await client.ask('CONFIG SET appendonly yes');
  while (!files.paths().some((path) => path.endsWith('.manifest'))) await client.ask('PING');
  for (const line of WRITES) await client.ask(line.replace(/^(\S+ (?:CREATE )?)(\S+)/, '$1$2$2'));
  client.close();
  await first.node.stop();
  return new Map(files.paths().map((path) => [path, files.get(path)!]));
}

test('our base: every cut and every changed byte is refused, with file and offset', async (t) => {
  const disk = await ourDisk();
  t.is(await loaded(disk), WRITES.length * 2);
  const path = `${FOLDER}/appendonly.aof.1.base.rdb`;
  for (const [what, bytes] of damaged(disk.get(path)!)) {
    const result = await loaded(new Map(disk).set(path, bytes));
    // Without its first letters it is no snapshot any more, but an increment that makes no sense.
    t.regex(String(result), /appendonly\.aof\.1\.base\.rdb.*redis-check-aof/s, what);
  }
});

test('our manifest: every cut and every changed byte gives all, the base alone, or a refusal', async (t) => {
  const disk = await ourDisk();
  const path = `${FOLDER}/appendonly.aof.manifest`;
  let refusals = 0;
  for (const [what, bytes] of damaged(disk.get(path)!)) {
    const result = await loaded(new Map(disk).set(path, bytes));
    if (typeof result === 'string') {
      refusals++;
      t.regex(result, /appendonly|manifest/, what);
    } else t.true([0, WRITES.length, WRITES.length * 2].includes(result), `${what}: ${result}`);
  }
  t.true(refusals > 50, String(refusals));
});

referenceTest('the files of a redis-server: every cut and every changed byte gives a beginning or a refusal', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'pigeonhole-damage-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const reference = await startReference('--appendonly', 'yes', '--dir', dir, '--appendfsync', 'always');
  const client = await RawClient.connect(reference.port);
  for (const line of WRITES.slice(0, -1)) await client.ask(line);
  await client.ask('BGREWRITEAOF');
  while (!readdirSync(join(dir, 'appendonlydir')).includes('appendonly.aof.2.base.rdb')) await client.ask('PING');
  for (const line of ['SET k1 1', 'MULTI', 'SET k2 1', 'SET k3 1', 'EXEC', 'SET k4 1']) await client.ask(line);
  while (!(await client.ask('INFO persistence')).includes('aof_rewrite_in_progress:0')) await client.ask('PING');
  client.close();
  await reference.stop();
  const names = readdirSync(join(dir, 'appendonlydir'));
  const disk = new Map<string, Buffer>(names.map((name) => [`${FOLDER}/${name}`, readFileSync(join(dir, 'appendonlydir', name))]));
  const base = WRITES.length - 1;
  t.is(await loaded(disk), base + 4);
  for (const [path, whole] of disk) {
    for (const [what, bytes] of damaged(whole)) {
      const result = await loaded(new Map(disk).set(path, bytes));
      if (path.endsWith('.base.rdb')) t.is(typeof result, 'string', `${path} ${what}`);
      else if (typeof result === 'number') {
        t.true(result <= base + 4, `${path} ${what}: ${result}`);
        // Never is a transaction there in part.
        if (path.endsWith('.incr.aof') && what.startsWith('cut')) t.not(result, base + 2, `${path} ${what}`);
      } else t.regex(result, /appendonly|manifest/, `${path} ${what}`);
    }
  }
});

test('a lock that is damaged is taken over, or the folder is in use and it is said by whom', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'pigeonhole-lock-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, LOCK_NAME);
  // That of a process that is there.
  const whole = Buffer.from(`${process.ppid} 1@2\n`);
  for (const [what, bytes] of damaged(whole)) {
    writeFileSync(path, bytes);
    try {
      const lock = await FolderLock.take(folder);
      lock.release();
    } catch (error) {
      t.true(error instanceof FolderInUse, `${what}: ${String(error)}`);
      t.regex((error as Error).message, /is used by process \d+: .*pigeonhole\.lock/, what);
      rmSync(path, { force: true });
    }
    t.deepEqual(readdirSync(folder), [], what);
  }
});

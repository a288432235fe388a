/**
 * A folder belongs to one node at a time: to the one that may write there by itself, from its start to its stop, and to
 * others for the time of a snapshot that they are asked for. Nodes that keep nothing share a folder.
 */
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { PersistenceError } from '../../lib/persistence/persistence-error.js';
import { LOCK_NAME } from '../../lib/persistence/folder-lock.js';
import { newFolder, startIn } from '../support/data-folder.js';
import { startDurable } from '../support/durable-node.js';
import { MemoryFiles } from '../support/memory-files.js';
import { RawClient } from '../support/raw-client.js';
import { spawnNode } from '../support/spawned-node.js';
import { startNode } from '../support/targets.js';
import { waitFor } from '../support/wait-for.js';

const POINTS = { save: '3600 1' };
const MOVABLE = { 'enable-protected-configs': 'yes' };

const isLocked = (dir: string): boolean => existsSync(join(dir, LOCK_NAME));

/** Another process, which is there, has the folder. */
function lockForOther(dir: string): void {
  writeFileSync(join(dir, LOCK_NAME), `${process.ppid}\n`);
}

/** What is said of a folder that another process has. */
function inUse(dir: string, pid = process.ppid): string {
  return `the folder ${dir} is used by process ${pid}: stop that, or give this node another folder with --dir ` +
    `(${join(dir, LOCK_NAME)} says so; remove it if that process is none of ours)`;
}

for (const settings of [POINTS, { appendonly: 'yes' }]) {
  test(`with ${Object.keys(settings)[0]!} a node holds its folder from its start to its stop`, async (t) => {
    const dir = join(newFolder(t), 'data');
    const [node] = await startIn(t, dir, settings);
    t.regex(readFileSync(join(dir, LOCK_NAME), 'latin1'), new RegExp(`^${process.pid} `));
    for (const others of [POINTS, { appendonly: 'yes' }]) {
      const error = await t.throwsAsync(startNode({ dir, ...others }), { instanceOf: PersistenceError });
      t.is(error.message, inUse(dir, process.pid));
    }
    t.true(isLocked(dir));
    await node.stop();
    t.false(isLocked(dir));
    await startIn(t, dir, settings);
  });

  test(`with ${Object.keys(settings)[0]!} a node does not start in the folder of another process`, async (t) => {
    const dir = newFolder(t);
    lockForOther(dir);
    const error = await t.throwsAsync(startNode({ dir, ...settings }), { instanceOf: PersistenceError });
    t.is(error.message, inUse(dir));
    t.deepEqual(readdirSync(dir), [LOCK_NAME]);
  });

  test(`with ${Object.keys(settings)[0]!} a node that was killed leaves its folder to the next`, async (t) => {
    const dir = newFolder(t);
    const spawned = await spawnNode({ dir, ...settings });
    t.true(isLocked(dir));
    await spawned.kill();
    t.true(isLocked(dir));
    await startIn(t, dir, settings);
    t.regex(readFileSync(join(dir, LOCK_NAME), 'latin1'), new RegExp(`^${process.pid} `));
  });
}

test('nodes that keep nothing share a folder, and take it for what they are asked to write', async (t) => {
  const dir = newFolder(t);
  const [[, one], [, other]] = [await startIn(t, dir), await startIn(t, dir)];
  await one.ask('SET a 1');
  t.deepEqual(readdirSync(dir), []);
  for (const client of [one, other]) t.is(await client.ask('SAVE'), '+OK\r\n');
  t.deepEqual(readdirSync(dir), ['dump.rdb']);
  await one.ask('BGREWRITEAOF');
  await waitFor(async () => (await one.ask('INFO persistence')).includes('aof_rewrite_in_progress:0'), 'the rewrite');
  t.deepEqual(readdirSync(dir), ['appendonlydir', 'dump.rdb']);
});

test('while a snapshot is written the folder is held, and not longer', async (t) => {
  const files = new MemoryFiles();
  let locks = 0;
  files.lock = () => {
    locks++;
    return Promise.resolve({ isInPlace: true, release: () => locks-- });
  };
  const { node } = await startDurable(t, files, { appendonly: 'no' });
  const client = await RawClient.connect(node.port);
  let heldAt: number[] = [];
  files.fault = (kind) => {
    if (kind !== 'makeFolder') heldAt.push(locks);
    return undefined;
  };
  for (const request of ['SAVE', 'BGSAVE', 'DEBUG RELOAD', 'BGREWRITEAOF']) {
    heldAt = [];
    t.regex(await client.ask(request), /^\+/);
    const isDone = async (): Promise<boolean> =>
      /rdb_bgsave_in_progress:0[^]*aof_rewrite_in_progress:0/.test(await client.ask('INFO persistence'));
    await waitFor(isDone, request);
    // DEBUG RELOAD reads when it has written.
    const written = heldAt.slice(0, request === 'DEBUG RELOAD' ? 5 : undefined);
    t.true(written.length > 4 && written.every((count) => count === 1), `${request}: ${heldAt.join(' ')}`);
    t.is(locks, 0, request);
  }
  client.close();
});

test('nothing is written into the folder of another process', async (t) => {
  const dir = newFolder(t);
  const [node, client] = await startIn(t, dir);
  await client.ask('SET a 1');
  lockForOther(dir);
  t.is(await client.ask('SAVE'), `-ERR ${inUse(dir)}\r\n`);
  t.is(await client.ask('BGSAVE'), '+Background saving started\r\n');
  await waitFor(async () => (await client.ask('INFO persistence')).includes('rdb_last_bgsave_status:err'), 'the failure');
  t.is(await client.ask('DEBUG RELOAD'), '-ERR\r\n');
  await client.ask('BGREWRITEAOF');
  await waitFor(async () => (await client.ask('INFO persistence')).includes('aof_last_bgrewrite_status:err'), 'the failure');
  t.regex(await client.ask('CONFIG SET appendonly yes'), /is used by process/);
  const error = await t.throwsAsync(node.prepareStop({ saves: true }));
  t.true(error.message.includes(inUse(dir)), error.message);
  t.deepEqual(readdirSync(dir), [LOCK_NAME]);
  t.is(await client.ask('GET a'), '$1\r\n1\r\n');
  rmSync(join(dir, LOCK_NAME));
  t.is(await client.ask('SAVE'), '+OK\r\n');
  t.deepEqual(readdirSync(dir), ['dump.rdb']);
});

test('CONFIG SET dir takes the new folder and then lets the old one go, or is refused', async (t) => {
  const folder = newFolder(t);
  const [old, another, free] = ['old', 'another', 'free'].map((name) => join(folder, name)) as [string, string, string];
  for (const dir of [another, free]) mkdirSync(dir);
  lockForOther(another);
  const [node, client] = await startIn(t, old, { ...POINTS, ...MOVABLE });
  t.is(await client.ask(`CONFIG SET dir ${another}`), `-ERR CONFIG SET failed (possibly related to argument 'dir') - ${inUse(another)}\r\n`);
  t.true(isLocked(old));
  t.true((await client.ask('CONFIG GET dir')).includes(old));
  t.is(await client.ask(`CONFIG SET dir ${free}`), '+OK\r\n');
  await waitFor(() => !isLocked(old), 'the old folder to be free');
  t.true(isLocked(free));
  // Who writes nothing by itself may have any folder.
  t.is(await client.ask(`CONFIG SET save "" dir ${another}`), '+OK\r\n');
  await waitFor(() => !isLocked(free), 'the folder to be free');
  t.is(await client.ask('CONFIG SET save "1 1"'), `-ERR CONFIG SET failed (possibly related to argument 'save') - ${inUse(another)}\r\n`);
  t.is(await client.ask(`CONFIG SET save "3600 1" dir ${old}`), '+OK\r\n');
  await waitFor(() => isLocked(old), 'the lock');
  await node.stop();
  t.false(isLocked(old));
});

test('a folder stays held when the log is switched off and there are save points', async (t) => {
  const dir = newFolder(t);
  const [, client] = await startIn(t, dir, { ...POINTS, appendonly: 'yes' });
  const switchLog = async (to: 'yes' | 'no'): Promise<void> => {
    t.is(await client.ask(`CONFIG SET appendonly ${to}`), '+OK\r\n');
    const mark = `aof_enabled:${to === 'yes' ? 1 : 0}`;
    await waitFor(async () => (await client.ask('INFO persistence')).includes(mark), mark);
  };
  await switchLog('no');
  // What follows is done when the log is off and the lock has been decided on.
  await switchLog('yes');
  t.true(isLocked(dir));
  await client.ask('CONFIG SET save ""');
  t.true(isLocked(dir));
  await switchLog('no');
  await waitFor(() => !isLocked(dir), 'the folder to be free');
  await client.ask('CONFIG SET save "3600 1"');
  await waitFor(() => isLocked(dir), 'the lock');
  await switchLog('yes');
  await switchLog('no');
  await switchLog('yes');
  await switchLog('no');
  t.is(await client.ask('SAVE'), '+OK\r\n');
  t.true(isLocked(dir));
});

test('a lock that was removed with its folder is taken anew by the next snapshot', async (t) => {
  const dir = join(newFolder(t), 'data');
  const [node, client] = await startIn(t, dir, POINTS);
  rmSync(dir, { recursive: true });
  t.is(await client.ask('SAVE'), '+OK\r\n');
  t.deepEqual(readdirSync(dir), ['dump.rdb', LOCK_NAME]);
  rmSync(dir, { recursive: true });
  mkdirSync(dir);
  lockForOther(dir);
  t.is(await client.ask('SAVE'), `-ERR ${inUse(dir)}\r\n`);
  await node.stop();
  t.deepEqual(readdirSync(dir), [LOCK_NAME]);
});

test('a node with save points starts in a folder that cannot be written, and holds it when it can', async (t) => {
  const files = new MemoryFiles();
  let locks = 0;
  const lock = files.lock.bind(files);
  files.lock = async (folder) => {
    const { isInPlace } = await lock(folder);
    locks++;
    return { isInPlace, release: () => locks-- };
  };
  const cannotBeWritten = new Set(['lock', 'makeFolder']);
  files.fault = (kind) => (cannotBeWritten.has(kind) ? { error: 'EROFS' } : undefined);
  const { node, log } = await startDurable(t, files, { appendonly: 'no', ...POINTS });
  t.true(log.some((line) => line.includes('The folder /data cannot be locked: Read-only file system')));
  const client = await RawClient.connect(node.port);
  t.is(await client.ask('SET a 1'), '+OK\r\n');
  t.is(await client.ask('SAVE'), '-ERR\r\n');
  t.is(locks, 0);
  files.fault = () => undefined;
  t.is(await client.ask('SAVE'), '+OK\r\n');
  t.is(locks, 1);
  client.close();
  await node.stop();
  t.is(locks, 0);
});

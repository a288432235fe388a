/**
 * The append log is removed while the node runs, or cannot be written for so long that it is given up: writes are
 * refused, the log is made anew from memory, and nothing is lost. A slow disk has writers wait, in bounded memory.
 */
import { existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { Settings } from '../../lib/config/settings.js';
import { Node } from '../../lib/server.js';
import { sliceOf } from '../../lib/util/bytes.js';
import { Log } from '../../lib/util/log.js';
import { startDurable } from '../support/durable-node.js';
import { MemoryFiles } from '../support/memory-files.js';
import { RawClient, encode } from '../support/raw-client.js';
import { startNode } from '../support/targets.js';
import { waitFor } from '../support/wait-for.js';

const FOLDER = '/data/appendonlydir';
const MIB = 1024 * 1024;
/** So many names of 1 MiB are more than what is held in memory. */
const NAMES = 66;

/** Has the disk forget what is written to the first increment: a file in memory is copied with every write. */
function forgetFirstIncrement(files: MemoryFiles): void {
  const open = files.open.bind(files);
  const forgotten = Buffer.alloc(0);
  files.open = async (path, mode) => {
    const file = await open(path, mode);
    if (!path.endsWith('.1.incr.aof')) return file;
    const write = async (pieces: readonly Buffer[], position: number): Promise<number> => {
      await file.write([forgotten], position);
      return pieces.reduce((sum, { length }) => sum + length, 0);
    };
    const writeThrough = async (pieces: readonly Buffer[], position: number): Promise<number> => {
      const count = await write(pieces, position);
      await file.sync();
      return count;
    };
    return { ...file, write, writeThrough };
  };
}

/** Writes until it is answered as `pattern` says; gives what was written last before, when that was acknowledged. */
async function writeUntil(port: number, pattern: RegExp): Promise<{ reply: string; last: number }> {
  let client = await RawClient.connect(port);
  let last = 0;
  let reply = '';
  let number = 0;
  await waitFor(async () => {
    reply = await client.ask(`SET a ${++number}`);
    if (reply === '+OK\r\n') last = number;
    if (client.isClosed) client = await RawClient.connect(port);
    return pattern.test(reply);
  }, `the answer ${String(pattern)}`);
  client.close();
  return { reply, last };
}

for (const appendfsync of ['always', 'everysec', 'no']) {
  test(`${appendfsync}: a folder that is removed is noticed, and made anew with everything`, async (t) => {
    const files = new MemoryFiles();
    const { node, log } = await startDurable(t, files, { appendfsync });
    const client = await RawClient.connect(node.port);
    t.teardown(() => client.close());
    for (const line of ['SET b 1', 'HSET h f v', 'BUCKET CREATE empty']) await client.ask(line);
    let letGo = (): void => undefined;
    files.delay = (kind) => (kind === 'makeFolder' ? new Promise((resolve) => (letGo = resolve)) : undefined);
    files.fault = (kind) => (kind === 'makeFolder' ? { error: 'EACCES' } : undefined);
    files.removeFolder(FOLDER);
    const { reply } = await writeUntil(node.port, /^-/);
    t.is(reply, `-MISCONF Errors writing to the AOF file: ${FOLDER}/appendonly.aof.1.incr.aof has been removed\r\n`);
    t.regex(await client.ask('INFO persistence'), /aof_last_write_status:err/);
    files.delay = () => undefined;
    letGo();
    const { reply: why } = await writeUntil(node.port, /Permission/);
    t.is(why, `-MISCONF Errors writing to the AOF file: ${FOLDER}/appendonly.aof.1.incr.aof: Permission denied\r\n`);
    t.is(await client.ask('GET b'), '$1\r\n1\r\n', 'reads go on');
    files.fault = () => undefined;
    await writeUntil(node.port, /^\+OK/);
    t.true(log.some((line) => line.includes('The append log has been made anew')), log.join(''));
    t.regex(await client.ask('INFO persistence'), /aof_last_write_status:ok/);
    await client.ask('SET c 1');
    const disk = files.afterKill();
    if (appendfsync !== 'always') await node.stop();
    const { node: again } = await startDurable(t, appendfsync === 'always' ? disk : files);
    const other = await RawClient.connect(again.port);
    t.is(await other.ask('EXISTS a b h empty c'), ':5\r\n');
    other.close();
  });
}

for (const [title, remove] of [
  ['the folder of the log is removed', (dir: string) => rmSync(join(dir, 'appendonlydir'), { recursive: true })],
  ['the folder of the data is removed, and its lock', (dir: string) => rmSync(dir, { recursive: true })],
  ['the folder of the log is moved away', (dir: string) => renameSync(join(dir, 'appendonlydir'), join(dir, 'away'))],
  ['the manifest is removed', (dir: string) => rmSync(join(dir, 'appendonlydir', 'appendonly.aof.manifest'))],
  ['the base is removed', (dir: string) => rmSync(join(dir, 'appendonlydir', 'appendonly.aof.1.base.rdb'))],
] as const) {
  for (const how of ['later', 'at once']) {
    test(`on a real disk, ${title}, and the node is stopped ${how}: nothing is lost`, async (t) => {
      const dir = join(mkdtempSync(join(tmpdir(), 'pigeonhole-loss-')), 'data');
      t.teardown(() => rmSync(join(dir, '..'), { recursive: true, force: true }));
      const lines: string[] = [];
      const settings = new Settings({ port: 'any', 'line-port': '0', bind: '127.0.0.1', appendonly: 'yes', dir });
      const node = new Node({ settings, log: new Log((line) => lines.push(line)) });
      await node.start();
      const client = await RawClient.connect(node.port);
      for (const line of ['SET a 0', 'RPUSH l 1 2 3']) await client.ask(line);
      remove(dir);
      let last = 0;
      if (how === 'later') {
        await waitFor(() => lines.some((line) => line.includes('has been made anew')), 'the log to be made anew');
        ({ last } = await writeUntil(node.port, /^\+OK/));
        t.true(lines.some((line) => line.includes('has been removed. Writes are refused')));
        t.true(existsSync(join(dir, 'pigeonhole.lock')));
      }
      client.close();
      await node.stop();
      const again = await startNode({ appendonly: 'yes', dir });
      t.teardown(() => again.stop());
      const other = await RawClient.connect(again.port);
      t.is(await other.ask('GET a'), `$${String(last).length}\r\n${last}\r\n`);
      t.is(await other.ask('LLEN l'), ':3\r\n');
      other.close();
    });
  }
}

for (const appendfsync of ['always', 'everysec', 'no']) {
  test.serial(`${appendfsync}: a slow disk has writers wait, not readers, and at most 64 MiB are held`, async (t) => {
    const files = new MemoryFiles();
    forgetFirstIncrement(files);
    const { node } = await startDurable(t, files, { appendfsync });
    const reader = await RawClient.connect(node.port);
    await reader.ask('SET a 1');
    // Not for how long an operation takes: for how much waits.
    Object.assign(node.state.propagation.log!, { clock: { ...node.state.clock, elapsedUs: () => 0 } });
    let letGo: (() => void)[] = [];
    let isSlow = true;
    files.delay = (kind) => {
      const isHeld = isSlow && (kind === 'write' || kind === 'sync');
      return isHeld ? new Promise((resolve) => letGo.push(resolve)) : undefined;
    };
    const value = Buffer.alloc(MIB, 'x');
    const writers = await Promise.all(Array.from({ length: 70 }, () => RawClient.connect(node.port)));
    let replies = 0;
    const done = writers.map(async (writer, index) => {
      writer.send(encode(['SET', `b${index}`, value]));
      const reply = await writer.reply();
      replies++;
      return reply;
    });
    await waitFor(async () => (await reader.ask('INFO persistence')).includes('aof_delayed_fsync:1'), 'writers to wait');
    t.is(await reader.ask('GET a'), '$1\r\n1\r\n');
    const { log } = node.state.propagation;
    const { kept } = log as unknown as { kept: number };
    t.true(kept > 30 * MIB && kept <= 64 * MIB, `${kept} bytes`);
    t.true(replies < 60, `${replies} replies`);
    isSlow = false;
    for (const each of letGo) each();
    letGo = [];
    t.deepEqual([...new Set(await Promise.all(done))], ['+OK\r\n']);
    t.is(await reader.ask('DBSIZE'), ':71\r\n');
    for (const client of [...writers, reader]) client.close();
  });
}

test.serial('a log that is refused for long while buckets expire is given up, and made anew', async (t) => {
  const files = new MemoryFiles();
  forgetFirstIncrement(files);
  const { node, log } = await startDurable(t, files);
  const client = await RawClient.connect(node.port);
  t.teardown(() => client.close());
  for (let i = 0; i < NAMES; i++) {
    client.send(encode(['SET', `${i}`.padEnd(MIB, 'x'), '1']));
    await client.reply();
  }
  await client.ask('SET stays 1');
  await client.ask('DEBUG SET-ACTIVE-EXPIRE 0');
  files.fault = (kind) => (kind === 'write' || kind === 'sync' ? { error: 'ENOSPC' } : undefined);
  await client.ask('SET stays 2');
  await waitFor(async () => (await client.ask('SET stays 3')).startsWith('-MISCONF'), 'the failure to be noticed');
  const [db] = node.state.store.databases;
  for (let i = 0; i < NAMES; i++) {
    const key = sliceOf(`${i}`.padEnd(MIB, 'x'));
    db!.expireAt(key, db!.peek(key), 1);
    client.send(encode(['GET', `${i}`.padEnd(MIB, 'x')]));
    await client.reply();
  }
  t.is(await client.ask('DBSIZE'), ':1\r\n');
  await waitFor(() => log.some((line) => line.includes('bytes wait for the disk')), 'the log to be given up');
  t.regex(await client.ask('SET stays 3'), /^-MISCONF Errors writing to the AOF file: .*No space left on device\r\n$/);
  files.fault = () => undefined;
  await waitFor(async () => (await client.ask('SET stays 4')) === '+OK\r\n', 'writes to be taken');
  await node.stop();
  const { node: again } = await startDurable(t, files);
  const other = await RawClient.connect(again.port);
  t.is(await other.ask('GET stays'), '$1\r\n4\r\n');
  t.is(await other.ask('DBSIZE'), ':1\r\n');
  other.close();
});

test('always: with no-appendfsync-on-rewrite writers do not wait for the rewrite', async (t) => {
  const files = new MemoryFiles();
  const { node } = await startDurable(t, files, { appendfsync: 'always', 'no-appendfsync-on-rewrite': 'yes' });
  const client = await RawClient.connect(node.port);
  let letGo = (): void => undefined;
  const open = files.open.bind(files);
  files.open = async (path, mode) => {
    const file = await open(path, mode);
    if (!path.includes('temp-rewriteaof')) return file;
    return { ...file, sync: () => new Promise((resolve) => (letGo = resolve)) };
  };
  await client.ask('BGREWRITEAOF');
  for (let i = 0; i < 20; i++) t.is(await client.ask(`SET a ${i}`), '+OK\r\n');
  t.regex(await client.ask('INFO persistence'), /aof_rewrite_in_progress:1/);
  await waitFor(async () => {
    letGo();
    return (await client.ask('INFO persistence')).includes('aof_rewrite_in_progress:0');
  }, 'the rewrite to end');
  client.close();
});

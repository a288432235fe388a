/**
 * The filler at the end of a log with `appendfsync always` (lib/persistence/filler.ts): writes go over it, and it is in
 * nobody's way, wherever a write, a crash or a flipped bit ends in it.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { fillLog, recordsOf, startDurable } from '../support/durable-node.js';
import { referenceTest } from '../support/macros.js';
import { type Fault, MemoryFiles } from '../support/memory-files.js';
import { RawClient } from '../support/raw-client.js';
import { startReference } from '../support/reference.js';
import { startNode } from '../support/targets.js';
import { waitFor } from '../support/wait-for.js';

const INCREMENT = '/data/appendonlydir/appendonly.aof.1.incr.aof';
const ALWAYS = { appendfsync: 'always' };
/** More than a line of the filler has. */
const PHASES = 70;

interface Filled {
  files: MemoryFiles;
  client: RawClient;
  stop: () => Promise<void>;
}

/** A node with one bucket, `filling`, in its log, and filler behind it. */
async function startFilled(t: ExecutionContext): Promise<Filled> {
  const files = new MemoryFiles();
  const { node } = await startDurable(t, files, ALWAYS);
  await fillLog(node.port, files);
  const client = await RawClient.connect(node.port);
  return {
    files, client,
    stop: async () => {
      client.close();
      await node.stop();
    },
  };
}

/** What DBSIZE says after a start on this disk. Nothing has to be cut off unless `settings` allow it. */
async function size(t: ExecutionContext, files: MemoryFiles, settings = { 'aof-load-truncated': 'no' }): Promise<string> {
  const { node } = await startDurable(t, files, settings);
  const client = await RawClient.connect(node.port);
  const reply = await client.ask('DBSIZE');
  client.close();
  await node.stop();
  return reply;
}

/** A disk with this log alone. */
function diskOf(log: Buffer): MemoryFiles {
  const files = new MemoryFiles();
  files.put('/data/appendonlydir/appendonly.aof.manifest', Buffer.from('file appendonly.aof.1.incr.aof seq 1 type i\n'));
  files.put(INCREMENT, log);
  return files;
}

test('writes do not make the file longer, and a stopped node leaves no filler', async (t) => {
  const { files, client, stop } = await startFilled(t);
  const { length } = files.get(INCREMENT)!;
  for (let i = 0; i < 20; i++) await client.ask(`SET key${i} 1`);
  t.is(files.get(INCREMENT)!.length, length);
  await stop();
  const log = files.get(INCREMENT)!;
  t.true(log.length < length);
  t.regex(log.toString('latin1'), /#SEAL:\d+:\d+:[0-9a-f]{8}\r\n$/);
  t.is(recordsOf(log).length, 22);
});

test('large writes get no new filler, and with other policies there is none', async (t) => {
  for (const [settings, value] of [[ALWAYS, 'x'.repeat(40_000)], [{ appendfsync: 'everysec' }, '1'], [{ appendfsync: 'no' }, '1']] as const) {
    const files = new MemoryFiles();
    const { node } = await startDurable(t, files, settings);
    const client = await RawClient.connect(node.port);
    for (let i = 0; i < 10; i++) await client.ask(`SET key${i} ${value}`);
    await waitFor(() => files.get(INCREMENT)!.includes('key9'), 'the records');
    t.false(files.get(INCREMENT)!.includes('##'));
    client.close();
  }
});

test('a node that is set to everysec writes over the filler and makes no more', async (t) => {
  const { files, client, stop } = await startFilled(t);
  const { length } = files.get(INCREMENT)!;
  await client.ask('CONFIG SET appendfsync everysec');
  for (let i = 0; i < 100; i++) await client.ask(`SET key${i} ${'x'.repeat(3000)}`);
  await waitFor(async () => (await client.ask('INFO persistence')).includes('aof_buffer_length:0'), 'the records');
  t.false(files.get(INCREMENT)!.includes('##', length - 1000));
  t.is(await size(t, files.afterKill()), ':101\r\n');
  await stop();
});

test('wherever in a line a write ends, the log of a killed node is whole, and the next node goes on in it', async (t) => {
  const { files, client, stop } = await startFilled(t);
  for (let i = 1; i <= PHASES; i++) {
    await client.ask(`SET key${i} ${'x'.repeat(i)}`);
    const killed = files.afterKill();
    t.is(await size(t, killed), `:${i + 1}\r\n`);
    if (i % 10 !== 0) continue;
    const { node } = await startDurable(t, killed, ALWAYS);
    const other = await RawClient.connect(node.port);
    t.is(await other.ask('SET another 1'), '+OK\r\n');
    other.close();
    t.is(await size(t, killed.afterKill()), `:${i + 2}\r\n`);
  }
  await stop();
});

test('writes go over the filler to its end and beyond', async (t) => {
  const { files, client, stop } = await startFilled(t);
  const value = 'x'.repeat(3001);
  for (let i = 1; i <= 200; i++) {
    await client.ask(`SET key${i} ${value}`);
    if (i % 20 === 0) t.is(await size(t, files.afterKill()), `:${i + 1}\r\n`);
  }
  t.true(files.get(INCREMENT)!.length > 600_000);
  await stop();
});

test('a write over the filler that is torn anywhere is cut off, and what was there before it stays', async (t) => {
  const { files, client, stop } = await startFilled(t);
  await client.ask('SET before 1');
  const before = Buffer.from(files.get(INCREMENT)!);
  await client.ask('SET torn 1');
  const after = Buffer.from(files.get(INCREMENT)!);
  await stop();
  const start = before.findIndex((byte, at) => byte !== after[at]);
  const end = after.indexOf('\r\n##', start) + 2;
  // A record that is whole counts without its seal, which redis-server does not write. What is no seal says nothing.
  const recordEnd = after.indexOf('#SEAL', start);
  t.true(recordEnd > start + 20 && end > recordEnd + 20);
  const isUnsealed = (at: number): boolean => at >= recordEnd && at < recordEnd + '#SEAL:'.length;
  for (let at = start; at <= end; at++) {
    const torn = Buffer.concat([after.subarray(0, at), before.subarray(at)]);
    // The other way round: what was written last is there, and what was in front of it is not.
    const holed = Buffer.concat([before.subarray(0, at), after.subarray(at)]);
    for (const log of [torn, holed]) {
      const found = await size(t, diskOf(log), { 'aof-load-truncated': 'yes' });
      const isWhole = log.equals(after) || (log === torn && isUnsealed(at));
      t.is(found, isWhole ? ':3\r\n' : ':2\r\n', `${log === torn ? 'torn' : 'holed'} at ${at}`);
    }
  }
});

test('a flipped bit in the filler, or an end in its midst, costs nothing', async (t) => {
  const { files, client, stop } = await startFilled(t);
  await client.ask('SET key 1');
  const log = Buffer.from(files.get(INCREMENT)!);
  await stop();
  const start = log.indexOf('\r\n##') + 2;
  for (let at = start; at < start + PHASES; at++) {
    const changed = Buffer.from(log);
    changed[at]! ^= 1 << (at % 8);
    t.is(await size(t, diskOf(changed), { 'aof-load-truncated': 'yes' }), ':2\r\n', `byte ${at} changed`);
    t.is(await size(t, diskOf(log.subarray(0, at)), { 'aof-load-truncated': 'yes' }), ':2\r\n', `cut at ${at}`);
  }
});

test('a disk that has no room for filler takes writes without it', async (t) => {
  const files = new MemoryFiles();
  const { node, log } = await startDurable(t, files, ALWAYS);
  const client = await RawClient.connect(node.port);
  let writes = 0;
  files.fault = (operation): Fault | undefined => (operation === 'write' && ++writes === 3 ? { error: 'ENOSPC' } : undefined);
  t.is(await client.ask('SET key0 1'), '+OK\r\n');
  await waitFor(() => log.some((line) => line.includes('AOF write error looks solved')), 'recovery');
  for (let i = 1; i < 5; i++) t.is(await client.ask(`SET key${i} 1`), '+OK\r\n');
  client.close();
  t.is(writes, 7, 'it is not tried again');
  t.is(await size(t, files.afterKill()), ':5\r\n');
});

referenceTest('redis-check-aof and redis-server take a log with filler, and we what redis-server adds', async (t) => {
  const [ours, killed] = ['ours', 'killed'].map((name) => mkdtempSync(join(tmpdir(), `pigeonhole-filler-${name}-`)));
  t.teardown(() => [ours, killed].forEach((each) => rmSync(each!, { recursive: true, force: true })));
  const settings = { appendonly: 'yes', dir: ours!, appendfsync: 'always' };
  const node = await startNode(settings);
  const client = await RawClient.connect(node.port);
  t.teardown(() => node.stop());
  const increment = (folder: string): string => join(folder, 'appendonlydir/appendonly.aof.1.incr.aof');
  for (let i = 1; i <= PHASES; i++) await client.ask(`SET key${i} ${'x'.repeat(i)}`);
  await waitFor(() => readFileSync(increment(ours!), 'latin1').endsWith('###\n'), 'the filler');
  cpSync(ours!, killed!, { recursive: true, filter: (path) => !path.endsWith('.lock') });
  client.close();
  execFileSync('redis-check-aof', [join(killed!, 'appendonlydir/appendonly.aof.manifest')]);
  const reference = await startReference('--appendonly', 'yes', '--dir', killed!, '--appendfsync', 'always');
  const other = await RawClient.connect(reference.port);
  t.is(await other.ask('DBSIZE'), `:${PHASES}\r\n`);
  t.is(await other.ask('SET added 1'), '+OK\r\n');
  other.close();
  await reference.stop();
  const again = await startNode({ ...settings, dir: killed!, 'aof-load-truncated': 'no' });
  t.teardown(() => again.stop());
  const last = await RawClient.connect(again.port);
  t.is(await last.ask('DBSIZE'), `:${PHASES + 1}\r\n`);
  last.close();
});

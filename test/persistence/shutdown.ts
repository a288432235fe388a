/** SHUTDOWN, and what else ends a node: what is to be kept is on disk before it goes, or it does not go. */
import test, { type ExecutionContext } from 'ava';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { FREE, inFolder } from '../support/command-run.js';
import { run } from '../support/cli-run.js';
import { type Durable, startDurable } from '../support/durable-node.js';
import { MemoryFiles } from '../support/memory-files.js';
import { RawClient } from '../support/raw-client.js';
import { waitFor } from '../support/wait-for.js';

const REFUSED = '-ERR Errors trying to SHUTDOWN. Check logs.\r\n';

async function start(
  t: ExecutionContext, files: MemoryFiles, settings: Record<string, string>,
): Promise<Durable & { client: RawClient }> {
  const started = await startDurable(t, files, { appendonly: 'no', ...settings });
  const client = await RawClient.connect(started.node.port);
  t.teardown(() => client.close());
  return { ...started, client };
}

const words: readonly (readonly [words: string, save: string, isSaved: boolean])[] = [
  ['', '3600 100', true], ['', '', false], ['NOSAVE', '3600 100', false], ['SAVE', '', true], ['nosave now', '3600 100', false],
  ['NOW FORCE', '3600 100', true],
];

for (const [options, save, isSaved] of words) {
  test(`SHUTDOWN ${options}, save "${save}": a snapshot is ${isSaved ? '' : 'not '}written`, async (t) => {
    const files = new MemoryFiles();
    const { client } = await start(t, files, { save });
    t.is(await client.ask('SET k v'), '+OK\r\n');
    t.is(await client.ask(`SHUTDOWN ${options}`), '<closed>');
    t.deepEqual(files.paths(), isSaved ? ['/data/dump.rdb'] : []);
  });
}

test('a node that cannot write its last snapshot goes on, unless it is forced', async (t) => {
  const files = new MemoryFiles();
  const { client, log } = await start(t, files, { save: '3600 100' });
  await client.ask('SET k v');
  files.fault = (kind) => (kind === 'write' ? { error: 'ENOSPC' } : undefined);
  t.is(await client.ask('SHUTDOWN'), REFUSED);
  t.true(log.some((line) => line.includes('which goes on: No space left on device')));
  t.is(await client.ask('SET k w'), '+OK\r\n');
  t.is(await client.ask('GET k'), '$1\r\nw\r\n');
  t.is(await client.ask('SHUTDOWN FORCE'), '<closed>');
  t.deepEqual(files.paths(), []);
});

test('a node whose log cannot be written goes on, unless it is forced', async (t) => {
  const files = new MemoryFiles();
  const { client } = await start(t, files, { appendonly: 'yes' });
  files.fault = (kind, path) => (kind === 'write' && path.endsWith('.incr.aof') ? { error: 'EIO' } : undefined);
  await client.ask('SET k v');
  t.is(await client.ask('SHUTDOWN'), REFUSED);
  files.fault = () => undefined;
  await waitFor(async () => (await client.ask('SET k w')) === '+OK\r\n', 'the disk to be believed');
  t.is(await client.ask('SHUTDOWN'), '<closed>');
  const { client: again } = await start(t, files.afterKill(), { appendonly: 'yes' });
  t.is(await again.ask('GET k'), '$1\r\nw\r\n');
});

test('what writes waits for the last snapshot, and SHUTDOWN ABORT has everything go on', async (t) => {
  const files = new MemoryFiles();
  const { node, client } = await start(t, files, { save: '3600 100' });
  const [other, third] = [await RawClient.connect(node.port), await RawClient.connect(node.port)];
  await client.ask('SET k v');
  let letGo: () => void = () => undefined;
  let isWaiting = false;
  const gate = new Promise<void>((resolve) => (letGo = resolve));
  files.delay = (kind) => {
    if (kind !== 'write') return undefined;
    isWaiting = true;
    return gate;
  };
  const asked = client.ask('SHUTDOWN');
  await waitFor(() => isWaiting, 'the snapshot');
  const written = other.ask('SET k w');
  t.is(await third.ask('GET k'), '$1\r\nv\r\n');
  const second = third.ask('SHUTDOWN SAVE');
  const fourth = await RawClient.connect(node.port);
  await waitFor(async () => (await fourth.ask('CLIENT LIST')).includes('cmd=shutdown'), 'both to ask');
  t.is(await fourth.ask('SHUTDOWN ABORT'), '+OK\r\n');
  t.is(await asked, REFUSED);
  t.is(await second, REFUSED);
  t.is(await written, '+OK\r\n');
  t.is(await fourth.ask('SHUTDOWN ABORT'), '-ERR No shutdown in progress.\r\n');
  letGo();
  t.is(await fourth.ask('SHUTDOWN'), '<closed>');
  t.deepEqual(files.paths(), ['/data/dump.rdb']);
  const { client: again } = await start(t, files.afterKill(), {});
  t.is(await again.ask('GET k'), '$1\r\nw\r\n');
});

test('a node that has no base of its log yet does not stop', async (t) => {
  const files = new MemoryFiles();
  const { node, client } = await start(t, files, {});
  const other = await RawClient.connect(node.port);
  await client.ask('SET k v');
  let letGo: () => void = () => undefined;
  let isWaiting = false;
  const gate = new Promise<void>((resolve) => (letGo = resolve));
  files.delay = () => {
    isWaiting = true;
    return gate;
  };
  const isOn = client.ask('CONFIG SET appendonly yes');
  await waitFor(() => isWaiting, 'the base');
  t.is(await other.ask('SHUTDOWN'), REFUSED);
  letGo();
  t.is(await isOn, '+OK\r\n');
  await waitFor(async () => (await other.ask('INFO persistence')).includes('aof_enabled:1'), 'the log');
  await waitFor(() => files.paths().some((path) => path.endsWith('.manifest')), 'the base');
  await waitFor(async () => (await client.ask('SHUTDOWN')) === '<closed>', 'the end');
  const { client: again } = await start(t, files.afterKill(), { appendonly: 'yes' });
  t.is(await again.ask('GET k'), '$1\r\nv\r\n');
});

test('SIGTERM saves where there are save points, and shutdown-on-sigterm may say otherwise', async (t) => {
  const flags = ['--port', 'any', '--line-port', '0', '--bind', '127.0.0.1', '--appendonly', 'no', '--control-socket', ''];
  const ready = /connections on port (\d+) \(RESP\)[^]*Ready to accept/;
  const first = run(t, ['start', ...flags]);
  const client = await RawClient.connect(Number(await first.find(ready)));
  const dir = join(first.folder, 'data');
  await client.ask('SET k v');
  // A folder stands where the file should be.
  mkdirSync(join(dir, 'dump.rdb'), { recursive: true });
  first.child.kill('SIGTERM');
  await first.find(/Errors trying to shut down the node, which goes on: /);
  t.is(await client.ask('GET k'), '$1\r\nv\r\n');
  rmSync(join(dir, 'dump.rdb'), { recursive: true });
  first.child.kill('SIGTERM');
  t.is(await first.ended, 0);
  const second = run(t, ['start', ...flags, '--dir', dir, '--shutdown-on-sigterm', 'nosave']);
  const other = await RawClient.connect(Number(await second.find(ready)));
  t.is(await other.ask('GET k'), '$1\r\nv\r\n');
  await other.ask('SET k w');
  second.child.kill('SIGTERM');
  t.is(await second.ended, 0);
  const third = run(t, ['start', ...flags, '--dir', dir]);
  const last = await RawClient.connect(Number(await third.find(ready)));
  t.is(await last.ask('GET k'), '$1\r\nv\r\n');
  last.close();
});

test('restart and stop keep what is stored also without the append log, or do not end the node', async (t) => {
  const folder = inFolder(t);
  const [code] = await folder.do(['daemon', ...FREE, '--appendonly', 'no']);
  t.is(code, 0);
  await folder.do(['command', 'SET', 'k', 'v']);
  t.deepEqual(await folder.do(['restart']), [0, '', '']);
  t.deepEqual(await folder.do(['command', 'GET', 'k']), [0, 'v\n', '']);
  rmSync(join(folder.path, 'data', 'dump.rdb'));
  mkdirSync(join(folder.path, 'data', 'dump.rdb'));
  for (const verb of ['stop', 'restart']) {
    const [failed, output, errors] = await folder.do([verb]);
    t.deepEqual([failed, output], [1, ''], verb);
    t.regex(errors, /^pigeonhole: the node goes on: what is to be kept could not be written: .*\n$/, verb);
    t.deepEqual(await folder.do(['command', 'GET', 'k']), [0, 'v\n', '']);
  }
  rmSync(join(folder.path, 'data', 'dump.rdb'), { recursive: true });
  t.deepEqual(await folder.do(['stop']), [0, '', '']);
});

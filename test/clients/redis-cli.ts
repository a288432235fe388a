/** redis-cli as an operator uses it: what goes on (`MONITOR`), the figures (`--stat`), the biggest buckets. */
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { Redis } from 'ioredis';
import { hasPython } from '../support/command-run.js';
import { startTestNode } from '../support/test-node.js';
import { waitFor } from '../support/wait-for.js';

const isInstalled = spawnSync('redis-cli', ['--version']).status === 0;
if (!isInstalled) console.log('redis-cli is not installed: its tests are skipped');
if (!hasPython) console.log('python3 with its module pty is not there: redis-cli --stat is not tested');
const cliTest = isInstalled ? test : test.skip;

/** What redis-cli prints, when it has ended. */
async function cli(port: number, ...args: string[]): Promise<string> {
  return (await promisify(execFile)('redis-cli', ['-p', String(port), ...args])).stdout;
}

/** What a program has printed so far. */
function outputOf(t: ExecutionContext, child: ChildProcess): { text: string } {
  const output = { text: '' };
  child.stdout!.on('data', (bytes: Buffer) => (output.text += bytes.toString()));
  t.teardown(() => child.kill('SIGKILL'));
  return output;
}

cliTest('MONITOR shows what other clients run', async (t) => {
  const node = await startTestNode(t);
  const output = outputOf(t, spawn('redis-cli', ['-p', String(node.port), 'MONITOR'], { stdio: ['ignore', 'pipe', 'inherit'] }));
  await waitFor(() => output.text.startsWith('OK\n'), 'the answer to MONITOR');
  await cli(node.port, '-n', '2', 'SET', 'name', 'two words');
  await waitFor(() => /^\d+\.\d{6} \[2 127\.0\.0\.1:\d+\] "SET" "name" "two words"$/m.test(output.text), 'the request');
  t.pass();
});

(isInstalled && hasPython ? test : test.skip)('--stat prints the figures of INFO, line by line', async (t) => {
  const node = await startTestNode(t);
  const client = new Redis({ port: node.port, host: '127.0.0.1' });
  t.teardown(() => { client.disconnect(); });
  await client.mset('name', '1', 'other', '2');
  // Without a terminal redis-cli keeps its lines to itself until there are many.
  const relay = 'import pty, sys; pty.spawn(sys.argv[1:])';
  const args = ['-c', relay, 'redis-cli', '-p', String(node.port), '--stat', '-i', '0.05'];
  const output = outputOf(t, spawn('python3', args, { stdio: ['ignore', 'pipe', 'inherit'] }));
  const line = /^2 +[\d.]+[KM] +2 +0 +\d+ \(\+\d+\) +2 /m;
  await waitFor(() => line.test(output.text), 'a line with two keys and two clients');
  t.regex(output.text, /keys +mem +clients blocked requests +connections/);
});

cliTest('--bigkeys and --scan walk all buckets', async (t) => {
  const node = await startTestNode(t);
  const client = new Redis({ port: node.port, host: '127.0.0.1' });
  t.teardown(() => { client.disconnect(); });
  await client.set('text', 'x'.repeat(1000));
  await client.rpush('list', ...Array.from({ length: 200 }, (_, i) => String(i)));
  await client.hset('hash', { a: '1', b: '2' });
  const report = await cli(node.port, '--bigkeys');
  t.regex(report, /Biggest +list found '"list"' has 200 items/);
  t.regex(report, /Biggest string found '"text"' has 1000 bytes/);
  t.regex(report, /Biggest +hash found '"hash"' has 2 fields/);
  t.deepEqual((await cli(node.port, '--scan')).trim().split('\n').sort(), ['hash', 'list', 'text']);
});

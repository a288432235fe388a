/**
 * From checkout to production: foo and bar are built, moved to where no Node is in PATH, and operated there as the
 * README tells it. One story, in its order.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { Redis } from 'ioredis';
import { isAlive } from '../../lib/util/is-alive.js';
import { LineClient } from '../support/line-client.js';
import { freePorts } from '../support/reference.js';
import { type Ended, ReleaseProject, runToEnd } from '../support/release-project.js';
import { waitFor } from '../support/wait-for.js';

const find = (tool: string): string | undefined => ['/bin', '/usr/bin'].map((bin) => join(bin, tool)).find(existsSync);

const project = new ReleaseProject();
const place = join(project.folder, 'production');
const tools = join(project.folder, 'tools');
const [port, linePort, fooPort, barPort] = (await freePorts(4)) as [number, number, number, number];

const shards = "{ range: 'a-m', node: 'foo' }, { range: 'n-z', node: 'bar' }";
project.write('config/runtime.js', `export default ({ env }) => env !== 'prod' ? {} : {
  port: ${port}, 'line-port': ${linePort}, bind: '127.0.0.1',
  nodes: { foo: '127.0.0.1:${fooPort}', bar: '127.0.0.1:${barPort}' },
  shards: [${shards}],
};`);

/** Runs bin/NAME as on a machine that has no Node. */
function release(name: string, args: readonly string[], env: Record<string, string> = {}, input = ''): Promise<Ended> {
  return runToEnd(join(place, name, 'bin', name), args, { cwd: '/', env: { PATH: tools, ...env }, input });
}

const foo = (...args: string[]): Promise<Ended> => release('foo', args);
const bar = (...args: string[]): Promise<Ended> => release('bar', args);
const OK: Ended = { code: 0, output: 'OK\n', errors: '' };

test.before(async () => {
  await project.build('foo', 'bar');
  renameSync(join(project.folder, 'dist/rel'), place);
  mkdirSync(tools);
  for (const tool of ['sh', 'ls', 'id', 'readlink', 'cat']) symlinkSync(find(tool)!, join(tools, tool));
});

test.after.always(() => {
  // By their pid files: no node may outlive the tests, whatever failed.
  for (const name of ['foo', 'bar']) {
    const file = join(place, name, 'tmp', `${name}.pid`);
    if (existsSync(file)) process.kill(Number(readFileSync(file, 'utf8')), 'SIGKILL');
  }
  project.remove();
});

test.serial('foo alone serves its half, and says of the other who is missing', async (t) => {
  const started = await foo('daemon');
  t.is(started.code, 0, started.errors);
  const telnet = await LineClient.connect(linePort);
  const ask = (line: string, wanted: string) => telnet.ask(`${line}\r\n`, wanted);
  t.is(await ask('CREATE bitsandpieces', 'OK\r\n'), 'OK\r\n');
  t.is(await ask('PUT bitsandpieces sword 1', 'OK\r\n'), 'OK\r\n');
  t.is(await ask('GET bitsandpieces sword', '1\r\nOK\r\n'), '1\r\nOK\r\n');
  const refusal = `ERROR PEERDOWN bar (127.0.0.1:${barPort}): connection refused\r\n`;
  t.is(await ask('GET shopping foo', refusal), refusal);
  t.is(await ask('GET bitsandpieces sword', '1\r\nOK\r\n'), '1\r\nOK\r\n', 'the connection stays');
  telnet.close();
});

test.serial('a second start says who runs', async (t) => {
  const pid = (await foo('pid')).output.trim();
  const second = await foo('start');
  t.like(second, { code: 1, output: '' });
  t.true(second.errors.includes(pid), second.errors);
  t.is(second.errors.split('\n').length, 2, second.errors);
});

test.serial('bar with another cookie is refused, and both say why', async (t) => {
  const env = { RELEASE_COOKIE: 'another' };
  const started = await release('bar', ['daemon'], env);
  t.is(started.code, 0, started.errors);
  const answer = async (): Promise<string> => (await foo('command', 'GET', 'shopping')).output;
  await waitFor(async () => (await answer()).includes('cookie'), 'foo to name the cookie');
  t.like(await bar('pid'), { code: 1, output: '' }, 'the right cookie is the wrong one there');
  t.is((await release('bar', ['stop'], env)).code, 0);
});

test.serial('bar with all listeners on the ports of foo: one line, and nothing is left open', async (t) => {
  const env = { RELEASE_NODE: 'bar', RELEASE_TMP: join(project.folder, 'second') };
  const second = await release('foo', ['start'], env);
  t.is(second.code, 1);
  t.regex(second.errors, new RegExp(`^\\w+: port ${port} is in use: .*\\n$`));
  t.regex((await foo('command', 'GET', 'shopping')).output, /PEERDOWN bar/);
});

test.serial('bar as storage: telnet, redis-cli and a program see both halves', async (t) => {
  const started = await bar('daemon');
  t.is(started.code, 0, started.errors);
  await waitFor(async () => !(await foo('command', 'GET', 'shopping')).output.startsWith('PEER'), 'the peers to meet');

  const telnet = await LineClient.connect(linePort);
  const ask = (line: string, wanted: string) => telnet.ask(`${line}\r\n`, wanted);
  t.is(await ask('GET shopping foo', 'NOT FOUND\r\n'), 'NOT FOUND\r\n');
  t.is(await ask('CREATE shopping', 'OK\r\n'), 'OK\r\n');
  t.is(await ask('PUT shopping milk 1', 'OK\r\n'), 'OK\r\n');
  t.is(await ask('GET shopping milk', '1\r\nOK\r\n'), '1\r\nOK\r\n');
  telnet.close();

  const redis = new Redis(port, '127.0.0.1');
  t.is(await redis.hset('shopping', 'eggs', '12'), 1);
  t.deepEqual(await redis.hgetall('shopping'), { milk: '1', eggs: '12' });
  await redis.mset('apple', 'green', 'zebra', 'striped');
  t.deepEqual(await redis.mget('zebra', 'apple'), ['striped', 'green']);
  redis.disconnect();

  const cli = find('redis-cli');
  if (cli === undefined) t.log('redis-cli is not installed: left out');
  else t.is((await runToEnd(cli, ['-p', String(port), 'HGET', 'shopping', 'eggs'])).output.trim(), '12');
  t.is((await bar('command', 'GET', 'zebra')).output, 'striped\n', 'it is kept on bar');
});

test.serial('the table is edited and reloaded while both run', async (t) => {
  t.like(await foo('command', 'SET', '7up', '1'), { code: 1 });
  for (const name of ['foo', 'bar']) {
    const version = readFileSync(join(place, name, 'releases/start.data'), 'utf8').trim().split(' ')[1]!;
    const file = join(place, name, 'releases', version, 'runtime.js');
    writeFileSync(file, readFileSync(file, 'utf8').replace(shards, `${shards}, { range: '*', node: 'foo' }`));
    const reloaded = await release(name, ['reload']);
    t.like(reloaded, { code: 0, errors: '' });
    t.regex(reloaded.output, /nobody -> foo/);
  }
  t.deepEqual(await foo('command', 'SET', '7up', '1'), OK);
  t.is((await bar('command', 'GET', '7up')).output, '1\n');
});

test.serial('what was stored is there after a restart of one and a crash of the other', async (t) => {
  t.deepEqual(await foo('restart'), { code: 0, output: '', errors: '' });
  t.is((await foo('command', 'HGET', 'bitsandpieces', 'sword')).output, '1\n');
  const pid = Number((await bar('pid')).output);
  process.kill(pid, 'SIGKILL');
  await waitFor(() => !isAlive(pid), 'the end of bar');
  // From another folder than before.
  const started = await runToEnd(join(place, 'bar/bin/bar'), ['daemon'], { cwd: place, env: { PATH: tools } });
  t.is(started.code, 0, started.errors);
  await waitFor(async () => !(await foo('command', 'GET', 'zebra')).output.startsWith('PEER'), 'the peers to meet again');
  t.is((await foo('command', 'GET', 'zebra')).output, 'striped\n');
  t.is((await foo('command', 'HGET', 'shopping', 'eggs')).output, '12\n');
});

test.serial('rpc prints a value, and an error ends it with 1', async (t) => {
  t.deepEqual(await foo('rpc', '6 * 7'), { code: 0, output: '42\n', errors: '' });
  const wrong = await foo('rpc', 'nowhere.to.be.found');
  t.like(wrong, { code: 1, output: '' });
  t.regex(wrong.errors, /ReferenceError: nowhere is not defined/);
});

test.serial('remote is a shell on a terminal, and leaving it leaves the node running', async (t) => {
  const script = find('script');
  if (script === undefined || process.platform !== 'linux') {
    t.log('no script(1) of util-linux here: left out');
    return;
  }
  const command = `'${join(place, 'foo/bin/foo')}' remote`;
  const env = { PATH: tools, TERM: 'xterm', SHELL: '/bin/sh', NO_COLOR: '1' };
  const input = '6 * 7\nawait 43\n.exit\n';
  const shell = await runToEnd(script, ['-qec', command, '/dev/null'], { cwd: '/', env, input });
  t.is(shell.code, 0, shell.output);
  t.regex(shell.output, /\r\n42\r\n[^]*43\r\n/);
  t.is((await foo('pid')).code, 0);
});

test.serial('stop returns when the node is gone, and says when there is none', async (t) => {
  const pid = Number((await bar('pid')).output);
  t.deepEqual(await bar('stop'), { code: 0, output: '', errors: '' });
  t.false(isAlive(pid));
  t.is((await bar('stop')).code, 1);
  t.is((await foo('stop')).code, 0);
  await t.throwsAsync(LineClient.connect(linePort), { code: 'ECONNREFUSED' });
});

/** The running map, as an operator sees and changes it: shards, reload, SIGHUP, watch-config, start-cluster. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type Run, run } from '../support/cli-run.js';
import { RawClient } from '../support/raw-client.js';
import { freePort } from '../support/reference.js';
import { waitFor } from '../support/wait-for.js';

/** A config of a node foo, whose peer bar is not there, with this map. */
function config(ports: readonly number[], shards: string, more = ''): string {
  const nodes = `foo=127.0.0.1:${ports[0]!},bar=127.0.0.1:${ports[1]!}`;
  return `export default { node: 'foo', cookie: 'oatmeal', nodes: '${nodes}', shards: '${shards}', port: ${ports[2]!}, 'line-port': 0,
    bind: '127.0.0.1', ${more} };\n`;
}

const FILE = 'pigeonhole.config.js';
const BEFORE = 'a-m=foo,n-z=bar,*=foo';
const AFTER = 'a-j=foo,k-z=bar,*=foo';
const CHANGE = 'names from "k" to below "n": foo -> bar';

interface Started {
  node: Run;
  port: string;
  client: RawClient;
  /** Writes the config anew. */
  write: (shards: string) => void;
  /** Runs a verb in the node's place, and gives its exit code and what it said. */
  ask: (...args: string[]) => Promise<{ code: number | null; output: string; errors: string }>;
}

async function startFoo(t: ExecutionContext, more = ''): Promise<Started> {
  const ports = [await freePort(), await freePort(), await freePort()];
  const node = run(t, ['start', '--config', FILE], {}, { [FILE]: config(ports, BEFORE, more) });
  await node.find(/Ready to accept connections\n/);
  const port = String(ports[2]!);
  const client = await RawClient.connect(ports[2]!);
  t.teardown(() => client.close());
  return {
    node, port, client,
    write: (shards) => writeFileSync(join(node.folder, FILE), config(ports, shards, more)),
    ask: async (...args) => {
      const socket = join(node.folder, 'tmp', 'foo', 'control.sock');
      const byControl = ['--node', 'foo', '--cookie', 'oatmeal', '--control-socket', socket];
      const verb = run(t, [...args, ...(args[0] === 'reload' ? byControl : ['--port', port])]);
      const code = await verb.ended;
      return { code, output: verb.output, errors: verb.errors };
    },
  };
}

test('shards prints the map and the peers', async (t) => {
  const { ask } = await startFoo(t);
  const { code, output } = await ask('shards');
  t.is(code, 0);
  const table =
    'range {2}node {2}state\\na-m {4}foo {3}this node\\nn-z {4}bar {3}(down|connecting)\\n\\* {6}foo {3}this node\\n';
  t.regex(output, new RegExp(`^shard map [0-9a-f]{12}\\n${table}\\npeer `));
  t.false(output.includes('\x1b'), 'no colours but on a terminal');
});

test('shards asks a node without a client port by its control socket', async (t) => {
  const files = { [FILE]: config([await freePort(), await freePort(), 0], BEFORE) };
  const node = run(t, ['start', '--config', FILE], {}, files);
  await node.find(/Ready to accept connections\n/);
  const socket = join(node.folder, 'tmp', 'foo', 'control.sock');
  const asked = run(t, ['shards', '--node', 'foo', '--cookie', 'oatmeal', '--control-socket', socket, '--config', join(node.folder, FILE)]);
  t.is(await asked.ended, 0, asked.errors);
  t.regex(asked.output, /^shard map [0-9a-f]{12}\nrange {2}node {2}state\na-m {4}foo {3}this node\n/);
});

test('shards and reload say so when no node is there', async (t) => {
  const port = String(await freePort());
  const asked = run(t, ['shards', '--port', port]);
  t.is(await asked.ended, 1);
  t.regex(asked.errors, new RegExp(`no node answers on port ${port}`));
  const reloaded = run(t, ['reload']);
  t.is(await reloaded.ended, 1);
  t.regex(reloaded.errors, /not running|does not run|no node/);
});

test('reload takes a changed map over, whole or not at all', async (t) => {
  const { ask, write, client } = await startFoo(t);
  t.is((await ask('reload')).output, 'nothing has changed\n');
  await client.ask('SET kiwi 1');
  write(AFTER);
  const refused = await ask('reload');
  t.is(refused.code, 1);
  t.regex(refused.errors, /1 buckets stored on foo would be left behind: 1 of 'k-z=bar'/);
  t.is(await client.ask('GET kiwi'), '$1\r\n1\r\n');
  t.is((await ask('reload', '--force')).output, `${CHANGE}\n`);
  t.regex(await client.ask('GET kiwi'), /^-PEERDOWN bar/);
  write('a-m=foo,k-z=bar');
  t.regex((await ask('reload')).errors, /'k-z=bar' overlaps 'a-m=foo'/);
  t.is(await client.ask('SHARD OF kiwi'), '*1\r\n$3\r\nbar\r\n');
  write('nonsense{');
  t.is((await ask('reload')).code, 1);
});

test('SIGHUP takes a changed map over, and the log says what has changed or why nothing has', async (t) => {
  const { node, write, client } = await startFoo(t);
  write(AFTER);
  node.child.kill('SIGHUP');
  await node.find(/SIGHUP: the config was read again: .*\n/);
  t.true(node.output.includes(CHANGE));
  t.is(await client.ask('SHARD OF kiwi'), '*1\r\n$3\r\nbar\r\n');
  write('a-m=foo,k-z=bar');
  node.child.kill('SIGHUP');
  await node.find(/SIGHUP: everything stays as it was: .*overlaps/);
  t.is(await client.ask('SHARD OF kiwi'), '*1\r\n$3\r\nbar\r\n');
});

test('with watch-config a changed file is taken over by itself', async (t) => {
  const { node, write, client } = await startFoo(t, `'watch-config': 'yes'`);
  write(AFTER);
  await node.find(/has changed: the config was read again: .*\n/);
  t.is(await client.ask('SHARD OF kiwi'), '*1\r\n$3\r\nbar\r\n');
});

test('start-cluster starts nodes that know each other, says how to talk to them, and stops them on Ctrl-C', async (t) => {
  const first = await firstOfFreePorts();
  const script = new URL('../../scripts/start-cluster.js', import.meta.url).pathname;
  const cluster = run(t, ['3', String(first)], {}, {}, script);
  t.teardown(async () => {
    cluster.child.kill('SIGTERM');
    await cluster.ended;
  });
  await cluster.find(/shards a-h=foo,i-q=bar,r-z=baz,\*=foo\n/);
  const folder = await cluster.find(new RegExp(`baz +redis-cli -p ${first + 2} +telnet 127\\.0\\.0\\.1 \\d+ +(\\S+)\\n`));
  t.true(folder.endsWith('/baz'));
  for (const name of ['foo', 'bar', 'baz']) await cluster.find(new RegExp(`${name} .*Ready to accept connections`));
  const client = await RawClient.connect(first + 1);
  await waitFor(async () => (await client.ask('MSET apple 1 lemon 2 zebra 3')) === '+OK\r\n', 'all to know each other');
  t.is(await client.ask('MGET zebra apple lemon'), '*3\r\n$1\r\n3\r\n$1\r\n1\r\n$1\r\n2\r\n');
  cluster.child.kill('SIGINT');
  t.is(await cluster.ended, 0);
  t.is(await client.untilClosed(), '');
  t.is(cluster.output.split('Stopped').length, 4, 'each in good order');
});

test('start-cluster refuses what is no number of nodes', async (t) => {
  const script = new URL('../../scripts/start-cluster.js', import.meta.url).pathname;
  for (const [words, error] of [
    [['many'], /^start-cluster: count: a number is needed\./],
    [['27'], /how many nodes\? Say a number from 1 to 26/],
    [['2', '--nodes', '3'], /^start-cluster: Unknown argument: nodes\. scripts\/start-cluster --help/],
  ] as const) {
    const cluster = run(t, [...words], {}, {}, script);
    t.is(await cluster.ended, 1);
    t.regex(cluster.errors, error);
  }
});

/** A port whose next two, and the ports for lines and peers that go with them, are free a moment ago. */
async function firstOfFreePorts(): Promise<number> {
  for (;;) {
    // The peer ports are 10,000 above, and still below those that the system gives to outgoing connections.
    const first = 20_000 + Math.floor(Math.random() * 2500);
    const wanted = [0, 1, 2].flatMap((index) => [first + index, first - 2339 + index, first + 10_000 + index]);
    const free = await Promise.all(wanted.map(isFree));
    if (free.every(Boolean)) return first;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port === port;
  } catch {
    return false;
  } finally {
    server.close();
  }
}

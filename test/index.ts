import { spawnSync } from 'node:child_process';
import test from 'ava';
import { ConfigError, FakeClock, ListenError, startNode } from '../lib/index.js';
import { LineClient } from './support/line-client.js';
import { RawClient } from './support/raw-client.js';

test('a node is started, used and stopped', async (t) => {
  const node = await startNode({ port: 'any' });
  t.true(node.port > 0);
  t.is(node.linePort, 0);
  const client = await RawClient.connect(node.port);
  t.is(await client.ask('SET name value'), '+OK\r\n');
  t.is(await client.ask('GET name'), '$5\r\nvalue\r\n');
  await node.stop();
  t.is(await client.reply(), '<closed>');
  await t.throwsAsync(RawClient.connect(node.port));
});

test('two nodes in one process know nothing of each other', async (t) => {
  const log: string[] = [];
  const clock = new FakeClock();
  const first = await startNode({ port: 'any', 'line-port': 'any' }, { log: (line) => log.push(line), clock });
  const second = await startNode({ port: 'any', 'line-port': 'any', requirepass: 'secret' });
  t.teardown(() => second.stop());
  t.is(new Set([first.port, first.linePort, second.port, second.linePort]).size, 4);
  const one = await RawClient.connect(first.port);
  const two = await RawClient.connect(second.port);
  t.is(await one.ask('SET name value'), '+OK\r\n');
  t.is(await two.ask('GET name'), '-NOAUTH Authentication required.\r\n');
  t.is(await two.ask('AUTH secret'), '+OK\r\n');
  t.is(await two.ask('GET name'), '$-1\r\n');
  await first.stop();
  t.is(await two.ask('PING'), '+PONG\r\n');
  two.close();
  const line = await LineClient.connect(second.linePort);
  t.is(await line.ask('QUIT\n', 'UNKNOWN COMMAND\r\n'), 'UNKNOWN COMMAND\r\n');
  line.close();
  t.true(log.some((text) => text.endsWith('[info] Ready to accept connections\n')));
});

test('an embedded node is reached from this machine alone', async (t) => {
  const node = await startNode({ port: 'any' });
  t.teardown(() => node.stop());
  await t.throwsAsync(RawClient.connect(node.port, '127.0.0.2'));
});

test('what is wrong is said', async (t) => {
  const port = /^port: '70000' .* \(startNode\)$/;
  await t.throwsAsync(startNode({ port: 70000 }), { instanceOf: ConfigError, message: port });
  await t.throwsAsync(startNode({ prot: 1 }), { instanceOf: ConfigError, message: /did you mean 'port'/ });
  const node = await startNode({ port: 'any' });
  t.teardown(() => node.stop());
  const message = new RegExp(`^port ${node.port} is in use`);
  await t.throwsAsync(startNode({ port: node.port }), { instanceOf: ListenError, message });
});

test('a program that has stopped its node ends by itself', (t) => {
  const program = `
    import { startNode } from ${JSON.stringify(new URL('../lib/index.js', import.meta.url).href)};
    const node = await startNode({ port: 'any' });
    await node.stop();
    console.log('stopped');`;
  const flags = ['--input-type=module', '-e', program];
  const { stdout, status } = spawnSync(process.execPath, flags, { encoding: 'utf8', timeout: 60_000 });
  t.is(stdout, 'stopped\n');
  t.is(status, 0);
});

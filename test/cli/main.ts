/**
 * The command `pigeonhole`, run as a process of its own in an empty folder. One after the other: 25 processes that
 * start at the same moment keep each other from starting.
 */
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import test from 'ava';
import { run, type Run } from '../support/cli-run.js';
import { LineClient } from '../support/line-client.js';
import { RawClient } from '../support/raw-client.js';
import { waitFor } from '../support/wait-for.js';

const FREE = ['--port', 'any', '--line-port', 'any', '--bind', '127.0.0.1'];
const portOf = async (node: Run): Promise<number> => Number(await node.find(/port (\d+) \(RESP\)/));

test.serial('start serves both ports, and says so', async (t) => {
  const node = run(t, ['start', ...FREE]);
  await node.find(/Ready to accept connections\n/);
  const time = '\\d\\d:\\d\\d:\\d\\d\\.\\d{3}';
  t.regex(node.output, new RegExp([
    `^${time} \\[info\\] Accepting connections on port \\d+ \\(RESP\\)`,
    `${time} \\[info\\] Accepting connections on port \\d+ \\(line protocol\\)`,
    `${time} \\[info\\] Ready to accept connections\\n$`,
  ].join('\\n')));
  const resp = await RawClient.connect(await portOf(node));
  t.is(await resp.ask('PING'), '+PONG\r\n');
  const line = await LineClient.connect(Number(await node.find(/port (\d+) \(line/)));
  t.is(await line.ask('PING\n', 'UNKNOWN COMMAND\r\n'), 'UNKNOWN COMMAND\r\n');
  node.child.kill('SIGTERM');
  t.is(await node.ended, 0);
  t.is(await line.readAll(), '');
  resp.close();
});

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test.serial(`${signal} stops a node when the replies in flight have been delivered`, async (t) => {
    const node = run(t, ['start', ...FREE]);
    const client = await RawClient.connect(await portOf(node));
    await client.ask(`SET big ${'x'.repeat(20_000_000)}`);
    let received = 0;
    client.socket.removeAllListeners('data').on('data', (chunk: Buffer) => (received += chunk.length));
    client.send('*2\r\n$3\r\nGET\r\n$3\r\nbig\r\n');
    // More than the kernel takes, so that most of the reply is still in the node.
    await once(client.socket, 'data');
    client.socket.pause();
    node.child.kill(signal);
    await node.find(/stopping/);
    client.socket.resume();
    await client.untilClosed();
    t.is(received, 20_000_013);
    t.is(await node.ended, 0);
    t.regex(node.output, new RegExp(`\\[info\\] ${signal}: stopping\\n.*\\[info\\] Stopped\\n$`));
  });
}

test.serial('a second signal ends a node that waits for a client', async (t) => {
  const node = run(t, ['start', ...FREE]);
  const client = await RawClient.connect(await portOf(node));
  await client.ask(`SET big ${'x'.repeat(1_000_000)}`);
  client.socket.pause();
  client.send('*2\r\n$3\r\nGET\r\n$3\r\nbig\r\n'.repeat(100));
  const other = await RawClient.connect(client.socket.remotePort!);
  await waitFor(async () => /omem=[1-9]/.test(await other.ask('CLIENT LIST')), 'replies to be unread');
  node.child.kill('SIGTERM');
  await node.find(/SIGTERM: stopping/);
  node.child.kill('SIGTERM');
  t.is(await node.ended, 1);
  client.close();
});

test.serial('a port in use is one line with the remedy, and no port is open', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  t.teardown(() => taken.close());
  const { port } = taken.address() as AddressInfo;
  const node = run(t, ['start', ...FREE, '--line-port', String(port)]);
  t.is(await node.ended, 1);
  t.is(node.output, '');
  t.is(node.errors, `pigeonhole: port ${port} is in use: stop what listens there, or choose another with --line-port\n`);
});

for (const [args, message] of [
  [['start', '--port', '99999'], "port: '99999' is not allowed, it must be a whole number from 0 to 65535, or any (--port)"],
  [['start', '--port'], '--port needs a value; one that begins with - is written --port=-...'],
  [['start', '--prot', '1'], "unknown flag '--prot', did you mean '--port'?"],
  [['start', '--completely-else', '1'], "unknown flag '--completely-else'"],
  [['start', '--bind=10.9.8.7', '--port=any', '--line-port=0'], "bind: '10.9.8.7' is no address of this machine; with - in front it may be missing"],
  [['start', '--config', 'no.js'], 'the config file no.js is not there'],
  [['start', '--logfile', '/no/folder/log'], "logfile: '/no/folder/log' cannot be written: its folder is not there"],
  [['start', 'extra'], "one word too many for start: 'extra'; what has blanks in it is put in quotes"],
  [['rpc', '1', '+', '1'], "one word too many for rpc: '+'; what has blanks in it is put in quotes"],
  [['rpc'], 'rpc wants an expression: rpc "1 + 1"'],
  [['check-config', '--databases', '0'], "databases: '0' is not allowed, it must be a whole number from 1 to 2147483647 (--databases)"],
] as const) {
  test.serial(`pigeonhole ${args.join(' ')}: one line, exit 1`, async (t) => {
    const wrong = run(t, [...args]);
    t.is(await wrong.ended, 1);
    t.is(wrong.errors, `pigeonhole: ${message}\n`);
    t.is(wrong.output, '');
  });
}

test.serial('check-config shows settings and sources, and no secrets', async (t) => {
  const files = { '.env': 'PIGEONHOLE_REQUIREPASS=hush', 'my.json': '{ "bind": "127.0.0.1" }' };
  const check = run(t, ['check-config', '--port', '7000', '--config', 'my.json'], { PIGEONHOLE_DATABASES: '4' }, files);
  t.is(await check.ended, 0);
  const rows = check.output.split('\n').map((line) => line.split(/ {2,}/));
  const row = (name: string) => rows.find(([first]) => first === name)?.slice(1);
  t.deepEqual(row('port'), ['7000', '--port']);
  t.deepEqual(row('bind'), ['127.0.0.1', 'my.json']);
  t.deepEqual(row('databases'), ['4', 'PIGEONHOLE_DATABASES']);
  t.deepEqual(row('requirepass'), ['***', 'PIGEONHOLE_REQUIREPASS in .env']);
  t.deepEqual(row('line-port'), ['4040', 'built in']);
  t.false(check.output.includes('hush'));
});

test.serial('without a verb, and with a wrong one, the list of verbs is shown', async (t) => {
  const none = run(t, []);
  t.is(await none.ended, 1);
  t.is(none.output, '');
  t.true(none.errors.startsWith('Usage: pigeonhole COMMAND [ARGS]\n\nThe commands are:\n\n    start '));
  for (const [args, reason] of [
    [['stat'], "unknown command 'stat', did you mean 'start'?"],
    [['bogus', '--port', '7000'], "unknown command 'bogus'"],
    [['--port', '7000'], 'a command is missing'],
  ] as const) {
    const wrong = run(t, [...args]);
    t.is(await wrong.ended, 1);
    t.is(wrong.output, '');
    t.is(wrong.errors, `${none.errors}\npigeonhole: ${reason}\n`);
  }
  for (const word of ['help', '--help', '-h']) {
    const help = run(t, [word]);
    t.is(await help.ended, 0);
    t.is(help.output, none.errors);
  }
});

test.serial('version is that of the package', async (t) => {
  const file = new URL('../../../package.json', import.meta.url);
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string };
  const shown = run(t, ['version']);
  t.is(await shown.ended, 0);
  t.is(shown.output, `pigeonhole ${version}\n`);
});

test.serial('the log goes to logfile, from loglevel on', async (t) => {
  const args = ['start', ...FREE, '--logfile', 'node.log', '--loglevel', 'warning'];
  const node = run(t, args, { PIGEONHOLE_PROT: '1' });
  const file = join(node.folder, 'node.log');
  await waitFor(() => existsSync(file) && readFileSync(file, 'utf8') !== '', 'the log');
  t.regex(readFileSync(file, 'utf8'), /^[\d:.]+ \[warning\] the variable PIGEONHOLE_PROT sets nothing: .*\n$/);
  t.is(node.output, '');
});

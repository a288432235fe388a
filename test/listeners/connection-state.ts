/** What a connection may choose for itself, and what happens to others: CLIENT, AUTH, RESET, MONITOR. */
import test from 'ava';
import { RawClient } from '../support/raw-client.js';
import { startTestNode } from '../support/test-node.js';
import { waitFor } from '../support/wait-for.js';

const endPointOf = (client: RawClient): string => `127.0.0.1:${client.socket.localPort}`;

test('CLIENT REPLY OFF silences everything until ON, errors too', async (t) => {
  const node = await startTestNode(t);
  const client = await RawClient.connect(node.port);
  client.send('CLIENT REPLY OFF\r\nPING\r\nNOSUCH\r\nCLIENT REPLY SKIP\r\nPING\r\nCLIENT REPLY ON\r\nPING\r\n');
  t.is(await client.reply(), '+OK\r\n');
  t.is(await client.reply(), '+PONG\r\n');
});

test('CLIENT REPLY SKIP silences itself and the next request alone', async (t) => {
  const node = await startTestNode(t);
  const client = await RawClient.connect(node.port);
  client.send('CLIENT REPLY SKIP\r\nPING lost\r\nPING one\r\n');
  t.is(await client.reply(), '$3\r\none\r\n');
  client.send('CLIENT REPLY SKIP\r\nCLIENT REPLY SKIP\r\nPING lost\r\nPING two\r\n');
  t.is(await client.reply(), '$3\r\ntwo\r\n');
  client.send('CLIENT REPLY SKIP\r\nCLIENT REPLY ON\r\nPING three\r\n');
  t.is(await client.reply(), '+OK\r\n');
  t.is(await client.reply(), '$5\r\nthree\r\n');
});

test('nothing but the handshake is allowed before AUTH', async (t) => {
  const node = await startTestNode(t, { requirepass: 'secret' });
  const client = await RawClient.connect(node.port);
  t.is(await client.ask('PING'), '-NOAUTH Authentication required.\r\n');
  t.is(await client.ask('PING a b c'), '-NOAUTH Authentication required.\r\n');
  t.is(await client.ask('NOSUCH'), "-ERR unknown command 'NOSUCH', with args beginning with: \r\n");
  t.regex(await client.ask('HELLO 3'), /^-NOAUTH HELLO must be called with the client already authenticated/);
  const wrong = '-WRONGPASS invalid username-password pair or user is disabled.\r\n';
  t.is(await client.ask('AUTH wrong'), wrong);
  t.is(await client.ask('AUTH nobody secret'), wrong);
  t.is(await client.ask('AUTH default secret2'), wrong);
  t.is(await client.ask('PING'), '-NOAUTH Authentication required.\r\n');
  t.is(await client.ask('AUTH secret'), '+OK\r\n');
  t.is(await client.ask('PING'), '+PONG\r\n');
  // A failed attempt does not take back what a former one gave; RESET does.
  t.is(await client.ask('AUTH wrong'), wrong);
  t.is(await client.ask('PING'), '+PONG\r\n');
  t.is(await client.ask('RESET'), '+RESET\r\n');
  t.is(await client.ask('PING'), '-NOAUTH Authentication required.\r\n');
  t.regex(await client.ask('HELLO 3 AUTH default secret SETNAME worker'), /^%7\r\n/);
  t.is(await client.ask('CLIENT GETNAME'), '$6\r\nworker\r\n');
});

test('a client that is killed goes without a word, one that kills itself gets its reply', async (t) => {
  const node = await startTestNode(t);
  const [one, two, three] = [
    await RawClient.connect(node.port), await RawClient.connect(node.port), await RawClient.connect(node.port),
  ];
  for (const each of [one, two, three]) await each.ask('PING');
  t.is(await one.ask(`CLIENT KILL ${endPointOf(two)}`), '+OK\r\n');
  t.is(await two.untilClosed(), '');
  t.is(await one.ask(`CLIENT KILL ADDR ${endPointOf(three)} TYPE normal USER default`), ':1\r\n');
  t.is(await three.untilClosed(), '');
  t.is(await one.ask(`CLIENT KILL ADDR ${endPointOf(one)}`), ':0\r\n');
  one.send(`CLIENT KILL LADDR 127.0.0.1:${node.port} SKIPME no\r\nPING\r\n`);
  t.is(await one.untilClosed(), ':1\r\n');
});

test('CLIENT LIST and INFO print the fields that redis-server prints', async (t) => {
  const node = await startTestNode(t);
  const client = await RawClient.connect(node.port);
  await client.ask('CLIENT SETNAME worker');
  await client.ask('SELECT 3');
  const line = (await client.ask('CLIENT INFO')).split('\r\n')[1]!;
  t.regex(
    line,
    new RegExp(
      `^id=1 addr=${endPointOf(client)} laddr=127\\.0\\.0\\.1:${node.port} fd=\\d+ name=worker age=\\d+ idle=0 flags=N db=3 ` +
        'sub=0 psub=0 ssub=0 multi=-1 qbuf=\\d+ qbuf-free=\\d+ argv-mem=\\d+ multi-mem=0 rbs=\\d+ rbp=\\d+ obl=0 oll=0 ' +
        'omem=0 tot-mem=\\d+ events=r cmd=client\\|info user=default redir=-1 resp=2\n$',
    ),
  );
  const other = await RawClient.connect(node.port);
  const list = (await other.ask('CLIENT LIST')).split('\r\n')[1]!;
  t.is(list.split('\n').length, 3);
  t.is((await other.ask('CLIENT LIST ID 2 1 9')).split('\r\n')[1]!.split('\n').length, 3);
});

test('CLIENT SETINFO and NO-TOUCH are accepted as redis-server 7.2 does', async (t) => {
  const node = await startTestNode(t);
  const client = await RawClient.connect(node.port);
  t.is(await client.ask('CLIENT SETINFO LIB-NAME ioredis'), '+OK\r\n');
  t.is(await client.ask('CLIENT SETINFO lib-ver 5.0'), '+OK\r\n');
  t.is(await client.ask('CLIENT SETINFO colour red'), "-ERR Unrecognized option 'colour'\r\n");
  const blank = '-ERR lib-name cannot contain spaces, newlines or special characters.\r\n';
  t.is(await client.ask('CLIENT SETINFO lib-name "a b"'), blank);
  t.regex(await client.ask('CLIENT INFO'), / lib-name=ioredis lib-ver=5.0\n/);
  t.is(await client.ask('CLIENT NO-TOUCH ON'), '+OK\r\n');
  t.is(await client.ask('CLIENT NO-TOUCH maybe'), '-ERR syntax error\r\n');
});

test('while writes are paused, reads go on, and the writes run when the pause is over', async (t) => {
  const node = await startTestNode(t);
  const writer = await RawClient.connect(node.port);
  const other = await RawClient.connect(node.port);
  t.is(await other.ask('CLIENT PAUSE 100000 WRITE'), '+OK\r\n');
  writer.send('PING before\r\nSET name value\r\nPING behind\r\n');
  t.is(await writer.reply(), '$6\r\nbefore\r\n');
  await waitFor(() => [...node.state.clients.values()].some((client) => client.isBlocked), 'the write to wait');
  t.is(await other.ask('GET name'), '$-1\r\n');
  t.is(await other.ask('CLIENT UNPAUSE'), '+OK\r\n');
  t.is(await writer.reply(), '+OK\r\n');
  t.is(await writer.reply(), '$6\r\nbehind\r\n');
  t.is(await other.ask('GET name'), '$5\r\nvalue\r\n');
});

test('a client that leaves during a pause has written nothing', async (t) => {
  const node = await startTestNode(t);
  const writer = await RawClient.connect(node.port);
  const other = await RawClient.connect(node.port);
  await other.ask('CLIENT PAUSE 100000 WRITE');
  writer.send('SET name value\r\n');
  await waitFor(() => [...node.state.clients.values()].some((client) => client.isBlocked), 'the write to wait');
  writer.close();
  await waitFor(() => node.state.clients.size === 1, 'the writer to be gone');
  await other.ask('CLIENT UNPAUSE');
  t.is(await other.ask('GET name'), '$-1\r\n');
});

test('MONITOR shows what runs, with database, address and quotes, but no passwords', async (t) => {
  const node = await startTestNode(t);
  const monitor = await RawClient.connect(node.port);
  t.is(await monitor.ask('MONITOR'), '+OK\r\n');
  const client = await RawClient.connect(node.port);
  const shown = async (request: string): Promise<string> => {
    await client.ask(request);
    return (await monitor.reply()).replace(/^\+\d+\.\d{6} /, '').replace(endPointOf(client), 'client');
  };
  t.is(await shown('ping'), '[0 client] "ping"\r\n');
  t.is(await shown('SELECT 3'), '[3 client] "SELECT" "3"\r\n');
  t.is(await shown('GET "a\\x00\\"b\\\\ \\n\\xff\\t\\r\\a\\b"'), '[3 client] "GET" "a\\x00\\"b\\\\ \\n\\xff\\t\\r\\a\\b"\r\n');
  t.is(await shown('AUTH default secret'), '[3 client] "AUTH" "(redacted)" "(redacted)"\r\n');
  const hello = '[3 client] "HELLO" "3" "AUTH" "(redacted)" "(redacted)" "SETNAME" "q"\r\n';
  t.is(await shown('HELLO 3 AUTH default x SETNAME q'), hello);
  // Refused requests and administrative commands are not shown.
  await client.ask('GET');
  await client.ask('NOSUCH');
  await client.ask('SLOWLOG LEN');
  t.is(await shown('PING'), '[3 client] "PING"\r\n');
  t.is(await monitor.ask('RESET'), '+RESET\r\n');
  await client.ask('PING');
  t.is(await monitor.ask('ECHO x'), '$1\r\nx\r\n');
});

test('a monitor that does not read is closed in time', async (t) => {
  const node = await startTestNode(t, { 'client-output-buffer-limit': 'pubsub 1048576 0 0' });
  const monitor = await RawClient.connect(node.port);
  await monitor.ask('MONITOR');
  monitor.socket.pause();
  const client = await RawClient.connect(node.port);
  const request = `PING ${'x'.repeat(50_000)}`;
  await waitFor(async () => {
    await client.ask(request);
    return node.state.clients.size === 1;
  }, 'the monitor to be closed');
  t.is(node.state.stats.outputLimitDisconnections, 1);
  monitor.close();
});

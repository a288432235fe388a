/** What a client may not do: be one too many, idle, greedy or malformed. */
import test from 'ava';
import { Settings } from '../../lib/config/settings.js';
import { Node } from '../../lib/server.js';
import { Log } from '../../lib/util/log.js';
import { FakeClock } from '../../lib/util/clock.js';
import { RawClient, encode } from '../support/raw-client.js';
import { startTestNode } from '../support/test-node.js';
import { waitFor } from '../support/wait-for.js';
import type { ExecutionContext } from 'ava';
import { inMemory } from '../support/in-memory.js';

const MIB = 2 ** 20;

/** A node whose log is kept and whose clock stands still. */
async function startLogging(
  t: ExecutionContext, settings: Record<string, string>,
): Promise<{ node: Node; lines: string[]; clock: FakeClock }> {
  const lines: string[] = [];
  const clock = new FakeClock();
  const given = { ...inMemory, port: 'any', 'line-port': '0', bind: '127.0.0.1', ...settings };
  const node = new Node({ settings: new Settings(given), log: new Log((line) => lines.push(line)), clock });
  await node.start();
  t.teardown(() => node.stop());
  return { node, lines, clock };
}

/** Leaves replies unread: stops reading, and asks for `count` values of a MiB. */
async function startUnread(node: Node, count: number): Promise<RawClient> {
  const client = await RawClient.connect(node.port);
  client.send(encode(['SET', 'large', Buffer.alloc(MIB, 'x')]));
  await client.reply();
  client.socket.pause();
  client.send(Buffer.concat(new Array<Buffer>(count).fill(encode(['GET', 'large']))));
  return client;
}

test('a client over maxclients is told so and closed', async (t) => {
  const node = await startTestNode(t, { maxclients: '2' });
  const clients = [await RawClient.connect(node.port), await RawClient.connect(node.port)];
  for (const client of clients) t.is(await client.ask('PING'), '+PONG\r\n');
  const third = await RawClient.connect(node.port);
  t.is(await third.untilClosed(), '-ERR max number of clients reached\r\n');
  const atTelnet = await RawClient.connect(node.linePort);
  t.is(await atTelnet.untilClosed(), 'ERROR max number of clients reached\r\n');
  t.is(node.state.stats.connectionsRejected, 2);
  clients[0]!.close();
  await waitFor(() => node.state.clients.size === 1, 'the first to be gone');
  const fourth = await RawClient.connect(node.port);
  t.is(await fourth.ask('PING'), '+PONG\r\n');
});

test('a client at rest gives back the room that an unfinished request took, and nothing of a request', async (t) => {
  const { node, clock } = await startLogging(t, {});
  const [resting, halfway] = [await RawClient.connect(node.port), await RawClient.connect(node.port)];
  for (const client of [resting, halfway]) await client.ask('PING');
  const [one, two] = [...node.state.clients.values()];
  const request = encode(['SET', 'large', Buffer.alloc(40_000, 'x')]);
  resting.send(request.subarray(0, 100));
  await waitFor(() => one!.pendingBytes() === 100, 'the first half');
  resting.send(request.subarray(100));
  t.is(await resting.reply(), '+OK\r\n');
  t.true(one!.bufferBytes() >= 40_000);
  halfway.send(request.subarray(0, 30_000));
  await waitFor(() => two!.pendingBytes() === 30_000, 'the half of a request');
  clock.advance(3000);
  await waitFor(() => one!.bufferBytes() === 0, 'the room to be given back');
  halfway.send(request.subarray(30_000));
  t.is(await halfway.reply(), '+OK\r\n');
});

test('an idle client is closed after `timeout`, one that speaks is not', async (t) => {
  const { node, clock } = await startLogging(t, { timeout: '60' });
  const idle = await RawClient.connect(node.port);
  const busy = await RawClient.connect(node.port);
  await idle.ask('PING');
  clock.advance(59_000);
  await busy.ask('PING');
  clock.advance(2_000);
  t.is(await idle.untilClosed(), '');
  t.is(await busy.ask('PING'), '+PONG\r\n');
});

test('a client that does not read is not read, and gets everything in order when it does', async (t) => {
  const node = await startTestNode(t);
  const client = await startUnread(node, 200);
  const [session] = node.state.clients.values();
  await waitFor(() => session!.unreadBytes() > 0, 'replies to be unread');
  client.send(encode(['PING', 'last']));
  // Others are served meanwhile, and what is kept for the one that does not read stays small.
  const other = await RawClient.connect(node.port);
  for (let count = 0; count < 100; count++) t.is(await other.ask('PING'), '+PONG\r\n');
  t.true(session!.unreadBytes() < 4 * MIB, `${session!.unreadBytes()} bytes unread`);
  const expected = 200 * (MIB + '$1048576\r\n\r\n'.length) + '$4\r\nlast\r\n'.length;
  let received = 0;
  let end = '';
  client.socket.removeAllListeners('data');
  await new Promise<void>((resolve) => {
    client.socket.on('data', (chunk: Buffer) => {
      received += chunk.length;
      end = (end + chunk.toString('latin1')).slice(-10);
      if (received === expected) resolve();
    });
    client.socket.resume();
  });
  t.is(end, '$4\r\nlast\r\n');
  t.is(await other.ask('PING'), '+PONG\r\n');
  client.close();
});

test('small replies that stay unread are delivered too', async (t) => {
  const node = await startTestNode(t);
  const client = await RawClient.connect(node.port);
  client.socket.pause();
  const message = 'x'.repeat(1000);
  const count = 20_000;
  client.send(Buffer.concat(new Array<Buffer>(count).fill(encode(['PING', message]))));
  const [session] = node.state.clients.values();
  await waitFor(() => session!.unreadBytes() > 0, 'replies to be unread');
  let received = 0;
  client.socket.removeAllListeners('data');
  client.socket.on('data', (chunk: Buffer) => (received += chunk.length));
  client.socket.resume();
  const expected = count * (message.length + '$1000\r\n\r\n'.length);
  await waitFor(() => received >= expected, 'all replies');
  t.is(received, expected);
  client.close();
});

test('replies over the hard output limit close the client, with a log line and a counter', async (t) => {
  const limit = `normal ${MIB} 0 0`;
  const { node, lines } = await startLogging(t, { 'client-output-buffer-limit': limit });
  const client = await startUnread(node, 100);
  client.socket.resume();
  await client.untilClosed();
  t.is(node.state.stats.outputLimitDisconnections, 1);
  t.regex(lines.join(''), /Client id=1 addr=127\.0\.0\.1:\d+ .* closed for overcoming of output buffer limits/);
});

test('replies over the soft output limit close the client when they stay so', async (t) => {
  const { node, clock } = await startLogging(t, { 'client-output-buffer-limit': `normal 0 ${MIB / 2} 10` });
  const client = await startUnread(node, 100);
  const [session] = node.state.clients.values();
  await waitFor(() => session!.unreadBytes() > MIB / 2, 'the soft limit to be passed');
  t.is(node.state.stats.outputLimitDisconnections, 0);
  clock.advance(11_000);
  await waitFor(() => node.state.clients.size === 0, 'the client to be closed');
  t.is(node.state.stats.outputLimitDisconnections, 1);
  client.close();
});

test('an unfinished request over client-query-buffer-limit closes the client', async (t) => {
  const { node, lines } = await startLogging(t, { 'client-query-buffer-limit': String(MIB) });
  const client = await RawClient.connect(node.port);
  client.send(`*2\r\n$3\r\nGET\r\n$${4 * MIB}\r\n`);
  client.send(Buffer.alloc(2 * MIB, 'x'));
  await client.untilClosed();
  t.is(node.state.stats.queryLimitDisconnections, 1);
  t.regex(lines.join(''), /Closing client that reached max query buffer length: id=1 /);
});

test('an inline request of more than 64 KiB is refused', async (t) => {
  const node = await startTestNode(t);
  const client = await RawClient.connect(node.port);
  client.send('x'.repeat(70_000));
  t.is(await client.untilClosed(), '-ERR Protocol error: too big inline request\r\n');
});

test('who has not authenticated may send little', async (t) => {
  const node = await startTestNode(t, { requirepass: 'secret' });
  const many = await RawClient.connect(node.port);
  many.send('*11\r\n');
  t.is(await many.untilClosed(), '-ERR Protocol error: unauthenticated multibulk length\r\n');
  const long = await RawClient.connect(node.port);
  long.send('*2\r\n$4\r\nAUTH\r\n$16385\r\n');
  t.is(await long.untilClosed(), '-ERR Protocol error: unauthenticated bulk length\r\n');
  const known = await RawClient.connect(node.port);
  t.is(await known.ask('AUTH secret'), '+OK\r\n');
  known.send(encode(['PING', Buffer.alloc(20_000, 'x')]));
  t.is((await known.reply()).length, 20_000 + '$20000\r\n\r\n'.length);
});

for (const request of ['POST / HTTP/1.1\r\n', 'Host: localhost:6379\r\n', 'GET / HTTP/1.1\r\nHost: localhost\r\n']) {
  test(`${JSON.stringify(request)} ends the connection`, async (t) => {
    const { node, lines } = await startLogging(t, {});
    const client = await RawClient.connect(node.port);
    client.send(`${request}SET name value\r\n`);
    const refused = request.startsWith('GET') ? "-ERR wrong number of arguments for 'get' command\r\n" : '';
    t.is(await client.untilClosed(), refused);
    t.regex(lines.join(''), /Possible SECURITY ATTACK detected/);
    const other = await RawClient.connect(node.port);
    t.is(await other.ask('GET name'), '$-1\r\n');
  });
}

test('a client that vanishes in the midst of a request leaves nothing behind', async (t) => {
  const node = await startTestNode(t);
  for (const part of ['*', '*2\r\n$3\r\nGET\r\n', '*1\r\n$4\r\nPI', 'PING', '"']) {
    const client = await RawClient.connect(node.port);
    client.socket.write(part);
    client.socket.resetAndDestroy();
  }
  await waitFor(() => node.state.clients.size === 0, 'all to be gone');
  const other = await RawClient.connect(node.port);
  t.is(await other.ask('PING'), '+PONG\r\n');
});

test('a pipeline of 100,000 requests, split at odd places, is answered in order', async (t) => {
  const node = await startTestNode(t);
  const client = await RawClient.connect(node.port);
  const count = 100_000;
  const requests = Buffer.from(Array.from({ length: count }, (_, index) => `ECHO ${index}\r\n`).join(''));
  const expected = Array.from({ length: count }, (_, index) => `$${String(index).length}\r\n${index}\r\n`).join('');
  const received: Buffer[] = [];
  client.socket.removeAllListeners('data');
  const all = new Promise<string>((resolve) => {
    let length = 0;
    client.socket.on('data', (chunk: Buffer) => {
      received.push(chunk);
      length += chunk.length;
      if (length >= expected.length) resolve(Buffer.concat(received).toString());
    });
  });
  for (let at = 0; at < requests.length; at += 7919) client.send(requests.subarray(at, at + 7919));
  t.true((await all) === expected);
});

test('a value of 100 MB comes back as it went', async (t) => {
  const node = await startTestNode(t);
  const client = await RawClient.connect(node.port);
  const value = Buffer.alloc(100_000_000);
  for (let at = 0; at < value.length; at += 4096) value.writeUInt32LE(at, at);
  client.send(encode(['SET', 'huge', value]));
  t.is(await client.reply(), '+OK\r\n');
  const expected = Buffer.concat([Buffer.from(`$${value.length}\r\n`), value, Buffer.from('\r\n')]);
  const received: Buffer[] = [];
  client.socket.removeAllListeners('data');
  client.send(encode(['GET', 'huge']));
  await new Promise<void>((resolve) => {
    let length = 0;
    client.socket.on('data', (chunk: Buffer) => {
      received.push(chunk);
      length += chunk.length;
      if (length >= expected.length) resolve();
    });
  });
  t.true(Buffer.concat(received).equals(expected));
});

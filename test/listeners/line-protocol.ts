/** The line protocol on a node: the recorded sessions, and what is done otherwise than the reference does. */
import test, { type ExecutionContext } from 'ava';
import { LineClient } from '../support/line-client.js';
import { RawClient } from '../support/raw-client.js';
import { startTestNode } from '../support/test-node.js';
import { readSessions } from '../support/transcript.js';
import { waitFor } from '../support/wait-for.js';

const sessions = readSessions(new URL('../../../test/listeners/line-protocol.transcript', import.meta.url).pathname);

async function connect(t: ExecutionContext, settings: Record<string, string> = {}) {
  const node = await startTestNode(t, settings);
  const client = await LineClient.connect(node.linePort);
  t.teardown(() => client.close());
  return { node, client };
}

for (const { title, exchanges } of sessions) {
  test(`${title} (line by line)`, async (t) => {
    const { client } = await connect(t);
    for (const { shown, sent, received } of exchanges) {
      client.send(sent);
      t.is(await client.read(received.length), received, shown);
    }
    client.socket.end();
    t.is(await client.readAll(), '');
  });

  const sent = Buffer.concat(exchanges.map((exchange) => exchange.sent));
  const received = exchanges.map((exchange) => exchange.received).join('');

  test(`${title} (in one packet)`, async (t) => {
    const { client } = await connect(t);
    client.socket.end(sent);
    t.is(await client.readAll(), received);
  });

  test(`${title} (byte by byte)`, async (t) => {
    const { client } = await connect(t);
    for (const byte of sent) {
      client.send(Buffer.of(byte));
      await new Promise(setImmediate);
    }
    client.socket.end();
    t.is(await client.readAll(), received);
  });
}

test('a line in parts is answered when its LF is there', async (t) => {
  const { node, client } = await connect(t);
  const { stats } = node.state;
  t.is(await client.ask('CREATE pipe\nPUT pipe b 2\n', 'OK\r\nOK\r\n'), 'OK\r\nOK\r\n');
  for (const part of ['GE', 'T pipe', ' b\r']) {
    const expected = stats.inputBytes + part.length;
    client.send(part);
    await waitFor(() => stats.inputBytes === expected, 'the part to be read');
    t.is(client.received, '');
  }
  t.is(await client.ask('\n', '2\r\nOK\r\n'), '2\r\nOK\r\n');
});

test('an unfinished line is not run when the client closes its side', async (t) => {
  const { node, client } = await connect(t);
  client.socket.end('CREATE b\nPUT b k v\nPUT b k w');
  t.is(await client.readAll(), 'OK\r\nOK\r\n');
  const other = await LineClient.connect(node.linePort);
  t.is(await other.ask('GET b k\n', 'v\r\nOK\r\n'), 'v\r\nOK\r\n');
  other.close();
});

test('a PUT is done although its client has gone, and a reset harms nobody', async (t) => {
  const { node, client } = await connect(t);
  t.is(await client.ask('CREATE b\n', 'OK\r\n'), 'OK\r\n');
  for (let i = 0; i < 20; i++) {
    const other = await LineClient.connect(node.linePort);
    other.socket.end(`PUT b k${i} ${i}\n`);
    await other.readAll();
    const hasty = await LineClient.connect(node.linePort);
    hasty.send('GET b k0\n'.repeat(1000));
    hasty.socket.resetAndDestroy();
  }
  for (let i = 0; i < 20; i++) t.is(await client.ask(`GET b k${i}\n`, `${i}\r\nOK\r\n`), `${i}\r\nOK\r\n`);
});

test('two thousand short connections are served', async (t) => {
  const { node, client } = await connect(t);
  t.is(await client.ask('CREATE b\nPUT b k v\n', 'OK\r\nOK\r\n'), 'OK\r\nOK\r\n');
  for (let i = 0; i < 100; i++) {
    const served = Array.from({ length: 20 }, async (_, n) => {
      const other = await LineClient.connect(node.linePort);
      if (n % 2 === 0) t.is(await other.ask('GET b k\n', 'v\r\nOK\r\n'), 'v\r\nOK\r\n');
      other.close();
    });
    await Promise.all(served);
  }
  t.is(await client.ask('GET b k\n', 'v\r\nOK\r\n'), 'v\r\nOK\r\n');
});

test('a client that does not read its replies is not read, and others are served', async (t) => {
  const { node, client } = await connect(t);
  const value = 'x'.repeat(1000);
  t.is(await client.ask(`CREATE b\nPUT b k ${value}\n`, 'OK\r\nOK\r\n'), 'OK\r\nOK\r\n');
  const deaf = await LineClient.connect(node.linePort);
  deaf.socket.pause();
  const requests = 100_000;
  deaf.socket.end('GET b k\n'.repeat(requests));
  await waitFor(() => [...node.state.clients.values()].some((each) => each.unreadBytes() > 0), 'replies to be unread');
  for (let i = 0; i < 100; i++) t.is(await client.ask('GET b k\n', `${value}\r\nOK\r\n`), `${value}\r\nOK\r\n`);
  t.true(node.state.stats.outputBytes < 64 * 2 ** 20, 'replies stop when nobody reads them');
  deaf.socket.resume();
  const all = await deaf.readAll();
  t.is(all.length, requests * (value.length + 6));
  t.is(all.replaceAll(`${value}\r\nOK\r\n`, ''), '');
});

// ---- what is done otherwise

test('a line over line-max-bytes is dropped with one answer, and the connection stays', async (t) => {
  const { client } = await connect(t, { 'line-max-bytes': '100' });
  t.is(await client.ask('CREATE b\n', 'OK\r\n'), 'OK\r\n');
  const longest = 'v'.repeat(100 - 'PUT b k '.length);
  const refusal = 'ERROR line longer than 100 bytes\r\n';
  t.is(await client.ask(`PUT b k ${longest}\r\n`, 'OK\r\n'), 'OK\r\n');
  t.is(await client.ask(`PUT b k ${longest}w\r\n`, refusal), refusal);
  t.is(await client.ask(`PUT b k ${'w'.repeat(300_000)}\nGET b k\n`, `${refusal}${longest}\r\nOK\r\n`), `${refusal}${longest}\r\nOK\r\n`);
});

test('a line of a megabyte is taken whole', async (t) => {
  const { client } = await connect(t);
  const value = 'v'.repeat(2 ** 20 - 'PUT b k '.length);
  t.is(await client.ask(`CREATE b\nPUT b k ${value}\n`, 'OK\r\nOK\r\n'), 'OK\r\nOK\r\n');
  t.is(await client.ask('GET b k\n', `${value}\r\nOK\r\n`), `${value}\r\nOK\r\n`);
  const refusal = 'ERROR line longer than 1048576 bytes\r\n';
  t.is(await client.ask(`PUT b k ${value}v\n`, refusal), refusal);
});

test('a bucket of another type is named, and the connection stays', async (t) => {
  const { node, client } = await connect(t);
  const resp = await RawClient.connect(node.port);
  t.teardown(() => resp.close());
  await resp.ask('SET x 1');
  const refusal = 'ERROR bucket "x" holds a string\r\n';
  for (const line of ['CREATE x', 'PUT x k v', 'GET x k', 'DELETE x k']) {
    t.is(await client.ask(`${line}\n`, refusal), refusal, line);
  }
});

test('what telnet puts, redis-cli gets, and the other way round', async (t) => {
  const { node, client } = await connect(t);
  const resp = await RawClient.connect(node.port);
  t.teardown(() => resp.close());
  t.is(await client.ask('CREATE shopping\nPUT shopping milk 1\n', 'OK\r\nOK\r\n'), 'OK\r\nOK\r\n');
  t.is(await resp.ask('HGET shopping milk'), '$1\r\n1\r\n');
  t.is(await resp.ask('HGETALL shopping'), '*2\r\n$4\r\nmilk\r\n$1\r\n1\r\n');
  t.is(await resp.ask('HSET pantry rice "two bags"'), ':1\r\n');
  t.is(await client.ask('GET pantry rice\n', 'two bags\r\nOK\r\n'), 'two bags\r\nOK\r\n');
  t.is(await resp.ask('HSET pantry nothing ""'), ':1\r\n');
  t.is(await client.ask('GET pantry nothing\n', '\r\nOK\r\n'), '\r\nOK\r\n');
});

test('a bucket made with CREATE is there while empty; one made with HSET goes with its last entry', async (t) => {
  const { node, client } = await connect(t);
  const resp = await RawClient.connect(node.port);
  t.teardown(() => resp.close());
  await client.ask('CREATE a\n', 'OK\r\n');
  t.is(await resp.ask('DBSIZE'), ':1\r\n');
  await resp.ask('HSET b k v');
  t.is(await client.ask('DELETE b k\n', 'OK\r\n'), 'OK\r\n');
  t.is(await client.ask('GET b k\n', 'NOT FOUND\r\n'), 'NOT FOUND\r\n');
});

test('with requirepass every command is refused, and nothing is said of what there is', async (t) => {
  const { client } = await connect(t, { requirepass: 'secret' });
  const refusal = 'ERROR NOAUTH Authentication required.\r\n';
  for (const line of ['CREATE b', 'PUT b k v', 'GET b k', 'DELETE b k']) {
    t.is(await client.ask(`${line}\n`, refusal), refusal, line);
  }
  t.is(await client.ask('AUTH secret\n', 'UNKNOWN COMMAND\r\n'), 'UNKNOWN COMMAND\r\n');
});

test('replies to one packet leave in one write', async (t) => {
  const { client } = await connect(t);
  await client.ask('CREATE b\n', 'OK\r\n');
  let packets = 0;
  client.socket.on('data', () => packets++);
  const replies = 'OK\r\n'.repeat(16);
  t.is(await client.ask('PUT b k v\n'.repeat(16), replies), replies);
  t.is(packets, 1);
});

// ---- subscriptions

test('a subscriber gets a line for each write to its bucket, and what it sends is dropped', async (t) => {
  const { node, client } = await connect(t);
  const resp = await RawClient.connect(node.port);
  t.teardown(() => resp.close());
  const writer = await LineClient.connect(node.linePort);
  t.teardown(() => writer.close());
  t.is(await client.ask('SUBSCRIBE b\n', 'NOT FOUND\r\n'), 'NOT FOUND\r\n');
  for (const line of ['SUBSCRIBE', 'SUBSCRIBE a b', 'subscribe b']) {
    t.is(await client.ask(`${line}\n`, 'UNKNOWN COMMAND\r\n'), 'UNKNOWN COMMAND\r\n', line);
  }
  await writer.ask('CREATE b\n', 'OK\r\n');
  client.send('SUBSCRIBE b\nGET b k\nNONSENSE\n');
  await waitFor(() => node.state.pubsub.areBucketsWatched, 'the subscription');
  await writer.ask('CREATE b\nPUT b milk 1\nPUT b milk 1\nGET b milk\nDELETE b milk\nDELETE b milk\n', 'OK\r\n'.repeat(5) + '1\r\n');
  for (const request of ['HSET b a 1 c 2', 'HSETNX b a 2', 'HINCRBY b a 5', 'HINCRBYFLOAT b a 0.5', 'HDEL b a none', 'SET other 1']) {
    await resp.ask(request);
  }
  client.send('PUT b from subscriber\n');
  await resp.ask('HMSET b end now');
  const lines = [
    'milk SET TO 1', 'milk SET TO 1', 'milk DELETED', 'milk DELETED', 'a SET TO 1', 'c SET TO 2', 'a SET TO 6', 'a SET TO 6.5',
    'a DELETED', 'end SET TO now', '',
  ];
  t.is(await client.read(lines.join('\r\n').length), lines.join('\r\n'));
  t.is(await resp.ask('HEXISTS b from'), ':0\r\n');
  client.close();
  await waitFor(() => !node.state.pubsub.areBucketsWatched, 'the subscription to end');
});

test('a subscription to a bucket of another type, or without a password, is refused', async (t) => {
  const { node, client } = await connect(t);
  const resp = await RawClient.connect(node.port);
  t.teardown(() => resp.close());
  await resp.ask('SET x 1');
  const refusal = 'ERROR bucket "x" holds a string\r\n';
  t.is(await client.ask('SUBSCRIBE x\n', refusal), refusal);
  node.state.settings.set('requirepass', 'secret');
  const other = await LineClient.connect(node.linePort);
  const wanted = 'ERROR NOAUTH Authentication required.\r\n';
  t.is(await other.ask('SUBSCRIBE x\n', wanted), wanted);
  other.close();
});

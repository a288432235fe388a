/** Requests over two nodes: what a client sees when buckets live elsewhere. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { TestCluster, withCluster } from '../support/cluster.js';
import { referenceTest } from '../support/macros.js';
import { RawClient, encode, parts } from '../support/raw-client.js';
import { freePort, startReference } from '../support/reference.js';
import { waitFor } from '../support/wait-for.js';

test('buckets of both halves are reached through either node, and live on their own', withCluster, {}, async (t, cluster) => {
  const foo = await RawClient.connect(cluster.port('foo'));
  const bar = await RawClient.connect(cluster.port('bar'));
  for (const name of ['apple', 'zebra', '7up', '{n}a']) {
    t.is(await foo.ask(`SET ${name} ${name}!`), '+OK\r\n');
    t.is(await bar.ask(`GET ${name}`), `$${name.length + 1}\r\n${name}!\r\n`);
  }
  t.is(cluster.node('foo').state.store.databases[0]!.size, 2);
  t.is(cluster.node('bar').state.store.databases[0]!.size, 2);
  foo.close();
  bar.close();
});

test('replies keep their order in a pipeline of mixed letters', withCluster, {}, async (t, cluster) => {
  const client = await RawClient.connect(cluster.port('foo'));
  const requests: Buffer[] = [];
  const expected: string[] = [];
  for (let i = 0; i < 3000; i++) {
    const name = `${'anbzcy'[i % 6]}${i % 97}`;
    if (i % 7 === 0) {
      requests.push(encode(['ECHO', String(i)]));
      expected.push(`$${String(i).length}\r\n${i}\r\n`);
    } else if (i % 5 === 0) {
      requests.push(encode(['NOSUCH', name]));
      expected.push(`-ERR unknown command 'NOSUCH', with args beginning with: '${name}' \r\n`);
    } else {
      requests.push(encode(['SET', name, String(i)]), encode(['GET', name]));
      expected.push('+OK\r\n', `$${String(i).length}\r\n${i}\r\n`);
    }
  }
  client.send(Buffer.concat(requests));
  for (const reply of expected) t.is(await client.reply(), reply);
  client.close();
});

test('SORT looks up by BY and GET what is where its own bucket is', withCluster, {}, async (t, cluster) => {
  const client = await RawClient.connect(cluster.port('foo'));
  await client.ask('RPUSH zebra 1 2');
  await client.ask('MSET weight_1 9 weight_2 8 heavy_1 9');
  t.is(await client.ask('SORT zebra BY weight_*'), '*2\r\n$1\r\n2\r\n$1\r\n1\r\n');
  t.is(
    await client.ask('SORT zebra BY heavy_*'), '-CROSSSLOT BY or GET of SORT names "heavy_1", which is on foo\r\n',
  );
  t.is(
    await client.ask('SORT zebra GET heavy_*'), '-CROSSSLOT BY or GET of SORT names "heavy_1", which is on foo\r\n',
  );
  client.close();
});

test('a database and a protocol version are kept on the way', withCluster, {}, async (t, cluster) => {
  const client = await RawClient.connect(cluster.port('foo'));
  await client.ask('SELECT 3');
  await client.ask('SET zebra three');
  await client.ask('SELECT 0');
  t.is(await client.ask('GET zebra'), '$-1\r\n');
  await client.ask('HELLO 3');
  t.is(await client.ask('GET zebra'), '_\r\n');
  await client.ask('SELECT 3');
  t.is(await client.ask('GET zebra'), '$5\r\nthree\r\n');
  t.is(cluster.node('bar').state.store.databases[3]!.size, 1);
  client.close();
});

test('binary names and values pass unchanged', withCluster, { shards: '\\x00-\\x7f=foo,\\x80-\\xff=bar' }, async (t, cluster) => {
  const client = await RawClient.connect(cluster.port('foo'));
  const every = Buffer.from(Array.from({ length: 256 }, (_each, index) => index));
  for (const first of [0x00, 0x0d, 0x7f, 0x80, 0xff]) {
    const name = Buffer.concat([Buffer.from([first]), every.subarray(0, 120)]);
    client.send(Buffer.concat([encode(['SET', name, every]), encode(['GET', name])]));
    t.is(await client.reply(), '+OK\r\n');
    t.is(await client.reply(), `$256\r\n${every.toString('latin1')}\r\n`);
  }
  client.close();
});

test('a value of 100 MB passes, and others go on meanwhile', withCluster, {}, async (t, cluster) => {
  const client = await RawClient.connect(cluster.port('foo'));
  const value = Buffer.alloc(100_000_000, 'pigeon');
  client.send(encode(['SET', 'zebra', value]));
  t.is(await client.reply(), '+OK\r\n');
  client.send(encode(['GET', 'zebra']));
  let received = 0;
  const chunks: Buffer[] = [];
  const whole = value.length + '$100000000\r\n\r\n'.length;
  client.socket.removeAllListeners('data');
  client.socket.on('data', (chunk: Buffer) => {
    received += chunk.length;
    chunks.push(chunk);
  });
  const other = await RawClient.connect(cluster.port('foo'));
  t.is(await other.ask('SET zoo 1'), '+OK\r\n');
  await waitFor(() => received >= whole, 'the value');
  t.is(received, whole);
  t.true(Buffer.concat(chunks).subarray(12, -2).equals(value));
  client.close();
  other.close();
});

test('CLIENT REPLY OFF holds for buckets of a peer', withCluster, {}, async (t, cluster) => {
  const client = await RawClient.connect(cluster.port('foo'));
  const support = await client.ask('CLIENT REPLY ON');
  if (!support.startsWith('+OK')) {
    t.pass('CLIENT REPLY is not there yet');
    client.close();
    return;
  }
  client.send('CLIENT REPLY OFF\r\nSET zebra 1\r\nSET apple 1\r\nGET zebra\r\nCLIENT REPLY ON\r\nGET zebra\r\n');
  t.is(await client.reply(), '+OK\r\n');
  t.is(await client.reply(), '$1\r\n1\r\n');
  client.close();
});

test('a name in a gap is refused, and says why', withCluster, { shards: 'a-m=foo,n-z=bar' }, async (t, cluster) => {
  const client = await RawClient.connect(cluster.port('foo'));
  t.is(await client.ask('GET 7up'), '-ERR no shard owns "7up": no range covers byte 0x37 ("7")\r\n');
  t.is(await client.ask('SET apple 1'), '+OK\r\n');
  const line = 'The shard map has a gap: nobody owns names from "{" on';
  await cluster.logged(line);
  t.is(cluster.lines.filter((each) => each.includes(line)).length, 2, 'each node says it once');
  client.close();
});

test('a pure front end stores nothing and answers everything', withCluster, { names: ['front', 'foo', 'bar'] }, async (t, cluster) => {
  const client = await RawClient.connect(cluster.port('front'));
  for (const name of ['apple', 'zebra', '7up']) t.is(await client.ask(`SET ${name} 1`), '+OK\r\n');
  t.is(await client.ask('DBSIZE'), ':3\r\n');
  t.is(cluster.node('front').state.store.databases[0]!.size, 0);
  t.is(await client.ask('FLUSHALL'), '+OK\r\n');
  t.is(await client.ask('DBSIZE'), ':0\r\n');
  client.close();
});

test('nodes reach each other over Unix sockets', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'pigeonhole-peers-'));
  const nodes = `foo=unix:${folder}/foo.sock,bar=unix:${folder}/bar.sock`;
  const cluster = new TestCluster();
  t.teardown(() => cluster.stop());
  for (const name of ['foo', 'bar']) await cluster.startNode(name, { nodes });
  await waitFor(() => cluster.isConnected('foo') && cluster.isConnected('bar'), 'the nodes to meet');
  const client = await RawClient.connect(cluster.port('foo'));
  t.is(await client.ask('SET zebra 1'), '+OK\r\n');
  t.is(cluster.node('bar').state.store.databases[0]!.size, 1);
  client.close();
});

referenceTest('a plain redis-server is a shard, with AUTH, databases and RESP3', async (t) => {
  const reference = await startReference('--requirepass', 'pa:ss');
  t.teardown(() => reference.stop());
  const cluster = new TestCluster();
  t.teardown(() => cluster.stop());
  const nodes = `foo=127.0.0.1:${await freePort()},bar=redis://:pa%3Ass@127.0.0.1:${reference.port}`;
  await cluster.startNode('foo', { nodes });
  await waitFor(() => cluster.isConnected('foo'), 'redis-server to be reached');
  const client = await RawClient.connect(cluster.port('foo'));
  t.is(await client.ask('SET zebra 1'), '+OK\r\n');
  t.is(await client.ask('INCR zebra'), ':2\r\n');
  await client.ask('SELECT 5');
  await client.ask('HELLO 3');
  t.is(await client.ask('GET zebra'), '_\r\n');
  t.is(await client.ask('SET zebra five'), '+OK\r\n');
  const direct = await RawClient.connect(reference.port);
  await direct.ask('AUTH pa:ss');
  await direct.ask('SELECT 5');
  t.is(await direct.ask('GET zebra'), '$4\r\nfive\r\n');
  client.close();
  direct.close();
});

referenceTest('a redis-server that wants another password is down, and says why', async (t) => {
  const reference = await startReference('--requirepass', 'right');
  t.teardown(() => reference.stop());
  const cluster = new TestCluster();
  t.teardown(() => cluster.stop());
  await cluster.startNode('foo', { nodes: `foo=127.0.0.1:${await freePort()},bar=redis://127.0.0.1:${reference.port}` });
  await cluster.logged('NOAUTH Authentication required.');
  const client = await RawClient.connect(cluster.port('foo'));
  const reply = await client.ask('GET zebra');
  t.is(reply, `-PEERDOWN bar (redis://127.0.0.1:${reference.port}): NOAUTH Authentication required.\r\n`);
  client.close();
});

test('MSET over two shards that lacks its last value sets nothing', withCluster, {}, async (t, cluster) => {
  const client = await RawClient.connect(cluster.port('foo'));
  t.is(await client.ask('MSET apple 1 zebra'), "-ERR wrong number of arguments for 'mset' command\r\n");
  t.is(await client.ask('MSET apple 1 zebra 2 banana'), "-ERR wrong number of arguments for 'mset' command\r\n");
  t.is(await client.ask('MGET apple zebra'), '*2\r\n$-1\r\n$-1\r\n');
  t.is(await client.ask('MSET apple 1 zebra 2'), '+OK\r\n');
  client.close();
});

test('requests of a pipeline keep their order over HELLO, SELECT and RESET', withCluster, {}, async (t, cluster) => {
  const client = await RawClient.connect(cluster.port('foo'));
  const lines = [
    'SET zebra 1', 'APPEND zebra 2', 'HELLO 3', 'GETDEL zebra', 'HELLO 2', 'GET zebra', 'COPY zoo zebra DB 1',
    'SET zoo 3', 'COPY zoo zebra DB 1', 'SELECT 1', 'GETDEL zebra', 'SELECT 2', 'SWAPDB 0 1', 'RESET', 'GET zoo',
    'SELECT 1', 'GET zoo',
  ];
  client.send(Buffer.concat(lines.map((line) => encode(parts(line)))));
  const replies: string[] = [];
  for (const line of lines) {
    const reply = await client.reply();
    if (!line.startsWith('HELLO')) replies.push(reply.trimEnd().split('\r\n').at(-1)!);
  }
  const expected = ['+OK', ':2', '12', '$-1', ':0', '+OK', ':1', '+OK', '3', '+OK', '+OK', '+RESET', '$-1', '+OK', '3'];
  t.deepEqual(replies, expected);
  client.close();
});

/** CLIENT PAUSE at `foo`, as clients of the others see it; `bar` owns something else, `front` nothing. */
import test, { type ExecutionContext } from 'ava';
import { type Dial, dial } from '../../lib/cluster/wire.js';
import { seededRandom } from '../../lib/util/random.js';
import { TestCluster, withCluster } from '../support/cluster.js';
import { LineClient } from '../support/line-client.js';
import { TestNetwork } from '../support/network.js';
import { RawClient, encode } from '../support/raw-client.js';
import { freePort } from '../support/reference.js';
import { seedOf } from '../support/seed.js';
import { spawnNode } from '../support/spawned-node.js';
import { waitFor } from '../support/wait-for.js';

const PEER_TIMEOUT_MS = 500;
const three = { names: ['front', 'foo', 'bar'] };
/** For what must outlast it. Many nodes in one process would hold each other up for longer: those tests are serial. */
const impatient = { ...three, settings: { 'peer-timeout': String(PEER_TIMEOUT_MS) } };
const OK = '+OK\r\n';

/** Clients that are closed at the end of the test. */
function callers(t: ExecutionContext, cluster: TestCluster): (name: string) => Promise<RawClient> {
  const clients: RawClient[] = [];
  t.teardown(() => clients.forEach((client) => client.close()));
  return async (name) => {
    const client = await RawClient.connect(cluster.port(name));
    clients.push(client);
    return client;
  };
}

/** So long that a peer that did not answer would have been given up. */
async function outlastPeerTimeout(): Promise<void> {
  const endMs = performance.now() + 3 * PEER_TIMEOUT_MS;
  await waitFor(() => performance.now() > endMs, 'three times peer-timeout to pass');
}

const request = (line: string): Buffer => encode(line.split(' '));
const requests = (...lines: string[]): Buffer => Buffer.concat(lines.map(request));

async function replies(client: RawClient, count: number): Promise<string[]> {
  const heard: string[] = [];
  while (heard.length < count) heard.push(await client.reply());
  return heard;
}

/** What nodes have said of peers that are down, after all had been reached. */
const told = (cluster: TestCluster): string[] => {
  const from = cluster.lines.findLastIndex((line) => line.includes('is up'));
  return cluster.lines.slice(from).filter((line) => line.includes('is down'));
};

/** Waits until a number does not change any more. */
async function settled(read: () => number): Promise<void> {
  let same = 0;
  let last = read();
  await waitFor(() => {
    same = read() === last ? same + 1 : 0;
    last = read();
    return same > 20;
  }, 'a number to stay as it is');
}

/** How many clients a node holds. */
const heldAt = (cluster: TestCluster, name: string): number =>
  [...cluster.node(name).state.clients.values()].filter((client) => client.isBlocked).length;

const held = (cluster: TestCluster, name: string, count = 1): Promise<void> =>
  waitFor(() => heldAt(cluster, name) === count, `${count} clients of ${name} to be held`);

test.serial('a write through another node outlasts peer-timeout in a pause, and what others ask is answered', withCluster, impatient, async (t, cluster) => {
  const call = callers(t, cluster);
  const [owner, writer, frontWriter, reader] = [await call('foo'), await call('bar'), await call('front'), await call('bar')];
  t.is(await owner.ask('SET apple 0'), OK);
  t.is(await owner.ask('CLIENT PAUSE 3600000 WRITE'), OK);
  writer.send(request('INCR apple'));
  frontWriter.send(request('INCR apple'));
  await held(cluster, 'bar');
  await held(cluster, 'front');
  const endMs = performance.now() + 3 * PEER_TIMEOUT_MS;
  while (performance.now() < endMs) {
    t.is(await reader.ask('GET apple'), '$1\r\n0\r\n', 'a read of the paused node');
    t.is(await reader.ask('SET pear 1'), OK, 'a write of another node');
    t.is(await reader.ask('MGET apple pear'), '*2\r\n$1\r\n0\r\n$1\r\n1\r\n', 'a read of both');
  }
  t.true(writer.isSilent && frontWriter.isSilent);
  t.is(await owner.ask('CLIENT UNPAUSE'), OK);
  t.deepEqual([await writer.reply(), await frontWriter.reply()].sort(), [':1\r\n', ':2\r\n']);
  t.deepEqual(told(cluster), []);
});

test('a pause that ends by itself lets go what other nodes hold', withCluster, three, async (t, cluster) => {
  const call = callers(t, cluster);
  const [owner, writer] = [await call('foo'), await call('front')];
  t.is(await owner.ask('CLIENT PAUSE 400 WRITE'), OK);
  t.is(await writer.ask('SET apple 1'), OK);
  t.is(await owner.ask('GET apple'), '$1\r\n1\r\n');
});

test('what one client sends stays in order, whatever of it is held', withCluster, three, async (t, cluster) => {
  const call = callers(t, cluster);
  const [owner, client] = [await call('foo'), await call('bar')];
  t.is(await owner.ask('CLIENT PAUSE 3600000 WRITE'), OK);
  client.send(requests('SET pear 1', 'GET apple', 'SET apple 2', 'GET apple', 'GET pear', 'INCR pear', 'MGET pear apple'));
  t.deepEqual(await replies(client, 2), [OK, '$-1\r\n']);
  t.true(client.isSilent);
  t.is(await owner.ask('CLIENT UNPAUSE'), OK);
  t.deepEqual(await replies(client, 5), [OK, '$1\r\n2\r\n', '$1\r\n1\r\n', ':2\r\n', '*2\r\n$1\r\n2\r\n$1\r\n2\r\n']);
});

test('a request for several nodes is held whole while one of them is paused', withCluster, three, async (t, cluster) => {
  const call = callers(t, cluster);
  const [owner, reader] = [await call('foo'), await call('bar')];
  t.is(await reader.ask('MSET apple 1 pear 1'), OK);
  t.is(await owner.ask('CLIENT PAUSE 3600000 WRITE'), OK);
  const lines = ['MSET pear 2 apple 2', 'DEL pear apple', 'FLUSHALL', 'RENAME pear apple', 'COPY pear apple', 'PFCOUNT apple'];
  const writers = await Promise.all(lines.map(() => call('bar')));
  lines.forEach((line, index) => writers[index]!.send(request(line)));
  await held(cluster, 'bar', lines.length);
  t.is(await reader.ask('MGET pear apple'), '*2\r\n$1\r\n1\r\n$1\r\n1\r\n');
  t.is(await reader.ask('DBSIZE'), ':2\r\n');
  t.true(writers.every((writer) => writer.isSilent));
  t.is(await owner.ask('CLIENT UNPAUSE'), OK);
  for (const writer of writers) t.regex(await writer.reply(), /^(\+OK|:\d|-ERR no such key|-WRONGTYPE)/);
});

test.serial('a transaction is held by what it has queued', withCluster, impatient, async (t, cluster) => {
  const call = callers(t, cluster);
  const [owner, first, second, third] = [await call('foo'), await call('bar'), await call('bar'), await call('front')];
  first.send(requests('WATCH apple', 'MULTI', 'SET apple 1'));
  t.deepEqual(await replies(first, 3), [OK, OK, '+QUEUED\r\n']);
  t.is(await owner.ask('CLIENT PAUSE 3600000 WRITE'), OK);
  first.send(request('EXEC'));
  second.send(requests('MULTI', 'GET apple', 'EXEC'));
  t.deepEqual(await replies(second, 3), [OK, '+QUEUED\r\n', '*1\r\n$-1\r\n']);
  third.send(requests('MULTI', 'SET apple 2', 'EXEC'));
  t.is(await third.reply(), OK);
  await held(cluster, 'front');
  await outlastPeerTimeout();
  t.true(first.isSilent && third.isSilent);
  t.is(await owner.ask('CLIENT UNPAUSE'), OK);
  t.is(await third.reply(), '+QUEUED\r\n');
  // Whose EXEC came first is not said; the one that watches fails when it was the second.
  const [watching, writing] = [await first.reply(), await third.reply()];
  t.is(writing, '*1\r\n+OK\r\n');
  t.regex(watching, /^\*(1\r\n\+OK|-1)\r\n$/);
});

const waitingFor = (link: object): number => (link as { heldBack: Set<unknown> }).heldBack.size;

test('who leaves while it is held has its write not run', withCluster, three, async (t, cluster) => {
  const call = callers(t, cluster);
  const owner = await call('foo');
  const [gone, half, mover, stays] = await Promise.all([0, 1, 2, 3].map(() => call('bar')));
  t.is(await owner.ask('SET pear 1'), OK);
  t.is(await owner.ask('CLIENT PAUSE 3600000 WRITE'), OK);
  gone!.send(request('SET apple gone'));
  half!.send(request('SET banana half'));
  stays!.send(request('SET cherry stays'));
  mover!.send(request('RENAME pear apple'));
  await held(cluster, 'bar', 4);
  gone!.close();
  mover!.close();
  half!.socket.end();
  await held(cluster, 'bar', 1);
  t.is(waitingFor(cluster.node('bar').cluster.peers.find(({ name }) => name === 'foo')!.link(0, 2)), 1, 'none is kept');
  t.is(await owner.ask('CLIENT UNPAUSE'), OK);
  t.is(await stays!.reply(), OK);
  t.is(await owner.ask('MGET apple banana cherry pear'), '*4\r\n$-1\r\n$-1\r\n$5\r\nstays\r\n$1\r\n1\r\n');
});

test('a client that goes on sending is not read while it is held', withCluster, three, async (t, cluster) => {
  const call = callers(t, cluster);
  const [owner, client] = [await call('foo'), await call('front')];
  t.is(await owner.ask('CLIENT PAUSE 3600000 WRITE'), OK);
  const bulk = 'x'.repeat(1000);
  const times = 20_000;
  for (let i = 0; i < times; i++) client.send(encode(['APPEND', 'apple', bulk]));
  const [session] = cluster.node('front').state.clients.values();
  await waitFor(() => session!.isBlocked && session!.pendingBytes() > 64 * 1024, 'the client to be held with much behind it');
  await settled(() => client.socket.writableLength);
  t.true(session!.pendingBytes() < 256 * 1024, `${session!.pendingBytes()} bytes wait`);
  t.true(client.socket.writableLength > 0, 'the rest is with the client');
  t.is(await owner.ask('CLIENT UNPAUSE'), OK);
  let last = '';
  for (let i = 0; i < times; i++) last = await client.reply();
  t.is(last, `:${times * bulk.length}\r\n`);
});

test.serial('a pause of all holds reads of the paused node, and of no other', withCluster, impatient, async (t, cluster) => {
  const call = callers(t, cluster);
  const [owner, other] = [await call('foo'), await call('bar')];
  t.is(await other.ask('MSET apple 1 pear 1'), OK);
  const pauseMs = 4 * PEER_TIMEOUT_MS;
  t.is(await owner.ask(`CLIENT PAUSE ${pauseMs}`), OK);
  const lines = ['GET apple', 'MGET pear apple', 'EXISTS pear apple', 'DBSIZE', 'SCAN 0', 'RANDOMKEY', 'WATCH apple', 'SET apple 2'];
  const clients = await Promise.all(lines.map(() => call('bar')));
  lines.forEach((line, index) => clients[index]!.send(request(line)));
  await held(cluster, 'bar', lines.length);
  for (const line of ['PING', 'GET pear', 'INCR pear', 'INFO', 'CLIENT LIST', 'SHARD PEERS']) {
    t.notRegex(await other.ask(line), /^-/, line);
  }
  await waitFor(() => heldAt(cluster, 'bar') === 0, 'the pause to end');
  const heard = await Promise.all(clients.map((client) => client.reply()));
  t.deepEqual(heard.filter((reply) => reply.startsWith('-')), []);
  t.deepEqual(told(cluster), []);
});

test('a second CLIENT PAUSE makes the pause stricter at all nodes', withCluster, three, async (t, cluster) => {
  const call = callers(t, cluster);
  const [owner, reader] = [await call('foo'), await call('front')];
  t.is(await owner.ask('CLIENT PAUSE 600 WRITE'), OK);
  t.is(await reader.ask('GET apple'), '$-1\r\n');
  t.is(await owner.ask('CLIENT PAUSE 600 ALL'), OK);
  reader.send(request('GET apple'));
  await held(cluster, 'front');
  t.is(await reader.reply(), '$-1\r\n');
});

test('a node that goes down while it is paused is down', withCluster, three, async (t, cluster) => {
  const call = callers(t, cluster);
  const [owner, writer, both, transaction] = [await call('foo'), await call('bar'), await call('front'), await call('bar')];
  transaction.send(requests('MULTI', 'SET apple 1'));
  await replies(transaction, 2);
  t.is(await owner.ask('CLIENT PAUSE 3600000 WRITE'), OK);
  transaction.send(request('EXEC'));
  writer.send(request('SET apple 1'));
  both.send(request('MSET apple 1 pear 1'));
  await held(cluster, 'bar', 2);
  await held(cluster, 'front');
  await cluster.stopNode('foo');
  t.regex(await writer.reply(), /^-PEERDOWN foo /);
  t.regex(await both.reply(), /^-PEERDOWN foo /);
  t.regex(await transaction.reply(), /^-EXECABORT .*PEERDOWN foo /);
  t.is(await both.ask('GET pear'), '$-1\r\n', 'nothing of it was done');
  await cluster.startNode('foo');
  await waitFor(async () => (await writer.ask('SET apple 2')) === OK, 'foo to be used again, without a pause');
});

test('a node that comes during a pause holds from the start', withCluster, { names: ['front', 'foo', 'bar'] }, async (t, cluster) => {
  const call = callers(t, cluster);
  const owner = await call('foo');
  t.is(await owner.ask('CLIENT PAUSE 3600000 WRITE'), OK);
  await cluster.stopNode('front');
  await cluster.startNode('front');
  const [writer, reader, otherLink] = [await call('front'), await call('front'), await call('front')];
  writer.send(request('SET apple 1'));
  await held(cluster, 'front');
  t.is(await reader.ask('GET apple'), '$-1\r\n');
  // Links that are opened now: another database, another protocol.
  otherLink.send(requests('SELECT 3', 'SET apple 3'));
  t.is(await otherLink.reply(), OK);
  await held(cluster, 'front', 2);
  await reader.ask('HELLO 3');
  t.is(await reader.ask('GET apple'), '_\r\n');
  await reader.ask('SELECT 3');
  t.is(await reader.ask('GET apple'), '_\r\n');
  t.true(writer.isSilent && otherLink.isSilent);
  t.is(await owner.ask('CLIENT UNPAUSE'), OK);
  t.is(await writer.reply(), OK);
  t.is(await otherLink.reply(), OK);
});

/** A wire over which everything comes byte by byte. */
const byteByByte: Dial = (address, events) => dial(address, {
  onOpen: () => events.onOpen(),
  onChunk: (chunk) => {
    for (let at = 0; at < chunk.length; at++) events.onChunk(chunk.subarray(at, at + 1));
  },
  onDrain: () => events.onDrain(),
  onClose: (reason) => events.onClose(reason),
});

test('what is told of a pause may stand between replies, and come byte by byte', withCluster, { ...three, dialOf: () => byteByByte }, async (t, cluster) => {
  const call = callers(t, cluster);
  const [owner, reader, writer, listener] = [await call('foo'), await call('bar'), await call('bar'), await call('front')];
  await listener.ask('SUBSCRIBE news');
  await owner.ask('SET apple 0');
  for (let round = 1; round <= 5; round++) {
    const get = encode(['GET', 'apple']);
    reader.send(Buffer.concat(Array.from({ length: 500 }, () => get)));
    owner.send(requests('CLIENT PAUSE 3600000 WRITE', 'GET apple'));
    t.deepEqual(await replies(owner, 2), [OK, `$1\r\n${round - 1}\r\n`]);
    writer.send(request('INCR apple'));
    await held(cluster, 'bar');
    reader.send(Buffer.concat(Array.from({ length: 500 }, () => get)));
    owner.send(requests('CLIENT UNPAUSE', `PUBLISH news ${round}`));
    t.deepEqual(await replies(owner, 2), [OK, ':1\r\n']);
    t.is(await writer.reply(), `:${round}\r\n`);
    t.is(await listener.reply(), `*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$1\r\n${round}\r\n`);
    t.deepEqual((await replies(reader, 1000)).filter((reply) => !/^\$1\r\n\d\r\n$/.test(reply)), []);
  }
});

test('CLIENT PAUSE in a transaction answers in its place', withCluster, three, async (t, cluster) => {
  const call = callers(t, cluster);
  const [owner, writer] = [await call('foo'), await call('bar')];
  owner.send(requests('MULTI', 'SET apple 1', 'CLIENT PAUSE 3600000 WRITE', 'INCR apple', 'EXEC', 'GET apple'));
  t.deepEqual((await replies(owner, 6)).slice(4), ['*3\r\n+OK\r\n+OK\r\n:2\r\n', '$1\r\n2\r\n']);
  writer.send(request('INCR apple'));
  await held(cluster, 'bar');
  t.is(await owner.ask('CLIENT UNPAUSE'), OK);
  t.is(await writer.reply(), ':3\r\n');
});

test('the line protocol waits for a pause at another node', withCluster, three, async (t, cluster) => {
  const call = callers(t, cluster);
  const owner = await call('foo');
  const [line, other] = await Promise.all([0, 1].map(() => LineClient.connect(cluster.node('front').linePort)));
  t.teardown(() => [line, other].forEach((each) => each!.socket.destroy()));
  t.is(await owner.ask('CLIENT PAUSE 3600000 WRITE'), OK);
  line!.socket.write('CREATE apple\r\nPUT apple milk 1\r\nGET apple milk\r\nDELETE apple milk\r\n');
  other!.socket.write('CREATE pear\r\nPUT pear eggs 2\r\nGET pear eggs\r\nGET apple milk\r\n');
  await waitFor(() => other!.received.endsWith("2\r\nOK\r\nNOT FOUND\r\n"), `the other line to be served: ${other!.received}`);
  await held(cluster, 'front');
  t.is(line!.received, '');
  t.is(await owner.ask('CLIENT UNPAUSE'), OK);
  await waitFor(() => line!.received.split('\r\n').length > 5, 'the line to be served');
  t.is(line!.received, 'OK\r\nOK\r\n1\r\nOK\r\nOK\r\n');
});

// ---- when CLIENT PAUSE is answered

test('behind the reply to CLIENT PAUSE nothing is written, though many wrote through other nodes, and nothing is lost', async (t) => {
  const seed = seedOf(t);
  const network = new TestNetwork(seededRandom(seed));
  const cluster = new TestCluster({ names: ['front', 'foo', 'bar'], dialOf: (name) => network.dialOf(name) });
  t.teardown(() => cluster.stop());
  await cluster.start();
  const call = callers(t, cluster);
  const owner = await call('foo');
  const writers = await Promise.all(['front', 'bar', 'front', 'bar', 'foo'].map((name) => call(name)));
  await writers[1]!.ask('SELECT 1');
  let isOver = false;
  let sent = 0;
  const heard: string[] = [];
  const write = async (writer: RawClient): Promise<void> => {
    while (!isOver) {
      writer.send(Buffer.concat(Array.from({ length: 10 }, () => request('INCR apple'))));
      sent += 10;
      heard.push(...(await replies(writer, 10)));
    }
  };
  network.delayAll(8);
  const writing = writers.map(write);
  const count = async (): Promise<string[]> => {
    owner.send(requests('GET apple', 'SELECT 1', 'GET apple', 'SELECT 0'));
    const [first, , second] = await replies(owner, 4);
    return [first!, second!];
  };
  for (let round = 0; round < 5; round++) {
    const before = heard.length;
    await waitFor(() => heard.length > before + 100, 'some to be written');
    t.is(await owner.ask(`CLIENT PAUSE 3600000 WRITE`), OK);
    const then = await count();
    await held(cluster, 'front', 2);
    await held(cluster, 'bar', 2);
    await waitFor(() => network.isQuiet, 'what is on its way to arrive');
    t.deepEqual(await count(), then);
    t.is(await owner.ask('CLIENT UNPAUSE'), OK);
  }
  isOver = true;
  await Promise.all(writing);
  const [first, second] = await count();
  t.is(numberIn(first!) + numberIn(second!), sent, 'each once');
  t.deepEqual(heard.filter((reply) => !reply.startsWith(':')), []);
});

const numberIn = (reply: string): number => Number(reply.split('\r\n')[1]);

test('what waits for a link to be opened when a pause begins is run before the pause is answered', async (t) => {
  const network = new TestNetwork(seededRandom(1));
  const cluster = new TestCluster({ names: three.names, dialOf: (name) => network.dialOf(name) });
  t.teardown(() => cluster.stop());
  await cluster.start();
  const call = callers(t, cluster);
  const [owner, writer, reader] = [await call('foo'), await call('bar'), await call('bar')];
  network.delayAll(40);
  writer.send(requests('SELECT 7', 'SET apple 1', 'SET apple 2'));
  t.is(await writer.reply(), OK);
  t.is(await owner.ask('CLIENT PAUSE 3600000 WRITE'), OK);
  t.is(await owner.ask('SELECT 7'), OK);
  t.is(await owner.ask('GET apple'), '$1\r\n2\r\n');
  t.deepEqual(await replies(writer, 2), [OK, OK]);
  writer.send(request('SET apple 3'));
  await held(cluster, 'bar');
  t.is(await reader.ask('SELECT 7'), OK);
  t.is(await reader.ask('GET apple'), '$1\r\n2\r\n');
  t.is(await owner.ask('CLIENT UNPAUSE'), OK);
  t.is(await writer.reply(), OK);
});

test('a node that hangs does not keep CLIENT PAUSE from being answered', async (t) => {
  const ports = [await freePort(), await freePort()];
  const shared = { nodes: `foo=127.0.0.1:${ports[0]},front=127.0.0.1:${ports[1]}`, shards: '*=foo', cookie: 'oatmeal' };
  const cluster = new TestCluster();
  await cluster.startNode('foo', { ...shared, 'peer-timeout': String(PEER_TIMEOUT_MS) });
  const front = await spawnNode({ ...shared, node: 'front' });
  t.teardown(async () => {
    await cluster.stop();
    await front.kill();
  });
  const call = callers(t, cluster);
  const [owner, writer] = [await call('foo'), await RawClient.connect(front.port)];
  await waitFor(async () => (await writer.ask('SET apple 1')) === OK, 'foo to be reached');
  front.process.kill('SIGSTOP');
  writer.send(request('SET apple 2'));
  t.is(await owner.ask('CLIENT PAUSE 3600000 WRITE'), OK);
  await cluster.logged('Peer "front" does not answer that it holds what is paused: its connection is closed');
  front.process.kill('SIGCONT');
  t.regex(await writer.reply(), /^-PEER(LOST|DOWN) foo /);
  t.is(await owner.ask('GET apple'), '$1\r\n1\r\n');
  t.is(await owner.ask('CLIENT UNPAUSE'), OK);
  await waitFor(async () => (await writer.ask('SET apple 3')) === OK, 'foo to be reached again');
  writer.close();
});

test('an owner that dies or hangs during a pause is down for those who are held', async (t) => {
  const ports = [await freePort(), await freePort()];
  const shared = { nodes: `foo=127.0.0.1:${ports[0]},bar=127.0.0.1:${ports[1]}`, shards: 'a-m=foo,*=bar', cookie: 'oatmeal' };
  const cluster = new TestCluster();
  const foo = await spawnNode({ ...shared, node: 'foo' });
  await cluster.startNode('bar', { ...shared, 'peer-timeout': String(PEER_TIMEOUT_MS) });
  t.teardown(async () => {
    await cluster.stop();
    await foo.kill();
  });
  const call = callers(t, cluster);
  const [writer, transaction, other, owner] = [await call('bar'), await call('bar'), await call('bar'), await RawClient.connect(foo.port)];
  await waitFor(() => cluster.isConnected('bar'), 'foo to be reached');
  t.is(await transaction.ask('WATCH apple'), OK);
  t.is(await owner.ask('CLIENT PAUSE 3600000 WRITE'), OK);
  writer.send(request('SET apple 1'));
  transaction.send(requests('MULTI', 'SET apple 1'));
  await held(cluster, 'bar', 2);
  foo.process.kill('SIGSTOP');
  t.regex(await writer.reply(), /^-PEERDOWN foo .*: no reply for 500 ms/);
  t.is(await transaction.reply(), OK);
  t.is(await transaction.reply(), '+QUEUED\r\n');
  t.regex(await transaction.ask('EXEC'), /^-EXECABORT .*PEER(LOST|DOWN)/);
  t.is(await other.ask('SET pear 1'), OK);
  foo.process.kill('SIGCONT');
  await waitFor(() => cluster.isConnected('bar'), 'foo to be reached again');
  writer.send(request('SET apple 1'));
  await held(cluster, 'bar', 1);
  await foo.kill();
  t.regex(await writer.reply(), /^-PEERDOWN foo /);
  owner.close();
});

// ---- who waits

test('who is to be served by a push is served although a pause comes behind it, and before its reply', async (t) => {
  const network = new TestNetwork(seededRandom(1));
  const cluster = new TestCluster({ names: three.names, dialOf: (name) => network.dialOf(name) });
  t.teardown(() => cluster.stop());
  await cluster.start();
  const call = callers(t, cluster);
  const [owner, far, here] = [await call('foo'), await call('bar'), await call('foo')];
  far.send(request('BLPOP apple pear 0'));
  await waitFor(() => cluster.node('foo').state.waits.count === 1, 'the first to wait');
  here.send(request('BLPOP apple 0'));
  await waitFor(() => cluster.node('foo').state.waits.count === 2, 'the second to wait');
  network.delayAll(20);
  owner.send(requests('RPUSH apple one', 'CLIENT PAUSE 3600000 WRITE'));
  t.deepEqual(await replies(owner, 2), [':1\r\n', OK]);
  t.is(await far.reply(), '*2\r\n$5\r\napple\r\n$3\r\none\r\n');
  t.is(await owner.ask('LLEN apple'), ':0\r\n');
  t.true(here.isSilent);
  t.is(await owner.ask('CLIENT UNPAUSE'), OK);
  t.is(await owner.ask('RPUSH apple two'), ':1\r\n');
  t.is(await here.reply(), '*2\r\n$5\r\napple\r\n$3\r\ntwo\r\n');
});

test('who has been told that there is something gets it, however far away, and not who waits behind it', async (t) => {
  const network = new TestNetwork({ next: () => 1 });
  const cluster = new TestCluster({ names: three.names, dialOf: (name) => network.dialOf(name) });
  t.teardown(() => cluster.stop());
  await cluster.start();
  const call = callers(t, cluster);
  const [owner, far, here] = [await call('foo'), await call('bar'), await call('foo')];
  far.send(request('BLPOP apple 0'));
  await waitFor(() => cluster.node('foo').state.waits.count === 1, 'the first to wait');
  here.send(request('BLPOP apple 0'));
  await waitFor(() => cluster.node('foo').state.waits.count === 2, 'the second to wait');
  // It comes later than others are kept waiting for it without a pause.
  network.delayAll(600);
  owner.send(requests('RPUSH apple one', 'CLIENT PAUSE 3600000 WRITE'));
  t.is(await far.reply(), '*2\r\n$5\r\napple\r\n$3\r\none\r\n');
  t.deepEqual(await replies(owner, 2), [':1\r\n', OK]);
  t.true(here.isSilent);
});

test('who waits before a pause at another node waits through it, and who comes meanwhile waits behind it', withCluster, three, async (t, cluster) => {
  const call = callers(t, cluster);
  const owner = await call('foo');
  const [early, timed, both, late, pusher] = await Promise.all(['bar', 'bar', 'front', 'bar', 'front'].map((name) => call(name)));
  early!.send(request('BLPOP apple 0'));
  await waitFor(() => cluster.node('foo').state.waits.count === 1, 'the first to wait');
  timed!.send(request('BLPOP banana 3'));
  both!.send(request('BLPOP cherry pear 0'));
  await waitFor(() => cluster.node('foo').state.waits.count === 3, 'three to wait');
  t.is(await owner.ask('CLIENT PAUSE 3600000 WRITE'), OK);
  late!.send(request('BLPOP apple 0'));
  pusher!.send(requests('RPUSH pear eggs', 'RPUSH apple one two'));
  t.is(await pusher!.reply(), ':1\r\n');
  t.is(await both!.reply(), '*2\r\n$4\r\npear\r\n$4\r\neggs\r\n', 'from the node that is not paused');
  t.is(await timed!.reply(), '*-1\r\n');
  t.true(early!.isSilent && late!.isSilent && pusher!.isSilent);
  t.is(await owner.ask('CLIENT UNPAUSE'), OK);
  t.is(await pusher!.reply(), ':2\r\n');
  t.is(await early!.reply(), '*2\r\n$5\r\napple\r\n$3\r\none\r\n');
  t.is(await late!.reply(), '*2\r\n$5\r\napple\r\n$3\r\ntwo\r\n');
});

/** Of clients and peers. */
const connectionsOf = (node: object): number => (node as { connections: Set<unknown> }).connections.size;

test.serial('a request that was on its way over a link of its own when a pause began waits at the other end', async (t) => {
  const network = new TestNetwork({ next: () => 1 });
  const cluster = new TestCluster({ names: three.names, settings: { 'peer-timeout': '1000' }, dialOf: (name) => network.dialOf(name) });
  t.teardown(() => cluster.stop());
  await cluster.start();
  const call = callers(t, cluster);
  const [owner, writer, gone] = [await call('foo'), await call('bar'), await call('bar')];
  for (const client of [writer, gone]) {
    client.send(requests('WATCH apple', 'MULTI', 'INCR apple'));
    await replies(client, 3);
  }
  network.delayAll(50);
  writer.send(request('EXEC'));
  gone.send(request('EXEC'));
  await waitFor(() => !network.isQuiet, 'them to leave');
  t.is(await owner.ask('CLIENT PAUSE 3600000 WRITE'), OK);
  await waitFor(() => network.isQuiet, 'what is on its way to arrive');
  await outlastPeerTimeout();
  t.true(writer.isSilent);
  const before = connectionsOf(cluster.node('foo'));
  gone.close();
  await waitFor(() => connectionsOf(cluster.node('foo')) === before - 1, 'its link to be closed');
  t.is(await owner.ask('CLIENT UNPAUSE'), OK);
  t.is(await writer.reply(), '*1\r\n:1\r\n');
});

test('a client that caches is told of others\' writes alone, also of those that a pause held', withCluster, three, async (t, cluster) => {
  const call = callers(t, cluster);
  const [owner, cacher, writer] = [await call('foo'), await call('bar'), await call('bar')];
  await cacher.ask('HELLO 3');
  t.is(await cacher.ask('CLIENT TRACKING on NOLOOP'), OK);
  t.is(await cacher.ask('MGET apple banana'), '*2\r\n_\r\n_\r\n');
  t.is(await owner.ask('CLIENT PAUSE 3600000 WRITE'), OK);
  cacher.send(request('SET apple 1'));
  await held(cluster, 'bar');
  t.is(await writer.ask('HELLO 3').then(() => writer.ask('GET apple')), '_\r\n');
  writer.send(request('SET banana 2'));
  await held(cluster, 'bar', 2);
  t.is(await owner.ask('CLIENT UNPAUSE'), OK);
  t.is(await writer.reply(), OK);
  const heard = [await cacher.reply(), await cacher.reply()].sort();
  t.deepEqual(heard, [OK, '>2\r\n$10\r\ninvalidate\r\n*1\r\n$6\r\nbanana\r\n']);
});

test('a client that caches hears of changes while it is held', withCluster, three, async (t, cluster) => {
  const call = callers(t, cluster);
  const [owner, cacher, writer] = [await call('foo'), await call('bar'), await call('bar')];
  await cacher.ask('HELLO 3');
  t.is(await cacher.ask('CLIENT TRACKING on'), OK);
  t.is(await cacher.ask('GET pear'), '_\r\n');
  t.is(await owner.ask('CLIENT PAUSE 3600000 WRITE'), OK);
  cacher.send(request('SET apple 1'));
  await held(cluster, 'bar');
  t.is(await writer.ask('SET pear 1'), OK);
  t.is(await cacher.reply(), '>2\r\n$10\r\ninvalidate\r\n*1\r\n$4\r\npear\r\n');
});

test('a bucket that is carried from node to node when a pause begins is carried on behind it', async (t) => {
  const network = new TestNetwork(seededRandom(1));
  const cluster = new TestCluster({ names: three.names, dialOf: (name) => network.dialOf(name) });
  t.teardown(() => cluster.stop());
  await cluster.start();
  const call = callers(t, cluster);
  const [owner, mover, reader] = [await call('foo'), await call('bar'), await call('bar')];
  t.is(await owner.ask('SET apple 1'), OK);
  network.delayAll(100);
  owner.send(request('CLIENT PAUSE 3600000 WRITE'));
  await waitFor(() => cluster.node('foo').state.pause.isActive, 'the pause to begin');
  // Nobody has told bar of it yet.
  mover.send(request('RENAME apple pear'));
  t.is(await owner.reply(), OK);
  await waitFor(() => network.isQuiet, 'what is on its way to arrive');
  t.true(mover.isSilent);
  t.is(await reader.ask('GET apple'), '$1\r\n1\r\n');
  t.is(await owner.ask('CLIENT UNPAUSE'), OK);
  t.is(await mover.reply(), OK);
  t.is(await reader.ask('MGET apple pear'), '*2\r\n$-1\r\n$1\r\n1\r\n');
});

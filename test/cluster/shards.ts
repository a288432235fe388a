/** The SHARD command, INFO's part of it, commands over several shards, and taking over another map. */
import { once } from 'node:events';
import { type AddressInfo, type Socket, createServer } from 'node:net';
import test from 'ava';
import { TestCluster, withCluster } from '../support/cluster.js';
import { RawClient } from '../support/raw-client.js';
import { referenceTest } from '../support/macros.js';
import { freePort, startReference } from '../support/reference.js';
import { waitFor } from '../support/wait-for.js';
import { Settings } from '../../lib/config/settings.js';
import { Node } from '../../lib/server.js';
import { Log, silentLog } from '../../lib/util/log.js';
import { inMemory } from '../support/in-memory.js';

test('SHARD MAP, OF and FINGERPRINT tell who owns what, the same on every node', withCluster, {}, async (t, cluster) => {
  const foo = await RawClient.connect(cluster.port('foo'));
  const bar = await RawClient.connect(cluster.port('bar'));
  t.is(await foo.ask('SHARD MAP'), '*3\r\n*2\r\n$3\r\na-m\r\n$3\r\nfoo\r\n*2\r\n$3\r\nn-z\r\n$3\r\nbar\r\n*2\r\n$1\r\n*\r\n$3\r\nfoo\r\n');
  t.is(await foo.ask('SHARD OF apple zebra {n}a 7up'), '*4\r\n$3\r\nfoo\r\n$3\r\nbar\r\n$3\r\nbar\r\n$3\r\nfoo\r\n');
  t.regex(await foo.ask('SHARD FINGERPRINT'), /^\$12\r\n[0-9a-f]{12}\r\n$/);
  t.is(await foo.ask('SHARD FINGERPRINT'), await bar.ask('SHARD FINGERPRINT'));
  t.regex(await foo.ask('SHARD HELP'), /^\*\d+\r\n\+SHARD <subcommand>/);
  t.is(await foo.ask('SHARD OF'), "-ERR wrong number of arguments for 'shard|of' command\r\n");
  t.is(await foo.ask('SHARD NOSUCH'), "-ERR unknown subcommand 'NOSUCH'. Try SHARD HELP.\r\n");
  foo.close();
  bar.close();
});

test('SHARD PEERS and INFO show how a peer is', withCluster, {}, async (t, cluster) => {
  const client = await RawClient.connect(cluster.port('foo'));
  await client.ask('SET zebra 1');
  const peers = await client.ask('SHARD PEERS');
  t.regex(peers, /^\*1\r\n\*24\r\n\$4\r\nname\r\n\$3\r\nbar\r\n[^]*state\r\n\$2\r\nup\r\n[^]*requests\r\n:[1-9]/);
  t.regex(await client.ask('INFO shards'), /shard_node:foo\r\n[^]*shard_peers_up:1\r\nshard_peer_bar:state=up,links=1,/);
  await cluster.stopNode('bar');
  await waitFor(async () => (await client.ask('SHARD PEERS')).includes('connection refused'), 'bar to be shown as down');
  t.regex(await client.ask('INFO shards'), /shard_peers_up:0\r\nshard_peer_bar:state=down/);
  client.close();
});

test('a command of one shard whose buckets are on several says where they are', withCluster, {}, async (t, cluster) => {
  const client = await RawClient.connect(cluster.port('foo'));
  t.is(
    await client.ask('RPOPLPUSH apple zebra'),
    '-CROSSSLOT Keys in request don\'t hash to the same slot: "apple" is on foo, "zebra" is on bar\r\n',
  );
  await client.ask('SET {n}a 1');
  t.is(await client.ask('RENAME {n}a {n}b'), '+OK\r\n');
  client.close();
});

test('split commands answer in the order of the request', withCluster, {}, async (t, cluster) => {
  const client = await RawClient.connect(cluster.port('foo'));
  t.is(await client.ask('MSET zoo 1 ant 2 yak 3 bee 4'), '+OK\r\n');
  t.is(await client.ask('MGET bee zoo none ant nix yak zoo'), '*7\r\n$1\r\n4\r\n$1\r\n1\r\n$-1\r\n$1\r\n2\r\n$-1\r\n$1\r\n3\r\n$1\r\n1\r\n');
  t.is(await client.ask('EXISTS ant zoo zoo none nope'), ':3\r\n');
  t.is(await client.ask('TOUCH ant zoo none'), ':2\r\n');
  t.regex(await client.ask('INFO keyspace'), /db0:keys=4,expires=0/);
  t.is(await client.ask('DEL ant zoo none'), ':2\r\n');
  t.is(await client.ask('UNLINK bee yak'), ':2\r\n');
  t.is(await client.ask('DBSIZE'), ':0\r\n');
  t.is(await client.ask('RANDOMKEY'), '$-1\r\n');
  client.close();
});

test('a split command of which one part cannot be run answers that failure, and runs no part', withCluster, {}, async (t, cluster) => {
  const client = await RawClient.connect(cluster.port('foo'));
  await cluster.stopNode('bar');
  await waitFor(async () => (await client.ask('GET zoo')).startsWith('-PEERDOWN'), 'bar to be missed');
  t.regex(await client.ask('MSET ant 1 zoo 2'), /^-PEERDOWN bar \(/);
  t.is(await client.ask('GET ant'), '$-1\r\n');
  t.regex(await client.ask('DBSIZE'), /^-PEERDOWN bar \(/);
  t.regex(await client.ask('MEMORY PURGE'), /^-PEERDOWN bar \(/);
  t.regex(await client.ask('MEMORY STATS'), /^\*/, 'is about this node');
  t.regex(await client.ask('SCAN 0 COUNT 100'), /^-PEERDOWN bar \(/);
  await client.ask('SET ant 1');
  t.regex(await client.ask('INFO'), /^\$[^]*# Keyspace\r\ndb0:keys=1,/, 'client libraries begin with INFO');
  client.close();
});

test('MSET of which one part fails after the other has run answers that failure, and keeps what ran', async (t) => {
  const reference = await startNodeWithoutWrites();
  const cluster = new TestCluster();
  t.teardown(async () => {
    await cluster.stop();
    reference.close();
  });
  await cluster.startNode('foo', { nodes: `foo=127.0.0.1:${await freePort()},bar=redis://127.0.0.1:${reference.port}` });
  await waitFor(() => cluster.isConnected('foo'), 'bar to be reached');
  const client = await RawClient.connect(cluster.port('foo'));
  t.is(await client.ask('MSET zoo 1 ant 2'), "-READONLY You can't write against a read only replica. (on bar)\r\n");
  t.is(await client.ask('GET ant'), '$1\r\n2\r\n');
  client.close();
});

/** A double of a Redis server that refuses everything but PING. */
async function startNodeWithoutWrites(): Promise<{ port: number; close(): void }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      // Several may come in one piece.
      for (const request of chunk.toString('latin1').split(/(?=\*\d+\r\n)/)) {
        const isPing = request === '*1\r\n$4\r\nPING\r\n';
        socket.write(isPing ? '+PONG\r\n' : "-READONLY You can't write against a read only replica.\r\n");
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { port: (server.address() as AddressInfo).port, close };
}

test('SWAPDB exchanges the databases of every shard', withCluster, {}, async (t, cluster) => {
  const client = await RawClient.connect(cluster.port('foo'));
  const other = await RawClient.connect(cluster.port('bar'));
  t.is(await client.ask('MSET ant 1 zoo 2'), '+OK\r\n');
  t.is(await client.ask('SWAPDB 0 5'), '+OK\r\n');
  t.is(await client.ask('MGET ant zoo'), '*2\r\n$-1\r\n$-1\r\n');
  t.is(await other.ask('SELECT 5'), '+OK\r\n');
  t.is(await other.ask('MGET ant zoo'), '*2\r\n$1\r\n1\r\n$1\r\n2\r\n');
  t.regex(await client.ask('INFO keyspace'), /\r\ndb5:keys=2,expires=0/);
  t.is(await client.ask('SWAPDB 0 99'), '-ERR DB index is out of range\r\n');
  t.is(await other.ask('FLUSHALL'), '+OK\r\n');
  t.is(await other.ask('MEMORY PURGE'), '+OK\r\n');
  t.is(await other.ask('DBSIZE'), ':0\r\n');
  client.close();
  other.close();
});

const threeNodes = { names: ['foo', 'bar', 'baz'], shards: 'a-h=foo,i-p=bar,*=baz' };

test('SCAN walks all shards, also when each page is asked of another node', withCluster, threeNodes, async (t, cluster) => {
  const clients = await Promise.all(['foo', 'bar', 'baz'].map((name) => RawClient.connect(cluster.port(name))));
  const names = new Set(Array.from({ length: 3000 }, (_each, index) => `${String.fromCharCode(97 + (index % 26))}${index}`));
  for (const name of names) clients[0]!.send(`SET ${name} 1\r\n`);
  for (const _name of names) await clients[0]!.reply();
  const seen = new Set<string>();
  let cursor = '0';
  let page = 0;
  do {
    const reply = await clients[page++ % 3]!.ask(`SCAN ${cursor} COUNT 37`);
    const [, next, ...rest] = reply.split('\r\n').filter((line) => !line.startsWith('$') && !line.startsWith('*'));
    cursor = reply.split('\r\n')[2]!;
    t.true(Number(cursor) <= Number.MAX_SAFE_INTEGER);
    for (const name of [next, ...rest]) if (name !== undefined && name !== '') seen.add(name);
  } while (cursor !== '0');
  for (const name of names) if (!seen.has(name)) t.fail(name);
  t.true(page > 50);
  for (const client of clients) client.close();
});

test('CONFIG SET shards takes a map whole or not at all', withCluster, {}, async (t, cluster) => {
  const foo = await RawClient.connect(cluster.port('foo'));
  const before = await foo.ask('SHARD FINGERPRINT');
  for (const [shards, text] of [
    ['a-m=foo,k-z=bar', 'overlaps'], ['a-m=foo,n-z=quux', 'no node is called quux'], ['m-a=foo', 'reversed'],
  ] as const) {
    t.regex(await foo.ask(`CONFIG SET shards ${shards}`), new RegExp(`^-ERR .*${text}`));
    t.is(await foo.ask('SHARD FINGERPRINT'), before);
  }
  t.is(await foo.ask('CONFIG SET shards a-p=foo,q-z=bar,*=foo'), '+OK\r\n');
  t.not(await foo.ask('SHARD FINGERPRINT'), before);
  t.is(await foo.ask('SHARD OF nut'), '*1\r\n$3\r\nfoo\r\n');
  await cluster.logged('The shard map has changed: names from "n" to below "q": bar -> foo');
  t.regex(await foo.ask('GET zoo'), /^\$-1/, 'the name is where both maps have it');
  foo.close();
});

test('a map that would leave buckets behind is refused, with the ranges and their number', withCluster, {}, async (t, cluster) => {
  const foo = await RawClient.connect(cluster.port('foo'));
  for (const name of ['kiwi', 'lime', 'apple', '7up']) await foo.ask(`SET ${name} 1`);
  const reply = await foo.ask('CONFIG SET shards a-j=foo,k-z=bar,*=foo');
  t.regex(reply, /^-ERR .*2 buckets stored on foo would be left behind: 2 of 'k-z=bar'; move them first, or leave/);
  t.is(await foo.ask('GET kiwi'), '$1\r\n1\r\n');
  foo.close();
});

test('SHARD RELOAD reads the config again, and says what has changed', async (t) => {
  const [one, two] = [await freePort(), await freePort()];
  const base = { ...inMemory, port: 'any', 'line-port': '0', bind: '127.0.0.1', cookie: 'oatmeal' };
  let nodes = `foo=127.0.0.1:${one},bar=127.0.0.1:${two}`;
  let shards = 'a-m=foo,n-z=bar,*=foo';
  const lines: string[] = [];
  const node = new Node({
    settings: new Settings({ ...base, node: 'foo', nodes, shards }),
    log: new Log((line) => void lines.push(line)),
    readAgain: () => Promise.resolve({ nodes, shards }),
  });
  const bar = new Node({ settings: new Settings({ ...base, node: 'bar', nodes, shards }), log: silentLog });
  await node.start();
  await bar.start();
  t.teardown(() => Promise.all([node.stop(), bar.stop()]));
  const client = await RawClient.connect(node.port);
  t.is(await client.ask('SHARD RELOAD'), '*0\r\n');
  await client.ask('SET kiwi 1');
  shards = 'a-j=foo,k-z=bar,*=foo';
  t.regex(await client.ask('SHARD RELOAD'), /^-ERR shards: 1 buckets stored on foo would be left behind/);
  t.is(await client.ask('GET kiwi'), '$1\r\n1\r\n');
  t.is(await client.ask('SHARD RELOAD FORCE'), '*1\r\n$39\r\nnames from "k" to below "n": foo -> bar\r\n');
  shards = 'x=nobody';
  t.regex(await client.ask('SHARD RELOAD'), /^-ERR shards: 'x=nobody': no node is called nobody; add 'nobody=host:port' to nodes/);
  nodes = `foo=127.0.0.1:${one},bar=redis://127.0.0.1:${two}`;
  shards = 'a-j=foo,k-z=bar,*=foo';
  t.regex(await client.ask('SHARD RELOAD'), /^\*1\r\n\$\d+\r\nnode bar: 127\.0\.0\.1:\d+ -> redis:\/\/127\.0\.0\.1:\d+\r\n$/);
  t.is(await client.ask('SHARD RELOAD NOW'), '-ERR syntax error\r\n');
  client.close();
});

test('a node that cannot be right does not come to be', (t) => {
  const make = (settings: Record<string, string>): Node => {
    return new Node({ settings: new Settings(settings), log: silentLog });
  };
  t.throws(() => make({ shards: 'a-m=foo' }), { message: /no node is called foo/ });
  t.throws(() => make({ nodes: 'foo=h:1', shards: 'a-m=foo' }), { message: /cookie: it is empty, but foo must prove it/ });
  t.throws(() => make({ node: 'foo', nodes: 'foo=redis://h:1' }), { message: /'foo' is this node/ });
  t.notThrows(() => make({ nodes: 'r=redis://h:1', shards: '*=r' }));
});

// ---- the chapter's session, over the line protocol

/** Sends lines and gives what comes back for them: as many lines as are expected. */
async function session(port: number, lines: readonly (readonly [line: string, reply: string])[]): Promise<string[]> {
  const client = await RawClient.connect(port);
  let received = '';
  client.socket.removeAllListeners('data');
  client.socket.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')));
  const replies: string[] = [];
  for (const [line, reply] of lines) {
    const from = received.length;
    client.send(`${line}\r\n`);
    const lineCount = reply.split('\r\n').length;
    await waitFor(() => received.slice(from).split('\r\n').length >= lineCount, `the reply to ${line}`);
    replies.push(received.slice(from));
  }
  client.close();
  return replies;
}

const CHAPTER = [
  ['CREATE bitsandpieces', 'OK\r\n'], ['PUT bitsandpieces sword 1', 'OK\r\n'], ['GET bitsandpieces sword', '1\r\nOK\r\n'],
  ['GET shopping foo', 'NOT FOUND\r\n'], ['CREATE shopping', 'OK\r\n'], ['PUT shopping eggs 3', 'OK\r\n'],
  ['GET shopping eggs', '3\r\nOK\r\n'], ['DELETE shopping eggs', 'OK\r\n'], ['GET shopping eggs', '\r\nOK\r\n'],
] as const;

test('the session of the chapter: buckets in both halves, over telnet', withCluster, {}, async (t, cluster) => {
  t.deepEqual(await session(cluster.node('foo').linePort, CHAPTER), CHAPTER.map(([, reply]) => reply));
  t.is(cluster.node('bar').state.store.databases[0]!.size, 1);
});

test('the session with bar as storage only', async (t) => {
  const cluster = new TestCluster();
  t.teardown(() => cluster.stop());
  const nodes = `foo=127.0.0.1:${await freePort()},bar=127.0.0.1:${await freePort()}`;
  await cluster.startNode('bar', { nodes, port: '0', 'line-port': '0' });
  await cluster.startNode('foo', { nodes });
  await waitFor(() => cluster.isConnected('foo'), 'bar to be reached');
  t.deepEqual(await session(cluster.node('foo').linePort, CHAPTER), CHAPTER.map(([, reply]) => reply));
});

test('the session with bar down: its letters get a line that says so, the connection and the others go on', async (t) => {
  const cluster = new TestCluster();
  t.teardown(() => cluster.stop());
  const port = await freePort();
  await cluster.startNode('foo', { nodes: `foo=127.0.0.1:${await freePort()},bar=127.0.0.1:${port}` });
  await cluster.logged('is down');
  const down = `ERROR PEERDOWN bar (127.0.0.1:${port}): connection refused\r\n`;
  const lines = CHAPTER.map(([line, reply]) => [line, line.includes('shopping') ? down : reply] as const);
  t.deepEqual(await session(cluster.node('foo').linePort, lines), lines.map(([, reply]) => reply));
});

referenceTest('the session with a redis-server as bar: a bucket without entries does not exist there', async (t) => {
  const reference = await startReference();
  t.teardown(() => reference.stop());
  const cluster = new TestCluster();
  t.teardown(() => cluster.stop());
  await cluster.startNode('foo', { nodes: `foo=127.0.0.1:${await freePort()},bar=redis://127.0.0.1:${reference.port}` });
  await waitFor(() => cluster.isConnected('foo'), 'redis-server to be reached');
  const last = CHAPTER.length - 1;
  const lines = CHAPTER.map(([line, reply], index) => [line, index === last ? 'NOT FOUND\r\n' : reply] as const);
  t.deepEqual(await session(cluster.node('foo').linePort, lines), lines.map(([, reply]) => reply));
  const direct = await RawClient.connect(reference.port);
  await direct.ask('RPUSH numbers 1');
  t.deepEqual(await session(cluster.node('foo').linePort, [
    ['CREATE numbers', 'ERROR bucket "numbers" holds a list\r\n'], ['PUT shopping eggs 4', 'OK\r\n'],
    ['GET shopping milk', '\r\nOK\r\n'],
  ]), ['ERROR bucket "numbers" holds a list\r\n', 'OK\r\n', '\r\nOK\r\n']);
  t.is(await direct.ask('HGETALL shopping'), '*2\r\n$4\r\neggs\r\n$1\r\n4\r\n');
  direct.close();
});

test('the session with a wrong cookie: the line says so', async (t) => {
  const cluster = new TestCluster();
  t.teardown(() => cluster.stop());
  const nodes = `foo=127.0.0.1:${await freePort()},bar=127.0.0.1:${await freePort()}`;
  await cluster.startNode('bar', { nodes, cookie: 'muesli' });
  await cluster.startNode('foo', { nodes });
  await cluster.logged('is down');
  const [reply] = await session(cluster.node('foo').linePort, [['CREATE shopping', 'one line\r\n']]);
  t.regex(reply!, /^ERROR PEERDOWN bar \(127\.0\.0\.1:\d+\): WRONGCOOKIE wrong cookie: bar and foo must be given/);
});

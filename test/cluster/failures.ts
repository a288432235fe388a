/** What can happen to a peer, and what clients see of it. */
import { execFileSync } from 'node:child_process';
import { type Server, createServer } from 'node:net';
import test from 'ava';
import { TestCluster, withCluster } from '../support/cluster.js';
import { type SpawnedNode, spawnNode } from '../support/spawned-node.js';
import { RawClient, encode } from '../support/raw-client.js';
import { freePort } from '../support/reference.js';
import { waitFor } from '../support/wait-for.js';

/** A node foo whose peer bar is at `port`, where nobody or a double listens. */
async function withPeerAt(
  cluster: TestCluster, port: number, settings: Readonly<Record<string, string>> = {},
): Promise<RawClient> {
  await cluster.startNode('foo', { nodes: `foo=127.0.0.1:${await freePort()},bar=127.0.0.1:${port}`, ...settings });
  return RawClient.connect(cluster.port('foo'));
}

/** The settings of a node bar for `spawnNode`, as `TestCluster` gives them to foo. */
async function barSettings(): Promise<Record<string, string>> {
  const nodes = `foo=127.0.0.1:${await freePort()},bar=127.0.0.1:${await freePort()}`;
  return { node: 'bar', nodes, shards: 'a-m=foo,n-z=bar,*=foo', cookie: 'oatmeal' };
}

async function isUp(client: RawClient): Promise<boolean> {
  return !(await client.ask('GET zebra')).startsWith('-PEER');
}

test('a peer that is not there: the node starts, its letters fail at once, every other letter works', async (t) => {
  const cluster = new TestCluster();
  t.teardown(() => cluster.stop());
  const port = await freePort();
  // A reply that waited for the time-out would come in an hour.
  const client = await withPeerAt(cluster, port, { 'peer-timeout': '3600000' });
  for (let i = 0; i < 20; i++) {
    t.is(await client.ask('GET zebra'), `-PEERDOWN bar (127.0.0.1:${port}): connection refused\r\n`);
    t.is(await client.ask('SET apple 1'), '+OK\r\n');
  }
  await cluster.logged(`Peer bar (127.0.0.1:${port}) is down: connection refused`);
  t.is(cluster.lines.filter((line) => line.includes('is down')).length, 1, 'said once, not at every attempt');
  client.close();
});

test('a peer that comes back is used within two seconds, without a storm of attempts', withCluster, {}, async (t, cluster) => {
  const client = await RawClient.connect(cluster.port('foo'));
  await client.ask('SET zebra 1');
  await cluster.stopNode('bar');
  await waitFor(async () => !(await isUp(client)), 'bar to be missed');
  await cluster.startNode('bar');
  await waitFor(() => isUp(client), 'bar to be used again');
  const [bar] = cluster.node('foo').cluster.peers;
  const pauses = Array.from({ length: 100 }, (_, failures) => bar!.retryMs(failures + 1));
  t.true(Math.max(...pauses) <= 2000, 'the longest pause between two attempts');
  t.true(pauses.slice(20).every((ms) => ms >= 1000));
  client.close();
});

test('attempts to reach a peer that refuses come ever more slowly', async (t) => {
  const cluster = new TestCluster();
  let attempts = 0;
  const server = createServer((socket) => {
    attempts++;
    socket.destroy();
  });
  t.teardown(async () => {
    await cluster.stop();
    server.close();
  });
  const port = await listening(server);
  const client = await withPeerAt(cluster, port);
  const begin = performance.now();
  await waitFor(() => attempts >= 5, 'five attempts');
  // 50 + 100 + 200 + 400 ms, each at least halved.
  t.true(performance.now() - begin > 350);
  t.regex(await client.ask('GET zebra'), /^-PEERDOWN bar \(127\.0\.0\.1:\d+\): connection (closed|reset)\r\n$/);
  client.close();
});

test('a reset with requests in flight: PEERLOST for each, in order, and nothing is sent twice', async (t) => {
  const cluster = new TestCluster();
  const peer = await startNodeDouble();
  t.teardown(async () => {
    await cluster.stop();
    peer.close();
  });
  const client = await withPeerAt(cluster, peer.port, { nodes: `bar=redis://127.0.0.1:${peer.port}` });
  await waitFor(() => cluster.isConnected('foo'), 'the double to be reached');
  client.send(Buffer.concat([encode(['SET', 'zebra', '1']), encode(['SET', 'apple', '2']), encode(['SET', 'zoo', '3'])]));
  await waitFor(() => peer.received.includes('zoo'), 'the requests to arrive');
  peer.reset();
  const where = `bar (redis://127.0.0.1:${peer.port})`;
  const doubt = 'the request may or may not have been executed\r\n';
  t.is(await client.reply(), `-PEERLOST ${where}: connection reset; ${doubt}`);
  t.is(await client.reply(), '+OK\r\n');
  t.is(await client.reply(), `-PEERLOST ${where}: connection reset; ${doubt}`);
  await waitFor(() => cluster.isConnected('foo'), 'the link to be there again');
  t.is(peer.received.split('zebra').length, 2, 'sent once');
  client.close();
});

test('a reply that is cut off in the middle ends the connection of its client, and no other', async (t) => {
  const cluster = new TestCluster();
  const peer = await startNodeDouble();
  t.teardown(async () => {
    await cluster.stop();
    peer.close();
  });
  const client = await withPeerAt(cluster, peer.port, { nodes: `bar=redis://127.0.0.1:${peer.port}` });
  const other = await RawClient.connect(cluster.port('foo'));
  await waitFor(() => cluster.isConnected('foo'), 'the double to be reached');
  client.send(encode(['GET', 'zebra']));
  await waitFor(() => peer.received.includes('zebra'), 'the request to arrive');
  other.send(encode(['GET', 'zoo']));
  await waitFor(() => peer.received.includes('zoo'), 'the other request to arrive');
  peer.send(Buffer.concat([Buffer.from('$1000000\r\n'), Buffer.alloc(600_000, 'x')]));
  await waitFor(() => client.socket.bytesRead >= 500_000, 'a part of the value');
  peer.reset();
  t.true((await client.untilClosed()).length < 1_000_000);
  t.regex(await other.reply(), /^-PEERLOST/);
  client.close();
  other.close();
});

test('a client that goes with replies on their way takes no replies of others with it', async (t) => {
  const cluster = new TestCluster();
  const peer = await startNodeDouble();
  t.teardown(async () => {
    await cluster.stop();
    peer.close();
  });
  const client = await withPeerAt(cluster, peer.port, { nodes: `bar=redis://127.0.0.1:${peer.port}` });
  const other = await RawClient.connect(cluster.port('foo'));
  await waitFor(() => cluster.isConnected('foo'), 'the double to be reached');
  client.send(Buffer.concat([encode(['GET', 'zebra']), encode(['GET', 'zinc']), encode(['GET', 'zone'])]));
  await waitFor(() => peer.received.includes('zone'), 'the requests to arrive');
  client.socket.resetAndDestroy();
  await waitFor(() => cluster.node('foo').state.clients.size === 1, 'the client to be gone');
  other.send(encode(['GET', 'zoo']));
  await waitFor(() => peer.received.includes('zoo'), 'the other request to arrive');
  // In two pieces: the entry of the client that has gone is not used up by the first.
  peer.send(Buffer.from('+zebra\r\n'));
  await waitFor(() => inFlight(cluster) === 3, 'the first reply to arrive');
  peer.send(Buffer.from('+zinc\r\n+zone\r\n+zoo\r\n'));
  t.is(await other.reply(), '+zoo\r\n');
  other.close();
});

function inFlight(cluster: TestCluster): number {
  return cluster.node('foo').cluster.peerStates()[0]!.inFlight;
}

test('a hung peer: PEERDOWN after peer-timeout, then at once, and used again when it wakes', async (t) => {
  const settings = await barSettings();
  const cluster = new TestCluster();
  const bar = await spawnNode(settings);
  t.teardown(async () => {
    await cluster.stop();
    await bar.kill();
  });
  await cluster.startNode('foo', { ...settings, node: 'foo', 'peer-timeout': '300' });
  await waitFor(() => cluster.isConnected('foo'), 'bar to be reached');
  const client = await RawClient.connect(cluster.port('foo'));
  t.is(await client.ask('SET zebra 1'), '+OK\r\n');
  await provesHung(t, cluster, client, bar);
  client.close();
});

test('a hung peer that a reload takes out of the map is given up too', async (t) => {
  const settings = await barSettings();
  const cluster = new TestCluster();
  const bar = await spawnNode(settings);
  t.teardown(async () => {
    await cluster.stop();
    await bar.kill();
  });
  await cluster.startNode('foo', { ...settings, node: 'foo', 'peer-timeout': '300' });
  await waitFor(() => cluster.isConnected('foo'), 'bar to be reached');
  const [client, other] = [await RawClient.connect(cluster.port('foo')), await RawClient.connect(cluster.port('foo'))];
  bar.process.kill('SIGSTOP');
  client.send(encode(['SET', 'zebra', '1']));
  await waitFor(() => inFlight(cluster) > 0, 'the request to be sent');
  t.is(await other.ask('CONFIG SET shards *=foo'), '+OK\r\n');
  t.regex(await client.reply(), /^-PEERDOWN bar \(.*\): no reply for 300 ms; the request may or may not/);
  t.is(await client.ask('SET zebra 2'), '+OK\r\n', 'foo has it now');
  client.close();
  other.close();
});

test('a map is taken over whole though the queue to a peer is full, and the peer hears of it', async (t) => {
  const settings = await barSettings();
  const cluster = new TestCluster();
  const bar = await spawnNode(settings);
  t.teardown(async () => {
    await cluster.stop();
    await bar.kill();
  });
  await cluster.startNode('foo', { ...settings, node: 'foo', 'peer-queue-bytes': '1024' });
  await waitFor(() => cluster.isConnected('foo'), 'bar to be reached');
  const client = await RawClient.connect(cluster.port('foo'));
  bar.process.kill('SIGSTOP');
  // Both in one batch: what is queued has not left when the map changes.
  client.send(Buffer.concat([
    encode(['SET', 'zebra', 'x'.repeat(4096)]), encode(['SET', 'zoo', '1']),
    encode(['CONFIG', 'SET', 'shards', 'a-k=foo,l-z=bar,*=foo']), encode(['SET', 'melon', '1']),
  ]));
  await waitFor(() => cluster.node('foo').cluster.map.toString().startsWith('a-k=foo'), 'the map to change');
  bar.process.kill('SIGCONT');
  t.is(await client.reply(), '+OK\r\n');
  t.regex(await client.reply(), /^-PEERBUSY bar/);
  t.is(await client.reply(), '+OK\r\n');
  t.regex(await client.reply(), /^-PEERBUSY bar/);
  t.regex(await client.ask('SET melon 1'), /^-WRONGMAP "melon" does not belong on bar/);
  client.close();
});

async function provesHung(
  t: { is(a: unknown, b: unknown): void; true(a: boolean, m?: string): void; regex(a: string, b: RegExp): void },
  cluster: TestCluster, client: RawClient, bar: SpawnedNode,
): Promise<void> {
  bar.process.kill('SIGSTOP');
  const begin = performance.now();
  t.regex(await client.ask('SET zebra 2'), /^-PEERDOWN bar \(.*\): no reply for 300 ms; the request may or may not/);
  t.true(performance.now() - begin >= 290);
  const again = performance.now();
  const times = 20;
  for (let i = 0; i < times; i++) {
    t.regex(await client.ask('GET zebra'), /^-PEERDOWN bar \(.*\): no (reply|answer) for 300 ms\r\n$/);
  }
  t.true(performance.now() - again < times * 300, 'they do not wait for the time-out');
  t.is(await client.ask('SET apple 1'), '+OK\r\n');
  bar.process.kill('SIGCONT');
  await waitFor(() => isUp(client), 'bar to be used again');
  t.true(cluster.isConnected('foo'));
}

test('an idle link to a peer that hangs is noticed too', async (t) => {
  const settings = await barSettings();
  const cluster = new TestCluster();
  const bar = await spawnNode(settings);
  t.teardown(async () => {
    await cluster.stop();
    await bar.kill();
  });
  await cluster.startNode('foo', { ...settings, node: 'foo', 'peer-timeout': '200' });
  await waitFor(() => cluster.isConnected('foo'), 'bar to be reached');
  bar.process.kill('SIGSTOP');
  await cluster.logged('no reply for 200 ms');
  t.false(cluster.isConnected('foo'));
});

test('a wrong cookie: refused, logged on both sides, named to clients, and the other letters work', async (t) => {
  const cluster = new TestCluster();
  t.teardown(() => cluster.stop());
  const nodes = `foo=127.0.0.1:${await freePort()},bar=127.0.0.1:${await freePort()}`;
  await cluster.startNode('bar', { nodes, cookie: 'muesli' });
  await cluster.startNode('foo', { nodes });
  await cluster.logged('Peer "foo" at 127.0.0.1');
  await cluster.logged('is down: WRONGCOOKIE wrong cookie: bar and foo must be given the same');
  const client = await RawClient.connect(cluster.port('foo'));
  t.regex(await client.ask('GET zebra'), /^-PEERDOWN bar \(.*\): WRONGCOOKIE wrong cookie/);
  t.is(await client.ask('SET apple 1'), '+OK\r\n');
  client.close();
});

test('another node at the address is not taken for the peer', async (t) => {
  const cluster = new TestCluster();
  t.teardown(() => cluster.stop());
  const [foo, bar] = [await freePort(), await freePort()];
  await cluster.startNode('baz', { nodes: `baz=127.0.0.1:${bar}`, shards: '*=baz' });
  await cluster.startNode('foo', { nodes: `foo=127.0.0.1:${foo},bar=127.0.0.1:${bar}` });
  await cluster.logged('the node at this address is called baz');
  t.false(cluster.isConnected('foo'));
});

test('more clients than may wait at one peer are told the limit and what to do', withCluster, {}, async (t, cluster) => {
  const [peer] = cluster.node('foo').cluster.peers;
  const lent = Array.from({ length: 20_000 }, () => peer!.borrow(0, 2, true));
  const client = await RawClient.connect(cluster.port('foo'));
  t.regex(
    await client.ask('BLPOP zebra 0'),
    /^-PEERBUSY bar \(.*\): 20000 clients of this node wait there .*; .*: connect further ones to bar/,
  );
  peer!.giveBack(lent.pop()!, false);
  t.is(await client.ask('BLPOP zebra 0.001'), '*-1\r\n');
  for (const link of lent) peer!.giveBack(link, false);
  client.close();
});

test('without a proved cookie the peer port answers nothing but the handshake', withCluster, {}, async (t, cluster) => {
  const port = Number(cluster.address('bar').split(':')[1]);
  for (const request of ['PING', 'GET zebra', 'PEER PROVE x 0 2 y', 'PEER MAP x', 'AUTH x', 'HELLO 3', 'PEER HELLO 1 foo short']) {
    const client = await RawClient.connect(port);
    t.regex(await client.ask(request), /^-(NOAUTH|ERR)/, request);
    t.is(await client.reply(), '<closed>', request);
  }
  const proof = await RawClient.connect(port);
  t.regex(await proof.ask(`PEER HELLO 1 foo ${'0'.repeat(64)}`), /^\*2\r\n\$3\r\nbar\r\n\$64\r\n/);
  t.regex(await proof.ask(`PEER PROVE ${'0'.repeat(64)} 0 2 y`), /^-WRONGCOOKIE/);
  t.is(await proof.reply(), '<closed>');
  const large = await RawClient.connect(port);
  large.send('*2\r\n$4\r\nPEER\r\n$100000\r\n');
  t.regex(await large.reply(), /^-ERR Protocol error/);
  const long = await RawClient.connect(port);
  long.send('x'.repeat(5000));
  t.regex(await long.reply(), /^-ERR Protocol error/);
});

test('somebody who says nothing on the peer port is shown out', withCluster, { settings: { 'peer-timeout': '200' } }, async (t, cluster) => {
  const silent = await RawClient.connect(Number(cluster.address('bar').split(':')[1]));
  t.is(await silent.untilClosed(), '');
});

test('maps that differ: a name that is not owned is refused, with both fingerprints, and never stored', async (t) => {
  const cluster = new TestCluster();
  t.teardown(() => cluster.stop());
  const nodes = `foo=127.0.0.1:${await freePort()},bar=127.0.0.1:${await freePort()}`;
  await cluster.startNode('foo', { nodes });
  await cluster.startNode('bar', { nodes, shards: 'a-p=foo,q-z=bar,*=foo' });
  await waitFor(() => cluster.isConnected('foo'), 'bar to be reached');
  const [fooMap, barMap] = ['foo', 'bar'].map((name) => cluster.node(name).cluster.map.fingerprint);
  const client = await RawClient.connect(cluster.port('foo'));
  t.is(await client.ask('SET zebra 1'), '+OK\r\n');
  t.is(
    await client.ask('SET nut 1'),
    `-WRONGMAP "nut" does not belong on bar: bar has the shard map ${barMap}, foo has ${fooMap}; give both the same\r\n`,
  );
  t.is(cluster.node('bar').state.store.databases[0]!.size, 1);
  t.is(cluster.node('foo').state.store.databases[0]!.size, 0);
  await cluster.logged(`has another shard map: its fingerprint is ${barMap}, ours is ${fooMap}`);
  client.close();
});

test('a queue that is full says so, and empties again', async (t) => {
  const cluster = new TestCluster();
  const peer = await startNodeDouble();
  t.teardown(async () => {
    await cluster.stop();
    peer.close();
  });
  const client = await withPeerAt(cluster, peer.port, {
    nodes: `bar=redis://127.0.0.1:${peer.port}`, 'peer-queue-bytes': '1000000',
    // On a machine with much to do the queue would not be full before the peer is given up.
    'peer-timeout': '3600000',
  });
  await waitFor(() => cluster.isConnected('foo'), 'the double to be reached');
  peer.pause();
  const value = 'x'.repeat(1_000_000);
  let sent = 0;
  const clients: RawClient[] = [client];
  for (; sent < 40; sent++) {
    const each = await RawClient.connect(cluster.port('foo'));
    clients.push(each);
    each.send(encode(['SET', 'zebra', value]));
    each.send(encode(['ECHO', 'x']));
  }
  const probe = await RawClient.connect(cluster.port('foo'));
  await waitFor(async () => (await probe.ask('GET zoo')).startsWith('-PEERBUSY'), 'the queue to be full');
  t.regex(await probe.ask('GET zoo'), /^-PEERBUSY bar \(.*\): \d+ bytes wait to be sent; the request was not sent\r\n$/);
  for (const each of clients) each.close();
  probe.close();
});

const canMakeNetworks = hasNetworkNamespaces();
if (!canMakeNetworks) console.log('failures: not root, or no `ip netns`: the test that pulls a cable is skipped');

(canMakeNetworks ? test.serial : test.serial.skip)('a cable is pulled: noticed after peer-timeout', async (t) => {
  const space = `pigeonhole${process.pid}`;
  const ip = (...args: string[]): void => void execFileSync('ip', args);
  ip('netns', 'add', space);
  t.teardown(() => ip('netns', 'del', space));
  ip('-n', space, 'link', 'set', 'lo', 'up');
  const near = `ph${process.pid}`.slice(0, 14);
  ip('link', 'add', near, 'type', 'veth', 'peer', 'name', 'far0', 'netns', space);
  ip('addr', 'add', '10.213.77.1/30', 'dev', near);
  ip('link', 'set', near, 'up');
  ip('-n', space, 'addr', 'add', '10.213.77.2/30', 'dev', 'far0');
  ip('-n', space, 'link', 'set', 'far0', 'up');
  const nodes = `foo=10.213.77.1:${await freePort()},bar=10.213.77.2:21077`;
  const settings = { nodes, shards: 'a-m=foo,n-z=bar,*=foo', cookie: 'oatmeal', 'peer-timeout': '400' };
  const bar = await spawnNode({ ...settings, node: 'bar' }, ['ip', 'netns', 'exec', space]);
  const cluster = new TestCluster();
  t.teardown(async () => {
    await cluster.stop();
    await bar.kill();
  });
  await cluster.startNode('foo', settings);
  await waitFor(() => cluster.isConnected('foo'), 'bar to be reached');
  const client = await RawClient.connect(cluster.port('foo'));
  t.is(await client.ask('SET zebra 1'), '+OK\r\n');
  ip('-n', space, 'link', 'set', 'far0', 'down');
  // The system alone would go on sending for a quarter of an hour.
  t.regex(await client.ask('GET zebra'), /^-PEERDOWN bar \(10\.213\.77\.2:21077\): /);
  t.is(await client.ask('SET apple 1'), '+OK\r\n');
  ip('-n', space, 'link', 'set', 'far0', 'up');
  await waitFor(() => isUp(client), 'bar to be used again');
  t.is(await client.ask('GET zebra'), '$1\r\n1\r\n');
  client.close();
});

function hasNetworkNamespaces(): boolean {
  try {
    const space = `pigeonhole-probe${process.pid}`;
    execFileSync('ip', ['netns', 'add', space], { stdio: 'ignore' });
    execFileSync('ip', ['netns', 'del', space], { stdio: 'ignore' });
    return process.getuid?.() === 0;
  } catch {
    return false;
  }
}

/** Something that answers PING as a redis-server does, and to everything else nothing unless told to. */
interface NodeDouble {
  port: number;
  received: string;
  send(bytes: Buffer): void;
  /** Reads nothing any more. */
  pause(): void;
  reset(): void;
  close(): void;
}

async function startNodeDouble(): Promise<NodeDouble> {
  const sockets = new Set<import('node:net').Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (chunk: Buffer) => {
      let text = chunk.toString('latin1');
      double.received += text;
      // Others may come in one piece with it.
      for (const ping = '*1\r\n$4\r\nPING\r\n'; text.startsWith(ping); text = text.slice(ping.length)) socket.write('+PONG\r\n');
    });
  });
  const double: NodeDouble = {
    port: await listening(server),
    received: '',
    send: (bytes) => sockets.forEach((socket) => socket.write(bytes)),
    pause: () => sockets.forEach((socket) => socket.pause()),
    reset: () => sockets.forEach((socket) => socket.resetAndDestroy()),
    close: () => {
      server.close();
      sockets.forEach((socket) => socket.destroy());
    },
  };
  return double;
}

function listening(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address ? address.port : 0);
    });
  });
}

/** Publish and subscribe over several nodes: any node publishes, any node listens. */
import test from 'ava';
import { type TestCluster, withCluster } from '../support/cluster.js';
import { LineClient } from '../support/line-client.js';
import { RawClient, encode } from '../support/raw-client.js';
import { decode } from '../support/resp-value.js';
import { waitFor } from '../support/wait-for.js';

/** Two nodes that own something and two that do not, which have no links to each other. */
const FOUR = { names: ['front', 'window', 'foo', 'bar'], shards: 'a-m=foo,*=bar' };

async function connect(cluster: TestCluster, name: string, ...requests: string[]): Promise<RawClient> {
  const client = await RawClient.connect(cluster.port(name));
  for (const request of requests) await client.ask(request);
  return client;
}

/** What messages say, up to the one that says `last`. */
async function textsUpTo(subscriber: RawClient, last: string): Promise<string[]> {
  const texts: string[] = [];
  while (texts.at(-1) !== last) texts.push(String((decode(await subscriber.reply()) as unknown[]).at(-1)));
  return texts;
}

test('a message published at any node reaches each subscriber at any node once, in its publisher\'s order', withCluster, FOUR, async (t, cluster) => {
  const listening = FOUR.names.flatMap((name) => [
    connect(cluster, name, 'SUBSCRIBE news'), connect(cluster, name, 'PSUBSCRIBE n?ws'),
  ]);
  const subscribers = await Promise.all(listening);
  const publishers = await Promise.all(FOUR.names.map((name) => connect(cluster, name)));
  const count = 300;
  for (let i = 0; i < count; i++) {
    publishers.forEach((publisher, who) => publisher.send(encode(['PUBLISH', 'news', `${FOUR.names[who]!} ${i}`])));
    if (i % 20 === 0) await new Promise(setImmediate);
  }
  for (const publisher of publishers) {
    for (let i = 0; i < count; i++) t.is(await publisher.reply(), `:${subscribers.length}\r\n`);
  }
  for (const subscriber of subscribers) {
    const texts: string[] = [];
    while (texts.length < count * FOUR.names.length) {
      texts.push(String((decode(await subscriber.reply()) as unknown[]).at(-1)));
    }
    for (const name of FOUR.names) {
      const mine = texts.filter((text) => text.startsWith(`${name} `));
      t.deepEqual(mine, Array.from({ length: count }, (_, i) => `${name} ${i}`));
    }
  }
  // Nothing comes twice, later.
  await publishers[0]!.ask('PUBLISH news end');
  for (const subscriber of subscribers) t.deepEqual(await textsUpTo(subscriber, 'end'), ['end']);
  for (const client of [...subscribers, ...publishers]) client.close();
});

test('a message travels only to nodes that have a subscriber for it', withCluster, FOUR, async (t, cluster) => {
  const far = await connect(cluster, 'front', 'SUBSCRIBE news');
  const near = await connect(cluster, 'bar', 'PSUBSCRIBE weather*');
  const sent = new Map<string, number>();
  for (const feed of cluster.node('foo').state.pubsub.feeds) {
    const name = FOUR.names.find((each) => cluster.node(each).state.runId === feed.node)!;
    const { send } = feed;
    Object.assign(feed, { send: (bytes: Buffer) => {
      sent.set(name, (sent.get(name) ?? 0) + 1);
      send(bytes);
    } });
  }
  const publisher = await connect(cluster, 'foo');
  t.is(await publisher.ask('PUBLISH news 1'), ':1\r\n');
  t.is(await publisher.ask('PUBLISH weather.oslo 1'), ':1\r\n');
  t.is(await publisher.ask('PUBLISH sports 1'), ':0\r\n');
  t.is(await far.ask('PING'), '*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$1\r\n1\r\n');
  t.deepEqual([...sent], [['front', 1], ['bar', 1]]);
  for (const client of [far, near, publisher]) client.close();
});

test('PUBSUB shows the subscriptions of all nodes, whichever is asked', withCluster, FOUR, async (t, cluster) => {
  const clients = await Promise.all([
    connect(cluster, 'front', 'SUBSCRIBE a', 'PSUBSCRIBE x*', 'SSUBSCRIBE s'),
    connect(cluster, 'bar', 'SUBSCRIBE a', 'SUBSCRIBE b', 'PSUBSCRIBE x*', 'PSUBSCRIBE y*', 'SSUBSCRIBE s'),
  ]);
  for (const name of FOUR.names) {
    const client = await connect(cluster, name);
    t.is(await client.ask('PUBSUB NUMSUB a b c'), '*6\r\n$1\r\na\r\n:2\r\n$1\r\nb\r\n:1\r\n$1\r\nc\r\n:0\r\n', name);
    t.is(await client.ask('PUBSUB NUMPAT'), ':2\r\n', name);
    t.deepEqual((decode(await client.ask('PUBSUB CHANNELS')) as string[]).sort(), ['a', 'b'], name);
    t.is(await client.ask('PUBSUB SHARDCHANNELS'), '*1\r\n$1\r\ns\r\n', name);
    t.is(await client.ask('PUBSUB SHARDNUMSUB s'), '*2\r\n$1\r\ns\r\n:2\r\n', name);
    t.is(await client.ask('SPUBLISH s hello'), ':2\r\n', name);
    client.close();
  }
  for (const client of clients) client.close();
  const asked = await connect(cluster, 'window');
  await waitFor(async () => (await asked.ask('PUBSUB NUMPAT')) === ':0\r\n', 'the subscriptions to end with their clients');
  asked.close();
});

test('a keyspace event reaches subscribers at any node', withCluster, FOUR, async (t, cluster) => {
  for (const name of ['foo', 'bar']) cluster.node(name).state.settings.set('notify-keyspace-events', 'KA');
  const subscribers = await Promise.all(FOUR.names.map((name) => connect(cluster, name, 'PSUBSCRIBE __keyspace@0__:*')));
  const writer = await connect(cluster, 'front');
  for (const key of ['apple', 'zebra']) {
    await writer.ask(`SET ${key} 1`);
    for (const subscriber of subscribers) {
      t.deepEqual(decode(await subscriber.reply()), ['pmessage', '__keyspace@0__:*', `__keyspace@0__:${key}`, 'set']);
    }
  }
  for (const client of [...subscribers, writer]) client.close();
});

test('while a peer restarts the others go on, and what is published at it afterwards arrives', withCluster, FOUR, async (t, cluster) => {
  const far = await connect(cluster, 'front', 'SUBSCRIBE news');
  const near = await connect(cluster, 'foo', 'SUBSCRIBE news');
  const publisher = await connect(cluster, 'foo');
  await cluster.stopNode('bar');
  t.is(await publisher.ask('PUBLISH news without'), ':2\r\n');
  const late = await connect(cluster, 'window', 'SUBSCRIBE news');
  t.is(await publisher.ask('PUBLISH news still'), ':3\r\n');
  await cluster.startNode('bar');
  const back = await connect(cluster, 'bar', 'SUBSCRIBE news');
  const there = await connect(cluster, 'bar');
  await waitFor(async () => (await there.ask('PUBSUB NUMSUB news')).endsWith(':4\r\n'), 'bar to know all subscribers');
  t.is(await there.ask('PUBLISH news back'), ':4\r\n');
  for (const subscriber of [far, near]) t.deepEqual(await textsUpTo(subscriber, 'back'), ['without', 'still', 'back']);
  t.deepEqual(await textsUpTo(late, 'back'), ['still', 'back']);
  for (const client of [far, near, late, back, publisher, there]) client.close();
});

test('a node that owns nothing publishes through another owner when its relay has gone', withCluster, FOUR, async (t, cluster) => {
  const subscriber = await connect(cluster, 'window', 'SUBSCRIBE news');
  const publisher = await connect(cluster, 'front');
  t.is(await publisher.ask('PUBLISH news one'), ':1\r\n');
  await cluster.stopNode('foo');
  await waitFor(async () => (await publisher.ask('PUBLISH news two')) === ':1\r\n', 'bar to be the relay');
  t.deepEqual(await textsUpTo(subscriber, 'two'), ['one', 'two']);
  await cluster.stopNode('bar');
  await waitFor(async () => (await publisher.ask('PUBLISH news three')) === ':0\r\n', 'bar to be gone');
  for (const client of [subscriber, publisher]) client.close();
});

test('a subscriber of the line protocol hears of writes at any node, through any node', withCluster, FOUR, async (t, cluster) => {
  const line = async (name: string): Promise<LineClient> => LineClient.connect(cluster.node(name).linePort);
  const writer = await line('window');
  await writer.ask('CREATE apple\nCREATE zebra\n', 'OK\r\nOK\r\n');
  const subscribers = await Promise.all(FOUR.names.flatMap((name) => [line(name), line(name)]));
  t.is(await subscribers[0]!.ask('SUBSCRIBE missing\n', 'NOT FOUND\r\n'), 'NOT FOUND\r\n');
  subscribers.forEach((subscriber, i) => subscriber.send(`SUBSCRIBE ${i % 2 === 0 ? 'apple' : 'zebra'}\nGET apple x\n`));
  const isKnown = (owner: string, bucket: string): boolean => {
    const { feeds, topics } = cluster.node(owner).state.pubsub;
    const counts = [topics.bucket.listeners(bucket).size, ...[...feeds].map((feed) => feed.count('bucket', bucket))];
    return counts.length === FOUR.names.length && counts.every((count) => count === 1);
  };
  await waitFor(() => isKnown('foo', 'apple') && isKnown('bar', 'zebra'), 'the owners to know');
  for (let i = 0; i < 100; i++) writer.send(`PUT apple a ${i}\nPUT zebra z ${i}\n`);
  const expected = (field: string): string => Array.from({ length: 100 }, (_, i) => `${field} SET TO ${i}\r\n`).join('');
  for (const [i, subscriber] of subscribers.entries()) {
    const text = expected(i % 2 === 0 ? 'a' : 'z');
    t.is(await subscriber.read(text.length), text);
    subscriber.close();
  }
  writer.close();
});

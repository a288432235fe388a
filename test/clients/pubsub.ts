/** Applications that listen, with the libraries that they use: a chat, and a cache that follows the store. */
import { spawn } from 'node:child_process';
import test, { type ExecutionContext } from 'ava';
import { Redis } from 'ioredis';
import { Redis as Redis6 } from 'ioredis6';
import { createClient } from 'redis';
import { TestCluster } from '../support/cluster.js';
import { startTestNode } from '../support/test-node.js';
import { waitFor } from '../support/wait-for.js';

/** Where clients connect: one node, or a node that owns nothing. */
const places: readonly [name: string, start: (t: ExecutionContext) => Promise<number>][] = [
  ['one node', async (t) => (await startTestNode(t)).port],
  ['a front end', async (t) => {
    const cluster = new TestCluster({ names: ['front', 'foo', 'bar'], shards: 'a-m=foo,*=bar' });
    t.teardown(() => cluster.stop());
    await cluster.start();
    return cluster.port('front');
  }],
];

// The two are the same here but for their types.
const libraries: readonly [name: string, Library: typeof Redis][] = [
  ['ioredis 5', Redis],
  ['ioredis 6', Redis6 as unknown as typeof Redis],
];

for (const [place, start] of places) {
  for (const [name, Library] of libraries) {
    test(`${name} chats over ${place}`, async (t) => {
      const port = await start(t);
      const connect = (): Redis => {
        const client = new Library({ port, host: '127.0.0.1' });
        t.teardown(() => { client.disconnect(); });
        return client;
      };
      const [ann, bob, sender] = [connect(), connect(), connect()];
      const heard: string[] = [];
      ann.on('message', (channel: string, text: string) => heard.push(`ann ${channel} ${text}`));
      bob.on('pmessage', (pattern: string, channel: string, text: string) => heard.push(`bob ${pattern} ${channel} ${text}`));
      t.is(await ann.subscribe('room:1', 'room:2'), 2);
      t.is(await bob.psubscribe('room:*'), 1);
      t.is(await sender.publish('room:1', 'hello'), 2);
      await waitFor(() => heard.length === 2, 'both to hear it');
      t.deepEqual(heard.sort(), ['ann room:1 hello', 'bob room:* room:1 hello']);
      t.is(await ann.unsubscribe('room:1', 'room:2'), 0);
      t.is(await ann.get('x'), null);
      t.is(await sender.publish('room:1', 'again'), 1);
    });
  }

  for (const RESP of [2, 3] as const) {
    test(`node-redis with RESP${RESP} chats over ${place}`, async (t) => {
      const port = await start(t);
      const connect = () => createClient({ RESP, url: `redis://127.0.0.1:${port}` }).connect();
      const [ann, bob, sender] = await Promise.all([connect(), connect(), connect()]);
      const heard: string[] = [];
      await ann.subscribe(['room:1', 'room:2'], (text, channel) => heard.push(`ann ${channel} ${text}`));
      await bob.pSubscribe('room:*', (text, channel) => heard.push(`bob ${channel} ${text}`));
      await bob.sSubscribe('shard', (text, channel) => heard.push(`bob ${channel} ${text}`));
      t.is(await sender.publish('room:1', 'hello'), 2);
      t.is(await sender.sPublish('shard', 'hello'), 1);
      await waitFor(() => heard.length === 3, 'all to be heard');
      t.deepEqual(heard.sort(), ['ann room:1 hello', 'bob room:1 hello', 'bob shard hello']);
      await ann.unsubscribe();
      t.is(await ann.get('x'), null);
      t.is(await sender.publish('room:1', 'again'), 1);
      await Promise.all([ann, bob, sender].map((client) => client.close()));
    });
  }

  test(`node-redis keeps a cache that follows the store, over ${place}`, async (t) => {
    const port = await start(t);
    const caching = await createClient({
      RESP: 3, url: `redis://127.0.0.1:${port}`, clientSideCache: { ttl: 0, maxEntries: 0, evictPolicy: 'LRU' },
    }).connect();
    const writer = await createClient({ url: `redis://127.0.0.1:${port}` }).connect();
    await writer.mSet({ apple: 'green', zebra: 'striped' });
    for (const key of ['apple', 'zebra']) {
      const before = await caching.get(key);
      t.is(await caching.get(key), before);
      await writer.set(key, 'changed');
      await waitFor(async () => (await caching.get(key)) === 'changed', 'the cache to follow');
    }
    await writer.flushAll();
    await waitFor(async () => (await caching.get('apple')) === null, 'the cache to be emptied');
    await Promise.all([caching.close(), writer.close()]);
  });

  test(`ioredis is told what changes by a second connection, over ${place}`, async (t) => {
    const port = await start(t);
    const [reader, listener, writer] = [0, 1, 2].map(() => {
      const client = new Redis({ port, host: '127.0.0.1' });
      t.teardown(() => { client.disconnect(); });
      return client;
    }) as [Redis, Redis, Redis];
    const changed: string[] = [];
    listener.on('message', (_channel: string, keys: string) => changed.push(keys));
    const id = await listener.client('ID');
    await listener.subscribe('__redis__:invalidate');
    await reader.call('CLIENT', 'TRACKING', 'ON', 'REDIRECT', String(id));
    t.is(await reader.get('apple'), null);
    await writer.set('apple', 'green');
    await waitFor(() => changed.length === 1, 'the invalidation');
    t.deepEqual(changed, ['apple']);
  });

  test(`redis-cli listens, over ${place}`, async (t) => {
    const port = await start(t);
    const sender = new Redis({ port, host: '127.0.0.1' });
    t.teardown(() => { sender.disconnect(); });
    for (const request of [['SUBSCRIBE', 'news'], ['PSUBSCRIBE', 'n*'], ['-3', 'SUBSCRIBE', 'news']]) {
      const child = spawn('redis-cli', ['-p', String(port), ...request]);
      t.teardown(() => child.kill());
      let output = '';
      child.stdout.on('data', (text: Buffer) => (output += text.toString()));
      await waitFor(async () => (await sender.publish('news', 'hello')) >= 1, 'redis-cli to have subscribed');
      await waitFor(() => output.includes('hello'), 'redis-cli to print the message');
      child.kill();
      await waitFor(async () => (await sender.publish('news', 'bye')) === 0, 'redis-cli to have gone');
    }
    t.pass();
  });
}

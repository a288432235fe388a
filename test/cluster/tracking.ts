/** Client side caching over several nodes: a client is told what changes, whichever node it asked. */
import test from 'ava';
import { type TestCluster, withCluster } from '../support/cluster.js';
import { RawClient } from '../support/raw-client.js';
import { type RespValue, decode } from '../support/resp-value.js';
import { seedOf } from '../support/seed.js';
import { waitFor } from '../support/wait-for.js';
import { seededRandom } from '../../lib/util/random.js';

const FOUR = { names: ['front', 'window', 'foo', 'bar'], shards: 'a-m=foo,*=bar' };

/** A client with a cache: it keeps what it has read until it is told to forget it. */
class CachingClient {
  readonly cache = new Map<string, string>();
  /** The keys of each invalidation; null for all. */
  readonly told: (string[] | null)[] = [];

  private constructor(private readonly client: RawClient) {}

  static async connect(cluster: TestCluster, name: string, options = ''): Promise<CachingClient> {
    const caching = new CachingClient(await RawClient.connect(cluster.port(name)));
    await caching.ask('HELLO 3');
    await caching.ask(`CLIENT TRACKING ON ${options}`);
    return caching;
  }

  async ask(line: string): Promise<string> {
    let reply = await this.client.ask(line);
    while (reply.startsWith('>')) {
      this.forget(decode(reply));
      reply = await this.client.reply();
    }
    return reply;
  }

  async get(key: string): Promise<string> {
    const cached = this.cache.get(key);
    if (cached !== undefined) return cached;
    const value = await this.ask(`GET ${key}`);
    this.cache.set(key, value);
    return value;
  }

  private forget(message: RespValue): void {
    const [, keys] = (message as { push: [string, string[] | null] }).push;
    this.told.push(keys);
    if (keys === null) this.cache.clear();
    else for (const key of keys) this.cache.delete(key);
  }

  /** Waits for invalidations: they may be on their way. */
  async toldOf(count: number): Promise<(string[] | null)[]> {
    await waitFor(async () => (await this.ask('PING'), this.told.length >= count), `${count} invalidations`);
    return this.told;
  }

  close(): void {
    this.client.close();
  }
}

test('a client is told of changes at every owner, made through any node', withCluster, FOUR, async (t, cluster) => {
  for (const at of FOUR.names) {
    const reader = await CachingClient.connect(cluster, at);
    const writer = await RawClient.connect(cluster.port('window'));
    await reader.ask('MGET apple zebra none');
    await writer.ask('MSET apple 1 zebra 1 other 1');
    t.deepEqual((await reader.toldOf(2)).map(String).sort(), ['apple', 'zebra'], at);
    await writer.ask('MSET apple 2 zebra 2');
    await reader.ask('GET apple');
    await writer.ask('DEL apple zebra');
    t.deepEqual((await reader.toldOf(3)).slice(2), [['apple']], at);
    reader.close();
    writer.close();
  }
});

test('NOLOOP holds through other nodes, and BCAST tells of prefixes at all owners', withCluster, FOUR, async (t, cluster) => {
  const quiet = await CachingClient.connect(cluster, 'front', 'NOLOOP');
  const broad = await CachingClient.connect(cluster, 'window', 'BCAST PREFIX ap PREFIX ze NOLOOP');
  const writer = await RawClient.connect(cluster.port('bar'));
  await quiet.ask('MGET apple zebra');
  await quiet.ask('MSET apple 1 zebra 1');
  t.deepEqual((await broad.toldOf(2)).map(String).sort(), ['apple', 'zebra']);
  await broad.ask('MSET apple 2 zebra 2 other 2');
  await quiet.ask('GET apple');
  await writer.ask('SET apple 3');
  t.deepEqual(await quiet.toldOf(1), [['apple']]);
  t.deepEqual((await broad.toldOf(3)).slice(2), [['apple']]);
  for (const client of [quiet, broad, writer]) client.close();
});

test('FLUSHALL over several nodes is told once', withCluster, FOUR, async (t, cluster) => {
  const reader = await CachingClient.connect(cluster, 'front');
  await reader.ask('MGET apple zebra');
  const writer = await RawClient.connect(cluster.port('window'));
  await writer.ask('FLUSHALL');
  t.deepEqual(await reader.toldOf(1), [null]);
  await reader.ask('GET apple');
  await writer.ask('SET apple 1');
  t.deepEqual(await reader.toldOf(2), [null, ['apple']]);
  reader.close();
  writer.close();
});

test('when a peer goes, and when it is back, everything is forgotten', withCluster, FOUR, async (t, cluster) => {
  const reader = await CachingClient.connect(cluster, 'front');
  await reader.ask('MGET apple zebra');
  await cluster.stopNode('bar');
  t.deepEqual(await reader.toldOf(1), [null]);
  await reader.ask('GET apple');
  await cluster.startNode('bar');
  t.deepEqual(await reader.toldOf(2), [null, null]);
  const writer = await RawClient.connect(cluster.port('bar'));
  // Each link that comes back may say once more that everything is to be forgotten: then the reader asks again.
  await waitFor(async () => {
    await reader.ask('GET zebra');
    await writer.ask('SET zebra 1');
    await reader.ask('PING');
    return String(reader.told.at(-1)) === 'zebra';
  }, 'the invalidation of zebra');
  t.true(reader.told.every((keys) => keys === null || String(keys) === 'zebra'));
  reader.close();
  writer.close();
});

test('caches agree with the store when all is quiet', withCluster, FOUR, async (t, cluster) => {
  const random = seededRandom(seedOf(t));
  const draw = (count: number): number => Math.floor(random.next() * count);
  const names = [...FOUR.names, ...FOUR.names];
  const clients = await Promise.all(names.map((name) => CachingClient.connect(cluster, name)));
  const keys = ['a', 'b', 'c', 'x', 'y', 'z'];
  await Promise.all(clients.map(async (client, who) => {
    for (let i = 0; i < 500; i++) {
      const key = keys[draw(keys.length)]!;
      if (draw(4) > 0) await client.get(key);
      else await client.ask(`SET ${key} ${who}.${i}`);
    }
  }));
  const direct = await RawClient.connect(cluster.port('foo'));
  const values = new Map<string, string>();
  for (const key of keys) values.set(key, await direct.ask(`GET ${key}`));
  const isRight = ({ cache }: CachingClient): boolean => [...cache].every(([key, value]) => values.get(key) === value);
  for (const client of clients) {
    await waitFor(async () => (await client.ask('PING'), isRight(client)), 'the cache to be right');
    client.close();
  }
  direct.close();
  t.pass();
});

test('what a transaction at another node reads, and what it changes, is told as on one node', withCluster, FOUR, async (t, cluster) => {
  const reader = await CachingClient.connect(cluster, 'front');
  const quiet = await CachingClient.connect(cluster, 'front', 'NOLOOP');
  const writer = await RawClient.connect(cluster.port('window'));
  for (const client of [reader, quiet]) {
    for (const line of ['MULTI', 'GET apple', 'SET apple 1', 'GET apple', 'EXEC']) await client.ask(line);
  }
  // Each has read what it wrote; the second one's write is told to the first one alone.
  t.deepEqual(await reader.toldOf(2), [['apple'], ['apple']]);
  t.deepEqual(quiet.told, []);
  await writer.ask('SET apple 2');
  t.deepEqual(await quiet.toldOf(1), [['apple']]);
  for (const client of [reader, quiet, writer]) client.close();
});

test('a read that may wait is remembered, and told again when a change may have overtaken it', withCluster, FOUR, async (t, cluster) => {
  const reader = await CachingClient.connect(cluster, 'front');
  const writer = await RawClient.connect(cluster.port('window'));
  await writer.ask('XADD apple 1-1 f v');
  await reader.ask('XREAD BLOCK 0 STREAMS apple 0');
  await writer.ask('XADD apple 1-2 f v');
  t.deepEqual(await reader.toldOf(1), [['apple']]);
  const waiting = reader.ask('XREAD BLOCK 0 STREAMS apple $');
  await waitFor(() => cluster.node('foo').state.waits.count === 1, 'the reader to wait');
  await writer.ask('XADD apple 1-3 f v');
  t.regex(await waiting, /1-3/);
  t.deepEqual(await reader.toldOf(3), [['apple'], ['apple'], ['apple']]);
  reader.close();
  writer.close();
});

test('what is read of streams on two shards at once is remembered by both', withCluster, FOUR, async (t, cluster) => {
  const reader = await CachingClient.connect(cluster, 'front');
  const writer = await RawClient.connect(cluster.port('window'));
  for (const name of ['apple', 'zebra']) await writer.ask(`XADD ${name} 1-1 f v`);
  t.regex(await reader.ask('XREAD STREAMS zebra apple 0 0'), /zebra[^]*apple/);
  await writer.ask('XADD zebra 1-2 f v');
  t.deepEqual(await reader.toldOf(1), [['zebra']]);
  await writer.ask('XADD apple 1-2 f v');
  t.deepEqual(await reader.toldOf(2), [['zebra'], ['apple']]);
  const waiting = reader.ask('XREAD BLOCK 0 STREAMS zebra apple $ $');
  await waitFor(() => ['foo', 'bar'].every((name) => cluster.node(name).state.waits.count === 1), 'the reader to wait');
  await writer.ask('XADD apple 1-3 f v');
  t.regex(await waiting, /1-3/);
  await writer.ask('XADD apple 1-4 f v');
  const told = await reader.toldOf(3);
  t.deepEqual(told.at(-1), ['apple']);
  reader.close();
  writer.close();
});

test('a pop of a client with NOLOOP hides nobody else\'s change from it', withCluster, FOUR, async (t, cluster) => {
  const quiet = await CachingClient.connect(cluster, 'front', 'NOLOOP');
  const other = await RawClient.connect(cluster.port('front'));
  await other.ask('RPUSH list a b');
  await quiet.ask('GET apple');
  await quiet.ask('BLPOP list 0');
  // Over the link that all clients of the front share.
  await other.ask('SET apple 1');
  t.deepEqual(await quiet.toldOf(1), [['apple']]);
  quiet.close();
  other.close();
});

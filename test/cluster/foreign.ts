/**
 * Buckets that a node has on its disk, or is left with, though the shard map gives them to another node: they are kept,
 * not served, and handed over when that is asked for.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { Foreign } from '../../lib/cluster/foreign.js';
import { ShardMap } from '../../lib/cluster/shard-map.js';
import { type Dial, type Wire, dial } from '../../lib/cluster/wire.js';
import { STRING, createEntry } from '../../lib/store/entry.js';
import { ExpiryCycle } from '../../lib/store/expiry.js';
import { Store } from '../../lib/store/store.js';
import { sliceOf } from '../../lib/util/bytes.js';
import { silentLog } from '../../lib/util/log.js';
import { TestCluster } from '../support/cluster.js';
import { datasetOf } from '../support/dataset.js';
import { randomBuckets } from '../support/random-buckets.js';
import { RawClient, encode } from '../support/raw-client.js';
import { seedOf } from '../support/seed.js';
import { waitFor } from '../support/wait-for.js';

/** Names from a to m are foo's, or only those up to f. */
const WIDE = 'a-m=foo,n-z=bar,*=foo';
const NARROW = 'a-f=foo,g-z=bar,*=foo';
const BUCKETS = 60;

/** Two nodes that keep their data in folders of their own, and can be started again with another map. */
class Pair {
  private constructor(
    readonly cluster: TestCluster,
    private readonly common: Readonly<Record<string, string>>,
  ) {}

  static async start(
    t: ExecutionContext, settings: Readonly<Record<string, string>> = { appendonly: 'yes' }, dialOf = () => dial,
  ): Promise<Pair> {
    const folder = mkdtempSync(join(tmpdir(), 'pigeonhole-foreign-'));
    const settingsOf = (name: string): Record<string, string> => ({ dir: join(folder, name) });
    const cluster = new TestCluster({ shards: WIDE, settings, settingsOf, dialOf });
    t.teardown(async () => {
      await cluster.stop();
      rmSync(folder, { recursive: true, force: true });
    });
    await cluster.start();
    return new Pair(cluster, settings);
  }

  /** Stops both nodes, and starts them with a map; `settings` are foo's. */
  async restart(shards: string, settings: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.cluster.stop();
    this.cluster.lines.length = 0;
    await this.cluster.startNode('bar', { ...this.common, shards });
    await this.cluster.startNode('foo', { ...this.common, shards, ...settings });
    await waitFor(() => ['foo', 'bar'].every((name) => this.cluster.isConnected(name)), 'the nodes to reach each other');
  }

  said(text: string): boolean {
    return this.cluster.lines.some((line) => line.includes(text));
  }

  async ask(line: string, node = 'foo'): Promise<string> {
    const client = await RawClient.connect(this.cluster.port(node));
    try {
      return await client.ask(line);
    } finally {
      client.close();
    }
  }

  get foreign(): number {
    return this.cluster.node('foo').state.store.foreignSize;
  }

  data(): Promise<string[]> {
    return datasetOf(this.cluster.port('foo'));
  }
}

/** Random buckets, a third of which go to bar by the narrow map; and some that are special. */
async function fill(t: ExecutionContext, pair: Pair): Promise<void> {
  const client = await RawClient.connect(pair.cluster.port('foo'));
  const letters = ['b', 'h', 'p'];
  for (const request of randomBuckets(seedOf(t), BUCKETS)) {
    const place = request.findIndex((word) => /^b\d+$/.test(word));
    const renamed = request.map((word, index) => (index === place ? `${letters[Number(word.slice(1)) % 3]!}${word}` : word));
    client.send(encode(renamed));
    await client.reply();
  }
  for (const line of ['BUCKET CREATE hollow', 'BUCKET CREATE held', 'HSET held f v', 'SELECT 3', 'SET helium 2', 'SET air 1']) {
    await client.ask(line);
  }
  client.close();
}

/** Of BUCKETS, hollow, held and helium. */
const MOVED = BUCKETS / 3 + 3;

for (const [title, settings] of [['log', { appendonly: 'yes' }], ['snapshot', { appendonly: 'no' }]] as const) {
  test(`${title}: what the map gives to another node is kept over any number of starts, and served when it comes back`, async (t) => {
    const pair = await Pair.start(t, settings);
    await fill(t, pair);
    const whole = await pair.data();
    const save = async (): Promise<unknown> => (title === 'log' ? pair.ask('BGREWRITEAOF') : pair.ask('SAVE'));
    if (title === 'snapshot') for (const node of ['foo', 'bar']) await pair.ask('SAVE', node);
    for (const round of [1, 2]) {
      await pair.restart(NARROW);
      t.true(pair.said(`${MOVED} buckets here are not foo's by the shard map: ${MOVED} of bar. They are kept, and not served.`), `round ${round}`);
      t.true(pair.said('`pigeonhole start --load-foreign`'));
      t.is(pair.foreign, MOVED);
      t.regex(await pair.ask('INFO shards'), new RegExp(`shard_foreign_buckets:${MOVED}\r\n`));
      t.is((await pair.data()).length, whole.length - MOVED);
      t.is(await pair.ask('DBSIZE'), `:${(BUCKETS * 2) / 3}\r\n`);
      t.is(await pair.ask('GET hb1'), '$-1\r\n');
      t.is(await pair.ask('EXISTS hollow held hb1'), ':0\r\n');
      t.notRegex(await pair.ask('KEYS *'), /\r\nh/);
      t.notRegex(await pair.ask('SCAN 0 COUNT 1000'), /\r\nh/);
      t.notRegex(await pair.ask('BUCKET LIST'), /\r\nh/);
      for (let i = 0; i < 20; i++) t.notRegex(await pair.ask('RANDOMKEY'), /\r\nh/);
      t.notRegex(await pair.ask('INFO keyspace'), /db3:keys=2/);
      // They are in what is written now, too.
      await save();
      await waitFor(async () => (await pair.ask('INFO persistence')).includes('aof_rewrite_in_progress:0'), 'the rewrite');
    }
    await pair.restart(WIDE);
    t.false(pair.said('by the shard map'));
    t.is(pair.foreign, 0);
    t.deepEqual(await pair.data(), whole);
    t.regex(await pair.ask('BUCKET INFO hollow'), /created\r\n:1/);
  });

  test(`${title}: with load-foreign it is handed over, and is gone here`, async (t) => {
    const pair = await Pair.start(t, settings);
    await fill(t, pair);
    const whole = await pair.data();
    if (title === 'snapshot') for (const node of ['foo', 'bar']) await pair.ask('SAVE', node);
    await pair.restart(NARROW, { 'load-foreign': 'yes' });
    await pair.cluster.logged(`Handed over ${MOVED} of ${MOVED} buckets`);
    t.is(pair.foreign, 0);
    t.deepEqual(await pair.data(), whole);
    t.regex(await pair.ask('BUCKET INFO hollow', 'bar'), /created\r\n:1/);
    t.regex(await pair.ask('BUCKET INFO held', 'bar'), /created\r\n:1/);
    if (title === 'snapshot') {
      await waitFor(async () => (await pair.ask('INFO persistence')).includes('rdb_bgsave_in_progress:0'), 'the snapshot');
      await pair.ask('SAVE', 'bar');
    }
    await pair.restart(NARROW);
    t.false(pair.said('by the shard map'));
    t.deepEqual(await pair.data(), whole);
    // The other way round: now they are bar's that foo is to get.
    await pair.restart(WIDE);
    t.true(pair.said(`bar`) && pair.said(`${MOVED} buckets here are not bar's by the shard map: ${MOVED} of foo`));
    t.is(await pair.ask('CONFIG SET load-foreign yes', 'bar'), '+OK\r\n');
    await pair.cluster.logged(`bar `);
    await pair.cluster.logged(`Handed over ${MOVED} of ${MOVED} buckets`);
    t.deepEqual(await pair.data(), whole);
  });
}

test('what the owner has under the same name is not written over', async (t) => {
  const pair = await Pair.start(t);
  for (const line of ['SET grape old', 'SET green same', 'SET guava only', 'SET hat 1 PX 100000']) await pair.ask(line);
  await pair.restart(NARROW);
  for (const line of ['SET grape new', 'SET green same', 'SET hat 1 PX 200000']) await pair.ask(line);
  await pair.ask('CONFIG SET load-foreign yes');
  await pair.cluster.logged('Handed over 2 of 4 buckets');
  await pair.cluster.logged('2 buckets stay here and are not served: bar has others under their names, which are not written over: ');
  t.is(await pair.ask('MGET grape green guava'), '*3\r\n$3\r\nnew\r\n$4\r\nsame\r\n$4\r\nonly\r\n');
  t.is(pair.foreign, 2);
  await pair.restart(WIDE);
  t.is(await pair.ask('MGET grape hat'), '*2\r\n$3\r\nold\r\n$1\r\n1\r\n');
});

/** A network in which the reply to a RESTORE is lost, and the wire with it, so many times. */
function losesReplies(restores: { lost: number; most: number }): Dial {
  return (address, events) => {
    let isLost = false;
    const wire: Wire = dial(address, {
      ...events,
      onOpen: () => events.onOpen(),
      onDrain: () => events.onDrain(),
      onClose: (reason) => events.onClose(reason),
      onChunk: (chunk) => {
        if (!isLost) events.onChunk(chunk);
        else wire.destroy();
      },
    });
    return {
      write: (bytes, done) => {
        if (bytes.includes('RESTORE') && restores.lost < restores.most) {
          restores.lost++;
          isLost = true;
        }
        wire.write(bytes, done);
      },
      get writableLength() {
        return wire.writableLength;
      },
      destroy: () => wire.destroy(),
    };
  };
}

test('an owner whose reply was lost has the bucket once, whatever the order in which it keeps fields', async (t) => {
  const restores = { lost: 0, most: 3 };
  const pair = await Pair.start(t, { appendonly: 'yes' }, () => losesReplies(restores));
  const many = Array.from({ length: 600 }, (_, i) => `f${i} ${i}`).join(' ');
  const lines = [
    `HSET hash ${many}`, 'HPEXPIREAT hash 9999999999999 FIELDS 1 f7', `SADD heap ${many}`, `ZADD hill ${many.replaceAll('f', '')}`,
    `RPUSH hive ${many}`, 'XADD hose 1-1 f v', 'XGROUP CREATE hose g 0', 'XREADGROUP GROUP g c STREAMS hose >', 'SET hut 1',
    'BUCKET CREATE held', `HSET held ${many}`,
  ];
  for (const line of lines) t.notRegex(await pair.ask(line), /^-/);
  const whole = await pair.data();
  await pair.restart(NARROW);
  await pair.ask('CONFIG SET load-foreign yes');
  await pair.cluster.logged('Handed over 7 of 7 buckets');
  t.is(restores.lost, restores.most);
  t.is(pair.foreign, 0);
  t.deepEqual(await pair.data(), whole);
  t.is(await pair.ask('DBSIZE', 'bar'), ':7\r\n');
});

test('what differs in one field, member or element only is another bucket', async (t) => {
  const pair = await Pair.start(t);
  const many = Array.from({ length: 600 }, (_, i) => `f${i} ${i}`).join(' ');
  const before = [`HSET hash ${many}`, `SADD heap ${many}`, `RPUSH hive ${many}`, `HSET held ${many}`, `HSET hot ${many}`];
  for (const line of before) await pair.ask(line);
  await pair.restart(NARROW);
  const others = [
    `HSET hash ${many} f9 other`, `SADD heap ${many.replace('f9 ', 'f9x ')}`, `RPUSH hive ${many.replace('f9 ', 'f9x ')}`,
    `HSET held ${many} more 1`, `HSET hot ${many}`, 'HPEXPIREAT hot 9999999999999 FIELDS 1 f1',
  ];
  for (const line of others) await pair.ask(line);
  await pair.ask('CONFIG SET load-foreign yes');
  await pair.cluster.logged('Handed over 0 of 5 buckets');
  t.is(pair.foreign, 5);
});

test('an owner that is down is waited for, and loses nothing', async (t) => {
  const pair = await Pair.start(t);
  for (let i = 0; i < 200; i++) await pair.ask(`SET hat${i} ${i}`);
  await pair.cluster.stop();
  await pair.cluster.startNode('foo', { appendonly: 'yes', shards: NARROW, 'load-foreign': 'yes' });
  await pair.cluster.logged('200 buckets stay here until they can be handed over to bar (');
  t.is(pair.foreign, 200);
  // Not before it is asked to, and not while it is refused.
  await pair.cluster.startNode('bar', { appendonly: 'yes', shards: WIDE });
  await pair.cluster.logged('handed over to bar (WRONGMAP');
  t.is(pair.foreign, 200);
  await pair.cluster.stopNode('bar');
  await pair.cluster.startNode('bar', { appendonly: 'yes', shards: NARROW });
  await pair.cluster.logged('Handed over 200 of 200 buckets');
  t.is(await pair.ask('MGET hat0 hat199', 'bar'), '*2\r\n$1\r\n0\r\n$3\r\n199\r\n');
  t.is(await pair.ask('DBSIZE', 'bar'), ':200\r\n');
});

test('what no range takes is kept, and said to be nobody\'s', async (t) => {
  const pair = await Pair.start(t);
  for (const line of ['SET apple 1', 'SET 7up 1']) await pair.ask(line);
  await pair.restart('a-m=foo,n-z=bar', { 'load-foreign': 'yes' });
  await pair.cluster.logged("1 buckets here are not foo's by the shard map: 1 of nobody.");
  await pair.cluster.logged('1 buckets stay here and are not served: no range takes their names: "7up"');
  await pair.restart(WIDE);
  t.is(await pair.ask('EXISTS apple 7up'), ':2\r\n');
});

test('what a change of the map by force leaves behind is treated alike; databases are emptied and exchanged with it', async (t) => {
  const pair = await Pair.start(t);
  const { cluster } = pair.cluster.node('foo');
  const force = async (shards: string): Promise<void> => {
    // As a reload by force does.
    (cluster as unknown as { isForced: boolean }).isForced = true;
    await pair.ask(`CONFIG SET shards ${shards}`);
    (cluster as unknown as { isForced: boolean }).isForced = false;
  };
  for (const line of ['SET grape 1', 'SET hat 1 PX 100000', 'RPUSH house a', 'SET ant 1']) await pair.ask(line);
  await pair.ask(`CONFIG SET shards ${NARROW}`, 'bar');
  await force(NARROW);
  await pair.cluster.logged('of bar. They are kept, and not served.');
  t.is(await pair.ask('DBSIZE'), ':1\r\n');
  t.is(await pair.ask('SWAPDB 0 5'), '+OK\r\n');
  const waiter = await RawClient.connect(pair.cluster.port('foo'));
  t.teardown(() => waiter.close());
  // What is not served does not expire.
  const { store } = pair.cluster.node('foo').state;
  const hat = sliceOf('hat');
  store.foreign[5]!.expireAt(hat, store.foreign[5]!.peek(hat), 1);
  const cycle = new ExpiryCycle(store);
  cycle.begin();
  cycle.run(() => false);
  t.not(store.foreign[5]!.peek(hat), 0);
  t.is(pair.foreign, 3);
  await pair.ask(`CONFIG SET shards ${WIDE}`);
  await pair.ask(`CONFIG SET shards ${WIDE}`, 'bar');
  t.is(pair.foreign, 0);
  t.is(await pair.ask('DBSIZE'), ':0\r\n');
  await waiter.ask('SELECT 5');
  t.is(await waiter.ask('MGET grape hat'), '*2\r\n$1\r\n1\r\n$-1\r\n');
  t.is(await waiter.ask('LPOP house'), '$1\r\na\r\n');
  await pair.ask(`CONFIG SET shards ${NARROW}`, 'bar');
  await force(NARROW);
  await waitFor(() => pair.foreign === 1, 'grape to be set aside');
  t.is(await pair.ask('FLUSHALL'), '+OK\r\n');
  t.is(pair.foreign, 0);
  await pair.restart(WIDE);
  t.is(await pair.ask('DBSIZE'), ':0\r\n');
});

test('what a map gives back is served at once, however much it is', (t) => {
  const store = new Store();
  const [db] = store.databases;
  let map = ShardMap.parse('a-m=foo,n-z=bar');
  const foreign = new Foreign(store, 'foo', () => map, silentLog);
  for (let i = 0; i < 50_000; i++) {
    const key = sliceOf(`zebra${i}`);
    store.foreignOf(db!).find(key);
    store.foreignOf(db!).add(key, createEntry(store.arena, STRING, key, 1, 0));
  }
  foreign.takeBack();
  t.deepEqual([foreign.size, db!.size], [50_000, 0]);
  map = ShardMap.parse('*=foo');
  foreign.takeBack();
  t.deepEqual([foreign.size, db!.size], [0, 50_000]);
});

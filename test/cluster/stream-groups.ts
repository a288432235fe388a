/**
 * Streams of two shards that are read together (cluster/far-read.ts): what many consumers get of a group, and a shard
 * that goes away. JOBS and SEED as in queues.ts.
 */
import test from 'ava';
import { withCluster } from '../support/cluster.js';
import { RawClient } from '../support/raw-client.js';
import { seedOf } from '../support/seed.js';
import { waitFor } from '../support/wait-for.js';
import { type Random, seededRandom } from '../../lib/util/random.js';

const JOBS = Number(process.env.JOBS ?? 300);

const pick = <T>(random: Random, choices: readonly T[]): T => choices[Math.floor(random.next() * choices.length)]!;

test('consumers that wait in groups on two shards get each entry once', withCluster, {}, async (t, cluster) => {
  const random = seededRandom(seedOf(t));
  const ports = ['foo', 'bar'].map((name) => cluster.port(name));
  const producer = await RawClient.connect(ports[0]!);
  for (const name of ['apple', 'pear']) t.is(await producer.ask(`XGROUP CREATE ${name} g 0 MKSTREAM`), '+OK\r\n');
  const delivered: string[] = [];
  const consume = async (index: number): Promise<void> => {
    const client = await RawClient.connect(ports[index % 2]!);
    while (delivered.length < JOBS) {
      const names = pick(random, ['apple pear > >', 'pear apple > >', 'apple pear apple > > >', 'pear >']);
      const request = `XREADGROUP GROUP g c${index} ${pick(random, ['', 'COUNT 2 '])}BLOCK ${pick(random, [2, 20, 100])} STREAMS ${names}`;
      const reply = await client.ask(request);
      if (reply.startsWith('-') || reply.endsWith('<closed>')) throw new Error(`${request}: ${reply}`);
      delivered.push(...(reply.match(/job\d+/g) ?? []));
    }
    client.close();
  };
  const produce = async (): Promise<void> => {
    for (let job = 0; job < JOBS; job++) await producer.ask(`XADD ${pick(random, ['apple', 'pear'])} * job job${job}`);
  };
  await Promise.all([...[0, 1, 2, 3, 4].map(consume), produce()]);
  t.deepEqual(delivered.sort(), Array.from({ length: JOBS }, (_, job) => `job${job}`).sort());
  producer.close();
});

test('a shard that goes away while its streams are waited for is named', withCluster, {}, async (t, cluster) => {
  const client = await RawClient.connect(cluster.port('foo'));
  const waiting = client.ask('XREAD BLOCK 0 STREAMS apple pear $ $');
  await waitFor(() => ['foo', 'bar'].every((name) => cluster.node(name).state.waits.count === 1), 'the client to wait');
  await cluster.stopNode('bar');
  t.regex(await waiting, /^-PEERLOST bar \(.*\): .*; nothing was taken\r\n$/);
  t.is(cluster.node('foo').state.waits.count, 0);
  t.regex(await client.ask('XREAD STREAMS apple pear 0 0'), /^-PEERDOWN bar \(/);
  t.is(await client.ask('PING'), '+PONG\r\n');
  client.close();
});

/**
 * Queues over two nodes: whatever happens to consumers and links, each job is done once. Seeded; JOBS in the
 * environment says how many jobs pass, SEED which run it is.
 */
import test from 'ava';
import { TestCluster } from '../support/cluster.js';
import { TestNetwork } from '../support/network.js';
import { QueueWorker, textsIn } from '../support/queue-worker.js';
import { RawClient } from '../support/raw-client.js';
import { seedOf } from '../support/seed.js';
import { type Random, seededRandom } from '../../lib/util/random.js';

const JOBS = Number(process.env.JOBS ?? 400);
const NAMES = ['apple', 'pear'];

const pick = <T>(random: Random, choices: readonly T[]): T => choices[Math.floor(random.next() * choices.length)]!;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test('jobs on two shards, and consumers that wait for both, give up and are unblocked: each job comes once', async (t) => {
  const seed = seedOf(t);
  const random = seededRandom(seed);
  const cluster = new TestCluster({});
  t.teardown(() => cluster.stop());
  await cluster.start();
  const ports = ['foo', 'bar'].map((name) => cluster.port(name));
  const taken: string[] = [];
  const ids = new Map<string, number>();
  const consume = async (index: number): Promise<void> => {
    const port = ports[index % 2]!;
    const client = await RawClient.connect(port);
    ids.set(/\d+/.exec(await client.ask('CLIENT ID'))![0], port);
    while (taken.length < JOBS) {
      const names = pick(random, [['apple', 'pear'], ['pear', 'apple'], ['apple'], ['pear'], ['none', 'pear', 'apple']]);
      const timeout = pick(random, ['0.002', '0.02', '0.1']);
      const request = pick(random, [
        `BLPOP ${names.join(' ')} ${timeout}`,
        `BRPOP ${names.join(' ')} ${timeout}`,
        `BLMPOP ${timeout} ${names.length} ${names.join(' ')} LEFT COUNT 3`,
      ]);
      const reply = await client.ask(request);
      const isWrong = (reply.startsWith('-') && !reply.startsWith('-UNBLOCKED')) || reply.endsWith('<closed>');
      if (isWrong) throw new Error(`${request}: ${reply}\n${cluster.lines.join('\n')}`);
      taken.push(...textsIn(reply).slice(1));
    }
    client.close();
  };
  const produce = async (port: number, jobs: readonly number[]): Promise<void> => {
    const client = await RawClient.connect(port);
    for (const job of jobs) {
      await client.ask(`RPUSH ${pick(random, NAMES)} job${job}`);
      if (random.next() < 0.3) await pause(random.next() * 10);
    }
    client.close();
  };
  const unblock = async (): Promise<void> => {
    const clients = await Promise.all(ports.map((port) => RawClient.connect(port)));
    while (taken.length < JOBS) {
      await pause(random.next() * 4);
      if (ids.size === 0) continue;
      const [id, port] = pick(random, [...ids]);
      await clients[ports.indexOf(port)]!.ask(`CLIENT UNBLOCK ${id} ${pick(random, ['TIMEOUT', 'ERROR'])}`);
    }
    for (const client of clients) client.close();
  };
  const all = Array.from({ length: JOBS }, (_, job) => job);
  await Promise.all([
    ...[0, 1, 2, 3, 4, 5].map(consume),
    produce(ports[0]!, all.filter((job) => job % 2 === 0)),
    produce(ports[1]!, all.filter((job) => job % 2 === 1)),
    unblock(),
  ]);
  t.deepEqual(taken.sort(), all.map((job) => `job${job}`).sort());
});

test('workers that are killed and links that are cut: each job is done once', async (t) => {
  const seed = seedOf(t);
  const random = seededRandom(seed);
  const network = new TestNetwork(seededRandom(seed));
  const cluster = new TestCluster({ names: ['front', 'foo', 'bar'], dialOf: (name) => network.dialOf(name) });
  t.teardown(() => cluster.stop());
  await cluster.start();
  let isOver = false;
  const workers = ['front', 'foo', 'bar', 'front'].map(
    (name, index) => new QueueWorker(cluster.port(name), `{pear}worker${index}`, () => isOver),
  );
  const working = workers.map((worker) => worker.work());
  const bar = await RawClient.connect(cluster.port('bar'));
  const doneCount = async (): Promise<number> => Number((await bar.ask('LLEN {pear}done')).slice(1));
  for (let job = 0; job < JOBS; job++) await bar.ask(`RPUSH {pear} job${job}`);
  const giveUpAt = performance.now() + 60_000 + JOBS * 20;
  while ((await doneCount()) < JOBS && performance.now() < giveUpAt) {
    const trouble = random.next();
    if (trouble < 0.3) pick(random, workers).kill();
    else if (trouble < 0.5) network.cutOne();
    else if (trouble < 0.6) network.delayOne(20);
    await pause(20 + random.next() * 40);
    network.restoreAll();
  }
  isOver = true;
  for (const worker of workers) worker.kill();
  await Promise.all(working);
  const done = textsIn(await bar.ask('LRANGE {pear}done 0 -1'));
  t.deepEqual(done.sort(), Array.from({ length: JOBS }, (_, job) => `job${job}`).sort());
  bar.close();
});

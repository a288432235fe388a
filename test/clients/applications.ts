/**
 * What applications do with a Redis, written with the libraries that they use: a job queue, a rate limiter by MULTI and
 * a session store. Each runs on one node, on a front end over two shards, and on redis-server.
 */
import test, { type ExecutionContext } from 'ava';
import { Redis } from 'ioredis';
import { Redis as Redis6 } from 'ioredis6';
import { createClient } from 'redis';
import { TestCluster } from '../support/cluster.js';
import { type Running, type Target, oneNode, reference, whyNoReference } from '../support/targets.js';

const frontEnd: Target = {
  name: 'a front end over two shards',
  isAvailable: true,
  start: async (): Promise<Running> => {
    const cluster = new TestCluster({ names: ['front', 'foo', 'bar'], shards: 'a-m=foo,*=bar' });
    await cluster.start();
    return { port: cluster.port('front'), stop: () => cluster.stop() };
  },
};

/** What the applications need of a client library. */
interface Client {
  /** Waits for the next job and notes it under `taken` in the same step; null when none came within the seconds. */
  takeJob(queue: string, taken: string, seconds: number): Promise<string | null>;
  addJobs(queue: string, ...jobs: string[]): Promise<number>;
  finishJob(taken: string, job: string): Promise<number>;
  lengths(...lists: string[]): Promise<number[]>;
  /** Counts a call in the window `key` in one transaction; the calls in it so far, and the seconds it still has. */
  countCall(key: string, windowSeconds: number): Promise<[calls: number, ttlSeconds: number]>;
  /** Takes one from the stock when there is some and nobody else wrote meanwhile: true, false, or null to try again. */
  buyOne(stock: string, meanwhile: () => Promise<void>): Promise<boolean | null>;
  saveSession(key: string, fields: Record<string, string>, ttlSeconds: number): Promise<void>;
  loadSession(key: string): Promise<Record<string, string>>;
  ttl(key: string): Promise<number>;
  remove(key: string): Promise<number>;
  set(key: string, value: string): Promise<void>;
  another(): Promise<Client>;
}

type Connect = (t: ExecutionContext, port: number) => Promise<Client>;

// The two are the same here but for their types.
const withIoredis = (Library: typeof Redis): Connect => (t, port) => {
  const client = new Library({ port, host: '127.0.0.1' });
  t.teardown(() => { client.disconnect(); });
  return Promise.resolve({
    takeJob: (queue, taken, seconds) => client.blmove(queue, taken, 'RIGHT', 'LEFT', seconds),
    addJobs: (queue, ...jobs) => client.lpush(queue, ...jobs),
    finishJob: (taken, job) => client.lrem(taken, 1, job),
    lengths: (...lists) => Promise.all(lists.map((list) => client.llen(list))),
    countCall: async (key, windowSeconds) => {
      const replies = await client.multi().incr(key).expire(key, windowSeconds, 'NX').ttl(key).exec();
      const [calls, , ttl] = replies!.map(([error, value]) => {
        if (error !== null) throw error;
        return value as number;
      });
      return [calls!, ttl!];
    },
    buyOne: async (stock, meanwhile) => {
      await client.watch(stock);
      const left = Number(await client.get(stock));
      await meanwhile();
      if (left === 0) {
        await client.unwatch();
        return false;
      }
      return (await client.multi().decr(stock).exec()) === null ? null : true;
    },
    saveSession: async (key, fields, ttlSeconds) => {
      await client.multi().hset(key, fields).expire(key, ttlSeconds).exec();
    },
    loadSession: (key) => client.hgetall(key),
    ttl: (key) => client.ttl(key),
    remove: (key) => client.del(key),
    set: async (key, value) => {
      await client.set(key, value);
    },
    another: () => withIoredis(Library)(t, port),
  });
};

const withNodeRedis = (RESP: 2 | 3): Connect => async (t, port) => {
  const client = createClient({ RESP, url: `redis://127.0.0.1:${port}` });
  client.on('error', (error: Error) => t.log(error.message));
  await client.connect();
  t.teardown(() => { client.destroy(); });
  return {
    takeJob: (queue, taken, seconds) => client.blMove(queue, taken, 'RIGHT', 'LEFT', seconds),
    addJobs: (queue, ...jobs) => client.lPush(queue, jobs),
    finishJob: (taken, job) => client.lRem(taken, 1, job),
    lengths: (...lists) => Promise.all(lists.map((list) => client.lLen(list))),
    countCall: async (key, windowSeconds) => {
      const [calls, , ttl] = await client.multi().incr(key).expire(key, windowSeconds, 'NX').ttl(key).exec();
      return [Number(calls), Number(ttl)];
    },
    buyOne: async (stock, meanwhile) => {
      await client.watch(stock);
      const left = Number(await client.get(stock));
      await meanwhile();
      if (left === 0) {
        await client.unwatch();
        return false;
      }
      try {
        await client.multi().decr(stock).exec();
        return true;
      } catch (error) {
        if ((error as Error).constructor.name === 'WatchError') return null;
        throw error;
      }
    },
    saveSession: async (key, fields, ttlSeconds) => {
      await client.multi().hSet(key, fields).expire(key, ttlSeconds).exec();
    },
    loadSession: async (key) => ({ ...(await client.hGetAll(key)) }),
    ttl: (key) => client.ttl(key),
    remove: (key) => client.del(key),
    set: async (key, value) => {
      await client.set(key, value);
    },
    another: () => withNodeRedis(RESP)(t, port),
  };
};

const libraries: readonly [name: string, connect: Connect][] = [
  ['ioredis 5', withIoredis(Redis)],
  ['ioredis 6', withIoredis(Redis6 as unknown as typeof Redis)],
  ['node-redis RESP2', withNodeRedis(2)],
  ['node-redis RESP3', withNodeRedis(3)],
];

if (whyNoReference !== undefined) console.log(whyNoReference);
for (const target of [oneNode, frontEnd, reference]) {
  const testThere = target.isAvailable ? test : test.skip;
  for (const [library, connect] of libraries) {
    const started = async (t: ExecutionContext): Promise<Client> => {
      const running = await target.start();
      t.teardown(() => running.stop());
      return connect(t, running.port);
    };

    testThere(`${target.name}, ${library}: a job queue gives each job to one worker, and keeps what a worker holds`, async (t) => {
      const client = await started(t);
      const jobs = Array.from({ length: 60 }, (_, i) => `job ${i}`);
      const done: string[] = [];
      const work = async (): Promise<void> => {
        const worker = await client.another();
        for (;;) {
          const job = await worker.takeJob('{mail}:jobs', '{mail}:taken', 5);
          if (job === null || job === 'stop') return;
          done.push(job);
          await worker.finishJob('{mail}:taken', job);
        }
      };
      const workers = [work(), work(), work()];
      for (let i = 0; i < jobs.length; i += 4) await client.addJobs('{mail}:jobs', ...jobs.slice(i, i + 4));
      await client.addJobs('{mail}:jobs', 'stop', 'stop', 'stop');
      await Promise.all(workers);
      t.deepEqual([...done].sort(), [...jobs].sort());
      // What the workers took without finishing is still there: the three words that stopped them.
      t.deepEqual(await client.lengths('{mail}:jobs', '{mail}:taken'), [0, 3]);
    });

    testThere(`${target.name}, ${library}: a queue that stays empty answers null when the time is over`, async (t) => {
      const client = await started(t);
      t.is(await client.takeJob('{mail}:jobs', '{mail}:taken', 0.05), null);
    });

    testThere(`${target.name}, ${library}: a rate limiter counts calls in a window that ends`, async (t) => {
      const client = await started(t);
      const calls = await Promise.all(Array.from({ length: 5 }, () => client.countCall('visitor:1', 60)));
      t.deepEqual(calls.map(([count]) => count), [1, 2, 3, 4, 5]);
      for (const [, ttlSeconds] of calls) t.true(ttlSeconds > 0 && ttlSeconds <= 60);
      t.deepEqual((await client.countCall('address:2', 60))[0], 1);
    });

    testThere(`${target.name}, ${library}: a shop sells what it has and no more, also when two buy at once`, async (t) => {
      const client = await started(t);
      const rival = await client.another();
      await client.set('stock', '2');
      const nothing = (): Promise<void> => Promise.resolve();
      const overtaken = await client.buyOne('stock', async () => {
        t.true(await rival.buyOne('stock', nothing));
      });
      t.is(overtaken, null);
      t.is(await client.buyOne('stock', nothing), true);
      t.is(await client.buyOne('stock', nothing), false);
    });

    testThere(`${target.name}, ${library}: a session store keeps fields with an end, and forgets`, async (t) => {
      const client = await started(t);
      const sessions = Array.from({ length: 26 }, (_, i) => `${String.fromCharCode(97 + i)}-session`);
      await Promise.all(sessions.map((key) => client.saveSession(key, { user: key, cart: '3' }, 1800)));
      for (const key of sessions) {
        t.deepEqual({ ...(await client.loadSession(key)) }, { user: key, cart: '3' });
        const ttlSeconds = await client.ttl(key);
        t.true(ttlSeconds > 1700 && ttlSeconds <= 1800);
      }
      t.is(await client.remove('a-session'), 1);
      t.deepEqual({ ...(await client.loadSession('a-session')) }, {});
    });
  }
}

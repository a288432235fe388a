/** MIGRATE between nodes and to and from redis-server, and what becomes of buckets when it breaks off. */
import test, { type ExecutionContext } from 'ava';
import { once } from 'node:events';
import { type Server, type Socket, createServer } from 'node:net';
import { RawClient, encode } from '../support/raw-client.js';
import { oneNode, reference, type Target, whyNoReference } from '../support/targets.js';
import { waitFor } from '../support/wait-for.js';

const ifReference = whyNoReference === undefined ? test : test.skip;

interface Place {
  port: number;
  ask(...request: string[]): Promise<string>;
}

async function start(t: ExecutionContext, target: Target, settings: Record<string, string> = {}): Promise<Place> {
  const running = await target.start(settings);
  const client = await RawClient.connect(running.port);
  t.teardown(async () => {
    client.close();
    await running.stop();
  });
  return {
    port: running.port,
    ask: (...request) => {
      client.send(encode(request));
      return client.reply();
    },
  };
}

const pairs: readonly [title: string, from: Target, to: Target][] = [
  ['from a node to a node', oneNode, oneNode],
  ['from a node to redis-server', oneNode, reference],
  ['from redis-server to a node', reference, oneNode],
];

for (const [title, from, to] of pairs) {
  const run = from.isAvailable && to.isAvailable ? test : test.skip;

  run(`${title}: one bucket moves`, async (t) => {
    const [here, there] = [await start(t, from), await start(t, to)];
    await here.ask('SET', 'k', 'value', 'PX', '100000');
    t.is(await here.ask('MIGRATE', '127.0.0.1', String(there.port), 'k', '0', '1000'), '+OK\r\n');
    t.is(await here.ask('EXISTS', 'k'), ':0\r\n');
    t.is(await there.ask('GET', 'k'), '$5\r\nvalue\r\n');
    t.regex(await there.ask('PTTL', 'k'), /^:9\d{4}\r\n$|^:100000\r\n$/);
  });

  run(`${title}: many buckets of all types move into another database`, async (t) => {
    const [here, there] = [await start(t, from), await start(t, to)];
    const keys: string[] = [];
    for (let i = 0; i < 50; i++) {
      await here.ask('SET', `s${i}`, 'x'.repeat(i * 1000));
      await here.ask('RPUSH', `l${i}`, ...Array.from({ length: i + 1 }, (_, index) => `element ${index}`));
      await here.ask('HSET', `h${i}`, 'f', String(i));
      await here.ask('SADD', `i${i}`, '1', String(i));
      await here.ask('ZADD', `z${i}`, String(i), 'm');
      keys.push(`s${i}`, `l${i}`, `h${i}`, `i${i}`, `z${i}`);
    }
    const reply = await here.ask('MIGRATE', '127.0.0.1', String(there.port), '', '3', '5000', 'KEYS', 'missing', ...keys);
    t.is(reply, '+OK\r\n');
    t.is(await here.ask('DBSIZE'), ':0\r\n');
    await there.ask('SELECT', '3');
    t.is(await there.ask('DBSIZE'), ':250\r\n');
    t.is(await there.ask('LINDEX', 'l49', '49'), '$10\r\nelement 49\r\n');
    t.is(await there.ask('HGET', 'h7', 'f'), '$1\r\n7\r\n');
  });

  run(`${title}: COPY, REPLACE, and a name that is taken`, async (t) => {
    const [here, there] = [await start(t, from), await start(t, to)];
    const migrate = ['MIGRATE', '127.0.0.1', String(there.port), 'k', '0', '1000'];
    await here.ask('SET', 'k', 'new');
    await there.ask('SET', 'k', 'old');
    t.is(await here.ask(...migrate), '-ERR Target instance replied with error: BUSYKEY Target key name already exists.\r\n');
    t.is(await here.ask('GET', 'k'), '$3\r\nnew\r\n');
    t.is(await here.ask(...migrate, 'COPY', 'REPLACE'), '+OK\r\n');
    t.is(await here.ask('GET', 'k'), '$3\r\nnew\r\n');
    t.is(await there.ask('GET', 'k'), '$3\r\nnew\r\n');
    t.is(await here.ask(...migrate, 'REPLACE'), '+OK\r\n');
    t.is(await here.ask('GET', 'k'), '$-1\r\n');
  });

  run(`${title}: AUTH`, async (t) => {
    const [here, there] = [await start(t, from), await start(t, to, { requirepass: 'secret' })];
    const migrate = ['MIGRATE', '127.0.0.1', String(there.port), 'k', '0', '1000'];
    await here.ask('SET', 'k', 'value');
    t.is(await here.ask(...migrate), '-ERR Target instance replied with error: NOAUTH Authentication required.\r\n');
    t.regex(await here.ask(...migrate, 'AUTH', 'wrong'), /^-ERR Target instance replied with error: WRONGPASS /);
    t.is(await here.ask(...migrate, 'AUTH', 'secret', 'COPY'), '+OK\r\n');
    t.is(await here.ask(...migrate, 'REPLACE', 'AUTH2', 'default', 'secret'), '+OK\r\n');
    await there.ask('AUTH', 'secret');
    t.is(await there.ask('GET', 'k'), '$5\r\nvalue\r\n');
  });

  run(`${title}: a database that is not there`, async (t) => {
    const [here, there] = [await start(t, from), await start(t, to)];
    await here.ask('SET', 'k', 'value');
    const reply = await here.ask('MIGRATE', '127.0.0.1', String(there.port), 'k', '99', '1000');
    t.is(reply, '-ERR Target instance replied with error: ERR DB index is out of range\r\n');
    t.is(await here.ask('EXISTS', 'k'), ':1\r\n');
  });
}

/** A server that answers what `answer` says to the n-th request, or nothing. */
async function scriptedServer(
  t: ExecutionContext, answer: (request: string, socket: Socket) => string | undefined,
): Promise<number> {
  const server: Server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      for (const request of chunk.toString('latin1').split(/(?=\*\d+\r\n\$)/)) {
        const line = answer(request, socket);
        if (line !== undefined) socket.write(line);
      }
    });
    t.teardown(() => socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  return (server.address() as { port: number }).port;
}

ifReference('a server that is silent, as redis-server tells it', async (t) => {
  const replies: string[] = [];
  for (const target of [oneNode, reference]) {
    const here = await start(t, target);
    const port = await scriptedServer(t, () => undefined);
    await here.ask('SET', 'k', 'value');
    replies.push(await here.ask('MIGRATE', '127.0.0.1', String(port), 'k', '0', '100'));
    t.is(await here.ask('GET', 'k'), '$5\r\nvalue\r\n');
  }
  t.is(replies[0], replies[1]);
});

test('a server that goes away in the middle: what it has taken is there, the rest is here', async (t) => {
  const here = await start(t, oneNode);
  let restored = 0;
  const port = await scriptedServer(t, (request, socket) => {
    if (!request.includes('RESTORE')) return '+OK\r\n';
    if (++restored <= 2) return '+OK\r\n';
    if (restored === 3) socket.end();
    return undefined;
  });
  for (const key of ['a', 'b', 'c', 'd']) await here.ask('SET', key, 'value');
  const reply = await here.ask('MIGRATE', '127.0.0.1', String(port), '', '0', '1000', 'KEYS', 'a', 'b', 'c', 'd');
  t.regex(reply, /^-IOERR error or timeout (writing|reading) to target instance\r\n$/);
  t.is(await here.ask('EXISTS', 'a', 'b'), ':0\r\n');
  t.is(await here.ask('EXISTS', 'c', 'd'), ':2\r\n');
});

test('a bucket that changes while its copy is on the way is sent again', async (t) => {
  const here = await start(t, oneNode);
  const other = await RawClient.connect(here.port);
  t.teardown(() => other.close());
  const requests: string[] = [];
  const port = await scriptedServer(t, (request, socket) => {
    if (!request.includes('RESTORE')) return '+OK\r\n';
    requests.push(request);
    if (requests.length > 1) return '+OK\r\n';
    void other.ask('SET k second').then(() => socket.write('+OK\r\n'));
    return undefined;
  });
  await here.ask('SET', 'k', 'first');
  t.is(await here.ask('MIGRATE', '127.0.0.1', String(port), 'k', '0', '1000'), '+OK\r\n');
  t.is(requests.length, 2);
  t.true(requests[0]!.includes('first') && !requests[0]!.includes('REPLACE'));
  t.true(requests[1]!.includes('second') && requests[1]!.includes('REPLACE'));
  t.is(await here.ask('EXISTS', 'k'), ':0\r\n');
});

test('a bucket that is deleted while its copy is on the way is deleted there too', async (t) => {
  const here = await start(t, oneNode);
  const other = await RawClient.connect(here.port);
  t.teardown(() => other.close());
  const requests: string[] = [];
  const port = await scriptedServer(t, (request, socket) => {
    requests.push(request);
    if (!request.includes('RESTORE')) return '+OK\r\n';
    void other.ask('DEL k').then(() => socket.write('+OK\r\n'));
    return undefined;
  });
  await here.ask('SET', 'k', 'first');
  t.is(await here.ask('MIGRATE', '127.0.0.1', String(port), 'k', '0', '1000'), '+OK\r\n');
  t.is(requests.at(-1), '*2\r\n$3\r\nDEL\r\n$1\r\nk\r\n');
});

test('others are served while one waits, and what waits goes with its client', async (t) => {
  const here = await start(t, oneNode);
  const waiting = await RawClient.connect(here.port);
  let isClosed = false;
  const port = await scriptedServer(t, (_request, socket) => {
    socket.once('close', () => (isClosed = true));
    return undefined;
  });
  await here.ask('SET', 'k', 'value');
  waiting.send(encode(['MIGRATE', '127.0.0.1', String(port), 'k', '0', '100000']));
  t.is(await here.ask('GET', 'k'), '$5\r\nvalue\r\n');
  await waitFor(async () => (await here.ask('INFO', 'clients')).includes('blocked_clients:1'), 'the client to wait');
  waiting.close();
  await waitFor(() => isClosed, 'the connection to be given up');
  t.is(await here.ask('GET', 'k'), '$5\r\nvalue\r\n');
});

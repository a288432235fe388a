/**
 * What many clients cost who wait and who listen: `scripts/bench --clients [--quick]`. Ten thousand that are blocked,
 * and ten thousand that have subscribed, each crowd before a server of its own: memory for each connection, the CPU
 * time of a GET beside them and without them, and a message to all who have subscribed.
 *
 * As in main.ts it is the server's CPU time that counts, and servers take turns.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { measure, prepare } from './measure.js';
import { cpuUs, residentBytes } from './process.js';
import type { Row } from './rows.js';
import { type Program, type Server, node, redisServer, start } from './servers.js';
import { scriptArguments } from '../arguments.js';
import { RawClient } from '../../test/support/raw-client.js';
import { waitFor } from '../../test/support/wait-for.js';

const { quick: isQuick } = scriptArguments('bench --clients', 'What clients cost who wait and who listen', {
  quick: { type: 'boolean', default: false, describe: 'fewer clients, to see that it works' },
});
const COUNT = isQuick ? 2000 : 10_000;
const ROUNDS = isQuick ? 3 : 7;
const GETS = isQuick ? 50_000 : 100_000;
const MESSAGES = 20;
const CHANNEL = 'news';
const TEXT = 'hello';
const MESSAGE = `*3\r\n$7\r\nmessage\r\n$4\r\n${CHANNEL}\r\n$5\r\n${TEXT}\r\n`;
const crowdProcess = fileURLToPath(new URL('crowd-process.js', import.meta.url));

const row: Row = {
  title: 'GET', prepare: [], check: [['SET key:000000000007 xxx', '+OK\r\n']],
  measure: { benchmark: ['GET', 'key:__rand_int__'], keys: 1000 },
};

interface Crowd {
  server: Server;
  /** Bytes of the server's memory for each connection. */
  bytesEach: number;
  process: ChildProcess;
}

/** What is measured of one program. */
interface Findings {
  blockedBytes: number;
  subscribedBytes: number;
  /** CPU time of a GET: nobody else there, the blocked there, the subscribed there. */
  get: [alone: number, blocked: number, subscribed: number];
  publishCpuMs: number;
  publishMs: number;
  /** Memory for each subscriber when all messages have gone. */
  subscribedBytesAfter: number;
}

const [theirs, ours] = [await examine(redisServer), await examine(node)];
console.log(`| ${COUNT} clients | redis-server | pigeonhole | ratio |`);
console.log('| --- | --- | --- | --- |');
line('memory of a blocked connection, bytes', ({ blockedBytes }) => blockedBytes, 0);
line('memory of a subscribed connection, bytes', ({ subscribedBytes }) => subscribedBytes, 0);
line(`the same after ${MESSAGES} messages`, ({ subscribedBytesAfter }) => subscribedBytesAfter, 0);
line('CPU of a GET, nobody else there, us', ({ get: [alone] }) => alone, 2);
line('CPU of a GET beside blocked clients, us', ({ get: [, blocked] }) => blocked, 2);
line('CPU of a GET beside subscribed clients, us', ({ get: [, , subscribed] }) => subscribed, 2);
line('CPU of a message to all subscribers, ms', ({ publishCpuMs }) => publishCpuMs, 1);
line('until the last has it, ms', ({ publishMs }) => publishMs, 1);

function line(title: string, of: (findings: Findings) => number, digits: number): void {
  const [their, our] = [of(theirs), of(ours)];
  console.log(`| ${title} | ${their.toFixed(digits)} | ${our.toFixed(digits)} | ${(our / their).toFixed(2)} |`);
}

async function examine({ name, command }: Program): Promise<Findings> {
  console.error(`${name}: ${COUNT} blocked and ${COUNT} subscribed clients come`);
  const roomy: Program = { name, command: (port) => [...command(port), '--maxclients', String(COUNT + 1000)] };
  const servers = await Promise.all([start(roomy), start(roomy), start(roomy)]);
  const [alone, one, two] = servers;
  const crowds: Crowd[] = [];
  try {
    for (const server of servers) await prepare(row, server);
    for (const server of servers) await measure(row, server, GETS, 1);
    const blocked = await gather(one, ['BLPOP', 'nothing', '0'], 'blocked_clients');
    const subscribed = await gather(two, ['SUBSCRIBE', CHANNEL], 'pubsub_clients');
    crowds.push(blocked, subscribed);
    const gets: [number[], number[], number[]] = [[], [], []];
    for (let round = 0; round < ROUNDS; round++) {
      console.error(`${name}: GET, round ${round + 1} of ${ROUNDS}`);
      for (const [i, server] of [alone, one, two].entries()) {
        gets[i]!.push((await measure(row, server, GETS, 1)).cpuUs);
      }
    }
    const before = residentBytes(two.pid) - subscribed.bytesEach * COUNT;
    const published = await publish(subscribed);
    return {
      blockedBytes: blocked.bytesEach, subscribedBytes: subscribed.bytesEach,
      get: [median(gets[0]), median(gets[1]), median(gets[2])], ...published,
      subscribedBytesAfter: (residentBytes(two.pid) - before) / COUNT,
    };
  } finally {
    for (const crowd of crowds) crowd.process.kill('SIGKILL');
    for (const server of servers) await server.stop();
  }
}

/** Has the crowd come, and waits until the server counts all of them. */
async function gather(server: Server, request: string[], counted: string): Promise<Crowd> {
  const client = await RawClient.connect(server.port);
  const before = residentBytes(server.pid);
  const child = fork(crowdProcess, [JSON.stringify([server.port, COUNT, request])]);
  await once(child, 'message');
  // redis-server 7.0 does not count its subscribers, but their confirmations have left when it answers.
  if (counted === 'blocked_clients') {
    await waitFor(async () => (await client.ask('INFO clients')).includes(`${counted}:${COUNT}`), 'all to be there');
  } else await waitFor(async () => (await client.ask(`PUBSUB NUMSUB ${CHANNEL}`)).endsWith(`:${COUNT}\r\n`), 'all to be there');
  client.close();
  // Servers put memory in order when they rest: redis-server gives up query buffers after two seconds.
  await delay(4000);
  return { server, process: child, bytesEach: (residentBytes(server.pid) - before) / COUNT };
}

/** Sends messages one by one, each when all have got the one before. */
async function publish({ server, process: crowd }: Crowd): Promise<Pick<Findings, 'publishCpuMs' | 'publishMs'>> {
  const client = await RawClient.connect(server.port);
  const times: number[] = [];
  let startUs = 0;
  // What the crowd has got until now are the confirmations.
  const confirmed = `*3\r\n$9\r\nsubscribe\r\n$4\r\n${CHANNEL}\r\n:1\r\n`.length;
  for (let i = 0; i <= MESSAGES; i++) {
    const heard = once(crowd, 'message') as Promise<[{ atMs: number }]>;
    crowd.send({ bytes: COUNT * (MESSAGE.length + (i === 0 ? confirmed : 0)) });
    const startMs = performance.timeOrigin + performance.now();
    await client.ask(`PUBLISH ${CHANNEL} ${TEXT}`);
    const [{ atMs }] = await heard;
    // The first one is for warming up.
    if (i === 0) startUs = cpuUs(server.pid);
    else times.push(atMs - startMs);
  }
  const usedUs = cpuUs(server.pid) - startUs;
  client.close();
  return { publishCpuMs: usedUs / MESSAGES / 1000, publishMs: median(times) };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
}

/**
 * Shows that large collections do not stop a node: members are added to one bucket, 10,000,000 by default, it is saved
 * twice while members of it are changed, at random and 10,000 a second, then it goes in each of the ways in which a
 * bucket can go, and is filled again for the next, for each type; meanwhile a client sends a PING every millisecond.
 * `scripts/pauses [members] [type ...]`. The table goes to standard output.
 *
 * On a machine where others are at work too, a PING waits for the processor as well. So the node looks at itself too
 * (benchmark/watched-node.ts): how long its thread worked, in CPU time, between two looks at its timers.
 *
 * A small collection of each type comes first: until it has been compiled the code of a node takes ten times as long,
 * and the first thousand requests that arrive at one moment took up to 20 ms, whatever they were about.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Load } from './benchmark/load.js';
import { longestPingMs, runElsewhere } from './benchmark/measure.js';
import { scriptArguments } from './arguments.js';
import { RawClient } from '../test/support/raw-client.js';

const KEY = 'large';
const WARM_UP = 50_000;
const types: Readonly<Record<string, readonly string[]>> = {
  list: ['RPUSH', KEY, 'member:########'],
  set: ['SADD', KEY, 'member:########'],
  'sorted set': ['ZADD', KEY, '########', 'member:########'],
  hash: ['HSET', KEY, 'member:########', 'value'],
};

const loadProcess = fileURLToPath(new URL('benchmark/load-process.js', import.meta.url));
const { members, type: chosen } = scriptArguments('pauses [members] [type..]', 'Longest pauses while large collections are built, saved, deleted and expire', {
  members: { type: 'number', default: 10_000_000, describe: 'members of each collection' },
  type: { array: true, choices: Object.keys(types), default: Object.keys(types), describe: 'types to do it with' },
});
const digits = String(members).length - 2;

/** What is done to a random member while the bucket is saved. */
const changes: Readonly<Record<string, readonly string[]>> = {
  // An index may not begin with a 0: a tenth of the list is changed, or a bit less.
  list: ['LSET', KEY, `1${'#'.repeat(digits)}`, 'another'],
  set: ['SREM', KEY, 'member:########'],
  'sorted set': ['ZADD', KEY, '1', 'member:########'],
  hash: ['HSET', KEY, 'member:########', 'another'],
};

/** What makes the bucket go. */
const removals: Readonly<Record<string, () => Promise<unknown>>> = {
  DEL: () => client.ask(`DEL ${KEY}`),
  UNLINK: () => client.ask(`UNLINK ${KEY}`),
  expire: () => client.ask(`PEXPIRE ${KEY} 10`),
  FLUSHALL: () => client.ask('FLUSHALL'),
  'RENAME of another over it': async () => {
    await client.ask('SET small value');
    await client.ask(`RENAME small ${KEY}`);
    await client.ask(`DEL ${KEY}`);
  },
  eviction: async () => {
    await client.ask('CONFIG SET maxmemory-policy allkeys-random');
    await client.ask('CONFIG SET maxmemory 1mb');
    while ((await client.ask('DBSIZE')) !== ':0\r\n') await client.ask('SET small value');
    await client.ask('CONFIG SET maxmemory 0');
  },
};

const CHANGES_PER_SECOND = 10_000;
const MIB = 2 ** 20;

const saves = [
  ['BGSAVE', 'rdb_bgsave_in_progress:0'],
  ['BGREWRITEAOF', 'aof_rewrite_in_progress:0'],
] as const;

/** What the node says of itself since it was asked last. */
interface Turn {
  longestMs: number;
  /** How much more memory it took than when it was asked last, at most. */
  moreBytes: number;
}

const child = fork(fileURLToPath(new URL('benchmark/watched-node.js', import.meta.url)));
const [port] = (await once(child, 'message')) as [number];
const client = await RawClient.connect(port);
const pinger = await RawClient.connect(port);

for (const args of Object.values(types)) {
  await runElsewhere(build(args, WARM_UP), port);
  await client.ask(`DEL ${KEY}`);
  await memoryIsFree();
}
console.log(`${members} members, in milliseconds:\n`);
console.log('| | longest PING | longest turn of the node, CPU | more memory, MiB |');
console.log('| --- | --- | --- | --- |');
await show('nothing', () => delay(3000));
for (const [type, args] of Object.entries(types)) {
  if (!chosen.includes(type)) continue;
  await show(`${type}: build`, () => runElsewhere(build(args), port));
  for (const [request, isOver] of saves) await show(`${type}: ${request}`, () => save(request, isOver, changes[type]!));
  for (const [title, remove] of Object.entries(removals)) {
    if ((await client.ask(`EXISTS ${KEY}`)) === ':0\r\n') await runElsewhere(build(args), port);
    await show(`${type}: ${title}`, async () => {
      await remove();
      await memoryIsFree();
    });
  }
}
client.close();
pinger.close();
child.disconnect();

function build(args: readonly string[], count = members): Load {
  const runs = args.filter((arg) => arg.includes('#')).length;
  // The last number counts; in front of it stands another that is 0 for all, or the score.
  const ranges = runs === 2 ? [1, count] : [count];
  return { args, ranges, numbers: 'in order', count, deep: 100, connections: 10 };
}

async function save(request: string, isOver: string, change: readonly string[]): Promise<void> {
  const load = { ...build(change), ranges: [change[0] === 'LSET' ? 10 ** digits : members], numbers: 'at random', count: Number.MAX_SAFE_INTEGER, deep: 10 };
  const writing = fork(loadProcess, [JSON.stringify([{ ...load, perSecond: CHANGES_PER_SECOND }, port])]);
  await delay(1000);
  await client.ask(request);
  while (!(await client.ask('INFO persistence')).includes(isOver)) await delay(50);
  writing.kill();
  await once(writing, 'exit');
}

/** Waits until the node has freed what was removed. */
async function memoryIsFree(): Promise<void> {
  for (;;) {
    await delay(50);
    const memory = await client.ask('INFO memory');
    if (/^lazyfree_pending_objects:0\r$/m.test(memory) && (await client.ask('DBSIZE')) === ':0\r\n') return;
  }
}

async function show(title: string, work: () => Promise<unknown>): Promise<void> {
  await lastTurn();
  const load = { isOver: false };
  const pinging = longestPingMs(pinger, load);
  await work();
  load.isOver = true;
  const pingMs = await pinging;
  const { longestMs, moreBytes } = await lastTurn();
  const mib = (moreBytes / MIB).toFixed(0);
  console.log(`| ${title} | ${pingMs.toFixed(1)} | ${longestMs.toFixed(1)} | ${mib} |`);
}

async function lastTurn(): Promise<Turn> {
  child.send('longest');
  const [turn] = (await once(child, 'message')) as [Turn];
  return turn;
}

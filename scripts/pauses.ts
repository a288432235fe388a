/**
 * Shows that large collections do not stop a node: members are added to one bucket, 10,000,000 by default, then it is
 * deleted, filled again and left to expire, for each type; meanwhile a client sends a PING every millisecond.
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
import { RawClient } from '../test/support/raw-client.js';

const KEY = 'large';
const WARM_UP = 50_000;
const types: Readonly<Record<string, readonly string[]>> = {
  list: ['RPUSH', KEY, 'member:########'],
  set: ['SADD', KEY, 'member:########'],
  'sorted set': ['ZADD', KEY, '########', 'member:########'],
  hash: ['HSET', KEY, 'member:########', 'value'],
};

/** What the node says of itself since it was asked last. */
interface Turn {
  longestMs: number;
}

const numbers = process.argv.slice(2).filter((word) => /^\d+$/.test(word)).map(Number);
const members = numbers[0] ?? 10_000_000;
const chosen = process.argv.slice(2).filter((word) => !/^\d+$/.test(word));

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
console.log('| | longest PING | longest turn of the node, CPU |');
console.log('| --- | --- | --- |');
await show('nothing', () => delay(3000));
for (const [type, args] of Object.entries(types)) {
  if (chosen.length > 0 && !chosen.includes(type)) continue;
  await show(`${type}: build`, () => runElsewhere(build(args), port));
  await show(`${type}: DEL`, async () => {
    await client.ask(`DEL ${KEY}`);
    await memoryIsFree();
  });
  await runElsewhere(build(args), port);
  await show(`${type}: expire`, async () => {
    await client.ask(`PEXPIRE ${KEY} 10`);
    await memoryIsFree();
  });
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

/** Waits until the node has freed what was removed. */
async function memoryIsFree(): Promise<void> {
  for (;;) {
    await delay(50);
    const memory = await client.ask('INFO memory');
    if (/^lazyfree_pending_objects:0\r$/m.test(memory) && (await client.ask('DBSIZE')) === ':0\r\n') return;
  }
}

async function show(title: string, work: () => Promise<unknown>): Promise<void> {
  await longestTurnMs();
  const load = { isOver: false };
  const pinging = longestPingMs(pinger, load);
  await work();
  load.isOver = true;
  const pingMs = await pinging;
  console.log(`| ${title} | ${pingMs.toFixed(1)} | ${(await longestTurnMs()).toFixed(1)} |`);
}

async function longestTurnMs(): Promise<number> {
  child.send('longest');
  const [turn] = (await once(child, 'message')) as [Turn];
  return turn.longestMs;
}

/**
 * What clients and the machine notice of a snapshot and of a rewrite of the log, while keys are written at random:
 *
 * - the longest time that a PING takes, of a process that sends one every millisecond (ping-process.ts);
 * - how much memory comes on top, at most. It is the proportional set size of the server and its children together: a
 *   page that redis-server shares with its child counts once, one of which either has its own copy twice. The system's
 *   cache of files is not in it.
 *
 * To look at a process's memory holds the process up. So the two are measured one after the other, never together.
 */
import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { DurableSizes } from './main.js';
import { untilInfoHas } from './patience.js';
import type { Pings } from './ping-process.js';
import { durablePrograms } from './programs.js';
import type { Load } from '../load.js';
import { runElsewhere } from '../measure.js';
import { proportionalBytes } from '../process.js';
import { bigKeys, random } from '../rows.js';
import { type Program, type Server, start } from '../servers.js';
import { RawClient } from '../../../test/support/raw-client.js';

type What = 'pauses' | 'memory';

const loadProcess = fileURLToPath(new URL('../load-process.js', import.meta.url));
const pingProcess = fileURLToPath(new URL('ping-process.js', import.meta.url));
/**
 * The servers are put in front of all ordinary processes, where that is allowed. Real-time priority, if the bench has
 * it, is taken from them: Linux stops such processes for 50 ms when they have worked through a second. They get a
 * session of their own, because niceness counts only among the processes of one (/proc/PID/autogroup).
 */
const HASTE = ['setsid', 'chrt', '-o', '0', 'nice', '-n', '-20'];
const SESSION_NICENESS = '-20';
/** The pinger is let in front of everybody, so that it does not wait for a processor itself. */
const PRIORITY = ['-r', '50'];
const mayHurry = spawnSync('chrt', [...PRIORITY, 'true']).status === 0;
const MEMORY_PERIOD_MS = 50;
const MIB = 1024 * 1024;
/** Before each measurement: what came before has its effects until then. */
const CALM_MS = 2000;

const WORK: readonly (readonly [title: string, request: string, isOver: string])[] = [
  ['BGSAVE', 'BGSAVE', 'rdb_bgsave_in_progress:0'],
  ['BGREWRITEAOF', 'BGREWRITEAOF', 'aof_rewrite_in_progress:0'],
];

export async function comparePauses(sizes: DurableSizes, what: What): Promise<void> {
  const { savedKeys, writesPerSecond } = sizes;
  const load = `${savedKeys} keys of 100 bytes, ${writesPerSecond} of them set anew each second`;
  if (what === 'pauses') {
    if (!mayHurry) console.error('chrt is not allowed here: the PINGs wait for a processor too.');
    console.log(`\nPINGs, one every millisecond, in milliseconds (${load}):\n`);
    console.log('| meanwhile | server | seconds | longest | 99.9 % within | the pinger itself late | fork |');
    console.log('| --- | --- | --- | --- | --- | --- | --- |');
  } else {
    console.log(`\nMemory, in MiB (${load}):\n`);
    console.log('| meanwhile | server | before | at most | more | seconds |');
    console.log('| --- | --- | --- | --- | --- | --- |');
  }
  for (const { name, command } of durablePrograms('everysec')) {
    await examine({ name, command: (port) => [...HASTE, ...command(port)] }, sizes, what);
  }
}

async function examine(program: Program, { savedKeys, writesPerSecond }: DurableSizes, what: What): Promise<void> {
  const server = await start(program);
  hurry(server.pid);
  console.error(`${what}: ${program.name} gets ${savedKeys} keys`);
  const client = await RawClient.connect(server.port);
  await runElsewhere(bigKeys(savedKeys), server.port);
  const writing = fork(loadProcess, [JSON.stringify([writes(savedKeys, writesPerSecond), server.port])]);
  const failed = once(writing, 'exit').then(() => {
    if (!writing.killed) throw new Error('the load has ended');
  });
  const measure = what === 'pauses' ? showPauses : showMemory;
  try {
    await Promise.race([measure(server, client), failed]);
  } finally {
    client.close();
    writing.kill();
    await server.stop();
  }
}

/** Puts a process's session in front of others, where there is such a thing, and it is allowed. */
function hurry(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/autogroup`, SESSION_NICENESS);
  } catch (error) {
    console.error(`the server has no session in front of others: ${(error as Error).message}`);
  }
}

function writes(keys: number, perSecond: number): Load {
  const { args } = bigKeys(keys);
  return { ...random([keys], ...args), count: Number.MAX_SAFE_INTEGER, deep: 10, connections: 20, perSecond };
}

// ---- pauses

async function showPauses(server: Server, client: RawClient): Promise<void> {
  const pinger = await startPinger(server.port);
  const show = async (title: string, work: () => Promise<unknown>, fork: () => Promise<string>): Promise<void> => {
    await delay(CALM_MS);
    console.error(`pauses: ${server.name}, ${title}`);
    const startMs = performance.now();
    await ask(pinger);
    await work();
    const { longestMs, mostMs, lateMs } = await ask(pinger);
    const seconds = (performance.now() - startMs) / 1000;
    const cells = [seconds, longestMs, mostMs, lateMs].map((cell) => cell.toFixed(1));
    console.log(`| ${title} | ${server.name} | ${cells.join(' | ')} | ${await fork()} |`);
  };
  try {
    await show('nothing', () => delay(5000), () => Promise.resolve(''));
    for (const [title, request, isOver] of WORK) {
      await show(title, () => runInBackground(client, request, isOver), () => forkMs(client));
    }
  } finally {
    pinger.kill();
  }
}

async function startPinger(port: number): Promise<ChildProcess> {
  const asIs = { execPath: process.execPath, execArgv: [] };
  const hurried = { execPath: 'chrt', execArgv: [...PRIORITY, process.execPath] };
  const pinger = fork(pingProcess, [String(port)], mayHurry ? hurried : asIs);
  await once(pinger, 'message');
  return pinger;
}

/** What the pinger has found since it was asked last. */
async function ask(pinger: ChildProcess): Promise<Pings> {
  pinger.send('tell');
  const [pings] = (await once(pinger, 'message')) as [Pings];
  return pings;
}

async function runInBackground(client: RawClient, request: string, isOver: string): Promise<void> {
  const reply = await client.ask(request);
  if (!reply.startsWith('+Background')) throw new Error(`${request} gave ${reply}`);
  await untilInfoHas(client, isOver);
  const info = await client.ask('INFO persistence');
  if (!info.includes('rdb_last_bgsave_status:ok') || !info.includes('aof_last_bgrewrite_status:ok')) {
    throw new Error(`${request} has failed:\n${info}`);
  }
}

async function forkMs(client: RawClient): Promise<string> {
  const us = Number(/latest_fork_usec:(\d+)/.exec(await client.ask('INFO stats'))?.[1]);
  return us === 0 ? 'none' : (us / 1000).toFixed(1);
}

// ---- memory

async function showMemory(server: Server, client: RawClient): Promise<void> {
  for (const [title, request, isOver] of WORK) {
    await delay(CALM_MS);
    console.error(`memory: ${server.name}, ${title}`);
    const before = proportionalBytes(server.pid);
    const startMs = performance.now();
    const load = { isOver: false };
    const peak = peakBytes(server, load);
    await runInBackground(client, request, isOver);
    load.isOver = true;
    const most = await peak;
    const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
    const cells = [before, most, most - before].map((bytes) => (bytes / MIB).toFixed(0));
    console.log(`| ${title} | ${server.name} | ${cells.join(' | ')} | ${seconds} |`);
  }
}

async function peakBytes(server: Server, load: { isOver: boolean }): Promise<number> {
  let peak = 0;
  while (!load.isOver) {
    peak = Math.max(peak, proportionalBytes(server.pid));
    await delay(MEMORY_PERIOD_MS);
  }
  return peak;
}

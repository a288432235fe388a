/** One measurement each: CPU per command, memory per key, the longest pause. */
import { execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Load, run } from './load.js';
import { cpuUs, residentBytes } from './process.js';
import { CONNECTIONS, type Row, bigKeys, bigReads } from './rows.js';
import type { Server } from './servers.js';
import { RawClient } from '../../test/support/raw-client.js';

const loadProcess = fileURLToPath(new URL('load-process.js', import.meta.url));

export interface Figures {
  /** CPU time of the server's process, for one command. */
  cpuUs: number;
  perSecond: number;
}

type Benchmark = Extract<Row['measure'], { benchmark: unknown }>;

/** Sends what a row wants to be there, and checks that the server answers with real values. */
export async function prepare(row: Row, server: Server): Promise<void> {
  const client = await RawClient.connect(server.port);
  await client.ask('FLUSHALL');
  for (const load of row.prepare) await run(load, server.port);
  for (const [request, expected] of row.check) {
    const reply = await client.ask(request);
    if (reply !== expected) throw new Error(`${server.name}: ${request} gave ${JSON.stringify(reply)}`);
  }
  client.close();
}

/** Runs `count` requests of a row at a depth. */
export async function measure(row: Row, server: Server, count: number, deep: number): Promise<Figures> {
  const { measure: what, renew } = row;
  if (renew !== undefined) await renewData(renew(count), server);
  const startUs = cpuUs(server.pid);
  const startMs = performance.now();
  if ('load' in what) await run({ ...what.load, count, deep }, server.port);
  else await runBenchmark(what, server.port, count, deep);
  const seconds = (performance.now() - startMs) / 1000;
  return { cpuUs: (cpuUs(server.pid) - startUs) / count, perSecond: count / seconds };
}

/** Begins anew, once what was there has been freed: a node frees it after the reply, and that is no cost of the row. */
async function renewData(loads: readonly Load[], server: Server): Promise<void> {
  const client = await RawClient.connect(server.port);
  await client.ask('FLUSHALL');
  while (!/^lazyfree_pending_objects:0\r$/m.test(await client.ask('INFO memory'))) await delay(10);
  client.close();
  for (const load of loads) await run(load, server.port);
}

async function runBenchmark(
  { benchmark, keys, connections = CONNECTIONS }: Benchmark, port: number, count: number, deep: number,
): Promise<void> {
  const numbers = { '-p': port, '-c': connections, '-n': count, '-r': keys, '-P': deep };
  const options = Object.entries(numbers).flatMap(([flag, value]) => [flag, String(value)]);
  const { stdout, stderr } = await promisify(execFile)('redis-benchmark', [...options, '--csv', ...benchmark]);
  if (/error/i.test(stdout + stderr)) throw new Error(`redis-benchmark: ${stdout}${stderr}`);
}

/** Bytes that one of the keys takes that a load stores, one with each request: what the process grew by meanwhile. */
export async function memoryPerKey(server: Server, load: Load): Promise<number> {
  const before = residentBytes(server.pid);
  await run(load, server.port);
  return (residentBytes(server.pid) - before) / load.count;
}

/** The longest time that a PING took, one sent every millisecond, while `keys` keys were stored and then read. */
export async function longestPauseMs(server: Server, keys: number): Promise<number> {
  const client = await RawClient.connect(server.port);
  const load = { isOver: false };
  const pinging = longestPingMs(client, load);
  await runElsewhere(bigKeys(keys), server.port);
  await runElsewhere(bigReads(keys), server.port);
  load.isOver = true;
  const longestMs = await pinging;
  client.close();
  return longestMs;
}

export async function longestPingMs(client: RawClient, load: { isOver: boolean }): Promise<number> {
  let longestMs = 0;
  while (!load.isOver) {
    const startMs = performance.now();
    await client.ask('PING');
    longestMs = Math.max(longestMs, performance.now() - startMs);
    await delay(1);
  }
  return longestMs;
}

export async function runElsewhere(load: Load, port: number): Promise<void> {
  const child = fork(loadProcess, [JSON.stringify([load, port])]);
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`the load ended with ${code ?? 'a signal'}`);
}

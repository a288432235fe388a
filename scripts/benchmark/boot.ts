/**
 * What a start costs: `scripts/bench --boot [--quick]`. A release, built and moved for this, beside the checkout and a
 * redis-server, in turns: the time from the start of the command until the node says that it is ready, and how long the
 * first 1,000 requests take, sent one after the other by a client that has connected before it sends the first.
 *
 * The first requests run code that was never run before. The client's own share is in the figures too: it has sent the
 * same requests to other servers before the first round, and what it costs then is what redis-server's column shows.
 */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cpuUs } from './process.js';
import { machine, median, warnOfOthers } from './report.js';
import { type Program, node, redisServer, start } from './servers.js';
import { scriptArguments } from '../arguments.js';
import { RawClient } from '../../test/support/raw-client.js';
import { assemble } from '../release/assemble.js';

const { quick } = scriptArguments('bench --boot', 'What a start costs, of a release beside the checkout', {
  quick: { type: 'boolean', describe: 'three starts, to see that it works' },
});
const ROUNDS = quick === true ? 3 : 20;
const WARM_UP_ROUNDS = 2;
const REQUESTS = 1000;

/** What an application does in its first second: several types, several commands. */
const REQUESTS_IN_TURN = [
  'SET key:# value', 'GET key:#', 'INCR counter', 'HSET bucket field:# 1', 'HGET bucket field:#', 'LPUSH list #',
  'SADD set #', 'ZADD sorted # #', 'MGET key:# key:1', 'EXPIRE key:# 100', 'DEL key:#', 'HGETALL bucket',
].map((text) => text.split(/ +/));

interface Start {
  readyMs: number;
  /** CPU time of the process until then. */
  cpuMs: number;
  /** How long each of the first requests took. */
  requestsUs: number[];
}

warnOfOthers();
const folder = mkdtempSync(join(tmpdir(), 'pigeonhole-boot-'));
try {
  await compare([redisServer, { ...node, name: 'checkout' }, await release()]);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function compare(programs: readonly Program[]): Promise<void> {
  for (let round = 0; round < WARM_UP_ROUNDS; round++) for (const program of programs) await measureStart(program);
  const starts = new Map<Program, Start[]>(programs.map((program) => [program, []]));
  for (let round = 0; round < ROUNDS; round++) {
    console.error(`boot, round ${round + 1} of ${ROUNDS}`);
    for (const program of programs) starts.get(program)!.push(await measureStart(program));
  }
  console.log(machine());
  console.log(`\nThe median of ${ROUNDS} starts:\n`);
  console.log(`| | ${programs.map(({ name }) => name).join(' | ')} |`);
  console.log(`| --- |${' --- |'.repeat(programs.length)}`);
  const line = (title: string, figure: (start: Start) => number): void => {
    const cells = programs.map((program) => median(starts.get(program)!.map(figure)).toFixed(2));
    console.log(`| ${title} | ${cells.join(' | ')} |`);
  };
  line('start to ready, ms', ({ readyMs }) => readyMs);
  console.log(`| the slowest start, ms | ${programs.map((program) => slowest(starts.get(program)!)).join(' | ')} |`);
  line('CPU time until ready, ms', ({ cpuMs }) => cpuMs);
  line(`slowest of the first ${REQUESTS} requests, ms`, ({ requestsUs }) => at(requestsUs, 1) / 1000);
  line('99 of 100 of them within, ms', ({ requestsUs }) => at(requestsUs, 0.99) / 1000);
  line('90 of 100', ({ requestsUs }) => at(requestsUs, 0.9) / 1000);
  line('50 of 100', ({ requestsUs }) => at(requestsUs, 0.5) / 1000);
  line('the very first, ms', ({ requestsUs }) => requestsUs[0]! / 1000);
}

function slowest(starts: readonly Start[]): string {
  return Math.max(...starts.map(({ readyMs }) => readyMs)).toFixed(2);
}

/** The time within which a share of the requests was answered. */
function at(requestsUs: readonly number[], share: number): number {
  const sorted = requestsUs.toSorted((a, b) => a - b);
  return sorted[Math.ceil(share * sorted.length) - 1]!;
}

async function measureStart(program: Program): Promise<Start> {
  const server = await start(program);
  try {
    const cpuMs = cpuUs(server.pid) / 1000;
    const client = await RawClient.connect(server.port);
    const requestsUs: number[] = [];
    for (let i = 0; i < REQUESTS; i++) {
      const request = REQUESTS_IN_TURN[i % REQUESTS_IN_TURN.length]!.map((word) => word.replace('#', String(i)));
      const startMs = performance.now();
      const reply = await client.ask(request.join(' '));
      requestsUs.push((performance.now() - startMs) * 1000);
      if (reply.startsWith('-')) throw new Error(`${program.name}: ${request.join(' ')} gave ${reply}`);
    }
    client.close();
    return { readyMs: server.readyMs, cpuMs, requestsUs };
  } finally {
    await server.stop();
  }
}

/** Builds a release as scripts/build-release does, and moves it. */
async function release(): Promise<Program> {
  const definition = {
    name: 'bench', version: '0.0.0', listeners: ['client', 'line', 'peer'], cookie: 'bench', config: 'config/runtime.js',
    files: {}, includeRuntime: true,
  };
  const built = join(folder, 'built');
  await assemble({ release: definition, project: process.cwd(), target: built, say: () => undefined });
  const moved = join(folder, 'moved');
  cpSync(built, moved, { recursive: true });
  rmSync(built, { recursive: true });
  // With `dev` every name is on this node, as in the checkout.
  const flags = ['--env', 'dev', '--line-port', '0'];
  return {
    name: 'release', command: (port) => [join(moved, 'bin/bench'), 'start', '--port', String(port), ...flags],
  };
}

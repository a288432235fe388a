/**
 * What a hop costs: `scripts/bench --hop [--quick]`. A node that owns nothing before one redis-server, beside twemproxy
 * (Debian's `nutcracker`) before the same server; then how a front end grows with the number of shards, and with the
 * number of keys in an MGET over them.
 *
 * As in main.ts it is the CPU time of the forwarder's process that counts.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Figures, measure, prepare } from './measure.js';
import { median } from './report.js';
import { type Row, every, fullSizes, quickSizes, random } from './rows.js';
import { type Program, type Server, redisServer, script, start } from './servers.js';
import { scriptArguments } from '../arguments.js';
import { freePort } from '../../test/support/reference.js';
import { waitFor } from '../../test/support/wait-for.js';

const { quick } = scriptArguments('bench --hop', 'What a hop to another node costs, beside twemproxy', {
  quick: { type: 'boolean', describe: 'few requests, to see that it works' },
});
const sizes = quick === true ? quickSizes : fullSizes;
const { rounds, keys, counts } = sizes;
const SHARDS = [1, 2, 4, 8];
const MGET_KEYS = [1, 10, 100];
/** The digit in braces picks the shard. */
const NAME = '{#}:############';

await compareForwarders();
await showGrowth();

async function compareForwarders(): Promise<void> {
  const server = await start(redisServer);
  const ours = await start(frontEnd([server]));
  const theirs = await startNutcracker(server);
  console.log('CPU time of the forwarder for one GET, in microseconds, and thousand commands a second:\n');
  console.log('| deep | nutcracker | pigeonhole | ratio | nutcracker k/s | pigeonhole k/s |');
  console.log('| --- | --- | --- | --- | --- | --- |');
  const row: Row = {
    title: 'GET', prepare: [every(keys, [keys], 'SET', 'key:############', 'xxx')],
    check: [['GET key:000000000007', '$3\r\nxxx\r\n']], measure: { benchmark: ['GET', 'key:__rand_int__'], keys },
  };
  try {
    await prepare(row, ours);
    for (const [deep, count] of counts) {
      for (const forwarder of [theirs, ours]) await measure(row, forwarder, count / 5, deep);
      const pairs: [Figures, Figures][] = [];
      for (let round = 0; round < rounds; round++) {
        console.error(`hop, ${deep} deep, round ${round + 1} of ${rounds}`);
        pairs.push([await measure(row, theirs, count, deep), await measure(row, ours, count, deep)]);
      }
      const of = (figure: (pair: [Figures, Figures]) => number): string => median(pairs.map(figure)).toFixed(2);
      const cells = [
        deep, of(([nutcracker]) => nutcracker.cpuUs), of(([, node]) => node.cpuUs),
        of(([nutcracker, node]) => node.cpuUs / nutcracker.cpuUs),
        of(([nutcracker]) => nutcracker.perSecond / 1000), of(([, node]) => node.perSecond / 1000),
      ];
      console.log(`| ${cells.join(' | ')} |`);
    }
  } finally {
    await Promise.all([theirs.stop(), ours.stop(), server.stop()]);
  }
}

async function showGrowth(): Promise<void> {
  console.log('\nCPU time of a front end for one command over several redis-servers, in microseconds:\n');
  console.log(`| shards | GET, 16 deep | ${MGET_KEYS.map((count) => `MGET of ${count}`).join(' | ')} |`);
  console.log(`| --- |${' --- |'.repeat(MGET_KEYS.length + 1)}`);
  for (const shards of SHARDS) {
    const servers = await Promise.all(Array.from({ length: shards }, () => start(redisServer)));
    const front = await start(frontEnd(servers));
    try {
      const names = Math.min(keys, 100_000);
      const ranges = [shards, names];
      const fill = every(shards * names, ranges, 'SET', NAME, 'xxx');
      await prepare({ title: 'fill', prepare: [fill], check: [], measure: { load: fill } }, front);
      const count = counts.get(16)!;
      const get: Row = { title: 'GET', prepare: [], check: [], measure: { load: random(ranges, 'GET', NAME) } };
      const cells = [await cpuOf(get, front, count, 16)];
      for (const each of MGET_KEYS) {
        const row: Row = { title: 'MGET', prepare: [], check: [], measure: { benchmark: mget(each, shards), keys: names } };
        cells.push(await cpuOf(row, front, Math.ceil(count / (5 * each)), 1));
      }
      console.log(`| ${shards} | ${cells.map((cell) => cell.toFixed(2)).join(' | ')} |`);
    } finally {
      await Promise.all([front.stop(), ...servers.map((server) => server.stop())]);
    }
  }
}

/** An MGET of so many keys, dealt out to the shards in turn. */
function mget(count: number, shards: number): string[] {
  return ['MGET', ...Array.from({ length: count }, (_each, index) => `{${index % shards}}:__rand_int__`)];
}

/** The median over the rounds, after a warm-up. */
async function cpuOf(row: Row, server: Server, count: number, deep: number): Promise<number> {
  await measure(row, server, Math.ceil(count / 5), deep);
  const figures: number[] = [];
  for (let round = 0; round < rounds; round++) figures.push((await measure(row, server, count, deep)).cpuUs);
  return median(figures);
}

/** A node that owns nothing: the servers share the digits, and the first has the rest. */
function frontEnd(servers: readonly Server[]): Program {
  const nodes = servers.map((server, index) => `s${index}=redis://127.0.0.1:${server.port}`).join(',');
  const shards = [...servers.map((_server, index) => `${index}=s${index}`), '*=s0'].join(',');
  return {
    name: 'pigeonhole',
    command: (port) => [
      script, 'start', '--node', 'front', '--port', String(port), '--line-port', '0', '--appendonly', 'no',
      '--nodes', nodes, '--shards', shards,
    ],
  };
}

async function startNutcracker(server: Server): Promise<Server> {
  const folder = mkdtempSync(join(tmpdir(), 'pigeonhole-bench-'));
  const [port, statsPort] = [await freePort(), await freePort()];
  const lines = [
    'pool:', `  listen: 127.0.0.1:${port}`, '  hash: fnv1a_64', '  distribution: ketama', '  redis: true',
    '  servers:', `   - 127.0.0.1:${server.port}:1`, '',
  ];
  writeFileSync(join(folder, 'nutcracker.yml'), lines.join('\n'));
  const startMs = performance.now();
  const child = spawn('nutcracker', ['-c', 'nutcracker.yml', '-s', String(statsPort)], { cwd: folder, stdio: 'ignore' });
  await once(child, 'spawn');
  await waitFor(() => accepts(port), 'nutcracker to accept connections');
  const stop = async (): Promise<void> => {
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
    rmSync(folder, { recursive: true, force: true });
  };
  return { name: 'nutcracker', pid: child.pid!, port, readyMs: performance.now() - startMs, said: '', stop };
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect({ port, host: '127.0.0.1' });
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

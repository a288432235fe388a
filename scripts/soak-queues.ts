/**
 * A queue over three nodes in processes of their own, one of which owns nothing: workers are killed, nodes stand still
 * for a second (SIGSTOP), and the one that owns nothing is killed and started again. At the end each job must have been
 * done exactly once. `scripts/soak-queues [jobs] [seed]`: prints what happened, and exits with 1 when a
 * job was lost or done twice.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { scriptArguments } from './arguments.js';
import { QueueWorker, textsIn } from '../test/support/queue-worker.js';
import { RawClient } from '../test/support/raw-client.js';
import { freePort } from '../test/support/reference.js';
import { type SpawnedNode, spawnNode } from '../test/support/spawned-node.js';
import { seededRandom } from '../lib/util/random.js';

const { jobs, seed } = scriptArguments('soak-queues [jobs] [seed]', 'A queue over three processes that are stopped and killed', {
  jobs: { type: 'number', default: 10_000, describe: 'jobs that pass' },
  seed: { type: 'number', default: Date.now() % 2 ** 31, describe: 'of what is drawn at random' },
});
const random = seededRandom(seed);
const STILL_MS = 1000;
const NAMES = ['front', 'foo', 'bar'] as const;

const nodes = `foo=127.0.0.1:${await freePort()},bar=127.0.0.1:${await freePort()}`;
const ports = new Map<string, number>();
for (const name of NAMES) ports.set(name, await freePort());

function start(name: string): Promise<SpawnedNode> {
  return spawnNode({
    node: name, nodes, shards: 'a-m=foo,*=bar', cookie: 'oatmeal', port: String(ports.get(name)),
  });
}

const running = new Map<string, SpawnedNode>();
for (const name of NAMES) running.set(name, await start(name));
process.once('exit', () => running.forEach(({ process: child }) => child.kill('SIGKILL')));

let isOver = false;
const workers = ['front', 'foo', 'bar', 'front'].map(
  (name, index) => new QueueWorker(ports.get(name)!, `{pear}worker${index}`, () => isOver),
);
const working = workers.map((worker) => worker.work());
const bar = await RawClient.connect(ports.get('bar')!);
const counts = { killed: 0, stopped: 0, restarted: 0 };

async function makeTrouble(): Promise<void> {
  const kind = random.next();
  if (kind < 0.7) {
    workers[Math.floor(random.next() * workers.length)]!.kill();
    counts.killed++;
  } else if (kind < 0.9) {
    const { process: child } = running.get(NAMES[Math.floor(random.next() * NAMES.length)]!)!;
    child.kill('SIGSTOP');
    await delay(STILL_MS);
    child.kill('SIGCONT');
    counts.stopped++;
  } else {
    await running.get('front')!.kill();
    running.set('front', await start('front'));
    counts.restarted++;
  }
}

console.log(`seed ${seed}: ${jobs} jobs`);
const startedAt = performance.now();
let pushed = 0;
for (let done = 0; done < jobs; done = Number((await bar.ask('LLEN {pear}done')).slice(1))) {
  // Not all at once: workers are to wait now and then.
  for (let batch = 0; batch < 100 && pushed < jobs; batch++) await bar.ask(`RPUSH {pear} job${pushed++}`);
  await makeTrouble();
  await delay(random.next() * 100);
  if (performance.now() - startedAt > 120_000 + jobs * 20) break;
}
isOver = true;
for (const worker of workers) worker.kill();
await Promise.all(working);
const done = textsIn(await bar.ask('LRANGE {pear}done 0 -1'));
const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
const doubled = done.length - new Set(done).size;
const lost = jobs - new Set(done).size;
console.log(`${seconds} s, ${counts.killed} workers killed, ${counts.stopped} nodes stopped, ${counts.restarted} restarted`);
console.log(`done ${done.length}, doubled ${doubled}, lost ${lost}`);
process.exit(doubled === 0 && lost === 0 ? 0 : 1);

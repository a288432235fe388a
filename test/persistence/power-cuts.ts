/**
 * The power fails at each operation in turn, of writes, of rewrites and of snapshots, where replies do not wait for the
 * disk. What is there afterwards is a beginning of what was written, with no half of a transaction. All that had been
 * synced is there; with `everysec` so is what is older than the second between two syncs and the time that they took.
 * With `always` see faults.ts. `scripts/disk-faults` does it more often.
 */
import test, { type ExecutionContext } from 'ava';
import { seededRandom } from '../../lib/util/random.js';
import { startDurable } from '../support/durable-node.js';
import { MemoryFiles } from '../support/memory-files.js';
import { type Cut, PowerCuts } from '../support/power-cuts.js';
import { RawClient } from '../support/raw-client.js';
import { seedOf } from '../support/seed.js';
import { waitFor } from '../support/wait-for.js';

const ROUNDS = Number(process.env.ROUNDS ?? 1);
const isLong = process.env.ROUNDS !== undefined;
/** After every so many cuts the node goes on, and starts once more. */
const GOES_ON = 5;

/** Gives how many steps are there. */
async function check(t: ExecutionContext, { disk, what, synced, due, sent }: Cut, title: string): Promise<number> {
  const { node } = await startDurable(t, disk).catch((error: unknown) => {
    throw new Error(`${title}, ${what}: ${String(error)}`);
  });
  const client = await RawClient.connect(node.port);
  const [list, last] = [await client.ask('LRANGE l 0 -1'), await client.ask('GET b')];
  const steps = list.split('\r\n').slice(1).filter((_, index) => index % 2 === 1).map(Number);
  const about = `${title}, ${what}: found ${steps.length}, synced ${synced}, due ${due}, sent ${sent}`;
  t.deepEqual(steps, steps.map((_, index) => index + 1), about);
  t.is(last === '$-1\r\n' ? 0 : Number(last.split('\r\n')[1]), steps.length, about);
  t.true(steps.length >= synced && steps.length >= due && steps.length <= sent, about);
  client.close();
  await node.stop();
  return steps.length;
}

/** What is written behind a tail that was cut off is there, too. */
async function goOn(t: ExecutionContext, disk: MemoryFiles, found: number, title: string): Promise<void> {
  for (const expected of [found + 1, found + 2]) {
    const { node } = await startDurable(t, disk);
    const client = await RawClient.connect(node.port);
    t.is(await client.ask('RPUSH l x'), `:${expected}\r\n`, title);
    client.close();
    await node.stop();
  }
}

for (const [appendfsync, preambles] of [['everysec', ['yes', 'no']], ['no', ['no', 'yes']]] as const) {
  for (const [place, preamble] of preambles.entries()) {
    // Each operation with the one form of the base, every third with the other, not the same ones each time.
    const stride = isLong || place === 0 ? 1 : 3;
    test(`${appendfsync}, aof-use-rdb-preamble ${preamble}: the power fails at any operation`, async (t) => {
      t.timeout(120_000 * ROUNDS);
      const seed = seedOf(t);
      for (let round = 0; round < ROUNDS; round++) {
        const run = new PowerCuts({ appendfsync, 'aof-use-rdb-preamble': preamble }, seededRandom(seed + round));
        await run.run();
        let lost = 0;
        const due = run.cuts.filter((cut) => cut.due > 0).length;
        for (const [index, cut] of run.cuts.entries()) {
          if ((index + seed) % stride !== 0) continue;
          const title = `round ${round}, operation ${index}`;
          const found = await check(t, cut, title);
          if (index % GOES_ON === 0) await goOn(t, cut.disk, found, title);
          if (found < cut.sent) lost++;
        }
        const work = `${run.cuts.length} operations, ${run.rewrites} rewrites, ${run.snapshots} snapshots`;
        t.log(`${work}: ${lost} cuts lost something, in ${due} something was due`);
        // It is about something: writes were lost, while the other work was under way.
        t.true(run.rewrites > 0 && run.snapshots > 0 && lost > 0);
        if (appendfsync === 'everysec') t.true(due > 0);
      }
    });
  }
}

test('everysec: what was written last is synced though nothing follows', async (t) => {
  const files = new MemoryFiles();
  const { node } = await startDurable(t, files);
  const client = await RawClient.connect(node.port);
  for (const value of ['first', 'second']) {
    t.is(await client.ask(`SET a ${value}`), '+OK\r\n');
    // Nothing of what is not synced.
    const synced = (): boolean => files.afterPowerCut({ next: () => 0.99 }).find('.incr.aof').includes(value);
    await waitFor(synced, value);
  }
  client.close();
});

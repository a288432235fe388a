/** Nodes that are killed under load have what they acknowledged. `scripts/crash` does it more often. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { seededRandom } from '../../lib/util/random.js';
import { CrashSite } from '../support/crash-rounds.js';
import { seedOf } from '../support/seed.js';

for (const [appendfsync, rounds, names] of [
  ['always', 3, ['foo']], ['everysec', 2, ['foo']], ['no', 2, ['foo']], ['always', 3, ['foo', 'bar']],
] as const) {
  test(`${appendfsync}, ${names.length} nodes: killed under load, they have what they acknowledged`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'pigeonhole-crash-'));
    const site = new CrashSite(folder, appendfsync, seededRandom(seedOf(t)), names);
    t.teardown(async () => {
      await site.end();
      rmSync(folder, { recursive: true, force: true });
    });
    for (let round = 0; round < rounds; round++) t.is(await site.round(), undefined);
    t.true(site.steps > 0);
    t.true(site.interrupted > 0);
  });
}

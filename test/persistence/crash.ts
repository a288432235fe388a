/** A node that is killed under load has what it acknowledged at the next start. `scripts/crash` does it more often. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { seededRandom } from '../../lib/util/random.js';
import { crashRound } from '../support/crash-rounds.js';
import { seedOf } from '../support/seed.js';

for (const [appendfsync, rounds] of [['always', 4], ['everysec', 3], ['no', 3]] as const) {
  test(`${appendfsync}: a node that is killed under load has what it acknowledged`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'pigeonhole-crash-'));
    t.teardown(() => rmSync(folder, { recursive: true, force: true }));
    const random = seededRandom(seedOf(t));
    for (let round = 0; round < rounds; round++) t.is(await crashRound(folder, appendfsync, random), undefined);
  });
}

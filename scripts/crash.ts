/**
 * Kills nodes under load, and every second time once more as they start, and looks what is there afterwards:
 * `scripts/crash [rounds]`, 200 unless it is said.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { scriptArguments } from './arguments.js';
import { seededRandom } from '../lib/util/random.js';
import { CrashSite } from '../test/support/crash-rounds.js';

const { rounds } = scriptArguments('crash [rounds]', 'Kills nodes under load and looks what is there afterwards', {
  rounds: { type: 'number', default: 200, describe: 'how often' },
});
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const random = seededRandom(seed);
const sites = (['always', 'everysec', 'no'] as const).flatMap((policy) => [['foo'], ['foo', 'bar']].map((names) => {
  const folder = mkdtempSync(join(tmpdir(), `pigeonhole-crash-${policy}-${names.length}-`));
  return { title: `${policy}, ${names.length} nodes`, folder, rounds: 0, site: new CrashSite(folder, policy, random, names) };
}));
console.log(`SEED=${seed}`);
for (let round = 0; round < rounds; round++) {
  const place = sites[round % sites.length]!;
  const wrong = await place.site.round();
  place.rounds++;
  if (wrong !== undefined) {
    console.log(`round ${round}, ${place.title}: ${wrong}; the folder is ${place.folder}`);
    process.exit(1);
  }
  if (round % 20 === 19) console.log(`${round + 1} rounds`);
}
for (const { title, rounds: count, folder, site } of sites) {
  console.log(`${title}: ${count} rounds, ${site.steps} steps, ${site.interrupted} starts interrupted`);
  await site.end();
  rmSync(folder, { recursive: true, force: true });
}
process.exit(0);

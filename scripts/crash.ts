/** Kills nodes under load and looks what is there afterwards: `scripts/crash [rounds]`, 200 unless it is said. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seededRandom } from '../lib/util/random.js';
import { crashRound } from '../test/support/crash-rounds.js';

const rounds = Number(process.argv[2] ?? 200);
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const random = seededRandom(seed);
const policies = ['always', 'everysec', 'no'] as const;
const folders = policies.map((policy) => mkdtempSync(join(tmpdir(), `pigeonhole-crash-${policy}-`)));
console.log(`SEED=${seed}`);
for (let round = 0; round < rounds; round++) {
  const which = round % policies.length;
  const wrong = await crashRound(folders[which]!, policies[which]!, random);
  if (wrong !== undefined) {
    console.log(`round ${round}, ${policies[which]!}: ${wrong}; the folder is ${folders[which]!}`);
    process.exit(1);
  }
  if (round % 20 === 19) console.log(`${round + 1} rounds`);
}
for (const folder of folders) rmSync(folder, { recursive: true, force: true });

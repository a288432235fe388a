/** Random commands of every family: a node gives the replies that redis-server gives. Longer: scripts/fuzz. */
import { CommandTable } from '../../lib/commands/table.js';
import { families } from '../../lib/commands/families.js';
import { grammars } from '../generators/families.js';
import { type Grammar, Sequences } from '../generators/grammar.js';
import { KEYS } from '../generators/words.js';
import { describe, findDifference, shrink } from '../support/differential.js';
import { referenceTest } from '../support/macros.js';
import { seedOf } from '../support/seed.js';
import { nodeProcess, reference, smallLimits } from '../support/targets.js';

const SEQUENCES = 40;
const LENGTH = 200;
const table = new CommandTable(families);

const kinds: [name: string, part: readonly Grammar[]][] = grammars.map((grammar) => [grammar.family, [grammar]]);

for (const [name, part] of [...kinds, ['all families', grammars] as const]) {
  const sequences = new Sequences(part, table, KEYS);
  if (sequences.isEmpty) continue;
  referenceTest(`${name}: random requests get redis-server's replies`, async (t) => {
    const [ours, theirs] = await Promise.all([nodeProcess.start(smallLimits), reference.start(smallLimits)]);
    t.teardown(() => Promise.all([ours.stop(), theirs.stop()]));
    const find = (requests: readonly string[][]) => findDifference(requests, ours.port, theirs.port);
    const seed = seedOf(t);
    for (let round = 0; round < SEQUENCES; round++) {
      const found = await find(sequences.sequence(seed + round, LENGTH));
      t.is(found, undefined, found && describe(await shrink(found, find)));
    }
  });
}

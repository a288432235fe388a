/** Random commands of every family: a node gives the replies that redis-server gives. Longer: scripts/fuzz. */
import { CommandTable } from '../../lib/commands/table.js';
import { families } from '../../lib/commands/families.js';
import { allTogether, grammars } from '../generators/families.js';
import { Sequences } from '../generators/grammar.js';
import { nastyDataRequests } from '../generators/nasty-requests.js';
import { initialSettings } from '../generators/together.js';
import { ALL_KEYS, KEYS } from '../generators/words.js';
import { type Find, describe, findDifference, shrink } from '../support/differential.js';
import { referenceTest } from '../support/macros.js';
import { seedOf } from '../support/seed.js';
import { frontOfOne, frontOfTwo, outOfReach, REFUSAL } from '../support/fronts.js';
import { type Target, nodeProcess, reference, smallLimits } from '../support/targets.js';

const SEQUENCES = 40;
const ODD_SEQUENCES = 8;
const LENGTH = 200;
const LONG = 5000;
const table = new CommandTable(families);

for (const grammar of grammars) {
  const sequences = new Sequences([grammar], table, KEYS);
  if (sequences.isEmpty) continue;
  referenceTest(`${grammar.family}: random requests get redis-server's replies`, async (t) => {
    const [ours, theirs] = await Promise.all([nodeProcess.start(smallLimits), reference.start(smallLimits)]);
    t.teardown(() => Promise.all([ours.stop(), theirs.stop()]));
    const find: Find = (requests) => findDifference(requests, ours.port, theirs.port);
    const seed = seedOf(t);
    for (let round = 0; round < SEQUENCES; round++) {
      const found = await find(sequences.sequence(seed + round, LENGTH));
      t.is(found && describe(await shrink(found, find)), undefined);
    }
  });
}

referenceTest("odd arguments get redis-server's replies", async (t) => {
  const [ours, theirs] = await Promise.all([nodeProcess.start(smallLimits), reference.start(smallLimits)]);
  t.teardown(() => Promise.all([ours.stop(), theirs.stop()]));
  const find: Find = (requests) => findDifference(requests, ours.port, theirs.port);
  const seed = seedOf(t);
  for (let round = 0; round < ODD_SEQUENCES; round++) {
    const found = await find(nastyDataRequests(table, seed + round, LENGTH * 2));
    t.is(found && describe(await shrink(found, find)), undefined);
  }
});

/** Where all families meet: a node, and nodes that own nothing. */
const places: readonly (readonly [target: Target, front: 'one' | 'two' | undefined])[] = [
  [nodeProcess, undefined], [frontOfOne, 'one'], [frontOfTwo, 'two'],
];

for (const [target, front] of places) {
  referenceTest(`all families together: random requests get redis-server's replies from ${target.name}`, async (t) => {
    const [ours, theirs] = await Promise.all([target.start(smallLimits), reference.start(smallLimits)]);
    t.teardown(() => Promise.all([ours.stop(), theirs.stop()]));
    const known = { named: (name: string) => (outOfReach(front, name) ? undefined : table.named(name)) };
    const sequences = new Sequences(allTogether, known, ALL_KEYS);
    const options = {
      first: front === undefined ? [initialSettings] : [],
      ...(front === 'two' ? { refusal: REFUSAL } : {}),
    };
    const find: Find = (requests) => findDifference(requests, ours.port, theirs.port, options);
    const found = await find(sequences.longSequence(seedOf(t), LONG));
    t.is(found && describe(await shrink(found, find)), undefined);
  });
}

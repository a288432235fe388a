/** Random commands of every family: a node publishes the keyspace events that redis-server publishes, in its order. */
import { CommandTable } from '../../lib/commands/table.js';
import { families } from '../../lib/commands/families.js';
import { grammars } from '../generators/families.js';
import { Sequences } from '../generators/grammar.js';
import { KEYS } from '../generators/words.js';
import { type Events, eventsOf } from '../support/events.js';
import { referenceTest } from '../support/macros.js';
import { seedOf } from '../support/seed.js';
import { nodeProcess, reference, smallLimits } from '../support/targets.js';

const SEQUENCES = 10;
const LENGTH = 200;
const table = new CommandTable(families);

/** SORT looks weights up in the order of its elements, which a set and a sorted set have from a seeded index. */
const inOrder = (request: readonly string[], events: Events): Events =>
  (/^SORT(_RO)?$/i.test(request[0]!) ? [...events].sort() : events);

for (const grammar of grammars) {
  const sequences = new Sequences([grammar], table, KEYS);
  if (sequences.isEmpty) continue;
  referenceTest(`${grammar.family}: random requests publish redis-server's events`, async (t) => {
    const [ours, theirs] = await Promise.all([nodeProcess.start(smallLimits), reference.start(smallLimits)]);
    t.teardown(() => Promise.all([ours.stop(), theirs.stop()]));
    const seed = seedOf(t);
    for (let round = 0; round < SEQUENCES; round++) {
      const requests = sequences.sequence(seed + round, LENGTH);
      const [mine, expected] = await Promise.all([eventsOf(ours.port, requests), eventsOf(theirs.port, requests)]);
      for (const [i, request] of requests.entries()) {
        t.deepEqual(inOrder(request, mine[i]!), inOrder(request, expected[i]!), `round ${round}, request ${i}: ${JSON.stringify(request)}`);
      }
    }
  });
}

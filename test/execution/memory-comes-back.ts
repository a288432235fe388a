/** Random commands of all types, on a running node: when everything is flushed, all memory of the data is back. */
import test from 'ava';
import { families } from '../../lib/commands/families.js';
import { CommandTable } from '../../lib/commands/table.js';
import { allTogether } from '../generators/families.js';
import { Sequences } from '../generators/grammar.js';
import { ALL_KEYS } from '../generators/words.js';
import { RawClient, encode } from '../support/raw-client.js';
import { seedOf } from '../support/seed.js';
import { startNode, smallLimits } from '../support/targets.js';
import { waitFor } from '../support/wait-for.js';

const LENGTH = 3000;
const ROUNDS = 3;

test('after random commands and FLUSHALL the data take what they took at the start', async (t) => {
  const node = await startNode(smallLimits);
  t.teardown(() => node.stop());
  const { store } = node.state;
  const seed = seedOf(t);
  const sequences = new Sequences(allTogether, new CommandTable(families), ALL_KEYS);
  const usedAtStart = store.usedBytes;
  for (let round = 0; round < ROUNDS; round++) {
    const client = await RawClient.connect(node.port);
    let most = 0;
    for (const request of sequences.longSequence(seed + round, LENGTH)) {
      client.send(encode(request));
      await client.reply();
      most = Math.max(most, store.usedBytes);
    }
    t.true(most > usedAtStart + 10_000, `${most - usedAtStart} bytes at most`);
    client.close();
    const other = await RawClient.connect(node.port);
    t.is(await other.ask('FLUSHALL'), '+OK\r\n');
    other.close();
    await waitFor(() => store.reclaimer.pending === 0, 'the reclaimer is done');
    t.is(store.arena.besideBytes, 0);
    t.is(store.usedBytes, usedAtStart, `round ${round}`);
  }
});

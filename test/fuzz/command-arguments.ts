/** Nasty arguments for every command: the node lives, and each request gets one well-formed reply. */
import test from 'ava';
import { families } from '../../lib/commands/families.js';
import { CommandTable } from '../../lib/commands/table.js';
import { nastyRequests } from '../generators/nasty-requests.js';
import { quoted } from '../support/differential.js';
import { findIllFormed } from '../support/one-reply.js';
import { seedOf } from '../support/seed.js';
import { nodeProcess, smallLimits } from '../support/targets.js';

const ROUNDS = 40;
const LENGTH = 500;

test('every command survives nasty arguments', async (t) => {
  const node = await nodeProcess.start(smallLimits);
  t.teardown(() => node.stop());
  const seed = seedOf(t);
  const table = new CommandTable(families);
  for (let round = 0; round < ROUNDS; round++) {
    const found = await findIllFormed(nastyRequests(table, seed + round, LENGTH), node.port);
    t.is(found, undefined, found && `${found.request.map(quoted).join(' ')}\n  ${found.what}`);
  }
});

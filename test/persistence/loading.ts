/** A node that is started on a log has what the one before it had. */
import test from 'ava';
import { CommandTable } from '../../lib/commands/table.js';
import { families } from '../../lib/commands/families.js';
import { grammars } from '../generators/families.js';
import { Sequences } from '../generators/grammar.js';
import { KEYS } from '../generators/words.js';
import { datasetOf } from '../support/dataset.js';
import { startDurable } from '../support/durable-node.js';
import { MemoryFiles } from '../support/memory-files.js';
import { RawClient, encode } from '../support/raw-client.js';
import { seedOf } from '../support/seed.js';
import { smallLimits } from '../support/targets.js';

const ROUNDS = 5;
const LENGTH = 1000;
const table = new CommandTable(families);

for (const grammar of grammars) {
  const sequences = new Sequences([grammar], table, KEYS);
  if (sequences.isEmpty) continue;
  test(`${grammar.family}: what random requests have made is there after a start`, async (t) => {
    const seed = seedOf(t);
    for (let round = 0; round < ROUNDS; round++) {
      const files = new MemoryFiles();
      const { node } = await startDurable(t, files, smallLimits);
      await askAll(node.port, sequences.sequence(seed + round, LENGTH));
      const before = await datasetOf(node.port);
      await node.stop();
      const { node: again, log } = await startDurable(t, files, smallLimits);
      t.deepEqual(await datasetOf(again.port), before, `seed ${seed + round}`);
      t.false(log.some((line) => line.includes('refused')), log.join(''));
      await again.stop();
    }
  });
}

async function askAll(port: number, requests: readonly string[][]): Promise<string[]> {
  const client = await RawClient.connect(port);
  client.send(Buffer.concat(requests.map((request) => encode(request))));
  const replies: string[] = [];
  for (const _request of requests) replies.push(await client.reply());
  client.close();
  return replies;
}

test('what PFADD has changed before it found the value spoilt is there after a start', async (t) => {
  const files = new MemoryFiles();
  const { node } = await startDurable(t, files);
  // The first 8192 registers, and no more: e0 is among them, e1 is not.
  const half = 'HYLL\x01\0\0\0\0\0\0\0\0\0\0\0\x5f\xff';
  const requests = [['SET', 'a', half], ['SET', 'b', half], ['PFADD', 'a', 'e0'], ['PFADD', 'b', 'e0', 'e1']];
  t.deepEqual(await askAll(node.port, requests), ['+OK\r\n', '+OK\r\n', ':1\r\n', '-INVALIDOBJ Corrupted HLL object detected\r\n']);
  const before = await datasetOf(node.port);
  await node.stop();
  const { node: again } = await startDurable(t, files);
  t.deepEqual(await datasetOf(again.port), before);
});

test('an empty bucket that was made stays, also after its last entry has gone', async (t) => {
  const files = new MemoryFiles();
  const { node } = await startDurable(t, files);
  await askAll(node.port, [['BUCKET', 'CREATE', 'a'], ['BUCKET', 'CREATE', 'b'], ['HSET', 'b', 'f', 'v'], ['HDEL', 'b', 'f']]);
  await node.stop();
  const { node: again } = await startDurable(t, files);
  const client = await RawClient.connect(again.port);
  t.is(await client.ask('EXISTS a b'), ':2\r\n');
  client.close();
});

test('a node without a folder touches no disk, and says so when it is asked to', async (t) => {
  const files = new MemoryFiles();
  const { node } = await startDurable(t, files, { appendonly: 'no', dir: '' });
  const client = await RawClient.connect(node.port);
  const none = '-ERR this node keeps nothing on disk: it was started without a folder (dir)\r\n';
  for (const request of ['SAVE', 'BGSAVE', 'BGREWRITEAOF']) t.is(await client.ask(request), none);
  for (const setting of ['appendonly yes', 'save "60 1"']) {
    t.regex(await client.ask(`CONFIG SET ${setting}`), /there is no folder: set dir first/);
  }
  client.close();
  await askAll(node.port, [['SET', 'a', 'b']]);
  await node.stop();
  t.is(files.operations, 0);
});

/**
 * The arena is full in the middle of a command in a transaction, or for a client that waits: memory and log have the
 * same afterwards. See full-arena.ts for commands on their own.
 */
import test from 'ava';
import { WaitingClients } from '../../lib/execution/blocking.js';
import { Arena, OutOfArena } from '../../lib/store/arena.js';
import { datasetOf } from '../support/dataset.js';
import { recordsOf, startDurable } from '../support/durable-node.js';
import { fillUp } from '../support/full-arena.js';
import { MemoryFiles } from '../support/memory-files.js';
import { RawClient, encode } from '../support/raw-client.js';
import { waitFor } from '../support/wait-for.js';

const long = (letter: string): string => letter.repeat(90);
function many(count: number, make: (index: number) => string[]): string[] {
  return Array.from({ length: count }, (_, index) => make(index)).flat();
}

test('a transaction in which a command has no room is recorded as it ran', async (t) => {
  const files = new MemoryFiles();
  const { node } = await startDurable(t, files);
  const client = await RawClient.connect(node.port);
  await client.ask('MULTI');
  await client.ask('SET a 1');
  client.send(encode(['MSET', ...many(4, (i) => [`m${i}`, long('m')])]));
  await client.reply();
  await client.ask('SET a 2');
  const arena = fillUp(node.state.store.arena, 3);
  t.regex(await client.ask('EXEC'), /^\*3\r\n\+OK\r\n-OOM [^\r]*\r\n\+OK\r\n$/);
  t.true(arena.end());
  client.close();
  await node.stop();
  const records = recordsOf(files.find('.incr.aof')).map((record) => record.split(' ').slice(0, 2).join(' '));
  t.deepEqual(records, ['SELECT 0', 'MULTI', 'SET a', 'RESTORE m0', 'RESTORE m1', 'DEL m2', 'DEL m3', 'SET a', 'EXEC']);
});

test('a client that waits, and for whose command there is no room, has the log made anew', async (t) => {
  const { node } = await startDurable(t, new MemoryFiles());
  const [waiter, writer] = [await RawClient.connect(node.port), await RawClient.connect(node.port)];
  const moved = waiter.ask('BLMOVE a b LEFT RIGHT 0');
  await waitFor(async () => (await writer.ask('INFO clients')).includes('blocked_clients:1'), 'the client to wait');
  const { arena } = node.state.store;
  let isServing = false;
  arena.allocate = (byteCount) => {
    if (isServing) throw new OutOfArena();
    return Arena.prototype.allocate.call(arena, byteCount);
  };
  const { waits } = node.state;
  waits.serve = () => {
    isServing = true;
    WaitingClients.prototype.serve.call(waits);
    isServing = false;
  };
  t.is(await writer.ask('RPUSH a 1 2'), ':2\r\n');
  t.regex(await moved, /^-OOM/);
  Reflect.deleteProperty(arena, 'allocate');
  await waitFor(async () => (await writer.ask('INFO persistence')).includes('aof_rewrites:1'), 'a rewrite');
  await waitFor(async () => (await writer.ask('INFO persistence')).includes('aof_rewrite_in_progress:0'), 'its end');
  const data = await datasetOf(node.port);
  t.is(await writer.ask('DEBUG LOADAOF'), '+OK\r\n');
  t.deepEqual(await datasetOf(node.port), data);
  for (const client of [waiter, writer]) client.close();
});

/**
 * The arena is full in the middle of a command, at each of its allocations in turn: memory and log have the same
 * afterwards, and the node goes on.
 */
import test from 'ava';
import { WaitingClients } from '../../lib/execution/blocking.js';
import { Arena, OutOfArena } from '../../lib/store/arena.js';
import { datasetOf } from '../support/dataset.js';
import { recordsOf, startDurable } from '../support/durable-node.js';
import { MemoryFiles } from '../support/memory-files.js';
import { RawClient, encode } from '../support/raw-client.js';
import { waitFor } from '../support/wait-for.js';

const long = (letter: string): string => letter.repeat(90);
function many(count: number, make: (index: number) => string[]): string[] {
  return Array.from({ length: count }, (_, index) => make(index)).flat();
}

const BEFORE: readonly string[][] = [
  ['SET', 'string', long('s')], ['RPUSH', 'list', ...many(200, (i) => [`element ${i}`])],
  ['HSET', 'hash', 'a', '1', 'b', long('b')], ['SADD', 'set', 'a', long('c')],
  ['ZADD', 'zset', '1', 'a', '2', long('d')], ['XADD', 'stream', '1-1', 'f', 'v'], ['BUCKET', 'CREATE', 'bucket'],
  ['SET', 'expires', 'x', 'PXAT', '9999999999999'],
];

const commands: readonly string[][] = [
  ['MSET', ...many(12, (i) => [`m${i}`, long('m')]), 'string', long('t')],
  ['SET', 'string', 'x'.repeat(5000)],
  ['APPEND', 'string', 'x'.repeat(5000)],
  ['SETRANGE', 'expires', '4000', 'x'],
  ['RPUSH', 'list', ...many(300, (i) => [long('l') + String(i)])],
  ['RPUSH', 'new list', ...many(300, (i) => [long('l') + String(i)])],
  ['LINSERT', 'list', 'BEFORE', 'element 100', 'x'.repeat(9000)],
  ['HSET', 'hash', ...many(300, (i) => [`field${i}`, long('h')])],
  ['HSET', 'bucket', ...many(300, (i) => [`field${i}`, long('h')])],
  ['HSETEX', 'hash', 'PXAT', '9999999999999', 'FIELDS', '40', ...many(40, (i) => [`field${i}`, long('h')])],
  ['SADD', 'set', ...many(300, (i) => [long('s') + String(i)])],
  ['SADD', 'new set', ...many(600, (i) => [String(i)])],
  ['ZADD', 'zset', ...many(300, (i) => [String(i), long('z') + String(i)])],
  ['XADD', 'stream', '2-1', ...many(60, (i) => [`f${i}`, long('x')])],
  ['XGROUP', 'CREATE', 'stream', 'group', '0'],
  ['PFADD', 'hll', ...many(500, (i) => [String(i)])],
  ['COPY', 'list', 'copy'],
  ['RENAME', 'list', 'another name of it'],
  ['LMOVE', 'list', 'other', 'LEFT', 'RIGHT'],
  ['SUNIONSTORE', 'string', 'set', 'set'],
  ['ZUNIONSTORE', 'union', '2', 'zset', 'zset'],
  ['SORT', 'list', 'ALPHA', 'STORE', 'sorted'],
  ['EXPIRE', 'string', '1000'],
];

/** The arena has no room for allocation number `at` from now to `end`, which gives whether it was asked for it. */
function fillUp(arena: Arena, at: number): { end: () => boolean } {
  let left = at;
  arena.allocate = (byteCount) => {
    if (left-- === 0) throw new OutOfArena();
    return Arena.prototype.allocate.call(arena, byteCount);
  };
  return {
    end: () => {
      Reflect.deleteProperty(arena, 'allocate');
      return left < 0;
    },
  };
}

for (const request of commands) {
  test(`${request[0]!} ${request[1]!}, when the arena is full at any moment of it`, async (t) => {
    const { node, log } = await startDurable(t, new MemoryFiles());
    const client = await RawClient.connect(node.port);
    const ask = async (words: readonly string[]): Promise<string> => {
      client.send(encode(words));
      return client.reply();
    };
    for (let at = 0, hasFailed = true; hasFailed; at = at < 6 ? at + 1 : Math.ceil(at * 1.6)) {
      for (const each of [['FLUSHALL'], ...BEFORE]) await ask(each);
      const arena = fillUp(node.state.store.arena, at);
      const reply = await ask(request);
      hasFailed = arena.end();
      if (hasFailed) t.regex(reply, /^-OOM/, `allocation ${at}`);
      t.is(await ask(['SET', 'after', 'it']), '+OK\r\n');
      const data = await datasetOf(node.port);
      t.is(await ask(['DEBUG', 'LOADAOF']), '+OK\r\n');
      t.deepEqual(await datasetOf(node.port), data, `allocation ${at}`);
      t.deepEqual(log.filter((line) => line.includes('Internal error')), []);
    }
    client.close();
  });
}

test('a transaction in which a command has no room is recorded as it ran', async (t) => {
  const files = new MemoryFiles();
  const { node } = await startDurable(t, files);
  const client = await RawClient.connect(node.port);
  await client.ask('MULTI');
  await client.ask('SET a 1');
  client.send(encode(['MSET', ...many(4, (i) => [`m${i}`, long('m')])]));
  await client.reply();
  await client.ask('SET b 1');
  const arena = fillUp(node.state.store.arena, 3);
  t.regex(await client.ask('EXEC'), /^\*3\r\n\+OK\r\n-OOM [^\r]*\r\n\+OK\r\n$/);
  t.true(arena.end());
  client.close();
  await node.stop();
  const records = recordsOf(files.find('.incr.aof')).map((record) => record.split(' ').slice(0, 2).join(' '));
  t.deepEqual(records, ['SELECT 0', 'MULTI', 'SET a', 'RESTORE m0', 'RESTORE m1', 'DEL m2', 'DEL m3', 'SET b', 'EXEC']);
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

/** Rewriting the log, switching it on and off, and exchanging folders with redis-server. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { CommandTable } from '../../lib/commands/table.js';
import { families } from '../../lib/commands/families.js';
import type { Node } from '../../lib/server.js';
import { seededRandom } from '../../lib/util/random.js';
import { Draw } from '../generators/draw.js';
import { grammars } from '../generators/families.js';
import { Sequences } from '../generators/grammar.js';
import { KEYS } from '../generators/words.js';
import { datasetOf } from '../support/dataset.js';
import { recordsOf, startDurable } from '../support/durable-node.js';
import { referenceTest } from '../support/macros.js';
import { MemoryFiles } from '../support/memory-files.js';
import { RawClient, encode } from '../support/raw-client.js';
import { startReference } from '../support/reference.js';
import { seedOf } from '../support/seed.js';
import { smallLimits, startNode } from '../support/targets.js';
import { waitFor } from '../support/wait-for.js';

async function rewritten(client: RawClient): Promise<void> {
  await client.ask('BGREWRITEAOF');
  await ended(client);
}

async function ended(client: RawClient): Promise<void> {
  const mark = 'aof_rewrite_in_progress:0';
  await waitFor(async () => (await client.ask('INFO persistence')).includes(mark), 'the rewrite to end');
}

const names = (files: MemoryFiles): string[] => files.paths().map((path) => path.slice('/data/appendonlydir/'.length));

test('a first start makes the files that redis-server makes', async (t) => {
  const files = new MemoryFiles();
  await startDurable(t, files);
  t.deepEqual(names(files), ['appendonly.aof.1.base.rdb', 'appendonly.aof.1.incr.aof', 'appendonly.aof.manifest']);
  t.is(
    files.find('.manifest').toString(),
    'file appendonly.aof.1.base.rdb seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n',
  );
});

test('a rewrite leaves a base, an empty increment and nothing else', async (t) => {
  const files = new MemoryFiles();
  const { node } = await startDurable(t, files);
  const client = await RawClient.connect(node.port);
  for (let i = 0; i < 100; i++) await client.ask(`INCR a`);
  t.is(await client.ask('BGREWRITEAOF'), '+Background append only file rewriting started\r\n');
  await ended(client);
  t.deepEqual(names(files), ['appendonly.aof.2.base.rdb', 'appendonly.aof.2.incr.aof', 'appendonly.aof.manifest']);
  await client.ask('INCR a');
  client.close();
  await node.stop();
  t.deepEqual(recordsOf(files.find('.incr.aof')), ['SELECT 0', 'INCR a']);
  const { node: again } = await startDurable(t, files);
  const other = await RawClient.connect(again.port);
  t.is(await other.ask('GET a'), '$3\r\n101\r\n');
  other.close();
});

for (const kind of ['write', 'sync', 'rename', 'syncFolder'] as const) {
  test(`a rewrite whose manifest fails at ${kind} leaves no file behind, and none open`, async (t) => {
    const files = new MemoryFiles();
    const { node } = await startDurable(t, files);
    const client = await RawClient.connect(node.port);
    await client.ask('SET a 1');
    const { opened } = files;
    let failures = 0;
    files.fault = (each, path) => {
      const isHit = each === kind && failures === 0 && (path.includes('temp-appendonly') || kind === 'syncFolder');
      if (!isHit) return undefined;
      failures++;
      return { error: 'EIO' };
    };
    await rewritten(client);
    t.is(failures, 1);
    t.regex(await client.ask('INFO persistence'), /aof_last_bgrewrite_status:err/);
    t.false(names(files).some((name) => name.includes('.2.incr')), names(files).join(' '));
    t.false(names(files).some((name) => name.startsWith('temp-rewriteaof')), names(files).join(' '));
    t.is(files.opened, opened, 'files are left open');
    await client.ask('SET b 1');
    client.close();
    await node.stop();
    const { node: again } = await startDurable(t, files.afterKill());
    const other = await RawClient.connect(again.port);
    t.is(await other.ask('EXISTS a b'), ':2\r\n');
    other.close();
  });
}

test('a rewrite that fails leaves a log that is whole', async (t) => {
  const files = new MemoryFiles();
  const { node } = await startDurable(t, files);
  const client = await RawClient.connect(node.port);
  await client.ask('SET a 1');
  files.fault = (kind, path) => (kind === 'write' && path.includes('temp-rewriteaof') ? { error: 'ENOSPC' } : undefined);
  await rewritten(client);
  t.regex(await client.ask('INFO persistence'), /aof_last_bgrewrite_status:err/);
  t.is(await client.ask('SET b 2'), '+OK\r\n');
  client.close();
  await node.stop();
  t.false(files.paths().some((path) => path.includes('temp-')));
  const { node: again } = await startDurable(t, files);
  const other = await RawClient.connect(again.port);
  t.is(await other.ask('MGET a b'), '*2\r\n$1\r\n1\r\n$1\r\n2\r\n');
  other.close();
});

/** Everything in the large buckets of the next test; hashes and sets in the order of their elements. */
async function largeBuckets(client: RawClient): Promise<string[]> {
  const inOrder = ['LRANGE l 0 -1', 'ZRANGE z 0 -1 WITHSCORES', 'XRANGE x - +', 'XPENDING x g'];
  const found: string[] = [];
  for (const request of inOrder) found.push(await client.ask(request));
  const fields = (await client.ask('HGETALL h')).split('\r\n').slice(1);
  const pairs = fields.join('\n').match(/\$\d+\n.*\n\$\d+\n.*\n/g) ?? [];
  found.push(pairs.sort().join(''));
  found.push((await client.ask('SMEMBERS s')).split('\r\n').sort().join('\n'));
  return found;
}

test('large buckets that change while the log is rewritten are what they were, after a start', async (t) => {
  const draw = new Draw(seededRandom(seedOf(t)));
  const files = new MemoryFiles();
  const { node } = await startDurable(t, files);
  const client = await RawClient.connect(node.port);
  const requests = async (count: number, make: (i: number) => string[][]): Promise<void> => {
    const all = Array.from({ length: count }, (_, i) => make(i)).flat();
    client.send(Buffer.concat(all.map((request) => encode(request))));
    for (let left = all.length; left > 0; left--) await client.reply();
  };
  await requests(3000, (i) => [
    ['HSET', 'h', `field ${i}`, String(i)], ['SADD', 's', `member ${i}`], ['ZADD', 'z', String(i % 70), `member ${i}`],
    ['RPUSH', 'l', `element ${i}`], ['XADD', 'x', `${i + 1}-0`, 'f', String(i)],
  ]);
  await client.ask('XGROUP CREATE x g 0');
  await client.ask('XREADGROUP GROUP g c COUNT 2000 STREAMS x >');
  await client.ask('BGREWRITEAOF');
  let rounds = 0;
  while ((await client.ask('INFO persistence')).includes('aof_rewrite_in_progress:1')) {
    rounds++;
    await requests(20, () => {
      const some = draw.below(3600);
      return [
        ['HSET', 'h', `field ${some}`, 'changed'], ['HDEL', 'h', `field ${draw.below(3000)}`],
        ['SREM', 's', `member ${some}`], ['SPOP', 's'], ['SADD', 's', `new ${some}`],
        ['ZINCRBY', 'z', '7', `member ${some}`], ['ZPOPMIN', 'z'], ['LPUSH', 'l', `new ${some}`], ['RPOP', 'l'],
        ['LSET', 'l', String(draw.below(2000)), 'changed'], ['XADD', 'x', '*', 'f', 'new'], ['XDEL', 'x', `${some}-0`],
        ['XACK', 'x', 'g', `${some}-0`],
      ];
    });
  }
  t.true(rounds > 0);
  const before = await largeBuckets(client);
  client.close();
  await node.stop();
  const { node: again } = await startDurable(t, files);
  const other = await RawClient.connect(again.port);
  t.deepEqual(await largeBuckets(other), before);
  other.close();
});

test('the log is rewritten by itself when it has grown', async (t) => {
  const files = new MemoryFiles();
  const { node } = await startDurable(t, files, { 'auto-aof-rewrite-min-size': '2000' });
  const client = await RawClient.connect(node.port);
  for (let i = 0; i < 100; i++) await client.ask(`SET a ${i}`);
  await waitFor(() => !names(files).includes('appendonly.aof.1.base.rdb'), 'a rewrite');
  t.pass();
  client.close();
});

test('CONFIG SET appendonly switches the log on and off', async (t) => {
  const files = new MemoryFiles();
  const { node } = await startDurable(t, files, { appendonly: 'no' });
  const client = await RawClient.connect(node.port);
  await client.ask('SET a 1');
  await client.ask('BUCKET CREATE b');
  await client.ask('CONFIG SET appendonly yes');
  await waitFor(() => files.paths().some((path) => path.endsWith('.manifest')), 'the log');
  await client.ask('SET c 1');
  await client.ask('CONFIG SET appendonly no');
  await waitFor(async () => (await client.ask('INFO persistence')).includes('aof_enabled:0'), 'the end of the log');
  await client.ask('SET d 1');
  client.close();
  await node.stop();
  const { node: again } = await startDurable(t, files);
  const other = await RawClient.connect(again.port);
  t.is(await other.ask('EXISTS a b c d'), ':3\r\n');
  other.close();
});

test('CONFIG SET appendonly yes is answered when the log is there, or says why not and changes nothing', async (t) => {
  const files = new MemoryFiles();
  const { node } = await startDurable(t, files, { appendonly: 'no' });
  const client = await RawClient.connect(node.port);
  t.teardown(() => client.close());
  await client.ask('SET a 1');
  const values = 'CONFIG GET append[of][ns]* ';
  const before = await client.ask(values);
  for (const [kind, part] of [['write', 'temp-rewriteaof'], ['open', '.incr.aof'], ['rename', '.manifest']] as const) {
    files.fault = (found, path) => (found === kind && path.includes(part) ? { error: 'ENOSPC' } : undefined);
    t.is(
      await client.ask('CONFIG SET appendfsync always appendonly yes'),
      "-ERR CONFIG SET failed (possibly related to argument 'appendonly') - Unable to turn on AOF. Check server logs: " +
        '/data/appendonlydir: No space left on device\r\n',
      part,
    );
    t.is(await client.ask(values), before);
    t.regex(await client.ask('INFO persistence'), /aof_enabled:0/);
  }
  files.fault = () => undefined;
  t.is(await client.ask('CONFIG SET appendfsync always appendonly yes'), '+OK\r\n');
  t.true(names(files).includes('appendonly.aof.manifest'));
  t.is(await client.ask('CONFIG SET appendonly yes'), '+OK\r\n');
  client.send('CONFIG SET appendonly no\r\nCONFIG SET appendonly yes\r\n');
  t.is(await client.reply(), '+OK\r\n');
  t.is(await client.reply(), '+OK\r\n');
  t.regex(await client.ask('INFO persistence'), /aof_enabled:1/);
});

test('DEBUG LOADAOF loads what was recorded', async (t) => {
  const files = new MemoryFiles();
  const { node } = await startDurable(t, files);
  const client = await RawClient.connect(node.port);
  await client.ask('SET a 1');
  await client.ask('HSET h f v');
  t.is(await client.ask('DEBUG LOADAOF'), '+OK\r\n');
  t.is(await client.ask('EXISTS a h'), ':2\r\n');
  await client.ask('SET b 1');
  t.is(await client.ask('DEBUG LOADAOF'), '+OK\r\n');
  t.is(await client.ask('DBSIZE'), ':3\r\n');
  client.close();
});

// ---- redis-server

const table = new CommandTable(families);
const LENGTH = 3000;

/** Commands that redis-server knows, of all families. */
function commandsFor(seed: number): string[][] {
  return new Sequences(grammars, table, KEYS).sequence(seed, LENGTH);
}

async function send(port: number, requests: readonly string[][]): Promise<void> {
  const client = await RawClient.connect(port);
  client.send(Buffer.concat(requests.map((request) => encode(request))));
  for (const _request of requests) await client.reply();
  client.close();
}

function folderOf(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'pigeonhole-log-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const logOn = (dir: string): Record<string, string> => ({ appendonly: 'yes', dir, ...smallLimits });

referenceTest('redis-server loads our folder, and we load what it adds', async (t) => {
  const seed = seedOf(t);
  const folder = folderOf(t);
  let node: Node = await startNode(logOn(folder));
  const requests = commandsFor(seed);
  await send(node.port, requests.slice(0, LENGTH / 2));
  await send(node.port, [['BGREWRITEAOF']]);
  await send(node.port, requests.slice(LENGTH / 2));
  const ours = await datasetOf(node.port);
  await node.stop();
  const manifest = join(folder, 'appendonlydir', 'appendonly.aof.manifest');
  t.regex(execFileSync('redis-check-aof', [manifest], { encoding: 'utf8' }), /All AOF files and manifest are valid/);
  const flags = ['--appendonly', 'yes', '--dir', folder];
  const reference = await startReference(...flags);
  t.deepEqual(await datasetOf(reference.port), ours);
  await send(reference.port, commandsFor(seed + 1));
  const theirs = await datasetOf(reference.port);
  await send(reference.port, [['CONFIG', 'SET', 'appendfsync', 'always'], ['SET', 'the last', 'one'], ['DEL', 'the last']]);
  await reference.stop();
  node = await startNode(logOn(folder));
  t.teardown(() => node.stop());
  t.deepEqual(await datasetOf(node.port), theirs);
});

referenceTest('the folder of a redis-server has what it had, here', async (t) => {
  const seed = seedOf(t);
  const folder = folderOf(t);
  const reference = await startReference('--appendonly', 'yes', '--dir', folder, '--aof-timestamp-enabled', 'yes');
  await send(reference.port, commandsFor(seed));
  await send(reference.port, [['BGREWRITEAOF']]);
  await waitFor(() => readdirSync(join(folder, 'appendonlydir')).includes('appendonly.aof.2.base.rdb'), 'its rewrite');
  await send(reference.port, commandsFor(seed + 1));
  await send(reference.port, [['CONFIG', 'SET', 'appendfsync', 'always'], ['SET', 'the last', 'one'], ['DEL', 'the last']]);
  const theirs = await datasetOf(reference.port);
  await reference.stop();
  const node = await startNode(logOn(folder));
  t.teardown(() => node.stop());
  t.deepEqual(await datasetOf(node.port), theirs);
  t.regex(readFileSync(join(folder, 'pigeonhole.lock'), 'latin1'), new RegExp(`^${process.pid} `));
  await t.throwsAsync(startNode(logOn(folder)), { message: /is used by process/ });
});

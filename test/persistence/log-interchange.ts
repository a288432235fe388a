/**
 * The append log between a node and redis-server: random buckets of all types by seed, in a base and in increments, are
 * recorded here and loaded there, and the other way round; redis-check-aof looks at what is written. Values are
 * compared by DUMP of each bucket, with redis-server's digests. Use of buckets (LRU, LFU) comes along.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type Ask, askerOf, newFolder } from '../support/data-folder.js';
import { randomBuckets } from '../support/random-buckets.js';
import { startReference } from '../support/reference.js';
import { seedOf } from '../support/seed.js';
import { startNode, whyNoReference } from '../support/targets.js';
import { waitFor } from '../support/wait-for.js';

const ifReference = whyNoReference === undefined ? test.serial : test.serial.skip;
const BUCKETS = 120;

/** Elements that have a node of a list to themselves, large strings, hashes and sets in all their encodings. */
function largeBuckets(): string[][] {
  const mixed = Array.from({ length: 300_000 }, (_, index) => String.fromCharCode((index * index) % 251)).join('');
  return [
    ['SET', 'large zeros', '\0'.repeat(300_000)], ['SET', 'large mixed', mixed],
    ['RPUSH', 'long elements', 'a', 'b'.repeat(9000), mixed.slice(0, 70_000), 'c', 'd'.repeat(100_000), '12'],
    ['RPUSH', 'many elements', ...Array.from({ length: 5000 }, (_, index) => `element ${index}`.repeat(index % 7))],
    ['HSET', 'large hash', ...Array.from({ length: 2000 }, (_, index) => [`f${index}`, String(index)]).flat(), 'big', mixed],
    ['SADD', 'large set', ...Array.from({ length: 3000 }, (_, index) => `m${index}`)],
    ['SADD', 'wide integers', ...Array.from({ length: 600 }, (_, index) => String(2n ** 40n + BigInt(index)))],
    ['ZADD', 'large zset', ...Array.from({ length: 2000 }, (_, index) => [String(index / 3), `m${index}`]).flat()],
    ...Array.from({ length: 400 }, (_, index) => ['XADD', 'large stream', `${index + 1}-1`, 'f', mixed.slice(index, index * 2)]),
    ['PEXPIREAT', 'large hash', '4000000000000'],
  ];
}

const LARGE = ['large zeros', 'large mixed', 'long elements', 'many elements', 'large hash', 'large set', 'wide integers', 'large zset', 'large stream'];

async function fill(t: ExecutionContext, ask: Ask): Promise<void> {
  const requests = randomBuckets(seedOf(t), BUCKETS);
  const half = Math.floor(requests.length / 2);
  for (const request of requests.slice(0, half)) await ask(...request);
  const large = largeBuckets();
  for (const request of large.slice(0, 5)) await ask(...request);
  t.regex(await ask('BGREWRITEAOF'), /^\+/);
  for (const request of [...requests.slice(half), ...large.slice(5)]) await ask(...request);
  await waitFor(async () => (await ask('INFO', 'persistence')).includes('aof_rewrite_in_progress:0'), 'the rewrite');
  // And an increment behind the base for certain.
  await ask('SELECT', '5');
  await ask('SET', 'elsewhere', 'value');
  await ask('SELECT', '0');
  await ask('SET', 'large zeros', `${'\0'.repeat(300_000)}1`);
}

/** Each bucket's dump is restored there, and has the digest of the bucket that is there. */
async function compare(t: ExecutionContext, ours: Ask, theirs: Ask): Promise<void> {
  t.is(await ours('DBSIZE'), await theirs('DBSIZE'));
  for (const key of [...Array.from({ length: BUCKETS }, (_, index) => `b${index}`), ...LARGE]) {
    const dump = await ours('DUMP', key);
    const expiresAt = await ours('PEXPIRETIME', key);
    t.is(expiresAt, await theirs('PEXPIRETIME', key), key);
    const ttl = expiresAt === ':-1\r\n' ? '0' : expiresAt.slice(1, -2);
    const bytes = Buffer.from(dump.slice(dump.indexOf('\r\n') + 2, -2), 'latin1');
    t.is(await theirs('RESTORE', 'the copy', ttl, bytes, 'ABSTTL', 'REPLACE'), '+OK\r\n', key);
    t.is(await theirs('DEBUG', 'DIGEST-VALUE', 'the copy'), await theirs('DEBUG', 'DIGEST-VALUE', key), key);
  }
  for (const ask of [ours, theirs]) {
    await ask('SELECT', '5');
    t.is(await ask('GET', 'elsewhere'), '$5\r\nvalue\r\n');
  }
}

for (const settings of [{}, { rdbcompression: 'no', appendfsync: 'always' }, { 'aof-use-rdb-preamble': 'no' }] as const) {
  ifReference(`recorded here, loaded there, with ${JSON.stringify(settings)}`, async (t) => {
    const [dir, copy] = [newFolder(t), newFolder(t)];
    const first = await startNode({ appendonly: 'yes', dir, ...settings });
    await fill(t, await askerOf(t, first.port));
    await first.stop();
    const manifest = join(dir, 'appendonlydir', 'appendonly.aof.manifest');
    t.regex(execFileSync('redis-check-aof', [manifest], { encoding: 'utf8' }), /All AOF files and manifest are valid/);
    cpSync(dir, copy, { recursive: true });
    const node = await startNode({ appendonly: 'yes', dir });
    t.teardown(() => node.stop());
    const reference = await startReference('--appendonly', 'yes', '--dir', copy);
    t.teardown(() => reference.stop());
    await compare(t, await askerOf(t, node.port), await askerOf(t, reference.port));
  });
}

for (const flags of [
  [], ['--list-compress-depth', '1', '--maxmemory-policy', 'allkeys-lfu'], ['--aof-use-rdb-preamble', 'no', '--aof-timestamp-enabled', 'yes'],
]) {
  ifReference(`recorded there, loaded here, with ${flags.join(' ') || 'what is built in'}`, async (t) => {
    const [dir, copy] = [newFolder(t), newFolder(t)];
    const reference = await startReference('--appendonly', 'yes', '--dir', dir, '--appendfsync', 'always', ...flags);
    t.teardown(() => reference.stop());
    const theirs = await askerOf(t, reference.port);
    await fill(t, theirs);
    t.is(readdirSync(join(dir, 'appendonlydir')).length, 3);
    cpSync(dir, copy, { recursive: true });
    const node = await startNode({ appendonly: 'yes', dir: copy });
    t.teardown(() => node.stop());
    await compare(t, await askerOf(t, node.port), theirs);
  });
}

for (const [policy, command] of [['allkeys-lfu', 'FREQ'], ['allkeys-lru', 'IDLETIME']] as const) {
  ifReference(`how buckets were used comes along, with ${policy}`, async (t) => {
    const [there, here] = [newFolder(t), newFolder(t)];
    const reference = await startReference('--dir', there, '--maxmemory-policy', policy);
    t.teardown(() => reference.stop());
    const theirs = await askerOf(t, reference.port);
    for (const request of randomBuckets(seedOf(t), 20)) await theirs(...request);
    // As if it had not been used for long, or often.
    const dump = await theirs('DUMP', 'b3');
    const payload = Buffer.from(dump.slice(dump.indexOf('\r\n') + 2, -2), 'latin1');
    await theirs('RESTORE', 'used', '0', payload, command === 'FREQ' ? 'FREQ' : 'IDLETIME', command === 'FREQ' ? '77' : '4000');
    const used = (reply: string): number => Number(reply.slice(1, -2));
    const isAsThere = (value: number): boolean => (command === 'FREQ' ? value === 77 : value >= 4000 && value < 4100);
    t.true(isAsThere(used(await theirs('OBJECT', command, 'used'))));
    t.is(await theirs('SAVE'), '+OK\r\n');
    cpSync(join(there, 'dump.rdb'), join(here, 'dump.rdb'));
    const node = await startNode({ dir: here, 'maxmemory-policy': policy });
    t.teardown(() => node.stop());
    const ours = await askerOf(t, node.port);
    t.true(isAsThere(used(await ours('OBJECT', command, 'used'))), 'here');
    t.is(await ours('SAVE'), '+OK\r\n');
    const again = await startReference('--dir', here, '--maxmemory-policy', policy);
    t.teardown(() => again.stop());
    t.true(isAsThere(used(await (await askerOf(t, again.port))('OBJECT', command, 'used'))), 'and back there');
  });
}

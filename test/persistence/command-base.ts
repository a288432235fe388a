/** The base of the log as commands (`aof-use-rdb-preamble no`): what is in it, who loads it, and what damage does. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { Settings } from '../../lib/config/settings.js';
import { PersistenceError } from '../../lib/persistence/persistence-error.js';
import { Node } from '../../lib/server.js';
import { FakeClock } from '../../lib/util/clock.js';
import { silentLog } from '../../lib/util/log.js';
import { newFolder } from '../support/data-folder.js';
import { recordsOf, startDurable } from '../support/durable-node.js';
import { referenceTest } from '../support/macros.js';
import { MemoryFiles } from '../support/memory-files.js';
import { RawClient, encode } from '../support/raw-client.js';
import { startReference } from '../support/reference.js';
import { startNode } from '../support/targets.js';
import { waitFor } from '../support/wait-for.js';

const AS_COMMANDS = { 'aof-use-rdb-preamble': 'no' };
const FOLDER = '/data/appendonlydir/';

async function clientOf(t: ExecutionContext, port: number): Promise<RawClient> {
  const client = await RawClient.connect(port);
  t.teardown(() => client.close());
  return client;
}

async function send(client: RawClient, requests: readonly string[][]): Promise<void> {
  for (const request of requests) {
    client.send(encode(request));
    const reply = await client.reply();
    if (reply.startsWith('-')) throw new Error(`${request.join(' ')}: ${reply}`);
  }
}

async function rewrite(client: RawClient): Promise<void> {
  await client.ask('BGREWRITEAOF');
  await waitFor(async () => (await client.ask('INFO persistence')).includes('aof_rewrite_in_progress:0'), 'the rewrite');
}

const numbered = (count: number): string[] => Array.from({ length: count }, (_, index) => `e${index}`);

/** For each bucket what makes it, and what redis-server 7.0.15 writes for it. */
const BUCKETS: readonly (readonly [requests: string[][], records: readonly string[]])[] = [
  [[['SET', 'str', 'a\0\r\n\xff'], ['PEXPIREAT', 'str', '4000000000000']],
    ['SET str a\0\r\n\xff', 'PEXPIREAT str 4000000000000']],
  [[['RPUSH', 'list', ...numbered(130)]],
    [`RPUSH list ${numbered(64).join(' ')}`, `RPUSH list ${numbered(128).slice(64).join(' ')}`, 'RPUSH list e128 e129']],
  [[['SADD', 'ints', '1', '2', '3']], ['SADD ints 1 2 3']],
  [[['ZADD', 'z', '1.5', 'a', 'inf', 'b', '0', 'c']], ['ZADD z 0 c 1.5 a inf b']],
  [[['HSET', 'h', 'f', 'v', '', 'w']], ['HMSET h f v  w']],
  [[['XADD', 'empty', '5-5', 'f', 'v'], ['XDEL', 'empty', '5-5']],
    ['XADD empty MAXLEN 0 0-1 x y', 'XSETID empty 5-5 ENTRIESADDED 1 MAXDELETEDID 5-5']],
  [[['XADD', 's', '1-1', 'f', 'v', 'g', 'w'], ['XADD', 's', '2-1', 'f', '1'], ['XADD', 's', '3-1', 'x', '-70000'],
    ['XDEL', 's', '2-1'], ['XGROUP', 'CREATE', 's', 'g', '0'], ['XGROUP', 'CREATECONSUMER', 's', 'g', 'idle'],
    ['XCLAIM', 's', 'g', 'c', '0', '1-1', 'TIME', '1000', 'RETRYCOUNT', '7', 'FORCE', 'JUSTID', 'LASTID', '1-1']],
  ['XADD s 1-1 f v g w', 'XADD s 3-1 x -70000', 'XSETID s 3-1 ENTRIESADDED 3 MAXDELETEDID 2-1',
    'XGROUP CREATE s g 1-1 ENTRIESREAD -1', 'XGROUP CREATECONSUMER s g c',
    'XCLAIM s g c 0 1-1 TIME 1000 RETRYCOUNT 7 JUSTID FORCE', 'XGROUP CREATECONSUMER s g idle']],
];

/** What redis-server does not know. */
const OWN_BUCKETS: typeof BUCKETS = [
  [[['BUCKET', 'CREATE', 'stays'], ['PEXPIREAT', 'stays', '4000000000000']],
    ['ECHO pigeonhole BUCKET CREATE stays', 'PEXPIREAT stays 4000000000000']],
  [[['BUCKET', 'CREATE', 'stays full'], ['HSET', 'stays full', 'f', 'v']],
    ['HMSET stays full f v', 'ECHO pigeonhole BUCKET CREATE stays full']],
  [[['HSET', 'expires', 'f', 'v'], ['HPEXPIREAT', 'expires', '4000000000000', 'FIELDS', '1', 'f']],
    ['HMSET expires f v', 'HPEXPIREAT expires 4000000000000 FIELDS 1 f']],
];

test('the commands of a base are those of redis-server, and the next start has what they make', async (t) => {
  const files = new MemoryFiles();
  const { node } = await startDurable(t, files, AS_COMMANDS);
  const client = await clientOf(t, node.port);
  const all = [...BUCKETS, ...OWN_BUCKETS];
  await send(client, all.flatMap(([requests]) => requests));
  await send(client, [['SELECT', '3'], ['SET', 'other', 'database'], ['SELECT', '0']]);
  await rewrite(client);
  t.is(
    files.find('.manifest').toString(),
    'file appendonly.aof.2.base.aof seq 2 type b\nfile appendonly.aof.2.incr.aof seq 2 type i\n',
  );
  const records = recordsOf(files.find('.base.aof'));
  t.is(records[0], 'SELECT 0');
  t.deepEqual(records.slice(-2), ['SELECT 3', 'SET other database']);
  for (const [, expected] of all) {
    const at = records.indexOf(expected[0]!);
    t.deepEqual(records.slice(at, at + expected.length), [...expected]);
  }
  t.is(records.length, 3 + all.reduce((sum, [, expected]) => sum + expected.length, 0));
  const ask = async (from: RawClient): Promise<string[]> => {
    const replies: string[] = [];
    for (const line of [
      'EXISTS stays', 'HPEXPIRETIME expires FIELDS 1 f', 'XINFO GROUPS s', 'XPENDING s g', 'LRANGE list 0 -1',
      'PEXPIRETIME stays', 'ZRANGE z 0 -1 WITHSCORES', 'DBSIZE', 'XRANGE s - +', 'GET str',
    ]) replies.push(await from.ask(line));
    return replies;
  };
  const before = await ask(client);
  await node.stop();
  const { node: again } = await startDurable(t, files, AS_COMMANDS);
  t.deepEqual(await ask(await clientOf(t, again.port)), before);
});

test('CONFIG SET aof-use-rdb-preamble says what the next rewrite makes', async (t) => {
  const files = new MemoryFiles();
  const { node } = await startDurable(t, files);
  const client = await clientOf(t, node.port);
  await client.ask('SET a 1');
  for (const [value, name] of [['no', '2.base.aof'], ['yes', '3.base.rdb'], ['no', '4.base.aof']] as const) {
    t.is(await client.ask(`CONFIG SET aof-use-rdb-preamble ${value}`), '+OK\r\n');
    await rewrite(client);
    t.deepEqual(files.paths().filter((path) => path.includes('base')), [`${FOLDER}appendonly.aof.${name}`]);
  }
  await node.stop();
  const { node: again } = await startDurable(t, files);
  t.is(await (await clientOf(t, again.port)).ask('GET a'), '$1\r\n1\r\n');
});

test('a base of commands that was cut or changed stops the start', async (t) => {
  const base = await makeBase(t);
  t.is(await startOn(base), undefined);
  for (let length = 0; length < base.length; length++) {
    const refusal = await startOn(base.subarray(0, length));
    // Without any seal it may be redis-server's, of which nobody can tell.
    const isBare = length <= base.indexOf('\r\n') + 1;
    if (length === 0 || isBare) continue;
    t.regex(String(refusal), /base\.aof at offset \d+: .*redis-check-aof/s, `cut at ${length}`);
  }
  for (let at = 0; at < base.length; at++) {
    const changed = Buffer.from(base);
    changed[at]! ^= 1 << (at % 8);
    const refusal = await startOn(changed);
    // A seal that is changed may be an annotation like any other; then the records are as they were.
    if (refusal !== undefined) t.regex(refusal, /base\.aof at offset \d+: .*redis-check-aof/s, `byte ${at}`);
    else t.true(isSeal(base, at), `byte ${at}`);
  }
});

/** A base of three small buckets. */
async function makeBase(t: ExecutionContext): Promise<Buffer> {
  const files = new MemoryFiles();
  const { node } = await startDurable(t, files, AS_COMMANDS);
  const client = await clientOf(t, node.port);
  await send(client, [['SET', 'a', '1'], ['RPUSH', 'b', 'x', 'y'], ['HSET', 'c', 'f', 'v']]);
  await rewrite(client);
  await node.stop();
  return files.find('.base.aof');
}

/** Why a node does not start with this base; undefined when it does. */
async function startOn(base: Buffer): Promise<string | undefined> {
  const files = new MemoryFiles();
  const lines = ['file appendonly.aof.2.base.aof seq 2 type b', 'file appendonly.aof.2.incr.aof seq 2 type i', ''];
  files.put(`${FOLDER}appendonly.aof.manifest`, Buffer.from(lines.join('\n')));
  files.put(`${FOLDER}appendonly.aof.2.base.aof`, base);
  files.put(`${FOLDER}appendonly.aof.2.incr.aof`, Buffer.alloc(0));
  const all = { port: '0', 'line-port': '0', appendonly: 'yes', dir: '/data' };
  const node = new Node({ settings: new Settings(all), log: silentLog, files });
  try {
    await node.start();
  } catch (error) {
    if (!(error instanceof PersistenceError)) throw error;
    return error.message;
  }
  await node.stop();
  return undefined;
}

/** Whether this byte is one of a seal. */
function isSeal(base: Buffer, at: number): boolean {
  const last = base.lastIndexOf('#SEAL');
  return at < base.indexOf('\r\n') + 2 || at >= last;
}

referenceTest('redis-server has the streams of a base of commands, with their groups', async (t) => {
  const dir = newFolder(t);
  const node = await startNode({ appendonly: 'yes', dir, ...AS_COMMANDS });
  const client = await clientOf(t, node.port);
  await send(client, BUCKETS.flatMap(([requests]) => requests));
  await rewrite(client);
  const lines = ['XINFO GROUPS s', 'XPENDING s g', 'XRANGE s - +', 'XINFO STREAM empty', 'GET str'];
  const ours: string[] = [];
  for (const line of lines) ours.push(await client.ask(line));
  await node.stop();
  const manifest = join(dir, 'appendonlydir', 'appendonly.aof.manifest');
  t.regex(execFileSync('redis-check-aof', [manifest], { encoding: 'utf8' }), /All AOF files and manifest are valid/);
  const reference = await startReference('--appendonly', 'yes', '--dir', dir);
  t.teardown(() => reference.stop());
  const theirs = await clientOf(t, reference.port);
  for (const [index, line] of lines.entries()) t.is(await theirs.ask(line), ours[index]!, line);
});

referenceTest('a log with the time, base included, is cut at a time by redis-check-aof', async (t) => {
  const dir = newFolder(t);
  const clock = new FakeClock();
  const settings = { appendonly: 'yes', dir, port: 'any', 'line-port': '0', 'aof-timestamp-enabled': 'yes', ...AS_COMMANDS };
  const node = new Node({ settings: new Settings(settings), log: silentLog, clock });
  await node.start();
  t.teardown(() => node.stop());
  const client = await clientOf(t, node.port);
  await client.ask('SET a 1');
  clock.advance(10_000);
  await rewrite(client);
  for (const key of ['b', 'c']) {
    await client.ask(`SET ${key} 1`);
    clock.advance(10_000);
  }
  await node.stop();
  const folder = join(dir, 'appendonlydir');
  const [base, increment] = ['base', 'incr'].map((kind) => readFileSync(join(folder, `appendonly.aof.2.${kind}.aof`), 'latin1'));
  const second = 1_700_000_010;
  t.regex(base!, new RegExp(`^#SEAL:0:0:\\w+\r\n#TS:${second}\r\n\\*2\r\n`));
  t.true(increment!.includes(`#TS:${second + 10}\r\n`));
  const manifest = join(folder, 'appendonly.aof.manifest');
  const check = (...flags: string[]): string => execFileSync('redis-check-aof', [...flags, manifest], { encoding: 'utf8' });
  t.regex(check(), /All AOF files and manifest are valid/);
  t.regex(check('--truncate-to-timestamp', String(second + 5)), /Successfully truncated AOF/);
  t.regex(check(), /All AOF files and manifest are valid/);
  const again = await startNode({ appendonly: 'yes', dir });
  t.teardown(() => again.stop());
  t.is(await (await clientOf(t, again.port)).ask('MGET a b c'), '*3\r\n$1\r\n1\r\n$1\r\n1\r\n$-1\r\n');
});

referenceTest('functions of a base of commands are kept and come back to redis-server', async (t) => {
  const dir = newFolder(t);
  const flags = ['--appendonly', 'yes', '--dir', dir, '--aof-use-rdb-preamble', 'no'];
  const reference = await startReference(...flags);
  const library = "#!lua name=mylib\nredis.register_function('one', function() return 1 end)";
  const theirs = await clientOf(t, reference.port);
  await send(theirs, [['FUNCTION', 'LOAD', library]]);
  await rewrite(theirs);
  await reference.stop();
  const node = await startNode({ appendonly: 'yes', dir, ...AS_COMMANDS });
  await rewrite(await clientOf(t, node.port));
  await node.stop();
  t.regex(readFileSync(join(dir, 'appendonlydir', 'appendonly.aof.3.base.aof'), 'latin1'), /mylib/);
  const again = await startReference(...flags);
  t.teardown(() => again.stop());
  t.is(await (await clientOf(t, again.port)).ask('FCALL one 0'), ':1\r\n');
});

/**
 * What is acknowledged survives: with `appendfsync always` a disk that fails at each operation in turn, writes less
 * than it was given, and loses what was not synced when the power fails.
 */
import test, { type ExecutionContext } from 'ava';
import { PersistenceError } from '../../lib/persistence/persistence-error.js';
import { seededRandom } from '../../lib/util/random.js';
import { fillLog, startDurable } from '../support/durable-node.js';
import { atEachOperation } from '../support/each-operation.js';
import { type Fault, MemoryFiles, type Operation } from '../support/memory-files.js';
import { RawClient } from '../support/raw-client.js';
import { seedOf } from '../support/seed.js';
import { waitFor } from '../support/wait-for.js';

const WRITES = 12;
const REWRITE_AT = 5;
/** More than a run has. */
const OPERATIONS_MAX = 200;

/** What a client was told: the values that were acknowledged, and the last that was sent, by key. */
interface Told {
  acknowledged: Map<string, number>;
  sent: Map<string, number>;
  /** Some write was refused or left without a reply. */
  failures: number;
}

/** Writes numbers to a few keys, one after the other; comes back when the node closes the connection. */
async function write(port: number): Promise<Told> {
  const told: Told = { acknowledged: new Map(), sent: new Map(), failures: 0 };
  let client = await RawClient.connect(port);
  for (let number = 1; number <= WRITES; number++) {
    const key = `key${number % 4}`;
    told.sent.set(key, number);
    const reply = await client.ask(`SET ${key} ${number}`);
    if (reply === '+OK\r\n') told.acknowledged.set(key, number);
    else {
      told.failures++;
      if (reply.endsWith('<closed>')) client = await RawClient.connect(port);
      else await new Promise((resolve) => setTimeout(resolve, 20));
    }
    if (number === REWRITE_AT) await client.ask('BGREWRITEAOF');
  }
  client.close();
  return told;
}

/** Every key has what was acknowledged last, or something that was sent after it. */
async function check(t: ExecutionContext, files: MemoryFiles, told: Told, what: string): Promise<void> {
  const { node } = await startDurable(t, files);
  const client = await RawClient.connect(node.port);
  for (const [key, sent] of told.sent) {
    const reply = await client.ask(`GET ${key}`);
    const found = reply === '$-1\r\n' ? 0 : Number(reply.split('\r\n')[1]);
    const least = told.acknowledged.get(key) ?? 0;
    t.true(found >= least && found <= sent, `${what}: ${key} is ${found}, acknowledged ${least}, sent ${sent}`);
  }
  client.close();
  await node.stop();
}

/** Runs the writes on a disk on which operation number `at` goes wrong. False when there is no such operation. */
async function runWithFault(
  t: ExecutionContext, at: number, fault: Fault, count: number, seed: number,
): Promise<boolean> {
  const files = new MemoryFiles();
  let operation = 0;
  files.fault = (kind) => {
    const number = operation++;
    if ('short' in fault && kind !== 'write') return undefined;
    return number >= at && number < at + count ? fault : undefined;
  };
  const what = `${JSON.stringify(fault)} at operation ${at}`;
  let told: Told;
  try {
    const { node } = await startDurable(t, files, { appendfsync: 'always' });
    told = await write(node.port);
    const disk = files.afterPowerCut(seededRandom(seed + at));
    await check(t, disk, told, `${what}, power cut`);
    await node.stop();
  } catch (error) {
    // A disk that fails at the start keeps the node from starting, and says so.
    t.true(error instanceof PersistenceError, `${what}: ${String(error)}`);
    return true;
  }
  files.fault = () => undefined;
  await check(t, files.afterKill(), told, `${what}, stopped`);
  return operation > at;
}

/** What a disk that is full or read-only does not do. */
const CHANGES: ReadonlySet<Operation> = new Set(['write', 'truncate', 'rename', 'remove', 'makeFolder']);

const faults: readonly (readonly [title: string, fault: Fault, count: number])[] = [
  ['fails once with EIO', { error: 'EIO' }, 1],
  ['is full for a while', { error: 'ENOSPC' }, 4],
  ['is read-only for a while', { error: 'EROFS' }, 4],
  ['writes one byte', { short: 1 }, 1],
  ['writes parts for a while', { short: 7 }, 6],
];

for (const [title, fault, times] of faults) {
  test(`always: nothing acknowledged is lost when the disk ${title}, at any operation`, async (t) => {
    t.timeout(120_000);
    const seed = seedOf(t);
    const count = await atEachOperation(OPERATIONS_MAX, (at) => runWithFault(t, at, fault, times, seed));
    t.true(count > 20, `only ${count} operations`);
  });
}

test('always: nothing acknowledged is lost when the power fails at any operation', async (t) => {
  t.timeout(120_000);
  const seed = seedOf(t);
  await atEachOperation(80, async (at) => {
    const files = new MemoryFiles();
    let disk: MemoryFiles | undefined;
    const told: Told = { acknowledged: new Map(), sent: new Map(), failures: 0 };
    let acknowledgedThen = new Map<string, number>();
    files.fault = () => {
      if (files.operations === at) {
        disk = files.afterPowerCut(seededRandom(seed + at));
        acknowledgedThen = new Map(told.acknowledged);
      }
      return undefined;
    };
    const { node } = await startDurable(t, files, { appendfsync: 'always' });
    const client = await RawClient.connect(node.port);
    for (let number = 1; number <= WRITES; number++) {
      const key = `key${number % 4}`;
      told.sent.set(key, number);
      if ((await client.ask(`SET ${key} ${number}`)) === '+OK\r\n') told.acknowledged.set(key, number);
      if (number === REWRITE_AT) await client.ask('BGREWRITEAOF');
    }
    client.close();
    await node.stop();
    if (disk !== undefined) await check(t, disk, { ...told, acknowledged: acknowledgedThen }, `power cut at ${at}`);
    return true;
  });
});

for (const [title, code, text] of [
  ['is full', 'ENOSPC', 'No space left on device'],
  ['is read-only', 'EROFS', 'Read-only file system'],
] as const) {
  test(`everysec: writes are refused while the disk ${title}, and taken again when it is not`, async (t) => {
    const files = new MemoryFiles();
    const { node } = await startDurable(t, files);
    const client = await RawClient.connect(node.port);
    t.is(await client.ask('SET a 1'), '+OK\r\n');
    files.fault = (kind) => (CHANGES.has(kind) ? { error: code } : undefined);
    await client.ask('SET a 2');
    let reply = '';
    const writeUntil = (wanted: string): Promise<void> => waitFor(async () => {
      reply = await client.ask('SET a 3');
      return reply.startsWith(wanted);
    }, wanted);
    await writeUntil('-MISCONF');
    t.is(reply, `-MISCONF Errors writing to the AOF file: ${text}\r\n`);
    t.is(await client.ask('PING'), reply);
    t.regex(await client.ask('GET a'), /[123]/);
    t.regex(await client.ask('INFO persistence'), /aof_last_write_status:err/);
    t.regex(await client.ask('MULTI'), /OK/);
    t.regex(await client.ask('SET a 4'), /MISCONF/);
    t.regex(await client.ask('EXEC'), /EXECABORT/);
    files.fault = () => undefined;
    await writeUntil('+OK');
    t.is(await client.ask('RPUSH order 1'), ':1\r\n');
    client.close();
    await node.stop();
    const { node: again } = await startDurable(t, files.afterKill());
    const other = await RawClient.connect(again.port);
    t.is(await other.ask('GET a'), '$1\r\n3\r\n');
    t.is(await other.ask('LLEN order'), ':1\r\n');
    other.close();
  });
}

test('always: readers do not wait for the disk, and writers share a sync', async (t) => {
  const files = new MemoryFiles();
  const { node } = await startDurable(t, files, { appendfsync: 'always' });
  // With the first write the log's first seal is synced by itself, and filler is made.
  await fillLog(node.port, files);
  let letGo = (): void => undefined;
  let syncs = 0;
  files.delay = (kind) => {
    if (kind !== 'sync') return undefined;
    syncs++;
    return new Promise((resolve) => (letGo = resolve));
  };
  const [one, two, three, reader] = await Promise.all([1, 2, 3, 4].map(() => RawClient.connect(node.port)));
  const first = one!.ask('SET a 1');
  while (syncs === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  const others = [two!.ask('SET b 1'), three!.ask('SET c 1')];
  t.is(await reader!.ask('GET a'), '$1\r\n1\r\n');
  letGo();
  t.is(await first, '+OK\r\n');
  while (syncs === 1) await new Promise((resolve) => setTimeout(resolve, 1));
  letGo();
  t.deepEqual(await Promise.all(others), ['+OK\r\n', '+OK\r\n']);
  t.is(syncs, 2);
  files.delay = () => undefined;
  for (const client of [one, two, three, reader]) client!.close();
});

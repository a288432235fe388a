/**
 * A start on a disk that fails, or that loses its power, at each of the start's operations in turn: it either refuses
 * with a text or serves everything, and the next start has all that the folder held.
 */
import test, { type ExecutionContext } from 'ava';
import { PersistenceError } from '../../lib/persistence/persistence-error.js';
import { seededRandom } from '../../lib/util/random.js';
import { startDurable } from '../support/durable-node.js';
import { atEachOperation } from '../support/each-operation.js';
import { type Fault, MemoryFiles } from '../support/memory-files.js';
import { RawClient, encode } from '../support/raw-client.js';
import { seedOf } from '../support/seed.js';

const FOLDER = '/data/appendonlydir';
const MANIFEST = `${FOLDER}/appendonly.aof.manifest`;
const INCREMENT = `${FOLDER}/appendonly.aof.1.incr.aof`;
/** More than a start has. */
const OPERATIONS_MAX = 100;
const TORN = '*3\r\n$3\r\nSET\r\n$4\r\nto';
const WRITES = ['SET a 1', 'RPUSH l 1 2 3', 'HSET h f v'];
const EVERYTHING = 'EXISTS a l h';

/** What a node with these settings leaves on the disk. */
async function written(t: ExecutionContext, settings: Record<string, string>): Promise<MemoryFiles> {
  const files = new MemoryFiles();
  const { node } = await startDurable(t, files, settings);
  const client = await RawClient.connect(node.port);
  for (const line of WRITES) t.notRegex(await client.ask(line), /^-/);
  if (settings.appendonly === 'no') t.is(await client.ask('SAVE'), '+OK\r\n');
  client.close();
  await node.stop();
  return files;
}

/** A folder by what is special in it. */
const folders: Readonly<Record<string, (t: ExecutionContext) => Promise<MemoryFiles>>> = {
  'a log with a torn end': async (t) => {
    const files = await written(t, { appendonly: 'yes' });
    files.put(INCREMENT, Buffer.concat([files.get(INCREMENT)!, Buffer.from(TORN)]));
    return files;
  },
  'a log with history that is not removed': async (t) => {
    const files = await written(t, { appendonly: 'yes' });
    const history = 'file appendonly.aof.0.base.rdb seq 7 type h\n';
    files.put(`${FOLDER}/appendonly.aof.0.base.rdb`, Buffer.from('old'));
    files.put(MANIFEST, Buffer.concat([files.get(MANIFEST)!, Buffer.from(history)]));
    return files;
  },
  'a snapshot and no log': (t) => written(t, { appendonly: 'no' }),
  'a log of one file with a torn end': () => {
    const files = new MemoryFiles();
    const records = WRITES.map((line) => encode(line.split(' ')));
    files.put('/data/appendonly.aof', Buffer.concat([...records, Buffer.from(TORN)]));
    return Promise.resolve(files);
  },
};

/** A start without faults has everything, and `more` when that was acknowledged. */
async function checkNext(t: ExecutionContext, files: MemoryFiles, more: boolean, what: string): Promise<void> {
  const { node } = await startDurable(t, files).catch((error: unknown) => {
    throw new Error(`${what}: the next start: ${String(error)}`);
  });
  const client = await RawClient.connect(node.port);
  t.is(await client.ask(EVERYTHING), ':3\r\n', what);
  t.is(await client.ask('LRANGE l 0 -1'), '*3\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n', what);
  if (more) t.is(await client.ask('GET more'), '$1\r\n1\r\n', what);
  client.close();
  await node.stop();
}

/** Starts on a disk that may fail. Gives whether a write was acknowledged then; undefined when it did not start. */
async function start(t: ExecutionContext, files: MemoryFiles, what: string): Promise<boolean | undefined> {
  try {
    const { node } = await startDurable(t, files, { appendfsync: 'always' });
    const client = await RawClient.connect(node.port);
    t.is(await client.ask(EVERYTHING), ':3\r\n', what);
    const isAcknowledged = (await client.ask('SET more 1')) === '+OK\r\n';
    client.close();
    files.fault = () => undefined;
    await node.stop();
    return isAcknowledged;
  } catch (error) {
    t.true(error instanceof PersistenceError, `${what}: ${String(error)}`);
    t.regex((error as Error).message, /\/data/, what);
    t.is(files.opened, 0, `${what}: files are left open`);
    t.is(files.locked, 0, `${what}: the folder is left locked`);
    files.fault = () => undefined;
    return undefined;
  }
}

/** One after the other, over the operations. */
const ERRORS = ['EIO', 'ENOSPC', 'EROFS'] as const;
const faults: readonly (readonly [title: string, fault: (at: number) => Fault])[] = [
  ['an error', (at) => ({ error: ERRORS[at % ERRORS.length]! })],
  ['a short write', () => ({ short: 3 })],
];

for (const [title, make] of Object.entries(folders)) {
  for (const [what, faultAt] of faults) {
    test(`${title}: a start with ${what} at any operation, and the next one`, async (t) => {
      const folder = await make(t);
      let refusals = 0;
      const operations = await atEachOperation(OPERATIONS_MAX, async (at) => {
        const files = folder.afterKill();
        const fault = faultAt(at);
        let operation = -1;
        files.fault = (kind) => {
          if ('short' in fault && kind !== 'write') return undefined;
          return ++operation === at ? fault : undefined;
        };
        const step = `operation ${at}: ${JSON.stringify(fault)}`;
        const more = await start(t, files, step);
        if (more === undefined) refusals++;
        await checkNext(t, files.afterKill(), more === true, step);
        return operation >= at;
      });
      t.log(`${operations} operations, ${refusals} refusals`);
      const isShort = what === 'a short write';
      t.true(operations > (isShort ? 0 : 10) && operations < OPERATIONS_MAX);
      // A write that is not complete is completed.
      t.is(refusals > 0, !isShort);
    });
  }

  test(`${title}: a start in which the power fails at any operation, and the next one`, async (t) => {
    const folder = await make(t);
    const seed = seedOf(t);
    const operations = await atEachOperation(OPERATIONS_MAX, async (at) => {
      const files = folder.afterKill();
      const disks: MemoryFiles[] = [];
      files.fault = () => {
        // Of what is not on the disk, another part is there each time.
        for (let i = 0; files.operations === at + 1 && i < 2; i++) {
          disks.push(files.afterPowerCut(seededRandom(seed + at * 2 + i)));
        }
        return undefined;
      };
      t.not(await start(t, files, `operation ${at}`), undefined);
      for (const disk of disks) await checkNext(t, disk, false, `power cut at operation ${at}`);
      return disks.length > 0;
    });
    t.true(operations > 10 && operations < OPERATIONS_MAX, `${operations} operations`);
  });
}

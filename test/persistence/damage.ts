/**
 * A log that was cut at any length, or in which any byte was changed: a start restores a beginning of what was written,
 * or refuses with a text. It never makes up data.
 */
import test from 'ava';
import { Settings } from '../../lib/config/settings.js';
import { PersistenceError } from '../../lib/persistence/persistence-error.js';
import { Node } from '../../lib/server.js';
import { valueSlice } from '../../lib/store/entry.js';
import { Slice, sliceOf } from '../../lib/util/bytes.js';
import { silentLog } from '../../lib/util/log.js';
import { startDurable } from '../support/durable-node.js';
import { MemoryFiles } from '../support/memory-files.js';
import { RawClient } from '../support/raw-client.js';

const WRITES = 8;
const INCREMENT = '/data/appendonlydir/appendonly.aof.1.incr.aof';

/** A log of some writes, each of which was sealed by itself; one of them is a transaction. */
async function makeLog(appendfsync: string): Promise<MemoryFiles> {
  const files = new MemoryFiles();
  const done: (() => Promise<void>)[] = [];
  const surroundings = { teardown: (end: () => Promise<void>) => done.push(end) } as never;
  const { node } = await startDurable(surroundings, files, { appendfsync });
  const client = await RawClient.connect(node.port);
  for (let i = 0; i < WRITES; i += 2) {
    await client.ask(`SET key${i} value${i}`);
    if (i === 4) for (const line of ['MULTI', 'SET key5 value5', 'SET key5 value5', 'EXEC']) await client.ask(line);
    else await client.ask(`SET key${i + 1} value${i + 1}`);
  }
  client.close();
  await node.stop();
  return files;
}

/** The keys that a node has after a start on this disk, or why it does not start. */
async function loaded(files: MemoryFiles, settings: Readonly<Record<string, string>> = {}): Promise<number | string> {
  const all = { port: '0', 'line-port': '0', appendonly: 'yes', dir: '/data', ...settings };
  const node = new Node({ settings: new Settings(all), log: silentLog, files });
  try {
    await node.start();
  } catch (error) {
    if (!(error instanceof PersistenceError)) throw error;
    return error.message;
  }
  const { store } = node.state;
  const db = store.databases[0]!;
  let count = 0;
  for (;;) {
    const ref = db.find(sliceOf(`key${count}`));
    if (ref === 0) break;
    const value = valueSlice(store.arena, ref, new Slice()).text();
    if (value !== `value${count}`) throw new Error(`key${count} is ${JSON.stringify(value)}`);
    count++;
  }
  if (db.size !== count) throw new Error(`${db.size} keys, and ${count} that were written`);
  await node.stop();
  return count;
}

for (const appendfsync of ['always', 'no']) {
  test(`${appendfsync}: a log that is cut at any length restores what is whole`, async (t) => {
    t.timeout(120_000);
    const log = (await makeLog(appendfsync)).find('.incr.aof');
    let least = 0;
    for (let length = 0; length <= log.length; length++) {
      const files = await makeDisk(log.subarray(0, length));
      const count = await loaded(files);
      t.true(typeof count === 'number' && count >= least, `cut at ${length}: ${count}, before ${least}`);
      least = Number(count);
      // What was cut off is gone: the next start finds nothing wrong.
      t.is(await loaded(files, { 'aof-load-truncated': 'no' }), count, `cut at ${length}, started again`);
    }
    t.is(least, WRITES);
  });

  test(`${appendfsync}: a log in which any byte was changed restores a beginning or is refused`, async (t) => {
    t.timeout(120_000);
    const log = (await makeLog(appendfsync)).find('.incr.aof');
    let refusals = 0;
    for (let at = 0; at < log.length; at++) {
      const changed = Buffer.from(log);
      changed[at]! ^= 1 << (at % 8);
      const result = await loaded(await makeDisk(changed));
      if (typeof result === 'number') t.true(result <= WRITES, `byte ${at}`);
      else {
        refusals++;
        t.regex(result, /appendonly\.aof\.1\.incr\.aof at offset \d+: .*redis-check-aof/s, `byte ${at}`);
      }
    }
    t.log(`${refusals} of ${log.length} refused`);
  });
}

test('with aof-load-truncated no a torn log is refused, with the place and the remedy', async (t) => {
  const log = (await makeLog('no')).find('.incr.aof');
  const result = await loaded(await makeDisk(log.subarray(0, -45)), { 'aof-load-truncated': 'no' });
  t.regex(String(result), /incr\.aof at offset \d+: a record is cut short; with aof-load-truncated yes/);
  t.regex(String(result), /redis-check-aof --fix \/data\/appendonlydir\/appendonly\.aof\.manifest$/);
});

for (const [title, manifest, expected] of [
  ['empty', '', /Found an empty AOF manifest/],
  ['without its last line end', 'file a.1.incr.aof seq 1 type i', /line 1 is cut short/],
  ['with a path', 'file ../a seq 1 type i\n', /can't be a path/],
  ['with two bases', 'file a seq 1 type b\nfile b seq 2 type b\n', /duplicate base/],
  ['with increments that go back', 'file a seq 2 type i\nfile b seq 1 type i\n', /non-monotonic/],
  ['that names a file that is not there', 'file nothing.aof seq 1 type i\n', /nothing\.aof doesn't exist/],
] as const) {
  test(`a manifest ${title} is refused`, async (t) => {
    const files = new MemoryFiles();
    files.put('/data/appendonlydir/appendonly.aof.manifest', Buffer.from(manifest));
    t.regex(String(await loaded(files)), expected);
  });
}

test('what a node without a log of its own writes is loaded by the next: a log of one file, as before Redis 7', async (t) => {
  const files = new MemoryFiles();
  files.put('/data/appendonly.aof', Buffer.from('*3\r\n$3\r\nSET\r\n$4\r\nkey0\r\n$6\r\nvalue0\r\n'));
  t.is(await loaded(files), 1);
  t.true(files.paths().includes('/data/appendonlydir/appendonly.aof'));
  t.is(await loaded(files), 1);
});

async function makeDisk(log: Buffer): Promise<MemoryFiles> {
  const files = new MemoryFiles();
  files.put('/data/appendonlydir/appendonly.aof.manifest', Buffer.from('file appendonly.aof.1.incr.aof seq 1 type i\n'));
  files.put(INCREMENT, log);
  return Promise.resolve(files);
}

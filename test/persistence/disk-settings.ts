/** Settings that say how files are written, each by what it does to the file; and what LATENCY tells of a slow disk. */
import { setTimeout as delay } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { startDurable } from '../support/durable-node.js';
import { MemoryFiles } from '../support/memory-files.js';
import { RawClient } from '../support/raw-client.js';
import { waitFor } from '../support/wait-for.js';

const CHECKSUM_BYTES = 8;
const SNAPSHOT_BYTES = 9_000_000;

/** The snapshot that SAVE makes of compressible text, and how often it was synced on the way. */
async function saved(t: ExecutionContext, settings: Readonly<Record<string, string>>): Promise<[Buffer, number]> {
  const files = new MemoryFiles();
  const { node } = await startDurable(t, files, { appendonly: 'no', ...settings });
  const client = await RawClient.connect(node.port);
  t.teardown(() => client.close());
  await client.ask(`SET compressible ${'x'.repeat(1000)}`);
  // Too long to be compressed.
  await client.ask(`SETRANGE long ${SNAPSHOT_BYTES} x`);
  let syncs = 0;
  files.fault = (kind, path) => {
    if (kind === 'sync' && path.includes('temp-')) syncs++;
    return undefined;
  };
  t.is(await client.ask('SAVE'), '+OK\r\n');
  return [files.find('dump.rdb'), syncs];
}

test('rdbchecksum no leaves zeros in the place of the checksum', async (t) => {
  const checksum = async (value: string): Promise<Buffer> =>
    (await saved(t, { rdbchecksum: value }))[0].subarray(-CHECKSUM_BYTES);
  t.deepEqual(await checksum('no'), Buffer.alloc(CHECKSUM_BYTES));
  t.notDeepEqual(await checksum('yes'), Buffer.alloc(CHECKSUM_BYTES));
});

test('rdbcompression no writes strings as they are', async (t) => {
  const text = 'x'.repeat(1000);
  t.true((await saved(t, { rdbcompression: 'no' }))[0].includes(text));
  t.false((await saved(t, { rdbcompression: 'yes' }))[0].includes(text));
});

test('rdb-save-incremental-fsync no syncs a snapshot once, at its end', async (t) => {
  t.is((await saved(t, { 'rdb-save-incremental-fsync': 'no' }))[1], 1);
  t.true((await saved(t, { 'rdb-save-incremental-fsync': 'yes' }))[1] > 1);
});

for (const value of ['yes', 'no']) {
  test(`no-appendfsync-on-rewrite ${value}: whether the log is synced while BGSAVE writes`, async (t) => {
    const files = new MemoryFiles();
    const { node } = await startDurable(t, files, { appendfsync: 'always', 'no-appendfsync-on-rewrite': value });
    const client = await RawClient.connect(node.port);
    t.teardown(() => client.close());
    let letGo = (): void => undefined;
    const gate = new Promise<void>((resolve) => (letGo = resolve));
    t.teardown(() => letGo());
    const open = files.open.bind(files);
    files.open = async (path, mode) => (path.includes('temp-') ? gate.then(() => open(path, mode)) : open(path, mode));
    let unsafe = 0;
    t.is(await client.ask('BGSAVE'), '+Background saving started\r\n');
    for (let i = 0; i < 5; i++) {
      t.is(await client.ask(`SET a ${i}`), '+OK\r\n');
      if (!files.afterPowerCut({ next: () => 0.99 }).find('.incr.aof').includes(`\r\n${i}\r\n`)) unsafe++;
    }
    t.is(unsafe, value === 'yes' ? 5 : 0);
    letGo();
    await waitFor(async () => (await client.ask('INFO persistence')).includes('rdb_bgsave_in_progress:0'), 'the snapshot');
  });
}

for (const [appendfsync, events] of [['always', ['aof-fsync-always']], ['everysec', ['aof-write', 'aof-write-alone']]] as const) {
  test(`LATENCY has what a slow disk does with appendfsync ${appendfsync}, under redis-server's names`, async (t) => {
    const files = new MemoryFiles();
    const { node } = await startDurable(t, files, { appendfsync, 'latency-monitor-threshold': '5' });
    const client = await RawClient.connect(node.port);
    t.teardown(() => client.close());
    // Each operation takes longer than the threshold.
    files.delay = () => delay(20);
    t.is(await client.ask('SET a 1'), '+OK\r\n');
    for (const event of events) {
      await waitFor(async () => (await client.ask('LATENCY LATEST')).includes(`\r\n${event}\r\n`), event);
    }
    files.delay = () => undefined;
    t.regex(await client.ask(`LATENCY HISTORY ${events[0]}`), /^\*[1-9]/);
  });
}

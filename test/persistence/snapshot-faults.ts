/**
 * dump.rdb on a disk that fails, is slow, or loses power: the old file is there until the new one is whole, clients are
 * told, and nothing is left behind.
 */
import test from 'ava';
import { seededRandom } from '../../lib/util/random.js';
import { type Durable, startDurable } from '../support/durable-node.js';
import { MemoryFiles, type Operation } from '../support/memory-files.js';
import { RawClient } from '../support/raw-client.js';
import { seedOf } from '../support/seed.js';
import { waitFor } from '../support/wait-for.js';

/** More than a snapshot takes. */
const OPERATIONS_MAX = 50;

const MISCONF =
  "-MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that may " +
  'modify the data set are disabled, because this instance is configured to report errors during writes if RDB ' +
  'snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB error.\r\n';

/** Keeps operations of a kind waiting until `letGo` is called. */
class SlowDisk {
  letGo: () => void = () => undefined;
  isWaiting = false;

  constructor(files: MemoryFiles, slow: Operation) {
    const gate = new Promise<void>((resolve) => (this.letGo = resolve));
    files.delay = (kind) => {
      if (kind !== slow) return undefined;
      this.isWaiting = true;
      return gate;
    };
  }

  untilItWaits(): Promise<void> {
    return waitFor(() => this.isWaiting, 'the disk to be asked');
  }
}

async function saved(client: RawClient): Promise<void> {
  await client.ask('BGSAVE');
  await waitFor(async () => (await client.ask('INFO persistence')).includes('rdb_bgsave_in_progress:0'), 'the snapshot');
}

async function startWithout(
  t: Parameters<typeof startDurable>[0], files: MemoryFiles, settings: Record<string, string> = {},
): Promise<Durable & { client: RawClient }> {
  const started = await startDurable(t, files, { appendonly: 'no', ...settings });
  const client = await RawClient.connect(started.node.port);
  t.teardown(() => client.close());
  return { ...started, client };
}

/** A disk with a snapshot in which k is "old". */
async function oldDisk(t: Parameters<typeof startDurable>[0]): Promise<MemoryFiles> {
  const files = new MemoryFiles();
  const { node, client } = await startWithout(t, files);
  await client.ask('SET k old');
  t.is(await client.ask('SAVE'), '+OK\r\n');
  await node.stop();
  return files;
}

const faults: readonly (readonly [request: string, errors: readonly string[]])[] = [
  ['SAVE', ['EIO', 'ENOENT']], ['BGSAVE', ['ENOSPC', 'EACCES']],
];

for (const [request, errors] of faults) {
  for (const error of errors) {
    test(`${request}: a disk that says ${error}, at any operation`, async (t) => {
      const start = await oldDisk(t);
      const old = start.get('/data/dump.rdb')!;
      let isOver = false;
      let at = 0;
      for (; !isOver && at < OPERATIONS_MAX; at++) {
        const files = start.afterKill();
        const { node, client } = await startWithout(t, files);
        await client.ask('SET k new');
        const operations: Operation[] = [];
        files.fault = (kind) => (operations.push(kind) === at + 1 ? { error } : undefined);
        const reply = await client.ask(request);
        await waitFor(async () => (await client.ask('INFO persistence')).includes('rdb_bgsave_in_progress:0'), 'the snapshot');
        const info = await client.ask('INFO persistence');
        const failed = operations[at];
        isOver = failed === undefined;
        if (!isOver) {
          const what = `operation ${at}, ${String(failed)}`;
          if (request === 'SAVE') t.is(reply, '-ERR\r\n', what);
          else t.regex(info, /rdb_last_bgsave_status:err/, what);
          // Only the sync of the folder comes when the new file is in its place.
          if (failed !== 'syncFolder') t.deepEqual(files.get('/data/dump.rdb'), old, what);
          t.deepEqual(files.paths(), ['/data/dump.rdb'], what);
          t.regex(info, /rdb_changes_since_last_save:1\r\n/, what);
        }
        files.fault = () => undefined;
        await saved(client);
        t.regex(await client.ask('INFO persistence'), /rdb_changes_since_last_save:0\r\n[^]*rdb_last_bgsave_status:ok/);
        await node.stop();
      }
      t.true(at > 5, `only ${at} operations`);
    });
  }
}

test('a snapshot that the disk takes byte by byte is whole', async (t) => {
  const files = new MemoryFiles();
  const { node, client } = await startWithout(t, files);
  await client.ask('SET k value');
  files.fault = (kind) => (kind === 'write' ? { short: 1 } : undefined);
  t.is(await client.ask('SAVE'), '+OK\r\n');
  await node.stop();
  const { client: again } = await startWithout(t, files.afterKill());
  t.is(await again.ask('GET k'), '$5\r\nvalue\r\n');
});

test('a loss of power leaves the old snapshot or the new one, at any operation', async (t) => {
  const start = await oldDisk(t);
  const seed = seedOf(t);
  let isOver = false;
  for (let at = 0; !isOver; at++) {
    const files = start.afterKill();
    const { node, client } = await startWithout(t, files);
    await client.ask('SET k new');
    let operation = 0;
    let disk: MemoryFiles | undefined;
    files.fault = () => {
      if (operation++ === at) disk = files.afterPowerCut(seededRandom(seed + at));
      return undefined;
    };
    t.is(await client.ask('SAVE'), '+OK\r\n');
    await node.stop();
    isOver = disk === undefined;
    const { node: again, client: other } = await startWithout(t, disk ?? files.afterPowerCut(seededRandom(seed + at)));
    t.regex(await other.ask('GET k'), isOver ? /new/ : /old|new/, `operation ${at}`);
    await again.stop();
  }
});

test('writes are refused while snapshots are wanted and the last one has failed', async (t) => {
  const files = new MemoryFiles();
  const { client } = await startWithout(t, files, { save: '3600 1' });
  await client.ask('SET k v');
  files.fault = () => ({ error: 'ENOSPC' });
  await saved(client);
  t.is(await client.ask('SET k w'), MISCONF);
  t.is(await client.ask('PING'), MISCONF);
  t.is(await client.ask('GET k'), '$1\r\nv\r\n');
  t.is(await client.ask('CONFIG SET stop-writes-on-bgsave-error no'), '+OK\r\n');
  t.is(await client.ask('SET k w'), '+OK\r\n');
  t.is(await client.ask('CONFIG SET stop-writes-on-bgsave-error yes'), '+OK\r\n');
  t.is(await client.ask('SET k x'), MISCONF);
  t.is(await client.ask('CONFIG SET save ""'), '+OK\r\n');
  t.is(await client.ask('SET k x'), '+OK\r\n');
  t.is(await client.ask('CONFIG SET save "3600 1"'), '+OK\r\n');
  t.is(await client.ask('SET k y'), MISCONF);
  files.fault = () => undefined;
  await saved(client);
  t.is(await client.ask('SET k z'), '+OK\r\n');
});

test('a snapshot under way when the node stops leaves nothing behind', async (t) => {
  const files = await oldDisk(t);
  const { node, client } = await startWithout(t, files);
  await client.ask('SET k new');
  const disk = new SlowDisk(files, 'write');
  t.is(await client.ask('BGSAVE'), '+Background saving started\r\n');
  await disk.untilItWaits();
  await node.stop();
  disk.letGo();
  t.deepEqual(files.paths(), ['/data/dump.rdb']);
  const { client: again } = await startWithout(t, files);
  t.is(await again.ask('GET k'), '$3\r\nold\r\n');
});

test('a rewrite under way when the node stops leaves nothing behind', async (t) => {
  const files = new MemoryFiles();
  const { node } = await startDurable(t, files);
  const client = await RawClient.connect(node.port);
  await client.ask('SET k v');
  let letGo: () => void = () => undefined;
  let isWaiting = false;
  const gate = new Promise<void>((resolve) => (letGo = resolve));
  files.fault = (_kind, path) => {
    isWaiting ||= path.includes('temp-rewriteaof');
    return undefined;
  };
  files.delay = () => (isWaiting ? gate : undefined);
  await client.ask('BGREWRITEAOF');
  await waitFor(() => isWaiting, 'the rewrite');
  client.close();
  const stopped = node.stop();
  letGo();
  await stopped;
  t.false(files.paths().some((path) => path.includes('temp-')), files.paths().join(' '));
  const { node: again } = await startDurable(t, files.afterKill());
  const other = await RawClient.connect(again.port);
  t.is(await other.ask('GET k'), '$1\r\nv\r\n');
  other.close();
});

test('what a killed node was writing is removed at the start', async (t) => {
  const files = new MemoryFiles();
  const gone = 2 ** 22 + 1;
  const left = [
    `/data/temp-${gone}-7.rdb`, `/data/temp-${gone}.rdb`, `/data/temp-${process.pid}-3.rdb`,
    '/data/appendonlydir/temp-rewriteaof-bg-1.aof', '/data/appendonlydir/temp-appendonly.aof.manifest',
  ];
  for (const path of left) files.put(path, Buffer.from('half'));
  files.put('/data/temp-notes.rdb', Buffer.from('mine'));
  files.put(`/data/temp-${process.ppid}-1.rdb`, Buffer.from('of a process that lives'));
  const { node } = await startDurable(t, files);
  t.deepEqual(files.paths().filter((path) => path.includes('temp-')), [`/data/temp-${process.ppid}-1.rdb`, '/data/temp-notes.rdb']);
  await node.stop();
});

test('clients are told -LOADING while a snapshot is loaded', async (t) => {
  const files = await oldDisk(t);
  for (const appendonly of ['no', 'yes']) {
    const disk = new SlowDisk(files, 'read');
    let port = 0;
    const starting = startDurable(t, files, { appendonly }, (node) => (port = node.port));
    await disk.untilItWaits();
    const client = await RawClient.connect(port);
    t.is(await client.ask('GET k'), '-LOADING Redis is loading the dataset in memory\r\n');
    const info = await client.ask('INFO persistence');
    t.regex(info, /loading:1\r\nasync_loading:0\r\n/);
    t.regex(info, /loading_start_time:\d{10}\r\nloading_total_bytes:\d+\r\nloading_rdb_used_mem:0\r\n/);
    t.regex(info, /loading_loaded_bytes:0\r\nloading_loaded_perc:0\.00\r\nloading_eta_seconds:0\r\n/);
    disk.letGo();
    const { node } = await starting;
    t.is(await client.ask('GET k'), '$3\r\nold\r\n');
    t.regex(await client.ask('INFO persistence'), /loading:0\r\n/);
    t.notRegex(await client.ask('INFO persistence'), /loading_start_time/);
    client.close();
    await node.stop();
  }
});

test('a snapshot and a rewrite wait for each other', async (t) => {
  const files = new MemoryFiles();
  const { node } = await startDurable(t, files);
  const client = await RawClient.connect(node.port);
  const other = await RawClient.connect(node.port);
  await client.ask('SET k v');
  let disk = new SlowDisk(files, 'open');
  t.is(await client.ask('BGSAVE'), '+Background saving started\r\n');
  t.is(await client.ask('BGREWRITEAOF'), '+Background append only file rewriting scheduled\r\n');
  t.is(await client.ask('BGREWRITEAOF'), '+Background append only file rewriting scheduled\r\n');
  t.is(await client.ask('BGSAVE SCHEDULE'), '-ERR Background save already in progress\r\n');
  t.regex(await client.ask('INFO persistence'), /aof_rewrite_in_progress:0\r\naof_rewrite_scheduled:1\r\n[^]*aof_pending_rewrite:1\r\n/);
  disk.letGo();
  const isQuiet = async (): Promise<boolean> =>
    /rdb_bgsave_in_progress:0[^]*aof_rewrite_in_progress:0\r\naof_rewrite_scheduled:0/.test(await client.ask('INFO persistence'));
  await waitFor(isQuiet, 'both to end');
  t.regex(await client.ask('INFO persistence'), /rdb_saves:1\r\n[^]*aof_rewrites:1\r\n/);

  disk = new SlowDisk(files, 'open');
  t.is(await client.ask('BGREWRITEAOF'), '+Background append only file rewriting started\r\n');
  t.is(await client.ask('BGREWRITEAOF'), '-ERR Background append only file rewriting already in progress\r\n');
  t.is(
    await client.ask('BGSAVE'),
    "-ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to schedule a BGSAVE whenever possible.\r\n",
  );
  t.is(await client.ask('BGSAVE SCHEDULE'), '+Background saving scheduled\r\n');
  disk.letGo();
  await waitFor(async () => /rdb_saves:2\r\n[^]*aof_rewrites:2\r\n/.test(await client.ask('INFO persistence')), 'the snapshot');
  await waitFor(isQuiet, 'both to end');

  disk = new SlowDisk(files, 'open');
  t.is(await client.ask('BGREWRITEAOF'), '+Background append only file rewriting started\r\n');
  await disk.untilItWaits();
  const saving = other.ask('SAVE');
  await waitFor(async () => (await client.ask('INFO persistence')).includes('rdb_bgsave_in_progress:1'), 'SAVE');
  disk.letGo();
  t.is(await saving, '+OK\r\n');
  await waitFor(isQuiet, 'both to end');

  t.is(await client.ask('MULTI'), '+OK\r\n');
  for (const request of ['BGSAVE', 'BGREWRITEAOF']) await client.ask(request);
  t.is(
    await client.ask('EXEC'),
    '*2\r\n+Background saving scheduled\r\n+Background append only file rewriting scheduled\r\n',
  );
  await waitFor(async () => /rdb_saves:4\r\n[^]*aof_rewrites:4\r\n/.test(await client.ask('INFO persistence')), 'both');
  await waitFor(isQuiet, 'both to end');
  client.close();
  other.close();
  await node.stop();
  const { node: again } = await startDurable(t, files.afterKill());
  const last = await RawClient.connect(again.port);
  t.is(await last.ask('GET k'), '$1\r\nv\r\n');
  last.close();
});

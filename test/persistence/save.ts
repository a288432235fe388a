/** The snapshot file of a node: SAVE, BGSAVE, save points, and what is there after the next start. */
import test from 'ava';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PersistenceError } from '../../lib/persistence/persistence-error.js';
import { newFolder, startIn } from '../support/data-folder.js';
import { startNode } from '../support/targets.js';
import { waitFor } from '../support/wait-for.js';

test('what SAVE has written is there after the next start', async (t) => {
  const dir = join(newFolder(t), 'data');
  const [node, client] = await startIn(t, dir);
  await client.ask('SET k value PX 1000000');
  await client.ask('BUCKET CREATE empty');
  await client.ask('SELECT 3');
  await client.ask('RPUSH l a b');
  t.is(await client.ask('SAVE'), '+OK\r\n');
  t.deepEqual(readdirSync(dir), ['dump.rdb']);
  t.regex(await client.ask('INFO persistence'), /rdb_changes_since_last_save:0\r\n[^]*rdb_last_bgsave_status:ok\r\n/);
  await node.stop();
  const [, again] = await startIn(t, dir);
  t.is(await again.ask('GET k'), '$5\r\nvalue\r\n');
  t.regex(await again.ask('PTTL k'), /^:9\d{5}\r\n$/);
  t.is(await again.ask('TYPE empty'), '+hash\r\n');
  t.regex(await again.ask('INFO persistence'), /rdb_last_load_keys_loaded:3\r\n/);
  await again.ask('SELECT 3');
  t.is(await again.ask('LRANGE l 0 -1'), '*2\r\n$1\r\na\r\n$1\r\nb\r\n');
});

test('BGSAVE is of the moment in which it was asked', async (t) => {
  const dir = newFolder(t);
  const [node, client] = await startIn(t, dir);
  for (let i = 0; i < 2000; i++) await client.ask(`SET k${i} before`);
  const since = await client.ask('LASTSAVE');
  client.send('BGSAVE\r\nSET k7 after\r\nSET new after\r\nBGSAVE\r\nSAVE\r\n');
  t.is(await client.reply(), '+Background saving started\r\n');
  t.is(await client.reply(), '+OK\r\n');
  t.is(await client.reply(), '+OK\r\n');
  t.is(await client.reply(), '-ERR Background save already in progress\r\n');
  t.is(await client.reply(), '-ERR Background save already in progress\r\n');
  await waitFor(async () => (await client.ask('INFO persistence')).includes('rdb_bgsave_in_progress:0'), 'the snapshot');
  t.true(Number((await client.ask('LASTSAVE')).slice(1)) >= Number(since.slice(1)));
  t.regex(await client.ask('INFO persistence'), /rdb_changes_since_last_save:2\r\n/);
  await node.stop();
  const [, again] = await startIn(t, dir);
  t.is(await again.ask('GET k7'), '$6\r\nbefore\r\n');
  t.is(await again.ask('EXISTS new'), ':0\r\n');
});

test('a save point writes by itself', async (t) => {
  const dir = newFolder(t);
  const [, client] = await startIn(t, dir, { save: '1 2' });
  await client.ask('SET a 1');
  await client.ask('SET b 1');
  await waitFor(() => existsSync(join(dir, 'dump.rdb')), 'the snapshot');
  await waitFor(async () => (await client.ask('INFO persistence')).includes('rdb_changes_since_last_save:0'), 'its end');
  t.pass();
});

test('a folder that cannot be written is told, and the old snapshot stays', async (t) => {
  const dir = newFolder(t);
  const [, client] = await startIn(t, dir);
  await client.ask('SET k v');
  // A folder stands where the file should be.
  mkdirSync(join(dir, 'dump.rdb'));
  t.is(await client.ask('SAVE'), '-ERR\r\n');
  t.regex(await client.ask('INFO persistence'), /rdb_last_bgsave_status:ok\r\n[^]*rdb_saves:1\r\n/);
  t.is(await client.ask('BGSAVE'), '+Background saving started\r\n');
  await waitFor(async () => (await client.ask('INFO persistence')).includes('rdb_last_bgsave_status:err'), 'its failure');
  t.deepEqual(readdirSync(dir), ['dump.rdb']);
  rmSync(join(dir, 'dump.rdb'), { recursive: true });
  t.is(await client.ask('SAVE'), '+OK\r\n');
  t.regex(await client.ask('INFO persistence'), /rdb_last_bgsave_status:ok\r\n/);
});

test('CONFIG SET moves the snapshot where protected settings may be set, and not away from the log', async (t) => {
  const folder = newFolder(t);
  for (const name of ['one', 'two']) mkdirSync(join(folder, name));
  const [, client] = await startIn(t, join(folder, 'one'), { 'enable-protected-configs': 'yes' });
  const failed = (name: string, reason: string): string =>
    `-ERR CONFIG SET failed (possibly related to argument '${name}') - ${reason}\r\n`;
  t.is(await client.ask(`CONFIG SET dir ${join(folder, 'three')}`), failed('dir', 'No such file or directory'));
  t.is(await client.ask('CONFIG SET dir ""'), failed('dir', 'No such file or directory'));
  writeFileSync(join(folder, 'file'), '');
  t.is(await client.ask(`CONFIG SET dir ${join(folder, 'file')}`), failed('dir', 'Not a directory'));
  t.is(await client.ask('CONFIG SET dbfilename a/b'), failed('dbfilename', "dbfilename can't be a path, just a filename"));
  t.is(await client.ask(`CONFIG SET dir ${join(folder, 'two')} dbfilename other.rdb`), '+OK\r\n');
  t.is(await client.ask('SAVE'), '+OK\r\n');
  t.deepEqual(readdirSync(join(folder, 'one')), []);
  t.deepEqual(readdirSync(join(folder, 'two')), ['other.rdb']);
  await client.ask('CONFIG SET appendonly yes');
  await waitFor(async () => (await client.ask('INFO persistence')).includes('aof_enabled:1'), 'the log');
  t.true(existsSync(join(folder, 'two', 'appendonlydir')));
  t.regex(await client.ask(`CONFIG SET dir ${join(folder, 'one')}`), /the append log is in the folder/);
});

test('a damaged snapshot stops the start, with file and offset', async (t) => {
  const dir = newFolder(t);
  writeFileSync(join(dir, 'dump.rdb'), 'REDIS0010\x00\x01k\x05va');
  const error = await t.throwsAsync(startNode({ dir }), { instanceOf: PersistenceError });
  t.regex(error.message, /dump\.rdb is damaged at offset \d+: it ends too early.*redis-check-rdb/);
});

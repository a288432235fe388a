/**
 * A disk that is made read-only while a node runs, for real: a file system in memory, which the node's process alone
 * sees, is remounted. The system does not do that to a file that is open for writing, so it is snapshots that fail and
 * a log that cannot be begun; what a log does that is being written is tried with the double (faults.ts).
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { RawClient } from '../support/raw-client.js';
import { spawnNode } from '../support/spawned-node.js';
import { waitFor } from '../support/wait-for.js';

/** Runs the rest of a command where it alone sees what is mounted on a folder. */
const apart = (folder: string): [string, ...string[]] =>
  ['unshare', '-rm', 'sh', '-c', 'mount -t tmpfs none "$0" && exec "$@"', folder];

function whyNot(): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'pigeonhole-mount-'));
  const [file, ...args] = [...apart(folder), 'true'];
  const { error, status, stderr } = spawnSync(file, args, { encoding: 'utf8' });
  rmdirSync(folder);
  if (error === undefined && status === 0) return undefined;
  return `no file system can be mounted here: ${error?.message ?? stderr.trim()}`;
}

const reason = whyNot();
if (reason !== undefined) console.log(`read-only: skipped, ${reason}`);

(reason === undefined ? test : test.skip)('a disk that is read-only for a while costs snapshots, not data', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'pigeonhole-read-only-'));
  const node = await spawnNode({ appendonly: 'no', save: '3600 1', dir }, apart(dir));
  t.teardown(async () => {
    await node.kill();
    rmdirSync(dir);
  });
  const remount = (option: string): void => {
    const inside = ['-t', String(node.process.pid), '-U', '-m', '--preserve-credentials'];
    const { status, stderr } = spawnSync('nsenter', [...inside, 'mount', '-o', `remount,${option}`, dir], { encoding: 'utf8' });
    t.is(status, 0, stderr);
  };
  const client = await RawClient.connect(node.port);
  t.teardown(() => client.close());
  const saved = async (status: string): Promise<void> => {
    await client.ask('BGSAVE');
    await waitFor(async () => (await client.ask('INFO persistence')).includes('rdb_bgsave_in_progress:0'), 'the end');
    t.regex(await client.ask('INFO persistence'), new RegExp(`rdb_last_bgsave_status:${status}\r\n`));
  };
  t.is(await client.ask('SET a 1'), '+OK\r\n');
  await saved('ok');
  remount('ro');
  await saved('err');
  t.regex(await client.ask('SET a 2'), /^-MISCONF/);
  t.is(await client.ask('GET a'), '$1\r\n1\r\n');
  t.regex(await client.ask('SAVE'), /^-ERR/);
  t.regex(await client.ask('CONFIG SET appendonly yes'), /^-ERR .*Read-only file system/);
  t.regex(await client.ask('INFO persistence'), /aof_enabled:0\r\n/);
  remount('rw');
  await saved('ok');
  t.is(await client.ask('SET a 3'), '+OK\r\n');
  t.is(await client.ask('CONFIG SET appendonly yes'), '+OK\r\n');
  t.is(await client.ask('SET a 4'), '+OK\r\n');
  t.is(await client.ask('DEBUG LOADAOF'), '+OK\r\n');
  t.is(await client.ask('GET a'), '$1\r\n4\r\n');
});

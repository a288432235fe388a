/** HEART=true: a node that dies or hangs is started again. One after the other: each test runs many processes. */
import test, { type ExecutionContext } from 'ava';
import { isAlive } from '../../lib/util/is-alive.js';
import { FREE, type Folder, inFolder } from '../support/command-run.js';
import { waitFor } from '../support/wait-for.js';

const HEART = { HEART: 'true', HEART_BEAT_TIMEOUT: '3' };

async function startWatched(t: ExecutionContext): Promise<Folder> {
  const folder = inFolder(t, HEART);
  const [code, output] = await folder.do(['daemon', ...FREE]);
  t.is(code, 0);
  t.regex(output, /^pigeonhole is ready: process \d+, watched over, /);
  return folder;
}

const nodePid = (folder: Folder): number => Number(folder.read('tmp/pigeonhole/pigeonhole.pid'));
const heartPid = (folder: Folder): number => Number(folder.read('tmp/pigeonhole/pigeonhole.heart.pid'));

for (const [signal, cause] of [
  ['SIGKILL', /heart: pigeonhole failed: it was ended by SIGKILL; starting it again in 100 ms \(1 of 5\)/],
  ['SIGSTOP', /heart: pigeonhole failed: it did not give a sign for 3 s and was killed; starting it again in 100 ms/],
] as const) {
  test.serial(`after ${signal} the node is there again, and stop stops both`, async (t) => {
    const folder = await startWatched(t);
    const [first, heart] = [nodePid(folder), heartPid(folder)];
    process.kill(first, signal);
    await folder.findInLog(cause);
    const second = Number(await folder.findInLog(/heart: pigeonhole is ready again, process (\d+)/));
    t.not(second, first);
    t.is(nodePid(folder), second);
    t.deepEqual(await folder.do(['command', 'PING']), [0, 'PONG\n', '']);
    t.deepEqual(await folder.do(['stop']), [0, '', '']);
    t.false(isAlive(second));
    t.false(isAlive(heart));
    t.is(heartPid(folder), 0);
  });
}

test.serial('a start that fails is reported, and nothing is tried again', async (t) => {
  const folder = inFolder(t, HEART);
  const [code, output, errors] = await folder.do(['daemon', ...FREE, '--bind', '10.9.8.7']);
  t.is(code, 1);
  t.is(output, '');
  t.is(errors, "pigeonhole: bind: '10.9.8.7' is no address of this machine; with - in front it may be missing\n");
  t.is(heartPid(folder), 0);
});

test.serial('after five failures in a row the heart gives up', async (t) => {
  const folder = await startWatched(t);
  const heart = heartPid(folder);
  folder.write('.env', 'PIGEONHOLE_DATABASES=0');
  process.kill(nodePid(folder), 'SIGKILL');
  await folder.findInLog(/failed: databases: '0' is not allowed, [^\n]*; starting it again in 1600 ms \(5 of 5\)/);
  await folder.findInLog(/heart: pigeonhole failed again: [^\n]* 5 restarts in a row did not help, giving up/);
  await waitFor(() => !isAlive(heart), 'the end of the heart');
});

test.serial('stop ends a node that hangs', async (t) => {
  const folder = inFolder(t, { HEART: 'true' });
  await folder.do(['daemon', ...FREE]);
  const [node, heart] = [nodePid(folder), heartPid(folder)];
  process.kill(node, 'SIGSTOP');
  t.deepEqual(await folder.do(['stop']), [0, '', '']);
  t.false(isAlive(node));
  t.false(isAlive(heart));
});

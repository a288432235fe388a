/**
 * A node in the background is operated as an operator does it, with real processes.
 * One after the other: each test runs many processes.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { createServer, type AddressInfo, connect } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { isAlive } from '../../lib/util/is-alive.js';
import { FREE, type Folder, Run, inFolder, main } from '../support/command-run.js';
import { RawClient } from '../support/raw-client.js';
import { waitFor } from '../support/wait-for.js';

async function startDaemon(t: ExecutionContext, ...flags: string[]): Promise<Folder> {
  const folder = inFolder(t);
  const [code, output, errors] = await folder.do(['daemon', ...FREE, ...flags]);
  t.is(errors, '');
  t.is(code, 0);
  t.regex(output, /^pigeonhole is ready: process \d+, log in .*; pigeonhole stop ends it\n$/);
  return folder;
}

const pidOf = async (folder: Folder): Promise<number> => Number((await folder.do(['pid']))[1]);

test.serial('daemon returns when the node is ready, pid names it, stop when it has gone', async (t) => {
  const folder = await startDaemon(t);
  t.regex(folder.log, /Ready to accept connections\n$/);
  const pid = await pidOf(folder);
  t.is(folder.read('tmp/pigeonhole/pigeonhole.pid'), `${pid}\n`);
  t.is(statSync(join(folder.place, 'control.sock')).mode & 0o777, 0o600);
  t.is(statSync(folder.place).mode & 0o777, 0o700);
  t.deepEqual(await folder.do(['stop']), [0, '', '']);
  t.false(isAlive(pid));
  t.false(existsSync(join(folder.place, 'pigeonhole.pid')));
  t.false(existsSync(join(folder.place, 'control.sock')));
  for (const verb of ['stop', 'pid', 'restart', 'reload', 'remote'] as const) {
    const [code, output, errors] = await folder.do([verb]);
    t.deepEqual([code, output], [1, ''], verb);
    t.regex(errors, /^pigeonhole: pigeonhole is not running: nobody answers at .*control\.sock\n$/, verb);
  }
});

const onLinux = process.platform === 'linux' ? test.serial : test.serial.skip;

onLinux('stop returns also when the parent of the node never asks how it ended', async (t) => {
  const folder = inFolder(t);
  const script = '"$0" "$@" & exec cat';
  const parent = new Run(folder.spawn('sh', ['-c', script, process.execPath, main, 'start', ...FREE]));
  await parent.find(/Ready to accept connections\n/);
  const pid = await pidOf(folder);
  t.deepEqual(await folder.do(['stop']), [0, '', '']);
  t.regex(readFileSync(`/proc/${pid}/stat`, 'utf8'), /\) Z /, 'it has ended, and is still in the list of processes');
  parent.child.stdin!.end();
  t.is(await parent.ended, 0);
});

test.serial('rpc evaluates in the node and prints the value', async (t) => {
  const folder = await startDaemon(t);
  const rows: [expression: string, code: number, output: string, errors: string][] = [
    ['1 + 1', 0, '2\n', ''],
    ['"ä€"', 0, "'ä€'\n", ''],
    ['-1 + 3', 0, '2\n', ''],
    ['undefined', 0, '', ''],
    ['null', 0, 'null\n', ''],
    ['{ a: [1] }', 0, '{ a: [ 1 ] }\n', ''],
    ['const a = 1; a + 1', 0, '2\n', ''],
    ['(await Promise.resolve(5)) + 1', 0, '6\n', ''],
    ['settings.text("databases")', 0, "'16'\n", ''],
    ['console.log("here"); console.error("there"); 7', 0, 'here\n7\n', 'there\n'],
    ['require("node:os").EOL', 0, "'\\n'\n", ''],
    ['throw new TypeError("no")', 1, '', 'TypeError: no\n'],
    ['throw 5', 1, '', '5\n'],
    ['await Promise.reject(new Error("late"))', 1, '', 'Error: late\n'],
    ['1 +', 1, '', 'SyntaxError: Unexpected end of input\n'],
    ['nobody', 1, '', 'ReferenceError: nobody is not defined\n'],
    ['process.pid === Number(process.argv[0])', 0, 'false\n', ''],
  ];
  for (const [expression, ...expected] of rows) t.deepEqual(await folder.do(['rpc', expression]), expected, expression);
  const [, pid] = await folder.do(['rpc', 'process.pid']);
  t.is(Number(pid), await pidOf(folder));
  await folder.do(['stop']);
});

test.serial('eval evaluates in a fresh process that opens no port', async (t) => {
  const folder = inFolder(t);
  t.deepEqual(await folder.do(['eval', 'await node.port']), [0, '0\n', '']);
  t.deepEqual(await folder.do(['eval', 'undefined']), [0, '', '']);
  t.deepEqual(await folder.do(['eval', 'settings.text("port")', '--port', '7000']), [0, "'7000'\n", '']);
  t.deepEqual(await folder.do(['eval', 'process.exit(3)']), [3, '', '']);
  t.deepEqual(await folder.do(['eval', '-0']), [0, '-0\n', '']);
  const withGap = await folder.do(['eval', '7', '--node=a', '--shards=b=a']);
  t.deepEqual(withGap.slice(0, 2), [0, '7\n'], 'the log is not among the values');
  t.regex(withGap[2], /The shard map has a gap/);
  t.deepEqual(await folder.do(['eval', 'throw new Error("no")']), [1, '', 'Error: no\n']);
  t.false(existsSync(join(folder.path, 'tmp')));
});

test.serial('command sends one Redis command', async (t) => {
  const folder = await startDaemon(t, '--requirepass', 'hush');
  t.deepEqual(await folder.do(['command', 'SET', 'key', 'a b']), [0, 'OK\n', '']);
  t.deepEqual(await folder.do(['command', 'GET', 'key']), [0, 'a b\n', '']);
  t.deepEqual(await folder.do(['command', 'GETRANGE', 'key', '-1', '-1']), [0, 'b\n', '']);
  t.deepEqual(await folder.do(['command', 'MGET', 'key', 'none', 'key']), [0, 'a b\n\na b\n', '']);
  t.deepEqual(await folder.do(['command', 'ECHO', '--help']), [0, '--help\n', '']);
  t.deepEqual(await folder.do(['command', 'INCR', 'key']), [1, 'ERR value is not an integer or out of range\n\n', '']);
  await folder.do(['stop']);
});

test.serial('a large reply is framed in time that grows with its size only', async (t) => {
  const folder = await startDaemon(t);
  const length = 200_000_000;
  t.deepEqual(await folder.do(['command', 'SETRANGE', 'big', String(length - 1), 'x']), [0, `${length}\n`, '']);
  const [code, output] = await folder.do(['command', 'GET', 'big']);
  t.is(code, 0);
  t.is(output.length, length + 1);
  await folder.do(['stop']);
});

test.serial('a wrong cookie is refused, and a client without one gets nothing', async (t) => {
  const folder = await startDaemon(t);
  const wrong = { RELEASE_COOKIE: 'another' };
  for (const verb of ['pid', 'stop', 'rpc 1', 'remote']) {
    const [code, output, errors] = await folder.do(verb.split(' '), wrong);
    t.is(code, 1);
    t.is(output, '');
    t.is(errors, 'pigeonhole: wrong cookie: pigeonhole was started with another\n');
  }
  t.regex(folder.log, /\[warning\] An operator was refused on the control socket: wrong cookie\n/);
  const socket = connect(join(folder.place, 'control.sock'));
  let reply = '';
  socket.on('data', (chunk: Buffer) => (reply += chunk.toString())).end('*1\r\n$4\r\nPING\r\n');
  await once(socket, 'close');
  t.is(reply, '-NOAUTH This socket is for operators: prove the cookie first\r\n');
  t.deepEqual(await folder.do(['stop']), [0, '', '']);
});

test.serial('started twice, the second says who runs', async (t) => {
  const folder = await startDaemon(t);
  const pid = await pidOf(folder);
  for (const verb of ['daemon', 'start']) {
    const [code, output, errors] = await folder.do([verb, ...FREE]);
    t.is(code, 1);
    t.is(output, '');
    t.regex(errors, new RegExp(`^pigeonhole: pigeonhole runs already, process ${pid} \\(.*\\): stop it first, or give .*\\n$`));
  }
  t.is(await pidOf(folder), pid);
  t.deepEqual(await folder.do(['daemon', ...FREE, '--node', 'other']).then(([code]) => code), 0);
  t.deepEqual(await folder.do(['stop', '--node', 'other']), [0, '', '']);
  t.deepEqual(await folder.do(['stop']), [0, '', '']);
});

test.serial('what a killed node left behind is taken over', async (t) => {
  const folder = await startDaemon(t);
  const pid = await pidOf(folder);
  process.kill(pid, 'SIGKILL');
  await waitFor(() => !isAlive(pid), 'the end of the node');
  t.true(existsSync(join(folder.place, 'control.sock')));
  t.regex((await folder.do(['stop']))[2], /is not running/);
  t.is((await folder.do(['daemon', ...FREE]))[0], 0);
  t.not(await pidOf(folder), pid);
  await folder.do(['stop']);
});

test.serial('restart reads the config again, in the same process, and replies in flight are delivered', async (t) => {
  const folder = inFolder(t);
  folder.write('runtime.json', '{ "maxclients": 1000 }');
  const flags = ['--config', 'runtime.json'];
  t.is((await folder.do(['daemon', ...FREE, ...flags]))[0], 0);
  const pid = await pidOf(folder);
  const port = Number(await folder.findInLog(/port (\d+) \(RESP\)/));
  const client = await RawClient.connect(port);
  await client.ask(`SET big ${'x'.repeat(20_000_000)}`);
  let received = 0;
  client.socket.removeAllListeners('data').on('data', (chunk: Buffer) => (received += chunk.length));
  client.send('*2\r\n$3\r\nGET\r\n$3\r\nbig\r\n');
  await once(client.socket, 'data');
  client.socket.pause();
  folder.write('runtime.json', '{ "maxclients": 2000 }');
  const restart = folder.do(['restart', ...flags]);
  await folder.findInLog(/Restarting/);
  client.socket.resume();
  await client.untilClosed();
  t.is(received, 20_000_013);
  t.deepEqual(await restart, [0, '', '']);
  t.is(await pidOf(folder), pid);
  t.deepEqual(await folder.do(['command', 'CONFIG', 'GET', 'maxclients']), [0, 'maxclients\n2000\n', '']);
  const again = await RawClient.connect(port);
  t.is(await again.ask('PING'), '+PONG\r\n');
  again.close();

  folder.write('runtime.json', '{ "maxclients": 0 }');
  const [code, , errors] = await folder.do(['restart']);
  t.is(code, 1);
  t.regex(errors, /^pigeonhole: maxclients: '0' is not allowed, .* \(runtime\.json\)\n$/);
  t.deepEqual(await folder.do(['command', 'PING']), [0, 'PONG\n', '']);
  t.deepEqual(await folder.do(['stop']), [0, '', '']);
});

test.serial('a restart onto a port in use says so, and the node is back with its old settings', async (t) => {
  const folder = inFolder(t);
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  t.teardown(() => taken.close());
  const { port } = taken.address() as AddressInfo;
  folder.write('runtime.json', '{ "port": "any", "line-port": 0, "bind": "127.0.0.1" }');
  await folder.do(['daemon', '--config', 'runtime.json']);
  folder.write('runtime.json', `{ "port": ${port}, "line-port": 0, "bind": "127.0.0.1" }`);
  const [code, , errors] = await folder.do(['restart']);
  t.is(code, 1);
  t.is(errors, `pigeonhole: port ${port} is in use: stop what listens there, or choose another with --port\n`);
  t.deepEqual(await folder.do(['command', 'PING']), [0, 'PONG\n', '']);
  await folder.do(['stop']);
});

test.serial('reload takes over what may change, and names what needs a restart', async (t) => {
  const folder = inFolder(t);
  folder.write('runtime.json', '{ "maxclients": 1000, "requirepass": "one" }');
  await folder.do(['daemon', ...FREE, '--config', 'runtime.json']);
  t.deepEqual(await folder.do(['reload']), [0, 'nothing has changed\n', '']);
  folder.write('runtime.json', '{ "maxclients": 2000, "requirepass": "two", "databases": 4 }');
  const expected = [
    'databases: "16" is now "4", which needs a restart',
    'requirepass: "***" is now "***"',
    'maxclients: "1000" is now "2000"',
  ];
  t.deepEqual(await folder.do(['reload']), [0, `${expected.join('\n')}\n`, '']);
  t.deepEqual(await folder.do(['reload']), [0, `${expected[0]}\n`, '']);
  t.deepEqual(await folder.do(['command', 'CONFIG', 'GET', 'maxc*']), [0, 'maxclients\n2000\n', '']);
  folder.write('runtime.json', '{ "maxclients": 0 }');
  t.is((await folder.do(['reload']))[0], 1);
  await folder.do(['stop']);
});

for (const [title, flags, message] of [
  ['an unreadable config', ['--config', 'no.js'], /^the config file no\.js is not there$/],
  ['a folder that cannot be made', ['--control-socket', 'file/control/sock'], /^the folder .*\/file\/control cannot be made: a part of its path is no folder; choose another/],
  ...(process.platform === 'linux' ? [
    ['a folder where none can be made', ['--control-socket', '/proc/no/control.sock'], /^the folder \/proc\/no cannot be made: its folder is not there; choose another/],
  ] as const : []),
  ['a folder that is open to everybody', ['--control-socket', '/tmp/control.sock'], /^the folder \/tmp is open to everybody: choose another/],
  ['a full disk', ['--logfile', '/dev/full'], /^logfile: '\/dev\/full' cannot be written: the disk is full: make room$/],
] as const) {
  test.serial(`${title}: one line, exit 1, and nothing is left half-started`, async (t) => {
    const folder = inFolder(t);
    folder.write('file', '');
    for (const verb of ['start', 'daemon']) {
      const [code, output, errors] = await folder.do([verb, ...FREE, ...flags]);
      t.is(code, 1);
      t.is(output, '');
      t.regex(errors.replace(/^pigeonhole: (.*)\n$/, '$1'), message);
      t.false(existsSync(join(folder.place, 'control.sock')));
      t.false(existsSync(join(folder.place, 'pigeonhole.pid')));
    }
  });
}

/** Runs a command where `disk` is a file system of its own without room, and then lists what is on it. */
const ON_A_FULL_DISK = `
  mkdir disk && mount -t tmpfs -o size=64k none disk || exit
  head -c 1000000 /dev/zero >disk/full 2>/dev/null
  "$@"
  echo "exit code $?"
  cd disk && find . -type f | sort`;
const canMount = spawnSync('unshare', ['-rm', 'mount', '-t', 'tmpfs', 'none', '/mnt']).status === 0;

for (const [flags, message] of [
  [['--appendonly=yes', '--dir=disk/data'],
    /^the folder .*\/data cannot be used: No space left on device: make room, or give this node another with --dir/],
  [['--control-socket=disk/control/sock'],
    /^.*\/disk\/control\/cookie cannot be written: the disk is full: make room$/],
] as const) {
  (canMount ? test.serial : test.serial.skip)(`a disk that is full at the start: ${flags.at(-1)}`, async (t) => {
    for (const verb of ['start', 'daemon']) {
      const folder = inFolder(t);
      const command = ['-rm', 'sh', '-c', ON_A_FULL_DISK, 'sh', process.execPath, main, verb, ...FREE, ...flags];
      const run = new Run(folder.spawn('unshare', command));
      await run.ended;
      t.regex(run.errors.replace(/^pigeonhole: (.*)\n$/, '$1'), message);
      // The runtime's own output has to go somewhere.
      const left = verb === 'daemon' && flags[0].startsWith('--control') ? './control/log/pigeonhole.out.log\n' : '';
      t.is(run.output, `exit code 1\n${left}./full\n`);
    }
  });
}

test.serial('a port in use fails the daemon with one line', async (t) => {
  const folder = inFolder(t);
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  t.teardown(() => taken.close());
  const { port } = taken.address() as AddressInfo;
  const [code, output, errors] = await folder.do(['daemon', ...FREE, '--port', String(port)]);
  t.is(code, 1);
  t.is(output, '');
  t.is(errors, `pigeonhole: port ${port} is in use: stop what listens there, or choose another with --port\n`);
  t.false(existsSync(join(folder.place, 'control.sock')));
});

test.serial('a cookie file that others can read is refused', async (t) => {
  const folder = await startDaemon(t);
  await folder.do(['stop']);
  chmodSync(join(folder.place, 'cookie'), 0o644);
  for (const verb of ['start', 'daemon']) {
    const [code, , errors] = await folder.do([verb, ...FREE]);
    t.is(code, 1);
    t.regex(errors, /^pigeonhole: the cookie file .*cookie can be read by others: run chmod 600 '.*'\n$/);
  }
});

test.serial('in a release the place, the name and the cookie come from the environment', async (t) => {
  const release = { RELEASE_NAME: 'foo', RELEASE_VSN: '1.2.3', RELEASE_TMP: 'var', RELEASE_COOKIE: 'secret' };
  const folder = inFolder(t, release);
  t.deepEqual(await folder.do(['version']), [0, 'foo 1.2.3\n', '']);
  t.regex((await folder.do(['daemon', ...FREE]))[1], /^foo is ready: process \d+, log in .*\/var\/log\/foo\.log; foo stop ends it\n$/);
  t.true(existsSync(join(folder.path, 'var', 'control.sock')));
  t.deepEqual(await folder.do(['stop'], { RELEASE_COOKIE: 'other' }), [1, '', 'foo: wrong cookie: foo was started with another\n']);
  t.deepEqual(await folder.do(['stop']), [0, '', '']);
});

test.serial('a release may have its control socket elsewhere, in a folder that only its user may enter', async (t) => {
  const folder = inFolder(t, { RELEASE_NAME: 'foo', RELEASE_TMP: 'var', RELEASE_COOKIE: 'secret' });
  const flags = ['--control-socket', 'run/foo/sock'];
  const [code, , errors] = await folder.do(['daemon', ...FREE, ...flags]);
  t.is(code, 0, errors);
  t.is(statSync(join(folder.path, 'run/foo')).mode & 0o777, 0o700);
  t.deepEqual(await folder.do(['rpc', '1', ...flags]), [0, '1\n', '']);
  t.deepEqual(await folder.do(['stop', ...flags]), [0, '', '']);
  t.regex((await folder.do(['start', ...FREE, '--control-socket', '/tmp/foo.sock']))[2], /^foo: the folder \/tmp is open to everybody/);
});

test.serial('a socket whose path is longer than the system allows is reached all the same', async (t) => {
  const folder = inFolder(t);
  const deep = join(folder.path, 'd'.repeat(100));
  mkdirSync(deep, { mode: 0o700 });
  const flags = ['--control-socket', join(deep, 'control.sock')];
  t.is((await folder.do(['daemon', ...FREE, ...flags]))[0], 0);
  t.deepEqual(await folder.do(['rpc', '1', ...flags]), [0, '1\n', '']);
  t.is(statSync(join(deep, 'control.sock')).mode & 0o777, 0o600);
  t.deepEqual(await folder.do(['stop', ...flags]), [0, '', '']);
});

const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0;

test.serial('install writes a unit and prints what to run', async (t) => {
  const folder = inFolder(t);
  folder.write('.env', 'PIGEONHOLE_MAXCLIENTS=100');
  const environment = { PIGEONHOLE_LOGLEVEL: 'verbose', PIGEONHOLE_REQUIREPASS: 'hush' };
  const [code, output] = await folder.do(['install', '--port', '7000'], environment);
  t.is(code, 0);
  t.regex(output, /systemctl enable --now pigeonhole\n\nPIGEONHOLE_REQUIREPASS is a secret and not in it: .*\n$/);
  const unit = folder.read('pigeonhole.service');
  t.regex(unit, /^ExecStart=.*main\.js start --port=7000$/m);
  t.regex(unit, /^ExecReload=.*main\.js reload$/m);
  t.deepEqual(unit.match(/^Environment=.*/gm), ['Environment=PIGEONHOLE_LOGLEVEL=verbose'], 'those of .env are read again');
  if (hasSystemd) {
    const verified = spawnSync('systemd-analyze', ['verify', join(folder.path, 'pigeonhole.service')], { encoding: 'utf8' });
    t.deepEqual([verified.status, verified.stderr], [0, '']);
  }
  t.is((await folder.do(['install']))[0], 1);
  t.is((await folder.do(['install', '--overwrite']))[0], 0);
});

test.serial('a node that is stopped by a signal leaves nothing behind', async (t) => {
  const folder = await startDaemon(t);
  const pid = Number(readFileSync(join(folder.place, 'pigeonhole.pid'), 'utf8'));
  process.kill(pid, 'SIGTERM');
  await waitFor(() => !isAlive(pid), 'the end of the node');
  t.false(existsSync(join(folder.place, 'pigeonhole.pid')));
  t.false(existsSync(join(folder.place, 'control.sock')));
});

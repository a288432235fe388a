/** What `pigeonhole start` keeps on disk when nobody says anything, and what it says where it cannot. */
import test from 'ava';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../support/cli-run.js';
import { RawClient } from '../support/raw-client.js';

const flags = ['--port', 'any', '--line-port', '0', '--bind', '127.0.0.1'];
const READY = /connections on port (\d+) \(RESP\)[^]*Ready to accept/;

test('what was written is there after a kill and a start', async (t) => {
  const first = run(t, ['start', ...flags]);
  const client = await RawClient.connect(Number(await first.find(READY)));
  t.is(await client.ask('SET name value'), '+OK\r\n');
  t.is(await client.ask('CONFIG SET appendfsync always'), '+OK\r\n');
  t.is(await client.ask('SET last one'), '+OK\r\n');
  first.child.kill('SIGKILL');
  await first.ended;
  t.deepEqual(readdirSync(join(first.folder, 'data')).filter((name) => !name.endsWith('.lock')), ['appendonlydir']);
  const second = run(t, ['start', ...flags, '--dir', join(first.folder, 'data'), '--control-socket', '']);
  const again = await RawClient.connect(Number(await second.find(READY)));
  t.is(await again.ask('MGET name last'), '*2\r\n$5\r\nvalue\r\n$3\r\none\r\n');
  again.close();
  second.child.kill('SIGTERM');
  t.is(await second.ended, 0);
});

test('a node with a name of its own has a folder of its own', async (t) => {
  const node = run(t, ['start', ...flags, '--node', 'foo/1']);
  const client = await RawClient.connect(Number(await node.find(READY)));
  t.true(existsSync(join(node.folder, 'data', 'foo_1', 'appendonlydir')));
  const dir = join(node.folder, 'data', 'foo_1');
  t.is(await client.ask('CONFIG GET dir'), `*2\r\n$3\r\ndir\r\n$${dir.length}\r\n${dir}\r\n`);
  client.close();
});

test('without the append log a node has the save points of redis-server, unless it is told', async (t) => {
  const saving = run(t, ['check-config', '--appendonly', 'no']);
  t.is(await saving.ended, 0);
  t.regex(saving.output, /^save +3600 1 300 100 60 10000 +there is no append log$/m);
  const nothing = run(t, ['check-config', '--appendonly', 'no', '--save', '']);
  t.is(await nothing.ended, 0);
  t.regex(nothing.output, /^save +--save$/m);
  const usual = run(t, ['check-config']);
  t.is(await usual.ended, 0);
  t.regex(usual.output, /^save +built in$/m);
  t.regex(usual.output, /^appendonly +yes +built in$/m);
});

test('a folder that cannot be made is one line, with the remedy', async (t) => {
  const node = run(t, ['start', ...flags], {}, { data: 'a file is in the way' });
  t.is(await node.ended, 1);
  t.regex(
    node.errors,
    /^pigeonhole: the folder \S+\/data cannot be used: [^\n]+: give this node another with --dir, or keep [^\n]+\n$/,
  );
});

test('who moves in with a snapshot keeps what is in it', async (t) => {
  const snapshot = 'REDIS0010\x00\x04name\x05value\xff\0\0\0\0\0\0\0\0';
  const other = run(t, ['version']);
  await other.ended;
  writeFileSync(join(other.folder, 'dump.rdb'), Buffer.from(snapshot, 'latin1'));
  for (let start = 0; start < 2; start++) {
    const moved = run(t, ['start', ...flags, '--dir', other.folder]);
    const client = await RawClient.connect(Number(await moved.find(READY)));
    t.is(await client.ask('GET name'), start === 0 ? '$5\r\nvalue\r\n' : '$3\r\nnew\r\n');
    t.is(await client.ask('SET name new'), '+OK\r\n');
    client.close();
    moved.child.kill('SIGTERM');
    t.is(await moved.ended, 0);
  }
});

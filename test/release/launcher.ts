/** bin/NAME of a release: what it finds and sets, from wherever and by whomever it is run. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync, chownSync, cpSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { RawClient } from '../support/raw-client.js';
import { freePort } from '../support/reference.js';
import { ReleaseProject, runToEnd } from '../support/release-project.js';

/** Its config says on standard error what it sees. */
const TELLING_CONFIG = `
  const { execPath, execArgv, env: { RELEASE_COOKIE, RELEASE_TMP, RELEASE_COMMAND } } = process;
  export default ({ env, node }) => {
    console.error(JSON.stringify({ env, node, execPath, execArgv, RELEASE_COOKIE, RELEASE_TMP, RELEASE_COMMAND }));
    return { port: 'any', 'line-port': 'any', bind: '127.0.0.1' };
  };`;

const project = new ReleaseProject({
  'config/releases.js': `export default {
    foo: { cookie: 'hush', version: '1.2.3' },
    bar: { cookie: 'hush', version: '1.2.3', listeners: ['line'], includeRuntime: false },
  };`,
  'config/runtime.js': TELLING_CONFIG,
});
const rel = join(project.folder, 'dist/rel');
const foo = join(rel, 'foo/bin/foo');

test.before(async () => project.build('foo', 'bar'));
test.after.always(() => project.remove());

/** What a test may break: bar, which is small, in a folder of its own. */
function copyOfBar(name: string): { folder: string; launcher: string } {
  const folder = join(project.folder, name);
  cpSync(join(rel, 'bar'), folder, { recursive: true });
  return { folder, launcher: join(folder, 'bin/bar') };
}

interface Started {
  child: ChildProcess;
  output: string;
  /** What the config saw. */
  seen: Record<string, unknown>;
}

/** Starts a node, waits until it is ready, and has it ended when the test ends. */
async function start(
  t: ExecutionContext, file: string, args: readonly string[], options: SpawnOptions = {},
): Promise<Started> {
  const child = spawn(file, args, { env: {}, ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  t.teardown(() => child.kill('SIGKILL'));
  let output = '';
  let errors = '';
  child.stderr.on('data', (text: Buffer) => (errors += text.toString()));
  const ended = once(child, 'close').then(() => true);
  child.stdout.on('data', (text: Buffer) => (output += text.toString()));
  while (!output.includes('Ready') || !errors.includes('\n')) {
    const more = [child.stdout, child.stderr].map((stream) => once(stream, 'data').then(() => false));
    if (await Promise.race([ended, ...more])) throw new Error(`${output}${errors}`);
  }
  return { child, output, seen: JSON.parse(errors.split('\n')[0]!) as Record<string, unknown> };
}

/** The exit code, or the signal that ended it. */
async function stop({ child }: Started): Promise<number | string | null> {
  const ended = once(child, 'close');
  child.kill('SIGTERM');
  const [code, signal] = (await ended) as [number | null, string | null];
  return code ?? signal;
}

test('with nothing in the environment it starts on its own runtime, and SIGTERM stops it', async (t) => {
  const node = await start(t, foo, ['start']);
  t.deepEqual(node.seen, {
    env: 'prod', node: 'foo', execPath: join(rel, `foo/node-${process.versions.node}/bin/node`), execArgv: [],
    RELEASE_COOKIE: 'hush', RELEASE_TMP: join(rel, 'foo/tmp'), RELEASE_COMMAND: 'start',
  });
  const client = await RawClient.connect(Number(/port (\d+) \(RESP\)/.exec(node.output)![1]));
  t.is(await client.ask('HSET shopping milk 1'), ':1\r\n');
  client.close();
  t.is(await stop(node), 0);
});

test('it is found from any folder, through links, in any shell', async (t) => {
  const links = join(project.folder, 'links');
  mkdirSync(join(links, 'deeper'), { recursive: true });
  symlinkSync(foo, join(links, 'absolute'));
  symlinkSync('../../dist/rel/foo/bin/foo', join(links, 'deeper/relative'));
  symlinkSync('deeper/relative', join(links, 'link of a link'));
  symlinkSync(join(rel, 'foo'), join(links, 'folder'));
  for (const [file, args, cwd] of [
    [foo, [], '/'],
    ['./foo', [], join(rel, 'foo/bin')],
    ['bin/foo', [], join(rel, 'foo')],
    ['sh', ['foo'], join(rel, 'foo/bin')],
    ['dash', [foo], '/'],
    ['bash', ['--posix', foo], '/'],
    ['./absolute', [], links],
    ['./link of a link', [], links],
    ['sh', ['link of a link'], links],
    ['links/deeper/relative', [], project.folder],
    ['folder/bin/foo', [], links],
  ] as const) {
    if (['dash', 'bash'].includes(file) && !existsSync(`/bin/${file}`)) continue;
    const { output, errors } = await runToEnd(file, [...args, 'version'], { cwd, env: { CDPATH: '/tmp', PATH: '/bin:/usr/bin' } });
    t.is(output, 'foo 1.2.3\n', `${file} ${args.join(' ')} in ${cwd}: ${errors}`);
  }
});

test('a folder that was moved to a strange name starts through a link', async (t) => {
  const { folder } = copyOfBar('to be moved');
  const moved = join(project.folder, "it's $HOME *");
  renameSync(folder, moved);
  symlinkSync(join(moved, 'bin/bar'), join(project.folder, 'bar-link'));
  const node = await start(t, join(project.folder, 'bar-link'), ['start'], { cwd: '/', env: { PATH: process.env.PATH } });
  t.is(node.seen.RELEASE_TMP, join(moved, 'tmp'));
  t.is(await stop(node), 0);
});

test('under a root that cannot be written it writes nothing', async (t) => {
  const { folder, launcher } = copyOfBar('read-only');
  const [tmp, data] = [join(project.folder, 'tmp elsewhere'), join(project.folder, 'data elsewhere')];
  for (const each of [tmp, data]) mkdirSync(each);
  const paths = (): string[] => [folder, ...readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((path) => join(folder, path))];
  // The superuser may write everywhere, so somebody else runs it then.
  const user = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
  chmodSync(project.folder, 0o755);
  const before = paths();
  for (const path of before) {
    if (user.uid !== undefined) chownSync(path, user.uid, user.gid);
    chmodSync(path, path.endsWith('COOKIE') ? 0o400 : 0o555);
  }
  if (user.uid !== undefined) for (const each of [tmp, data]) chownSync(each, user.uid, user.gid);
  const env = { PATH: process.env.PATH, RELEASE_TMP: tmp, PIGEONHOLE_APPENDONLY: 'yes' };
  const refused = await runToEnd(launcher, ['start'], { ...user, cwd: '/', env });
  const remedy = "give this node another with --dir, or keep nothing on disk with --appendonly no --save ''";
  const why = `bar: the folder ${folder}/data cannot be used: Permission denied: ${remedy}`;
  t.like({ ...refused, errors: refused.errors.split('\n').slice(1) }, { code: 1, output: '', errors: [why, ''] });
  const node = await start(t, launcher, ['start'], { ...user, cwd: '/', env: { ...env, PIGEONHOLE_DIR: data } });
  t.is(node.seen.RELEASE_TMP, tmp);
  t.is(await stop(node), 0);
  t.true(existsSync(join(data, 'appendonlydir')));
  t.deepEqual(paths(), before);
  for (const path of before) chmodSync(path, 0o755);
});

test('a slice opens none of the ports it lacks', async (t) => {
  const env = { PATH: process.env.PATH, PIGEONHOLE_PORT: '7000' };
  const node = await start(t, join(rel, 'bar/bin/bar'), ['start'], { env });
  t.false(node.output.includes('(RESP)'));
  t.true(node.output.includes('(line protocol)'));
  t.true(node.output.includes('[warning] the setting port stays 0: the release bar has no such listener (PIGEONHOLE_PORT)'));
  t.is(await stop(node), 0);
});

test('env.sh changes the variables, node.args the flags of Node', async (t) => {
  const { folder, launcher } = copyOfBar('changed');
  writeFileSync(join(folder, 'releases/1.2.3/env.sh'), 'RELEASE_NODE=$RELEASE_NAME-$RELEASE_COMMAND\nexport PIGEONHOLE_ENV=stage\n');
  writeFileSync(join(folder, 'releases/1.2.3/node.args'), '# all\n--title=a*  --no-opt # two\n\n   #--no\n--stack-size=900');
  const node = await start(t, launcher, ['start'], { env: { PATH: process.env.PATH } });
  t.like(node.seen, { env: 'stage', node: 'bar-start', execArgv: ['--title=a*', '--no-opt', '--stack-size=900'] });
  t.is(await stop(node), 0);
});

for (const HEART of ['false', 'true']) {
  test(`the flags in node.args are those of the node in the background alone, HEART=${HEART}`, async (t) => {
    const { folder, launcher } = copyOfBar(`debugged-${HEART}`);
    const port = await freePort();
    const log = join(folder, 'tmp/log/bar.out.log');
    writeFileSync(join(folder, 'releases/1.2.3/node.args'), `--inspect=127.0.0.1:${port}\n`);
    const env = { PATH: process.env.PATH!, HEART };
    const started = await runToEnd(launcher, ['daemon'], { env });
    t.is(started.code, 0, started.errors);
    t.false(started.errors.includes('Debugger'));
    t.regex(readFileSync(log, 'utf8'), new RegExp(`Debugger listening on ws://127\\.0\\.0\\.1:${port}/`));
    t.is((await runToEnd(launcher, ['rpc', 'process.execArgv.length'], { env })).output, '1\n');
    t.is((await runToEnd(launcher, ['stop'], { env })).code, 0);
    t.false(readFileSync(log, 'utf8').includes('in use'));
  });
}

test('what is in the environment goes before the folder', async (t) => {
  const tmp = join(project.folder, 'another tmp');
  const env = { PATH: process.env.PATH, RELEASE_NODE: 'baz', RELEASE_COOKIE: 'other', RELEASE_TMP: tmp };
  const node = await start(t, join(rel, 'bar/bin/bar'), ['start'], { env });
  t.like(node.seen, { node: 'baz', RELEASE_COOKIE: 'other', RELEASE_TMP: tmp });
  t.is(await stop(node), 0);
});

test('the service of a release is that of whichever version is the last', async (t) => {
  const { folder, launcher } = copyOfBar('service');
  const unit = join(folder, 'bar.service');
  const installed = await runToEnd(launcher, ['install', unit, '--port=0'], { cwd: folder, env: { PATH: process.env.PATH } });
  t.is(installed.code, 0, installed.errors);
  const text = readFileSync(unit, 'utf8');
  t.regex(text, new RegExp(`^ExecStart=${launcher} start --port=0$`, 'm'));
  t.false(text.includes('1.2.3'), text);
});

test('no command, and a wrong one: the list of commands, exit 1', async (t) => {
  const none = await runToEnd(foo, [], { env: {} });
  t.like(none, { code: 1, output: '' });
  t.true(none.errors.startsWith('Usage: foo COMMAND [ARGS]\n\nThe commands are:\n\n    start '));
  const wrong = await runToEnd(foo, ['bogus'], { env: {} });
  t.like(wrong, { code: 1, output: '', errors: `${none.errors}\nfoo: unknown command 'bogus'\n` });
  t.deepEqual(await runToEnd(foo, ['help'], { env: {} }), { code: 0, output: none.errors, errors: '' });
});

test('the list of commands is that of the program', async (t) => {
  const main = join(rel, 'foo/releases/1.2.3/lib/pigeonhole.js');
  const ofProgram = await runToEnd(process.execPath, [main, 'help'], { env: { RELEASE_NAME: 'foo' } });
  t.deepEqual(await runToEnd(foo, ['help'], { env: {} }), ofProgram);
});

test('memory is in huge pages as in a checkout, unless the environment says otherwise', async (t) => {
  const tunables = async (env: Record<string, string>) => (await runToEnd(foo, ['eval', 'process.env.GLIBC_TUNABLES'], { env })).output;
  t.is(await tunables({}), "'glibc.malloc.hugetlb=1'\n");
  t.is(await tunables({ GLIBC_TUNABLES: 'glibc.malloc.hugetlb=0' }), "'glibc.malloc.hugetlb=0'\n");
});

test('the variables of others are left as they are', async (t) => {
  const names = ['SELF', 'LINK', 'DATA', 'COOKIE', 'NODE_VERSION', 'BUILT_VERSION', 'VERSION_DIR', 'RUNTIME', 'PROGRAM', 'FLAGS', 'LINE'];
  const env = Object.fromEntries(names.map((name) => [name, 'mine']));
  const expression = names.map((name) => `process.env.${name}`).join();
  const { output, errors } = await runToEnd(foo, ['eval', `[${expression}].join()`], { env });
  t.is(output, `'${names.map(() => 'mine').join()}'\n`, errors);
});

test('version starts no program', async (t) => {
  const { folder, launcher } = copyOfBar('without a program');
  rmSync(join(folder, 'releases/1.2.3/lib'), { recursive: true });
  t.deepEqual(await runToEnd(launcher, ['version'], { env: {} }), { code: 0, output: 'bar 1.2.3\n', errors: '' });
});

type Break = [what: string, message: string, doBreak: (folder: string) => void, env?: Record<string, string>];

const breaks: readonly Break[] = [
  [
    'a cookie that its group can read', "DIR/releases/COOKIE can be read or written by other users, and it is a secret: chmod 600 'DIR/releases/COOKIE'",
    (folder) => chmodSync(join(folder, 'releases/COOKIE'), 0o640),
  ],
  [
    'a cookie that the world can read', "DIR/releases/COOKIE can be read or written by other users, and it is a secret: chmod 600 'DIR/releases/COOKIE'",
    (folder) => chmodSync(join(folder, 'releases/COOKIE'), 0o604),
  ],
  ...(process.getuid?.() === 0 ? [[
    "another user's cookie", 'DIR/releases/COOKIE is not a file of root: run this as the user that owns it, or set RELEASE_COOKIE',
    (folder) => chownSync(join(folder, 'releases/COOKIE'), 65534, 65534),
  ] satisfies Break] : []),
  [
    'no cookie', "DIR/releases/COOKIE is missing: put the cluster's cookie there, or set RELEASE_COOKIE",
    (folder) => rmSync(join(folder, 'releases/COOKIE')),
  ],
  [
    'an empty cookie', "DIR/releases/COOKIE is empty: put the cluster's cookie there",
    (folder) => writeFileSync(join(folder, 'releases/COOKIE'), ''),
  ],
  [
    'no start.data', 'DIR/releases/start.data is missing or cannot be read: the folder is not a whole release, copy or build it again',
    (folder) => rmSync(join(folder, 'releases/start.data')),
  ],
  [
    'no program', 'DIR/releases/1.2.3/lib/pigeonhole.js is missing: the folder is not a whole release, copy or build it again',
    (folder) => rmSync(join(folder, 'releases/1.2.3/lib'), { recursive: true }),
  ],
  [
    'no such version', 'there is no version 9.9.9 in DIR/releases: set RELEASE_VSN to one that is there',
    () => undefined, { RELEASE_VSN: '9.9.9' },
  ],
  [
    'no Node', 'this release carries no Node runtime and there is no node in PATH: install Node 20.19 or newer',
    () => undefined, { PATH: join(project.folder, 'tools') },
  ],
];

test.before(() => {
  const tools = join(project.folder, 'tools');
  mkdirSync(tools);
  for (const tool of ['ls', 'id']) symlinkSync(existsSync(`/bin/${tool}`) ? `/bin/${tool}` : `/usr/bin/${tool}`, join(tools, tool));
});

for (const [what, message, doBreak, env = {}] of breaks) {
  test(`${what}: one line, exit 1`, async (t) => {
    const { folder, launcher } = copyOfBar(what.replaceAll(' ', '-'));
    doBreak(folder);
    const ended = await runToEnd(launcher, ['start'], { env: { PATH: process.env.PATH, ...env } });
    t.deepEqual(ended, { code: 1, output: '', errors: `bar: ${message.replaceAll('DIR', folder)}\n` });
  });
}

test('a config that cannot be run is one line, exit 1', async (t) => {
  const { folder, launcher } = copyOfBar('wrong-config');
  const file = join(folder, 'releases/1.2.3/runtime.js');
  writeFileSync(file, 'export default { port: 1');
  const ended = await runToEnd(launcher, ['start'], { env: { PATH: process.env.PATH } });
  t.like(ended, { code: 1, output: '' });
  const [, message] = /^\w+: (.*)\n$/.exec(ended.errors) ?? [];
  t.is(message, `the config file ${file} failed: SyntaxError: Unexpected end of input`, ended.errors);
  t.is(readFileSync(file, 'utf8').length, 24);
});

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type LoadRequest, loadSettings } from '../../lib/config/load.js';
import { ConfigError, settingText } from '../../lib/config/sources.js';

/** A folder with these files, gone when the test ends. */
function folderWith(t: ExecutionContext, files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'pigeonhole-config-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  for (const [name, content] of Object.entries({ 'package.json': '{"type":"module"}', ...files })) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}

function load(t: ExecutionContext, files: Record<string, string>, request: Partial<LoadRequest> = {}) {
  return loadSettings({ folder: folderWith(t, files), environment: {}, ...request });
}

/** The message of the ConfigError that loading ends with. */
async function refusal(t: ExecutionContext, files: Record<string, string>, request: Partial<LoadRequest> = {}) {
  const error = await t.throwsAsync(load(t, files, request), { instanceOf: ConfigError });
  t.false(error.message.includes('\n'), 'one line');
  return error.message;
}

test('with nothing given everything is as built in', async (t) => {
  const { settings, sources, warnings } = await load(t, {});
  t.is(settings.text('port'), '6379');
  t.is(settings.text('line-port'), '4040');
  t.is(sources.size, 0);
  t.deepEqual(warnings, []);
});

test('later wins: config file, .env, .env.<env>, environment, flags', async (t) => {
  const names = ['port', 'line-port', 'tcp-backlog', 'databases', 'maxclients'];
  const variables = names.map((name) => `PIGEONHOLE_${name.toUpperCase().replace('-', '_')}`);
  const files = {
    'config/runtime.js': `export default { ${names.map((name) => `'${name}': 1001`).join(', ')} };`,
    '.env': variables.slice(1).map((name) => `${name}=1002`).join('\n'),
    '.env.dev': variables.slice(2).map((name) => `${name}=1003`).join('\n'),
  };
  const environment = Object.fromEntries(variables.slice(3).map((name) => [name, '1004']));
  const { settings, sources } = await load(t, files, { environment, flags: { maxclients: '1005' } });
  t.deepEqual(names.map((name) => settings.text(name)), ['1001', '1002', '1003', '1004', '1005']);
  t.deepEqual(names.map((name) => sources.get(name)), [
    'config/runtime.js', 'PIGEONHOLE_LINE_PORT in .env', 'PIGEONHOLE_TCP_BACKLOG in .env.dev', 'PIGEONHOLE_DATABASES',
    '--maxclients',
  ]);
});

test('the config file may be a function of env and node, and sees what .env files say', async (t) => {
  const files = {
    'config/runtime.js': `export default ({ env, node }) => ({
      requirepass: [env, typeof node, process.env.PIGEONHOLE_TEST_SECRET].join(' '),
    });`,
    '.env.prod': 'PIGEONHOLE_TEST_SECRET=hush',
  };
  t.teardown(() => delete process.env.PIGEONHOLE_TEST_SECRET);
  const { settings } = await load(t, files, { env: 'prod', environment: process.env });
  t.is(settings.text('requirepass'), 'prod string hush');
});

test('the name of the environment is --env, PIGEONHOLE_ENV, NODE_ENV, dev', async (t) => {
  const files = { 'config/runtime.js': 'export default ({ env }) => ({ requirepass: env })' };
  const named = async (request: Partial<LoadRequest>) => (await load(t, files, request)).settings.text('requirepass');
  t.is(await named({}), 'dev');
  t.is(await named({ environment: { NODE_ENV: 'test' } }), 'test');
  t.is(await named({ environment: { NODE_ENV: 'test', PIGEONHOLE_ENV: 'stage' } }), 'stage');
  t.is(await named({ environment: { PIGEONHOLE_ENV: 'stage' }, env: 'prod' }), 'prod');
});

test('--config names another file, a module or .json', async (t) => {
  const files = {
    'config/runtime.js': 'export default { port: 1 }',
    'other.json': '{ "port": 2, "bind": ["127.0.0.1", "-::1"] }',
    'other.mjs': 'export default async () => ({ port: 3 })',
  };
  const { settings } = await load(t, files, { file: 'other.json' });
  t.is(settings.text('port'), '2');
  t.is(settings.text('bind'), '127.0.0.1 -::1');
  t.is((await load(t, files, { file: 'other.mjs' })).settings.text('port'), '3');
});

test('the config file is run at every start', async (t) => {
  const folder = folderWith(t, { 'config/runtime.js': 'export default { port: 1 }' });
  t.is((await loadSettings({ folder, environment: {} })).settings.text('port'), '1');
  writeFileSync(join(folder, 'config/runtime.js'), 'export default { port: 2 }');
  t.is((await loadSettings({ folder, environment: {} })).settings.text('port'), '2');
});

for (const [what, files, request, message] of [
  ['a value in the file', { 'config/runtime.js': 'export default { port: 70000 }' }, {},
    "port: '70000' is not allowed, it must be a whole number from 0 to 65535, or any (config/runtime.js)"],
  ['a name in the file', { 'config/runtime.js': 'export default { prot: 1 }' }, {},
    "unknown setting 'prot', did you mean 'port'? (config/runtime.js)"],
  ['a shape in the file', { 'config/runtime.js': 'export default { port: () => 1 }' }, {},
    'port: a value of this shape is not allowed, it must be a text, a number, true, false or a list (config/runtime.js)'],
  ['a file that throws', { 'config/runtime.js': 'export default () => { throw new Error("no vault") }' }, {},
    'the config file config/runtime.js failed: Error: no vault'],
  ['a file without settings', { 'config/runtime.js': 'export const port = 1' }, {},
    'the config file config/runtime.js must give an object with settings'],
  ['a file that is not there', {}, { file: 'no.js' }, 'the config file no.js is not there'],
  ['a variable', {}, { environment: { PIGEONHOLE_MAXCLIENTS: 'many' } },
    "maxclients: 'many' is not allowed, it must be a whole number from 1 to 4294967295 (PIGEONHOLE_MAXCLIENTS)"],
  ['a line of .env', { '.env': 'PIGEONHOLE_PORT=tcp://10.0.0.1:6379' }, {},
    "port: 'tcp://10.0.0.1:6379' is not allowed, it must be a whole number from 0 to 65535, or any (PIGEONHOLE_PORT in .env)"],
  ['a flag', {}, { flags: { loglevel: 'chatty' } },
    "loglevel: 'chatty' is not allowed, it must be one of debug, verbose, notice, warning (--loglevel)"],
] as const) {
  test(`wrong: ${what}`, async (t) => {
    t.is(await refusal(t, files, request), message);
  });
}

test('a file that does not parse is named', async (t) => {
  t.regex(await refusal(t, { 'c.json': '{ port: }' }, { file: 'c.json' }), /^the config file c\.json failed: SyntaxError/);
  t.regex(await refusal(t, { 'c.js': 'export defalt {}' }, { file: 'c.js' }), /^the config file c\.js failed: SyntaxError/);
});

test('a variable that sets nothing is a warning', async (t) => {
  const environment = { PIGEONHOLE_PROT: '1', PIGEONHOLE_SERVICE_HOST: '10.0.0.1', PATH: '/bin' };
  const { warnings } = await load(t, {}, { environment });
  t.deepEqual(warnings, [
    'the variable PIGEONHOLE_PROT sets nothing: did you mean PIGEONHOLE_PORT?',
    'the variable PIGEONHOLE_SERVICE_HOST sets nothing: no setting is called so',
  ]);
});

test('values of every shape become text', (t) => {
  t.is(settingText('x', 'a b'), 'a b');
  t.is(settingText('x', 5), '5');
  t.is(settingText('x', true), 'yes');
  t.is(settingText('x', false), 'no');
  t.is(settingText('x', null), undefined);
  t.is(settingText('x', ['*', '-::*']), '* -::*');
  t.is(settingText('nodes', { foo: 'localhost:1', bar: 'localhost:2' }), 'foo=localhost:1,bar=localhost:2');
  t.is(settingText('shards', [{ range: 'a-m', node: 'foo' }, { range: '*', node: 'bar' }]), 'a-m=foo,*=bar');
  t.throws(() => settingText('x', [{}]), { instanceOf: ConfigError });
  t.throws(() => settingText('x', { foo: 1 }), { instanceOf: ConfigError });
});

const RELEASE = { RELEASE_ROOT: '/srv/bar', RELEASE_NAME: 'bar', RELEASE_NODE: 'bar' };

test('a release gives the node its name, and its environment is prod unless told otherwise', async (t) => {
  const files = { 'config/runtime.js': 'export default ({ env, node }) => ({ logfile: `${env} ${node}` });' };
  const load1 = await load(t, files, { environment: { ...RELEASE, NODE_ENV: 'production' } });
  t.is(load1.settings.text('logfile'), 'prod bar');
  const load2 = await load(t, files, { environment: { ...RELEASE, PIGEONHOLE_ENV: 'stage', PIGEONHOLE_NODE: 'baz' } });
  t.is(load2.settings.text('logfile'), 'stage baz');
});

test('the data of a release lies in its own folder, unless something says where', async (t) => {
  const dirOf = async (files: Record<string, string>, environment = {}): Promise<string> =>
    (await load(t, files, { environment: { ...RELEASE, ...environment } })).settings.text('dir');
  t.is(await dirOf({}), '/srv/bar/data');
  t.is(await dirOf({ 'config/runtime.js': "export default { dir: 'here' };" }), 'here');
  t.is(await dirOf({}, { PIGEONHOLE_DIR: '/var/lib/bar' }), '/var/lib/bar');
});

test('a slice keeps the ports closed whose listener it lacks, and says so to who asked for one', async (t) => {
  const files = { 'config/runtime.js': "export default { port: 7000, 'line-port': 7001 };" };
  const environment = { ...RELEASE, RELEASE_LISTENERS: 'line peer', PIGEONHOLE_PORT: '7002' };
  const { settings, warnings } = await load(t, files, { environment });
  t.is(settings.text('port'), '0');
  t.is(settings.text('line-port'), '7001');
  t.deepEqual(warnings, ['the setting port stays 0: the release bar has no such listener (PIGEONHOLE_PORT)']);
});

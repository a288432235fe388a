/** What scripts/build-release and scripts/release-init make, and what they refuse. */
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { ReleaseProject, runToEnd } from '../support/release-project.js';

/** Without the runtime, which is 100 MB. */
const lean = (options = ''): string => `export default { lean: { version: '1.2.3', includeRuntime: false, ${options} } };`;

function projectFor(t: ExecutionContext, files: Readonly<Record<string, string>>): ReleaseProject {
  const project = new ReleaseProject(files);
  t.teardown(() => project.remove());
  return project;
}

const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

test('a build says what it does, where the release is, and how to operate it', async (t) => {
  const project = projectFor(t, { 'config/releases.js': lean("listeners: ['peer']"), 'config/release/env.sh': '# mine' });
  const { code, output, errors } = await project.script('build-release', []);
  t.is(errors, '');
  t.is(code, 0);
  const [first, ...lines] = output.split('\n');
  t.is(first, `* assembling lean-1.2.3 for Node ${process.versions.node} on ${process.platform}-${process.arch}`);
  t.deepEqual(lines, [
    '* using config/runtime.js to configure the release at every start',
    '* using config/release/env.sh',
    '* skipping config/release/env.bat (not there: the release gets the built-in one)',
    '* skipping config/release/node.args (not there: the release gets the built-in one)',
    '* skipping the listeners client, line (not in this release: their ports stay closed)',
    '* skipping the Node runtime (includeRuntime is false: node must be in PATH)',
    '',
    'Release created at dist/rel/lean',
    '',
    '    # To start the node',
    '    dist/rel/lean/bin/lean start',
    '',
    'Once the release is running:',
    '',
    '    # To open a shell on it',
    '    dist/rel/lean/bin/lean remote',
    '',
    '    # To stop it, with the replies in flight delivered (SIGINT and SIGTERM do the same)',
    '    dist/rel/lean/bin/lean stop',
    '',
    'To list all commands:',
    '',
    '    dist/rel/lean/bin/lean',
    '', '',
  ]);
});

test('the folder has the launchers, the cookie for its owner only, and a folder for the version', async (t) => {
  const project = projectFor(t, { 'config/releases.js': lean("files: { 'docs/settings.js': 'config/runtime.js' }") });
  await project.build('lean');
  const folder = join(project.folder, 'dist/rel/lean');
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1)).sort();
  t.deepEqual(paths, [
    'bin/lean', 'bin/lean.bat', 'docs/settings.js', 'releases/1.2.3/env.bat', 'releases/1.2.3/env.sh',
    'releases/1.2.3/lib/pigeonhole.js', 'releases/1.2.3/node.args', 'releases/1.2.3/package.json',
    'releases/1.2.3/runtime.js', 'releases/COOKIE', 'releases/start.data',
  ]);
  t.is(modeOf(join(folder, 'releases/COOKIE')), '600');
  t.is(modeOf(join(folder, 'bin/lean')), '755');
  t.is(readFileSync(join(folder, 'releases/start.data'), 'utf8'), `${process.versions.node} 1.2.3\n`);
  t.regex(readFileSync(join(folder, 'releases/1.2.3/env.sh'), 'utf8'), /Read by bin\/lean of lean 1\.2\.3 before/);
  t.deepEqual(readdirSync(join(project.folder, 'dist/rel')), ['lean'], 'nothing else is left');
});

test('the cookie is made once, for all releases, unless a release has its own', async (t) => {
  const releases = `export default {
    one: { includeRuntime: false }, two: { includeRuntime: false }, other: { includeRuntime: false, cookie: 'hush' },
  };`;
  const project = projectFor(t, { 'config/releases.js': releases });
  const cookieOf = (name: string): string => readFileSync(join(project.folder, `dist/rel/${name}/releases/COOKIE`), 'utf8');
  await project.build('one', 'two', 'other');
  const first = cookieOf('one');
  t.regex(first, /^[\w-]{32}\n$/);
  t.is(cookieOf('two'), first);
  t.is(cookieOf('other'), 'hush\n');
  t.is(modeOf(join(project.folder, '.release-cookie')), '600');
  await project.build('one', '--overwrite');
  t.is(cookieOf('one'), first);
});

test('a version that is there is replaced only when somebody says so', async (t) => {
  const project = projectFor(t, { 'config/releases.js': lean() });
  await project.build();
  const mark = join(project.folder, 'dist/rel/lean/releases/1.2.3/mark');
  const question = 'Release lean-1.2.3 already exists. Overwrite? [Yn] ';
  writeFileSync(mark, '');

  const nobody = await project.script('build-release', []);
  t.like(nobody, { code: 1, output: `${question}\n` });
  t.is(nobody.errors, 'build-release: lean-1.2.3 already exists, and nobody says whether to replace it: --overwrite does\n');
  t.like(await project.script('build-release', [], 'n\n'), { code: 0, output: question, errors: '' });
  t.true(existsSync(mark));

  const enter = await project.script('build-release', [], '\n');
  t.is(enter.code, 0);
  t.true(enter.output.startsWith(`${question}* assembling`));
  t.false(existsSync(mark));

  writeFileSync(mark, '');
  await project.build('--overwrite');
  t.false(existsSync(mark));
});

test('another version goes beside the first, and is the one that starts', async (t) => {
  const project = projectFor(t, { 'config/releases.js': lean() });
  await project.build();
  project.write('config/releases.js', lean().replace('1.2.3', '1.3.0'));
  await project.build();
  const launcher = join(project.folder, 'dist/rel/lean/bin/lean');
  t.is((await runToEnd(launcher, ['version'])).output, 'lean 1.3.0\n');
  const old = await runToEnd(launcher, ['version'], { env: { RELEASE_VSN: '1.2.3' } });
  t.is(old.output, 'lean 1.2.3\n');
  t.true(existsSync(join(project.folder, 'dist/rel/lean/releases/1.2.3/lib/pigeonhole.js')));
});

test('a build that fails leaves the release as it was', async (t) => {
  const project = projectFor(t, { 'config/releases.js': lean() });
  await project.build();
  project.write('config/releases.js', lean("config: 'config/no.js'"));
  const { code, errors } = await project.script('build-release', ['--overwrite', '--quiet']);
  t.is(code, 1);
  t.is(errors, `build-release: ${project.folder}/config/no.js, the config of lean, is not there\n`);
  t.true(existsSync(join(project.folder, 'dist/rel/lean/releases/1.2.3/runtime.js')));
  t.deepEqual(readdirSync(join(project.folder, 'dist/rel')), ['lean']);
});

test('--tar packs the version, for the owner only, in a folder of its name', async (t) => {
  const project = projectFor(t, { 'config/releases.js': lean() });
  const { output } = await project.script('build-release', ['--tar', '--path', 'out']);
  t.true(output.includes('* packed as out/lean-1.2.3.tar.gz\n'));
  const file = join(project.folder, 'out/lean-1.2.3.tar.gz');
  t.is(modeOf(file), '600');
  const { output: list } = await runToEnd('tar', ['-tzf', file]);
  t.true(list.includes('lean/releases/1.2.3/lib/pigeonhole.js\n'));
  t.true(list.split('\n').every((path) => path === '' || path.startsWith('lean/')));
});

test('release-init gives templates to change, which builds take from then on', async (t) => {
  const project = projectFor(t, { 'config/releases.js': lean() });
  const first = await project.script('release-init', []);
  t.is(first.output, ['env.sh', 'env.bat', 'node.args'].map((file) => `* creating config/release/${file}\n`).join(''));
  project.write('config/release/node.args', '--title={{name}}-{{version}}\n');
  const again = await project.script('release-init', []);
  t.is(again.output.split('\n')[2], '* skipping config/release/node.args (it is there; --force replaces it)');
  await project.build();
  t.is(readFileSync(join(project.folder, 'dist/rel/lean/releases/1.2.3/node.args'), 'utf8'), '--title=lean-1.2.3\n');
  t.is((await project.script('release-init', ['--force'])).output, first.output);
});

const two = 'export default { foo: {}, bar: {} };';
for (const [releases, args, message] of [
  [two, [], 'there are several releases, say which ones to build: foo, bar'],
  [two, ['foo', 'baz'], "there is no release 'baz' in config/releases.js, only: foo, bar"],
  [two, ['foo', '--bogus'], "Unknown option '--bogus'"],
  ['export default {};', [], 'config/releases.js defines no release'],
  ['export default { foo: { listener: 1 } };', ['foo'], "config/releases.js: foo has an unknown option 'listener'"],
  ["export default { foo: { listeners: ['http'] } };", ['foo'], 'config/releases.js: the listeners of foo must be a list of client, line, peer'],
  ["export default { foo: { version: '../..' } };", ['foo'], 'config/releases.js: the version of foo must be a text such as 1.0.0'],
  ["export default { foo: { files: { '../x': 'y' } } };", ['foo'], 'config/releases.js: the files of foo must be paths, in the release: here'],
] as const) {
  test(`refused: ${message}`, async (t) => {
    const project = projectFor(t, { 'config/releases.js': releases });
    t.deepEqual(await project.script('build-release', args), { code: 1, output: '', errors: `build-release: ${message}\n` });
    t.false(existsSync(join(project.folder, 'dist')));
  });
}

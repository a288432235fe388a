/**
 * Builds the releases of the project in the current folder: `scripts/build-release foo [bar ...]`.
 * config/releases.js says which there are, config/build.js what goes into the bundle.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { type Assembly, assemble, isAssembled, partsOf } from './assemble.js';
import { chooseReleases, readReleases } from './definitions.js';
import { ReleaseError, runScript } from './release-error.js';

const USAGE = `Usage: scripts/build-release [NAME ...] [flags]

Makes dist/rel/NAME for releases of config/releases.js. The name may be left out when there is one release only.

  --overwrite     replace a version that is there, without asking
  --tar           also pack it, into dist/rel/NAME-VERSION.tar.gz
  --path FOLDER   where to make the releases, instead of dist/rel
  --quiet         print nothing but errors`;

await runScript('build-release', async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      overwrite: { type: 'boolean', default: false },
      tar: { type: 'boolean', default: false },
      path: { type: 'string', default: 'dist/rel' },
      quiet: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return;
  }
  const project = process.cwd();
  const releases = chooseReleases(await readReleases(project), positionals);
  const say = values.quiet ? () => undefined : (line: string) => console.log(line);
  for (const release of releases) {
    const target = join(values.path.startsWith('/') ? '' : project, values.path, release.name);
    const assembly: Assembly = { release, project, target, say };
    if (isAssembled(assembly) && !values.overwrite && !(await mayReplace(`${release.name}-${release.version}`))) continue;
    await assemble(assembly);
    if (values.tar) say(`* packed as ${shown(project, pack(assembly))}`);
    say(farewell(assembly));
  }
});

/** Asks on the terminal. Enter means yes. Without anybody to answer, it throws ReleaseError. */
async function mayReplace(release: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin });
  process.stdout.write(`Release ${release} already exists. Overwrite? [Yn] `);
  const answer = await new Promise<string | undefined>((resolve) => {
    terminal.once('line', resolve);
    terminal.once('close', () => resolve(undefined));
  });
  terminal.close();
  if (answer === undefined) {
    console.log();
    throw new ReleaseError(`${release} already exists, and nobody says whether to replace it: --overwrite does`);
  }
  return ['', 'y', 'yes'].includes(answer.trim().toLowerCase());
}

/** Packs this version of the release, in a folder of its name, and gives the file. */
function pack({ release, target }: Assembly): string {
  const file = `${target}-${release.version}.tar.gz`;
  const paths = partsOf(release).map((part) => `${release.name}/${part}`);
  const { status, error } = spawnSync('tar', ['-czf', file, '-C', join(target, '..'), ...paths], { stdio: ['ignore', 'ignore', 'inherit'] });
  if (status !== 0) throw new ReleaseError(`tar could not pack ${release.name}: ${error?.message ?? `exit code ${String(status)}`}`);
  // The cookie is in it.
  chmodSync(file, 0o600);
  return file;
}

function farewell({ release, project, target }: Assembly): string {
  const folder = shown(project, target);
  const launcher = `${folder}/bin/${release.name}`;
  return `
Release created at ${folder}

    # To start the node
    ${launcher} start

Once the release is running:

    # To open a shell on it
    ${launcher} remote

    # To stop it, with the replies in flight delivered (SIGINT and SIGTERM do the same)
    ${launcher} stop

To list all commands:

    ${launcher}
`;
}

function shown(project: string, path: string): string {
  const seen = relative(project, path);
  return seen.startsWith('..') ? path : seen;
}

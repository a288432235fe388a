/**
 * Assembles the folder of a release:
 *
 *     bin/NAME, bin/NAME.bat           what people run
 *     node-VERSION/bin/node            the runtime
 *     releases/COOKIE                  the cluster's secret, for its owner only
 *     releases/start.data              the versions of Node and of the release that a start takes
 *     releases/VERSION/lib/            the program, in one file
 *     releases/VERSION/                runtime.js, env.sh, env.bat, node.args, package.json
 *
 * It is made beside its place and then moved there piece by piece, start.data last: a build that fails leaves what was
 * there as it was, and a node that runs from the folder keeps its files open. Other versions stay where they are.
 */
import {
  chmodSync, constants, copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { bundleProgram } from './bundle.js';
import { projectCookie } from './cookie.js';
import type { Release } from './definitions.js';
import { forWindows, makeLaunchers } from './launchers.js';
import { ReleaseError } from './release-error.js';
import { OWN_TEMPLATES, builtInTemplate, expand, projectTemplate } from './templates.js';

export interface Assembly {
  release: Release;
  /** The project's folder. */
  project: string;
  /** The release's folder. */
  target: string;
  /** Says what is being done, a line at a time. */
  say: (line: string) => void;
}

const RUNTIME = `node-${process.versions.node}`;

/** Whether this version of the release is in the folder already. */
export function isAssembled({ release, target }: Assembly): boolean {
  return existsSync(join(target, 'releases', release.version));
}

/** Makes the folder. Throws ReleaseError when a file that the release names is not there. */
export async function assemble(assembly: Assembly): Promise<void> {
  const { release, target, say } = assembly;
  const system = `${process.platform}-${process.arch}`;
  say(`* assembling ${release.name}-${release.version} for Node ${process.versions.node} on ${system}`);
  const stage = `${target}.building`;
  rmSync(stage, { recursive: true, force: true });
  try {
    await makeVersion(assembly, join(stage, 'releases', release.version));
    makeLaunchers(release, assembly.project, join(stage, 'bin'));
    sayWhatStaysClosed(assembly);
    makeRuntime(assembly, stage);
    writeFileSync(join(stage, 'releases/COOKIE'), `${release.cookie ?? projectCookie(assembly.project)}\n`, { mode: 0o600 });
    writeFileSync(join(stage, 'releases/start.data'), `${process.versions.node} ${release.version}\n`);
    copyFiles(assembly, stage);
    moveInto(target, stage, release);
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

/** The paths that make up this version of the release, in the order in which they are put in place. */
export function partsOf(release: Release): string[] {
  const launchers = [`bin/${release.name}`, `bin/${release.name}.bat`];
  const runtime = release.includeRuntime ? [RUNTIME] : [];
  const version = `releases/${release.version}`;
  const files = Object.keys(release.files);
  return [...runtime, version, ...files, 'releases/COOKIE', ...launchers, 'releases/start.data'];
}

async function makeVersion({ release, project, say }: Assembly, folder: string): Promise<void> {
  await bundleProgram(project, join(folder, 'lib/pigeonhole.js'));
  say(`* using ${release.config} to configure the release at every start`);
  copy(join(project, release.config), join(folder, 'runtime.js'), `the config of ${release.name}`);
  // So that Node takes runtime.js for a module, and the program finds its version.
  const { name, version } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')) as Record<string, string>;
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify({ name, version, type: 'module', private: true })}\n`);
  for (const file of OWN_TEMPLATES) {
    const own = projectTemplate(project, file);
    if (own === undefined) say(`* skipping config/release/${file} (not there: the release gets the built-in one)`);
    else say(`* using config/release/${file}`);
    const text = expand(own ?? builtInTemplate(file), { name: release.name, version: release.version });
    writeFileSync(join(folder, file), file.endsWith('.bat') ? forWindows(text) : text);
  }
}

function sayWhatStaysClosed({ release, say }: Assembly): void {
  const closed = ['client', 'line', 'peer'].filter((listener) => !release.listeners.includes(listener));
  if (closed.length > 0) say(`* skipping the listeners ${closed.join(', ')} (not in this release: their ports stay closed)`);
}

function makeRuntime({ release, say }: Assembly, stage: string): void {
  if (!release.includeRuntime) return say('* skipping the Node runtime (includeRuntime is false: node must be in PATH)');
  const file = join(stage, RUNTIME, process.platform === 'win32' ? 'node.exe' : 'bin/node');
  mkdirSync(dirname(file), { recursive: true });
  // Where the file system can, the copy shares its blocks with the original.
  copyFileSync(process.execPath, file, constants.COPYFILE_FICLONE);
  chmodSync(file, 0o755);
}

function copyFiles({ release, project, say }: Assembly, stage: string): void {
  for (const [path, source] of Object.entries(release.files)) {
    say(`* copying ${source} to ${path}`);
    copy(join(project, source), join(stage, path), `a file of ${release.name}`);
  }
}

function copy(source: string, target: string, what: string): void {
  if (!existsSync(source)) throw new ReleaseError(`${source}, ${what}, is not there`);
  mkdirSync(dirname(target), { recursive: true });
  cpSync(source, target, { recursive: true });
}

function moveInto(target: string, stage: string, release: Release): void {
  for (const part of partsOf(release)) {
    const place = join(target, part);
    const old = `${place}.old`;
    mkdirSync(dirname(place), { recursive: true });
    rmSync(old, { recursive: true, force: true });
    if (existsSync(place)) renameSync(place, old);
    renameSync(join(stage, part), place);
    rmSync(old, { recursive: true, force: true });
  }
}

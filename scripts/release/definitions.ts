/** Reads config/releases.js: which releases a project has, checked, and with what holds where they say nothing. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ReleaseError } from './release-error.js';
import { LISTENERS } from '../../lib/config/release.js';

export interface Release {
  name: string;
  version: string;
  /** `client`, `line` and `peer`, in the order in which they are given. */
  listeners: readonly string[];
  /** Undefined: the project's own. */
  cookie: string | undefined;
  /** The config file, seen from the project's folder. */
  config: string;
  /** Paths in the release, each with the path in the project that is copied there. */
  files: Readonly<Record<string, string>>;
  includeRuntime: boolean;
}

const SOURCE = 'config/releases.js';
const PLAIN_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

/** All releases of the project in `folder`. Throws ReleaseError, which names the release and the option. */
export async function readReleases(folder: string): Promise<Release[]> {
  const content = await importDefault(folder, SOURCE);
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string };
  return Object.entries(content).map(([name, options]) => readRelease(name, options, version));
}

/** The releases that are asked for; the only one there is when none is. Throws ReleaseError with the list of all. */
export function chooseReleases(releases: readonly Release[], asked: readonly string[]): Release[] {
  const names = releases.map(({ name }) => name).join(', ');
  if (asked.length === 0) {
    if (releases.length === 1) return [...releases];
    if (releases.length === 0) throw new ReleaseError(`${SOURCE} defines no release`);
    throw new ReleaseError(`there are several releases, say which ones to build: ${names}`);
  }
  return [...new Set(asked)].map((name) => {
    const release = releases.find((candidate) => candidate.name === name);
    if (release === undefined) throw new ReleaseError(`there is no release '${name}' in ${SOURCE}, only: ${names}`);
    return release;
  });
}

/** The object that a module of the project exports as its default. */
export async function importDefault(folder: string, path: string): Promise<Record<string, unknown>> {
  if (!existsSync(join(folder, path))) throw new ReleaseError(`${path} is not there`);
  const module = (await import(pathToFileURL(join(folder, path)).href)) as { default?: unknown };
  return objectAt(path, module.default);
}

function readRelease(name: string, options: unknown, packageVersion: string): Release {
  const given = objectAt(`the release ${name}`, options);
  const {
    version = packageVersion, listeners = LISTENERS, cookie, config = 'config/runtime.js', files = {}, includeRuntime = true,
    ...others
  } = given;
  const check = (option: string, isRight: boolean, allowed: string): void => {
    if (!isRight) throw new ReleaseError(`${SOURCE}: the ${option} of ${name} must be ${allowed}`);
  };
  check('name', PLAIN_NAME.test(name), 'letters, digits, points, dashes and underlines');
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw new ReleaseError(`${SOURCE}: ${name} has an unknown option '${unknown}'`);
  check('version', typeof version === 'string' && PLAIN_NAME.test(version), 'a text such as 1.0.0');
  check('listeners', isListOf(LISTENERS, listeners), `a list of ${LISTENERS.join(', ')}`);
  check('cookie', cookie === undefined || (typeof cookie === 'string' && /^\S+$/.test(cookie)), 'a text without blanks');
  check('config', typeof config === 'string', 'the path of a file');
  check('includeRuntime', typeof includeRuntime === 'boolean', 'true or false');
  const paths = Object.entries(objectAt(`the files of ${name}`, files));
  check('files', paths.every(([target, source]) => isInside(target) && typeof source === 'string'), 'paths, in the release: here');
  return { name, version, listeners, cookie, config, files, includeRuntime } as Release;
}

function objectAt(what: string, value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new ReleaseError(`${what} must be an object`);
}

function isListOf(allowed: readonly string[], value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every((item) => allowed.includes(item as string));
}

/** Whether a path stays in the folder that it is seen from. */
function isInside(path: string): boolean {
  return path !== '' && !path.startsWith('/') && !path.split(/[/\\]/).includes('..');
}

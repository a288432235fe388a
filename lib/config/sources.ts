/**
 * Where settings come from: the config file, the environment with its .env files, and whoever starts the node. Each
 * source gives a layer of texts; load.ts lays them over each other.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parse } from 'dotenv';
import { settingSpecs } from './settings.js';

/** Something that is wrong with the configuration, in one line for the person who wrote it. */
export class ConfigError extends Error {}

export interface Given {
  name: string;
  /** As a person writes it. */
  value: string;
  /** Where it stands, for example `config/runtime.js` or `--port`. */
  source: string;
}

/** What a config file or an embedding program may give for a setting. */
export type SettingValue =
  | string | number | boolean | null | undefined
  | readonly (string | number)[]
  | readonly { readonly range: string; readonly node: string }[]
  | Readonly<Record<string, string>>;

export type GivenSettings = Readonly<Record<string, SettingValue>>;

/** What the config file's function is given. */
export interface FileContext {
  /** The name of the environment: `dev` unless said otherwise. */
  env: string;
  /** The node's name. */
  node: string;
}

/** The config file when none is named, if it is there. */
export const DEFAULT_FILE = 'config/runtime.js';
const PREFIX = 'PIGEONHOLE_';

// ---- values

/**
 * A value from a program as the text that a flag would have: true and false are yes and no, a list is parted by blanks,
 * `{ foo: 'localhost:1' }` is `foo=localhost:1`, a list of `{ range, node }` is `a-m=foo,n-z=bar`. Undefined when
 * nothing is given (null, undefined). Throws ConfigError for any other value.
 */
export function settingText(name: string, value: unknown): string | undefined {
  if (value === null || value === undefined) return undefined;
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return String(value);
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (Array.isArray(value)) {
    const items: readonly unknown[] = value;
    if (items.every(isShard)) return items.map(({ range, node }) => `${range}=${node}`).join(',');
    if (items.every((item) => typeof item === 'string' || typeof item === 'number')) return items.join(' ');
  } else if (typeof value === 'object') {
    const pairs = Object.entries(value);
    if (pairs.every(([, text]) => typeof text === 'string')) return pairs.map((pair) => pair.join('=')).join(',');
  }
  throw new ConfigError(`${name}: a value of this shape is not allowed, it must be a text, a number, true, false or a list`);
}

function isShard(item: unknown): item is { range: string; node: string } {
  if (typeof item !== 'object' || item === null || !('range' in item) || !('node' in item)) return false;
  return typeof item.range === 'string' && typeof item.node === 'string';
}

/** The settings that a program gives as an object. Throws ConfigError, with the source. */
export function fromObject(settings: object, source: string): Given[] {
  const given: Given[] = [];
  for (const [name, value] of Object.entries(settings)) {
    try {
      const text = settingText(name, value);
      if (text !== undefined) given.push({ name, value: text, source });
    } catch (error) {
      throw error instanceof ConfigError ? new ConfigError(`${error.message} (${source})`) : error;
    }
  }
  return given;
}

// ---- the environment

/**
 * Reads `.env.<env>` and `.env` in `folder` into `environment`, where what is there stays as it is, and gives the name
 * of the file that each variable came from.
 */
export function readDotenv(folder: string, env: string, environment: NodeJS.ProcessEnv): Map<string, string> {
  const origins = new Map<string, string>();
  for (const file of [`.env.${env}`, '.env']) {
    const path = join(folder, file);
    // A folder may be called .env, as Python's are.
    if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) continue;
    for (const [name, value] of Object.entries(parse(readFileSync(path)))) {
      if (environment[name] !== undefined) continue;
      environment[name] = value;
      origins.set(name, file);
    }
  }
  return origins;
}

/** The variable that sets a setting: `PIGEONHOLE_LINE_PORT` for `line-port`. */
export function variableOf(name: string): string {
  return PREFIX + name.toUpperCase().replaceAll('-', '_');
}

/** Variables of a release that give a setting where its own variable does not. */
const RELEASE_VARIABLES: Readonly<Record<string, readonly string[]>> = {
  node: ['RELEASE_NODE', 'RELEASE_NAME'],
  cookie: ['RELEASE_COOKIE'],
};

/** The settings in the environment; `origins` as `readDotenv` gives them. */
export function fromEnvironment(environment: NodeJS.ProcessEnv, origins: ReadonlyMap<string, string>): Given[] {
  const given: Given[] = [];
  for (const { name } of settingSpecs) {
    const release = RELEASE_VARIABLES[name]?.find((each) => environment[each] !== undefined);
    const own = variableOf(name);
    const variable = release === undefined || environment[own] !== undefined ? own : release;
    const value = environment[variable];
    if (value === undefined) continue;
    const file = origins.get(variable);
    given.push({ name, value, source: file === undefined ? variable : `${variable} in ${file}` });
  }
  return given;
}

/** Variables that begin as ours do and are none of our settings. */
export function strangeVariables(environment: NodeJS.ProcessEnv): string[] {
  const known = new Set([...settingSpecs.map(({ name }) => variableOf(name)), `${PREFIX}ENV`]);
  return Object.keys(environment).filter((variable) => variable.startsWith(PREFIX) && !known.has(variable));
}

// ---- the config file

/**
 * The settings in the config file: `file`, which must be there, or else config/runtime.js in `folder` if there is one.
 * It is run (or, as .json, read) anew at every call. Throws ConfigError.
 */
export async function fromFile(folder: string, file: string | undefined, context: FileContext): Promise<Given[]> {
  const source = file ?? DEFAULT_FILE;
  const path = configPath(folder, file);
  if (!existsSync(path)) {
    if (file === undefined) return [];
    throw new ConfigError(`the config file ${source} is not there`);
  }
  let content: unknown;
  try {
    content = path.endsWith('.json') ? JSON.parse(readFileSync(path, 'utf8')) : await runModule(path);
    if (typeof content === 'function') content = await (content as (context: FileContext) => unknown)(context);
  } catch (error) {
    throw new ConfigError(`the config file ${source} failed: ${firstLine(error)}`);
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw new ConfigError(`the config file ${source} must give an object with settings`);
  }
  return fromObject(content, source);
}

/** Where the config file is, or would be. */
export function configPath(folder: string, file: string | undefined): string {
  const source = file ?? DEFAULT_FILE;
  return isAbsolute(source) ? source : join(folder, source);
}

let runs = 0;

/** A module's default export. Each run has an address of its own, because Node runs an address only once. */
async function runModule(path: string): Promise<unknown> {
  const module = (await import(`${pathToFileURL(path).href}?run=${++runs}`)) as { default?: unknown };
  return module.default;
}

function firstLine(error: unknown): string {
  return String(error).split('\n')[0]!;
}

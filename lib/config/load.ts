/**
 * Loads the settings of a node that is about to start. Later wins: what is built in, a release's own folder, the
 * config file, the environment, the flags; at last the ports that a release's slice keeps closed. Every value is
 * checked, also one that another overrides, and the first wrong one stops the start.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { RELEASE_ENV, closedPorts, releaseDefaults } from './release.js';
import { SettingError, Settings, settingSpecs } from './settings.js';
import {
  ConfigError, type Given, configPath, fromEnvironment, fromFile, readDotenv, strangeVariables, variableOf,
} from './sources.js';
import { fileNameOf } from '../util/file-name.js';
import { nearest } from '../util/nearest.js';

export interface LoadRequest {
  /** Settings given as flags, by name. */
  flags?: Readonly<Record<string, string>>;
  /** `--config`. */
  file?: string | undefined;
  /** `--env`. */
  env?: string | undefined;
  /** Where config/runtime.js and the .env files are looked for. */
  folder: string;
  /** Variables from .env files are added to it, so that the config file sees them too. */
  environment: NodeJS.ProcessEnv;
}

export interface Loaded {
  settings: Settings;
  /** Where each setting that is not as built in comes from. */
  sources: ReadonlyMap<string, string>;
  /** What is odd, and no reason not to start. */
  warnings: string[];
  /** The config file that was read, if there was one. */
  configFile: string | undefined;
}

/** Throws ConfigError, whose message is one line that names the setting, its value, its source and what is allowed. */
export async function loadSettings(request: LoadRequest): Promise<Loaded> {
  const { flags = {}, folder, environment } = request;
  const env = environmentName(request);
  const origins = readDotenv(folder, env, environment);
  const fromFlags = Object.entries(flags).map(([name, value]) => ({ name, value, source: `--${name}` }));
  const outside = [...fromEnvironment(environment, origins), ...fromFlags];
  const closed = closedPorts(environment);
  const fromVariables = environment[variableOf('node')] ?? environment.RELEASE_NODE;
  const node = flags.node ?? fromVariables ?? Settings.spec('node')?.initial ?? 'pigeonhole';
  const file = await fromFile(folder, request.file, { env, node });
  const given = [...releaseDefaults(environment), ...file, ...outside, ...closed];
  const strange = strangeVariables(environment).map((variable) => `the variable ${variable} sets nothing: ${guess(variable)}`);
  const loaded = derive(apply(given));
  const path = configPath(folder, request.file);
  return {
    ...loaded,
    warnings: [...strange, ...idleSettings(loaded), ...overruled(outside, closed)],
    configFile: existsSync(path) ? path : undefined,
  };
}

/** `--env`, `PIGEONHOLE_ENV`; in a release then `prod`, elsewhere `NODE_ENV` or `dev`. */
function environmentName({ env, environment }: LoadRequest): string {
  const asked = env ?? environment[variableOf('env')];
  if (asked !== undefined) return asked;
  return environment.RELEASE_ROOT === undefined ? environment.NODE_ENV ?? 'dev' : RELEASE_ENV;
}

/** Ports that somebody asked for at this start, in a release that does not have their listener. */
function overruled(asked: readonly Given[], closed: readonly Given[]): string[] {
  return closed.flatMap(({ name, source: why }) => {
    const other = asked.findLast((given) => given.name === name && given.value !== '0');
    return other === undefined ? [] : [`the setting ${name} stays 0: ${why} (${other.source})`];
  });
}

/** The save points that redis-server has where nothing is said. */
const SAVE_POINTS = '3600 1 300 100 60 10000';

/**
 * What follows from other settings where nobody has said it. Nodes with names of their own that are started in one
 * folder have a folder each for their data; and a node without the append log saves as redis-server does, so that it
 * has to be said that nothing is to be kept.
 */
function derive(loaded: Pick<Loaded, 'settings' | 'sources'>): Pick<Loaded, 'settings' | 'sources'> {
  const { settings } = loaded;
  const sources = new Map(loaded.sources);
  const take = (name: string, value: string, source: string): void => {
    if (sources.has(name)) return;
    settings.set(name, value);
    sources.set(name, source);
  };
  const node = settings.text('node');
  if (node !== Settings.spec('node')!.initial) take('dir', join('data', fileNameOf(node)), 'the name of the node');
  if (!settings.flag('appendonly')) take('save', SAVE_POINTS, 'there is no append log');
  return { settings, sources };
}

/** Settings from what is given, in order. Throws ConfigError. */
export function apply(given: readonly Given[]): Pick<Loaded, 'settings' | 'sources'> {
  const settings = new Settings();
  const sources = new Map<string, string>();
  for (const { name, value, source } of given) {
    try {
      settings.set(name, value);
    } catch (error) {
      if (!(error instanceof SettingError)) throw error;
      throw new ConfigError(`${error.message}${isKnown(name) ? '' : hint(name)} (${source})`);
    }
    sources.set(Settings.spec(name)!.name, source);
  }
  return { settings, sources };
}

/** Settings that were given and have no effect. */
function idleSettings({ settings, sources }: Pick<Loaded, 'settings' | 'sources'>): string[] {
  const idle = [...sources].filter(([name]) => {
    const spec = Settings.spec(name);
    return spec?.hasNoEffect === true && settings.text(name) !== spec.initial;
  });
  return idle.map(([name, source]) => `the setting ${name} has no effect here (${source})`);
}

function isKnown(name: string): boolean {
  return Settings.spec(name) !== undefined;
}

/** `, did you mean 'port'?` for a name that is nearly a setting's, else nothing. */
function hint(name: string): string {
  const meant = nearest(name, settingSpecs.map((spec) => spec.name));
  return meant === undefined ? '' : `, did you mean '${meant}'?`;
}

function guess(variable: string): string {
  const meant = nearest(variable, settingSpecs.map(({ name }) => variableOf(name)));
  return meant === undefined ? 'no setting is called so' : `did you mean ${meant}?`;
}

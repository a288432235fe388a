/** The flags that verbs share: one for every setting, and where the other settings are read from. */
import type { Argv } from 'yargs';
import type { LoadRequest } from '../config/load.js';
import { type SettingSpec, settingSpecs } from '../config/settings.js';
import { ConfigError } from '../config/sources.js';
import { nearest } from '../util/nearest.js';

/** Every flag takes a text, exactly as written; of one that is given twice the last holds. */
export const parsing = {
  'boolean-negation': false,
  'camel-case-expansion': false,
  'dot-notation': false,
  'duplicate-arguments-array': false,
  'parse-numbers': false,
  'parse-positional-numbers': false,
  'short-option-groups': false,
};

const SOURCE_FLAGS = ['config', 'env'];
/** What the command is called: in a release, as its script was, or the link to it. */
export const programName = process.env.RELEASE_PROG ?? process.env.RELEASE_NAME ?? 'pigeonhole';

/** The settings that tell where a node that runs is to be found. */
const PLACE_SETTINGS = ['node', 'cookie', 'control-socket'];

/**
 * Adds the flags for all settings. They are only described when help is asked for: yargs lays out its help at every
 * start of a verb, and to lay out all settings in vain took 30 of the 230 ms of CPU time until a node was ready.
 */
export function withSettings(command: Argv): Argv {
  return withFlags(command, settingSpecs);
}

/** Adds the flags by which a running node is found. */
export function withPlace(command: Argv): Argv {
  return withFlags(command, settingSpecs.filter(({ name }) => PLACE_SETTINGS.includes(name)));
}

function withFlags(command: Argv, specs: readonly SettingSpec[]): Argv {
  const isHelpWanted = process.argv.some((word) => word === '--help' || word === '-h');
  const group = 'Where settings are read from:';
  command.option('config', {
    type: 'string', requiresArg: true, group, describe: 'Config file, a module or .json [config/runtime.js, if there]',
  });
  command.option('env', {
    type: 'string', requiresArg: true, group, describe: 'Name of the environment, for .env.NAME and the config file [NODE_ENV, or dev]',
  });
  for (const { name, sentence, initial, hasNoEffect, standsAlone } of specs) {
    const describe = `${sentence}${initial === '' ? '' : ` [${initial}]`}`;
    command.option(name, {
      type: 'string', requiresArg: standsAlone !== true, group: 'Settings:', describe, hidden: !isHelpWanted || hasNoEffect === true,
    });
  }
  return command;
}

/** What the flags ask to be loaded, with the files of the release or of the current folder. */
export function loadRequest(flags: Readonly<Record<string, unknown>>): LoadRequest {
  const given: Record<string, string> = {};
  for (const { name, standsAlone } of settingSpecs) {
    const value = flags[name];
    if (typeof value === 'string') given[name] = standsAlone === true && value === '' ? 'yes' : value;
  }
  const text = (name: string): string | undefined => (typeof flags[name] === 'string' ? flags[name] : undefined);
  const { RELEASE_CONFIG: file, RELEASE_ROOT: folder = process.cwd() } = process.env;
  return { flags: given, file: text('config') ?? file, env: text('env'), folder, environment: process.env };
}

/**
 * The flags that were given, as they are written, for a process that is to run with the same. What a release says by
 * its environment is not among them: the next start may be of another version.
 */
export function settingFlags(flags: Readonly<Record<string, unknown>>): string[] {
  const names = [...settingSpecs.map(({ name }) => name), ...SOURCE_FLAGS];
  return names.flatMap((name) => (typeof flags[name] === 'string' ? [`--${name}=${flags[name]}`] : []));
}

/** There is no such verb, or none was given: the list of verbs is of use. */
export class WrongVerb extends ConfigError {}

/** What yargs says is wrong with `words`, in one line, with the flag or verb that may have been meant. */
export function explain(text: string, words: readonly string[], verbs: readonly string[]): ConfigError {
  const wrong = /^(Unknown argument|Unknown command|Not enough arguments following)s?: ([^,]+)/;
  const [, kind, first] = wrong.exec(text) ?? [];
  const verb = words.find((word) => verbs.includes(word));
  if (verb === undefined) {
    const [word = '-'] = words;
    return new WrongVerb(word.startsWith('-') ? 'a command is missing' : `unknown command '${word}'${guess(word, verbs, '')}`);
  }
  if (first === undefined) {
    if (text.startsWith('Not enough non-option')) return new ConfigError(`${verb} wants an expression: ${verb} "1 + 1"`);
    return new ConfigError(text.replace(/\s+/g, ' ').trim());
  }
  if (kind!.startsWith('Not')) {
    return new ConfigError(`--${first} needs a value; one that begins with - is written --${first}=-...`);
  }
  if (!words.includes(first)) {
    const flags = [...settingSpecs.map(({ name }) => name), ...SOURCE_FLAGS];
    return new ConfigError(`unknown flag '--${first}'${guess(first, flags, '--')}`);
  }
  return new ConfigError(`one word too many for ${verb}: '${first}'; what has blanks in it is put in quotes`);
}

function guess(word: string, known: readonly string[], dashes: string): string {
  const meant = nearest(word, known);
  return meant === undefined ? '' : `, did you mean '${dashes}${meant}'?`;
}

/** CONFIG REWRITE: puts what CONFIG SET has changed into the config file, so that the next start finds it there. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { Settings, settingSpecs } from '../config/settings.js';
import { settingText } from '../config/sources.js';
import { CommandError } from '../errors.js';

/**
 * Writes every setting that differs from the file and from what is built in into a `.json` file; what agrees stays as
 * it was written. The file is replaced as a whole, or not at all.
 *
 * A module is a program, which only its author can change: throws a CommandError that says what is to be edited.
 * Throws one too when the file cannot be read or written.
 */
export function rewriteConfigFile(path: string, settings: Settings): void {
  if (!path.endsWith('.json')) {
    const lines = changed({}, settings).map(([name, value]) => `${name}: ${JSON.stringify(value)}`);
    const edits = lines.length === 0 ? 'nothing differs from what is built in' : `set there ${lines.join(', ')}`;
    throw failure(`${path} is a program and is not rewritten; ${edits}`);
  }
  try {
    const content = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
    for (const [name, value] of changed(content, settings)) content[writtenName(content, name)] = value;
    writeFileSync(`${path}.new`, `${JSON.stringify(content, undefined, 2)}\n`);
    renameSync(`${path}.new`, path);
  } catch (error) {
    throw failure((error as Error).message);
  }
}

function failure(reason: string): CommandError {
  return new CommandError(`ERR Rewriting config file: ${reason}`);
}

/** The settings that CONFIG SET can change and that `content` does not say as they are. */
function changed(content: Readonly<Record<string, unknown>>, settings: Settings): [name: string, value: string][] {
  const result: [string, string][] = [];
  for (const { name, initial, isMutable } of settingSpecs) {
    const value = settings.text(name);
    const written = settingText(name, content[writtenName(content, name)]);
    const inFile = written === undefined ? initial : new Settings({ [name]: written }).text(name);
    if (isMutable && value !== inFile) result.push([name, value]);
  }
  return result;
}

/** The name that a file has a setting under: its own, unless an older one is there. */
function writtenName(content: Readonly<Record<string, unknown>>, name: string): string {
  return Object.keys(content).find((key) => Settings.spec(key)?.name === name) ?? name;
}

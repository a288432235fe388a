/**
 * `pigeonhole install [FILE]`: writes a unit file, by which systemd runs the node as a service, and prints what to run.
 * On Windows it prints the commands that have the node started with the machine.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import type { CommandModule } from 'yargs';
import { thisProgram } from './background.js';
import { settingFlags, withSettings } from './flags.js';
import { findTarget } from './reach.js';
import { settingSpecs } from '../config/settings.js';
import { ConfigError, variableOf } from '../config/sources.js';
import { type Place, reasonOf } from '../control/place.js';

export const install: CommandModule<object, Record<string, unknown>> = {
  command: 'install [file]',
  describe: 'Write what this system needs to run the node as a service (NODE.service), and print what to run',
  builder: (command) => withSettings(command).option('overwrite', { type: 'boolean', default: false, describe: 'Replace the file' }),
  handler: async (flags) => {
    const { kept, secrets } = ownVariables();
    const { place } = await findTarget(flags);
    const command = nodeCommand();
    if (process.platform === 'win32') return console.log(windowsCommands(place, command));
    const file = resolve(typeof flags.file === 'string' ? flags.file : `${place.name}.service`);
    if (existsSync(file) && flags.overwrite !== true) throw new ConfigError(`${file} exists: give --overwrite to replace it`);
    try {
      writeFileSync(file, unit(place, command, settingFlags(flags), kept));
    } catch (error) {
      throw new ConfigError(`${file} cannot be written: ${reasonOf(error)}`);
    }
    console.log(`${file} is written. To have systemd run ${place.name}, now and when the machine starts:\n`);
    console.log(`    sudo cp ${file} /etc/systemd/system/${place.name}.service`);
    console.log('    sudo systemctl daemon-reload');
    console.log(`    sudo systemctl enable --now ${place.name}`);
    for (const name of secrets) console.log(`\n${name} is a secret and not in it: the service needs it in .env or in its config`);
  },
};

/** What runs a verb: in a release its script. */
function nodeCommand(): string[] {
  const { RELEASE_ROOT, RELEASE_NAME } = process.env;
  if (RELEASE_ROOT === undefined || RELEASE_NAME === undefined) return thisProgram();
  const script = join(RELEASE_ROOT, 'bin', RELEASE_NAME);
  return [process.platform === 'win32' ? `${script}.bat` : script];
}

const KEPT_VARIABLES = ['RELEASE_NODE', 'RELEASE_TMP', 'PIGEONHOLE_ENV', 'NODE_ENV'];

/** The variables of this process that the service is to have too. Asked before those of .env files are among them. */
function ownVariables(): { kept: string[]; secrets: string[] } {
  const isGiven = (name: string): boolean => process.env[name] !== undefined;
  const variables = settingSpecs.map(({ name, isSecret }) => ({ name: variableOf(name), isSecret: isSecret === true }));
  const given = variables.filter(({ name }) => isGiven(name));
  return {
    kept: [...KEPT_VARIABLES.filter(isGiven), ...given.filter(({ isSecret }) => !isSecret).map(({ name }) => name)],
    secrets: given.filter(({ isSecret }) => isSecret).map(({ name }) => name),
  };
}

function unit(
  place: Place, command: readonly string[], flags: readonly string[], variables: readonly string[],
): string {
  const run = (verb: string, ...more: readonly string[]): string => [...command, verb, ...more].map(unitWord).join(' ');
  const where = flags.filter((flag) => /^--(config|env|node|cookie|control-socket)=/.test(flag));
  return [
    '[Unit]',
    `Description=Pigeonhole node ${place.name}`,
    'After=network.target',
    '',
    '[Service]',
    'Type=exec',
    `User=${userInfo().username}`,
    `WorkingDirectory=${process.cwd().replaceAll('%', '%%')}`,
    ...variables.map((name) => `Environment=${unitWord(`${name}=${process.env[name]}`)}`),
    `ExecStart=${run('start', ...flags)}`,
    `ExecReload=${run('reload', ...where)}`,
    'Restart=on-failure',
    'LimitNOFILE=65536',
    '',
    '[Install]',
    'WantedBy=multi-user.target',
    '',
  ].join('\n');
}

/** A word of a unit file: % and $ mean themselves, and blanks do not part it. */
function unitWord(word: string): string {
  const plain = word.replaceAll('%', '%%').replaceAll('$', '$$$$');
  return /^[\w@%+=:,./$-]+$/.test(plain) ? plain : `"${plain.replace(/["\\]/g, '\\$&')}"`;
}

function windowsCommands({ name }: Place, command: readonly string[]): string {
  const run = [...command, 'start'].map((word) => (/\s/.test(word) ? `\\"${word}\\"` : word)).join(' ');
  return [
    `To have Windows run ${name} when the machine starts, and now:\n`,
    `    schtasks.exe /Create /TN ${name} /SC ONSTART /RU SYSTEM /TR "${run}"`,
    `    schtasks.exe /Run /TN ${name}`,
  ].join('\n');
}

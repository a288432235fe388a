/**
 * All verbs of the command line, and the list of them that is shown for none and for a wrong one. In a release bin/NAME
 * shows the same list without starting this program: the build puts it into the script.
 */
import { backgroundHeart, backgroundNode, daemon, daemonConsole } from './background.js';
import { checkConfig } from './check-config.js';
import { command } from './command.js';
import { evaluate } from './eval.js';
import { install } from './install.js';
import { pid } from './pid.js';
import { reload } from './reload.js';
import { remote } from './remote.js';
import { restart } from './restart.js';
import { rpc } from './rpc.js';
import { shards } from './shards.js';
import { startConsole } from './start-console.js';
import { start } from './start.js';
import { stop } from './stop.js';
import { version } from './version.js';

/** What people type, in the order of the list. */
const typed = [
  start, startConsole, daemon, daemonConsole, stop, restart, reload, pid, version, remote, rpc, evaluate, command,
  shards, checkConfig, install,
];

/** The verbs as yargs takes them, with those that only the program itself runs. */
export const verbs = [...typed, backgroundNode, backgroundHeart];

export const verbNames: readonly string[] = typed.map(({ command: usage }) => String(usage).split(' ')[0]!);

/** The list of verbs, for people, as lines. `program` is what the command is called. */
export function listOfVerbs(program: string): string[] {
  const rows = typed.map(({ command: usage, describe }) => [shownUsage(String(usage)), String(describe)]);
  const width = Math.max(...rows.map(([usage]) => usage!.length));
  return [
    `Usage: ${program} COMMAND [ARGS]`,
    '',
    'The commands are:',
    '',
    ...rows.map(([usage, what]) => `    ${usage!.padEnd(width)}  ${what!}`),
    '',
    `Their flags: ${program} COMMAND --help`,
  ];
}

/** How a verb is typed: yargs writes `rpc <expression>` and `command [args..]`. */
function shownUsage(usage: string): string {
  return usage
    .replace(/<(.+)>/, (_, name: string) => `"${name.toUpperCase()}"`)
    .replace('[args..]', 'ARG...')
    .replace(/\[.+\]/, (name) => name.toUpperCase());
}

#!/usr/bin/env node
/**
 * The command `pigeonhole`: finds the verb and runs it. Each verb has a file of its own beside this one.
 *
 * Whatever is wrong with what was asked ends in one line on standard error and exit code 1.
 */
import yargs from 'yargs';
import { backgroundHeart, backgroundNode, daemon, daemonConsole } from './background.js';
import { checkConfig } from './check-config.js';
import { command } from './command.js';
import { evaluate } from './eval.js';
import { explain, parsing, programName } from './flags.js';
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
import { ConfigError } from '../config/sources.js';
import { ControlError } from '../control/place.js';
import { ListenError } from '../listeners/bind.js';

const args = process.argv.slice(2);
// What follows `command` belongs to the Redis command, also what looks like a flag.
const verbAt = args.findIndex((arg) => !arg.startsWith('-'));
if (args[verbAt] === 'command' && args[verbAt + 1] !== '--') args.splice(verbAt + 1, 0, '--');
const parser = yargs(args)
  .scriptName(programName)
  .usage('$0 <verb> [flags]\n\nA Redis-compatible store whose nodes share the alphabet.')
  .parserConfiguration(parsing)
  .command([
    start, startConsole, daemon, daemonConsole, stop, restart, reload, pid, version, remote, rpc, evaluate, command,
    install, shards, checkConfig, backgroundNode, backgroundHeart,
  ])
  .version(false)
  .help()
  .alias('help', 'h')
  .strict()
  .wrap(process.stdout.isTTY ? Math.min(120, process.stdout.columns) : 100)
  .fail((text, error) => fail(isOfYargs(error) ? new ConfigError(explain(text)) : error));

try {
  if (args.length === 0) {
    parser.showHelp('error');
    process.exit(1);
  }
  await parser.parseAsync();
} catch (error) {
  fail(error);
}

/** Whether yargs itself found something wrong: it then gives a text, and sometimes an error of its own. */
function isOfYargs(error: Error | undefined): boolean {
  return error === undefined || error.name === 'YError';
}

/** Says what is wrong and ends. What is our own mistake is thrown, with its stack. */
function fail(error: unknown): never {
  const isForPeople = error instanceof ConfigError || error instanceof ListenError || error instanceof ControlError;
  if (!isForPeople) throw error;
  console.error(`${programName}: ${error.message}`);
  process.exit(1);
}

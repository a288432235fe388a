#!/usr/bin/env node
/**
 * The command `pigeonhole`: finds the verb and runs it. Each verb has a file of its own beside this one.
 *
 * Whatever is wrong with what was asked ends in one line on standard error and exit code 1; where the verb is missing
 * or wrong, the list of verbs stands before it.
 */
import yargs from 'yargs';
import { WrongVerb, explain, parsing, programName } from './flags.js';
import { listOfVerbs, verbNames, verbs } from './verbs.js';
import { ConfigError } from '../config/sources.js';
import { ControlError } from '../control/place.js';
import { ListenError } from '../listeners/bind.js';
import { PersistenceError } from '../persistence/persistence-error.js';

const args = process.argv.slice(2);
// What follows `command` belongs to the Redis command, also what looks like a flag.
const verbAt = args.findIndex((arg) => !arg.startsWith('-'));
if (args[verbAt] === 'command' && args[verbAt + 1] !== '--') args.splice(verbAt + 1, 0, '--');
// An expression may begin with a minus. Behind a blank it is no flag.
const expression = args[verbAt + 1];
if (['rpc', 'eval'].includes(args[verbAt]!) && /^-(?!-|h$)/.test(expression ?? '')) args[verbAt + 1] = ` ${expression}`;
const list = listOfVerbs(programName).join('\n');

if (args.length === 0) {
  console.error(list);
  process.exitCode = 1;
} else if (['help', '--help', '-h'].includes(args[0]!)) {
  console.log(list);
} else {
  try {
    await yargs(args)
      .scriptName(programName)
      .usage('$0 <verb> [flags]')
      .parserConfiguration(parsing)
      .command([...verbs])
      .demandCommand(1, '')
      .version(false)
      .help()
      .alias('help', 'h')
      .strict()
      .wrap(process.stdout.isTTY ? Math.min(120, process.stdout.columns) : 100)
      .fail((text, error) => fail(isOfYargs(error) ? explain(text, args, verbNames) : error))
      .parseAsync();
  } catch (error) {
    fail(error);
  }
}

/** Whether yargs itself found something wrong: it then gives a text, and sometimes an error of its own. */
function isOfYargs(error: Error | undefined): boolean {
  return error === undefined || error.name === 'YError';
}

/** Says what is wrong and ends. What is our own mistake is thrown, with its stack. */
function fail(error: unknown): never {
  const isForPeople =
    error instanceof ConfigError || error instanceof ListenError || error instanceof PersistenceError ||
    error instanceof ControlError;
  if (!isForPeople) throw error;
  if (error instanceof WrongVerb) console.error(`${list}\n`);
  console.error(`${programName}: ${error.message}`);
  process.exit(1);
}

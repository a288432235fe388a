/** COMMAND: what the command table knows, told to clients. redis-cli makes its hints from it, routers their routes. */
import { CATEGORIES, categoriesOf, writeCommandInfo, writeWords } from './command-info.js';
import { writeCommandDocs } from './command-docs.js';
import type { Context } from './context.js';
import { helpHandler } from './help.js';
import { KeyPositions, findKeys, hasKeys } from './key-positions.js';
import type { CommandSpec, Handler } from './spec.js';
import type { Command, CommandTable } from './table.js';
import { CommandError, syntaxError } from '../errors.js';
import { Args } from '../protocol/args.js';
import { sliceOf } from '../util/bytes.js';
import { matchesGlob } from '../util/glob.js';

const command: Handler = ({ node }, _args, reply) => {
  const { commands } = node.table;
  reply.array(commands.length);
  for (const each of commands) writeCommandInfo(each, reply);
};

const count: Handler = ({ node }, _args, reply) => reply.integer(node.table.commands.length);

const list: Handler = ({ node }, args, reply) => {
  const names = allCommands(node.table).filter(readFilter(args)).map((each) => each.fullName);
  reply.array(names.length);
  for (const name of names) reply.bulkText(name);
};

/** Commands and subcommands, these behind their container. */
function allCommands(table: CommandTable): Command[] {
  return table.commands.flatMap((each) => [each, ...(each.subcommands?.values() ?? [])]);
}

function readFilter(args: Args): (command: Command) => boolean {
  if (args.count === 2) return () => true;
  if (args.count !== 5 || !args.is(2, 'FILTERBY')) throw syntaxError();
  if (args.is(3, 'MODULE')) return () => false;
  if (args.is(3, 'ACLCAT')) {
    const category = args.text(4).toLowerCase();
    return CATEGORIES.includes(category) ? (each) => categoriesOf(each.spec).includes(category) : () => false;
  }
  if (!args.is(3, 'PATTERN')) throw syntaxError();
  const pattern = args.slice(4);
  return (each) => matchesGlob(pattern, sliceOf(each.fullName), true);
}

const info: Handler = (context, args, reply) => {
  if (args.count === 2) return command(context, args, reply);
  reply.array(args.count - 2);
  for (let i = 2; i < args.count; i++) {
    const found = context.node.table.named(args.text(i));
    if (found === undefined) reply.nil();
    else writeCommandInfo(found, reply);
  }
};

const docs: Handler = ({ node }, args, reply) => {
  const named: (Command | undefined)[] = [];
  for (let i = 2; i < args.count; i++) named.push(node.table.named(args.text(i)));
  const found = args.count === 2 ? node.table.commands : named.filter((each) => each !== undefined);
  reply.map(found.length);
  for (const each of found) {
    reply.bulkText(each.fullName);
    writeCommandDocs(each, reply);
  }
};

const getkeys: Handler = (context, args, reply) => {
  const request = requestWithin(args);
  const keys = keysOf(context, request);
  reply.array(keys.count);
  for (let i = 0; i < keys.count; i++) reply.slice(request.slice(keys.positions[i]!));
};

const getkeysandflags: Handler = (context, args, reply) => {
  const request = requestWithin(args);
  const keys = keysOf(context, request);
  reply.array(keys.count);
  for (let i = 0; i < keys.count; i++) {
    reply.array(2);
    reply.slice(request.slice(keys.positions[i]!));
    writeWords(keys.flags[i]!.split(' '), reply);
  }
};

/** The request that stands behind `COMMAND GETKEYS`. */
function requestWithin(args: Args): Args {
  const request = new Args();
  request.bytes = args.bytes;
  for (let i = 2; i < args.count; i++) request.push(args.offsets[i]!, args.lengths[i]!);
  return request;
}

/** Throws when there is no such command, it takes no keys, or its arguments are wrong. */
function keysOf({ node }: Context, request: Args): KeyPositions {
  const named = node.table.find(request);
  const isContainer = named?.subcommands !== undefined && request.count > 1;
  const found = isContainer ? named.subcommands.get(request.text(1).toLowerCase()) : named;
  if (found === undefined) throw new CommandError('ERR Invalid command specified');
  if (!hasKeys(found)) throw new CommandError('ERR The command has no key arguments');
  if (!found.takes(request.count)) throw new CommandError('ERR Invalid number of arguments specified for command');
  const keys = new KeyPositions();
  findKeys(found, request, keys);
  if (keys.count === 0 && !found.spec.flags.includes('no_mandatory_keys')) {
    throw new CommandError('ERR Invalid arguments specified for command');
  }
  return keys;
}

const help = helpHandler('COMMAND', [
  '(no subcommand)',
  '    Return details about all Redis commands.',
  'COUNT',
  '    Return the total number of commands in this Redis server.',
  'LIST',
  '    Return a list of all commands in this Redis server.',
  'INFO [<command-name> ...]',
  '    Return details about multiple Redis commands.',
  '    If no command names are given, documentation details for all',
  '    commands are returned.',
  'DOCS [<command-name> ...]',
  '    Return documentation details about multiple Redis commands.',
  '    If no command names are given, documentation details for all',
  '    commands are returned.',
  'GETKEYS <full-command>',
  '    Return the keys from a full Redis command.',
  'GETKEYSANDFLAGS <full-command>',
  '    Return the keys and the access flags from a full Redis command.',
]);

/** What the records of this file share. */
const shared = { flags: ['loading', 'stale'], categories: ['connection'], routing: 'local', group: 'server' } as const;
const EACH_LOOKED_UP = 'O(N) where N is the number of commands to look up';
const EACH_ARGUMENT = 'O(N) where N is the number of arguments to the command';
const EACH_COMMAND = 'O(N) where N is the total number of Redis commands';

export const commandCommands: readonly CommandSpec[] = [
  {
    ...shared, name: 'command', arity: -1, tips: ['nondeterministic_output_order'], since: '2.8.13',
    complexity: EACH_COMMAND, summary: 'Describes every command.', handler: command,
    subcommands: [
      {
        ...shared, name: 'count', arity: 2, since: '2.8.13', complexity: 'O(1)', summary: 'Counts the commands.',
        handler: count,
      },
      {
        ...shared, name: 'docs', arity: -2, tips: ['nondeterministic_output_order'], since: '7.0.0',
        complexity: EACH_LOOKED_UP, summary: 'Gives the documentation of commands, of all when none is named.',
        syntax: '[command-name ...]', handler: docs,
      },
      {
        ...shared, name: 'getkeys', arity: -4, since: '2.8.13', complexity: EACH_ARGUMENT,
        summary: 'Gives the keys in a request, which is not run.', handler: getkeys,
      },
      {
        ...shared, name: 'getkeysandflags', arity: -4, since: '7.0.0', complexity: EACH_ARGUMENT,
        summary: 'Gives the keys in a request and what it would do to each.', handler: getkeysandflags,
      },
      {
        ...shared, name: 'help', arity: 2, since: '5.0.0', complexity: 'O(1)',
        summary: 'Lists what COMMAND can do.', handler: help,
      },
      {
        ...shared, name: 'info', arity: -2, tips: ['nondeterministic_output_order'], since: '2.8.13',
        complexity: EACH_LOOKED_UP, summary: 'Describes commands, all when none is named.',
        history: [['7.0.0', 'Allowed to be called with no argument to get info on all commands.']],
        syntax: '[command-name ...]', handler: info,
      },
      {
        ...shared, name: 'list', arity: -2, tips: ['nondeterministic_output_order'], since: '7.0.0',
        complexity: EACH_COMMAND, summary: 'Lists the names of commands, of all or of those that a filter lets through.',
        syntax: '[FILTERBY <MODULE module-name|ACLCAT category|PATTERN pattern>]', handler: list,
      },
    ],
  },
];

/** CLIENT: what a node knows of the connections to it, and what one connection may ask for itself. */
import { readInteger } from './arguments.js';
import { clientTrackingCommands } from './client-tracking.js';
import { readClientName } from './connection.js';
import type { Client, Context, NodeServices } from './context.js';
import { helpHandler } from './help.js';
import type { CommandSpec, Flag, Handler } from './spec.js';
import {
  badClientId, badLibraryText, badPauseMode, badUnblockReason, invalidClientId, negativeTimeout, noSuchClient,
  noSuchUser, notATimeout, subcommandSyntax, syntaxError, unknownClientType, unrecognizedOption,
} from '../errors.js';
import type { Args } from '../protocol/args.js';

const OK = Buffer.from('+OK\r\n');

// ---- of oneself

const id: Handler = ({ client }, _args, reply) => reply.integer(client.id);

const info: Handler = ({ client }, _args, reply) => reply.verbatim('txt', `${client.describe()}\n`);

const getname: Handler = ({ client }, _args, reply) => {
  if (client.name === '') reply.nil();
  else reply.bulkText(client.name);
};

const setname: Handler = ({ client }, args, reply) => {
  client.name = readClientName(args, 2);
  reply.ok();
};

const setinfo: Handler = ({ client }, args, reply) => {
  const option = args.text(2);
  const isName = args.is(2, 'LIB-NAME');
  if (!isName && !args.is(2, 'LIB-VER')) throw unrecognizedOption(option);
  const text = args.text(3);
  if (/[^!-~]/.test(text)) throw badLibraryText(option);
  if (isName) client.libraryName = text;
  else client.libraryVersion = text;
  reply.ok();
};

const setReplies: Handler = ({ client }, args, reply) => {
  if (args.is(2, 'ON')) {
    client.setReplyMode('on');
    reply.ok();
  } else if (args.is(2, 'OFF')) client.setReplyMode('off');
  else if (args.is(2, 'SKIP')) client.setReplyMode('skip');
  else throw syntaxError();
};

const noEvict: Handler = ({ client }, args, reply) => {
  client.isKeptFromEviction = readSwitch(args, 2);
  reply.ok();
};

const noTouch: Handler = ({ client }, args, reply) => {
  client.isUntouching = readSwitch(args, 2);
  reply.ok();
};

function readSwitch(args: Args, index: number): boolean {
  if (args.is(index, 'ON')) return true;
  if (args.is(index, 'OFF')) return false;
  throw syntaxError();
}

// ---- of all clients

/** The kinds that CLIENT LIST and KILL know; there are never any of the last two. */
const KINDS = ['normal', 'pubsub', 'master', 'replica'];

function readKind(args: Args, index: number): string {
  const text = args.text(index).toLowerCase();
  const kind = text === 'slave' ? 'replica' : text;
  if (!KINDS.includes(kind)) throw unknownClientType(args.text(index));
  return kind;
}

const list: Handler = (context, args, reply) => {
  const clients = readListed(context.node, args);
  reply.verbatim('txt', clients.map((client) => `${client.describe()}\n`).join(''));
};

function readListed({ clients }: NodeServices, args: Args): Client[] {
  if (args.count === 2) return [...clients.values()];
  if (args.count === 4 && args.is(2, 'TYPE')) {
    const kind = readKind(args, 3);
    return [...clients.values()].filter((client) => client.kind === kind);
  }
  if (args.count < 4 || !args.is(2, 'ID')) throw syntaxError();
  const listed: Client[] = [];
  for (let index = 3; index < args.count; index++) {
    const client = clients.get(readInteger(args, index, invalidClientId));
    if (client !== undefined) listed.push(client);
  }
  return listed;
}

interface KillFilter {
  id?: number;
  kind?: string;
  address?: string;
  localAddress?: string;
  skipsSelf: boolean;
}

const kill: Handler = (context, args, reply) => {
  // The old form names one address and has OK for a reply; with it a client may end itself.
  const isOldForm = args.count === 3;
  const filter = isOldForm ? { address: args.text(2), skipsSelf: false } : readKillFilter(args);
  let count = 0;
  for (const client of [...context.node.clients.values()]) {
    if (!isKilled(client, filter, context)) continue;
    count++;
    // The client that asks gets its reply first.
    if (client === context.client) client.closeAfterReply();
    else client.destroy();
  }
  if (!isOldForm) reply.integer(count);
  else if (count > 0) reply.ok();
  else throw noSuchClient();
};

function readKillFilter(args: Args): KillFilter {
  const filter: KillFilter = { skipsSelf: true };
  for (let index = 2; index < args.count; index += 2) {
    const value = index + 1;
    if (value === args.count) throw syntaxError();
    if (args.is(index, 'ID')) {
      filter.id = readInteger(args, value, badClientId);
      if (filter.id < 1) throw badClientId();
    } else if (args.is(index, 'TYPE')) filter.kind = readKind(args, value);
    else if (args.is(index, 'ADDR')) filter.address = args.text(value);
    else if (args.is(index, 'LADDR')) filter.localAddress = args.text(value);
    else if (args.is(index, 'USER')) readUser(args, value);
    else if (args.is(index, 'SKIPME')) filter.skipsSelf = readYesOrNo(args, value);
    else throw syntaxError();
  }
  return filter;
}

/** There is one user, so the name filters nobody out. */
function readUser(args: Args, index: number): void {
  if (args.text(index) !== 'default') throw noSuchUser(args.text(index));
}

function readYesOrNo(args: Args, index: number): boolean {
  if (args.is(index, 'YES')) return true;
  if (args.is(index, 'NO')) return false;
  throw syntaxError();
}

function isKilled(client: Client, filter: KillFilter, context: Context): boolean {
  if (filter.id !== undefined && client.id !== filter.id) return false;
  if (filter.kind !== undefined && client.kind !== filter.kind) return false;
  if (filter.address !== undefined && client.address !== filter.address) return false;
  if (filter.localAddress !== undefined && client.localAddress !== filter.localAddress) return false;
  return !(filter.skipsSelf && client === context.client);
}

const pause: Handler = (context, args, reply) => {
  const { node } = context;
  if (args.count > 4) throw subcommandSyntax(args.text(1), 'client');
  const holdsReads = args.count === 3 || readPauseMode(args, 3);
  const timeoutMs = readInteger(args, 2, notATimeout);
  if (timeoutMs < 0) throw negativeTimeout();
  node.pause.begin({
    endsAtMs: node.clock.nowMs() + timeoutMs, holdsReads, patienceMs: node.settings.integer('peer-timeout'),
    expected: node.waits.holders,
  });
  if (node.pause.isSettled) return reply.ok();
  const deferred = context.defer(true);
  node.pause.whenSettled(() => deferred.complete([OK]));
};

function readPauseMode(args: Args, index: number): boolean {
  if (args.is(index, 'ALL')) return true;
  if (args.is(index, 'WRITE')) return false;
  throw badPauseMode();
}

const unpause: Handler = ({ node }, _args, reply) => {
  node.pause.end();
  reply.ok();
};

const unblock: Handler = ({ node }, args, reply) => {
  const withError = args.count === 4 && readUnblockReason(args, 3);
  if (args.count > 4) throw subcommandSyntax(args.text(1), 'client');
  const client = node.clients.get(readInteger(args, 2));
  reply.integer(client?.unblock(withError) === true ? 1 : 0);
};

/** True for ERROR. */
function readUnblockReason(args: Args, index: number): boolean {
  if (args.is(index, 'ERROR')) return true;
  if (args.is(index, 'TIMEOUT')) return false;
  throw badUnblockReason();
}

const help = helpHandler('CLIENT', [
  'CACHING (YES|NO)',
  '    Enable/disable tracking of the keys for next command in OPTIN/OPTOUT modes.',
  'GETREDIR',
  '    Return the client ID we are redirecting to when tracking is enabled.',
  'GETNAME',
  '    Return the name of the current connection.',
  'ID',
  '    Return the ID of the current connection.',
  'INFO',
  '    Return information about the current client connection.',
  'KILL <ip:port>',
  '    Kill connection made from <ip:port>.',
  'KILL <option> <value> [<option> <value> [...]]',
  '    Kill connections. Options are:',
  '    * ADDR (<ip:port>|<unixsocket>:0)',
  '      Kill connections made from the specified address',
  '    * LADDR (<ip:port>|<unixsocket>:0)',
  '      Kill connections made to specified local address',
  '    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)',
  '      Kill connections by type.',
  '    * USER <username>',
  '      Kill connections authenticated by <username>.',
  '    * SKIPME (YES|NO)',
  '      Skip killing current connection (default: yes).',
  'LIST [options ...]',
  '    Return information about client connections. Options:',
  '    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)',
  '      Return clients of specified type.',
  'UNPAUSE',
  '    Stop the current client pause, resuming traffic.',
  'PAUSE <timeout> [WRITE|ALL]',
  '    Suspend all, or just write, clients for <timeout> milliseconds.',
  'REPLY (ON|OFF|SKIP)',
  '    Control the replies sent to the current connection.',
  'SETNAME <name>',
  '    Assign the name <name> to the current connection.',
  'SETINFO <option> <value>',
  '    Set client meta attr. Options are:',
  '    * LIB-NAME: the client lib name.',
  '    * LIB-VER: the client lib version.',
  'UNBLOCK <clientid> [TIMEOUT|ERROR]',
  '    Unblock the specified blocked client.',
  'TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> [...]]',
  '         [OPTIN] [OPTOUT] [NOLOOP]',
  '    Control server assisted client side caching.',
  'TRACKINGINFO',
  '    Report tracking status for the current connection.',
  'NO-EVICT (ON|OFF)',
  '    Protect current client connection from eviction.',
  'NO-TOUCH (ON|OFF)',
  '    Will not touch LRU/LFU stats when this mode is on.',
]);

// ---- the records

const PLAIN: readonly Flag[] = ['noscript', 'loading', 'stale'];
const ADMIN: readonly Flag[] = ['admin', 'noscript', 'loading', 'stale'];
const common = { flags: PLAIN, categories: ['connection'], routing: 'local', group: 'connection', complexity: 'O(1)' } as const;
const KILL_FILTER =
  '<[ID client-id]|[TYPE <NORMAL|MASTER|SLAVE|REPLICA|PUBSUB>]|[USER username]|[ADDR ip:port]|[LADDR ip:port]|' +
  '[SKIPME yes/no]>';
const PER_CLIENT = 'O(N) where N is the number of client connections';

export const clientCommands: readonly CommandSpec[] = [
  {
    ...common, name: 'client', arity: -2, flags: [], categories: [], since: '2.4.0', complexity: 'Depends on subcommand.',
    summary: 'The connections to this node.',
    subcommands: [
      ...clientTrackingCommands,
      { ...common, name: 'getname', arity: 2, since: '2.6.9', summary: "Gives the connection's name.", handler: getname },
      {
        ...common, name: 'help', arity: 2, flags: ['loading', 'stale'], since: '5.0.0', summary: 'Says how CLIENT is used.',
        handler: help,
      },
      { ...common, name: 'id', arity: 2, since: '5.0.0', summary: "Gives the connection's number.", handler: id },
      {
        ...common, name: 'info', arity: 2, since: '6.2.0', tips: ['nondeterministic_output'],
        summary: 'Describes the connection in one line.', handler: info,
      },
      {
        ...common, name: 'kill', arity: -3, flags: ADMIN, since: '2.4.0', complexity: PER_CLIENT, summary: 'Closes connections.',
        syntax: `<ip:port|${KILL_FILTER} [${KILL_FILTER} ...]>`,
        history: [
          ['2.8.12', 'Added new filter format.'],
          ['2.8.12', '`ID` option.'],
          ['3.2.0', 'Added `master` type in for `TYPE` option.'],
          ['5.0.0', 'Replaced `slave` `TYPE` with `replica`. `slave` still supported for backward compatibility.'],
          ['6.2.0', '`LADDR` option.'],
        ],
        handler: kill,
      },
      {
        ...common, name: 'list', arity: -2, flags: ADMIN, since: '2.4.0', complexity: PER_CLIENT,
        tips: ['nondeterministic_output'], summary: 'Describes the connections, one a line.',
        syntax: '[TYPE NORMAL|MASTER|REPLICA|PUBSUB] [ID client-id [client-id ...]]',
        history: [
          ['2.8.12', 'Added unique client `id` field.'],
          ['5.0.0', 'Added optional `TYPE` filter.'],
          ['6.0.0', 'Added `user` field.'],
          ['6.2.0', 'Added `argv-mem`, `tot-mem`, `laddr` and `redir` fields and the optional `ID` filter.'],
          ['7.0.0', 'Added `resp`, `multi-mem`, `rbs` and `rbp` fields.'],
          ['7.0.3', 'Added `ssub` field.'],
        ],
        handler: list,
      },
      {
        ...common, name: 'no-evict', arity: 3, flags: ADMIN, since: '7.0.0',
        summary: 'Keeps the connection when memory is short.', syntax: 'ON|OFF', handler: noEvict,
      },
      {
        ...common, name: 'no-touch', arity: 3, since: '7.2.0', summary: "Keeps the connection's reads from counting as use.",
        syntax: 'ON|OFF', handler: noTouch,
      },
      {
        ...common, name: 'pause', arity: -3, flags: ADMIN, since: '2.9.50',
        summary: 'Lets all requests, or those that write, wait for a time.', syntax: 'timeout:integer [WRITE|ALL]',
        history: [['6.2.0', '`CLIENT PAUSE WRITE` mode added along with the `mode` option.']], handler: pause,
      },
      {
        ...common, name: 'reply', arity: 3, since: '3.2.0', summary: 'Says which replies the connection wants.',
        syntax: 'ON|OFF|SKIP', handler: setReplies,
      },
      {
        ...common, name: 'setinfo', arity: 4, since: '7.2.0', summary: 'Takes down what the client library says of itself.',
        syntax: 'LIB-NAME libname|LIB-VER libver', handler: setinfo,
      },
      {
        ...common, name: 'setname', arity: 3, since: '2.6.9', summary: 'Names the connection.', syntax: 'connection-name',
        handler: setname,
      },
      {
        ...common, name: 'unblock', arity: -3, flags: ADMIN, since: '5.0.0',
        complexity: 'O(log N) where N is the number of client connections',
        summary: 'Ends the waiting of a client that is in a blocking command.',
        syntax: 'client-id:integer [TIMEOUT|ERROR]', handler: unblock,
      },
      {
        ...common, name: 'unpause', arity: 2, flags: ADMIN, since: '6.2.0',
        complexity: 'O(N) Where N is the number of paused clients', summary: 'Ends the pause.', handler: unpause,
      },
    ],
  },
];

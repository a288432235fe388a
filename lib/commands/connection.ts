/** The connection commands: what concerns one client's connection and no data. CLIENT has a file of its own. */
import { readInteger, readIntegerBetween } from './arguments.js';
import { authenticate, mustAuthenticate } from './authentication.js';
import type { CommandSpec, Flag, Handler } from './spec.js';
import { REDIS_VERSION } from '../config/version.js';
import {
  authWithoutPassword, badClientName, databaseIndexOutOfRange, helloNotAuthenticated, helloSyntax, notAProtocolVersion,
  syntaxError, unsupportedProtocol, wrongArity, wrongPassword,
} from '../errors.js';
import type { Args } from '../protocol/args.js';
import type { ReplyWriter } from '../protocol/reply-writer.js';

const ping: Handler = ({ client }, args, reply) => {
  if (args.count > 2) throw wrongArity('ping');
  if (client.subscriptions !== undefined && client.protocol === 2) return pong(args, reply);
  if (args.count === 2) reply.slice(args.slice(1));
  else reply.status('PONG');
};

/** To a RESP2 client that has subscribed everything comes as a message does. */
function pong(args: Args, reply: ReplyWriter): void {
  reply.array(2);
  reply.bulkText('pong');
  if (args.count === 2) reply.slice(args.slice(1));
  else reply.bulkText('');
}

const echo: Handler = (_context, args, reply) => reply.slice(args.slice(1));

const quit: Handler = ({ client }, _args, reply) => {
  reply.ok();
  client.closeAfterReply();
};

const reset: Handler = ({ client }, _args, reply) => {
  client.reset();
  reply.status('RESET');
};

const select: Handler = (context, args, reply) => {
  const db = context.store.databases[readIntegerBetween(args, 1, -(2 ** 31), 2 ** 31 - 1)];
  if (db === undefined) throw databaseIndexOutOfRange();
  context.db = db;
  reply.ok();
};

const auth: Handler = (context, args, reply) => {
  if (args.count > 3) throw syntaxError();
  if (args.count === 2 && context.node.settings.text('requirepass') === '') throw authWithoutPassword();
  const user = args.count === 2 ? 'default' : args.text(1);
  if (!authenticate(context, user, args.text(args.count - 1))) throw wrongPassword();
  reply.ok();
};

const hello: Handler = (context, args, reply) => {
  const { protocol, user, password, name } = readHello(args);
  if (user !== undefined && !authenticate(context, user, password!)) throw wrongPassword();
  if (mustAuthenticate(context)) throw helloNotAuthenticated();
  const { client } = context;
  if (name !== undefined) client.name = name;
  if (protocol !== undefined) client.protocol = reply.protocol = protocol;
  reply.map(7);
  reply.bulkText('server');
  reply.bulkText('redis');
  reply.bulkText('version');
  reply.bulkText(REDIS_VERSION);
  reply.bulkText('proto');
  reply.integer(client.protocol);
  reply.bulkText('id');
  reply.integer(client.id);
  reply.bulkText('mode');
  reply.bulkText('standalone');
  reply.bulkText('role');
  reply.bulkText('master');
  reply.bulkText('modules');
  reply.array(0);
};

interface Hello {
  protocol?: 2 | 3;
  user?: string;
  password?: string;
  name?: string;
}

function readHello(args: Args): Hello {
  const read: Hello = {};
  if (args.count > 1) {
    const version = readInteger(args, 1, notAProtocolVersion);
    if (version !== 2 && version !== 3) throw unsupportedProtocol();
    read.protocol = version;
  }
  for (let at = 2; at < args.count; at++) {
    const more = args.count - 1 - at;
    if (args.is(at, 'AUTH') && more >= 2) {
      read.user = args.text(++at);
      read.password = args.text(++at);
    } else if (args.is(at, 'SETNAME') && more >= 1) read.name = readClientName(args, ++at);
    else throw helloSyntax(args.text(at));
  }
  return read;
}

/** A client's name: printable ASCII without blanks. Throws badClientName(). */
export function readClientName(args: Args, index: number): string {
  const name = args.text(index);
  if (/[^!-~]/.test(name)) throw badClientName();
  return name;
}

const HANDSHAKE: readonly Flag[] = ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy'];

const common = { categories: ['connection'], routing: 'local', group: 'connection', complexity: 'O(1)' } as const;

export const connectionCommands: readonly CommandSpec[] = [
  {
    ...common, name: 'auth', arity: -2, flags: HANDSHAKE, since: '1.0.0',
    complexity: 'O(N) where N is the number of passwords defined for the user',
    summary: 'Shows the password, and with it who the client is.', syntax: '[username] password',
    history: [['6.0.0', 'Added ACL style (username and password).']], handler: auth,
  },
  {
    ...common, name: 'echo', arity: 2, flags: ['loading', 'stale', 'fast'], since: '1.0.0',
    summary: 'Answers with the text that it is given.', syntax: 'message', handler: echo,
  },
  {
    ...common, name: 'hello', arity: -1, flags: HANDSHAKE, since: '6.0.0',
    summary: 'Agrees on the protocol, and may authenticate and name the connection in the same breath.',
    syntax: '[protover [AUTH username password] [SETNAME clientname]]',
    history: [['6.2.0', "`protover` made optional; when called without arguments the command reports the current connection's context."]],
    handler: hello,
  },
  {
    ...common, name: 'ping', arity: -1, flags: ['fast'], since: '1.0.0',
    tips: ['request_policy:all_shards', 'response_policy:all_succeeded'],
    summary: 'Answers, so that a client knows that the node is there.', syntax: '[message]', handler: ping,
  },
  {
    ...common, name: 'quit', arity: -1, flags: HANDSHAKE, since: '1.0.0',
    summary: 'Ends the connection after its last reply.', handler: quit,
  },
  {
    ...common, name: 'reset', arity: 1, flags: HANDSHAKE, since: '6.2.0',
    summary: 'Makes the connection as good as new: database 0, RESP2, no name, not authenticated.', handler: reset,
  },
  {
    ...common, name: 'select', arity: 2, flags: ['loading', 'stale', 'fast'], since: '1.0.0',
    summary: "Chooses the connection's database.", syntax: 'index', handler: select,
  },
];

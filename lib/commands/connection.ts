/** The connection commands: what concerns one client's connection and no data. */
import type { CommandSpec, Handler } from './spec.js';
import { wrongArity } from '../errors.js';

const ping: Handler = (_context, args, reply) => {
  if (args.count > 2) throw wrongArity('ping');
  if (args.count === 2) reply.slice(args.slice(1));
  else reply.status('PONG');
};

export const connectionCommands: readonly CommandSpec[] = [
  {
    name: 'ping', arity: -1, flags: ['fast'], categories: ['connection'], routing: 'local', group: 'connection',
    since: '1.0.0', complexity: 'O(1)', summary: 'Answers, so that a client knows that the node is there.',
    syntax: '[message]', handler: ping,
  },
];

/** Requests for every command of the table, from its own syntax, with arguments that it must survive. */
import { isNewer, isSoon } from './accepted-replies.js';
import { Draw } from './draw.js';
import { Syntax } from './syntax.js';
import { mangle, nasty } from './words.js';
import type { Command, CommandTable } from '../../lib/commands/table.js';
import { seededRandom } from '../../lib/util/random.js';
import { OURS } from '../support/accepted-differences.js';

/**
 * What these do to the connection or the node would keep the next request from being answered; and unsubscribing has
 * a reply for each channel.
 */
const LEFT_OUT = new Set([
  'quit', 'shutdown', 'monitor', 'reset', 'auth', 'hello', 'subscribe', 'psubscribe', 'ssubscribe', 'multi', 'client|reply',
  'client|kill', 'client|pause', 'debug', 'config|set', 'config|rewrite', 'acl|setuser', 'acl|deluser', 'acl|load', 'sync', 'psync',
  'replicaof', 'slaveof', 'failover', 'blpop', 'brpop', 'blmove', 'brpoplpush', 'blmpop', 'bzpopmin', 'bzpopmax', 'bzmpop',
  'wait', 'xread', 'xreadgroup',
  // Other machines and the disk are left in peace.
  'migrate', 'save', 'bgsave',
  'unsubscribe', 'punsubscribe', 'sunsubscribe',
]);

/** Buckets of every type that there is, for the others to trip over. */
const FIRST = ['SET a 1', 'SET b foobar', 'HSET c f 1 g x', 'APPEND d 10'];

/** `length` requests that `seed` stands for. */
export function nastyRequests(table: CommandTable, seed: number, length: number): string[][] {
  const draw = new Draw(seededRandom(seed));
  const commands = table.commands.flatMap(leaves).filter(({ fullName, parent }) => {
    return !LEFT_OUT.has(fullName) && !(parent !== undefined && LEFT_OUT.has(parent.name));
  });
  const requests = FIRST.map((line) => line.split(' '));
  while (requests.length < length) requests.push(nastyRequest(draw.pick(commands), draw));
  return requests;
}

function nastyRequest(command: Command, draw: Draw): string[] {
  const args = new Syntax(command.spec.syntax ?? '').request(draw, nasty);
  const request = [...command.fullName.toUpperCase().split('|'), ...args];
  return draw.chance(0.3) ? mangle(request, draw) : request;
}

function leaves(command: Command): Command[] {
  return command.subcommands === undefined ? [command] : [...command.subcommands.values()];
}

const DATA = new Set([
  'string', 'bitmap', 'hash', 'list', 'set', 'sorted-set', 'stream', 'geo', 'hyperloglog', 'generic',
]);

/** What they leave or answer is chance, or not defined where scores differ; or they ask other machines. */
const NOT_COMPARED = new Set([
  'spop', 'migrate', 'sort', 'sort_ro', 'zrangebylex', 'zrevrangebylex', 'zremrangebylex', 'zlexcount',
]);
const NOT_COMPARED_WITH = /^(bylex|storedist|\*)$/i;

/** Of `nastyRequests` those of data types whose replies can be compared with redis-server's. */
export function nastyDataRequests(table: CommandTable, seed: number, length: number): string[][] {
  return nastyRequests(table, seed, length).filter((request) => {
    const command = table.named(request[0]!)!;
    if (!DATA.has(command.spec.group) || NOT_COMPARED.has(command.name)) return false;
    if (OURS.includes(command.name) || isNewer(request)) return false;
    return !isSoon(request) && !request.some((arg) => NOT_COMPARED_WITH.test(arg));
  });
}

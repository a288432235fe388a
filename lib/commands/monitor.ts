/** MONITOR: clients that are shown every command that the node runs. */
import type { Client } from './context.js';
import type { CommandSpec, Handler } from './spec.js';
import type { Command } from './table.js';
import { monitorNotInTransactions } from '../errors.js';
import type { Args } from '../protocol/args.js';
import { quoted } from '../protocol/inline-request.js';
import type { Clock } from '../util/clock.js';

/** A monitor is shown so many bytes of an argument, and how many more there are. */
const SHOWN_BYTES_MAX = 1024 * 1024;

export class Monitors {
  /** How many clients watch; looked at after every command. */
  count = 0;
  private readonly clients = new Set<Client>();

  constructor(private readonly clock: Clock) {}

  add(client: Client): void {
    client.isMonitor = true;
    this.clients.add(client);
    this.count = this.clients.size;
  }

  remove(client: Client): void {
    client.isMonitor = false;
    this.clients.delete(client);
    this.count = this.clients.size;
  }

  /** Shows a command that has just run. Administrative ones are not shown, passwords neither. */
  show(client: Client, database: number, command: Command, args: Args): void {
    if (!command.isShownToMonitors) return;
    const nowMs = this.clock.nowMs();
    const micros = Math.floor(this.clock.elapsedUs() % 1000);
    const moment = `${Math.floor(nowMs / 1000)}.${String((nowMs % 1000) * 1000 + micros).padStart(6, '0')}`;
    const shown = shownArgs(command, args, args.count, SHOWN_BYTES_MAX).map(quoted).join(' ');
    const line = Buffer.from(`+${moment} [${database} ${client.address}] ${shown}\r\n`, 'latin1');
    for (const monitor of this.clients) monitor.push(line);
  }
}

/**
 * The first `count` arguments as latin1 text for MONITOR and the slowlog, with passwords replaced; of each at most
 * `bytesMax` bytes, and then how many more it has.
 */
export function shownArgs(command: Command, args: Args, count: number, bytesMax: number): string[] {
  const shown: string[] = [];
  for (let index = 0; index < count; index++) {
    const length = args.lengths[index]!;
    const rest = length > bytesMax ? `... (${length - bytesMax} more bytes)` : '';
    shown.push(isPassword(command, args, index) ? '(redacted)' : args.textStart(index, bytesMax) + rest);
  }
  return shown;
}

/** AUTH hides all its arguments; HELLO the two behind the word AUTH. */
function isPassword(command: Command, args: Args, index: number): boolean {
  if (index === 0) return false;
  if (command.name === 'auth') return true;
  if (command.name !== 'hello') return false;
  return (index > 2 && args.is(index - 1, 'AUTH')) || (index > 3 && args.is(index - 2, 'AUTH'));
}

const monitor: Handler = ({ client, mayWait, node }, _args, reply) => {
  if (!mayWait) throw monitorNotInTransactions();
  // A second MONITOR of the same client has no reply, as in redis-server.
  if (client.isMonitor) return;
  node.monitors.add(client);
  reply.ok();
};

export const monitorCommands: readonly CommandSpec[] = [
  {
    name: 'monitor', arity: 1, flags: ['admin', 'noscript', 'loading', 'stale'], categories: [], routing: 'local',
    group: 'server', since: '1.0.0', complexity: '', summary: 'Shows every command that the node runs, as it runs it.',
    handler: monitor,
  },
];

/** The slowlog, the last commands that took longer than `slowlog-log-slower-than`, and SLOWLOG, which shows it. */
import { readInteger } from './arguments.js';
import type { Client } from './context.js';
import { helpHandler } from './help.js';
import { shownArgs } from './monitor.js';
import type { CommandSpec, Flag, Handler } from './spec.js';
import type { Command } from './table.js';
import type { Settings } from '../config/settings.js';
import { badSlowlogCount, subcommandSyntax } from '../errors.js';
import type { Args } from '../protocol/args.js';

/** Arguments that an entry keeps, and bytes of each; the rest is only counted, as redis-server does. */
const ARGS_KEPT = 32;
const BYTES_KEPT = 128;

export interface SlowlogEntry {
  readonly id: number;
  readonly atSeconds: number;
  readonly durationUs: number;
  /** Shortened, latin1. */
  readonly args: readonly string[];
  readonly address: string;
  readonly clientName: string;
}

export class Slowlog {
  /** In microseconds; a negative one switches the log off. */
  slowerThanUs = 0;
  private lengthMax = 0;
  private nextId = 0;
  /** The newest first. */
  private entries: SlowlogEntry[] = [];

  constructor(settings: Settings) {
    settings.watch('slowlog-log-slower-than', () => (this.slowerThanUs = settings.integer('slowlog-log-slower-than')));
    settings.watch('slowlog-max-len', () => {
      this.lengthMax = settings.integer('slowlog-max-len');
      this.entries.length = Math.min(this.entries.length, this.lengthMax);
    });
  }

  get length(): number {
    return this.entries.length;
  }

  isSlow(durationUs: number): boolean {
    return this.slowerThanUs >= 0 && durationUs >= this.slowerThanUs;
  }

  add(client: Client, command: Command, args: Args, durationUs: number, nowMs: number): void {
    this.entries.unshift({
      id: this.nextId++,
      atSeconds: Math.floor(nowMs / 1000),
      durationUs: Math.round(durationUs),
      args: shortened(command, args),
      address: client.address,
      clientName: client.name,
    });
    if (this.entries.length > this.lengthMax) this.entries.length = this.lengthMax;
  }

  newest(count: number): readonly SlowlogEntry[] {
    return count < 0 ? this.entries : this.entries.slice(0, count);
  }

  clear(): void {
    this.entries = [];
  }
}

function shortened(command: Command, args: Args): string[] {
  const kept = args.count > ARGS_KEPT ? ARGS_KEPT - 1 : args.count;
  const shown = shownArgs(command, args, kept, BYTES_KEPT);
  if (kept < args.count) shown.push(`... (${args.count - kept} more arguments)`);
  return shown;
}

const get: Handler = ({ node }, args, reply) => {
  if (args.count > 3) throw subcommandSyntax(args.text(1), 'slowlog');
  let count = 10;
  if (args.count === 3) {
    count = readInteger(args, 2, badSlowlogCount);
    if (count < -1) throw badSlowlogCount();
  }
  const entries = node.slowlog.newest(count);
  reply.array(entries.length);
  for (const entry of entries) {
    reply.array(6);
    reply.integer(entry.id);
    reply.integer(entry.atSeconds);
    reply.integer(entry.durationUs);
    reply.array(entry.args.length);
    for (const arg of entry.args) reply.bulkText(arg);
    reply.bulkText(entry.address);
    reply.bulkText(entry.clientName);
  }
};

const len: Handler = ({ node }, _args, reply) => reply.integer(node.slowlog.length);

const reset: Handler = ({ node }, _args, reply) => {
  node.slowlog.clear();
  reply.ok();
};

const help = helpHandler('SLOWLOG', [
  'GET [<count>]',
  '    Return top <count> entries from the slowlog (default: 10, -1 mean all).',
  '    Entries are made of:',
  '    id, timestamp, time in microseconds, arguments array, client IP and port,',
  '    client name',
  'LEN',
  '    Return the length of the slowlog.',
  'RESET',
  '    Reset the slowlog.',
]);

const ADMIN: readonly Flag[] = ['admin', 'loading', 'stale'];
const common = { categories: [], routing: 'local', group: 'server', since: '2.2.12' } as const;

export const slowlogCommands: readonly CommandSpec[] = [
  {
    ...common, name: 'slowlog', arity: -2, flags: [], complexity: 'Depends on subcommand.',
    summary: 'Commands that took long.',
    subcommands: [
      {
        ...common, name: 'get', arity: -2, flags: ADMIN, tips: ['request_policy:all_nodes', 'nondeterministic_output'],
        complexity: 'O(N) where N is the number of entries returned', summary: 'Lists the commands that took long, newest first.',
        syntax: '[count]', history: [['4.0.0', 'Added client IP address, port and name to the reply.']], handler: get,
      },
      {
        ...common, name: 'help', arity: 2, flags: ['loading', 'stale'], since: '6.2.0', complexity: 'O(1)',
        summary: 'Says how SLOWLOG is used.', handler: help,
      },
      {
        ...common, name: 'len', arity: 2, flags: ADMIN, complexity: 'O(1)',
        tips: ['request_policy:all_nodes', 'response_policy:agg_sum', 'nondeterministic_output'],
        summary: 'Counts the entries of the slowlog.', handler: len,
      },
      {
        ...common, name: 'reset', arity: 2, flags: ADMIN,
        tips: ['request_policy:all_nodes', 'response_policy:all_succeeded'], complexity: 'O(N) where N is the number of entries in the slowlog',
        summary: 'Empties the slowlog.', handler: reset,
      },
    ],
  },
];

/**
 * The latency monitor, events that took longer than `latency-monitor-threshold`, and LATENCY, which shows them and the
 * histograms of the commands.
 */
import type { Context } from './context.js';
import { helpHandler } from './help.js';
import { latencyGraph } from './latency-graph.js';
import type { CommandSpec, Flag, Handler } from './spec.js';
import type { Command } from './table.js';
import type { Settings } from '../config/settings.js';
import { noLatencySamples } from '../errors.js';
import type { ReplyWriter } from '../protocol/reply-writer.js';

const SAMPLES_KEPT = 160;

export interface LatencySample {
  readonly atSeconds: number;
  latencyMs: number;
}

interface LatencyEvent {
  samples: LatencySample[];
  maxMs: number;
}

export class LatencyMonitor {
  /** 0 switches the monitor off. */
  thresholdMs = 0;
  readonly events = new Map<string, LatencyEvent>();

  constructor(settings: Settings) {
    settings.watch('latency-monitor-threshold', () => (this.thresholdMs = settings.integer('latency-monitor-threshold')));
  }

  isSlow(durationUs: number): boolean {
    return this.thresholdMs > 0 && durationUs >= this.thresholdMs * 1000;
  }

  /** Of the samples of one second the worst is kept. */
  add(name: string, durationUs: number, nowMs: number): void {
    const latencyMs = Math.floor(durationUs / 1000);
    const atSeconds = Math.floor(nowMs / 1000);
    let event = this.events.get(name);
    if (event === undefined) this.events.set(name, (event = { samples: [], maxMs: 0 }));
    event.maxMs = Math.max(event.maxMs, latencyMs);
    const last = event.samples[event.samples.length - 1];
    if (last?.atSeconds === atSeconds) {
      last.latencyMs = Math.max(last.latencyMs, latencyMs);
      return;
    }
    event.samples.push({ atSeconds, latencyMs });
    if (event.samples.length > SAMPLES_KEPT) event.samples.shift();
  }
}

const doctor: Handler = ({ node }, _args, reply) => {
  const { latency } = node;
  if (latency.events.size > 0) return reply.verbatim('txt', report(latency));
  reply.verbatim(
    'txt',
    latency.thresholdMs === 0
      ? 'Latency monitoring is off. "CONFIG SET latency-monitor-threshold <milliseconds>" switches it on.\n'
      : `No event has taken ${latency.thresholdMs} ms or longer.\n`,
  );
};

/** One paragraph an event, and what can be done about it. */
function report({ events, thresholdMs }: LatencyMonitor): string {
  const lines = [...events].map(([name, { samples, maxMs }], index) => {
    const latencies = samples.map((sample) => sample.latencyMs);
    const average = latencies.reduce((sum, each) => sum + each, 0) / latencies.length;
    const deviation = latencies.reduce((sum, each) => sum + Math.abs(each - average), 0) / latencies.length;
    return (
      `${index + 1}. ${name}: ${samples.length} latency spikes (average ${Math.round(average)}ms, ` +
      `mean deviation ${Math.round(deviation)}ms). Worst all time event ${maxMs}ms.\n`
    );
  });
  return (
    `Events that took ${thresholdMs} ms or longer:\n\n${lines.join('')}\n` +
    'SLOWLOG GET shows the commands that took long, with their arguments.\n' +
    'LATENCY GRAPH <event> and LATENCY HISTORY <event> show when it happened.\n'
  );
}

const graph: Handler = ({ node }, args, reply) => {
  const name = args.text(2);
  const event = node.latency.events.get(name);
  if (event === undefined) throw noLatencySamples(name);
  reply.verbatim('txt', latencyGraph(name, event.samples, event.maxMs, Math.floor(node.clock.nowMs() / 1000)));
};

const history: Handler = ({ node }, args, reply) => {
  const samples = node.latency.events.get(args.text(2))?.samples ?? [];
  reply.array(samples.length);
  for (const { atSeconds, latencyMs } of samples) {
    reply.array(2);
    reply.integer(atSeconds);
    reply.integer(latencyMs);
  }
};

const latest: Handler = ({ node }, _args, reply) => {
  const { events } = node.latency;
  reply.array(events.size);
  for (const [name, { samples, maxMs }] of events) {
    const last = samples[samples.length - 1]!;
    reply.array(4);
    reply.bulkText(name);
    reply.integer(last.atSeconds);
    reply.integer(last.latencyMs);
    reply.integer(maxMs);
  }
};

const reset: Handler = ({ node }, args, reply) => {
  const { events } = node.latency;
  if (args.count === 2) {
    reply.integer(events.size);
    events.clear();
    return;
  }
  let count = 0;
  for (let index = 2; index < args.count; index++) if (events.delete(args.text(index))) count++;
  reply.integer(count);
};

const histogram: Handler = (context, args, reply) => {
  const names: string[] = [];
  for (let index = 2; index < args.count; index++) names.push(args.text(index));
  const commands = timedCommands(context, names);
  reply.map(commands.length);
  for (const command of commands) writeHistogram(reply, command);
};

/** The commands of these names (a container stands for its subcommands), or all, without those that never ran. */
function timedCommands({ node }: Context, names: readonly string[]): Command[] {
  const { table } = node;
  const chosen = names.length === 0 ? table.commands : names.flatMap((name) => table.named(name) ?? []);
  return chosen
    .flatMap((command) => (command.subcommands === undefined ? [command] : [...command.subcommands.values()]))
    .filter((command) => command.latency !== undefined && command.latency.count > 0);
}

function writeHistogram(reply: ReplyWriter, { fullName, latency }: Command): void {
  const steps = latency!.cumulative();
  reply.bulkText(fullName);
  reply.map(2);
  reply.bulkText('calls');
  reply.integer(latency!.count);
  reply.bulkText('histogram_usec');
  reply.map(steps.length);
  for (const [upToUs, count] of steps) {
    reply.integer(upToUs);
    reply.integer(count);
  }
}

const help = helpHandler('LATENCY', [
  'DOCTOR',
  '    Return a human readable latency analysis report.',
  'GRAPH <event>',
  '    Return an ASCII latency graph for the <event> class.',
  'HISTORY <event>',
  '    Return time-latency samples for the <event> class.',
  'LATEST',
  '    Return the latest latency samples for all events.',
  'RESET [<event> ...]',
  '    Reset latency data of one or more <event> classes.',
  '    (default: reset all data for all event classes)',
  'HISTOGRAM [COMMAND ...]',
  '    Return a cumulative distribution of latencies in the format of a histogram for the specified command names.',
  '    If no commands are specified then all histograms are replied.',
]);

const ADMIN: readonly Flag[] = ['admin', 'noscript', 'loading', 'stale'];
const common = {
  flags: ADMIN, categories: [], routing: 'local', group: 'server', since: '2.8.13', complexity: 'O(1)',
} as const;
const shown = {
  ...common, tips: ['nondeterministic_output', 'request_policy:all_nodes', 'response_policy:special'],
} as const;

export const latencyCommands: readonly CommandSpec[] = [
  {
    ...common, name: 'latency', arity: -2, flags: [], complexity: 'Depends on subcommand.', summary: 'What took long, and when.',
    subcommands: [
      { ...shown, name: 'doctor', arity: 2, summary: 'Reports what took long in words.', handler: doctor },
      { ...shown, name: 'graph', arity: 3, summary: 'Draws the latencies of an event.', syntax: 'event', handler: graph },
      { ...common, name: 'help', arity: 2, flags: ['loading', 'stale'], summary: 'Says how LATENCY is used.', handler: help },
      {
        ...shown, name: 'histogram', arity: -2, since: '7.0.0',
        complexity: 'O(N) where N is the number of commands with latency information being retrieved.',
        summary: 'Gives the distribution of how long commands took.', syntax: '[command [command ...]]', handler: histogram,
      },
      { ...shown, name: 'history', arity: 3, summary: 'Lists the latencies of an event.', syntax: 'event', handler: history },
      { ...shown, name: 'latest', arity: 2, summary: 'Gives the latest latency of every event.', handler: latest },
      {
        ...common, name: 'reset', arity: -2, tips: ['request_policy:all_nodes', 'response_policy:all_succeeded'],
        summary: 'Forgets the latencies of some or all events.',
        syntax: '[event [event ...]]', handler: reset,
      },
    ],
  },
];

/** MEMORY: where a node's memory goes. */
import { readInteger } from './arguments.js';
import type { Context } from './context.js';
import { helpHandler } from './help.js';
import { memoryUse } from './memory-use.js';
import { type CommandSpec, type Handler, oneKey } from './spec.js';
import { syntaxError } from '../errors.js';
import type { ReplyWriter } from '../protocol/reply-writer.js';
import { valueTypeOf } from '../store/value-types.js';
import { formatDouble } from '../util/numbers.js';

/** Exact, so there is nothing to sample: SAMPLES is read and changes nothing. */
const usage: Handler = (context, args, reply) => {
  for (let i = 3; i < args.count; i += 2) {
    if (!args.is(i, 'SAMPLES') || i + 1 === args.count) throw syntaxError();
    if (readInteger(args, i + 1) < 0) throw syntaxError();
  }
  const { db } = context;
  const ref = db.peek(args.slice(2));
  if (ref === 0) return reply.nil();
  reply.integer(valueTypeOf(db, ref).bytes(db, ref) + Math.round(db.indexBytes / db.size));
};

type Figure = number | { ratio: number } | Map<string, Figure>;

const stats: Handler = (context, _args, reply) => writeFigures(figures(context), reply);

/** The names are redis-server's; what this node does not have is 0. */
function figures(context: Context): Map<string, Figure> {
  const { store, node } = context;
  const { used, indexes, clients, data, held, program, resident, peak } = memoryUse(context);
  const keys = store.databases.reduce((sum, db) => sum + db.size, 0);
  const inProcess = used + program;
  const databases = store.databases.filter((db) => db.size > 0).map((db): [string, Figure] => [
    `db.${db.index}`,
    new Map([
      ['overhead.hashtable.main', db.indexBytes],
      ['overhead.hashtable.expires', db.expiringIndexBytes],
      ['overhead.hashtable.slot-to-keys', 0],
    ]),
  ]);
  return new Map<string, Figure>([
    ['peak.allocated', peak],
    ['total.allocated', used],
    ['startup.allocated', node.stats.usedBytesAtStart],
    ['replication.backlog', 0],
    ['clients.slaves', 0],
    ['clients.normal', clients],
    ['cluster.links', 0],
    ['aof.buffer', 0],
    ['lua.caches', 0],
    ['functions.caches', 0],
    ...databases,
    ['overhead.total', indexes + clients],
    ['keys.count', keys],
    ['keys.bytes-per-key', keys === 0 ? 0 : Math.floor((used - clients) / keys)],
    ['dataset.bytes', data],
    ['dataset.percentage', { ratio: (100 * data) / used }],
    ['peak.percentage', { ratio: (100 * used) / peak }],
    ['allocator.allocated', used],
    ['allocator.active', held],
    ['allocator.resident', resident],
    ['allocator-fragmentation.ratio', { ratio: held / used }],
    ['allocator-fragmentation.bytes', held - used],
    ['allocator-rss.ratio', { ratio: resident / held }],
    ['allocator-rss.bytes', resident - held],
    ['rss-overhead.ratio', { ratio: 1 }],
    ['rss-overhead.bytes', 0],
    ['fragmentation', { ratio: resident / inProcess }],
    ['fragmentation.bytes', resident - inProcess],
  ]);
}

function writeFigures(all: Map<string, Figure>, reply: ReplyWriter): void {
  reply.map(all.size);
  for (const [name, figure] of all) {
    reply.bulkText(name);
    if (typeof figure === 'number') reply.integer(figure);
    else if (figure instanceof Map) writeFigures(figure, reply);
    else reply.double(formatDouble(figure.ratio));
  }
}

const MIB = 2 ** 20;
/** With less than this in the arena, ratios say nothing. */
const DATA_BYTES_MIN = 16 * MIB;

const doctor: Handler = (context, _args, reply) => reply.verbatim('txt', `${findings(context).join('\n')}\n`);

function findings(context: Context): string[] {
  const { store: { arena, reclaimer }, node } = context;
  const { used, data, program, resident, peak } = memoryUse(context);
  if (data < DATA_BYTES_MIN) return ['There is too little data in this node to judge how its memory is used.'];
  const found: string[] = [];
  if (peak > used * 1.5) {
    found.push(`Peak: at most ${inMib(peak)} were in use, now it is ${inMib(used)}. What is freed is used again.`);
  }
  if (arena.heldBytes > arena.usedBytes * 1.4) {
    found.push(`Gaps: the arena holds ${inMib(arena.heldBytes)} for ${inMib(arena.usedBytes)}. New data fills the gaps.`);
  }
  if (resident > (used + program) * 1.4) {
    found.push(`Resident: the system counts ${inMib(resident)}, ${inMib(used + program)} are used. MEMORY PURGE may help.`);
  }
  const limitBytes = node.settings.integer('maxmemory');
  if (limitBytes > 0 && used > limitBytes) {
    found.push(`Limit: ${inMib(used)} are used and maxmemory is ${inMib(limitBytes)}. Eviction cannot keep up, or nothing may go.`);
  }
  if (reclaimer.pending > 0) found.push('Reclaiming: deleted data is still being freed in the background.');
  return found.length > 0 ? found : ['No memory issues found.'];
}

function inMib(bytes: number): string {
  return `${(bytes / MIB).toFixed(1)} MiB`;
}

const mallocStats: Handler = ({ store: { arena } }, _args, reply) => {
  const lines = [
    'Arena (data):', `  used: ${arena.usedBytes} bytes in blocks`, `  held: ${arena.heldBytes} bytes in segments`,
    'Process:', ...Object.entries(process.memoryUsage()).map(([name, bytes]) => `  ${name}: ${bytes} bytes`),
  ];
  reply.verbatim('txt', `${lines.join('\n')}\n`);
};

const purge: Handler = ({ store }, _args, reply) => {
  store.arena.releaseSpares();
  reply.ok();
};

const help = helpHandler('MEMORY', [
  'DOCTOR',
  '    Return memory problems reports.',
  'MALLOC-STATS',
  '    Return internal statistics report from the memory allocator.',
  'PURGE',
  '    Attempt to purge dirty pages for reclamation by the allocator.',
  'STATS',
  '    Return information about the memory usage of the server.',
  'USAGE <key> [SAMPLES <count>]',
  '    Return memory in bytes used by <key> and its value. Nested values are',
  '    sampled up to <count> times (default: 5, 0 means sample all).',
]);

const common = { flags: [], categories: [], routing: 'local', group: 'server', since: '4.0.0' } as const;
const REPORT_TIPS = ['nondeterministic_output', 'request_policy:all_shards', 'response_policy:special'];
const SLOW = 'Depends on how much memory is allocated, could be slow';

export const memoryCommands: readonly CommandSpec[] = [
  {
    ...common, name: 'memory', arity: -2, complexity: 'Depends on subcommand.', summary: 'Shows how memory is used.',
    subcommands: [
      {
        ...common, name: 'doctor', arity: 2, tips: REPORT_TIPS, complexity: 'O(1)',
        summary: 'Says in words what is odd about the use of memory.', handler: doctor,
      },
      {
        ...common, name: 'help', arity: 2, flags: ['loading', 'stale'], complexity: 'O(1)',
        summary: 'Lists what MEMORY can do.', handler: help,
      },
      {
        ...common, name: 'malloc-stats', arity: 2, tips: REPORT_TIPS, complexity: SLOW,
        summary: 'Gives the figures of the arena and of the process.', handler: mallocStats,
      },
      {
        ...common, name: 'purge', arity: 2, routing: 'all_shards', merge: 'all_succeeded',
        tips: ['request_policy:all_shards', 'response_policy:all_succeeded'],
        complexity: SLOW, summary: 'Gives memory that is held for later back to the system.', handler: purge,
      },
      {
        ...common, name: 'stats', arity: 2, tips: REPORT_TIPS, complexity: 'O(1)',
        summary: 'Gives the figures of the use of memory.', handler: stats,
      },
      {
        ...common, name: 'usage', arity: -3, flags: ['readonly'], keys: oneKey('RO', 2), routing: 'one_shard',
        complexity: 'O(N) where N is the number of samples.', summary: 'Says how many bytes a bucket takes.',
        syntax: 'key [SAMPLES count]', handler: usage,
      },
    ],
  },
];

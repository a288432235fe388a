/** INFO and ROLE: the state of a node in figures, with the field names that tools for Redis parse. */
import { availableParallelism, release, totalmem, type as systemName } from 'node:os';
import type { AppendLogServices } from './append-log-services.js';
import type { Context, NodeServices, RunningSnapshot } from './context.js';
import { memoryUse } from './memory-use.js';
import type { CommandSpec, Handler } from './spec.js';
import type { Command, CommandTable } from './table.js';
import { PIGEONHOLE_VERSION, REDIS_VERSION } from '../config/version.js';
import type { Args } from '../protocol/args.js';

type Fields = Record<string, string | number>;

/** A section's title and what it says. */
interface Section {
  title: string;
  fields: (context: Context) => Fields;
}

/** In the order in which they are printed. Those that are not `isDefault` come with `all`. */
const SECTIONS: readonly (Section & { isDefault: boolean })[] = [
  { title: 'Server', fields: server, isDefault: true },
  { title: 'Clients', fields: clients, isDefault: true },
  { title: 'Memory', fields: memory, isDefault: true },
  { title: 'Persistence', fields: persistence, isDefault: true },
  { title: 'Stats', fields: stats, isDefault: true },
  { title: 'Replication', fields: replication, isDefault: true },
  { title: 'CPU', fields: cpu, isDefault: true },
  { title: 'Modules', fields: () => ({}), isDefault: true },
  { title: 'Commandstats', fields: commandStats, isDefault: false },
  { title: 'Errorstats', fields: errorStats, isDefault: true },
  { title: 'Latencystats', fields: latencyStats, isDefault: false },
  { title: 'Cluster', fields: () => ({ cluster_enabled: 0 }), isDefault: true },
  { title: 'Shards', fields: shards, isDefault: true },
  { title: 'Keyspace', fields: keyspace, isDefault: true },
];

const info: Handler = (context, args, reply) => {
  const texts = chosenSections(args).map(({ title, fields }) => {
    const lines = Object.entries(fields(context)).map(([name, value]) => `${name}:${value}\r\n`);
    return `# ${title}\r\n${lines.join('')}`;
  });
  reply.verbatim('txt', texts.join('\r\n'));
};

/** The sections that the arguments name; the default ones without arguments. Unknown names are passed over. */
function chosenSections(args: Args): readonly Section[] {
  const names = new Set<string>();
  for (let index = 1; index < args.count; index++) names.add(args.text(index).toLowerCase());
  if (names.has('all') || names.has('everything')) return SECTIONS;
  const hasDefaults = names.size === 0 || names.has('default');
  return SECTIONS.filter(({ title, isDefault }) => (hasDefaults && isDefault) || names.has(title.toLowerCase()));
}

function server({ node }: Context): Fields {
  const nowMs = node.clock.nowMs();
  const uptimeSeconds = Math.floor((nowMs - node.startedAtMs) / 1000);
  return {
    redis_version: REDIS_VERSION,
    pigeonhole_version: PIGEONHOLE_VERSION,
    redis_git_sha1: '00000000',
    redis_git_dirty: 0,
    redis_build_id: '0',
    redis_mode: 'standalone',
    os: `${systemName()} ${release()} ${process.arch}`,
    arch_bits: 64,
    multiplexing_api: 'libuv',
    node_version: process.versions.node,
    process_id: process.pid,
    process_supervised: 'no',
    run_id: node.runId,
    tcp_port: node.port,
    server_time_usec: nowMs * 1000,
    uptime_in_seconds: uptimeSeconds,
    uptime_in_days: Math.floor(uptimeSeconds / 86400),
    hz: 10,
    configured_hz: 10,
    lru_clock: Math.floor(nowMs / 1000) & 0xffffff,
    executable: process.argv[1] ?? '',
    config_file: node.configFile ?? '',
    io_threads_active: 0,
    available_parallelism: availableParallelism(),
  };
}

function clients({ node }: Context): Fields {
  const all = [...node.clients.values()];
  const most = (sizes: number[]): number => sizes.reduce((largest, size) => Math.max(largest, size), 0);
  return {
    connected_clients: all.length,
    cluster_connections: 0,
    maxclients: node.settings.integer('maxclients'),
    client_recent_max_input_buffer: most(all.map((client) => client.pendingBytes())),
    client_recent_max_output_buffer: most(all.map((client) => client.unreadBytes())),
    blocked_clients: all.filter((client) => client.isBlocked).length,
    tracking_clients: node.tracking.clientCount,
    clients_in_timeout_table: node.waits.timedCount,
  };
}

function memory(context: Context): Fields {
  const { store, node } = context;
  const { arena } = store;
  const use = memoryUse(context);
  const { used, held, resident: rss, peak } = use;
  const atStart = node.stats.usedBytesAtStart;
  const total = totalmem();
  const maxBytes = node.settings.integer('maxmemory');
  const inProcess = used + use.program;
  return {
    used_memory: used,
    used_memory_human: human(used),
    used_memory_rss: rss,
    used_memory_rss_human: human(rss),
    used_memory_peak: peak,
    used_memory_peak_human: human(peak),
    used_memory_peak_perc: percent(used, peak),
    used_memory_overhead: use.indexes + use.clients,
    used_memory_startup: atStart,
    used_memory_dataset: use.data,
    used_memory_dataset_perc: percent(use.data, Math.max(1, used - atStart)),
    allocator_allocated: used,
    allocator_active: held,
    allocator_resident: rss,
    total_system_memory: total,
    total_system_memory_human: human(total),
    used_memory_lua: 0,
    used_memory_lua_human: human(0),
    used_memory_scripts: 0,
    used_memory_scripts_human: human(0),
    number_of_cached_scripts: 0,
    maxmemory: maxBytes,
    maxmemory_human: human(maxBytes),
    maxmemory_policy: node.settings.text('maxmemory-policy'),
    allocator_frag_ratio: (held / used).toFixed(2),
    allocator_frag_bytes: held - used,
    allocator_rss_ratio: (rss / held).toFixed(2),
    allocator_rss_bytes: rss - held,
    mem_fragmentation_ratio: (rss / inProcess).toFixed(2),
    mem_fragmentation_bytes: rss - inProcess,
    mem_not_counted_for_evict: 0,
    mem_clients_slaves: 0,
    mem_clients_normal: use.clients,
    mem_aof_buffer: node.appendLog.bufferedBytes,
    mem_allocator: 'arena',
    active_defrag_running: 0,
    arena_used_bytes: arena.usedBytes,
    arena_held_bytes: arena.heldBytes,
    js_heap_used_bytes: use.heapUsed,
    js_heap_total_bytes: use.heapHeld,
    lazyfree_pending_objects: store.reclaimer.pending,
    lazyfreed_objects: 0,
  };
}

function persistence({ node }: Context): Fields {
  const { snapshots, appendLog } = node;
  const nowMs = node.clock.nowMs();
  const seconds = (ms: number): number => Math.floor(ms / 1000);
  return {
    ...loadingFields(node),
    ...snapshotFields(snapshots.snapshot ?? appendLog.snapshot),
    rdb_changes_since_last_save: snapshots.changesSinceSave,
    rdb_bgsave_in_progress: snapshots.isSaving ? 1 : 0,
    rdb_last_save_time: seconds(snapshots.lastSavedAtMs),
    rdb_last_bgsave_status: snapshots.lastStatus,
    rdb_last_bgsave_time_sec: snapshots.lastSeconds,
    rdb_current_bgsave_time_sec: snapshots.startedAtMs === undefined ? -1 : seconds(nowMs - snapshots.startedAtMs),
    rdb_saves: snapshots.saves,
    rdb_last_cow_size: snapshots.lastWaitingBytes,
    rdb_last_load_keys_expired: snapshots.keysExpired,
    rdb_last_load_keys_loaded: snapshots.keysLoaded,
    ...appendLogFields(appendLog),
    module_fork_in_progress: 0,
    module_fork_last_cow_size: 0,
    ...appendLogSizes(appendLog),
    ...progressFields(node),
  };
}

/** There is no fork, and no copy on write: what a snapshot takes is what waits for the disk. */
function snapshotFields(snapshot: RunningSnapshot | undefined): Fields {
  const { keysWritten = 0, keysTotal = 0, waitingBytes = 0, waitingBytesPeak = 0 } = snapshot ?? {};
  return {
    current_cow_peak: waitingBytesPeak,
    current_cow_size: waitingBytes,
    current_cow_size_age: 0,
    current_fork_perc: percent(keysWritten, Math.max(keysTotal, 1)).slice(0, -1),
    current_save_keys_processed: keysWritten,
    current_save_keys_total: keysTotal,
  };
}

function appendLogFields(log: AppendLogServices): Fields {
  return {
    aof_enabled: log.isOn ? 1 : 0,
    aof_rewrite_in_progress: log.isRewriting ? 1 : 0,
    aof_rewrite_scheduled: log.isRewriteScheduled ? 1 : 0,
    aof_last_rewrite_time_sec: log.lastRewriteSeconds,
    aof_current_rewrite_time_sec: log.currentRewriteSeconds,
    aof_last_bgrewrite_status: log.lastRewriteStatus,
    aof_rewrites: log.rewrites,
    aof_rewrites_consecutive_failures: log.failedRewrites,
    aof_last_write_status: log.lastWriteStatus,
    aof_last_cow_size: log.lastWaitingBytes,
  };
}

function appendLogSizes(log: AppendLogServices): Fields {
  if (!log.isOn) return {};
  return {
    aof_current_size: log.currentBytes,
    aof_base_size: log.baseBytes,
    aof_pending_rewrite: log.isRewriteScheduled ? 1 : 0,
    aof_buffer_length: log.bufferedBytes,
    aof_pending_bio_fsync: log.isSyncing ? 1 : 0,
    aof_delayed_fsync: log.delays,
  };
}

function loadingFields({ appendLog, snapshots }: NodeServices): Fields {
  return { loading: (appendLog.loading ?? snapshots.loading) === undefined ? 0 : 1, async_loading: 0 };
}

/** What is shown while data is loaded. */
function progressFields({ appendLog, snapshots, clock }: NodeServices): Fields {
  const loading = appendLog.loading ?? snapshots.loading;
  if (loading === undefined) return {};
  const { totalBytes, loadedBytes, startedAtMs, usedMemory } = loading;
  const seconds = (clock.nowMs() - startedAtMs) / 1000;
  const left = loadedBytes === 0 ? 0 : (seconds * (totalBytes - loadedBytes)) / loadedBytes;
  return {
    loading_start_time: Math.floor(startedAtMs / 1000),
    loading_total_bytes: totalBytes,
    loading_rdb_used_mem: usedMemory,
    loading_loaded_bytes: loadedBytes,
    loading_loaded_perc: percent(loadedBytes, Math.max(totalBytes, 1)).slice(0, -1),
    loading_eta_seconds: Math.ceil(left),
  };
}

function stats({ store, node }: Context): Fields {
  const { stats: counted, maxMemory: { exceeded } } = node;
  const kilobytes = (bytes: number): string => (bytes / 1024).toFixed(2);
  return {
    total_connections_received: counted.connectionsReceived,
    total_commands_processed: counted.commandsProcessed,
    instantaneous_ops_per_sec: Math.round(counted.commandsPerSecond),
    total_net_input_bytes: counted.inputBytes,
    total_net_output_bytes: counted.outputBytes,
    total_net_repl_input_bytes: 0,
    total_net_repl_output_bytes: 0,
    instantaneous_input_kbps: kilobytes(counted.inputBytesPerSecond),
    instantaneous_output_kbps: kilobytes(counted.outputBytesPerSecond),
    instantaneous_input_repl_kbps: kilobytes(0),
    instantaneous_output_repl_kbps: kilobytes(0),
    rejected_connections: counted.connectionsRejected,
    sync_full: 0,
    sync_partial_ok: 0,
    sync_partial_err: 0,
    expired_keys: store.expired,
    expired_subkeys: store.expiredFields,
    expired_stale_perc: store.expiredStalePercent.toFixed(2),
    expired_time_cap_reached_count: store.expiryRoundsCutShort,
    expire_cycle_cpu_milliseconds: Math.floor(store.expiryRoundsUs / 1000),
    evicted_keys: store.evicted,
    evicted_clients: 0,
    total_eviction_exceeded_time: Math.floor(exceeded.totalUs / 1000),
    current_eviction_exceeded_time: Math.floor(exceeded.nowUs / 1000),
    keyspace_hits: store.hits,
    keyspace_misses: store.misses,
    pubsub_channels: node.pubsub.topics.channel.size,
    pubsub_patterns: node.pubsub.topics.pattern.size,
    pubsubshard_channels: node.pubsub.topics.shard.size,
    latest_fork_usec: 0,
    total_forks: 0,
    migrate_cached_sockets: 0,
    slave_expires_tracked_keys: 0,
    active_defrag_hits: 0,
    active_defrag_misses: 0,
    active_defrag_key_hits: 0,
    active_defrag_key_misses: 0,
    total_active_defrag_time: 0,
    current_active_defrag_time: 0,
    tracking_total_keys: node.tracking.keyCount,
    tracking_total_items: node.tracking.readCount,
    tracking_total_prefixes: node.tracking.prefixes.size,
    unexpected_error_replies: 0,
    total_error_replies: counted.errorReplies,
    dump_payload_sanitizations: 0,
    total_reads_processed: counted.reads,
    total_writes_processed: counted.writes,
    io_threaded_reads_processed: 0,
    io_threaded_writes_processed: 0,
    reply_buffer_shrinks: 0,
    reply_buffer_expands: 0,
    client_query_buffer_limit_disconnections: counted.queryLimitDisconnections,
    client_output_buffer_limit_disconnections: counted.outputLimitDisconnections,
    protocol_errors: counted.protocolErrors,
  };
}

function replication({ node }: Context): Fields {
  return {
    role: 'master',
    connected_slaves: 0,
    master_failover_state: 'no-failover',
    master_replid: node.runId,
    master_replid2: '0'.repeat(40),
    master_repl_offset: 0,
    second_repl_offset: -1,
    repl_backlog_active: 0,
    repl_backlog_size: 1048576,
    repl_backlog_first_byte_offset: 0,
    repl_backlog_histlen: 0,
  };
}

function cpu(): Fields {
  const { system, user } = process.cpuUsage();
  const seconds = (micros: number): string => (micros / 1e6).toFixed(6);
  return {
    used_cpu_sys: seconds(system),
    used_cpu_user: seconds(user),
    used_cpu_sys_children: seconds(0),
    used_cpu_user_children: seconds(0),
  };
}

function commandStats({ node }: Context): Fields {
  const fields: Fields = {};
  for (const command of allCommands(node.table)) {
    const { calls, usec, rejectedCalls, failedCalls } = command;
    if (calls + rejectedCalls + failedCalls === 0) continue;
    const perCall = calls === 0 ? 0 : usec / calls;
    fields[`cmdstat_${command.fullName}`] =
      `calls=${calls},usec=${Math.round(usec)},usec_per_call=${perCall.toFixed(2)},` +
      `rejected_calls=${rejectedCalls},failed_calls=${failedCalls}`;
  }
  return fields;
}

function errorStats({ node }: Context): Fields {
  const codes = [...node.stats.errors].sort(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(codes.map(([code, count]) => [`errorstat_${code}`, `count=${count}`]));
}

function latencyStats({ node }: Context): Fields {
  const fields: Fields = {};
  for (const { fullName, latency } of allCommands(node.table)) {
    if (latency === undefined) continue;
    const shown = [50, 99, 99.9].map((each) => `p${each}=${latency.percentileUs(each).toFixed(3)}`);
    fields[`latency_percentiles_usec_${fullName}`] = shown.join(',');
  }
  return fields;
}

function shards({ node }: Context): Fields {
  const { self, fingerprint, shards: entries } = node.shards;
  const peers = node.shards.peerStates();
  const fields: Fields = {
    shard_node: self, shard_map: entries.map(({ range, node: owner }) => `${range}=${owner}`).join(','),
    shard_fingerprint: fingerprint, shard_foreign_buckets: node.shards.foreignBuckets, shard_peers: peers.length,
    shard_peers_up: peers.filter(({ state }) => state === 'up').length,
  };
  for (const peer of peers) {
    fields[`shard_peer_${peer.name}`] =
      `state=${peer.state},links=${peer.links},in_flight=${peer.inFlight},requests=${peer.requests},errors=${peer.errors}`;
  }
  return fields;
}

function keyspace({ store }: Context): Fields {
  const fields: Fields = {};
  for (const { index, size, expiringSize, averageTtlMs } of store.databases) {
    if (size === 0) continue;
    fields[`db${index}`] = `keys=${size},expires=${expiringSize},avg_ttl=${Math.floor(averageTtlMs)}`;
  }
  return fields;
}

/** Every command and, behind its container, every subcommand. */
function allCommands(table: CommandTable): Command[] {
  return table.commands.flatMap((command) => [command, ...(command.subcommands?.values() ?? [])]);
}

/** Bytes as people read them, as redis-server prints them: `1.06M`. */
function human(bytes: number): string {
  if (bytes < 1024) return `${bytes}B`;
  let amount = bytes;
  let unit = -1;
  while (amount >= 1024 && unit < 4) {
    amount /= 1024;
    unit++;
  }
  return `${amount.toFixed(2)}${'KMGTP'[unit]!}`;
}

function percent(part: number, whole: number): string {
  return `${((part / whole) * 100).toFixed(2)}%`;
}

const role: Handler = (_context, _args, reply) => {
  reply.array(3);
  reply.bulkText('master');
  reply.integer(0);
  reply.array(0);
};

export const infoCommands: readonly CommandSpec[] = [
  {
    name: 'info', arity: -1, flags: ['loading', 'stale'], categories: ['dangerous'],
    tips: ['nondeterministic_output', 'request_policy:all_shards', 'response_policy:special'], routing: 'special', group: 'server', since: '1.0.0', complexity: 'O(1)',
    summary: 'Gives the state of the node in figures.', syntax: '[section [section ...]]',
    history: [['7.0.0', 'Added support for taking multiple section arguments.']], handler: info,
  },
  {
    name: 'role', arity: 1, flags: ['noscript', 'loading', 'stale', 'fast'], categories: ['admin', 'dangerous'],
    routing: 'local', group: 'server', since: '2.8.12', complexity: 'O(1)',
    summary: 'Says whether the node is a primary or a replica.', handler: role,
  },
];

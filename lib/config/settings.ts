/**
 * The settings: one record a directive, with Redis's own name where Redis has one. The command line, the config file,
 * the environment, CONFIG GET and SET and the README's table are all made from these records. Those in this file have
 * an effect; accepted-settings.ts has the others that Redis knows.
 */
import { acceptedSettings } from './accepted-settings.js';
import {
  readEventClasses, readFileName, readOutputLimits, readSavePoints, readShutdownOptions, showEventClasses,
  showFolder,
} from './setting-readers.js';
import { GIB, MIB, SettingError, type SettingSpec, normalise } from './setting-value.js';

export { SettingError, type SettingKind, type SettingSpec } from './setting-value.js';

const EVICTION_POLICIES = [
  'volatile-lru', 'volatile-lfu', 'volatile-random', 'volatile-ttl', 'allkeys-lru', 'allkeys-lfu', 'allkeys-random',
  'noeviction',
];

const ownSettings: readonly SettingSpec[] = [
  { name: 'port', kind: 'integer', initial: '6379', min: 0, max: 65535, word: 'any', isMutable: false, sentence: 'Port for Redis clients; 0 for none, `any` for a free one.' },
  { name: 'line-port', kind: 'integer', initial: '4040', min: 0, max: 65535, word: 'any', isMutable: false, sentence: 'Port for the line protocol; 0 for none, `any` for a free one.' },
  { name: 'bind', kind: 'list', initial: '* -::*', isMutable: false, sentence: 'Addresses to listen on, parted by blanks; `*` and `::*` are all of IPv4 and IPv6, and one with `-` in front may be missing.' },
  { name: 'tcp-backlog', kind: 'integer', initial: '511', min: 0, max: 2147483647, isMutable: false, sentence: 'Length of the queue of connections that wait to be accepted.' },
  { name: 'databases', kind: 'integer', initial: '16', min: 1, max: 2147483647, isMutable: false, sentence: 'Number of databases.' },
  { name: 'requirepass', kind: 'text', initial: '', isMutable: true, isSecret: true, sentence: 'Password that clients must give with AUTH; empty for none.' },
  { name: 'maxclients', kind: 'integer', initial: '10000', min: 1, max: 4294967295, isMutable: true, sentence: 'Most clients at one time.' },
  { name: 'timeout', kind: 'integer', initial: '0', min: 0, max: 2147483647, isMutable: true, sentence: 'Seconds after which an idle client is disconnected; 0 for never.' },
  { name: 'tcp-keepalive', kind: 'integer', initial: '300', min: 0, max: 2147483647, isMutable: true, sentence: 'Seconds between TCP keep-alive probes; 0 for none.' },
  { name: 'proto-max-bulk-len', kind: 'bytes', initial: String(512 * MIB), min: MIB, max: 2 ** 31 - 1, isMutable: true, sentence: 'Most bytes of one argument or string.' },
  { name: 'client-query-buffer-limit', kind: 'bytes', initial: String(GIB), min: MIB, max: 2 ** 53 - 1, isMutable: true, sentence: 'Most bytes of an unfinished request.' },
  { name: 'client-output-buffer-limit', kind: 'text', initial: 'normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60', read: readOutputLimits, isMutable: true, sentence: 'For normal clients, replicas and subscribers: bytes of unread replies at which the client is closed, bytes at which it is closed after some seconds, and these seconds.' },
  { name: 'notify-keyspace-events', kind: 'text', initial: '', read: readEventClasses, show: showEventClasses, isMutable: true, sentence: 'Which keyspace events are published: classes by their letters, `A` for most, with `K` and `E` for the two channels; empty for none.' },
  { name: 'tracking-table-max-keys', kind: 'integer', initial: '1000000', isMutable: true, sentence: 'Most keys that are remembered for clients that keep copies of what they read (CLIENT TRACKING); 0 for no limit.' },
  { name: 'slowlog-log-slower-than', kind: 'integer', initial: '10000', min: -1, isMutable: true, sentence: 'Microseconds from which a command is in the slowlog; -1 for never.' },
  { name: 'slowlog-max-len', kind: 'integer', initial: '128', isMutable: true, sentence: 'Most entries of the slowlog.' },
  { name: 'latency-monitor-threshold', kind: 'integer', initial: '0', isMutable: true, sentence: 'Milliseconds from which the latency monitor keeps an event; 0 for never.' },
  { name: 'line-max-bytes', kind: 'bytes', initial: String(MIB), min: 64, max: 512 * MIB, isMutable: true, sentence: 'Most bytes of one line of the line protocol.' },
  { name: 'hash-max-listpack-entries', kind: 'integer', initial: '512', min: 0, max: 2 ** 53 - 1, isMutable: true, aliases: ['hash-max-ziplist-entries'], sentence: 'Most fields of a hash that is shown with encoding `listpack`.' },
  { name: 'hash-max-listpack-value', kind: 'bytes', initial: '64', min: 0, max: 2 ** 53 - 1, isMutable: true, aliases: ['hash-max-ziplist-value'], sentence: 'Most bytes of a field or a value in a hash that is shown with encoding `listpack`.' },
  { name: 'set-max-intset-entries', kind: 'integer', initial: '512', min: 0, max: 2 ** 53 - 1, isMutable: true, sentence: 'Most members of a set that is shown with encoding `intset`.' },
  { name: 'zset-max-listpack-entries', kind: 'integer', initial: '128', min: 0, max: 2 ** 53 - 1, isMutable: true, aliases: ['zset-max-ziplist-entries'], sentence: 'Most members of a sorted set that is shown with encoding `listpack`.' },
  { name: 'zset-max-listpack-value', kind: 'bytes', initial: '64', min: 0, max: 2 ** 53 - 1, isMutable: true, aliases: ['zset-max-ziplist-value'], sentence: 'Most bytes of a member of a sorted set that is shown with encoding `listpack`.' },
  { name: 'stream-node-max-bytes', kind: 'bytes', initial: '4096', min: 0, max: 2 ** 53 - 1, isMutable: true, sentence: 'Most bytes of one node of a stream; 0 for no bound.' },
  { name: 'stream-node-max-entries', kind: 'integer', initial: '100', min: 0, max: 2 ** 53 - 1, isMutable: true, sentence: 'Most entries of one node of a stream; 0 for no bound.' },
  { name: 'loglevel', kind: 'choice', initial: 'notice', choices: ['debug', 'verbose', 'notice', 'warning'], isMutable: true, sentence: 'Least weight of what is logged.' },
  { name: 'logfile', kind: 'text', initial: '', isMutable: false, sentence: 'File that the log is added to; empty for standard output.' },
  { name: 'maxmemory', kind: 'bytes', initial: '0', min: 0, max: 2 ** 53 - 1, isMutable: true, sentence: 'Most bytes of data and clients\' buffers (`used_memory`); 0 for no limit. What happens there says maxmemory-policy.' },
  { name: 'maxmemory-policy', kind: 'choice', initial: 'noeviction', choices: EVICTION_POLICIES, isMutable: true, sentence: 'Which buckets go at maxmemory: of all or of those that expire, the longest unused (lru), the least used (lfu), those that expire soonest (ttl) or any; with `noeviction` none, and commands that need memory are refused.' },
  { name: 'maxmemory-samples', kind: 'integer', initial: '5', min: 1, max: 2147483647, isMutable: true, sentence: 'How many buckets are drawn to find one to evict: more are slower and nearer to the ideal.' },
  { name: 'maxmemory-eviction-tenacity', kind: 'integer', initial: '10', min: 0, max: 100, isMutable: true, sentence: 'How long one command may wait for eviction: 10 is half a millisecond, 100 as long as it takes.' },
  { name: 'list-max-listpack-size', kind: 'integer', initial: '-2', min: -2147483648, max: 2147483647, isMutable: true, aliases: ['list-max-ziplist-size'], sentence: 'Size of a page of a list: -1 to -5 for 4, 8, 16, 32 or 64 KiB, above 0 the most elements of a page of 8 KiB.' },
  { name: 'hll-sparse-max-bytes', kind: 'bytes', initial: '3000', min: 0, max: 2 ** 53 - 1, isMutable: true, sentence: 'Most bytes of a HyperLogLog in the sparse form.' },
  { name: 'lfu-log-factor', kind: 'integer', initial: '10', max: 2147483647, isMutable: true, sentence: 'How slowly the number of uses that OBJECT FREQ shows grows.' },
  { name: 'lfu-decay-time', kind: 'integer', initial: '1', max: 2147483647, isMutable: true, sentence: 'Minutes after which the number of uses that OBJECT FREQ shows shrinks by one.' },
  { name: 'dir', kind: 'text', initial: 'data', show: showFolder, isMutable: true, isProtected: true, sentence: 'Folder of the files that keep the data; unless it is given, `data/NODE` for a node with a name of its own, and `data` in a release\'s folder.' },
  { name: 'appendonly', kind: 'flag', initial: 'yes', isMutable: true, sentence: 'Whether every write is recorded in the append log, and there again after a start.' },
  { name: 'appendfsync', kind: 'choice', initial: 'everysec', choices: ['everysec', 'always', 'no'], isMutable: true, sentence: 'When the append log is forced to disk: before the reply to each write, every second, or when the system likes.' },
  { name: 'appendfilename', kind: 'text', read: readFileName('appendfilename'), initial: 'appendonly.aof', isMutable: false, sentence: 'What the names of the append log\'s files begin with.' },
  { name: 'appenddirname', kind: 'text', read: readFileName('appenddirname'), initial: 'appendonlydir', isMutable: false, sentence: 'Folder of the append log, in `dir`.' },
  { name: 'no-appendfsync-on-rewrite', kind: 'flag', initial: 'no', isMutable: true, sentence: 'Whether the append log is not forced to disk while it is rewritten or a snapshot is written.' },
  { name: 'auto-aof-rewrite-percentage', kind: 'integer', initial: '100', min: 0, max: 2147483647, isMutable: true, sentence: 'Growth of the append log, in percent, after which it is rewritten; 0 for never.' },
  { name: 'auto-aof-rewrite-min-size', kind: 'bytes', initial: String(64 * MIB), min: 0, max: 2 ** 53 - 1, isMutable: true, sentence: 'Least size of an append log that is rewritten by itself.' },
  { name: 'aof-rewrite-incremental-fsync', kind: 'flag', initial: 'yes', isMutable: true, sentence: 'Whether a rewritten log is forced to disk every 4 MiB and not only at its end.' },
  { name: 'aof-load-truncated', kind: 'flag', initial: 'yes', isMutable: true, sentence: 'Whether the torn end of an append log is cut off at the start; otherwise the node does not start.' },
  { name: 'aof-timestamp-enabled', kind: 'flag', initial: 'no', isMutable: true, sentence: 'Whether the append log has the time in it, for `redis-check-aof --truncate-to-timestamp`.' },
  { name: 'aof-use-rdb-preamble', kind: 'flag', initial: 'yes', isMutable: true, sentence: 'Whether the base of a rewritten log is a snapshot; otherwise it is commands, which are longer and load more slowly.' },
  { name: 'dbfilename', kind: 'text', initial: 'dump.rdb', read: readFileName('dbfilename'), isMutable: true, isProtected: true, sentence: 'Name of the snapshot in `dir`.' },
  { name: 'save', kind: 'text', initial: '', read: readSavePoints, isMutable: true, sentence: 'Pairs of seconds and changes: a snapshot is written when so many buckets have changed in so long; empty for never. Unless it is given, `3600 1 300 100 60 10000` with `appendonly no`.' },
  { name: 'rdbcompression', kind: 'flag', initial: 'yes', isMutable: true, sentence: 'Whether strings in snapshots and in what DUMP gives are compressed.' },
  { name: 'rdbchecksum', kind: 'flag', initial: 'yes', isMutable: false, sentence: 'Whether snapshots have a checksum.' },
  { name: 'rdb-save-incremental-fsync', kind: 'flag', initial: 'yes', isMutable: true, sentence: 'Whether a snapshot is forced to disk every 4 MiB and not only at its end.' },
  { name: 'stop-writes-on-bgsave-error', kind: 'flag', initial: 'yes', isMutable: true, sentence: 'Whether writes are refused while there are save points and the last snapshot in the background has failed.' },
  { name: 'shutdown-on-sigterm', kind: 'text', initial: 'default', read: readShutdownOptions, isMutable: true, sentence: 'How SIGTERM stops the node, in words of SHUTDOWN: `save`, `nosave`, `now`, `force`; `default` saves where there are save points.' },
  { name: 'shutdown-on-sigint', kind: 'text', initial: 'default', read: readShutdownOptions, isMutable: true, sentence: 'The same for SIGINT (Ctrl-C).' },
  { name: 'enable-debug-command', kind: 'choice', initial: 'no', choices: ['no', 'yes', 'local'], isMutable: false, sentence: 'Whether DEBUG may be used: by nobody, by everybody, or by clients on this machine.' },
  { name: 'enable-protected-configs', kind: 'choice', initial: 'no', choices: ['no', 'yes', 'local'], isMutable: false, sentence: 'Whether CONFIG SET may change `dir` and `dbfilename`: for nobody, for everybody, or for clients on this machine.' },
  { name: 'node', kind: 'text', initial: 'pigeonhole', isMutable: false, sentence: 'Name of this node, as nodes and shards call it.' },
  { name: 'cookie', kind: 'text', initial: '', isMutable: false, isSecret: true, sentence: 'Secret that the nodes of a cluster prove to each other; the same on all of them.' },
  { name: 'nodes', kind: 'text', initial: '', isMutable: true, isSecret: true, sentence: 'Where nodes are: name=host:port, name=unix:/path or name=redis://user:password@host:port, parted by commas.' },
  { name: 'shards', kind: 'text', initial: '', isMutable: true, sentence: 'Which node owns which names, as in a-m=foo,n-z=bar,*=foo; empty for all of them on this node.' },
  { name: 'load-foreign', kind: 'flag', initial: 'no', isMutable: true, standsAlone: true, sentence: 'Whether stored buckets that the shard map gives to other nodes are handed over to them.' },
  { name: 'peer-port', kind: 'integer', initial: 'auto', min: 0, max: 65535, word: 'auto', isMutable: false, sentence: 'Port for peers; 0 for none, `auto` for the address of this node in `nodes`.' },
  { name: 'watch-config', kind: 'flag', initial: 'no', isMutable: false, sentence: 'Whether a change of the config file is taken over while the node runs, as far as `nodes` and `shards` go.' },
  { name: 'peer-timeout', kind: 'integer', initial: '5000', min: 10, max: 3600000, isMutable: true, sentence: 'Milliseconds after which a peer that does not answer counts as down.' },
  { name: 'peer-queue-bytes', kind: 'bytes', initial: String(64 * MIB), min: 1024, max: 2 ** 53 - 1, isMutable: true, sentence: 'Most bytes of requests that wait to be sent to a peer; further requests are refused.' },
  { name: 'control-socket', kind: 'text', initial: 'auto', isMutable: false, sentence: 'Unix socket that stop, remote and the like reach the node by; empty for none, `auto` for control.sock in RELEASE_TMP or in tmp/NODE.' },
];

/** Every setting that a node knows. */
export const settingSpecs: readonly SettingSpec[] = [...ownSettings, ...acceptedSettings];

/** The names of a setting in lower case: its own and those that it has had. */
const byName = new Map(
  settingSpecs.flatMap((spec) => [spec.name, ...(spec.aliases ?? [])].map((name) => [name, spec] as const)),
);

/** Gets the values as they would be. */
export type Guard = (proposed: (name: string) => string) => void;

export class Settings {
  private readonly values = new Map<string, string>();
  private readonly watchers = new Map<string, (() => void)[]>();
  private readonly guards: { names: readonly string[]; check: Guard }[] = [];

  constructor(given: Readonly<Record<string, string>> = {}) {
    for (const spec of settingSpecs) this.values.set(spec.name, spec.initial);
    for (const [name, value] of Object.entries(given)) this.set(name, value);
  }

  /** The record of a setting by its name or one that it has had, in any case. */
  static spec(name: string): SettingSpec | undefined {
    return byName.get(name.toLowerCase());
  }

  /** Every name that a setting can be asked for. */
  static get names(): Iterable<string> {
    return byName.keys();
  }

  /** The value as CONFIG GET prints it. */
  text(name: string): string {
    const value = this.values.get(byName.get(name)?.name ?? name);
    if (value === undefined) throw new Error(`no setting is called ${name}`);
    return value;
  }

  /** The value of an integer or bytes setting. */
  integer(name: string): number {
    return Number(this.text(name));
  }

  flag(name: string): boolean {
    return this.text(name) === 'yes';
  }

  /** Takes a new value as a person writes it. Throws SettingError, and changes nothing, when it is not allowed. */
  set(name: string, value: string): void {
    this.setAll([[name, value]]);
  }

  /** Takes several new values, all or none. Throws the first one's SettingError. */
  setAll(given: readonly (readonly [name: string, value: string])[]): void {
    const taken = new Map<string, string>();
    for (const [name, value] of given) {
      const spec = Settings.spec(name);
      if (spec === undefined) throw new SettingError(name, `unknown setting '${name}'`);
      const current = taken.get(spec.name) ?? this.text(spec.name);
      taken.set(spec.name, normalise(spec, value, current));
    }
    for (const { names, check } of this.guards) {
      if (names.some((name) => taken.has(name))) check((name) => taken.get(name) ?? this.text(name));
    }
    for (const [name, value] of taken) this.values.set(name, value);
    for (const name of taken.keys()) for (const watcher of this.watchers.get(name) ?? []) watcher();
  }

  /**
   * Has `check` look at new values of any of `names` before they are taken, all together: for settings that must fit
   * each other or the state of the node. It throws SettingError to refuse them.
   */
  guard(names: readonly string[], check: Guard): void {
    this.guards.push({ names, check });
  }

  /** Calls `watcher` now and whenever the setting changes. */
  watch(name: string, watcher: () => void): void {
    const watchers = this.watchers.get(name) ?? [];
    watchers.push(watcher);
    this.watchers.set(name, watchers);
    watcher();
  }
}

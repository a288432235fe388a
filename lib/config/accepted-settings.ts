/**
 * Settings of Redis that clients and tools ask for or set, and that have no effect here: what they tune does not exist
 * in this store, or does not exist yet. Values are checked as redis-server checks them. A setting that gets an effect
 * moves to settings.ts.
 */
import { readPercentiles, readShareOrBytes } from './setting-readers.js';
import { MIB, type SettingSpec, refuse } from './setting-value.js';

const INT_MAX = 2 ** 31 - 1;

/** What most records have; `isMutable: false` and the like override it. */
type More = Partial<SettingSpec>;

function accepted(kind: SettingSpec['kind'], name: string, initial: string | number, what: string, more: More = {}): SettingSpec {
  const sentence = `${what}. Accepted for Redis's tools; it has no effect.`;
  return { name, kind, initial: String(initial), isMutable: true, hasNoEffect: true, sentence, ...more };
}

const integer = (name: string, initial: number, what: string, more?: More): SettingSpec =>
  accepted('integer', name, initial, what, more);
const bytes = (name: string, initial: number, what: string, more?: More): SettingSpec =>
  accepted('bytes', name, initial, what, more);
const flag = (name: string, initial: 'yes' | 'no', what: string, more?: More): SettingSpec =>
  accepted('flag', name, initial, what, more);
const text = (name: string, initial: string, what: string, more?: More): SettingSpec =>
  accepted('text', name, initial, what, more);
const choice = (name: string, initial: string, choices: readonly string[], what: string, more?: More): SettingSpec =>
  accepted('choice', name, initial, what, { choices, ...more });

const FIXED: More = { isMutable: false };
/** Redis takes any number that is not negative and keeps it between 1 and 500. */
function readFrequency(value: string): string {
  const allowed = 'a whole number from 1 to 500';
  if (!/^(-?[1-9]\d*|0)$/.test(value)) return refuse(allowed, "argument couldn't be parsed into an integer");
  const number = Number(value);
  if (number < 0 || number > INT_MAX) return refuse(allowed, `argument must be between 0 and ${INT_MAX} inclusive`);
  return String(Math.min(Math.max(number, 1), 500));
}

const memory: readonly SettingSpec[] = [
  text('maxmemory-clients', '0', 'Most bytes or share of maxmemory for all clients', { read: readShareOrBytes }),
  flag('lazyfree-lazy-eviction', 'no', 'Memory of evicted data is always freed in the background'),
  flag('lazyfree-lazy-expire', 'no', 'Memory of expired data is always freed in the background'),
  flag('lazyfree-lazy-server-del', 'no', 'Memory of overwritten data is always freed in the background'),
  flag('lazyfree-lazy-user-del', 'no', 'Memory of what DEL deletes is always freed in the background'),
  flag('lazyfree-lazy-user-flush', 'no', 'Memory of what FLUSHALL deletes is always freed in the background'),
  flag('activerehashing', 'yes', 'Tables grow in small steps whatever this says'),
  flag('activedefrag', 'no', 'The arena joins free neighbours at once and needs no defragmenting'),
  integer('active-expire-effort', 1, 'Effort of the background expiry', { min: 1, max: 10 }),
  integer('hz', 10, 'How often background work is done in a second', { read: readFrequency }),
  flag('dynamic-hz', 'yes', 'Background work more often with many clients'),
];

const encodings: readonly SettingSpec[] = [
  integer('list-compress-depth', 0, 'Nodes at the ends of a list that are not compressed', { max: INT_MAX }),
];

const persistence: readonly SettingSpec[] = [
  flag('aof-disable-auto-gc', 'no', 'Whether old logs are kept'),
];

const replication: readonly SettingSpec[] = [
  text('replicaof', '', 'The primary that is followed', { isMutable: false, aliases: ['slaveof'] }),
  text('masterauth', '', 'Password for the primary', { isSecret: true }),
  text('masteruser', '', 'User for the primary'),
  flag('replica-read-only', 'yes', 'Whether replicas refuse writes', { aliases: ['slave-read-only'] }),
  flag('replica-serve-stale-data', 'yes', 'Whether replicas answer without their primary', {
    aliases: ['slave-serve-stale-data'],
  }),
  flag('replica-lazy-flush', 'no', 'Whether replicas free old data in the background', { aliases: ['slave-lazy-flush'] }),
  integer('replica-priority', 100, 'Order in which replicas are promoted', { max: INT_MAX, aliases: ['slave-priority'] }),
  integer('repl-timeout', 60, 'Seconds of silence after which the other side is given up', { min: 1, max: INT_MAX }),
  integer('repl-ping-replica-period', 10, 'Seconds between pings to replicas', {
    min: 1, max: INT_MAX, aliases: ['repl-ping-slave-period'],
  }),
  bytes('repl-backlog-size', MIB, 'Bytes of the stream that are kept for replicas', { min: 1 }),
  integer('repl-backlog-ttl', 3600, 'Seconds that the backlog is kept without replicas'),
  flag('repl-diskless-sync', 'yes', 'Whether a full copy goes to replicas without a file'),
  integer('repl-diskless-sync-delay', 5, 'Seconds to wait for more replicas before a full copy', { max: INT_MAX }),
  flag('repl-disable-tcp-nodelay', 'no', 'Whether the stream to replicas is sent in larger packets'),
  integer('min-replicas-to-write', 0, 'Least number of replicas for writes to be taken', {
    max: INT_MAX, aliases: ['min-slaves-to-write'],
  }),
  integer('min-replicas-max-lag', 10, 'Most seconds of delay of a replica that counts', {
    max: INT_MAX, aliases: ['min-slaves-max-lag'],
  }),
];

const others: readonly SettingSpec[] = [
  flag('latency-tracking', 'yes', 'Whether the time of each command is kept'),
  text('latency-tracking-info-percentiles', '50 99 99.9', 'Which percentiles INFO shows', { read: readPercentiles }),
  integer('busy-reply-threshold', 5000, 'Milliseconds from which a script is reported as busy', {
    aliases: ['lua-time-limit'],
  }),
  integer('acllog-max-len', 128, 'Most entries of the ACL log'),
  choice('acl-pubsub-default', 'resetchannels', ['allchannels', 'resetchannels'], 'Channels that a new user may use'),
  text('aclfile', '', 'File of users', FIXED),
  choice('sanitize-dump-payload', 'no', ['no', 'yes', 'clients'], 'Whether RESTORE checks what it is given in depth'),
  flag('protected-mode', 'yes', 'Whether a server without a password answers only this machine'),
  choice('enable-module-command', 'no', ['no', 'yes', 'local'], 'Whether MODULE may be used', FIXED),
  flag('cluster-enabled', 'no', 'Shards are configured with `shards`, and this protocol is not spoken', FIXED),
  integer('io-threads', 1, 'Threads that read and write', FIXED),
  flag('io-threads-do-reads', 'no', 'Whether reads are done by threads', FIXED),
  text('unixsocket', '', 'Socket file to listen on', FIXED),
  text('unixsocketperm', '0', 'Permissions of the socket file', FIXED),
  flag('daemonize', 'no', 'Whether the node leaves its terminal', FIXED),
  choice('supervised', 'no', ['upstart', 'systemd', 'auto', 'no'], 'Who supervises the process', FIXED),
  text('pidfile', '', 'File for the process id', FIXED),
  flag('set-proc-title', 'yes', 'Whether the process has a title of its own', FIXED),
  text('proc-title-template', '{title} {listen-addr} {server-mode}', 'Title of the process'),
  integer('shutdown-timeout', 10, 'Seconds that replicas have at shutdown', { max: INT_MAX }),
];

export const acceptedSettings: readonly SettingSpec[] = [
  ...memory, ...encodings, ...persistence, ...replication, ...others,
];

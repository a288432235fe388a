/**
 * The settings: one record a directive, with Redis's own name where Redis has one. The command line, the config file,
 * the environment, CONFIG GET and SET and the README's table are all made from these records.
 */

export type SettingKind = 'integer' | 'bytes' | 'flag' | 'choice' | 'text' | 'list';

export interface SettingSpec {
  name: string;
  kind: SettingKind;
  /** As CONFIG GET prints it. */
  initial: string;
  /** For integer and bytes. */
  min?: number;
  max?: number;
  /** For choice. */
  choices?: readonly string[];
  /** A word that is allowed besides numbers. */
  word?: string;
  /** Whether CONFIG SET may change it while the node runs. */
  isMutable: boolean;
  /** Not shown in logs, errors and check-config. */
  isSecret?: boolean;
  /** One sentence for the README and --help. */
  sentence: string;
}

const GIB = 2 ** 30;
const MIB = 2 ** 20;

export const settingSpecs: readonly SettingSpec[] = [
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
  { name: 'client-output-buffer-limit', kind: 'text', initial: 'normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60', isMutable: true, sentence: 'Most bytes of unread replies, by class of clients: at once, and for how many seconds.' },
  { name: 'slowlog-log-slower-than', kind: 'integer', initial: '10000', min: -1, max: 2 ** 53 - 1, isMutable: true, sentence: 'Microseconds from which a command is in the slowlog; -1 for never.' },
  { name: 'slowlog-max-len', kind: 'integer', initial: '128', min: 0, max: 2 ** 31 - 1, isMutable: true, sentence: 'Most entries of the slowlog.' },
  { name: 'latency-monitor-threshold', kind: 'integer', initial: '0', min: 0, max: 2 ** 53 - 1, isMutable: true, sentence: 'Milliseconds from which the latency monitor keeps an event; 0 for never.' },
  { name: 'line-max-bytes', kind: 'bytes', initial: String(MIB), min: 64, max: 512 * MIB, isMutable: true, sentence: 'Most bytes of one line of the line protocol.' },
  { name: 'loglevel', kind: 'choice', initial: 'notice', choices: ['debug', 'verbose', 'notice', 'warning'], isMutable: true, sentence: 'Least weight of what is logged.' },
  { name: 'logfile', kind: 'text', initial: '', isMutable: false, sentence: 'File that the log is added to; empty for standard output.' },
];

/** A wrong value for a setting; the message names the setting, the value and what is allowed. */
export class SettingError extends Error {}

export class Settings {
  private readonly values = new Map<string, string>();
  private readonly watchers = new Map<string, (() => void)[]>();

  constructor(given: Readonly<Record<string, string>> = {}) {
    for (const spec of settingSpecs) this.values.set(spec.name, spec.initial);
    for (const [name, value] of Object.entries(given)) this.set(name, value);
  }

  static spec(name: string): SettingSpec | undefined {
    return byName.get(name);
  }

  /** The value as CONFIG GET prints it. */
  text(name: string): string {
    const value = this.values.get(name);
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
    const spec = byName.get(name);
    if (spec === undefined) throw new SettingError(`unknown setting '${name}'`);
    this.values.set(name, normalise(spec, value));
    for (const watcher of this.watchers.get(name) ?? []) watcher();
  }

  /** Calls `watcher` now and whenever the setting changes. */
  watch(name: string, watcher: () => void): void {
    const watchers = this.watchers.get(name) ?? [];
    watchers.push(watcher);
    this.watchers.set(name, watchers);
    watcher();
  }
}

const byName = new Map(settingSpecs.map((spec) => [spec.name, spec]));

const UNITS: Record<string, number> = {
  '': 1, b: 1, k: 1000, kb: 1024, m: 1000 ** 2, mb: MIB, g: 1000 ** 3, gb: GIB,
};

/** The value as CONFIG GET prints it. Throws SettingError. */
export function normalise(spec: SettingSpec, value: string): string {
  const refuse = (allowed: string): never => {
    throw new SettingError(`${spec.name}: '${spec.isSecret ? '***' : value}' is not allowed, it must be ${allowed}`);
  };
  switch (spec.kind) {
    case 'integer':
    case 'bytes': {
      if (value === spec.word) return value;
      const match = /^(-?\d+)([a-z]*)$/i.exec(value.trim());
      const unit = match ? UNITS[match[2]!.toLowerCase()] : undefined;
      const number = match && unit !== undefined ? Number(match[1]) * unit : NaN;
      const isWhole = spec.kind === 'bytes' || match?.[2] === '';
      const { min = 0, max = Number.MAX_SAFE_INTEGER } = spec;
      if (Number.isNaN(number) || !isWhole || number < min || number > max) {
        return refuse(`a whole number from ${min} to ${max}${spec.word === undefined ? '' : `, or ${spec.word}`}`);
      }
      return String(number);
    }
    case 'flag':
      return /^(yes|no)$/i.test(value) ? value.toLowerCase() : refuse("'yes' or 'no'");
    case 'choice':
      return spec.choices!.includes(value.toLowerCase()) ? value.toLowerCase() : refuse(`one of ${spec.choices!.join(', ')}`);
    case 'text':
    case 'list':
      return value;
  }
}

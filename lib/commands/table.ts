/**
 * The command table: every record of every family, found by the bytes of a request's first argument in any case.
 */
import { keyRangeOf } from './key-positions.js';
import type { CommandSpec, Handler } from './spec.js';
import type { Args } from '../protocol/args.js';
import type { Histogram } from '../util/histogram.js';

/** In RESP2 a subscribed client could not tell other replies from messages. */
const FOR_SUBSCRIBERS: ReadonlySet<string> = new Set([
  'subscribe', 'unsubscribe', 'psubscribe', 'punsubscribe', 'ssubscribe', 'sunsubscribe', 'ping', 'quit', 'reset',
]);

/** Transactions have links of their own, and so has each database and protocol. */
const OVERTAKING = new Set(['watch', 'exec', 'select', 'hello', 'reset']);

const STEPS_OF_TRANSACTION = new Set(['multi', 'exec', 'discard', 'watch', 'quit', 'reset']);

/** A record as it is run: with its counters, and its subcommands by name. */
export class Command {
  readonly name: string;
  /** As users write it: `client|list` for a subcommand. */
  readonly fullName: string;
  readonly handler: Handler | undefined;
  readonly arity: number;
  readonly subcommands: Map<string, Command> | undefined;
  readonly isWrite: boolean;
  readonly isReadOnly: boolean;
  /** When it changes something the append log gets a record; see execution/propagation.ts. */
  readonly isRecorded: boolean;
  readonly isAllowedWhileLoading: boolean;
  readonly isDeniedOutOfMemory: boolean;
  readonly isAllowedUnauthenticated: boolean;
  readonly isFast: boolean;
  readonly mayReplicate: boolean;
  readonly isShownToMonitors: boolean;
  readonly isKeptFromSlowlog: boolean;
  readonly isBlocking: boolean;
  /** What it does is not queued within a transaction. */
  readonly isStepOfTransaction: boolean;
  readonly isRefusedInTransactions: boolean;
  /** Over shards it, or what follows it, goes another way than the requests before it, and could overtake them. */
  readonly overtakes: boolean;
  /** A RESP2 client that has subscribed may send it. */
  readonly isForSubscribers: boolean;
  /** Where the key of a command with exactly one stands; 0 for other commands. */
  readonly onlyKey: number;

  /**
   * The keys as a range: the first key (0: none), the last (negative: from the end of the request), and every how many
   * arguments one is a key. These are all its keys unless `hasMovableKeys`; then see commands/key-positions.ts.
   */
  readonly firstKey: number;
  readonly lastKey: number;
  readonly keyStep: number;
  readonly hasMovableKeys: boolean;

  // For INFO commandstats and LATENCY HISTOGRAM.
  calls = 0;
  usec = 0;
  rejectedCalls = 0;
  failedCalls = 0;
  /** How long it took; there is none until the command has run. */
  latency: Histogram | undefined;
  /** Calls whose time is still to be shared out; see execution/command-timer.ts. */
  sharedCalls = 0;

  constructor(
    readonly spec: CommandSpec,
    readonly parent?: Command,
  ) {
    this.name = spec.name;
    this.fullName = parent ? `${parent.name}|${spec.name}` : spec.name;
    this.handler = spec.handler;
    this.arity = spec.arity;
    this.isWrite = spec.flags.includes('write');
    this.isReadOnly = spec.flags.includes('readonly');
    this.mayReplicate = spec.mayReplicate === true;
    this.isRecorded = this.isWrite || this.mayReplicate;
    this.isAllowedWhileLoading = spec.flags.includes('loading');
    this.isDeniedOutOfMemory = spec.flags.includes('denyoom');
    this.isAllowedUnauthenticated = spec.flags.includes('no_auth');
    this.isFast = spec.flags.includes('fast');
    const range = keyRangeOf(spec.keys ?? []);
    this.firstKey = range.first;
    this.lastKey = range.last;
    this.keyStep = range.step;
    this.hasMovableKeys = range.isPartial;
    this.isShownToMonitors = !spec.flags.includes('admin') && !spec.flags.includes('skip_monitor');
    this.isKeptFromSlowlog = spec.flags.includes('skip_slowlog');
    this.isStepOfTransaction = STEPS_OF_TRANSACTION.has(this.fullName);
    this.isRefusedInTransactions = spec.flags.includes('no_multi');
    this.overtakes = spec.flags.includes('blocking') || OVERTAKING.has(this.name);
    this.isBlocking = spec.flags.includes('blocking') || spec.mayWait === true;
    this.isForSubscribers = FOR_SUBSCRIBERS.has(this.fullName);
    this.onlyKey = onlyKeyOf(spec);
    this.subcommands =
      spec.subcommands && new Map(spec.subcommands.map((each) => [each.name, new Command(each, this)]));
    this.check();
  }

  /** Refuses a record that contradicts itself. */
  private check(): void {
    const { spec } = this;
    const fail = (what: string): never => {
      throw new Error(`command record ${this.fullName}: ${what}`);
    };
    if (spec.arity === 0) fail('arity is 0');
    if (spec.handler === undefined && spec.subcommands === undefined) fail('needs a handler or subcommands');
    if (this.hasMovableKeys !== spec.flags.includes('movablekeys')) fail('is movablekeys against its key specs');
    if (spec.flags.includes('write') && spec.flags.includes('readonly')) fail('is both write and readonly');
    const isRoutedByKeys = spec.routing === 'one_shard' || spec.routing === 'multi_shard';
    if (isRoutedByKeys && !spec.keys) fail('is routed by keys it lacks');
    if ((spec.routing === 'multi_shard' || spec.routing === 'all_shards') && !spec.merge) fail('has no merge rule');
  }

  /** For CONFIG RESETSTAT, its subcommands' counters included. */
  resetStats(): void {
    this.calls = this.usec = this.rejectedCalls = this.failedCalls = 0;
    this.latency = undefined;
    for (const subcommand of this.subcommands?.values() ?? []) subcommand.resetStats();
  }

  /** Whether a request of `count` arguments, the name included, has the right number of them. */
  takes(count: number): boolean {
    return this.arity > 0 ? count === this.arity : count >= -this.arity;
  }
}

function onlyKeyOf({ keys }: CommandSpec): number {
  const only = keys?.length === 1 ? keys[0]! : undefined;
  if (only === undefined || typeof only.begin !== 'number' || only.flags.includes('not_key')) return 0;
  return typeof only.find === 'object' && 'last' in only.find && only.find.last === 0 ? only.begin : 0;
}

const CELLS = 1024;
const NAME_BYTES_MAX = 32;

export class CommandTable {
  readonly commands: Command[] = [];
  private readonly byName = new Map<string, Command>();
  /** Open addressing by `foldedHash`; a power of two, sparse. */
  private readonly cells: (Command | undefined)[] = new Array<Command | undefined>(CELLS).fill(undefined);

  constructor(families: readonly (readonly CommandSpec[])[]) {
    for (const spec of families.flat()) this.add(new Command(spec));
  }

  private add(command: Command): void {
    if (this.byName.has(command.name)) throw new Error(`command record ${command.name}: defined twice`);
    this.byName.set(command.name, command);
    this.commands.push(command);
    const name = Buffer.from(command.name);
    let cell = foldedHash(name, 0, name.length);
    while (this.cells[cell] !== undefined) cell = (cell + 1) & (CELLS - 1);
    this.cells[cell] = command;
  }

  /** The command that a request names, without a look at its subcommand. */
  find(args: Args): Command | undefined {
    const offset = args.offsets[0]!;
    const length = args.lengths[0]!;
    if (length > NAME_BYTES_MAX) return undefined;
    let cell = foldedHash(args.bytes, offset, length);
    for (;;) {
      const command = this.cells[cell];
      if (command === undefined || isNamed(command.name, args.bytes, offset, length)) return command;
      cell = (cell + 1) & (CELLS - 1);
    }
  }

  /** The command that a request means, down to its subcommand; undefined when there is none. */
  findWhole(args: Args): Command | undefined {
    const command = this.find(args);
    if (command?.subcommands === undefined || args.count < 2) return command;
    return command.subcommands.get(args.text(1).toLowerCase());
  }

  /** By name in any case; a subcommand is written `container|subcommand`. */
  named(name: string): Command | undefined {
    const [first, second, ...more] = name.toLowerCase().split('|');
    const command = this.byName.get(first!);
    if (second === undefined) return command;
    return more.length > 0 ? undefined : command?.subcommands?.get(second);
  }
}

function foldedHash(bytes: Buffer, offset: number, length: number): number {
  let hash = length;
  for (let i = 0; i < length; i++) hash = (Math.imul(hash, 31) + (bytes[offset + i]! | 32)) | 0;
  return (hash ^ (hash >>> 10)) & (CELLS - 1);
}

function isNamed(name: string, bytes: Buffer, offset: number, length: number): boolean {
  if (name.length !== length) return false;
  for (let i = 0; i < length; i++) {
    const byte = bytes[offset + i]!;
    const folded = byte >= 65 && byte <= 90 ? byte + 32 : byte;
    if (folded !== name.charCodeAt(i)) return false;
  }
  return true;
}

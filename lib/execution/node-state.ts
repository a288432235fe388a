/**
 * The state of one node that everything on it shares: its store, settings, counters and clients. Two nodes in one
 * process have two of these, and nothing else in common.
 */
import { randomBytes } from 'node:crypto';
import { WaitingClients } from './blocking.js';
import { CommandTimer } from './command-timer.js';
import { Limits } from './limits.js';
import { MaxMemory } from './max-memory.js';
import { Propagation } from './propagation.js';
import { type Refusal, type RefusalReason, joinRefusals } from './refusals.js';
import type { Session } from './session.js';
import { mustAuthenticate } from '../commands/authentication.js';
import { tellEntryDeleted } from '../commands/bucket-lines.js';
import { Pause } from '../commands/client-pause.js';
import type { NodeServices, ReloadOptions, ReloadOutcome, ShutdownOptions, SnapshotServices } from '../commands/context.js';
import { LatencyMonitor } from '../commands/latency.js';
import { Monitors } from '../commands/monitor.js';
import { Slowlog } from '../commands/slowlog.js';
import type { AppendLogServices } from '../commands/append-log-services.js';
import type { ShardServices } from '../commands/shard-services.js';
import type { CommandTable } from '../commands/table.js';
import type { Settings } from '../config/settings.js';
import type { DecoderLimits } from '../protocol/request-decoder.js';
import { followStoreEvents } from './store-events.js';
import { TrackedCommands } from './tracked-commands.js';
import { Watches } from './watches.js';
import { KeyspaceEvents } from '../pubsub/keyspace-events.js';
import { PubSub } from '../pubsub/pubsub.js';
import { Tracking } from '../pubsub/tracking.js';
import type { Store } from '../store/store.js';
import type { Clock } from '../util/clock.js';
import type { Log } from '../util/log.js';
import { Stats } from '../util/stats.js';
import { WallClock } from '../util/wall-clock.js';

export class NodeState implements NodeServices {
  readonly stats = new Stats();
  readonly limits: Limits;
  readonly clients = new Map<number, Session>();
  readonly slowlog: Slowlog;
  readonly latency: LatencyMonitor;
  readonly monitors: Monitors;
  readonly pause: Pause;
  readonly pubsub = new PubSub();
  readonly events: KeyspaceEvents;
  readonly tracking: Tracking;
  readonly trackedCommands: TrackedCommands;
  readonly propagation: Propagation;
  /** Says why a command may not be run now, whatever it is asked to do; undefined when all may. */
  refusal: Refusal | undefined;
  private readonly refusals = new Map<RefusalReason, Refusal>();
  /** Libraries of functions, as files have them: they are kept and written again, and not run. */
  functions: readonly Buffer[] = [];
  /** Awaited when data have been loaded, before they are served; see cluster/foreign.ts. */
  afterLoading: () => Promise<void> = () => Promise.resolve();
  /** Sends the replies that wait for the end of this turn of the event loop. */
  sendReplies: () => void = () => undefined;
  readonly timer: CommandTimer;
  readonly waits: WaitingClients;
  readonly maxMemory: MaxMemory;
  readonly watches: Watches;
  readonly wallClock: WallClock;
  readonly runId = randomBytes(20).toString('hex');
  readonly startedAtMs: number;
  /** Given by server.ts before anything runs. */
  shards!: ShardServices;
  snapshots!: SnapshotServices;
  appendLog!: AppendLogServices;
  port = 0;
  configFile: string | undefined;
  isExpiringActively = true;
  /** Set by the server. */
  shutDown: (options: ShutdownOptions) => Promise<void> = () => Promise.resolve();
  abortShutdown: () => boolean = () => false;
  reload: (options: ReloadOptions) => Promise<ReloadOutcome> = () => Promise.resolve('not loaded');
  private lastClientId = 0;

  constructor(
    readonly store: Store,
    readonly settings: Settings,
    readonly table: CommandTable,
    readonly clock: Clock,
    readonly log: Log,
  ) {
    this.limits = new Limits(settings);
    this.slowlog = new Slowlog(settings);
    this.latency = new LatencyMonitor(settings);
    this.events = new KeyspaceEvents(settings, this.pubsub);
    this.tracking = new Tracking(settings, (id) => this.clients.get(id));
    this.trackedCommands = new TrackedCommands(this);
    this.watches = new Watches(store.databases);
    followStoreEvents(store, this.events, this.tracking, this.watches, settings);
    store.onFieldExpired = (db, key, field) => tellEntryDeleted({ node: this, db }, key, field);
    this.propagation = new Propagation(store);
    this.monitors = new Monitors(clock);
    this.pause = new Pause(clock, (isPaused) => (store.keepsExpired = isPaused));
    const setNow = (elapsedUs: number): void => store.setNow(this.wallClock.msAt(elapsedUs));
    this.timer = new CommandTimer(settings, clock, this.stats, this.slowlog, this.latency, setNow);
    this.waits = new WaitingClients(this);
    this.wallClock = new WallClock(clock);
    this.startedAtMs = clock.nowMs();
    store.onTurnover = (db, successor) => {
      this.watches.onTurnover(db, successor);
      this.waits.onTurnover(db, successor);
    };
    this.maxMemory = new MaxMemory(this);
  }

  /** Refuses commands for a reason, until there is no refusal for it. */
  refuseFor(reason: RefusalReason, refusal: Refusal | undefined): void {
    if (refusal === undefined) this.refusals.delete(reason);
    else this.refusals.set(reason, refusal);
    this.refusal = joinRefusals([...this.refusals.values()]);
  }

  /** Keeps the libraries of functions that a file has, and says so. */
  keepFunctions(functions: readonly Buffer[], file: string): void {
    this.functions = functions;
    if (functions.length === 0) return;
    this.log.warning(`${file} has ${functions.length} libraries of functions: they are kept and written again, and not run`);
  }

  nextClientId(): number {
    return ++this.lastClientId;
  }

  /** Called before a batch of requests: they see the same moment, but what comes behind a slow one sees a later one. */
  beginBatch(): void {
    const elapsedUs = this.clock.elapsedUs();
    this.store.setNow(this.wallClock.msAt(elapsedUs));
    this.timer.beginBatch(elapsedUs);
  }

  /** Brings the time by which expiry is judged up to date where something runs outside of a batch. */
  setNow(): void {
    this.store.setNow(this.wallClock.msAt(this.clock.elapsedUs()));
  }

  /** Called when the batch is over. */
  endBatch(): void {
    this.timer.endBatch();
  }

  decoderLimits(session: Session): DecoderLimits {
    return new ClientLimits(this.limits, session);
  }
}

/** What a client may send now: each connection has one, and its getters are shared. */
class ClientLimits implements DecoderLimits {
  constructor(
    private readonly limits: Limits,
    private readonly session: Session,
  ) {}

  get bulkBytesMax(): number {
    return this.limits.bulkBytesMax;
  }

  get isAuthRequired(): boolean {
    return mustAuthenticate(this.session);
  }
}

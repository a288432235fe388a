/**
 * What a handler works with besides its arguments and its reply. The session of a connection is one (see
 * execution/session.ts); so is whatever runs commands without a connection.
 */
import type { AppendLogServices, LoadingState } from './append-log-services.js';
import type { Pause } from './client-pause.js';
import type { LatencyMonitor } from './latency.js';
import type { Monitors } from './monitor.js';
import type { Slowlog } from './slowlog.js';
import type { ShardServices } from './shard-services.js';
import type { Command, CommandTable } from './table.js';
import type { Settings } from '../config/settings.js';
import type { Args } from '../protocol/args.js';
import type { Protocol, ReplyWriter } from '../protocol/reply-writer.js';
import type { EventClass, KeyspaceEvents } from '../pubsub/keyspace-events.js';
import type { PubSub } from '../pubsub/pubsub.js';
import type { Author, Tracking, TrackingClient } from '../pubsub/tracking.js';
import type { Keyspace } from '../store/keyspace.js';
import type { Store } from '../store/store.js';
import type { Slice } from '../util/bytes.js';
import type { Clock } from '../util/clock.js';
import type { Log } from '../util/log.js';
import type { Stats } from '../util/stats.js';

export type { EventClass };

export interface Context {
  readonly node: NodeServices;
  readonly store: Store;
  readonly client: Client;
  /** The keyspace of the selected database. */
  db: Keyspace;
  /**
   * Says that the bucket `key` of `db` was changed, once for each event that redis-server would publish. Every handler
   * that writes calls it after the change.
   */
  changed(key: Slice, eventClass: EventClass, event: string): void;
  /**
   * Has the append log record this request in place of the one that runs, where that would not do the same again: it
   * counts time from now on, or draws. Called several times it records several, which count as one. Without words
   * nothing is recorded. Strings are latin1; slices are copied at once. Has no effect when nothing changes.
   */
  recordAs(...words: readonly Word[]): void;
  /** For the append log: the position behind what was recorded for this client, while replies wait for the disk. */
  recordedAt: number;
  /**
   * Promises the reply for later; the replies to what the client sent behind it wait for it. With `holds` the client's
   * next requests are not run before either. The handler writes nothing to its own reply.
   */
  defer(holds: boolean): Deferred;
  /** The client's transaction. */
  readonly steps: TransactionSteps;
  /** False inside a transaction: a command that would wait answers at once that there is nothing. */
  readonly mayWait: boolean;
  /** Lets the client wait; the handler writes nothing to its reply. Only where `mayWait`. */
  wait(wait: Wait): void;
}

/** The steps of a transaction, for its commands. */
export interface TransactionSteps {
  /** Throws nestedMulti(). */
  begin(): void;
  /** Throws watchInsideMulti(). */
  watch(key: Slice): void;
  unwatch(): void;
  /** Throws discardWithoutMulti(). */
  discard(): void;
  /** Runs what was queued. Throws execWithoutMulti(), and execAborted() when something was refused. */
  exec(reply: ReplyWriter): void;
}

/**
 * What a client waits for: a bucket of the selected database that becomes ready, or a moment. Whoever came first is
 * served first, after the command (or the whole transaction) that made the bucket ready; see execution/blocking.ts.
 */
export interface Wait {
  /** The names of the buckets, one char a byte; there may be none. A name that stands twice counts once. */
  readonly keys: readonly string[];
  /** The type that a bucket must hold to be ready (store/entry.ts). */
  readonly type: number;
  /** When the client gives up, in milliseconds since the epoch; 0: never. */
  readonly untilMs: number;
  /**
   * Called when the bucket `key` is ready: does what the command does, writes its reply and gives true, or gives false
   * to wait on. A CommandError that it throws is the reply. `context` is the client's, as it was when it began to wait.
   */
  retry(context: Context, key: Slice, reply: ReplyWriter): boolean;
  /** The reply when the time is over; without it, it is the null array. */
  giveUp?(reply: ReplyWriter): void;
  /** `retry` is also called when the bucket was removed, or holds another type (XREADGROUP). */
  readonly endsWithBucket?: boolean;
}

/** What commands may do with the clients that wait. */
export interface Waits {
  /**
   * Says that a bucket that was there already is ready, which a new bucket says of itself (XADD). Costs next to nothing
   * while nobody waits.
   */
  signal(db: Keyspace, key: Slice): void;
  /** How many clients wait for an end of their time. */
  readonly timedCount: number;
  /** Sessions of other nodes that have been told that a bucket is ready, and come to take. */
  readonly holders: Iterable<object>;
}

/** A word of a request that is made here. */
export type Word = string | Buffer | Slice;

/** Who waits for replies that come from elsewhere, in order. */
export interface Receiver {
  /** How many replies must still come. */
  wanted: number;
  /** Bytes of those replies as they arrive, valid during the call; `whole` replies end in them. */
  deliver(bytes: Buffer, start: number, end: number, whole: number): void;
  /** The replies that are wanted will not come: `error` answers each. */
  fail(error: string): void;
  /** A reply was cut off after a part of it was delivered; it cannot be answered any more. */
  tear(): void;
  /** Wants one more reply at the same place, for a request of `context`. False when that is not its place. */
  extend(context: Context): boolean;
}

/** A reply that is still owed. */
export interface Deferred extends Receiver {
  /** Gives the reply: RESP bytes, which the caller must not change afterwards. Further calls do nothing. */
  complete(bytes: readonly Buffer[]): void;
  /** Called, at most once, when the client goes before the reply is there. */
  onAbandoned: (() => void) | undefined;
  /** The client has gone, so that nobody will read the reply; this is known before `onAbandoned` is called. */
  readonly isAbandoned: boolean;
}

/** Which replies a client wants, as CLIENT REPLY says it. */
export type ReplyMode = 'on' | 'off' | 'skip';

/** What commands may know and change of the connection that they serve, and of the others. */
export interface Client extends TrackingClient, Author {
  readonly id: number;
  /** `ip:port` of the client's end and of ours. */
  readonly address: string;
  readonly localAddress: string;
  readonly kind: 'normal' | 'pubsub';
  name: string;
  /** What the client library says of itself (CLIENT SETINFO). */
  libraryName: string;
  libraryVersion: string;
  protocol: Protocol;
  isAuthenticated: boolean;
  /** CLIENT NO-EVICT. */
  isKeptFromEviction: boolean;
  /** CLIENT NO-TOUCH: this client's reads do not count as use. */
  isUntouching: boolean;
  /** The client is shown what all clients run (MONITOR). */
  isMonitor: boolean;
  setReplyMode(mode: ReplyMode): void;
  /** The reply to the request that runs is unwanted. */
  readonly isMuted: boolean;
  /** Its requests wait until something happens (a blocking command). */
  readonly isBlocked: boolean;
  /**
   * Ends its waiting, with an error or as if the time were over (CLIENT UNBLOCK). False when it waits for nothing that
   * has an end, as a paused client.
   */
  unblock(withError: boolean): boolean;
  /** Bytes of requests that have not been run, and of replies that the client has not read. */
  pendingBytes(): number;
  unreadBytes(): number;
  /** Bytes of both and of the room for more requests. */
  bufferBytes(): number;
  /** The line that CLIENT INFO and CLIENT LIST print, without its end. */
  describe(): string;
  /** Sends bytes that answer no request, behind the replies that are on their way. */
  push(bytes: Buffer): void;
  /** Makes the connection as good as new, for RESET. */
  reset(): void;
  /** Closes the connection once the replies written so far have been sent. */
  closeAfterReply(): void;
  /** Closes the connection at once. */
  destroy(): void;
}

/** The limit on memory; see execution/max-memory.ts. */
export interface MemoryLimit {
  readonly isSet: boolean;
  /** Makes room before a command runs; whether it must be refused because there is none. */
  refuses(command: Command): boolean;
  /** For how long memory has been over the limit, in microseconds: this time, and altogether. */
  readonly exceeded: { readonly nowUs: number; readonly totalUs: number };
  resetStats(): void;
}

/** What the append log is told; see execution/propagation.ts. */
export interface Propagating {
  /** There is a log; `recordAs` asks too, and who has much to say to it may ask before. */
  readonly isOn: boolean;
  /** Runs a command's handler, and records what it has changed. Throws what the handler throws. */
  run(context: Context, command: Command, args: Args, reply: ReplyWriter): void;
  /** The request was refused after all: what was to be recorded in its place is dropped. */
  forget(): void;
  /** See Context.recordAs. */
  recordAs(words: readonly Word[]): void;
  /**
   * What is recorded from `begin` to `end` is loaded as a whole or not at all (MULTI and EXEC). They may be nested, and
   * lie in one turn of the event loop.
   */
  begin(): void;
  end(): void;
  /** Records now what `recordAs` was told for `by`, whose request has run long ago: a waiting client was served. */
  recordServed(by: Context): void;
}

/** A snapshot that is being written. */
export interface RunningSnapshot {
  readonly keysWritten: number;
  readonly keysTotal: number;
  /** Bytes that wait for the disk, now and at most. */
  readonly waitingBytes: number;
  readonly waitingBytesPeak: number;
}

export type ReloadOutcome = 'done' | 'not saved' | 'not loaded';

/** How DEBUG RELOAD loads. */
export interface ReloadOptions {
  /** A snapshot is written first; unless it is said, it is. */
  saves?: boolean;
  /** The store is emptied before; unless it is said, it is. */
  empties?: boolean;
  /** Buckets of the file take the place of those that are there; otherwise that is an error. */
  replaces?: boolean;
}

/** The snapshot file of the node. */
export interface SnapshotServices {
  readonly isSaving: boolean;
  /** One is written as soon as nothing else is. */
  readonly isScheduled: boolean;
  /** The node may write files: `dir` is not empty. */
  readonly hasFolder: boolean;
  /** Since when a snapshot is being written. */
  readonly startedAtMs: number | undefined;
  readonly lastSavedAtMs: number;
  readonly lastStatus: 'ok' | 'err';
  /** How long the last one in the background took; -1 when there was none. */
  readonly lastSeconds: number;
  /** The most bytes that waited for the disk while the last one was written. */
  readonly lastWaitingBytes: number;
  readonly saves: number;
  readonly changesSinceSave: number;
  readonly snapshot: RunningSnapshot | undefined;
  readonly keysLoaded: number;
  readonly keysExpired: number;
  readonly loading: LoadingState | undefined;
  /** Writes a snapshot; none may be on its way. Rejects with the disk's error. */
  save(): Promise<void>;
  /** Writes a snapshot of this moment, in the background; nothing may be written, nor the log rewritten. */
  saveInBackground(): void;
  /** As `saveInBackground`, as soon as nothing is being written. */
  schedule(): void;
}

/** How a node is to stop. */
export interface ShutdownOptions {
  /** Whether a last snapshot is written; when it is undefined, where there are save points. */
  saves?: boolean | undefined;
  /** It stops also when the disk does not take what is to be kept. */
  isForced?: boolean;
}

/** What commands may know and change of the node that they run on. */
export interface NodeServices {
  readonly propagation: Propagating;
  readonly settings: Settings;
  readonly table: CommandTable;
  readonly stats: Stats;
  readonly clock: Clock;
  readonly log: Log;
  readonly clients: ReadonlyMap<number, Client>;
  readonly slowlog: Slowlog;
  readonly latency: LatencyMonitor;
  readonly monitors: Monitors;
  readonly pause: Pause;
  readonly maxMemory: MemoryLimit;
  readonly pubsub: PubSub;
  readonly events: KeyspaceEvents;
  readonly waits: Waits;
  readonly tracking: Tracking;
  /** 40 hexadecimal digits, drawn at the start. */
  readonly runId: string;
  readonly startedAtMs: number;
  readonly shards: ShardServices;
  readonly snapshots: SnapshotServices;
  readonly appendLog: AppendLogServices;
  /** The RESP port that clients reach. */
  readonly port: number;
  /** The file that the settings were read from. */
  readonly configFile: string | undefined;
  /** Whether buckets that have expired are looked for in the background; `DEBUG SET-ACTIVE-EXPIRE`. */
  isExpiringActively: boolean;
  /**
   * Brings to disk what is to be kept, and then stops the node in good order. Rejects when the disk does not take it;
   * then the node goes on.
   */
  shutDown(options: ShutdownOptions): Promise<void>;
  /** Ends a `shutDown` that is under way, which rejects. False when there is none. */
  abortShutdown(): boolean;
  /** DEBUG RELOAD: writes the snapshot file and loads it. Gives how that went; what was wrong is in the log. */
  reload(options: ReloadOptions): Promise<ReloadOutcome>;
}

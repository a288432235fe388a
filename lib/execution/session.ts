/**
 * A session: what one connection has said and chosen. It is the context of every command that the connection runs.
 */
import type { Hold, Unblockable } from './blocking.js';
import type { Holder } from './held-back.js';
import type { NodeState } from './node-state.js';
import { Transaction } from './transaction.js';
import type { Watches } from './watches.js';
import type { Client, Context, Deferred, EventClass, ReplyMode, Wait, Word } from '../commands/context.js';
import type { Command } from '../commands/table.js';
import type { Args } from '../protocol/args.js';
import type { Protocol } from '../protocol/reply-writer.js';
import type { KeyspaceEvents } from '../pubsub/keyspace-events.js';
import type { Subscriptions, TopicKind } from '../pubsub/subscriber.js';
import type { Author, Origin, Tracking, TrackingState } from '../pubsub/tracking.js';
import type { Keyspace } from '../store/keyspace.js';
import type { Store } from '../store/store.js';
import type { Slice } from '../util/bytes.js';

/** What a session needs of its connection; a session without a connection defers nothing. */
export interface Transport {
  readonly address: string;
  readonly localAddress: string;
  readonly fileDescriptor: number;
  /** Requests wait, because the client holds itself or is paused. */
  readonly isHeld: boolean;
  /** See Context. */
  recordedAt: number;
  /** Bytes of requests that have not been run. */
  pendingBytes(): number;
  /** Bytes that are kept free for more of them. */
  spareBytes(): number;
  /** Bytes of replies that the client has not read. */
  unreadBytes(): number;
  defer(holds: boolean, mayBeOvertaken: boolean): Deferred;
  /** Replies are promised that have not come. */
  readonly isOwed: boolean;
  /** Keeps the request, and runs it and what follows once `holder` lets it go on. */
  postpone(args: Args, holder: Holder): void;
  /** As `postpone`, once all replies that are promised have come. */
  postponeBehindOwed(args: Args): void;
  push(bytes: Buffer): void;
  closeAfterReply(): void;
  destroy(): void;
}

export class Session implements Context, Client, Author {
  db: Keyspace;
  protocol: Protocol = 2;
  name = '';
  libraryName = '';
  libraryVersion = '';
  isAuthenticated: boolean;
  isKeptFromEviction = false;
  isUntouching = false;
  isMonitor = false;
  subscriptions: Subscriptions | undefined;
  tracking: TrackingState | undefined;
  /** On a peer's link: the client of the peer whose request runs. */
  origin: Origin | undefined;
  /** Some reply is unwanted: the connection must look closer, at this one or the next (CLIENT REPLY). */
  isReplyLimited = false;
  lastCommand: Command | undefined;
  lastActiveMs: number;
  mayWait = true;
  /** MULTI has been said: requests are kept for EXEC. */
  isQueueing = false;
  /** What it watches and has queued, while there is any of it. */
  transaction: Transaction | undefined;
  /** Its place among the clients that wait. */
  waiting: Unblockable | undefined;
  /** The queue that stands still for it. */
  hold: Hold | undefined;

  private readonly createdAtMs: number;
  private readonly events: KeyspaceEvents;
  private readonly trackers: Tracking;
  private readonly watches: Watches;
  private replyMode: ReplyMode = 'on';
  private skipsNextReply = false;

  constructor(
    readonly id: number,
    readonly node: NodeState,
    readonly store: Store,
    private readonly transport: Transport,
  ) {
    this.db = store.databases[0]!;
    this.events = node.events;
    this.trackers = node.tracking;
    this.watches = node.watches;
    this.isAuthenticated = node.settings.text('requirepass') === '';
    this.createdAtMs = this.lastActiveMs = node.clock.nowMs();
  }

  get recordedAt(): number {
    return this.transport.recordedAt;
  }

  set recordedAt(position: number) {
    this.transport.recordedAt = position;
  }

  get client(): Client {
    return this;
  }

  get address(): string {
    return this.transport.address;
  }

  get localAddress(): string {
    return this.transport.localAddress;
  }

  get kind(): 'normal' | 'pubsub' {
    return this.subscriptions === undefined ? 'normal' : 'pubsub';
  }

  get isBlocked(): boolean {
    return this.transport.isHeld;
  }

  pendingBytes(): number {
    return this.transport.pendingBytes();
  }

  unreadBytes(): number {
    return this.transport.unreadBytes();
  }

  bufferBytes(): number {
    const { transport } = this;
    return transport.pendingBytes() + transport.spareBytes() + transport.unreadBytes();
  }

  changed(key: Slice, eventClass: EventClass, event: string): void {
    this.store.changes++;
    if (this.watches.count > 0) this.watches.touch(this.db, key);
    if (this.events.isOn) this.events.publish(this.db.index, key, eventClass, event);
    if (this.trackers.isOn) this.trackers.changed(key, this);
  }

  recordAs(...words: readonly Word[]): void {
    this.node.propagation.recordAs(words);
  }

  defer(holds: boolean, mayBeOvertaken = holds): Deferred {
    return this.transport.defer(holds, mayBeOvertaken);
  }

  wait(wait: Wait): void {
    this.waiting = this.node.waits.add(this, wait);
  }

  unblock(withError: boolean): boolean {
    if (this.waiting?.isWaiting !== true) return false;
    this.waiting.unblock(withError);
    return true;
  }

  /** For MULTI, EXEC and the others. */
  get steps(): Transaction {
    return (this.transaction ??= new Transaction(this));
  }

  /** What a transaction has queued counts as a request that is arriving. */
  get queuedBytes(): number {
    return this.transaction?.memory ?? 0;
  }

  /** Replies to requests that have been run are still to come. */
  get isOwed(): boolean {
    return this.transport.isOwed;
  }

  postpone(args: Args, holder: Holder): void {
    this.transport.postpone(args, holder);
  }

  postponeBehindOwed(args: Args): void {
    this.transport.postponeBehindOwed(args);
  }

  push(bytes: Buffer): void {
    this.transport.push(bytes);
  }

  closeAfterReply(): void {
    this.transport.closeAfterReply();
  }

  destroy(): void {
    this.transport.destroy();
  }

  /** Ends what it has to do with others. */
  leave(): void {
    this.transaction?.end();
    if (this.hold !== undefined) this.node.waits.release(this);
    if (this.isMonitor) this.node.monitors.remove(this);
    if (this.subscriptions !== undefined) this.node.pubsub.leave(this);
    if (this.tracking !== undefined) this.node.tracking.disable(this);
  }

  reset(): void {
    this.leave();
    this.db = this.store.databases[0]!;
    this.protocol = 2;
    this.name = '';
    this.isUntouching = false;
    this.isAuthenticated = this.node.settings.text('requirepass') === '';
    this.replyMode = 'on';
    this.skipsNextReply = false;
    this.isReplyLimited = false;
  }

  // ---- CLIENT REPLY

  setReplyMode(mode: ReplyMode): void {
    if (mode !== 'skip') this.replyMode = mode;
    else if (this.replyMode !== 'off') this.skipsNextReply = true;
    this.isReplyLimited = this.replyMode !== 'on' || this.skipsNextReply;
  }

  /** Whether the reply to the request that runs is unwanted. */
  get isMuted(): boolean {
    return this.replyMode !== 'on';
  }

  /** A request is over: the skipping of one reply begins or ends with it. */
  endRequest(): void {
    if (this.replyMode !== 'off') this.replyMode = this.skipsNextReply ? 'skip' : 'on';
    this.skipsNextReply = false;
    this.isReplyLimited = this.replyMode !== 'on';
  }

  // ---- CLIENT LIST

  describe(): string {
    const { transport } = this;
    const nowMs = this.node.clock.nowMs();
    const seconds = (sinceMs: number): number => Math.max(0, Math.floor((nowMs - sinceMs) / 1000));
    const pendingBytes = transport.pendingBytes();
    const unreadBytes = transport.unreadBytes();
    const subscribed = (kind: TopicKind): number => this.subscriptions?.count(kind) ?? 0;
    const library = this.libraryName + this.libraryVersion === '' ? '' : ` lib-name=${this.libraryName} lib-ver=${this.libraryVersion}`;
    return (
      `id=${this.id} addr=${this.address} laddr=${this.localAddress} fd=${transport.fileDescriptor} name=${this.name} ` +
      `age=${seconds(this.createdAtMs)} idle=${seconds(this.lastActiveMs)} flags=${this.flags()} db=${this.db.index} ` +
      `sub=${subscribed('channel')} psub=${subscribed('pattern')} ssub=${subscribed('shard')} multi=${this.isQueueing ? this.transaction!.commands.length : -1} qbuf=${pendingBytes} qbuf-free=${transport.spareBytes()} argv-mem=0 multi-mem=${this.transaction?.memory ?? 0} rbs=0 rbp=0 obl=0 ` +
      `oll=${unreadBytes > 0 ? 1 : 0} omem=${unreadBytes} tot-mem=${this.bufferBytes() + (this.transaction?.memory ?? 0)} ` +
      `events=${unreadBytes > 0 ? 'rw' : 'r'} cmd=${this.lastCommand?.fullName ?? 'NULL'} user=default redir=${this.tracking?.redirect ?? -1} ` +
      `resp=${this.protocol}${library}`
    );
  }

  private flags(): string {
    const flags = (this.isMonitor ? 'O' : '') + (this.subscriptions === undefined ? '' : 'P') + (this.isQueueing ? 'x' : '') + (this.isBlocked ? 'b' : '') + this.trackingFlags() + (this.transaction?.isStale === true ? 'd' : '') + (this.isKeptFromEviction ? 'e' : '');
    return flags === '' ? 'N' : flags;
  }

  private trackingFlags(): string {
    if (this.tracking === undefined) return '';
    return `t${this.tracking.isRedirectBroken ? 'R' : ''}${this.tracking.isBroadcast ? 'B' : ''}`;
  }
}

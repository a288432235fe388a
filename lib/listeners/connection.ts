/**
 * A connection: one client's socket with its session. This half is the same for RESP and for the line protocol: when
 * requests are run and when they must wait, in which order replies leave, and how a connection ends. The subclasses
 * say how bytes become requests.
 *
 * Order. Most replies are there as soon as their request has run, and go to the outbox. A reply that comes later (from
 * a peer, or when a wait is over) takes its place in `owed`; what follows is kept behind it. `owed` is nearly always
 * empty.
 *
 * Holding. Requests are not run while the client holds itself (a blocking command), while its replies are not being
 * read, or while too much is owed. Then the socket is not read either, so nothing piles up here: the sender's own
 * TCP window fills.
 */
import type { Accepted, SocketOwner } from './tcp-listener.js';
import type { Outbox, Outlet } from './outbox.js';
import type { Context, Deferred } from '../commands/context.js';
import type { Executor } from '../execution/execute.js';
import type { Holder } from '../execution/held-back.js';
import type { DurabilityWaiter } from '../execution/propagation.js';
import { Session, type Transport } from '../execution/session.js';
import type { NodeState } from '../execution/node-state.js';
import { Args, setArgs } from '../protocol/args.js';
import type { Socket } from 'node:net';

/** Replies of one batch are sent on when they are this many bytes, so that a slow reader is noticed. */
const BATCH_BYTES_MAX = 256 * 1024;
/** With so many replies owed, or so many bytes kept behind them, no further request is run. */
const OWED_MAX = 4096;
const OWED_BYTES_MAX = 16 * 1024 * 1024;
/**
 * A client that holds itself is still read, so that its leaving is noticed, until so many bytes wait. One that sent
 * more is not: ten thousand of them must not take gigabytes. Its leaving is noticed when its wait is over.
 */
const HELD_INPUT_BYTES_MAX = 64 * 1024;
const NOTHING = Buffer.alloc(0);
/** After so long without a request a client is at rest. */
const REST_MS = 2000;

/** A place in the order of replies: for replies that are promised (`wanted`), and what has arrived of them. */
class Owed implements Deferred {
  onAbandoned: (() => void) | undefined;
  wanted: number;
  /** A part of the next reply has come and the rest has not. */
  private hasBegun = false;

  constructor(
    readonly connection: Connection,
    readonly holds: boolean,
    /** The client waits: what is pushed need not wait with it. */
    private readonly isOvertakable: boolean,
    readonly isMuted: boolean,
    /** What has arrived and must wait for replies in front of it. */
    public pieces?: Buffer[],
  ) {
    this.wanted = pieces === undefined ? 1 : 0;
  }

  /** No part of the reply has left either. */
  get mayBeOvertaken(): boolean {
    return this.isOvertakable && !this.hasBegun;
  }

  get isAbandoned(): boolean {
    return this.connection.isGone;
  }

  extend(context: Context): boolean {
    return context === this.connection.session && this.connection.extend(this);
  }

  complete(pieces: readonly Buffer[]): void {
    if (this.wanted > 0) this.connection.settle(this, this.wanted, pieces);
  }

  deliver(bytes: Buffer, start: number, end: number, whole: number): void {
    this.hasBegun = whole === 0;
    this.connection.deliver(this, bytes, start, end, whole);
  }

  fail(error: string): void {
    this.complete([Buffer.from(`-${error}\r\n`.repeat(this.wanted), 'latin1')]);
  }

  tear(): void {
    this.connection.destroy();
  }
}

export abstract class Connection implements Outlet, Transport, DurabilityWaiter, SocketOwner {
  /** For the outbox. */
  queued: Buffer[] | undefined;
  readonly session: Session;
  readonly fileDescriptor: number;
  /** Here rather than in the session, which a message to a subscriber then need not look at. */
  recordedAt = 0;
  whenClosed: ((connection: Connection) => void) | undefined;
  protected readonly socket: Socket;

  private owed: Owed[] = [];
  private owedReplies = 0;
  private owedBytes = 0;
  private holds = 0;
  /** Replies that wait until the disk has what they speak of (`appendfsync always`). */
  private undurable: Buffer[] | undefined;
  /** The request that is held back: by a pause, here or at a peer, or until what is owed has come. */
  private postponed: Args | undefined;
  private holder: Holder | undefined;
  private isBehindOwed = false;
  private goOnOfThis: (() => void) | undefined;
  private onWrittenOfThis: (() => void) | undefined;
  /** Nobody wants the reply to the request that runs, which is all that the writer holds. */
  private isMutedRequest = false;
  /** The client does not read its replies. */
  private isBacklogged = false;
  private isRunning = false;
  /** Requests have arrived that had to wait. */
  private isWaiting = false;
  private isReading = true;
  private willResume = false;
  /** No request is run any more; the connection ends when the replies have left. */
  private isEnding = false;
  private hasEnded = false;
  /** The client has closed its side of the connection. */
  private hasPeerEnded = false;
  /** Since when the unread replies have been over the soft limit; 0 when they are not. */
  private overSoftLimitSinceMs = 0;
  private addressText: string | undefined;

  constructor(
    accepted: Accepted,
    protected readonly node: NodeState,
    protected readonly executor: Executor,
    protected readonly outbox: Outbox,
  ) {
    this.socket = accepted.socket;
    this.fileDescriptor = accepted.fileDescriptor;
    this.session = new Session(node.nextClientId(), node, node.store, this);
    accepted.read(this);
  }

  /** Takes the first `length` bytes; they are the socket's again once their requests have been run or retained. */
  protected abstract feed(bytes: Buffer, length: number): void;
  /** Runs the next request with `execute`. False when there is none yet. */
  protected abstract runNext(): boolean;
  /** Copies what has not been decoded out of the chunk. */
  protected abstract retain(): void;
  abstract pendingBytes(): number;
  abstract spareBytes(): number;
  /** Gives back room that only a client in the midst of requests needs. */
  protected abstract rest(): void;

  get address(): string {
    return (this.addressText ??= endPoint(this.socket.remoteAddress, this.socket.remotePort));
  }

  get localAddress(): string {
    return endPoint(this.socket.localAddress, this.socket.localPort);
  }

  get isHeld(): boolean {
    return this.holds > 0;
  }

  get isOwed(): boolean {
    return this.owedReplies > 0;
  }

  /** The connection has ended, although not everybody may have been told. */
  get isGone(): boolean {
    return this.socket.destroyed;
  }

  unreadBytes(): number {
    return this.socket.writableLength + this.owedBytes;
  }

  /** For CLIENT KILL: ends the connection without a further word. */
  destroy(): void {
    this.socket.destroy();
  }

  /** For shutdown: ends the connection after the replies to what has been run; who waits has waited in vain. */
  close(): void {
    if (this.holds > 0) this.destroy();
    else this.closeAfterReply();
  }

  /** Stops running requests, sends the replies that are owed, and ends the connection. */
  closeAfterReply(): void {
    if (this.isEnding) return;
    this.isEnding = true;
    this.stopReading();
    if (!this.isRunning) this.endWhenDone();
  }

  /** Closes the connection when it is idle for too long or its replies stay unread; asked from time to time. */
  keepLimits(nowMs: number): void {
    const { idleMsMax } = this.node.limits;
    const { session } = this;
    const idleMs = nowMs - session.lastActiveMs;
    if (idleMs > REST_MS) this.rest();
    if (idleMsMax > 0 && !this.isHeld && !session.isMonitor && session.kind === 'normal' && idleMs > idleMsMax) {
      this.node.log.debug('Closing idle client');
      this.destroy();
    } else if (this.overSoftLimitSinceMs > 0) this.keepOutputLimit();
  }

  // ---- requests

  onChunk(bytes: Buffer, length: number): void {
    const { stats } = this.node;
    stats.inputBytes += length;
    stats.reads++;
    if (this.isEnding) return;
    try {
      this.feed(bytes, length);
      if (this.mayRun()) return this.run();
      this.isWaiting = true;
      this.retain();
      this.governReading();
      if (this.holds > 0) this.hearHeld();
    } catch (error) {
      this.fail(error);
    }
  }

  private mayRun(): boolean {
    return (
      this.holds === 0 &&
      !this.isBacklogged &&
      !this.isEnding &&
      this.owedReplies < OWED_MAX &&
      this.owedBytes < OWED_BYTES_MAX
    );
  }

  /** Runs the requests that have arrived, until there is none or they must wait. */
  private run(): void {
    this.isRunning = true;
    this.node.beginBatch();
    const { reply } = this.outbox;
    reply.protocol = this.session.protocol;
    this.session.lastActiveMs = this.node.store.nowMs;
    if (this.postponed !== undefined) this.runPostponed(this.postponed);
    let hasMore = true;
    while (hasMore && this.mayRun()) {
      hasMore = this.runNext();
      if (reply.length > BATCH_BYTES_MAX) this.emit(true);
    }
    this.emit(false);
    this.node.endBatch();
    this.isRunning = false;
    this.isWaiting = hasMore;
    if (this.isEnding) return this.endWhenDone();
    if (hasMore) this.retain();
    else if (this.hasPeerEnded) return this.closeAfterReply();
    this.governReading();
    if (hasMore && this.holds > 0) this.hearHeld();
  }

  /** Requests have arrived behind one that holds the client: a peer's may be about that one. */
  protected hearHeld(): void {
    // For clients they wait.
  }

  /** Runs what waits, if it may. Not at once: another connection may be in the midst of its batch. */
  private resumeSoon(): void {
    if (this.willResume) return;
    this.willResume = true;
    setImmediate(() => {
      this.willResume = false;
      if (!this.mayRun() || this.socket.destroyed) return;
      try {
        this.run();
      } catch (error) {
        this.fail(error);
      }
    });
  }

  /** Reads the socket or lets it wait. */
  private governReading(): void {
    const waitingBytes = this.pendingBytes() + this.session.queuedBytes;
    if (waitingBytes > this.node.limits.queryBytesMax) return this.closeForQuery();
    if (this.mayRun() || (this.holds > 0 && waitingBytes < HELD_INPUT_BYTES_MAX)) this.startReading();
    else this.stopReading();
  }

  /** Runs one request, and drops its reply when the client wants none. */
  protected execute(args: Args): void {
    const { session } = this;
    const { reply } = this.outbox;
    if (session.isReplyLimited) this.beginLimited();
    const mark = reply.length;
    this.executor.execute(session, args, reply);
    const wasMuted = this.isMutedRequest;
    this.isMutedRequest = false;
    if (session.isReplyLimited && this.postponed === undefined) {
      if (wasMuted && session.isMuted && reply.length > mark) reply.rewind(mark);
      session.endRequest();
    }
    reply.protocol = session.protocol;
  }

  /** The next request's reply may be unwanted: then all that is written until its end is. */
  private beginLimited(): void {
    this.emit(false);
    this.isMutedRequest = this.session.isMuted;
  }

  private keepRequest(args: Args): void {
    const copies = Array.from({ length: args.count }, (_, index) => args.copy(index));
    this.postponed = setArgs(new Args(), copies);
    this.holds++;
  }

  postpone(args: Args, holder: Holder): void {
    this.keepRequest(args);
    this.holder = holder;
    holder.wait(this.goOn);
  }

  postponeBehindOwed(args: Args): void {
    this.keepRequest(args);
    this.isBehindOwed = true;
  }

  /** Made when it is first needed: few connections are ever held back. */
  private get goOn(): () => void {
    return (this.goOnOfThis ??= () => {
      this.isBehindOwed = false;
      this.holder = undefined;
      this.holds--;
      this.resumeSoon();
    });
  }

  private runPostponed(args: Args): void {
    this.postponed = undefined;
    this.execute(args);
  }

  /** A mistake of ours in this connection's handling must not end the node: it ends the connection. */
  private fail(error: unknown): void {
    const stack = error instanceof Error ? error.stack : String(error);
    this.node.log.error(`Internal error, closing client ${this.address}; please report it: ${stack}`);
    if (this.isRunning) this.outbox.reply.rewind(0);
    this.isRunning = false;
    this.destroy();
  }

  private closeForQuery(): void {
    this.node.stats.queryLimitDisconnections++;
    this.node.log.warning(`Closing client that reached max query buffer length: ${this.session.describe()}`);
    this.destroy();
  }

  private stopReading(): void {
    if (!this.isReading) return;
    this.isReading = false;
    this.socket.pause();
  }

  private startReading(): void {
    if (this.isReading) return;
    this.isReading = true;
    this.socket.resume();
  }

  // ---- replies

  /** Sends what has been written so far, or keeps it behind what is owed. */
  private emit(isUrgent: boolean): void {
    const { outbox } = this;
    if (outbox.reply.length === 0) return;
    if (this.owed.length === 0) {
      outbox.collect(this);
      if (isUrgent) outbox.flush();
      return;
    }
    // The writer's memory is used again; what is kept for later is copied.
    this.keep(Buffer.concat(outbox.reply.take()));
  }

  /** Keeps bytes behind the replies that are owed. */
  private keep(bytes: Buffer): void {
    this.owedBytes += bytes.length;
    this.owed.push(new Owed(this, false, false, false, [bytes]));
  }

  /**
   * What answers no request leaves behind the replies that are on their way, but not behind one that the client waits
   * for itself (a blocking command): that may take for ever.
   */
  push(bytes: Buffer): void {
    if (this.isRunning) this.makeRoom();
    const { owed } = this;
    const isOvertaking = owed.length > 0 && owed[owed.length - 1]!.mayBeOvertaken;
    if (owed.length === (isOvertaking ? 1 : 0)) return this.outbox.add(this, [bytes]);
    this.keep(bytes);
    if (isOvertaking) owed.push(...owed.splice(-2, 1));
  }

  /** Something else comes here: what has been written so far goes on its way, or away when nobody wants it. */
  private makeRoom(): void {
    if (this.isMutedRequest) this.outbox.reply.rewind(0);
    else this.emit(false);
  }

  defer(holds: boolean, mayBeOvertaken = holds): Deferred {
    this.makeRoom();
    const owed = new Owed(this, holds, mayBeOvertaken, this.session.isMuted);
    // A literal has room for one, which is all that most who wait will need; `push` would make room for 17.
    if (this.owed.length === 0) this.owed = [owed];
    else this.owed.push(owed);
    this.owedReplies++;
    if (holds) this.holds++;
    return owed;
  }

  /** Promises one more reply at the place of `owed`, when nothing has been promised or written behind it. */
  extend(owed: Owed): boolean {
    if (this.owed[this.owed.length - 1] !== owed || this.outbox.reply.length > 0) return false;
    if (owed.isMuted !== this.session.isMuted) return false;
    owed.wanted++;
    this.owedReplies++;
    return true;
  }

  /** Bytes of owed replies, `whole` of which end in them: straight on when nothing is in front of them. */
  deliver(owed: Owed, bytes: Buffer, start: number, end: number, whole: number): void {
    if (this.socket.destroyed) return this.settle(owed, whole, []);
    if (this.owed[0] !== owed || owed.isMuted) {
      return this.settle(owed, whole, [Buffer.from(bytes.subarray(start, end))]);
    }
    const { outbox } = this;
    outbox.reply.raw(bytes, start, end - start);
    outbox.collect(this);
    if (whole > 0) this.settle(owed, whole, []);
  }

  /** Owed replies are there: what can leave now, leaves, and requests that waited for it are run. */
  settle(settled: Owed, whole: number, pieces: readonly Buffer[]): void {
    // Also when the client has gone: a link goes by it to tell whose the next reply is.
    settled.wanted -= whole;
    if (this.socket.destroyed) return;
    this.owedReplies -= whole;
    if (!settled.isMuted && pieces.length > 0) {
      settled.pieces = settled.pieces === undefined ? [...pieces] : [...settled.pieces, ...pieces];
      for (const piece of pieces) this.owedBytes += piece.length;
    }
    if (settled.wanted === 0) {
      settled.onAbandoned = undefined;
      if (settled.holds) this.holds--;
    }
    if (this.owed[0] === settled) this.release();
    if (this.isBehindOwed && this.owedReplies === 0) this.goOn();
    if (this.isRunning) return;
    if (this.isEnding) this.endWhenDone();
    else if (this.isWaiting || !this.isReading || settled.holds) this.resumeSoon();
  }

  /** Sends on what is there at the front of what is owed. */
  private release(): void {
    let done = 0;
    for (; done < this.owed.length; done++) {
      const owed = this.owed[done]!;
      const { pieces } = owed;
      if (pieces !== undefined) {
        for (const piece of pieces) this.owedBytes -= piece.length;
        this.outbox.add(this, pieces);
        owed.pieces = undefined;
      }
      if (owed.wanted > 0) break;
    }
    if (done === this.owed.length) this.owed = [];
    else if (done > 0) this.owed.splice(0, done);
  }

  /** For the outbox: writes to the socket, unless the replies speak of what must reach the disk first. */
  send(pieces: readonly Buffer[]): boolean {
    const { recordedAt } = this;
    if (recordedAt === 0) return this.transmit(pieces);
    const { log } = this.node.propagation;
    if (log === undefined || (this.undurable === undefined && recordedAt <= log.durable)) {
      this.recordedAt = 0;
      return this.transmit(pieces);
    }
    const bytes = Buffer.concat(pieces);
    this.owedBytes += bytes.length;
    if (this.undurable === undefined) this.undurable = [bytes];
    else this.undurable.push(bytes);
    log.whenDurable(recordedAt, this);
    return true;
  }

  /** The oldest replies that waited for the disk may leave. */
  onDurable(): void {
    const undurable = this.undurable!;
    const bytes = undurable.shift()!;
    if (undurable.length === 0) this.undurable = undefined;
    this.owedBytes -= bytes.length;
    this.transmit([bytes]);
    if (this.isEnding) this.endWhenDone();
    else if (this.isWaiting || !this.isReading) this.resumeSoon();
  }

  /** The disk does not take what the client was to be told is there. It is told nothing. */
  onNotDurable(): void {
    this.destroy();
  }

  private transmit(pieces: readonly Buffer[]): boolean {
    const { socket } = this;
    if (!socket.writable) return true;
    const { stats } = this.node;
    stats.writes++;
    if (pieces.length > 1) socket.cork();
    for (const piece of pieces) {
      stats.outputBytes += piece.length;
      socket.write(piece, this.isBacklogged ? this.onWritten : undefined);
    }
    if (pieces.length > 1) socket.uncork();
    if (socket.writableLength === 0) return true;
    // Nearly all replies leave at once, and then nobody wants to hear of it: a callback for each costs.
    if (!this.isBacklogged) socket.write(NOTHING, this.onWritten);
    this.isBacklogged = true;
    if (!this.isRunning) this.stopReading();
    this.keepOutputLimit();
    return false;
  }

  /** A monitor gets what it did not ask for piece by piece, as a subscriber does, and has a subscriber's limits. */
  protected get outputKind(): 'normal' | 'pubsub' {
    return this.session.isMonitor ? 'pubsub' : this.session.kind;
  }

  /** Closes the connection when it leaves too many bytes of replies unread, or many for too long. */
  private keepOutputLimit(): void {
    const { limits, clock } = this.node;
    const { hardBytes, softBytes, softMs } = limits.outputOf(this.outputKind);
    const unreadBytes = this.unreadBytes();
    if (softBytes === 0 || unreadBytes < softBytes) this.overSoftLimitSinceMs = 0;
    else if (this.overSoftLimitSinceMs === 0) this.overSoftLimitSinceMs = clock.nowMs();
    const isOverHard = hardBytes > 0 && unreadBytes >= hardBytes;
    const isOverSoft = this.overSoftLimitSinceMs > 0 && clock.nowMs() - this.overSoftLimitSinceMs > softMs;
    if (!isOverHard && !isOverSoft) return;
    this.node.stats.outputLimitDisconnections++;
    this.node.log.warning(`Client ${this.session.describe()} closed for overcoming of output buffer limits.`);
    this.destroy();
  }

  /** Called when the system has taken a piece. When it has taken all, a client that did not read reads again. */
  private get onWritten(): () => void {
    return (this.onWrittenOfThis ??= () => {
      if (!this.isBacklogged || this.socket.writableLength > 0) return;
      this.isBacklogged = false;
      this.overSoftLimitSinceMs = 0;
      this.resumeSoon();
    });
  }

  // ---- the end

  /** The client has closed its side: what it sent is answered, then the connection ends. */
  onPeerEnd(): void {
    this.hasPeerEnded = true;
    if (this.holds > 0) this.destroy();
    else if (this.mayRun()) this.closeAfterReply();
  }

  private endWhenDone(): void {
    if (this.hasEnded || this.owed.length > 0) return;
    this.outbox.flush();
    if (this.undurable !== undefined) return;
    this.hasEnded = true;
    this.socket.end();
    // What the client still sends is read and dropped until it closes too, so that no reset overtakes the last reply.
    this.startReading();
    this.linger(Infinity);
  }

  /** Waits for the client to close, as long as it reads what is left for it. */
  private linger(unreadBytesBefore: number): void {
    const timer = setTimeout(() => {
      const unreadBytes = this.socket.writableLength;
      if (unreadBytes > 0 && unreadBytes < unreadBytesBefore) this.linger(unreadBytes);
      else this.socket.destroy();
    }, this.node.limits.lingerMs);
    this.socket.once('close', () => clearTimeout(timer));
  }

  onClose(): void {
    this.whenClosed?.(this);
    this.isEnding = true;
    this.node.clients.delete(this.session.id);
    this.holder?.forget(this.goOn);
    this.session.leave();
    const { owed } = this;
    this.owed = [];
    for (const each of owed) {
      const { onAbandoned } = each;
      each.onAbandoned = undefined;
      onAbandoned?.();
    }
  }
}

/** `ip:port`, with an IPv6 address in brackets and an IPv4 address as itself also when it came over IPv6. */
function endPoint(ip: string | undefined, port: number | undefined): string {
  if (ip === undefined) return '?:0';
  const plain = ip.startsWith('::ffff:') ? ip.slice(7) : ip;
  return plain.includes(':') ? `[${plain}]:${port}` : `${plain}:${port}`;
}

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
import type { Accepted } from './tcp-listener.js';
import type { Outbox, Outlet } from './outbox.js';
import type { Deferred } from '../commands/context.js';
import type { Executor } from '../execution/execute.js';
import { Session, type Transport } from '../execution/session.js';
import type { NodeState } from '../execution/node-state.js';
import type { Args } from '../protocol/args.js';
import type { Socket } from 'node:net';

/** Replies of one batch are sent on when they are this many bytes, so that a slow reader is noticed. */
const BATCH_BYTES_MAX = 256 * 1024;
/** With so many replies owed, or so many bytes kept behind them, no further request is run. */
const OWED_MAX = 4096;
const OWED_BYTES_MAX = 16 * 1024 * 1024;
/** A client that holds itself is still read, so that its leaving is noticed, until so many bytes wait. */
const HELD_INPUT_BYTES_MAX = 64 * 1024;

/** A place in the order of replies: promised (`pieces` undefined) or there. */
class Owed implements Deferred {
  onAbandoned: (() => void) | undefined;

  constructor(
    private readonly connection: Connection,
    readonly holds: boolean,
    private readonly isMuted: boolean,
    public pieces?: readonly Buffer[],
  ) {}

  complete(pieces: readonly Buffer[]): void {
    if (this.pieces !== undefined) return;
    this.pieces = this.isMuted ? [] : pieces;
    this.onAbandoned = undefined;
    this.connection.settle(this);
  }
}

export abstract class Connection implements Outlet, Transport {
  readonly session: Session;
  protected readonly socket: Socket;

  private owed: Owed[] = [];
  private owedBytes = 0;
  private holds = 0;
  /** The client does not read its replies. */
  private isBacklogged = false;
  private isRunning = false;
  private isReading = true;
  /** No request is run any more; the connection ends when the replies have left. */
  private isEnding = false;
  private hasEnded = false;
  /** The client has closed its side of the connection. */
  private hasPeerEnded = false;

  constructor(
    accepted: Accepted,
    protected readonly node: NodeState,
    protected readonly executor: Executor,
    protected readonly outbox: Outbox,
  ) {
    this.socket = accepted.socket;
    this.session = new Session(node.nextClientId(), node, node.store, this);
    this.socket.on('drain', () => this.onDrain());
    this.socket.on('end', () => this.onPeerEnd());
    this.socket.on('error', () => this.socket.destroy());
    this.socket.once('close', () => this.onClose());
    accepted.read((chunk) => this.onChunk(chunk));
  }

  /** Takes bytes from the socket; they are the reader's again when it returns. */
  protected abstract feed(chunk: Buffer): void;
  /** Runs the next request with `execute`. False when there is none yet. */
  protected abstract runNext(): boolean;
  /** Copies what has not been decoded out of the chunk. */
  protected abstract retain(): void;
  /** How many bytes wait for the rest of their request. */
  protected abstract pendingBytes(): number;

  /** For CLIENT KILL and shutdown: ends the connection without a further word. */
  destroy(): void {
    this.socket.destroy();
  }

  /** Stops running requests, sends the replies that are owed, and ends the connection. */
  closeAfterReply(): void {
    this.isEnding = true;
    this.stopReading();
    if (!this.isRunning) this.endWhenDone();
  }

  // ---- requests

  private onChunk(chunk: Buffer): void {
    this.node.stats.inputBytes += chunk.length;
    if (this.isEnding) return;
    this.feed(chunk);
    if (this.mayRun()) this.run();
    else {
      this.retain();
      this.governReading();
    }
  }

  private mayRun(): boolean {
    return (
      this.holds === 0 && !this.isBacklogged && !this.isEnding &&
      this.owed.length < OWED_MAX && this.owedBytes < OWED_BYTES_MAX
    );
  }

  /** Runs the requests that have arrived, until there is none or they must wait. */
  private run(): void {
    if (this.isRunning) return;
    this.isRunning = true;
    this.node.beginBatch();
    const { reply } = this.outbox;
    reply.protocol = this.session.protocol;
    let hasMore = true;
    while (hasMore && this.mayRun()) {
      hasMore = this.runNext();
      if (reply.length > BATCH_BYTES_MAX) this.emit(true);
    }
    this.emit(false);
    this.isRunning = false;
    if (this.isEnding) return this.endWhenDone();
    if (hasMore) this.retain();
    else if (this.hasPeerEnded) return this.closeAfterReply();
    this.governReading();
  }

  /** Reads the socket or lets it wait. */
  private governReading(): void {
    const waitingBytes = this.pendingBytes();
    if (waitingBytes > this.node.limits.queryBytesMax) return this.closeForQuery();
    if (this.mayRun() || (this.holds > 0 && waitingBytes < HELD_INPUT_BYTES_MAX)) this.startReading();
    else this.stopReading();
  }

  /** Runs one request, and drops its reply when the client wants none. */
  protected execute(args: Args): void {
    const { session } = this;
    const { reply } = this.outbox;
    const mark = reply.length;
    this.executor.execute(session, args, reply);
    if (session.isMuted) reply.rewind(mark);
    reply.protocol = session.protocol;
  }

  private closeForQuery(): void {
    this.node.stats.queryLimitDisconnections++;
    this.node.log.warning(`Closing client ${this.describe()}: its unfinished request passed client-query-buffer-limit`);
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
    const kept = Buffer.concat(outbox.reply.take());
    this.owedBytes += kept.length;
    this.owed.push(new Owed(this, false, false, [kept]));
  }

  defer(holds: boolean): Deferred {
    this.emit(false);
    const owed = new Owed(this, holds, this.session.isMuted);
    this.owed.push(owed);
    if (holds) this.holds++;
    return owed;
  }

  /** An owed reply is there: what can leave now, leaves, and requests that waited for it are run. */
  settle(settled: Owed): void {
    if (this.socket.destroyed) return;
    for (const piece of settled.pieces!) this.owedBytes += piece.length;
    if (settled.holds) this.holds--;
    let done = 0;
    while (done < this.owed.length && this.owed[done]!.pieces !== undefined) {
      const { pieces } = this.owed[done++]!;
      for (const piece of pieces!) this.owedBytes -= piece.length;
      this.outbox.add(this, pieces!);
    }
    if (done === this.owed.length) this.owed = [];
    else if (done > 0) this.owed.splice(0, done);
    if (this.isRunning) return;
    if (this.isEnding) this.endWhenDone();
    else if (this.mayRun()) this.run();
  }

  /** Writes to the socket; for the outbox. */
  send(pieces: readonly Buffer[]): boolean {
    const { socket } = this;
    if (socket.destroyed || this.hasEnded) return true;
    for (const piece of pieces) {
      this.node.stats.outputBytes += piece.length;
      socket.write(piece);
    }
    const waitingBytes = socket.writableLength;
    if (waitingBytes === 0) return true;
    this.isBacklogged = true;
    if (!this.isRunning) this.stopReading();
    if (this.node.limits.isOverOutput(waitingBytes + this.owedBytes)) this.closeForOutput(waitingBytes);
    return false;
  }

  private closeForOutput(waitingBytes: number): void {
    this.node.stats.outputLimitDisconnections++;
    this.node.log.warning(
      `Closing client ${this.describe()}: ${waitingBytes} bytes of unread replies are over client-output-buffer-limit`,
    );
    this.destroy();
  }

  private onDrain(): void {
    this.isBacklogged = false;
    if (this.mayRun()) this.run();
  }

  // ---- the end

  /** The client has closed its side: what it sent is answered, then the connection ends. */
  private onPeerEnd(): void {
    this.hasPeerEnded = true;
    if (this.holds > 0) this.destroy();
    else if (this.mayRun()) this.closeAfterReply();
  }

  private endWhenDone(): void {
    if (this.hasEnded || this.owed.length > 0) return;
    this.outbox.flush();
    this.hasEnded = true;
    this.socket.end();
    // What the client still sends is read and dropped until it closes too, so that no reset overtakes the last reply;
    // one that does not close is not waited for.
    this.startReading();
    const linger = setTimeout(() => this.socket.destroy(), this.node.limits.lingerMs);
    this.socket.once('close', () => clearTimeout(linger));
  }

  private onClose(): void {
    this.isEnding = true;
    for (const owed of this.owed) {
      const { onAbandoned } = owed;
      owed.onAbandoned = undefined;
      onAbandoned?.();
    }
    this.owed = [];
    this.node.clients.delete(this.session.id);
  }

  protected describe(): string {
    return `id=${this.session.id} addr=${this.socket.remoteAddress}:${this.socket.remotePort}`;
  }
}

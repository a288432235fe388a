/**
 * A peer link: one connection to a peer, shared by all clients that speak the same protocol version in the same
 * database. Requests go out byte for byte as they came, and replies come back byte for byte.
 *
 *     clients --forward--> output --flush, once a turn--> wire
 *     clients <--deliver-- framer <------chunks---------- wire
 *
 * Order is everything here: a peer answers in the order in which it was asked, so `waiting` is a queue of who gets the
 * next replies. Requests of one client that follow each other closely are one entry of the queue (`Receiver.extend`),
 * and their replies travel as one piece.
 *
 * A link is `idle` (not wanted), `connecting` (requests queue up), `up`, or `down` (requests are refused at once, with
 * the reason) until the next attempt. A lost link answers what it owes with PEERLOST and sends nothing twice.
 *
 * A peer that is paused (CLIENT PAUSE) says so over each link that clients share, and what the pause is for then waits
 * with its clients: on the link it would hold up all others. While it is not known whether the peer is paused, all
 * that is for it waits so. See commands/client-pause.ts.
 */
import type { NodeAddress } from './node-address.js';
import { Queue } from './queue.js';
import { Answered, Asked } from './receivers.js';
import type { Dial, Wire } from './wire.js';
import type { PauseMode } from '../commands/client-pause.js';
import type { Context, Receiver } from '../commands/context.js';
import type { Command } from '../commands/table.js';
import { CommandError } from '../errors.js';
import { HeldBack, type Holder, isForPauseOfWrites } from '../execution/held-back.js';
import type { Session } from '../execution/session.js';
import { encodeRequest } from '../protocol/args.js';
import { textsOf } from '../protocol/reply-texts.js';
import { NOT_RESP, PUSH, ReplyFramer } from '../protocol/reply-framer.js';
import { ReplyWriter, type Protocol } from '../protocol/reply-writer.js';

export type LinkState = 'idle' | 'connecting' | 'up' | 'down';

/** What a link needs to know of the peer that it leads to, and tells it. */
export interface LinkOwner {
  readonly name: string;
  readonly address: NodeAddress;
  readonly limits: LinkLimits;
  readonly dial: Dial;
  /** Says on a fresh wire who we are; calls `ready` when requests may follow. */
  introduce(link: PeerLink, ready: () => void): void;
  /** The link's state has changed. */
  onLinkState(link: PeerLink, reason: string): void;
  /** What the peer has paused; undefined while that is not known. */
  readonly paused: PauseMode | undefined;
  /** Calls `answer` when all that clients have asked of the peer before is on its way. */
  whenSent(answer: () => void): void;
  /** A request was answered after so long. */
  onRoundTrip(ms: number): void;
  /** How long to wait before the next attempt. */
  retryMs(failures: number): number;
}

export interface LinkLimits {
  timeoutMs: number;
  queueBytesMax: number;
}

/** What is said of a request that has left and was not answered. */
export const DOUBT = 'the request may or may not have been executed';
/** So much of a reply that has not arrived whole is held back; a larger one is passed on piece by piece. */
const HELD_BYTES_MAX = 256 * 1024;
/** With this a push begins that tells of a pause. */
const PAUSE_PUSH = '>3\r\n$5\r\npause';
/** What is written at once; each such piece that leaves is a sign of life. */
const WRITE_BYTES_MAX = 1024 * 1024;

export class PeerLink implements Holder {
  state: LinkState = 'idle';
  /** Up, and nothing is held back: looked at before every request. */
  isOpen = false;
  /** What the peer has paused, as it has said over this link; undefined until it has. */
  paused: PauseMode | undefined;
  /** Why the link is down. */
  reason = 'not connected';
  /** Requests that the peer has not answered. */
  inFlight = 0;
  requests = 0;
  lost = 0;

  private wire: Wire | undefined;
  private readonly waiting = new Queue<Receiver>();
  /** The receiver of what was sent last, while it still waits. */
  private last: Receiver | undefined;
  /** Requests on their way to the wire. */
  private readonly output = new ReplyWriter();
  private isFlushing = false;
  /** Bytes that the wire has taken and not sent. */
  private backlogBytes = 0;
  private framer: ReplyFramer;
  /** What has arrived of a reply that is not whole. */
  private partial: Buffer[] = [];
  private partialBytes = 0;
  /** A part of the reply that is arriving has been delivered. */
  private isTorn = false;
  private failures = 0;
  private retry: NodeJS.Timeout | undefined;
  /** When the peer last gave a sign of life, or was asked after a rest. */
  private heardMs = 0;
  /** Nothing was in flight before what is in `output`. */
  private isRested = false;
  /** One request at a time is timed: how many replies must come until it is answered, and since when. */
  private timedReplies = 0;
  private timedSinceMs = 0;
  private isRetired = false;
  /** Takes what the peer sends unasked, other than pauses. */
  onPush: ((push: Buffer) => void) | undefined;
  /** What has arrived of a push, while one is arriving. */
  private pushParts: Buffer[] | undefined;
  private pushFramer = new ReplyFramer();
  /** Takes the reply to what `ask` sent. */
  private asked: Receiver | undefined;
  /** Clients whose requests wait here. */
  private readonly heldBack = new Set<() => void>();

  constructor(
    private readonly owner: LinkOwner,
    readonly database: number,
    readonly protocol: Protocol,
    /** Whether to connect again without being asked. */
    private readonly isKept: boolean,
    /** Whether it serves one client at a time, which borrows it, and ends with its connection. */
    readonly isOwn = false,
  ) {
    this.framer = this.newFramer();
  }

  /** A plain Redis server does not tell us of anything. */
  private newFramer(): ReplyFramer {
    return new ReplyFramer(this.owner.address.kind === 'pigeonhole');
  }

  /** Whether a silent peer is given up; not for commands that block. */
  isTimed = true;
  /** On a link of its own: tells the client who has it that it is lost. */
  onLost: ((reason: string) => void) | undefined;

  // ---- requests

  /**
   * Throws HeldBack when a client's request must not be sent now, because the peer is paused or may be. Then none of it
   * may be sent anywhere.
   */
  holdBack(session: Session, command: Command): void {
    if (!this.isOpen && this.isHeldBack(session, command)) throw new HeldBack(this);
  }

  /** Whether a request must not be sent now. Throws the CommandError of a link that has too much to take in. */
  isHeldBack(session: Session, command: Command): boolean {
    if (this.isOpen) return false;
    if (this.state === 'idle') this.prepare();
    if (this.state === 'down') return false;
    const paused = this.paused ?? this.owner.paused;
    return paused === undefined || isPausedFor(paused, session, command);
  }

  /** Requests that clients have made have not been sent. */
  get hasQueued(): boolean {
    return this.state === 'connecting' && this.output.length > 0;
  }

  wait(goOn: () => void): void {
    this.heldBack.add(goOn);
  }

  forget(goOn: () => void): void {
    this.heldBack.delete(goOn);
  }

  /** Something has changed: what waits here is tried again. */
  private letGo(): void {
    this.isOpen = this.state === 'up' && this.paused === 'none';
    const waiting = [...this.heldBack];
    this.heldBack.clear();
    for (const goOn of waiting) goOn();
  }

  /** The peer has told, under a number, what is paused from now on. */
  learnPause(mode: PauseMode, number: string): void {
    this.paused = mode;
    this.letGo();
    if (mode === 'none') return;
    // It goes behind all that is for the peer: nothing follows it that is to wait.
    const answer = encodeRequest(['PEER', 'HOLDS', number]);
    if (this.state === 'up') this.owner.whenSent(() => this.state === 'up' && this.tell(new Answered(() => undefined), answer));
    else this.tell(new Answered(() => undefined), answer);
  }

  /**
   * Sends a request's bytes; the reply goes to `context`, in its place. Throws a CommandError when the peer is down or
   * has too much to take in: then nothing was sent.
   */
  forward(context: Context, bytes: Buffer, start: number, end: number): void {
    this.prepare();
    const { last } = this;
    if (!last?.extend(context)) this.expect(context.defer(false));
    this.write(bytes, start, end);
  }

  /** As `forward`, with the receiver given. */
  send(receiver: Receiver, bytes: Buffer, start = 0, end = bytes.length): void {
    this.prepare();
    this.expect(receiver);
    this.write(bytes, start, end);
  }

  /** Sends a short request of this node's own over a link that is up, also when the queue is full. */
  tell(receiver: Receiver, request: Buffer): void {
    this.expect(receiver);
    this.write(request, 0, request.length);
  }

  /** Connects when need be. Throws a CommandError when nothing can be sent now. */
  prepare(): void {
    if (this.state === 'down') throw this.down();
    if (this.output.length + this.backlogBytes >= this.owner.limits.queueBytesMax) throw this.full();
    if (this.state === 'idle') this.connect();
  }

  private expect(receiver: Receiver): void {
    this.waiting.push(receiver);
    this.last = receiver;
  }

  private write(bytes: Buffer, start: number, end: number): void {
    this.output.raw(bytes, start, end - start);
    if (this.inFlight++ === 0) this.isRested = true;
    this.requests++;
    if (this.isFlushing || this.state !== 'up') return;
    this.isFlushing = true;
    setImmediate(this.flush);
  }

  private readonly flush = (): void => {
    this.isFlushing = false;
    if (this.state !== 'up' || this.output.length === 0) return;
    const wire = this.wire!;
    const nowMs = performance.now();
    if (this.timedReplies === 0) {
      this.timedReplies = this.inFlight;
      this.timedSinceMs = nowMs;
    }
    if (this.isRested) this.heardMs = nowMs;
    this.isRested = false;
    for (const piece of this.output.take()) this.writeWire(wire, piece);
    this.backlogBytes = wire.writableLength;
    if (this.backlogBytes === 0) this.output.reuse();
    else this.output.renew();
  };

  private writeWire(wire: Wire, piece: Buffer): void {
    if (piece.length <= WRITE_BYTES_MAX) return wire.write(piece);
    for (let at = 0; at < piece.length; at += WRITE_BYTES_MAX) {
      wire.write(piece.subarray(at, at + WRITE_BYTES_MAX), () => (this.heardMs = performance.now()));
    }
  }

  // ---- replies

  private onChunk(chunk: Buffer): void {
    const { wire } = this;
    const { length } = chunk;
    let at = 0;
    // In the introduction the connection may be given up for what the peer answers.
    while (at < length && this.wire === wire) {
      if (this.pushParts !== undefined) {
        at = this.readPush(this.pushParts, chunk, at);
        continue;
      }
      const { framer } = this;
      const receiver = this.state === 'up' ? this.waiting.first : this.asked;
      const wanted = receiver === undefined ? 1 : receiver.wanted;
      let whole = 0;
      let place = at;
      let end = 0;
      while (whole < wanted && (end = framer.next(chunk, place, length)) >= 0) {
        place = end;
        whole++;
      }
      if (end === PUSH) this.pushParts = [];
      else if (receiver === undefined) return this.loseForWrong('it sends replies that nobody asked for');
      else if (end === NOT_RESP) return this.loseForWrong('what it sends is not RESP');
      if (whole > 0) this.pass(receiver!, chunk, at, place, whole);
      at = place;
      if (whole === wanted || end === PUSH) continue;
      // What is left begins a reply that goes on in the next chunk.
      if (place < length) this.hold(receiver!, chunk.subarray(place));
      at = length;
    }
    if (this.state === 'up') this.onHeard();
  }

  private loseForWrong(reason: string): void {
    this.lose(this.state === 'up' ? reason : 'it does not answer as a node does');
  }

  /** Reads on in a push; gives the place behind it, or behind the chunk. */
  private readPush(parts: Buffer[], chunk: Buffer, at: number): number {
    const end = this.pushFramer.next(chunk, at, chunk.length);
    if (end === NOT_RESP) {
      this.loseForWrong('what it sends is not RESP');
      return chunk.length;
    }
    if (end < 0) {
      parts.push(Buffer.from(chunk.subarray(at)));
      return chunk.length;
    }
    const last = chunk.subarray(at, end);
    const push = parts.length === 0 ? last : Buffer.concat([...parts, last]);
    this.pushParts = undefined;
    if (push.toString('latin1', 0, PAUSE_PUSH.length) === PAUSE_PUSH) this.onPause(push);
    else this.onPush?.(push);
    return end;
  }

  private onPause(push: Buffer): void {
    const [, mode, number] = textsOf(push);
    this.learnPause(mode!.toString('latin1') as PauseMode, number!.toString('latin1'));
  }

  /** Gives a receiver its next replies. */
  private pass(receiver: Receiver, chunk: Buffer, start: number, end: number, whole: number): void {
    const isAsked = receiver === this.asked;
    if (isAsked) this.asked = undefined;
    else this.count(receiver, whole);
    if (this.partialBytes > 0) this.passPartial(receiver);
    this.isTorn = false;
    receiver.deliver(chunk, start, end, whole);
    if (this.timedReplies === 0 || isAsked) return;
    this.timedReplies = Math.max(0, this.timedReplies - whole);
    if (this.timedReplies === 0) this.owner.onRoundTrip(performance.now() - this.timedSinceMs);
  }

  private count(receiver: Receiver, whole: number): void {
    this.inFlight -= whole;
    if (whole < receiver.wanted) return;
    this.waiting.shift();
    if (this.last === receiver) this.last = undefined;
  }

  /** Keeps a part of a reply until the rest is there, or passes it on when it is large. */
  private hold(receiver: Receiver, part: Buffer): void {
    if (this.isTorn) return receiver.deliver(part, 0, part.length, 0);
    this.partial.push(Buffer.from(part));
    this.partialBytes += part.length;
    if (this.partialBytes <= HELD_BYTES_MAX) return;
    this.isTorn = true;
    this.passPartial(receiver);
  }

  private passPartial(receiver: Receiver): void {
    const { partial } = this;
    this.partial = [];
    this.partialBytes = 0;
    for (const part of partial) receiver.deliver(part, 0, part.length, 0);
  }

  private onHeard(): void {
    this.heardMs = performance.now();
    if (this.isRetired && this.inFlight === 0) this.retire();
  }

  // ---- the connection

  /** Connects; what is asked meanwhile queues up, unless the peer is known to be down. */
  connect(): void {
    clearTimeout(this.retry);
    if (this.state === 'idle') this.setState('connecting', 'not connected yet');
    this.heardMs = performance.now();
    this.framer = this.newFramer();
    const wire = this.owner.dial(this.owner.address, {
      onOpen: () => this.wire === wire && this.owner.introduce(this, () => this.onReady()),
      onChunk: (chunk) => this.wire === wire && this.onChunk(chunk),
      onDrain: () => (this.backlogBytes = 0),
      onClose: (reason) => this.wire === wire && this.lose(reason),
    });
    this.wire = wire;
  }

  /** For the introduction: sends a request and hands its reply to `then`, ahead of everything that is queued. */
  ask(request: Buffer, then: (reply: Buffer) => void): void {
    this.asked = new Asked(then, () => this.loseForWrong('its answer has no end'));
    this.wire?.write(request);
  }

  private onReady(): void {
    this.failures = 0;
    this.backlogBytes = 0;
    this.heardMs = performance.now();
    this.setState('up', '');
    this.flush();
  }

  /** Gives the connection up: answers what is owed with an error, and tries again later. */
  lose(reason: string, code = 'PEERLOST'): void {
    const { wire, waiting, state, isTorn } = this;
    this.wire = undefined;
    wire?.destroy();
    this.reset();
    this.failures++;
    const isOver = this.isRetired || this.isOwn;
    this.setState(isOver ? 'idle' : 'down', reason);
    if (!isOver && (this.isKept || state !== 'idle')) this.retryLater();
    this.onLost?.(reason);
    // Nothing leaves before the handshake is over: those requests were certainly not executed.
    const wasSent = state === 'up';
    const error = wasSent ? `${code} ${this.describe()}: ${reason}; ${DOUBT}` : this.down().message;
    if (wasSent) this.lost += waiting.length;
    if (isTorn && wasSent) waiting.shift()!.tear();
    for (let receiver = waiting.shift(); receiver !== undefined; receiver = waiting.shift()) receiver.fail(error);
  }

  private reset(): void {
    this.last = this.asked = this.pushParts = undefined;
    this.paused = undefined;
    this.partial = [];
    this.partialBytes = 0;
    this.isTorn = false;
    this.inFlight = 0;
    this.backlogBytes = 0;
    this.timedReplies = 0;
    this.framer = this.newFramer();
    this.pushFramer = new ReplyFramer();
    this.output.take();
    this.output.renew();
  }

  private retryLater(): void {
    clearTimeout(this.retry);
    this.retry = setTimeout(() => {
      // A link that nobody waits for rests until it is asked again.
      if (this.isKept) this.connect();
      else this.setState('idle', this.reason);
    }, this.owner.retryMs(this.failures));
  }

  /** Called now and then: gives up a peer that has been silent for too long. */
  watch(nowMs: number): void {
    const { timeoutMs } = this.owner.limits;
    // What it sends may be held back over there; whether the peer is there shows the link that is kept.
    if (this.isOwn && this.state === 'up' && isPause(this.owner.paused)) this.heardMs = nowMs;
    if (this.wire === undefined || nowMs - this.heardMs <= timeoutMs) return;
    if (this.state !== 'up') this.lose(`no answer for ${timeoutMs} ms`);
    else if (this.inFlight > 0 && !this.isRested && this.isTimed) this.lose(`no reply for ${timeoutMs} ms`, 'PEERDOWN');
  }

  /** Takes no more requests, and closes when what is in flight has been answered. */
  retire(): void {
    this.isRetired = true;
    clearTimeout(this.retry);
    if (this.inFlight === 0) this.lose('it is not needed any more');
  }

  /** Closes at once, and answers what is in flight with the reason. */
  close(reason: string): void {
    this.isRetired = true;
    clearTimeout(this.retry);
    this.lose(reason);
  }

  private setState(state: LinkState, reason: string): void {
    this.state = state;
    this.reason = reason;
    this.letGo();
    this.owner.onLinkState(this, reason);
  }

  private describe(): string {
    return `${this.owner.name} (${this.owner.address.shown})`;
  }

  private down(): CommandError {
    return new CommandError(`PEERDOWN ${this.describe()}: ${this.reason}`);
  }

  private full(): CommandError {
    const bytes = this.output.length + this.backlogBytes;
    return new CommandError(`PEERBUSY ${this.describe()}: ${bytes} bytes wait to be sent; the request was not sent`);
  }
}

function isPause(mode: PauseMode | undefined): boolean {
  return mode === 'writes' || mode === 'all';
}

/** Whether a request is one that such a pause is for. */
export function isPausedFor(paused: PauseMode | undefined, session: Session, command: Command): boolean {
  return paused === 'all' || (paused === 'writes' && isForPauseOfWrites(session, command));
}

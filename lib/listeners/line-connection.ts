/**
 * A connection that speaks the line protocol: a client's on `line-port`, often a person at telnet.
 *
 * A line becomes a RESP request, runs as any request does, and its RESP reply becomes lines, now or, when it is
 * promised for later, then. A connection that has subscribed to a bucket gets a line for each write to it, and what it
 * sends from then on is dropped. There is no line that gives a password: while `requirepass` is set, every command is
 * refused as it is to a RESP client that has not authenticated.
 */
import { Connection } from './connection.js';
import { LineGrammar, UNKNOWN_COMMAND, errorLine, linesOf } from './line-grammar.js';
import { LINE_TOO_LONG, LineReader, NO_LINE } from './line-reader.js';
import type { Outbox } from './outbox.js';
import type { Accepted } from './tcp-listener.js';
import type { Deferred } from '../commands/context.js';
import type { Executor } from '../execution/execute.js';
import type { NodeState } from '../execution/node-state.js';
import { Args } from '../protocol/args.js';
import { ReplyWriter } from '../protocol/reply-writer.js';

/** Replies are mostly `+OK`; a longer one takes a buffer of its own. */
const DRAFT_BYTES = 512;

export class LineConnection extends Connection {
  private readonly reader: LineReader;
  private readonly grammar = new LineGrammar();
  private readonly args = new Args();
  /** The RESP reply to the line that is run. */
  private readonly draft = new ReplyWriter(DRAFT_BYTES);
  /** The bucket to which it subscribes when the reply says that there is one. */
  private wanted: string | undefined;
  private isSubscriber = false;

  constructor(accepted: Accepted, node: NodeState, executor: Executor, outbox: Outbox) {
    super(accepted, node, executor, outbox);
    this.reader = new LineReader(() => node.limits.lineBytesMax);
  }

  static errorReply(text: string): Buffer {
    return errorLine(text);
  }

  protected feed(bytes: Buffer, length: number): void {
    this.reader.feed(bytes.subarray(0, length));
  }

  protected runNext(): boolean {
    const status = this.reader.next();
    if (status === NO_LINE) return false;
    if (this.isSubscriber) return true;
    if (status === LINE_TOO_LONG) this.write([errorLine(`line longer than ${this.node.limits.lineBytesMax} bytes`)]);
    else if (this.grammar.read(this.reader, this.args)) this.execute(this.args);
    else this.write([UNKNOWN_COMMAND]);
    return true;
  }

  protected retain(): void {
    this.reader.retain();
  }

  pendingBytes(): number {
    return this.reader.pendingBytes;
  }

  spareBytes(): number {
    return this.reader.spareBytes;
  }

  protected rest(): void {
    this.reader.rest();
  }

  protected override execute(args: Args): void {
    const { draft } = this;
    this.wanted = this.grammar.isSubscription ? args.text(BUCKET_NAME) : undefined;
    this.executor.execute(this.session, args, draft);
    // Nothing is written when the reply has been promised for later, or the request waits for the end of a pause.
    if (draft.length === 0) return;
    this.write(this.linesFor(draft.take(), this.wanted));
    draft.reuse();
  }

  /** The lines that answer; none when the client is a subscriber now. */
  private linesFor(reply: readonly Buffer[], wanted: string | undefined): Buffer[] {
    if (wanted === undefined || reply[0]![0] === MINUS) return linesOf(reply);
    // The client may have gone while a peer was asked.
    if (this.socket.destroyed) return [];
    this.isSubscriber = true;
    this.node.pubsub.subscribe('bucket', this.session, wanted);
    return [];
  }

  private write(lines: readonly Buffer[]): void {
    for (const line of lines) this.outbox.reply.raw(line);
  }

  override defer(holds: boolean): Deferred {
    const { wanted } = this;
    // What follows SUBSCRIBE is not run before it is known whether it is run at all.
    return new DeferredLines(super.defer(holds || wanted !== undefined), (reply) => this.linesFor(reply, wanted));
  }
}

/** Where the bucket's name stands in a request. */
const BUCKET_NAME = 2;
const MINUS = 45;

/** A reply that is owed to a client of the line protocol: RESP comes in, lines go out, when it is whole. */
class DeferredLines implements Deferred {
  wanted = 1;
  private readonly pieces: Buffer[] = [];

  constructor(
    private readonly owed: Deferred,
    private readonly linesFor: (reply: readonly Buffer[]) => Buffer[],
  ) {}

  get onAbandoned(): (() => void) | undefined {
    return this.owed.onAbandoned;
  }

  set onAbandoned(listener: (() => void) | undefined) {
    this.owed.onAbandoned = listener;
  }

  get isAbandoned(): boolean {
    return this.owed.isAbandoned;
  }

  complete(reply: readonly Buffer[]): void {
    this.wanted = 0;
    this.owed.complete(this.linesFor(reply));
  }

  deliver(bytes: Buffer, start: number, end: number, whole: number): void {
    this.pieces.push(Buffer.from(bytes.subarray(start, end)));
    if (whole > 0) this.complete(this.pieces);
  }

  fail(error: string): void {
    this.complete([Buffer.from(`-${error}\r\n`, 'latin1')]);
  }

  tear(): void {
    this.owed.tear();
  }

  /** Each line's reply is turned into lines for itself. */
  extend(): boolean {
    return false;
  }
}

/**
 * A connection on the control socket: one verb of the operator, or one shell. It speaks RESP. Until the cookie is
 * proved (cluster/handshake.ts has the proof) it may say two things:
 *
 *     CONTROL HELLO <nonce>        -> [name of the node, nonce]
 *     CONTROL PROVE <proof>        -> [proof, pid, pid of what watches over it or 0]
 *
 * Then these, and any Redis command besides, run as a client's with every right:
 *
 *     CONTROL STOP                 -> OK, and the connection ends when the node has gone
 *     CONTROL RESTART              -> OK when the node is ready again
 *     CONTROL RELOAD [FORCE]       -> what has changed, in lines; FORCE: also when stored buckets are left behind
 *     CONTROL EVALUATE <expression> <columns> <0|1: colours>
 *                                  -> [kind, text, what was printed, on which stream, ...]
 *     CONTROL COMPLETE <line>      -> [part of the line, completion ...]
 *
 * What expressions print when nobody evaluates is pushed (RESP3's push type): [stream, text].
 */
import type { NodeProcess } from './node-process.js';
import type { OnOutput, Scope } from './scope.js';
import { type Exchange, isNonce, isProof, newNonce, proofOf } from '../cluster/handshake.js';
import { ConfigError } from '../config/sources.js';
import { ListenError } from '../listeners/bind.js';
import { PersistenceError } from '../persistence/persistence-error.js';
import { ShutdownRefused } from '../persistence/shutdown.js';
import { Connection } from '../listeners/connection.js';
import type { Outbox } from '../listeners/outbox.js';
import type { Accepted } from '../listeners/tcp-listener.js';
import type { Args } from '../protocol/args.js';
import { ReplyWriter } from '../protocol/reply-writer.js';
import { COMPLETE, type DecoderLimits, MALFORMED, RequestDecoder } from '../protocol/request-decoder.js';

/** The initiator's name in the proof: no node is called so. */
export const OPERATOR = 'operator of this node';

/** More than any request of the handshake needs. */
const UNPROVED_BYTES_MAX = 256;
const PROOF_MS_MAX = 5000;

type Write = (reply: ReplyWriter) => void;

export class ControlConnection extends Connection {
  private readonly decoder: RequestDecoder;
  private readonly requestLimits: DecoderLimits = { bulkBytesMax: UNPROVED_BYTES_MAX, isAuthRequired: true };
  private exchange: Exchange | undefined;
  private isProved = false;
  private readonly patience: NodeJS.Timeout;
  private scope: Scope | undefined;
  /** What the expression that is being evaluated has printed; undefined while there is none. */
  private printed: string[] | undefined;

  constructor(accepted: Accepted, private readonly owner: NodeProcess, outbox: Outbox) {
    const { state, executor } = owner.node;
    super(accepted, state, executor, outbox);
    this.session.isAuthenticated = true;
    this.decoder = new RequestDecoder(this.requestLimits);
    state.clients.set(this.session.id, this.session);
    this.patience = setTimeout(() => this.destroy(), PROOF_MS_MAX);
  }

  override get address(): string {
    return `${this.owner.place.socket}:0`;
  }

  override get localAddress(): string {
    return this.address;
  }

  protected feed(bytes: Buffer, length: number): void {
    this.decoder.feed(bytes, length);
  }

  protected runNext(): boolean {
    const status = this.decoder.next();
    if (status === COMPLETE) {
      const { args } = this.decoder;
      if (!this.isProved) this.shakeHands(args);
      else if (args.is(0, 'CONTROL')) this.control(args);
      else if (this.owner.node.state !== this.node) this.refuse('ERR the node was restarted: connect again');
      else this.execute(args);
      return true;
    }
    if (status === MALFORMED) this.refuse(`ERR Protocol error: ${this.decoder.failure}`);
    return false;
  }

  protected retain(): void {
    this.decoder.retain();
  }

  pendingBytes(): number {
    return this.decoder.pendingBytes;
  }

  spareBytes(): number {
    return this.decoder.spareBytes;
  }

  protected rest(): void {
    this.decoder.rest();
  }

  override onClose(): void {
    super.onClose();
    clearTimeout(this.patience);
    this.scope?.close();
  }

  // ---- the handshake

  private shakeHands(args: Args): void {
    const isControl = args.is(0, 'CONTROL') && args.count === 3;
    if (isControl && args.is(1, 'HELLO') && isNonce(args.text(2))) this.hello(args.text(2));
    else if (isControl && args.is(1, 'PROVE') && this.exchange !== undefined) this.prove(args.text(2), this.exchange);
    else this.refuse('NOAUTH This socket is for operators: prove the cookie first');
  }

  private hello(initiatorNonce: string): void {
    const acceptor = this.owner.place.name;
    this.exchange = { initiator: OPERATOR, initiatorNonce, acceptor, acceptorNonce: newNonce() };
    const { reply } = this.outbox;
    reply.array(2);
    reply.bulk(Buffer.from(acceptor));
    reply.bulkText(this.exchange.acceptorNonce);
  }

  private prove(proof: string, exchange: Exchange): void {
    // A nonce serves once.
    this.exchange = undefined;
    const { cookie, place } = this.owner;
    if (!isProof(proof, 'initiator', exchange, cookie)) {
      this.node.log.warning('An operator was refused on the control socket: wrong cookie');
      return this.refuse(`WRONGCOOKIE wrong cookie: ${place.name} was started with another`);
    }
    clearTimeout(this.patience);
    this.isProved = true;
    this.requestLimits.isAuthRequired = false;
    this.requestLimits.bulkBytesMax = this.node.limits.bulkBytesMax;
    const { reply } = this.outbox;
    reply.array(3);
    reply.bulkText(proofOf('acceptor', exchange, cookie));
    reply.integer(process.pid);
    reply.integer(this.owner.heartPid);
  }

  private refuse(error: string): void {
    this.outbox.reply.error(error);
    this.closeAfterReply();
  }

  // ---- verbs

  private control(args: Args): void {
    const { owner } = this;
    const verb = args.count > 1 ? args.text(1).toUpperCase() : '';
    const texts: string[] = [];
    for (let i = 2; i < args.count; i++) texts.push(args.copy(i).toString());
    if (verb === 'STOP') {
      this.answer(owner.stop('stop').then((goes) => {
        if (!goes) throw new ShutdownRefused('the node goes on: what is to be kept could not be written: see its log');
        return (reply): void => reply.ok();
      }));
    } else if (verb === 'RESTART') {
      this.answer(owner.restart().then(() => (reply) => reply.ok()));
    } else if (verb === 'RELOAD') {
      this.answer(owner.reload(texts[0] === 'FORCE').then((lines) => (reply) => writeTexts(reply, lines)));
    } else if (verb === 'EVALUATE' && texts.length === 3) {
      this.answer(this.evaluate(texts as [string, string, string]));
    } else if (verb === 'COMPLETE' && texts.length === 1) {
      this.answer(this.complete(texts[0]!));
    } else {
      this.outbox.reply.error('ERR unknown CONTROL request: the node and the command are of different versions');
    }
  }

  private async evaluate([code, columns, colours]: [string, string, string]): Promise<Write> {
    const scope = await this.openScope();
    this.printed = [];
    const { kind, text } = await scope.evaluate(code, { isColoured: colours === '1', columns: Number(columns) });
    const { printed } = this;
    this.printed = undefined;
    return (reply) => writeTexts(reply, [kind, text, ...printed]);
  }

  private async complete(line: string): Promise<Write> {
    const scope = await this.openScope();
    const [completions, part] = await scope.complete(line);
    return (reply) => writeTexts(reply, [part, ...completions]);
  }

  /** The scope of this connection's expressions. What it needs is loaded when the first is evaluated. */
  private async openScope(): Promise<Scope> {
    const { Scope } = await import('./scope.js');
    return (this.scope ??= new Scope(() => this.owner.node, this.onOutput));
  }

  private readonly onOutput: OnOutput = (stream, text) => {
    if (this.printed !== undefined) this.printed.push(stream, text);
    else if (!this.socket.destroyed) this.push(bytesOf((reply) => writePush(reply, [stream, text])));
  };

  /** Replies when the answer is there; what is asked meanwhile waits. */
  private answer(answer: Promise<Write>): void {
    const owed = this.defer(true);
    answer.then(
      (write) => owed.complete([bytesOf(write)]),
      (error: unknown) => owed.complete([bytesOf((reply) => reply.error(`ERR ${errorText(error)}`))]),
    );
  }
}

function errorText(error: unknown): string {
  const isForPeople =
    error instanceof ConfigError || error instanceof ListenError || error instanceof PersistenceError ||
    error instanceof ShutdownRefused;
  return isForPeople ? error.message : `internal error: ${String(error)}`;
}

function writeTexts(reply: ReplyWriter, texts: readonly string[]): void {
  reply.array(texts.length);
  for (const text of texts) reply.bulk(Buffer.from(text));
}

/** An operator's connection has no protocol of its own choice: a push looks as in RESP3. */
function writePush(reply: ReplyWriter, texts: readonly string[]): void {
  reply.protocol = 3;
  reply.push(texts.length);
  for (const text of texts) reply.bulk(Buffer.from(text));
}

function bytesOf(write: Write): Buffer {
  const reply = new ReplyWriter(1024);
  write(reply);
  return Buffer.concat(reply.take());
}

/** A connection that speaks RESP: a client's on `port`. */
import { Connection } from './connection.js';
import type { Outbox } from './outbox.js';
import type { Accepted } from './tcp-listener.js';
import type { Executor } from '../execution/execute.js';
import type { NodeState } from '../execution/node-state.js';
import { Args } from '../protocol/args.js';
import { COMPLETE, MALFORMED, RequestDecoder } from '../protocol/request-decoder.js';
import { RequestsAhead } from '../protocol/requests-ahead.js';

const ahead = new RequestsAhead();

/** Requests are run one after the other, whoever sent them: one for all connections saves each a kilobyte. */
const args = new Args();

export class RespConnection extends Connection {
  private readonly decoder: RequestDecoder;

  constructor(accepted: Accepted, node: NodeState, executor: Executor, outbox: Outbox) {
    super(accepted, node, executor, outbox);
    this.decoder = new RequestDecoder(node.decoderLimits(this.session), args);
  }

  static errorReply(text: string): Buffer {
    return Buffer.from(`-ERR ${text}\r\n`, 'latin1');
  }

  protected feed(bytes: Buffer, length: number): void {
    this.decoder.feed(bytes, length);
  }

  protected runNext(): boolean {
    const { decoder } = this;
    if (decoder.lookAhead(ahead)) this.session.store.foresight.fetch(this.session.db, ahead);
    const status = decoder.next();
    if (status === COMPLETE) {
      this.execute(decoder.args);
      return true;
    }
    if (status === MALFORMED) this.refuse();
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

  private refuse(): void {
    this.node.stats.protocolErrors++;
    this.outbox.reply.error(`ERR Protocol error: ${this.decoder.failure}`);
    this.closeAfterReply();
  }
}

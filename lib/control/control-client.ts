/**
 * The other end of the control socket: what the verbs of the command line ask a running node by. Replies are read as
 * values with redis-parser, or, for `command`, given as the bytes that came.
 */
import { once } from 'node:events';
import { type Socket, connect } from 'node:net';
import RedisParser from 'redis-parser';
import { OPERATOR } from './control-connection.js';
import { ControlError, type Place, codeOf, readPid, reasonOf, socketAddress } from './place.js';
import { type Exchange, isProof, newNonce, proofOf } from '../cluster/handshake.js';
import { setArgs, Args } from '../protocol/args.js';
import { NOT_RESP, ReplyFramer } from '../protocol/reply-framer.js';

/** A node that runs proves itself in milliseconds; one that does not in so long hangs. */
const PROOF_MS_MAX = 5000;

export class ControlClient {
  pid = 0;
  /** 0 when nothing watches over the node. */
  heartPid = 0;
  isClosed = false;
  /** Gets what expressions print when nothing is being evaluated. */
  onOutput: (stream: string, text: string) => void = () => undefined;

  private readonly framer = new ReplyFramer();
  /** What has come of the reply that is not whole yet. */
  private pieces: Buffer[] = [];
  /** Replies that nobody has asked for so far. */
  private readonly unasked: Buffer[] = [];
  private readonly waiting: { take: (frame: Buffer) => void; fail: (error: Error) => void }[] = [];
  readonly closed: Promise<void>;

  private constructor(private readonly socket: Socket, private readonly place: Place) {
    socket.on('data', (chunk: Buffer) => this.onChunk(chunk));
    socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.isClosed = true;
        for (const { fail } of this.waiting.splice(0)) fail(new ControlError(`${place.name} has gone`));
        resolve();
      });
    });
  }

  /** Connects to the node of a place, and each proves the cookie. Rejects with ControlError. */
  static async connect(place: Place, cookie: string): Promise<ControlClient> {
    const socket = connect({ path: socketAddress(place.socket) });
    try {
      await once(socket, 'connect');
    } catch (error) {
      const isGone = codeOf(error) === 'ENOENT' || codeOf(error) === 'ECONNREFUSED';
      throw new ControlError(
        isGone ? `${place.name} is not running: nobody answers at ${place.socket}`
        : `${place.name} cannot be reached at ${place.socket}: ${reasonOf(error)}`,
      );
    }
    const client = new ControlClient(socket, place);
    const patience = setTimeout(() => socket.destroy(), PROOF_MS_MAX);
    try {
      await client.shakeHands(cookie);
      return client;
    } catch (error) {
      socket.destroy();
      if (!client.isClosed || !(error instanceof ControlError) || !error.message.endsWith('has gone')) throw error;
      throw new ControlError(client.hangs());
    } finally {
      clearTimeout(patience);
    }
  }

  /** The reply to a request, bulk strings as text. Rejects with ControlError, also for an error reply. */
  async ask(...args: readonly string[]): Promise<unknown> {
    return decode(await this.askRaw(args));
  }

  /** The bytes of the reply to a request. */
  askRaw(args: readonly string[]): Promise<Buffer> {
    this.socket.write(setArgs(new Args(), args.map((arg) => Buffer.from(arg))).raw());
    return this.next();
  }

  /** The bytes of the next reply. */
  next(): Promise<Buffer> {
    const frame = this.unasked.shift();
    if (frame !== undefined) return Promise.resolve(frame);
    if (this.isClosed) return Promise.reject(new ControlError(`${this.place.name} has gone`));
    return new Promise((take, fail) => this.waiting.push({ take, fail }));
  }

  close(): void {
    this.socket.destroy();
  }

  private async shakeHands(cookie: string): Promise<void> {
    const initiatorNonce = newNonce();
    const [acceptor, acceptorNonce] = (await this.ask('CONTROL', 'HELLO', initiatorNonce)) as [string, string];
    const exchange: Exchange = { initiator: OPERATOR, initiatorNonce, acceptor, acceptorNonce };
    const answer = await this.ask('CONTROL', 'PROVE', proofOf('initiator', exchange, cookie));
    const [proof, pid, heartPid] = answer as [string, string, string];
    if (!isProof(proof, 'acceptor', exchange, cookie)) {
      throw new ControlError(`who answers at ${this.place.socket} does not know the cookie`);
    }
    this.pid = Number(pid);
    this.heartPid = Number(heartPid);
  }

  private hangs(): string {
    const { name, pidFile } = this.place;
    const pid = readPid(pidFile);
    const remedy = pid === undefined ? '' : `; if it does not recover: kill -9 ${pid}`;
    return `${name} does not answer${remedy}`;
  }

  private onChunk(chunk: Buffer): void {
    let start = 0;
    while (start < chunk.length) {
      const end = this.framer.next(chunk, start, chunk.length);
      this.pieces.push(chunk.subarray(start, end < 0 ? chunk.length : end));
      if (end === NOT_RESP) this.socket.destroy();
      if (end < 0) return;
      start = end;
      const frame = Buffer.concat(this.pieces);
      this.pieces = [];
      this.onFrame(frame);
    }
  }

  private onFrame(frame: Buffer): void {
    if (frame[0] === PUSH) {
      const [stream, text] = decode(asArray(frame)) as [string, string];
      this.onOutput(stream, text);
      return;
    }
    const waiting = this.waiting.shift();
    if (waiting === undefined) this.unasked.push(frame);
    else waiting.take(frame);
  }
}

const PUSH = '>'.charCodeAt(0);

/** redis-parser knows no pushes; they look as arrays do but for the first byte. */
function asArray(frame: Buffer): Buffer {
  return Buffer.concat([Buffer.from('*'), frame.subarray(1)]);
}

/** The value of a whole reply, bulk strings as text. Throws ControlError for an error reply. */
function decode(frame: Buffer): unknown {
  let value: unknown;
  const parser = new RedisParser({
    returnReply: (reply) => (value = reply as unknown),
    returnError: (error) => {
      throw new ControlError(error.message.replace(/^(ERR|WRONGCOOKIE) /, ''));
    },
    returnBuffers: true,
    stringNumbers: true,
  });
  parser.execute(frame);
  return textOf(value);
}

function textOf(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return value.toString();
  return Array.isArray(value) ? value.map(textOf) : value;
}

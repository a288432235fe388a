/** A client that sends bytes and gives each reply's bytes as they came. */
import { once } from 'node:events';
import { type Socket, connect } from 'node:net';
import { splitInline } from '../../lib/protocol/inline-request.js';
import { replyEnd } from './reply-end.js';

export class RawClient {
  /** What has come and was not asked for yet is `buffer` from `start` to `end`. */
  private buffer: Buffer = Buffer.alloc(4096);
  private start = 0;
  private end = 0;
  private waiting: (() => void) | undefined;
  isClosed = false;

  private constructor(readonly socket: Socket) {
    socket.on('data', (chunk: Buffer) => {
      this.keep(chunk);
      this.waiting?.();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.isClosed = true;
      this.waiting?.();
    });
  }

  /** `from` is the address of this end. */
  static async connect(port: number, host = '127.0.0.1', from?: string): Promise<RawClient> {
    const socket = connect({ port, host, noDelay: true, ...(from === undefined ? {} : { localAddress: from }) });
    await once(socket, 'connect');
    return new RawClient(socket);
  }

  /** Sends a request written as for redis-cli and gives the raw reply, one char a byte. */
  async ask(line: string): Promise<string> {
    this.socket.write(encode(parts(line)));
    return this.reply();
  }

  send(bytes: Buffer | string): void {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  /** The next reply's bytes; what has come, with `<closed>` behind it, when the connection ends before. */
  async reply(): Promise<string> {
    for (;;) {
      const end = replyEnd(this.buffer, this.start, this.end);
      if (end > 0) return this.takeUpTo(end);
      if (this.isClosed) return `${this.takeUpTo(this.end)}<closed>`;
      await new Promise<void>((resolve) => (this.waiting = resolve));
    }
  }

  /** Everything that comes until the server closes. */
  async untilClosed(): Promise<string> {
    while (!this.isClosed) await new Promise<void>((resolve) => (this.waiting = resolve));
    return this.takeUpTo(this.end);
  }

  /** A whole reply has come, or none comes any more. */
  get hasReply(): boolean {
    return this.isClosed || replyEnd(this.buffer, this.start, this.end) > 0;
  }

  /** Nothing has come that was not asked for. */
  get isSilent(): boolean {
    return this.start === this.end && !this.isClosed;
  }

  close(): void {
    this.socket.destroy();
  }

  private takeUpTo(end: number): string {
    const taken = this.buffer.toString('latin1', this.start, end);
    this.start = end;
    return taken;
  }

  /** Adds a chunk; the buffer doubles, so that a huge reply is not copied for each of its chunks. */
  private keep(chunk: Buffer): void {
    const length = this.end - this.start;
    if (this.end + chunk.length > this.buffer.length) {
      const room = Buffer.alloc(Math.max(4096, 2 * (length + chunk.length)));
      this.buffer.copy(room, 0, this.start, this.end);
      this.buffer = room;
      this.start = 0;
      this.end = length;
    }
    chunk.copy(this.buffer, this.end);
    this.end += chunk.length;
  }
}

/** The arguments of a request line, with the quotes and escapes of inline requests. */
export function parts(line: string): string[] {
  const split = splitInline(line);
  if (split === undefined || split.length === 0) throw new Error(`not a request line: ${line}`);
  return split;
}

/** A request as RESP; strings are latin1. */
export function encode(args: readonly (string | Buffer)[]): Buffer {
  const pieces: Buffer[] = [Buffer.from(`*${args.length}\r\n`)];
  for (const arg of args) {
    const bytes = typeof arg === 'string' ? Buffer.from(arg, 'latin1') : arg;
    pieces.push(Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n'));
  }
  return Buffer.concat(pieces);
}

/** A client of the line protocol that sees bytes, one char each. */
import { once } from 'node:events';
import { type Socket, connect } from 'node:net';

export class LineClient {
  /** What has come and has not been asked for. */
  received = '';
  hasEnded = false;
  private waiting: (() => void) | undefined;

  private constructor(readonly socket: Socket) {
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      this.received += text;
      this.waiting?.();
    });
    socket.on('error', () => undefined);
    for (const event of ['end', 'close']) {
      socket.on(event, () => {
        this.hasEnded = true;
        this.waiting?.();
      });
    }
  }

  static async connect(port: number): Promise<LineClient> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    await once(socket, 'connect');
    return new LineClient(socket);
  }

  send(bytes: Buffer | string): void {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  /** The next `count` chars, or what there is, with `<end>` behind it, when the node closes before. */
  async read(count: number): Promise<string> {
    while (this.received.length < count && !this.hasEnded) await this.more();
    const text = this.received.slice(0, count);
    this.received = this.received.slice(count);
    return text.length < count ? `${text}<end>` : text;
  }

  /** Everything up to the node's end of the connection. */
  async readAll(): Promise<string> {
    while (!this.hasEnded) await this.more();
    return this.received;
  }

  /** Sends `request` and gives as many chars as `wanted` has. */
  ask(request: string, wanted: string): Promise<string> {
    this.send(request);
    return this.read(wanted.length);
  }

  close(): void {
    this.socket.destroy();
  }

  private more(): Promise<void> {
    return new Promise((resolve) => (this.waiting = resolve));
  }
}

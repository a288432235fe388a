/**
 * The connection over which MIGRATE reaches the server that takes the buckets: requests out, and one line of reply for
 * each. Whoever takes longer than the timeout, or goes away, fails what is waited for.
 */
import { type Socket, connect } from 'node:net';

/** What became of the connection, in the words of MIGRATE's errors. */
export class LinkError extends Error {
  constructor(readonly phase: 'connecting' | 'writing' | 'reading') {
    super(phase);
  }
}

const LF = 10;
const PORT_MAX = 65_535;
const UNKNOWN_HOST = new Set<string | undefined>(['ENOTFOUND', 'EAI_AGAIN']);

export class MigrateLink {
  private readonly socket: Socket;
  private text = '';
  private readonly waiting: ((line: string | undefined) => void)[] = [];
  private isBroken = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => this.onData(chunk));
    socket.on('error', () => this.break());
    socket.on('close', () => this.break());
    socket.on('timeout', () => this.break());
  }

  /** Rejects with LinkError when there is no connection in time. */
  static open(host: string, port: number, timeoutMs: number): Promise<MigrateLink> {
    return new Promise((resolve, reject) => {
      if (port < 0) return reject(new LinkError('connecting'));
      if (port === 0 || port > PORT_MAX) return reject(new LinkError('writing'));
      const socket = connect({ host, port, noDelay: true });
      const onTimeout = (): void => {
        socket.destroy();
        reject(new LinkError('connecting'));
      };
      // redis-server notices a refusal with its first write.
      const onError = (error: NodeJS.ErrnoException): void => {
        reject(new LinkError(UNKNOWN_HOST.has(error.code) ? 'connecting' : 'writing'));
      };
      socket.setTimeout(timeoutMs);
      socket.once('timeout', onTimeout);
      socket.once('error', onError);
      socket.once('connect', () => {
        socket.off('timeout', onTimeout);
        socket.off('error', onError);
        resolve(new MigrateLink(socket));
      });
    });
  }

  /** Sends a request; its reply, a line without its end, is the next. Rejects with LinkError. */
  ask(request: Buffer): Promise<string> {
    if (this.isBroken) return Promise.reject(new LinkError('writing'));
    this.socket.write(request);
    return new Promise((resolve, reject) => {
      this.waiting.push((line) => (line === undefined ? reject(new LinkError('reading')) : resolve(line)));
    });
  }

  close(): void {
    this.break();
  }

  private onData(chunk: Buffer): void {
    this.text += chunk.toString('latin1');
    if (!chunk.includes(LF)) return;
    const lines = this.text.split('\r\n');
    this.text = lines.pop()!;
    for (const line of lines) this.waiting.shift()?.(line);
  }

  private break(): void {
    if (this.isBroken) return;
    this.isBroken = true;
    this.socket.destroy();
    for (const wait of this.waiting.splice(0)) wait(undefined);
  }
}

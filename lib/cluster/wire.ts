/**
 * The wire: a connection to a peer as a link sees it, and how one is opened. A test hands in a network of its own
 * (`Dial`), with cables that can be cut.
 */
import { connect } from 'node:net';
import type { NodeAddress } from './node-address.js';

export interface Wire {
  write(bytes: Buffer, done?: () => void): void;
  /** Bytes that were written and have not left yet. */
  readonly writableLength: number;
  destroy(): void;
}

/** What a wire tells; never from within a call to it. */
export interface WireEvents {
  onOpen(): void;
  /** `chunk` is valid until the call returns. */
  onChunk(chunk: Buffer): void;
  /** What was written has left. */
  onDrain(): void;
  /** It is over, or never came to be; the reason is a short text. */
  onClose(reason: string): void;
}

export type Dial = (address: NodeAddress, events: WireEvents) => Wire;

const READ_BYTES = 64 * 1024;
/** Links are read one at a time, so they share a buffer. */
const buffer = Buffer.allocUnsafeSlow(READ_BYTES);

const REASONS: Record<string, string> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection reset',
  ENOTFOUND: 'host not found',
  EAI_AGAIN: 'host not found',
  ETIMEDOUT: 'no answer',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'no route to host',
  ENOENT: 'no such socket',
};

/** Opens a wire over TCP or a Unix socket. */
export const dial: Dial = (address, events) => {
  let reason = 'connection closed';
  const onread = {
    buffer,
    callback: (length: number): boolean => {
      events.onChunk(buffer.subarray(0, length));
      return true;
    },
  };
  const place = address.path === undefined ? { host: address.host!, port: address.port! } : { path: address.path };
  const socket = connect({ ...place, noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000, onread });
  socket.once('connect', () => events.onOpen());
  socket.on('drain', () => events.onDrain());
  socket.on('error', (error: NodeJS.ErrnoException) => (reason = REASONS[error.code ?? ''] ?? error.message));
  socket.once('close', () => events.onClose(reason));
  return socket;
};

/**
 * Opens a port on the addresses that `bind` lists, or says in one line why it cannot be opened and what to do.
 */
import { once } from 'node:events';
import { existsSync, unlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { type Accepted, TcpListener } from './tcp-listener.js';

/** A port that cannot be opened; the message is for the person who starts the node. */
export class ListenError extends Error {}

export interface Address {
  host: string;
  /** Whether the machine may lack it. */
  isOptional: boolean;
}

export interface PortRequest {
  /** The setting that it is for: `port`, `line-port` or `peer-port`. */
  setting: string;
  /** As the setting has it: a number above 0, or `any`. */
  port: string;
  addresses: readonly Address[];
  backlog: number;
  accept: (accepted: Accepted) => void;
}

export interface OpenPort {
  port: number;
  listeners: TcpListener[];
}

/** How often a free port is drawn anew, when it turns out to be free on some of the addresses only. */
const DRAWS_MAX = 10;

/** The addresses of the setting `bind`: `*` is all of IPv4, `::*` all of IPv6, `-` in front means optional. */
export function parseBind(text: string): Address[] {
  const words = text.split(/\s+/).filter((word) => word !== '');
  return words.map((word) => {
    const isOptional = word.startsWith('-');
    const name = isOptional ? word.slice(1) : word;
    return { host: name === '*' ? '0.0.0.0' : name === '::*' ? '::' : name, isOptional };
  });
}

/** Opens the port on all addresses, or on none. Rejects with ListenError. */
export async function openPort(request: PortRequest): Promise<OpenPort> {
  for (let draw = 1; ; draw++) {
    const opened: OpenPort = { port: request.port === 'any' ? 0 : Number(request.port), listeners: [] };
    try {
      for (const address of request.addresses) await openOn(address, request, opened);
      return opened;
    } catch (error) {
      await closeListeners(opened.listeners);
      if (request.port === 'any' && codeOf(error) === 'EADDRINUSE' && draw < DRAWS_MAX) continue;
      throw error;
    }
  }
}

/** Opens a Unix socket; one that a node left behind is replaced. Rejects with ListenError. */
export async function openSocket(path: string, request: Pick<PortRequest, 'backlog' | 'accept'>): Promise<TcpListener> {
  const listener = new TcpListener(request.accept);
  try {
    if (existsSync(path) && !(await isAnswered(path))) unlinkSync(path);
    await listener.listenAt(path, request.backlog);
    return listener;
  } catch (error) {
    const inUse = codeOf(error) === 'EADDRINUSE';
    const remedy = inUse ? 'is in use: stop what listens there' : `cannot be opened: ${String(error)}`;
    throw new ListenError(`the socket ${path} ${remedy}, or give this node another address in nodes`, { cause: error });
  }
}

/** Whether somebody accepts connections on a socket. */
async function isAnswered(path: string): Promise<boolean> {
  const socket = connect({ path });
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

export async function closeListeners(listeners: readonly TcpListener[]): Promise<void> {
  await Promise.all(listeners.map((listener) => listener.close()));
}

async function openOn(address: Address, request: PortRequest, opened: OpenPort): Promise<void> {
  const listener = new TcpListener(request.accept);
  try {
    opened.port = await listener.listen(opened.port, address.host, request.backlog);
    opened.listeners.push(listener);
  } catch (error) {
    const code = codeOf(error);
    const isMissing = code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND';
    // What the machine has no protocol for is skipped, asked or not, as redis-server does.
    if (code === 'EAFNOSUPPORT' || (isMissing && address.isOptional)) return;
    throw new ListenError(explain(error, request.setting, opened.port, address.host), { cause: error });
  }
}

function explain(error: unknown, setting: string, port: number, host: string): string {
  switch (codeOf(error)) {
    case 'EADDRINUSE':
      return `port ${port} is in use: stop what listens there, or choose another with --${setting}`;
    case 'EACCES':
      return `port ${port} may not be opened by this user: choose one above 1023 with --${setting}`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `bind: '${host}' is no address of this machine; with - in front it may be missing`;
    default:
      return `port ${port} cannot be opened on ${host}: ${String(error)}`;
  }
}

/** The system's code for an error, also for one that `explain` has put into words. */
function codeOf(error: unknown): string | undefined {
  const source = error instanceof ListenError ? error.cause : error;
  return source instanceof Error && 'code' in source ? String(source.code) : undefined;
}

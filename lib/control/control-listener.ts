/**
 * The control socket's listener: a Unix socket in the node's folder. Who listens on it is the node of that folder, so
 * it is also what keeps a second one from starting. Not a part of the node: it stays open while the node restarts.
 */
import { once } from 'node:events';
import { chmodSync, existsSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { ControlConnection } from './control-connection.js';
import type { NodeProcess } from './node-process.js';
import { ControlError, type Place, codeOf, readPid, reasonOf, socketAddress } from './place.js';
import { Outbox } from '../listeners/outbox.js';
import { type Accepted, TcpListener } from '../listeners/tcp-listener.js';

const BACKLOG = 16;

export class ControlListener {
  private readonly outbox = new Outbox();
  private readonly connections = new Set<ControlConnection>();
  private readonly listener = new TcpListener((accepted) => this.accept(accepted));

  constructor(private readonly owner: NodeProcess) {}

  /** Opens the socket; one that a killed node left behind is replaced. Rejects with ControlError. */
  async open(place: Place): Promise<void> {
    const address = socketAddress(place.socket);
    if (await isAnswered(address)) throw new ControlError(runsAlready(place));
    try {
      if (process.platform !== 'win32') rmSync(place.socket, { force: true });
      await this.listener.listenAt(address, BACKLOG);
      if (process.platform !== 'win32' && existsSync(place.socket)) chmodSync(place.socket, 0o600);
    } catch (error) {
      // Two started at the same moment.
      if (codeOf(error) === 'EADDRINUSE') throw new ControlError(runsAlready(place));
      throw new ControlError(
        `the control socket ${place.socket} cannot be opened: ${reasonOf(error)}; choose another with --control-socket`,
      );
    }
  }

  /** Ends every connection when its replies have left. */
  async close(): Promise<void> {
    const closed = this.listener.close();
    for (const connection of this.connections) connection.close();
    await closed;
  }

  private accept(accepted: Accepted): void {
    const connection = new ControlConnection(accepted, this.owner, this.outbox);
    this.connections.add(connection);
    connection.whenClosed = () => this.connections.delete(connection);
  }
}

/** Whether somebody accepts connections on a socket. */
export async function isAnswered(address: string): Promise<boolean> {
  const socket = connect({ path: address });
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

function runsAlready({ name, pidFile, socket }: Place): string {
  const pid = readPid(pidFile);
  const who = pid === undefined ? '' : `, process ${pid}`;
  return `${name} runs already${who} (${socket}): stop it first, or give this node another name with --node`;
}

/**
 * The composition root: builds the parts of a node, hands them to each other, and starts and stops them in order.
 * It alone sees every layer.
 */
import { families } from './commands/families.js';
import { CommandTable } from './commands/table.js';
import { Settings } from './config/settings.js';
import { Executor } from './execution/execute.js';
import { NodeState } from './execution/node-state.js';
import { Connection } from './listeners/connection.js';
import { Outbox } from './listeners/outbox.js';
import { RespConnection } from './listeners/resp-connection.js';
import { type Accepted, TcpListener } from './listeners/tcp-listener.js';
import { Store } from './store/store.js';
import { type Clock, systemClock } from './util/clock.js';
import { Log } from './util/log.js';

export interface NodeParts {
  settings: Settings;
  clock?: Clock;
  log?: Log;
}

export class Node {
  readonly state: NodeState;
  private readonly executor: Executor;
  private readonly outbox = new Outbox();
  private readonly connections = new Set<Connection>();
  private readonly listeners: TcpListener[] = [];
  /** The port that clients reach; 0 while there is none. */
  port = 0;

  constructor({ settings, clock = systemClock, log = new Log() }: NodeParts) {
    const store = new Store({ databases: settings.integer('databases'), clock });
    this.state = new NodeState(store, settings, new CommandTable(families), clock, log);
    this.executor = new Executor(this.state.table, this.state.stats);
    store.reclaimer.onWork = () => this.reclaim();
  }

  async start(): Promise<void> {
    const { settings, log } = this.state;
    const listener = new TcpListener((accepted) => this.accept(accepted));
    this.listeners.push(listener);
    this.port = await listener.listen(settings.integer('port'), undefined, settings.integer('tcp-backlog'));
    log.info(`Accepting connections on port ${this.port} (RESP)`);
    log.info('Ready to accept connections');
  }

  async stop(): Promise<void> {
    const closed = this.listeners.map((listener) => listener.close());
    for (const connection of this.connections) connection.closeAfterReply();
    await Promise.all(closed);
  }

  private accept(accepted: Accepted): void {
    this.state.stats.connectionsReceived++;
    const connection = new RespConnection(accepted, this.state, this.executor, this.outbox);
    this.connections.add(connection);
    this.state.clients.set(connection.session.id, connection.session);
    accepted.socket.once('close', () => this.connections.delete(connection));
  }

  /** Runs the reclaimer in slices of a millisecond until it has nothing left. */
  private reclaim(): void {
    setImmediate(() => {
      const { reclaimer } = this.state.store;
      const endUs = this.state.clock.elapsedUs() + 1000;
      if (reclaimer.run(() => this.state.clock.elapsedUs() > endUs)) this.reclaim();
    });
  }
}

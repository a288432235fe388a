/**
 * The composition root: builds the parts of a node, hands them to each other, and starts and stops them in order.
 * It alone sees every layer.
 */
import { Cluster } from './cluster/cluster.js';
import { HandOver } from './cluster/hand-over.js';
import type { Dial } from './cluster/wire.js';
import type { ShutdownOptions } from './commands/context.js';
import { families } from './commands/families.js';
import { memoryUse } from './commands/memory-use.js';
import { CommandTable } from './commands/table.js';
import { Settings } from './config/settings.js';
import { Executor } from './execution/execute.js';
import { ExpiryTimer } from './execution/expiry-timer.js';
import { NodeState } from './execution/node-state.js';
import { followSettings } from './execution/store-settings.js';
import { type OpenPort, closeListeners, openPort, openSocket, parseBind } from './listeners/bind.js';
import type { Connection } from './listeners/connection.js';
import { LineConnection } from './listeners/line-connection.js';
import { Outbox } from './listeners/outbox.js';
import { PeerConnection } from './listeners/peer-connection.js';
import { RespConnection } from './listeners/resp-connection.js';
import { type Accepted, type TcpListener, turnAway } from './listeners/tcp-listener.js';
import { Upkeep } from './listeners/upkeep.js';
import { type FileSystem, systemFiles } from './persistence/file-system.js';
import { FolderHold } from './persistence/folder-hold.js';
import { Persistence } from './persistence/persistence.js';
import { Reload } from './persistence/reload.js';
import { Shutdown } from './persistence/shutdown.js';
import { SnapshotKeeper } from './persistence/snapshot-keeper.js';
import { SnapshotTurn } from './persistence/snapshot-turn.js';
import { Store } from './store/store.js';
import { type Clock, systemClock } from './util/clock.js';
import { LEAST_LEVELS, Log } from './util/log.js';

/** Clients that are not done when a node stops, because they do not read or wait for something, are cut off then. */
const STOP_MS_MAX = 5000;
/** How long a client that has its replies may take to close its side when a node stops. */
const STOP_LINGER_MS = 500;

export interface NodeParts {
  settings: Settings;
  clock?: Clock;
  log?: Log;
  /** The file that the settings came from; CONFIG REWRITE writes to it. */
  configFile?: string | undefined;
  /** How peers are reached. */
  dial?: Dial;
  /** The disk. */
  files?: FileSystem;
  /** Reads the texts of `nodes` and `shards` anew from the config, for a reload. */
  readAgain?: () => Promise<{ nodes: string; shards: string }>;
}

export class Node {
  readonly state: NodeState;
  readonly cluster: Cluster;
  readonly executor: Executor;
  /** Runs what peers send: it routes nothing. */
  private readonly peerExecutor: Executor;
  private readonly outbox = new Outbox();
  private readonly connections = new Set<Connection>();
  private readonly upkeep: Upkeep;
  private readonly snapshots: SnapshotKeeper;
  private readonly expiryTimer: ExpiryTimer;
  private readonly persistence: Persistence;
  private readonly shutdown: Shutdown;
  private readonly handOver: HandOver;
  private listeners: TcpListener[] = [];
  /** The ports that clients reach; 0 while there is none. */
  port = 0;
  linePort = 0;
  /** What SHUTDOWN does; whoever runs the node in a process of its own ends the process too. */
  onShutdownRequested: () => void = () => void this.stop();
  /** Called when the ports are open and nothing has been loaded. */
  onListening: () => void = () => undefined;

  constructor({
    settings, clock = systemClock, log = new Log(), configFile, dial, readAgain, files = systemFiles,
  }: NodeParts) {
    const store = new Store({ databases: settings.integer('databases'), clock });
    this.state = new NodeState(store, settings, new CommandTable(families), clock, log);
    this.state.configFile = configFile;
    followSettings(store, settings);
    this.state.shutDown = async (options) => {
      await this.prepareStop(options);
      setImmediate(() => this.onShutdownRequested());
    };
    this.state.abortShutdown = () => this.shutdown.abort();
    const turn = new SnapshotTurn();
    const hold = new FolderHold(this.state, files);
    this.state.snapshots = this.snapshots = new SnapshotKeeper(this.state, files, turn, hold);
    this.state.appendLog = this.persistence = new Persistence(this.state, this.snapshots, turn, files, hold);
    this.shutdown = new Shutdown(this.state, this.snapshots, this.persistence);
    const reload = new Reload(this.state, this.snapshots, this.persistence);
    this.state.reload = (options) => reload.run(options);
    this.state.sendReplies = this.outbox.flush;
    this.executor = new Executor(this.state);
    this.upkeep = new Upkeep(this.state, this.connections);
    this.expiryTimer = new ExpiryTimer(this.state);
    this.peerExecutor = new Executor(this.state);
    this.cluster = new Cluster({
      settings, log, store, pubsub: this.state.pubsub, tracking: this.state.tracking, runId: this.state.runId,
      ...(dial === undefined ? {} : { dial }),
      ...(readAgain === undefined ? {} : { readAgain }),
    });
    this.cluster.onChange = (): void => {
      this.route();
      // Buckets that another map has given back may have been waited for.
      if (this.state.waits.hasReady) this.state.waits.serve();
    };
    this.state.shards = this.cluster;
    this.state.afterLoading = () => this.cluster.sortLoaded();
    this.handOver = new HandOver(this.state, this.cluster);
    this.route();
    store.reclaimer.onWork = () => this.reclaim();
    settings.watch('loglevel', () => (log.least = LEAST_LEVELS[settings.text('loglevel')]!));
  }

  /**
   * Opens the listeners, all or none, and loads what is on disk; until that is done clients are told to wait.
   * Rejects with ListenError and PersistenceError.
   */
  async start(): Promise<void> {
    const { log, settings } = this.state;
    this.persistence.announceLoading();
    try {
      this.port = await this.listen('port', RespConnection);
      this.linePort = await this.listen('line-port', LineConnection);
      await this.listenForPeers();
      this.onListening();
      await this.persistence.start();
    } catch (error) {
      await this.stop();
      throw error;
    }
    this.state.port = this.port;
    this.state.stats.usedBytesAtStart = memoryUse({ store: this.state.store, node: this.state }).used;
    this.upkeep.start();
    this.expiryTimer.start();
    this.snapshots.start();
    if (this.port > 0) log.info(`Accepting connections on port ${this.port} (RESP)`);
    if (this.linePort > 0) log.info(`Accepting connections on port ${this.linePort} (line protocol)`);
    if (this.linePort > 0 && settings.text('requirepass') !== '') {
      log.warning('requirepass is set, and a line has no way to give a password: the line protocol refuses every command');
    }
    this.cluster.start();
    this.handOver.start();
    log.info('Ready to accept connections');
  }

  /** Requests pass the router only where there is something to route. */
  private route(): void {
    this.executor.router = this.cluster.isWhole ? undefined : this.cluster.router;
  }

  /**
   * Brings to disk what is to be kept. From then on what writes waits, for `stop`. Rejects with ShutdownRefused when
   * the disk does not take it; then the node goes on.
   */
  prepareStop(options: ShutdownOptions = {}): Promise<void> {
    return this.shutdown.prepare(options);
  }

  /** Takes no new clients, runs no new requests, and ends every connection when its replies have left. */
  async stop(): Promise<void> {
    this.state.limits.lingerMs = STOP_LINGER_MS;
    const cutOff = setTimeout(() => this.connections.forEach((connection) => connection.destroy()), STOP_MS_MAX);
    const closed = closeListeners(this.listeners);
    this.handOver.stop();
    this.cluster.endWaits();
    for (const connection of this.connections) connection.close();
    await closed;
    clearTimeout(cutOff);
    this.upkeep.stop();
    this.expiryTimer.stop();
    this.state.maxMemory.stop();
    this.cluster.stop();
    await this.snapshots.stop();
    await this.persistence.stop();
    this.listeners = [];
    this.port = this.linePort = 0;
  }

  /** Opens the port of a setting, unless it is 0, and gives the port. */
  private async listen(setting: 'port' | 'line-port', Kind: ConnectionKind): Promise<number> {
    const { settings } = this.state;
    const port = settings.text(setting);
    if (port === '0') return 0;
    const opened: OpenPort = await openPort({
      setting,
      port,
      addresses: parseBind(settings.text('bind')),
      backlog: settings.integer('tcp-backlog'),
      accept: (accepted) => this.accept(accepted, Kind),
    });
    this.listeners.push(...opened.listeners);
    // CONFIG GET shows the port that was found for `any`.
    settings.set(setting, String(opened.port));
    return opened.port;
  }

  /** Listens for peers where `nodes` says that this node is, or on `peer-port`. */
  private async listenForPeers(): Promise<void> {
    const { settings, log } = this.state;
    const { address } = this.cluster;
    const set = settings.text('peer-port');
    const request = { backlog: settings.integer('tcp-backlog'), accept: (accepted: Accepted) => this.acceptPeer(accepted) };
    if (set === 'auto' && address?.path !== undefined) {
      this.listeners.push(await openSocket(address.path, request));
      log.info(`Accepting peers on ${address.path}`);
      return;
    }
    const port = set === 'auto' ? String(address?.port ?? 0) : set;
    if (port === '0') return;
    const addresses = set === 'auto' ? [{ host: address!.host!, isOptional: false }] : parseBind(settings.text('bind'));
    const opened = await openPort({ setting: 'peer-port', port, addresses, ...request });
    this.listeners.push(...opened.listeners);
    log.info(`Accepting peers on port ${opened.port}`);
  }

  private readonly forget = (connection: Connection): void => void this.connections.delete(connection);

  private acceptPeer(accepted: Accepted): void {
    const connection = new PeerConnection(accepted, this.state, this.peerExecutor, this.outbox, this.cluster);
    this.connections.add(connection);
    connection.whenClosed = this.forget;
  }

  private accept(accepted: Accepted, Kind: ConnectionKind): void {
    const { stats, limits } = this.state;
    stats.connectionsReceived++;
    if (this.connections.size >= limits.clientsMax) {
      stats.connectionsRejected++;
      return turnAway(accepted, Kind.errorReply('max number of clients reached'));
    }
    if (limits.keepAliveMs > 0) accepted.socket.setKeepAlive(true, limits.keepAliveMs);
    const connection = new Kind(accepted, this.state, this.executor, this.outbox);
    this.connections.add(connection);
    this.state.clients.set(connection.session.id, connection.session);
    connection.whenClosed = this.forget;
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

interface ConnectionKind {
  new (accepted: Accepted, state: NodeState, executor: Executor, outbox: Outbox): Connection;
  /** An error as its clients read it. */
  errorReply(text: string): Buffer;
}

/**
 * The package as a library: a node inside another Node.js program, such as a test suite.
 *
 *     const node = await startNode({ port: 'any' });
 *     // a client connects to node.port
 *     await node.stop();
 *
 * Nodes in one process share nothing: each has its own store, settings and clients.
 */
import { apply } from './config/load.js';
import { type GivenSettings, fromObject } from './config/sources.js';
import { Node } from './server.js';
import type { Clock } from './util/clock.js';
import { Log, silentLog } from './util/log.js';

export { ConfigError, type GivenSettings, type SettingValue } from './config/sources.js';
export { ListenError } from './listeners/bind.js';
export { PersistenceError } from './persistence/persistence-error.js';
export { FakeClock, type Clock } from './util/clock.js';

/** Settings by the names that the command line and CONFIG GET have for them: `{ port: 'any', 'line-port': 4040 }`. */
export interface NodeSettings extends GivenSettings {
  /** For Redis clients: a number, `'any'` for a free one, 0 for none. */
  readonly port?: number | 'any';
  /** For the line protocol; 0 unless given. */
  readonly 'line-port'?: number | 'any';
}

export interface NodeSurroundings {
  /** Gets each line of the log; without it there is none. */
  log?: (line: string) => void;
  /** The clock that expiry follows; the system's unless given. */
  clock?: Clock;
}

export interface RunningNode {
  /** The port for Redis clients; 0 for none. */
  readonly port: number;
  /** The port for the line protocol; 0 for none. */
  readonly linePort: number;
  /**
   * Ends the node: takes no new clients, delivers the replies that are due, closes. Where there are save points a last
   * snapshot is written first; rejects when that cannot be done, and the node goes on.
   */
  stop(): Promise<void>;
}

/** As an embedded node has them: reached from this machine alone, only by Redis clients, and without a folder. */
const EMBEDDED: NodeSettings = { bind: '127.0.0.1 -::1', 'line-port': 0, appendonly: 'no', dir: '' };

/**
 * Starts a node in this process. It reads no config and no environment: what is not in `given` is as built in, except
 * that it listens on the loopback addresses only and not for the line protocol, and keeps nothing on disk: it reads and
 * writes files only where `dir` is given, and the append log only with `appendonly: 'yes'`.
 * Rejects with ConfigError for a wrong setting, ListenError for a port that cannot be opened, and PersistenceError for
 * a folder that cannot be used.
 */
export async function startNode(given: NodeSettings = {}, surroundings: NodeSurroundings = {}): Promise<RunningNode> {
  const { settings } = apply([...fromObject(EMBEDDED, 'startNode'), ...fromObject(given, 'startNode')]);
  const log = surroundings.log === undefined ? silentLog : new Log(surroundings.log);
  const { clock } = surroundings;
  const node = new Node({ settings, log, ...(clock === undefined ? {} : { clock }) });
  await node.start();
  const stop = async (): Promise<void> => {
    await node.prepareStop();
    await node.stop();
  };
  return { port: node.port, linePort: node.linePort, stop };
}

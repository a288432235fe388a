/**
 * Clusters of nodes in this process, for tests. `foo` owns a to m, `bar` n to z and `foo` the rest, unless a test says
 * otherwise.
 */
import { freePort } from './reference.js';
import { waitFor } from './wait-for.js';
import type { Dial } from '../../lib/cluster/wire.js';
import { Settings } from '../../lib/config/settings.js';
import { Node } from '../../lib/server.js';
import { ListenError } from '../../lib/listeners/bind.js';
import { Log } from '../../lib/util/log.js';
import { inMemory } from './in-memory.js';

export interface ClusterOptions {
  names?: readonly string[];
  shards?: string;
  /** For every node. */
  settings?: Readonly<Record<string, string>>;
  /** For one node. */
  settingsOf?: (name: string) => Readonly<Record<string, string>>;
  /** Addresses of further nodes, as in the setting `nodes`. */
  others?: readonly string[];
  /** How a node reaches its peers. */
  dialOf?: (name: string) => Dial;
}

const START_ATTEMPTS = 5;

/** Nodes that can be stopped and started again one by one, on the addresses that they had. */
export class TestCluster {
  readonly nodes = new Map<string, Node>();
  /** Every log line of every node. */
  readonly lines: string[] = [];
  private addresses = '';

  constructor(readonly options: ClusterOptions = {}) {}

  /** Starts all nodes, and waits until each has reached the others. */
  async start(): Promise<void> {
    const names = this.options.names ?? ['foo', 'bar'];
    for (let attempt = 1; ; attempt++) {
      const addresses = [...(this.options.others ?? [])];
      for (const name of names) addresses.push(`${name}=127.0.0.1:${await freePort()}`);
      this.addresses = addresses.join(',');
      try {
        for (const name of names) await this.startNode(name);
        break;
      } catch (error) {
        // A port that was free a moment ago may have been taken by another test.
        if (!(error instanceof ListenError) || attempt === START_ATTEMPTS) throw error;
        await this.stop();
      }
    }
    await waitFor(() => names.every((name) => this.isConnected(name)), 'all nodes to reach each other');
  }

  async startNode(name: string, settings: Readonly<Record<string, string>> = {}): Promise<Node> {
    const { options } = this;
    const node = new Node({
      settings: new Settings({
        ...inMemory, port: 'any', 'line-port': 'any', bind: '127.0.0.1', 'enable-debug-command': 'yes', cookie: 'oatmeal', node: name, nodes: this.addresses,
        shards: options.shards ?? 'a-m=foo,n-z=bar,*=foo', ...options.settings, ...options.settingsOf?.(name), ...settings,
      }),
      log: new Log((line) => void this.lines.push(`${name} ${line}`)),
      ...(options.dialOf === undefined ? {} : { dial: options.dialOf(name) }),
    });
    await node.start();
    this.nodes.set(name, node);
    return node;
  }

  node(name: string): Node {
    return this.nodes.get(name)!;
  }

  port(name: string): number {
    return this.node(name).port;
  }

  /** Where a node listens for peers. */
  address(name: string): string {
    return new RegExp(`(?:^|,)${name}=([^,]+)`).exec(this.addresses)![1]!;
  }

  isConnected(name: string): boolean {
    return this.node(name).cluster.peers.every((peer) => peer.state === 'up');
  }

  async stopNode(name: string): Promise<void> {
    await this.nodes.get(name)?.stop();
    this.nodes.delete(name);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.nodes.keys()].map((name) => this.stopNode(name)));
  }

  /** Waits for a line of the log that holds `text`. */
  async logged(text: string): Promise<void> {
    await waitFor(() => this.lines.some((line) => line.includes(text)), `the log line ${text}`);
  }
}

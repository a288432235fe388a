/**
 * The cluster as one node sees it: its name, the shard map in force, the peers that the map leads to, and the router
 * made from them. A reload replaces the map and keeps the peers whose address stays.
 */
import { Feeds } from './feeds.js';
import { Foreign } from './foreign.js';
import { LeftBehind } from './left-behind.js';
import type { NodeAddress } from './node-address.js';
import { Peer, type PeerServices } from './peer.js';
import { type Plan, planShards } from './plan.js';
import { type Relay, ShardRouter } from './router.js';
import { NO_OWNER, type Shard, ShardMap } from './shard-map.js';
import { type Dial, dial } from './wire.js';
import type { PeerState, ShardServices } from '../commands/shard-services.js';
import { SettingError, type Settings } from '../config/settings.js';
import { type PubSub, TOPIC_KINDS } from '../pubsub/pubsub.js';
import type { Tracking } from '../pubsub/tracking.js';
import type { Store } from '../store/store.js';
import type { Slice } from '../util/bytes.js';
import type { Log } from '../util/log.js';
import { type Random, systemRandom } from '../util/random.js';

export interface ClusterParts {
  settings: Settings;
  log: Log;
  store: Store;
  pubsub: PubSub;
  tracking: Tracking;
  /** Tells this run of this node from all others. */
  runId: string;
  dial?: Dial;
  random?: Random;
  /** Reads the texts of `nodes` and `shards` anew from where they came from; see `reload`. */
  readAgain?: () => Promise<{ nodes: string; shards: string }>;
}

export class Cluster implements ShardServices {
  readonly self: string;
  readonly router: ShardRouter;
  /** Where this node listens for peers; undefined when `nodes` does not say. */
  readonly address: NodeAddress | undefined;
  readonly foreign: Foreign;
  private readonly services: PeerServices;
  private readonly settings: Settings;
  private peersByName = new Map<string, Peer>();
  private readonly store: Store;
  private readonly pubsub: PubSub;
  /** The last relay, which stays as long as it is there: messages take one way as long as it is open. */
  private lastRelay: Peer | undefined;
  private readonly readAgain: ClusterParts['readAgain'];
  /** Called when the map in force may have changed. */
  onChange: () => void = () => undefined;
  private isStarted = false;
  private gapsTold: readonly string[] = [];
  /** Buckets may be left behind, or have been looked for. */
  private isForced = false;
  /** Reloads come one after the other. */
  private reloading: Promise<void> = Promise.resolve();

  /** Throws SettingError when the settings contradict themselves. */
  constructor(parts: ClusterParts) {
    const { settings, log, store, pubsub, tracking, runId, readAgain } = parts;
    const { dial: open = dial, random = systemRandom } = parts;
    this.self = settings.text('node');
    this.settings = settings;
    this.store = store;
    this.readAgain = readAgain;
    const limits = { timeoutMs: 0, queueBytesMax: 0 };
    settings.watch('peer-timeout', () => (limits.timeoutMs = settings.integer('peer-timeout')));
    settings.watch('peer-queue-bytes', () => (limits.queueBytesMax = settings.integer('peer-queue-bytes')));
    this.pubsub = pubsub;
    this.services = {
      self: this.self, limits, log, random, dial: open, feeds: new Feeds(pubsub, tracking, runId, () => this.peers),
      cookie: () => settings.text('cookie'),
      fingerprint: () => this.map.fingerprint,
    };
    const plan = planShards((name) => settings.text(name));
    this.address = plan.nodes.get(this.self);
    this.router = new ShardRouter({ map: plan.map, self: NO_OWNER, peers: [] });
    this.router.relay = () => this.relay;
    this.foreign = new Foreign(store, this.self, () => this.map, log);
    this.apply(plan);
    settings.guard(['nodes', 'shards'], (proposed) => {
      this.refuseLosses(planShards(proposed).map);
    });
    for (const name of ['nodes', 'shards']) settings.watch(name, () => this.takeSettings());
  }

  get map(): ShardMap {
    return this.router.routes.map;
  }

  get peers(): readonly Peer[] {
    return [...this.peersByName.values()];
  }

  /** Whether this node owns every name, so that nothing is to be routed. */
  get isWhole(): boolean {
    return this.router.isAlone && this.map.gaps().length === 0;
  }

  /** Whether this node owns the bucket with this name. */
  owns(bytes: Buffer, offset: number, length: number): boolean {
    const { self } = this.router.routes;
    return self !== NO_OWNER && this.map.ownerOf(bytes, offset, length) === self;
  }

  /** Puts a plan into force. Peers that it does not need any more finish what they are doing. */
  apply({ map, nodes }: Plan): void {
    const before = this.peersByName;
    const peers = new Map<string, Peer>();
    for (const name of map.owners) {
      if (name === this.self) continue;
      const address = nodes.get(name)!;
      const kept = before.get(name);
      const stays = kept !== undefined && isSame(kept.address, address);
      peers.set(name, stays ? kept : new Peer(name, address, this.services));
    }
    this.peersByName = peers;
    this.router.routes = {
      map, self: map.owners.indexOf(this.self), peers: map.owners.map((name) => peers.get(name)),
    };
    for (const [name, peer] of before) {
      if (peers.get(name) === peer) peer.announceMap();
      else peer.retire();
    }
    if (this.isStarted) for (const [name, peer] of peers) if (before.get(name) !== peer) peer.start();
    this.shareSubscriptions();
    this.tellGaps(map.gaps());
  }

  /** Says in the log which names nobody owns, when they have become others. */
  private tellGaps(gaps: readonly string[]): void {
    const known = this.gapsTold;
    this.gapsTold = gaps;
    if (gaps.join() === known.join()) return;
    for (const gap of gaps) this.services.log.warning(`The shard map has a gap: nobody owns names ${gap}`);
  }

  // ---- messages

  /** The peer that passes on what is published at this node; undefined when this node has its own ways. */
  private get relay(): Relay | undefined {
    if (this.router.routes.self !== NO_OWNER) return undefined;
    if (this.lastRelay?.state !== 'up') this.lastRelay = this.newsPeers.find(({ state }) => state === 'up');
    const peer = this.lastRelay;
    return peer && {
      forward: (session, args) => peer.forwardOverFeed(session, args.bytes, args.start, args.end),
      publish: (channel, text, then) => this.services.feeds.publishThrough(peer, channel, text, then),
    };
  }

  get hasRedisServers(): boolean {
    return this.newsPeers.length < this.peersByName.size;
  }

  /** The peers that know of publishing; a plain Redis server is left to itself. */
  private get newsPeers(): Peer[] {
    return this.peers.filter(({ address }) => address.kind !== 'redis');
  }

  private shareSubscriptions(): void {
    const { pubsub, services: { feeds } } = this;
    const isShared = this.newsPeers.length > 0;
    pubsub.whenKnown = isShared ? (then) => feeds.whenKnown(then) : undefined;
    if (isShared && TOPIC_KINDS.some((kind) => pubsub.topics[kind].size > 0)) feeds.open();
  }

  // ---- reload

  /**
   * Reads `nodes` and `shards` anew and takes them over, whole or not at all. Gives what has changed, a line for each;
   * none when nothing has. Rejects with SettingError, or the error of reading.
   */
  reload(isForced: boolean): Promise<string[]> {
    const done = this.reloading.then(() => this.reloadAlone(isForced));
    this.reloading = done.then(() => undefined, () => undefined);
    return done;
  }

  private async reloadAlone(isForced: boolean): Promise<string[]> {
    if (this.readAgain === undefined) throw new SettingError('shards', 'this node has no config that could be read again');
    const { nodes, shards } = await this.readAgain();
    const read: Readonly<Record<string, string>> = { nodes, shards };
    const { map } = planShards((name) => read[name] ?? this.settings.text(name));
    if (this.foreign.size > 0) await this.foreign.takeBackFor(map);
    if (!isForced) await this.lookForLosses(map);
    // From here on nothing else is run until the new map is in force.
    const before = { map: this.map, addresses: this.addresses() };
    this.isForced = true;
    try {
      this.settings.setAll([['nodes', nodes], ['shards', shards]]);
    } finally {
      this.isForced = false;
    }
    const moved = [...this.addresses()].filter(([name, shown]) => (before.addresses.get(name) ?? shown) !== shown);
    return [
      ...before.map.changesTo(this.map),
      ...moved.map(([name, shown]) => `node ${name}: ${before.addresses.get(name)!} -> ${shown}`),
    ];
  }

  /** As `refuseLosses`, without holding up the clients. */
  private async lookForLosses(map: ShardMap): Promise<void> {
    for (let seen: ShardMap | undefined; seen !== this.map; ) {
      // CONFIG SET may change the map meanwhile: then another part of it is taken away.
      seen = this.map;
      const losses = this.lossesWith(map);
      await losses?.countInSlices();
      if (losses !== undefined) this.refuse(losses);
    }
  }

  private addresses(): Map<string, string> {
    return new Map(this.peers.map(({ name, address }) => [name, address.shown]));
  }

  private takeSettings(): void {
    const plan = planShards((name) => this.settings.text(name));
    const changes = this.map.changesTo(plan.map);
    const takesFromSelf = this.map.takesFrom(this.self, plan.map);
    for (const change of changes) this.services.log.info(`The shard map has changed: ${change}`);
    this.apply(plan);
    if (this.foreign.size > 0) this.foreign.takeBack();
    this.onChange();
    if (this.isStarted && (takesFromSelf || this.foreign.size > 0)) void this.foreign.sort();
  }

  /**
   * Throws SettingError when buckets that are stored here would belong to other nodes. It looks at every bucket in one
   * go, so for CONFIG SET the node stands still meanwhile; a reload has looked before, in slices.
   */
  private refuseLosses(map: ShardMap): void {
    const losses = this.lossesWith(map);
    losses?.count();
    if (losses !== undefined) this.refuse(losses);
  }

  /** Undefined when nothing is to be looked for: a map that takes nothing away from this node, or one by force. */
  private lossesWith(map: ShardMap): LeftBehind | undefined {
    if (this.isForced || !this.isStarted || !this.map.takesFrom(this.self, map)) return undefined;
    return new LeftBehind(this.store, this.map, map, this.self);
  }

  private refuse({ total, counts }: LeftBehind): void {
    if (total === 0) return;
    const parts = [...counts].map(([shown, count]) => `${count} of ${shown}`);
    throw new SettingError(
      'shards', `shards: ${total} buckets stored on ${this.self} would be left behind: ${parts.join(', ')}; ` +
        'move them first, or leave them with SHARD RELOAD FORCE',
    );
  }

  /** Sets aside what of the buckets that have been loaded belongs to others. */
  async sortLoaded(): Promise<void> {
    if (!this.isWhole || this.foreign.size > 0) await this.foreign.sort();
  }

  // ---- what SHARD and INFO show

  get foreignBuckets(): number {
    return this.foreign.size;
  }

  get fingerprint(): string {
    return this.map.fingerprint;
  }

  get shards(): readonly Shard[] {
    return this.map.shards;
  }

  nodeOf(name: Slice): string | undefined {
    return this.map.owners[this.map.ownerOf(name.bytes, name.offset, name.length)];
  }

  peerStates(): PeerState[] {
    return this.peers.map((peer) => peer.describeState());
  }

  // ---- the life of the links

  start(): void {
    this.isStarted = true;
    for (const peer of this.peers) peer.start();
  }

  /** Ends the commands that wait on peers for something to happen. */
  endWaits(): void {
    for (const peer of this.peers) peer.endWaits();
  }

  /** Closes every link at once. */
  stop(): void {
    for (const peer of this.peers) peer.stop();
  }

  /** The cookie that peers must prove. */
  get cookie(): string {
    return this.settings.text('cookie');
  }
}

function isSame(a: NodeAddress, b: NodeAddress): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

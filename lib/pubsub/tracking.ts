/**
 * Client side caching: clients that keep copies of what they have read are told when it changes.
 *
 * By default the table here remembers who has read which key, once, until it changes. A client in BCAST mode is told of
 * every key that begins with one of its prefixes, at the end of the turn in which it changed. Which database a key is
 * in plays no part, as in redis.
 *
 * Over several nodes the owner of a key remembers which nodes have read it, as it remembers clients, and which prefixes
 * they want; it tells them over their feeds (feed.ts), and they tell their clients. Source: redis's tracking.c.
 */
import type { Feed } from './feed.js';
import { Invalidation } from './invalidation.js';
import { Prefixes } from './prefixes.js';
import type { Subscriber } from './subscriber.js';
import type { Settings } from '../config/settings.js';
import type { Slice } from '../util/bytes.js';

/** Which reads are remembered: all; those behind CLIENT CACHING YES; all but those behind CLIENT CACHING NO. */
export type ReadChoice = 'all' | 'optin' | 'optout';

/** What a client has chosen with CLIENT TRACKING. */
export interface TrackingChoice {
  /** The client that is told in its stead; 0: itself. */
  redirect: number;
  isBroadcast: boolean;
  reads: ReadChoice;
  /** It is not told of what it changes itself. */
  isLoopless: boolean;
}

export class TrackingState implements TrackingChoice {
  redirect = 0;
  isBroadcast = false;
  reads: ReadChoice = 'all';
  isLoopless = false;
  readonly prefixes = new Set<string>();
  /** CLIENT CACHING was called for the next command. */
  isCachingGiven = false;
  /** The client that was to be told in its stead has gone. */
  isRedirectBroken = false;
  /** It was told to forget everything and has read nothing since. */
  hasForgotten = false;
  /** A transaction of it runs at another node: what it reads there may be read again behind a change. */
  readsElsewhere = false;

  constructor(
    /** By what its reads are remembered: its own id, or that of the feed to its node. */
    readonly reader: number,
  ) {}

  /** Whether what it reads now is to be remembered. */
  get remembers(): boolean {
    if (this.isBroadcast) return false;
    return this.reads === 'all' || (this.reads === 'optin') === this.isCachingGiven;
  }
}

export interface TrackingClient extends Subscriber {
  readonly id: number;
  /** Undefined while it tracks nothing. */
  tracking: TrackingState | undefined;
}

/** Who has changed a key: a client of this node, or of another one that has passed its request on. */
export interface Author {
  readonly id: number;
  /** Set while a request runs that another node has passed on for one of its clients. */
  readonly origin: Origin | undefined;
}

export interface Origin {
  /** The run of that node. */
  readonly node: string;
  readonly client: string;
}

export class Tracking {
  /** Whether anybody is to be told of anything. Looked at for every change. */
  isOn = false;
  /** The client whose command runs, when it tracks: it is told when it has its reply. */
  current: TrackingClient | undefined;
  readonly prefixes = new Prefixes();
  /** For each key the ids of those who have read it, nodes among them. */
  private readonly readers = new Map<string, Set<number>>();
  private readonly clients = new Map<number, TrackingClient>();
  private readonly feeds = new Map<number, Feed>();
  private readonly delayed: Invalidation[] = [];
  private keysMax = 0;
  private itemCount = 0;

  constructor(
    settings: Settings,
    /** Clients by their id, for redirection. */
    private readonly client: (id: number) => Subscriber | undefined,
  ) {
    settings.watch('tracking-table-max-keys', () => (this.keysMax = settings.integer('tracking-table-max-keys')));
    this.prefixes.onDue = () => setImmediate(() => this.broadcast());
  }

  get clientCount(): number {
    return this.clients.size;
  }

  get keyCount(): number {
    return this.readers.size;
  }

  get readCount(): number {
    return this.itemCount;
  }

  // ---- who tracks

  /** Begins, or goes on with other options; prefixes are added to those that there are. */
  enable(client: TrackingClient, choice: TrackingChoice, prefixes: readonly string[]): void {
    const state = (client.tracking ??= new TrackingState(client.id));
    Object.assign(state, choice, { isRedirectBroken: false });
    const wanted = choice.isBroadcast && prefixes.length === 0 ? [''] : prefixes;
    for (const prefix of wanted) {
      state.prefixes.add(prefix);
      this.prefixes.add(prefix, client);
    }
    this.clients.set(client.id, client);
    this.isOn = true;
  }

  disable(client: TrackingClient): void {
    for (const prefix of client.tracking?.prefixes ?? []) this.prefixes.remove(prefix, client);
    client.tracking = undefined;
    this.clients.delete(client.id);
    this.rest();
  }

  /** Clients of another node track. */
  addFeed(feed: Feed): void {
    this.feeds.set(feed.id, feed);
    this.isOn = true;
  }

  removeFeed(feed: Feed): void {
    this.feeds.delete(feed.id);
    this.rest();
  }

  private rest(): void {
    if (this.clients.size + this.feeds.size > 0) return;
    this.isOn = false;
    this.forget();
  }

  private forget(): void {
    this.readers.clear();
    this.itemCount = 0;
  }

  // ---- reads

  /** Whether it is known that a client has read a key which has not changed since. */
  remembers(reader: number, key: string): boolean {
    return this.readers.get(key)?.has(reader) === true;
  }

  /** A client, or a node for its clients, has read a key. */
  remember(reader: number, key: string): void {
    let readers = this.readers.get(key);
    if (readers === undefined) {
      this.readers.set(key, (readers = new Set()));
      if (this.keysMax > 0 && this.readers.size > this.keysMax) this.forgetOldest();
    }
    if (readers.has(reader)) return;
    readers.add(reader);
    this.itemCount++;
  }

  /** The table is full: whoever has read the oldest key is told as if it had changed. */
  private forgetOldest(): void {
    for (const [name, readers] of this.readers) {
      for (const feed of this.feeds.values()) if (readers.has(feed.id)) tellFeed(feed, name, undefined);
      return this.tellReaders(name, 0);
    }
  }

  // ---- changes

  /** A key has changed. `author` is undefined when it was the node itself. */
  changed(key: Slice, author: Author | undefined): void {
    if (this.readers.size + this.prefixes.size + this.feeds.size === 0) return;
    const name = key.text();
    for (const feed of this.feeds.values()) {
      if (this.readers.get(name)?.has(feed.id) === true || feed.wantsKey(name)) tellFeed(feed, name, author?.origin);
    }
    this.tell(name, author?.id ?? 0);
  }

  /** A key has changed of which another node is the owner; by client `author` of this node, or 0. */
  tell(name: string, author: number): void {
    this.prefixes.changed(name, author);
    this.tellReaders(name, author);
  }

  private tellReaders(name: string, author: number): void {
    const readers = this.readers.get(name);
    if (readers === undefined) return;
    this.readers.delete(name);
    this.itemCount -= readers.size;
    for (const reader of readers) {
      const client = this.clients.get(reader);
      // Nodes are told of more than this table knows; and somebody may have changed to BCAST mode since.
      if (client?.tracking === undefined || client.tracking.isBroadcast) continue;
      if (client.tracking.readsElsewhere) this.remember(reader, name);
      if (client.tracking.isLoopless && (reader === author || client === this.current)) continue;
      this.send(client, Invalidation.of([name]));
    }
  }

  /** All keys, of one database or of all, have gone by a command that ran here. */
  flushed(): void {
    if (!this.isOn) return;
    for (const feed of this.feeds.values()) feed.send(Invalidation.ofAllForNode());
    this.forget();
    for (const client of this.clients.values()) this.sendFlush(client);
  }

  /** Keys have gone at another node, or what has changed there is not known: everything may have. */
  flushedElsewhere(): void {
    this.forget();
    // A command that empties several nodes is told by each of them.
    for (const client of this.clients.values()) if (!client.tracking!.hasForgotten) this.sendFlush(client);
  }

  /** What a client keeps can no longer be trusted. */
  sendFlush(client: TrackingClient): void {
    if (client.tracking === undefined) return;
    client.tracking.hasForgotten = true;
    this.send(client, Invalidation.ofAll());
  }

  private broadcast(): void {
    for (const [client, keys] of this.prefixes.takeDue()) {
      if (client.tracking !== undefined) this.deliver(client, Invalidation.of(keys));
    }
  }

  /** A reply that a change has overtaken has reached the client. */
  tellAgain(client: TrackingClient, key: string): void {
    if (client.tracking !== undefined) this.deliver(client, Invalidation.of([key]));
  }

  // ---- messages

  private send(client: TrackingClient, invalidation: Invalidation): void {
    if (client === this.current) this.delayed.push(invalidation);
    else this.deliver(client, invalidation);
  }

  /** The command of `current` is over and its reply written: now it is told what it has changed itself. */
  commandDone(): void {
    const client = this.current;
    this.current = undefined;
    if (this.delayed.length === 0) return;
    for (const invalidation of this.delayed.splice(0)) this.deliver(client!, invalidation);
  }

  /** To the client, or to the one that it has named; in RESP2 only to one that has subscribed. */
  private deliver(client: TrackingClient, invalidation: Invalidation): void {
    // It may have stopped tracking in the transaction that changed the key.
    const redirect = client.tracking?.redirect ?? 0;
    const target = redirect === 0 ? client : this.client(redirect);
    if (target === undefined) {
      client.tracking!.isRedirectBroken = true;
      if (client.protocol === 3) client.push(Invalidation.brokenRedirect(redirect));
    } else if (target.protocol === 3) target.push(invalidation.asPush(client.protocol));
    else if (redirect !== 0 && target.subscriptions !== undefined) {
      target.push(invalidation.asMessage(client.protocol));
    }
  }
}

/** The node is told which of its own clients has made the change, if one has. */
function tellFeed(feed: Feed, name: string, origin: Origin | undefined): void {
  feed.send(Invalidation.forNode(name, origin?.node === feed.node ? origin.client : '0'));
}

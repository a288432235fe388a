/**
 * Publish and subscribe on one node: who listens to what, and how a message reaches them. Handlers subscribe clients
 * and publish messages here.
 *
 * Other nodes with subscribers have a feed from here (feed.ts); a message goes to each that wants it, once, and is
 * delivered there (`deliver`). How this node gets its own feeds from others is cluster/feeds.ts.
 */
import type { Feed } from './feed.js';
import { Message } from './message.js';
import { type Subscriber, Subscriptions, type TopicKind, type WantKind } from './subscriber.js';
import { Topics } from './topics.js';
import type { Origin } from './tracking.js';
import { type Slice, sliceOf } from '../util/bytes.js';
import { matchesGlob } from '../util/glob.js';

export const TOPIC_KINDS: readonly TopicKind[] = ['channel', 'pattern', 'shard', 'bucket'];
export const WANT_KINDS: readonly WantKind[] = [...TOPIC_KINDS, 'prefix'];

export class PubSub {
  readonly topics: Readonly<Record<TopicKind, Topics>> = {
    channel: new Topics(), pattern: new Topics(), shard: new Topics(), bucket: new Topics(),
  };
  readonly feeds = new Set<Feed>();
  /**
   * Calls back when all peers know who listens here now. Undefined where there are no peers that could publish
   * anything.
   */
  whenKnown: ((then: () => void) => void) | undefined;

  /** Whether somebody, here or elsewhere, listens to writes to buckets; looked at with every such write. */
  areBucketsWatched = false;

  /** Whether anybody listens to any channel, here or elsewhere. */
  get hasListeners(): boolean {
    return this.topics.channel.size + this.topics.pattern.size + this.feeds.size > 0;
  }

  /** Adds a subscription, if it is new. */
  subscribe(kind: TopicKind, subscriber: Subscriber, name: string): void {
    const subscriptions = (subscriber.subscriptions ??= new Subscriptions());
    if (subscriptions.names(kind).has(name)) return;
    subscriptions.add(kind, name);
    this.topics[kind].add(name, subscriber);
    if (kind === 'bucket') this.watchBuckets();
  }

  /** Ends a subscription, if there is one. */
  unsubscribe(kind: TopicKind, subscriber: Subscriber, name: string): void {
    const { subscriptions } = subscriber;
    if (subscriptions?.names(kind).has(name) !== true) return;
    subscriptions.remove(kind, name);
    this.topics[kind].remove(name, subscriber);
    if (subscriptions.isEmpty) subscriber.subscriptions = undefined;
    if (kind === 'bucket') this.watchBuckets();
  }

  /** Called when those who listen to buckets may have become some or none. */
  watchBuckets(): void {
    const isWatchedElsewhere = [...this.feeds].some((feed) => feed.has('bucket'));
    this.areBucketsWatched = this.topics.bucket.size > 0 || isWatchedElsewhere;
  }

  /** Ends all subscriptions of a client that leaves or begins anew. */
  leave(subscriber: Subscriber): void {
    for (const kind of TOPIC_KINDS) {
      for (const name of subscriber.subscriptions?.names(kind) ?? []) this.unsubscribe(kind, subscriber, name);
    }
  }

  // ---- messages

  /**
   * Publishes a message, and gives how many clients got it, on all nodes together; who listens in two ways gets it
   * twice. A message that came from another node does not go back to it (`from`). The client of another node that has
   * published it in a transaction (`origin`) is counted, and left out: it sees to it itself.
   */
  publish(channel: Slice, text: Slice, from?: Feed, origin?: Origin): number {
    let count = this.deliver(channel, text);
    if (this.feeds.size === 0) return count;
    const name = channel.text();
    let message: Message | undefined;
    for (const feed of this.feeds) {
      const deliveries = feed === from ? 0 : feed.deliveries(name, channel);
      if (deliveries === 0) continue;
      if (feed.node === origin?.node) feed.send(Message.without(origin.client, 'message', channel, text));
      else feed.send((message ??= Message.of('message', channel, text)).in(3));
      count += deliveries;
    }
    return count;
  }

  /** Gives a message to the clients of this node alone, but for the one with the id `except`. */
  deliver(channel: Slice, text: Slice, except = 0): number {
    const listeners = this.topics.channel.listeners(channel.text());
    if (listeners.size > 0) send(Message.of('message', channel, text), listeners, except);
    if (this.topics.pattern.size === 0) return listeners.size;
    return listeners.size + this.deliverByPattern(channel, text, except);
  }

  private deliverByPattern(channel: Slice, text: Slice, except: number): number {
    let count = 0;
    for (const [pattern, listeners] of this.topics.pattern.entries()) {
      if (!matchesGlob(sliceOf(pattern), channel)) continue;
      send(Message.of('pmessage', channel, text, pattern), listeners, except);
      count += listeners.size;
    }
    return count;
  }

  /** What one subscriber gets of a message, in its protocol. */
  messagesTo(subscriber: Subscriber, kind: 'channel' | 'shard', channel: Slice, text: Slice): Buffer[] {
    const { subscriptions, protocol } = subscriber;
    if (subscriptions === undefined) return [];
    const messages: Message[] = [];
    if (subscriptions.names(kind).has(channel.text())) {
      messages.push(Message.of(kind === 'channel' ? 'message' : 'smessage', channel, text));
    }
    for (const pattern of kind === 'channel' ? subscriptions.names('pattern') : []) {
      if (matchesGlob(sliceOf(pattern), channel)) messages.push(Message.of('pmessage', channel, text, pattern));
    }
    return messages.map((message) => message.in(protocol));
  }

  /** As `publish`, on a shard channel; the router has seen to it that this node owns its name. */
  publishToShard(channel: Slice, text: Slice, from?: Feed, origin?: Origin): number {
    const name = channel.text();
    let count = this.deliverToShard(channel, text);
    for (const feed of this.feeds) {
      const deliveries = feed === from ? 0 : feed.count('shard', name);
      count += deliveries;
      if (deliveries === 0) continue;
      if (feed.node === origin?.node) feed.send(Message.without(origin.client, 'smessage', channel, text));
      else feed.send(Message.of('smessage', channel, text).in(3));
    }
    return count;
  }

  deliverToShard(channel: Slice, text: Slice, except = 0): number {
    const listeners = this.topics.shard.listeners(channel.text());
    if (listeners.size > 0) send(Message.of('smessage', channel, text), listeners, except);
    return listeners.size;
  }

  /** Tells those who listen to a bucket, on all nodes, what was written to it. */
  publishLine(bucket: Slice, line: Buffer): void {
    const name = bucket.text();
    this.deliverLine(name, line);
    for (const feed of this.feeds) {
      if (feed.count('bucket', name) > 0) feed.send(Message.of('line', bucket, sliceOf(line)).in(3));
    }
  }

  deliverLine(bucket: string, line: Buffer): void {
    for (const listener of this.topics.bucket.listeners(bucket)) listener.push(line);
  }

  // ---- what PUBSUB shows, of all nodes together

  /** The channels that have a listener and match `pattern`; all of them when it is undefined. */
  channels(kind: 'channel' | 'shard', pattern: Slice | undefined): string[] {
    const names = [...this.names(kind)];
    return pattern === undefined ? names : names.filter((name) => matchesGlob(pattern, sliceOf(name)));
  }

  listenerCount(kind: 'channel' | 'shard', name: string): number {
    let count = this.topics[kind].listeners(name).size;
    for (const feed of this.feeds) count += feed.count(kind, name);
    return count;
  }

  /** How many patterns have a listener. */
  get patternCount(): number {
    return this.feeds.size === 0 ? this.topics.pattern.size : this.names('pattern').size;
  }

  private names(kind: TopicKind): Set<string> {
    const names = new Set(this.topics[kind].names);
    for (const feed of this.feeds) for (const name of feed.names(kind)) names.add(name);
    return names;
  }
}

function send(message: Message, listeners: ReadonlySet<Subscriber>, except: number): void {
  for (const listener of listeners) {
    if (except === 0 || listener.id !== except) listener.push(message.in(listener.protocol));
  }
}

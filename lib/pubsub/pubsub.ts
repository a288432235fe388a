/**
 * Publish and subscribe on one node: who listens to what, and how a message reaches them. Handlers subscribe clients
 * and publish messages here.
 */
import { Message } from './message.js';
import { type Subscriber, Subscriptions, type TopicKind } from './subscriber.js';
import { Topics } from './topics.js';
import { type Slice, sliceOf } from '../util/bytes.js';
import { matchesGlob } from '../util/glob.js';

export class PubSub {
  readonly topics: Readonly<Record<TopicKind, Topics>> = {
    channel: new Topics(), pattern: new Topics(), shard: new Topics(),
  };

  /** Whether anybody listens to any channel. */
  get hasListeners(): boolean {
    return this.topics.channel.size + this.topics.pattern.size > 0;
  }

  /** Adds a subscription, if it is new. */
  subscribe(kind: TopicKind, subscriber: Subscriber, name: string): void {
    const subscriptions = (subscriber.subscriptions ??= new Subscriptions());
    if (subscriptions.names(kind).has(name)) return;
    subscriptions.add(kind, name);
    this.topics[kind].add(name, subscriber);
  }

  /** Ends a subscription, if there is one. */
  unsubscribe(kind: TopicKind, subscriber: Subscriber, name: string): void {
    const { subscriptions } = subscriber;
    if (subscriptions?.names(kind).has(name) !== true) return;
    subscriptions.remove(kind, name);
    this.topics[kind].remove(name, subscriber);
    if (subscriptions.isEmpty) subscriber.subscriptions = undefined;
  }

  /** Ends all subscriptions of a client that leaves or begins anew. */
  leave(subscriber: Subscriber): void {
    for (const kind of ['channel', 'pattern', 'shard'] as const) {
      for (const name of subscriber.subscriptions?.names(kind) ?? []) this.unsubscribe(kind, subscriber, name);
    }
  }

  /** Publishes a message and gives how many got it; who listens in two ways gets it twice. */
  publish(channel: Slice, text: Slice): number {
    const name = channel.text();
    let count = 0;
    const listeners = this.topics.channel.listeners(name);
    if (listeners.size > 0) {
      send(Message.of('message', channel, text), listeners);
      count += listeners.size;
    }
    if (this.topics.pattern.size > 0) count += this.publishByPattern(channel, text);
    return count;
  }

  private publishByPattern(channel: Slice, text: Slice): number {
    let count = 0;
    for (const [pattern, listeners] of this.topics.pattern.entries()) {
      if (!matchesGlob(sliceOf(pattern), channel)) continue;
      send(Message.of('pmessage', channel, text, pattern), listeners);
      count += listeners.size;
    }
    return count;
  }

  /** As `publish`, to those who have subscribed to the shard channel. */
  publishToShard(channel: Slice, text: Slice): number {
    const listeners = this.topics.shard.listeners(channel.text());
    if (listeners.size > 0) send(Message.of('smessage', channel, text), listeners);
    return listeners.size;
  }

  // ---- what PUBSUB shows

  /** The channels that have a listener and match `pattern`; all of them when it is undefined. */
  channels(kind: 'channel' | 'shard', pattern: Slice | undefined): string[] {
    const names = [...this.topics[kind].names];
    return pattern === undefined ? names : names.filter((name) => matchesGlob(pattern, sliceOf(name)));
  }

  listenerCount(kind: 'channel' | 'shard', name: string): number {
    return this.topics[kind].listeners(name).size;
  }

  /** How many patterns have a listener. */
  get patternCount(): number {
    return this.topics.pattern.size;
  }
}

function send(message: Message, listeners: ReadonlySet<Subscriber>): void {
  for (const listener of listeners) listener.push(message.in(listener.protocol));
}

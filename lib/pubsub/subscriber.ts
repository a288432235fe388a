/** A subscriber, as publish and subscribe sees one, and what it has subscribed to. */
import type { Protocol } from '../protocol/reply-writer.js';

/**
 * What can be subscribed to: channels and patterns, `shard` channels (SSUBSCRIBE), and writes to a `bucket` (SUBSCRIBE
 * of the line protocol).
 */
export type TopicKind = 'channel' | 'pattern' | 'shard' | 'bucket';

/** What a node can want to hear of another: also changes of keys with a prefix (tracking.ts). */
export type WantKind = TopicKind | 'prefix';

export interface Subscriber {
  readonly id: number;
  readonly protocol: Protocol;
  /** Undefined while it is subscribed to nothing. */
  subscriptions: Subscriptions | undefined;
  /** Sends bytes that answer no request. They are shared with other subscribers. */
  push(bytes: Buffer): void;
}

/** The names that one subscriber listens to. */
export class Subscriptions {
  private readonly sets: Partial<Record<TopicKind, Set<string>>> = {};

  names(kind: TopicKind): ReadonlySet<string> {
    return this.sets[kind] ?? NOTHING;
  }

  count(kind: TopicKind): number {
    return this.sets[kind]?.size ?? 0;
  }

  get isEmpty(): boolean {
    return this.count('channel') + this.count('pattern') + this.count('shard') + this.count('bucket') === 0;
  }

  add(kind: TopicKind, name: string): void {
    (this.sets[kind] ??= new Set()).add(name);
  }

  remove(kind: TopicKind, name: string): void {
    this.sets[kind]?.delete(name);
  }
}

const NOTHING: ReadonlySet<string> = new Set();

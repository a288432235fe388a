/**
 * A feed, seen from where it begins: another node that wants to hear what is published here, because it has subscribers
 * or relays for a node that has. It says of each name how many listen to it there, and gets a message once, however
 * many they are.
 */
import type { WantKind } from './subscriber.js';
import { type Slice, sliceOf } from '../util/bytes.js';
import { matchesGlob } from '../util/glob.js';

export class Feed {
  private readonly counts: Readonly<Record<WantKind, Map<string, number>>> = {
    channel: new Map<string, number>(), pattern: new Map<string, number>(), shard: new Map<string, number>(),
    bucket: new Map<string, number>(), prefix: new Map<string, number>(),
  };

  constructor(
    /** Tells it from the clients of this node. */
    readonly id: number,
    /** Which run of which node it is; a node that starts again has another. */
    readonly node: string,
    readonly send: (bytes: Buffer) => void,
  ) {}

  /** From now on `count` clients of that node listen to the name. */
  want(kind: WantKind, name: string, count: number): void {
    if (count === 0) this.counts[kind].delete(name);
    else this.counts[kind].set(name, count);
  }

  /** Whether somebody there listens to any name of this kind. */
  has(kind: WantKind): boolean {
    return this.counts[kind].size > 0;
  }

  names(kind: WantKind): Iterable<string> {
    return this.counts[kind].keys();
  }

  count(kind: WantKind, name: string): number {
    return this.counts[kind].get(name) ?? 0;
  }

  /** How often a message on a channel is delivered there. */
  deliveries(name: string, channel: Slice): number {
    let count = this.count('channel', name);
    for (const [pattern, listeners] of this.counts.pattern) {
      if (matchesGlob(sliceOf(pattern), channel)) count += listeners;
    }
    return count;
  }

  /** Whether clients there are told of changes of this key by its prefix; see tracking.ts. */
  wantsKey(key: string): boolean {
    for (const prefix of this.counts.prefix.keys()) if (key.startsWith(prefix)) return true;
    return false;
  }
}

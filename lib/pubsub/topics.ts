/**
 * Topics: the names of one kind (channels, patterns, shard channels) with those who listen to each. A name is text with
 * one char a byte (latin1). Listeners are kept, and told, in the order in which they came.
 */
import type { Subscriber } from './subscriber.js';

const NOBODY: ReadonlySet<Subscriber> = new Set();

export class Topics {
  /** Called when a name has more or fewer listeners than before. */
  onCount: ((name: string, count: number) => void) | undefined;
  private readonly byName = new Map<string, Set<Subscriber>>();

  /** How many names have a listener. */
  get size(): number {
    return this.byName.size;
  }

  get names(): Iterable<string> {
    return this.byName.keys();
  }

  listeners(name: string): ReadonlySet<Subscriber> {
    return this.byName.get(name) ?? NOBODY;
  }

  entries(): Iterable<readonly [name: string, listeners: ReadonlySet<Subscriber>]> {
    return this.byName;
  }

  /** The subscriber does not listen to this name yet. */
  add(name: string, subscriber: Subscriber): void {
    let listeners = this.byName.get(name);
    if (listeners === undefined) this.byName.set(name, (listeners = new Set()));
    listeners.add(subscriber);
    this.onCount?.(name, listeners.size);
  }

  /** The subscriber listens to this name. */
  remove(name: string, subscriber: Subscriber): void {
    const listeners = this.byName.get(name)!;
    listeners.delete(subscriber);
    if (listeners.size === 0) this.byName.delete(name);
    this.onCount?.(name, listeners.size);
  }
}

/**
 * Keyspace events: messages about changes of buckets, for those who subscribe to their channels.
 *
 *     __keyspace@0__:shopping   hset        what has happened to the bucket
 *     __keyevent@0__:hset       shopping    the bucket to which it has happened
 *
 * The setting `notify-keyspace-events` says which classes of events are published, and on which of the two channels.
 * Events come from `Session.changed`, and from the store itself where no command is the cause.
 */
import type { PubSub } from './pubsub.js';
import type { Settings } from '../config/settings.js';
import { type Slice, sliceOf } from '../util/bytes.js';

/** The classes of events, by the letter that the setting gives them. */
export type EventClass = 'g' | '$' | 'l' | 's' | 'h' | 'z' | 'x' | 'e' | 't' | 'd' | 'm' | 'n';

/** The classes that `A` stands for. */
const ALL_CLASSES = 'g$lshzxetd';

export class KeyspaceEvents {
  /** Whether any event is published at all. Looked at for every change; everything else here only while it is true. */
  isOn = false;
  private readonly classes = new Set<string>();

  constructor(
    settings: Settings,
    private readonly pubsub: PubSub,
  ) {
    settings.watch('notify-keyspace-events', () => this.choose(settings.text('notify-keyspace-events')));
  }

  private choose(letters: string): void {
    this.classes.clear();
    for (const letter of letters.replace('A', ALL_CLASSES)) this.classes.add(letter);
    const channels = Number(this.classes.has('K')) + Number(this.classes.has('E'));
    this.isOn = channels > 0 && this.classes.size > channels;
  }

  /** Whether events of a class are published. */
  publishes(eventClass: EventClass): boolean {
    return this.isOn && this.classes.has(eventClass);
  }

  publish(database: number, key: Slice, eventClass: EventClass, event: string): void {
    const { classes, pubsub } = this;
    if (!classes.has(eventClass) || !pubsub.hasListeners) return;
    if (classes.has('K')) {
      const channel = Buffer.concat([Buffer.from(`__keyspace@${database}__:`), key.copyOf()]);
      pubsub.publish(sliceOf(channel), sliceOf(event));
    }
    if (classes.has('E')) pubsub.publish(sliceOf(`__keyevent@${database}__:${event}`), key);
  }
}

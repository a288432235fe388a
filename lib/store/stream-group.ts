/**
 * A consumer group of a stream: up to where it has read, who reads, and what was delivered and not yet acknowledged.
 *
 * What is pending stands in an index of the group, with whom it was delivered to, when and how often, and its bare ID
 * in an index of that consumer (stream-index.ts): either can be asked for a range. Both are off the JavaScript heap.
 */
import type { Arena } from './arena.js';
import { StreamId, joinWords } from './stream-id.js';
import { StreamIndex } from './stream-index.js';
import { narrow } from '../util/numbers.js';

/** The words of a pending entry: its consumer's number, the moment of delivery, how often it was delivered. */
const CONSUMER = 0;
const MS_HIGH = 1;
const MS_LOW = 2;
const COUNT_HIGH = 3;
const COUNT_LOW = 4;
const PENDING_WORDS = 5;

const WORD = 2 ** 32;

/** `entriesRead` of a group of which it is not known how many entries it has read. */
export const UNKNOWN_READ = -1;

/** Groups or consumers in the order in which they are shown: that of their names' bytes. */
export function sortedByName<T extends { name: string }>(named: ReadonlyMap<string, T>): T[] {
  return [...named.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

export class StreamConsumer {
  /** The IDs of what is pending with this consumer. */
  readonly pending: StreamIndex;

  constructor(
    arena: Arena,
    readonly name: string,
    /** What stands for the consumer in the group's pending entries. */
    readonly number: number,
    public seenAtMs: number,
  ) {
    this.pending = new StreamIndex(arena, 0);
  }
}

/** The pending entries of a group. The accessors are about the one at the cursor. */
export class PendingEntries extends StreamIndex {
  constructor(arena: Arena) {
    super(arena, PENDING_WORDS);
  }

  get consumer(): number {
    return this.word(CONSUMER);
  }

  set consumer(consumerNumber: number) {
    this.setWord(CONSUMER, consumerNumber);
  }

  get deliveredAtMs(): number {
    return this.word(MS_HIGH) * WORD + (this.word(MS_LOW) >>> 0);
  }

  set deliveredAtMs(ms: number) {
    this.setWord(MS_HIGH, Math.floor(ms / WORD));
    this.setWord(MS_LOW, ms | 0);
  }

  /** How often it was delivered, of 64 bits with a sign. */
  get deliveries(): number | bigint {
    const value = joinWords(this.word(COUNT_HIGH) >>> 0, this.word(COUNT_LOW) >>> 0);
    return typeof value === 'number' ? value : narrow(BigInt.asIntN(64, value));
  }

  set deliveries(count: number | bigint) {
    const isNumber = typeof count === 'number';
    this.setWord(COUNT_HIGH, isNumber ? Math.floor(count / WORD) : Number(BigInt.asIntN(32, count >> 32n)));
    this.setWord(COUNT_LOW, isNumber ? count | 0 : Number(BigInt.asIntN(32, count)));
  }
}

export class StreamGroup {
  /** The newest entry that was delivered. */
  readonly lastId = new StreamId();
  /** How many entries were read up to there, of all that were ever added; UNKNOWN_READ when that is not known. */
  entriesRead: number | bigint = UNKNOWN_READ;
  readonly pending: PendingEntries;
  readonly consumers = new Map<string, StreamConsumer>();
  /** The consumers by their number. */
  private readonly numbered: (StreamConsumer | undefined)[] = [];
  private readonly freeNumbers: number[] = [];

  constructor(
    private readonly arena: Arena,
    readonly name: string,
  ) {
    this.pending = new PendingEntries(arena);
  }

  /** Bytes of what is pending. */
  get byteCount(): number {
    let { byteCount } = this.pending;
    for (const { pending } of this.consumers.values()) byteCount += pending.byteCount;
    return byteCount;
  }

  /** Adds a consumer; there is none of this name. */
  addConsumer(name: string, nowMs: number): StreamConsumer {
    const number = this.freeNumbers.pop() ?? this.numbered.length;
    const consumer = new StreamConsumer(this.arena, name, number, nowMs);
    this.numbered[number] = consumer;
    this.consumers.set(name, consumer);
    return consumer;
  }

  /** Removes a consumer, and what is pending with it. */
  removeConsumer(consumer: StreamConsumer): void {
    const id = new StreamId();
    while (consumer.pending.seekLast()) {
      if (this.pending.seek(consumer.pending.readId(id))) this.pending.remove();
      consumer.pending.remove();
    }
    this.consumers.delete(consumer.name);
    this.numbered[consumer.number] = undefined;
    this.freeNumbers.push(consumer.number);
  }

  /** The consumer that the pending entry at the cursor is with. */
  owner(): StreamConsumer {
    const consumer = this.numbered[this.pending.consumer];
    if (consumer === undefined) throw new Error(`group ${this.name}: no consumer ${this.pending.consumer}`);
    return consumer;
  }

  /**
   * Notes that an entry was delivered to a consumer, whomever it was pending with. The cursor is at it afterwards.
   * When there is no room, neither index has it.
   */
  deliver(id: StreamId, consumer: StreamConsumer, nowMs: number, deliveries: number | bigint): void {
    const { pending } = this;
    const isNewHere = consumer.pending.insert(id);
    let isNew: boolean;
    try {
      isNew = pending.insert(id);
    } catch (error) {
      if (isNewHere) consumer.pending.remove();
      throw error;
    }
    if (!isNew) {
      const owner = this.owner();
      if (owner !== consumer && owner.pending.seek(id)) owner.pending.remove();
    }
    pending.consumer = consumer.number;
    pending.deliveredAtMs = nowMs;
    pending.deliveries = deliveries;
  }

  /** Gives the pending entry at the cursor, whose ID is `id`, to a consumer. */
  assign(id: StreamId, consumer: StreamConsumer): void {
    const owner = this.owner();
    if (owner === consumer) return;
    consumer.pending.insert(id);
    if (owner.pending.seek(id)) owner.pending.remove();
    this.pending.consumer = consumer.number;
  }

  /** Takes the pending entry at the cursor, whose ID is `id`, out; false when none is behind it. */
  forget(id: StreamId): boolean {
    const owner = this.owner();
    if (owner.pending.seek(id)) owner.pending.remove();
    return this.pending.remove();
  }

  /** Acknowledges an entry; false when it is not pending. */
  acknowledge(id: StreamId): boolean {
    if (!this.pending.seek(id)) return false;
    this.forget(id);
    return true;
  }

  /** A group with the same consumers and the same pending. */
  copy(): StreamGroup {
    const copy = new StreamGroup(this.arena, this.name);
    copy.lastId.copyFrom(this.lastId);
    copy.entriesRead = this.entriesRead;
    for (const { name, seenAtMs } of this.consumers.values()) copy.addConsumer(name, seenAtMs);
    const { pending } = this;
    const id = new StreamId();
    for (let isThere = pending.seekFirst(); isThere; isThere = pending.next()) {
      const consumer = copy.consumers.get(this.owner().name)!;
      copy.deliver(pending.readId(id), consumer, pending.deliveredAtMs, pending.deliveries);
    }
    return copy;
  }

  /** Frees a part; false when nothing is left. */
  dismantle(): boolean {
    const nothing = (): void => undefined;
    if (this.pending.dismantle(nothing)) return true;
    for (const [name, consumer] of this.consumers) {
      if (!consumer.pending.dismantle(nothing)) this.consumers.delete(name);
      return true;
    }
    return false;
  }
}

/**
 * Propagation: what of the commands that run is written to the append log. Behind the gate and in front of the disk.
 *
 * A command that changed something is recorded as it came, byte for byte, unless its handler said what to record in its
 * stead (`Context.recordAs`): one that counts time from now on, or draws, would not do the same again. Buckets that the
 * node removes by itself are recorded as deleted. A command that changed nothing leaves no record.
 */
import { settleHalfDone } from './half-done.js';
import type { Context, Propagating, Word } from '../commands/context.js';
import type { Command } from '../commands/table.js';
import { CommandError } from '../errors.js';
import type { Args } from '../protocol/args.js';
import { ReplyWriter } from '../protocol/reply-writer.js';
import type { Keyspace } from '../store/keyspace.js';
import type { Store } from '../store/store.js';
import type { Slice } from '../util/bytes.js';

/** Where records go: the append log (persistence/append-log.ts). */
export interface Recorder {
  /** Appends a request as it came. */
  request(database: number, args: Args): void;
  /** Appends requests made here, as RESP. */
  requests(database: number, resp: readonly Buffer[]): void;
  /** What follows up to `endTransaction` is loaded as a whole or not at all. MULTI is written with the first record. */
  beginTransaction(): void;
  endTransaction(): void;
  /** Replies to writes wait until the disk has them (`appendfsync always`). */
  readonly holdsReplies: boolean;
  /** How many bytes have been recorded so far, and how many of them are on the disk. */
  readonly position: number;
  readonly durable: number;
  /** Tells when everything up to a position is on the disk, or that the disk does not take it. */
  whenDurable(position: number, waiter: DurabilityWaiter): void;
}

export interface DurabilityWaiter {
  onDurable(): void;
  onNotDurable(): void;
}

export class Propagation implements Propagating {
  /** None: nothing is recorded. */
  log: Recorder | undefined;
  /** What is to be recorded in place of the request that runs. */
  private readonly instead = new ReplyWriter(4096);
  private insteadCount = 0;
  /** The handler has said that there is nothing to record. */
  private isSilent = false;
  private depth = 0;
  private readonly removal = new ReplyWriter(1024);

  constructor(private readonly store: Store) {
    const { onRemoved, onFieldExpired } = store;
    store.onFieldExpired = (db, key, field) => {
      onFieldExpired?.(db, key, field);
      this.recordRemoval(db, ['HDEL', key, field]);
    };
    store.onRemoved = (db, key, reason) => {
      onRemoved?.(db, key, reason);
      this.recordRemoval(db, ['DEL', key]);
    };
  }

  get isOn(): boolean {
    return this.log !== undefined;
  }

  run(context: Context, command: Command, args: Args, reply: ReplyWriter): void {
    const { store } = this;
    const { changes } = store;
    try {
      if ((store.isGuarded || store.keepsExpired) && command.isReadOnly) runReading(context, command, args, reply);
      else command.handler!(context, args, reply);
    } catch (error) {
      this.forget();
      if (!(error instanceof CommandError)) this.endHalfDone(context, command, args);
      throw error;
    }
    if (this.log === undefined) return;
    const isRecorded = command.isRecorded || this.insteadCount > 0;
    if (store.changes !== changes && isRecorded) this.record(this.log, context, args);
    else this.forget();
  }

  /** A command has ended in the middle, and may have changed something. */
  private endHalfDone(context: Context, command: Command, args: Args): void {
    // What it was putting together.
    this.store.clearWorkbench();
    if (!command.isRecorded) return;
    settleHalfDone(context, command, args);
    if (this.log === undefined || this.insteadCount === 0) return;
    this.store.changes++;
    this.recordInstead(this.log, context);
    if (this.log.holdsReplies) context.recordedAt = this.log.position;
  }

  private record(log: Recorder, by: Context, args: Args): void {
    if (this.insteadCount > 0) this.recordInstead(log, by);
    else if (this.isSilent) this.isSilent = false;
    else log.request(by.db.index, args);
    if (log.holdsReplies) by.recordedAt = log.position;
  }

  forget(): void {
    if (this.insteadCount > 0) {
      this.instead.rewind(0);
      this.insteadCount = 0;
    }
    this.isSilent = false;
  }

  recordAs(words: readonly Word[]): void {
    if (this.log === undefined) return;
    if (words.length === 0) {
      this.isSilent = true;
      return;
    }
    const { instead } = this;
    instead.array(words.length);
    for (const word of words) {
      if (typeof word === 'string') instead.bulkText(word);
      else if (Buffer.isBuffer(word)) instead.bulk(word);
      else instead.slice(word);
    }
    this.insteadCount++;
  }

  private recordInstead(log: Recorder, by: Context): void {
    const isSeveral = this.insteadCount > 1;
    if (isSeveral) this.begin();
    log.requests(by.db.index, this.instead.take());
    if (isSeveral) this.end();
    this.instead.reuse();
    this.insteadCount = 0;
    this.isSilent = false;
  }

  recordServed(by: Context): void {
    const { log } = this;
    if (log === undefined || this.insteadCount === 0) return this.forget();
    this.recordInstead(log, by);
    if (log.holdsReplies) by.recordedAt = log.position;
  }

  begin(): void {
    if (this.depth++ === 0) this.log?.beginTransaction();
  }

  end(): void {
    if (--this.depth === 0) this.log?.endTransaction();
  }

  /** Records what the node has removed by itself. */
  recordRemoval(db: Keyspace, [name, ...names]: [string, ...Slice[]]): void {
    const { log, removal } = this;
    if (log === undefined) return;
    removal.array(names.length + 1);
    removal.bulkText(name);
    for (const each of names) removal.slice(each);
    log.requests(db.index, removal.take());
    removal.reuse();
  }
}

/** While a snapshot is written, what is only read need not be written first; in a pause it is not removed. */
function runReading(context: Context, command: Command, args: Args, reply: ReplyWriter): void {
  const { store } = context;
  store.isReading = true;
  try {
    command.handler!(context, args, reply);
  } finally {
    store.isReading = false;
  }
}

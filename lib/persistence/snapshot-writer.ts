/**
 * What the walk of a snapshot writes to, bucket by bucket and of a large value piece by piece: the form of the file is
 * that of RDB (rdb-writer.ts) or that of commands (command-writer.ts). See snapshot.ts for who walks the store.
 */
import type { HeldValue } from '../rdb/held-values.js';
import { RdbOutput } from '../rdb/rdb-output.js';
import type { Steps } from '../rdb/value-writer.js';
import type { Keyspace } from '../store/keyspace.js';

export interface WriteOptions {
  /** A file of Redis's snapshots, or the commands that make what there is (`aof-use-rdb-preamble no`). */
  form: 'rdb' | 'aof';
  /** `rdbcompression` and `rdbchecksum`. */
  compresses: boolean;
  hasChecksum: boolean;
  /** Whether, and how, it is noted when or how often buckets were used. */
  notesUse: 'idle' | 'frequency' | undefined;
  /** It is the base of an append log. */
  isLogBase: boolean;
  /** A file of commands begins with the time (`aof-timestamp-enabled`). */
  notesTime?: boolean;
  /** Libraries of functions that were read from a file and are kept. */
  functions: readonly Buffer[];
}

/** Takes the file's bytes, in order; they are its own until it gives them back (`giveBack`), which it need not. */
export type TakeBytes = (bytes: Buffer) => void;

/** A bucket with a large value, as it was at the moment when it was held. */
export interface HeldBucket {
  /** The database that it was in at the moment of the snapshot. */
  readonly index: number;
  /** What stands in front of the value, and behind it. */
  readonly head: Buffer;
  readonly tail: Buffer;
  readonly value: HeldValue;
}

const TAKEN_BYTES = 128 * 1024;
/** So many bytes are summed at a time: before that code is compiled, 128 KiB take it 10 ms. */
const SUMMED_BYTES = 2 * 1024;

export abstract class SnapshotWriter {
  protected readonly output: RdbOutput;
  /** The database that was selected last. */
  private selected = -1;
  private handedOn = 0;
  /** Up to here the output has been summed. */
  private summed = 0;

  constructor(
    compresses: boolean,
    private readonly take: TakeBytes,
  ) {
    this.output = new RdbOutput(compresses);
  }

  /** What stands in front of all buckets. */
  abstract begin(nowMs: number): void;

  /** Says how many buckets a database has, and how many of them expire. */
  abstract beginDatabase(index: number, size: number, expiringSize: number): void;

  /** Writes a bucket, which was in database `index` at the moment of the snapshot, at one go. */
  abstract writeBucket(db: Keyspace, index: number, ref: number): void;

  /** Holds a bucket with a large value as it is now; undefined when the value is small enough for `writeBucket`. */
  abstract hold(db: Keyspace, index: number, ref: number): HeldBucket | undefined;

  /** What stands behind all buckets. */
  abstract end(): void;

  protected abstract writeSelect(index: number): void;

  /** Writes a held bucket piece by piece, and hands on the pieces. No other may be written meanwhile. */
  *writeHeld({ index, head, tail, value }: HeldBucket): Steps {
    const { output } = this;
    this.select(index);
    output.raw(head, 0, head.length);
    for (const steps = value.write(output); steps.next().done !== true; ) {
      this.flush();
      yield;
    }
    output.raw(tail, 0, tail.length);
  }

  protected select(index: number): void {
    if (index === this.selected) return;
    this.selected = index;
    this.writeSelect(index);
  }

  /** Hands on what has gathered, when it is enough. */
  flush(): void {
    if (this.output.length - this.summed >= SUMMED_BYTES) this.sumUp();
    if (this.output.length >= TAKEN_BYTES) this.handOn();
  }

  /** How many bytes were written so far, those included that are not handed on. */
  get writtenBytes(): number {
    return this.handedOn + this.output.length;
  }

  /** Hands on what has gathered. */
  protected handOn(): void {
    this.sumUp();
    const bytes = this.output.takeBytes();
    this.summed = 0;
    this.handedOn += bytes.length;
    if (bytes.length > 0) this.take(bytes);
  }

  /** Takes back bytes that were handed on and are in the file: others will be written in their place. */
  giveBack(bytes: Buffer): void {
    this.output.giveBack(bytes);
  }

  private sumUp(): void {
    const { bytes, length } = this.output;
    this.sum(bytes, this.summed, length);
    this.summed = length;
  }

  /** Sees all bytes of the file, in order, for a checksum. */
  protected abstract sum(bytes: Buffer, start: number, end: number): void;
}

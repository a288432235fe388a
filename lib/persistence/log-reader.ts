/**
 * The log reader: one file of the log, from its start or from behind a snapshot, record by record. It finds where the
 * file stops making sense, and whether that place was safe once (see seal.ts).
 *
 * A transaction is given whole, when its EXEC has come; one that is cut short is not given at all, and the log ends
 * before it.
 */
import { crc32 } from 'node:zlib';
import type { DataFile } from './file-system.js';
import { ANNOTATION, CUT_SHORT, LogDecoder, RECORD } from './log-decoder.js';
import { SEAL, parseSeal } from './seal.js';
import { Args } from '../protocol/args.js';

const CHUNK_BYTES = 1024 * 1024;

/** Where and why a file stops making sense. */
export interface Damage {
  offset: number;
  reason: string;
  /** The bytes just end there. */
  isCutShort: boolean;
}

/** The file asks for what this node cannot do; `offset` is that of the record. */
export class RecordError extends Error {
  constructor(
    message: string,
    readonly offset: number,
  ) {
    super(message);
  }
}

export interface ReadLog {
  /** Runs a record. Throws an Error when it must not be in a log. */
  run: (args: Args) => void;
  /** Called between chunks: resolves when it may go on. `offset` is how far it is. */
  pause: (offset: number) => Promise<void>;
}

export class LogReader {
  /** Records that were run. */
  records = 0;
  /** Behind the last record that was whole, transactions counting as one. */
  wholeUpTo: number;
  private readonly decoder = new LogDecoder();
  private readonly args = new Args();
  /** The file offset of the decoder's first byte. */
  private base: number;
  /** The records since MULTI; undefined outside of a transaction. */
  private transaction: Buffer[] | undefined;
  /** CRC-32 of what has been read since the last seal, up to `summedAt` in the decoder's bytes. */
  private sum = 0;
  private summedAt = 0;
  /** Up to where seals vouch for the records, which is as far as they can be trusted once something is wrong. */
  sealedUpTo: number;
  seals = 0;
  private readonly queued = new LogDecoder();

  constructor(
    private readonly file: DataFile,
    private readonly size: number,
    private readonly what: ReadLog,
    private readonly from = 0,
  ) {
    this.base = this.wholeUpTo = this.sealedUpTo = from;
  }

  /** Whether there was a seal. */
  get hasSeals(): boolean {
    return this.sealedUpTo > this.from;
  }

  /** Reads to the end; gives the place where that is not possible. Throws RecordError. */
  async readAll(): Promise<Damage | undefined> {
    for (;;) {
      const isMore = await this.fill();
      const reason = this.readChunk();
      const offset = this.base + this.decoder.at;
      if (reason !== undefined) return { offset, reason, isCutShort: false };
      if (!isMore) return this.atEnd(offset);
      await this.what.pause(offset);
    }
  }

  private atEnd(offset: number): Damage | undefined {
    if (offset === this.size && this.transaction === undefined) return undefined;
    const reason = this.transaction === undefined ? 'a record is cut short' : 'a transaction is cut short';
    return { offset: this.wholeUpTo, reason, isCutShort: true };
  }

  /** Reads the next chunk behind what is left of the one before. False when this was the last. */
  private async fill(): Promise<boolean> {
    const { decoder } = this;
    this.addToSum();
    const left = decoder.end - decoder.at;
    const size = Math.max(CHUNK_BYTES, left * 2);
    const bytes = decoder.bytes.length < size ? Buffer.allocUnsafeSlow(size) : decoder.bytes;
    decoder.bytes.copy(bytes, 0, decoder.at, decoder.end);
    this.base += decoder.at;
    this.summedAt -= decoder.at;
    decoder.bytes = bytes;
    decoder.at = 0;
    decoder.end = left;
    const room = Math.min(bytes.length - left, this.size - this.base - left);
    const count = room > 0 ? await this.file.read(bytes.subarray(left, left + room), this.base + left) : 0;
    decoder.end += count;
    return count > 0 && this.base + decoder.end < this.size;
  }

  /** Runs the records that are whole. Gives what is wrong, if anything is. */
  private readChunk(): string | undefined {
    const { decoder, args } = this;
    for (;;) {
      const start = decoder.at;
      const status = decoder.read(args);
      if (status === RECORD) this.take(args, this.base + start);
      else if (status === ANNOTATION) {
        const wrong = this.checkSeal(start);
        if (wrong !== undefined) {
          decoder.at = start;
          return wrong;
        }
      } else return status === CUT_SHORT ? undefined : decoder.failure;
      if (this.transaction === undefined) this.wholeUpTo = this.base + decoder.at;
    }
  }

  private take(args: Args, offset: number): void {
    if (args.count === 1 && args.is(0, 'MULTI')) {
      if (this.transaction !== undefined) throw new RecordError('MULTI stands within a transaction', offset);
      this.transaction = [];
    } else if (args.count === 1 && args.is(0, 'EXEC')) {
      if (this.transaction === undefined) throw new RecordError('EXEC stands outside of a transaction', offset);
      for (const record of this.transaction) this.runQueued(record, offset);
      this.transaction = undefined;
    } else if (this.transaction !== undefined) this.transaction.push(args.raw());
    else this.run(args, offset);
  }

  private runQueued(record: Buffer, offset: number): void {
    const { queued } = this;
    queued.bytes = record;
    queued.at = 0;
    queued.end = record.length;
    queued.read(this.args);
    this.run(this.args, offset);
  }

  private run(args: Args, offset: number): void {
    try {
      this.what.run(args);
      this.records++;
    } catch (error) {
      throw new RecordError(error instanceof Error ? error.message : String(error), offset);
    }
  }

  // ---- seals

  private addToSum(upTo = this.decoder.at): void {
    if (upTo > this.summedAt) this.sum = crc32(this.decoder.bytes.subarray(this.summedAt, upTo), this.sum);
    this.summedAt = upTo;
  }

  /** The annotation that begins at `start` has been read: when it is a seal, it must fit what is in front of it. */
  private checkSeal(start: number): string | undefined {
    const { decoder } = this;
    if (!decoder.annotation.startsWith(SEAL)) return undefined;
    const seal = parseSeal(decoder.annotation);
    if (seal === undefined) return 'a seal is broken';
    this.addToSum(start);
    const offset = this.base + start;
    // A seal of 0 bytes stands where a server has begun to append to what it found.
    const sum = seal.byteCount === 0 ? 0 : this.sum;
    if (seal.byteCount !== 0 && seal.byteCount !== offset - this.sealedUpTo) return 'a seal is out of place';
    if (!seal.fits(sum)) return 'what is in front of a seal is not what was written';
    this.sum = 0;
    this.summedAt = decoder.at;
    this.sealedUpTo = this.base + decoder.at;
    this.seals++;
    return undefined;
  }

  /**
   * Whether a place that makes no sense was on the disk as it should be when something behind it was written. Then it
   * has been damaged since; otherwise it is the torn end of what was never safe.
   */
  async wasSafe(offset: number): Promise<boolean> {
    const text = Buffer.allocUnsafeSlow(CHUNK_BYTES);
    let carried = 0;
    for (let at = offset; at < this.size;) {
      const count = await this.file.read(text.subarray(carried), at);
      if (count === 0) return false;
      const end = carried + count;
      for (let place = text.indexOf(SEAL, 0, 'latin1'); place >= 0 && place < end; place = text.indexOf(SEAL, place + 1, 'latin1')) {
        const lineEnd = text.indexOf('\r\n', place, 'latin1');
        const seal = lineEnd < 0 || lineEnd >= end ? undefined : parseSeal(text.toString('latin1', place, lineEnd));
        if (seal !== undefined && seal.synced > offset) return true;
      }
      carried = Math.min(end, SEAL_BYTES_MAX);
      text.copyWithin(0, end - carried, end);
      at += count;
    }
    return false;
  }
}

const SEAL_BYTES_MAX = 64;

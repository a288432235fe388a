/**
 * The request decoder: bytes from a socket in, one `Args` at a time out. The first thing that touches a request.
 *
 * It decodes in place. While nothing is left over from the read before, arguments point into the chunk that the
 * socket delivered. What a chunk ends with, the beginning of a request, is copied into `pending`, and the next
 * chunks are appended there until the request is whole. Its state (arguments wanted, length of the bulk that is
 * arriving) survives between chunks, so every byte is looked at once, however small the chunks and however many
 * arguments a request has.
 *
 * `pending` grows with what has really arrived, at most doubling: a length that a client only announces costs
 * nothing. Limits and error texts are those of redis-server (networking.c describes them under "Protocol error").
 */
import { Args, setArgs } from './args.js';
import { splitInline } from './inline-request.js';
import type { RequestsAhead } from './requests-ahead.js';

export interface DecoderLimits {
  /** The most bytes that one argument may have. */
  bulkBytesMax: number;
  /** True until the client has authenticated: then it may send 10 arguments of 16 KiB at most. */
  isAuthRequired: boolean;
}

export const INCOMPLETE = 0;
export const COMPLETE = 1;
export const MALFORMED = -1;

const LINE_BYTES_MAX = 64 * 1024;
const ARGS_MAX = 2 ** 31 - 1;
const UNAUTHENTICATED_ARGS_MAX = 10;
const UNAUTHENTICATED_BULK_BYTES_MAX = 16384;
const PENDING_KEPT_BYTES = 64 * 1024;

const LF = 10;
const CR = 13;
const DOLLAR = 36;
const STAR = 42;
const MINUS = 45;
const ZERO = 48;

const NOTHING = Buffer.alloc(0);
/** What `readLength` gives for digits that are no length. */
const NO_LENGTH = -(2 ** 40);

export class RequestDecoder {
  args: Args;
  /** After MALFORMED: what is wrong, without the "Protocol error: " in front. */
  failure = '';

  private bytes: Buffer = NOTHING;
  private at = 0;
  private end = 0;
  /** Where the request that is being read begins. */
  private start = 0;
  /** Arguments that the request still wants; 0 between requests. */
  private wanted = 0;
  /** Length of the argument that is arriving; -1 when its length has not been read. */
  private bulkLength = -1;
  private pending: Buffer = NOTHING;
  /** Up to here requests were looked at in advance. */
  private lookedTo = 0;

  /**
   * Requests are decoded into `shared`, which decoders may have in common whose requests never run at the same time;
   * one that has a part of a request has `args` of its own until the request is whole.
   */
  constructor(
    readonly limits: DecoderLimits,
    private readonly shared = new Args(),
  ) {
    this.args = shared;
  }

  /** Bytes that wait for the rest of their request. */
  get pendingBytes(): number {
    return this.end - (this.wanted === 0 ? this.at : this.start);
  }

  /** Bytes that it keeps room for beyond them. */
  get spareBytes(): number {
    return this.pending.length - (this.bytes === this.pending ? this.end - this.start : 0);
  }

  /** Gives back the room where unfinished requests are kept, when there is none. */
  rest(): void {
    if (this.bytes !== this.pending) this.pending = NOTHING;
  }

  /**
   * Takes the next chunk, the first `length` bytes of `chunk`. What was not decoded of the chunk before must have been
   * retained.
   */
  feed(chunk: Buffer, length = chunk.length): void {
    this.lookedTo = 0;
    if (this.wanted === 0) this.start = this.at;
    if (this.end === this.start) {
      this.bytes = chunk;
      this.start = this.at = 0;
      this.end = length;
      return;
    }
    this.reserve(length);
    chunk.copy(this.pending, this.end, 0, length);
    this.end += length;
  }

  /**
   * Copies what has not been decoded out of the chunk, whose owner is about to use it again. Called when decoding
   * stops before INCOMPLETE; decoding goes on later as if nothing had happened.
   */
  retain(): void {
    if (this.bytes === this.pending) return;
    if (this.wanted > 0) throw new Error('request decoder: retain within a request');
    this.start = this.at;
    this.args.clear();
    this.suspend();
  }

  /** Has `ahead` note what has arrived of the next requests, when it has not. True when there are several. */
  lookAhead(ahead: RequestsAhead): boolean {
    if (this.at < this.lookedTo || this.wanted > 0) return false;
    const end = ahead.look(this.bytes, this.at, this.end);
    // What is not of the plain form is passed over.
    this.lookedTo = end > this.at ? end : end + 1;
    if (ahead.count > 1) return true;
    ahead.release();
    return false;
  }

  /** Decodes one request into `args`: COMPLETE, INCOMPLETE (feed more) or MALFORMED (see `failure`). */
  next(): number {
    while (this.wanted === 0) {
      if (this.at >= this.end) return this.suspend();
      this.start = this.at;
      this.args.clear();
      const status = this.bytes[this.at] === STAR ? this.readCount() : this.readInline();
      if (status !== COMPLETE) return status === INCOMPLETE ? this.suspend() : status;
      if (this.args.count > 0) return COMPLETE;
    }
    return this.readArguments();
  }

  private readArguments(): number {
    const { args, bytes } = this;
    while (this.wanted > 0) {
      if (this.bulkLength < 0) {
        const status = this.readBulkLength();
        if (status !== COMPLETE) return status === INCOMPLETE ? this.suspend() : status;
      }
      if (this.end - this.at < this.bulkLength + 2) return this.suspend();
      args.push(this.at, this.bulkLength);
      this.at += this.bulkLength + 2;
      this.bulkLength = -1;
      this.wanted--;
    }
    args.bytes = bytes;
    args.start = this.start;
    args.end = this.at;
    return COMPLETE;
  }

  /** Reads `*<count>\r\n`. Counts of 0 and less are empty requests, skipped as redis-server does. */
  private readCount(): number {
    const lineEnd = this.findCarriageReturn('too big mbulk count string');
    if (lineEnd < 0) return lineEnd === MALFORMED ? MALFORMED : INCOMPLETE;
    const count = readLength(this.bytes, this.at + 1, lineEnd);
    if (count === NO_LENGTH || count > ARGS_MAX) return this.fail('invalid multibulk length');
    if (count > UNAUTHENTICATED_ARGS_MAX && this.limits.isAuthRequired) {
      return this.fail('unauthenticated multibulk length');
    }
    this.at = lineEnd + 2;
    if (count > 0) this.wanted = count;
    return COMPLETE;
  }

  /** Reads `$<length>\r\n`. */
  private readBulkLength(): number {
    const { bytes, at } = this;
    // Short lengths, nearly all of them, without a search for the end of the line.
    if (at + 5 <= this.end && bytes[at] === DOLLAR) {
      const first = bytes[at + 1]! - ZERO;
      if (first >= 0 && first <= 9) {
        if (bytes[at + 2] === CR) {
          this.bulkLength = first;
          this.at = at + 4;
          return COMPLETE;
        }
        const second = bytes[at + 2]! - ZERO;
        if (bytes[at + 3] === CR && first > 0 && second >= 0 && second <= 9) {
          this.bulkLength = first * 10 + second;
          this.at = at + 5;
          return COMPLETE;
        }
      }
    }
    return this.readLongBulkLength();
  }

  private readLongBulkLength(): number {
    const lineEnd = this.findCarriageReturn('too big bulk count string');
    if (lineEnd < 0) return lineEnd === MALFORMED ? MALFORMED : INCOMPLETE;
    const mark = this.bytes[this.at]!;
    if (mark !== DOLLAR) return this.fail(`expected '$', got '${String.fromCharCode(mark)}'`);
    const length = readLength(this.bytes, this.at + 1, lineEnd);
    if (length < 0 || length > this.limits.bulkBytesMax) return this.fail('invalid bulk length');
    if (length > UNAUTHENTICATED_BULK_BYTES_MAX && this.limits.isAuthRequired) {
      return this.fail('unauthenticated bulk length');
    }
    this.bulkLength = length;
    this.at = lineEnd + 2;
    return COMPLETE;
  }

  private readInline(): number {
    const lineEnd = this.bytes.indexOf(LF, this.at);
    if (lineEnd < 0 || lineEnd >= this.end) {
      return this.end - this.at > LINE_BYTES_MAX ? this.fail('too big inline request') : INCOMPLETE;
    }
    const textEnd = lineEnd > this.at && this.bytes[lineEnd - 1] === CR ? lineEnd - 1 : lineEnd;
    const parts = splitInline(this.bytes.toString('latin1', this.at, textEnd));
    if (parts === undefined) return this.fail('unbalanced quotes in request');
    this.at = lineEnd + 1;
    if (parts.length > 0) setArgs(this.args, parts);
    return COMPLETE;
  }

  /** The place of the next CR when the byte behind it has arrived too; -2 when not yet, MALFORMED when too far. */
  private findCarriageReturn(tooBig: string): number {
    const { bytes, at, end } = this;
    let place = at;
    const near = at + 32 < end ? at + 32 : end;
    while (place < near && bytes[place] !== CR) place++;
    if (place === near) place = bytes.indexOf(CR, near);
    if (place < 0 || place >= end) return end - at > LINE_BYTES_MAX ? this.fail(tooBig) : -2;
    return place + 1 < end ? place : -2;
  }

  private fail(text: string): number {
    this.failure = text;
    return MALFORMED;
  }

  // ---- what is left over between chunks

  /** Keeps the beginning of an unfinished request in `pending`. */
  private suspend(): number {
    const length = this.end - this.start;
    this.lookedTo = 0;
    if (this.wanted === 0) this.args = this.shared;
    else if (this.args === this.shared) this.args = this.shared.fork();
    if (this.at >= this.end && this.wanted === 0) {
      this.bytes = NOTHING;
      this.start = this.at = this.end = 0;
      if (this.pending.length > PENDING_KEPT_BYTES) this.pending = NOTHING;
      return INCOMPLETE;
    }
    if (this.bytes === this.pending) {
      if (this.start > 0) this.pending.copyWithin(0, this.start, this.end);
    } else {
      if (this.pending.length < length) this.pending = Buffer.allocUnsafeSlow(Math.max(length, 1024));
      this.bytes.copy(this.pending, 0, this.start, this.end);
      this.bytes = this.pending;
    }
    this.rebase();
    return INCOMPLETE;
  }

  private rebase(): void {
    const by = this.start;
    if (by === 0) return;
    for (let i = 0; i < this.args.count; i++) this.args.offsets[i]! -= by;
    this.at -= by;
    this.end -= by;
    this.start = 0;
  }

  /** Makes room behind `end` in `pending`. A bulk whose length is known gets its exact room once half is there. */
  private reserve(byteCount: number): void {
    if (this.start > 0) {
      this.pending.copyWithin(0, this.start, this.end);
      this.rebase();
    }
    const needed = this.end + byteCount;
    if (needed <= this.pending.length) return;
    const doubled = Math.max(needed, this.pending.length * 2);
    const whole = this.bulkLength >= 0 ? this.at + this.bulkLength + 2 : 0;
    const size = whole >= needed && whole < doubled ? whole : doubled;
    const larger = Buffer.allocUnsafeSlow(size);
    this.pending.copy(larger, 0, 0, this.end);
    this.pending = larger;
    this.bytes = larger;
  }
}

/** A decimal number as redis-server accepts it (no plus, no needless zero), or NO_LENGTH. */
function readLength(bytes: Buffer, start: number, end: number): number {
  const isNegative = bytes[start] === MINUS;
  const first = isNegative ? start + 1 : start;
  const digits = end - first;
  if (digits < 1 || digits > 15) return NO_LENGTH;
  if (bytes[first] === ZERO) return digits === 1 && !isNegative ? 0 : NO_LENGTH;
  let value = 0;
  for (let at = first; at < end; at++) {
    const digit = bytes[at]! - ZERO;
    if (digit < 0 || digit > 9) return NO_LENGTH;
    value = value * 10 + digit;
  }
  return isNegative ? -value : value;
}

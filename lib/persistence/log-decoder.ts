/**
 * The log decoder: the bytes of a log file in, one record at a time out. It is stricter than the decoder of requests:
 * a log has no inline requests and no careless line ends. A record that is not whole is read again from its start when
 * more has come, so there is no state but a place.
 */
import type { Args } from '../protocol/args.js';

export const RECORD = 1;
/** A line that begins with #; see `annotation`. */
export const ANNOTATION = 2;
/** The bytes end within a record. */
export const CUT_SHORT = 0;
export const DAMAGED = -1;

const LF = 10;
const CR = 13;
const HASH_MARK = 35;
const DOLLAR = 36;
const STAR = 42;
const ZERO = 48;

const ANNOTATION_BYTES_MAX = 1024;
const ARGS_MAX = 2 ** 31 - 1;
const BULK_BYTES_MAX = 2 ** 31 - 1;
/** What `readNumber` gives: no number, or the end of the bytes. */
const NO_NUMBER = -1;
const NO_END = -2;

export class LogDecoder {
  bytes: Buffer = Buffer.alloc(0);
  /** Where the next record begins, and where the bytes end. */
  at = 0;
  end = 0;
  /** After DAMAGED: what is wrong. */
  failure = '';
  /** After ANNOTATION: its line, without the end. */
  annotation = '';

  /** Behind the number that was read last. */
  private next = 0;

  /** Reads the record at `at` into `args` and goes behind it; stays where it is after CUT_SHORT and DAMAGED. */
  read(args: Args): number {
    if (this.at === this.end) return CUT_SHORT;
    const mark = this.bytes[this.at]!;
    if (mark === HASH_MARK) return this.readAnnotation();
    if (mark !== STAR) return this.fail("a record must begin with '*'");
    const count = this.readNumber(this.at + 1, ARGS_MAX);
    if (count === NO_END) return CUT_SHORT;
    if (count < 1) return this.fail('the number of arguments is none');
    args.clear();
    args.start = this.at;
    for (let i = 0; i < count; i++) {
      const status = this.readArgument(args);
      if (status !== RECORD) return status;
    }
    args.bytes = this.bytes;
    args.end = this.at = this.next;
    return RECORD;
  }

  private readArgument(args: Args): number {
    const { bytes, end } = this;
    if (this.next === end) return CUT_SHORT;
    if (bytes[this.next] !== DOLLAR) return this.fail("an argument must begin with '$'");
    const length = this.readNumber(this.next + 1, BULK_BYTES_MAX);
    if (length === NO_END) return CUT_SHORT;
    if (length === NO_NUMBER) return this.fail('the length of an argument is none');
    const from = this.next;
    const behind = from + length;
    if (behind < end && bytes[behind] !== CR) return this.fail('an argument is longer than its length says');
    if (behind + 1 < end && bytes[behind + 1] !== LF) return this.fail('a line end is missing behind an argument');
    if (behind + 2 > end) return CUT_SHORT;
    args.push(from, length);
    this.next = behind + 2;
    return RECORD;
  }

  /** Digits and CRLF; `next` is behind them. */
  private readNumber(from: number, max: number): number {
    const { bytes, end } = this;
    let value = 0;
    let at = from;
    for (; at < end; at++) {
      const digit = bytes[at]! - ZERO;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
      if (value > max) return NO_NUMBER;
    }
    if (at === end) return NO_END;
    if (at === from || bytes[at] !== CR) return NO_NUMBER;
    if (at + 1 === end) return NO_END;
    if (bytes[at + 1] !== LF) return NO_NUMBER;
    this.next = at + 2;
    return value;
  }

  private readAnnotation(): number {
    const { bytes, at, end } = this;
    const near = Math.min(end, at + ANNOTATION_BYTES_MAX);
    let place = at;
    while (place < near && bytes[place] !== LF) place++;
    if (place === near) return near === end ? CUT_SHORT : this.fail('an annotation is too long');
    this.annotation = bytes.toString('latin1', at, bytes[place - 1] === CR ? place - 1 : place);
    this.at = place + 1;
    return ANNOTATION;
  }

  private fail(text: string): number {
    this.failure = text;
    return DAMAGED;
  }
}

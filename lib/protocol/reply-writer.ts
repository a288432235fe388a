/**
 * The reply writer: values in, RESP bytes out. Handlers write through it; they never see a socket.
 *
 * Bytes gather in one buffer that is used again for the next batch. When it is full it is put aside and a new one
 * begun, so a large reply is never copied to make room. RESP2 and RESP3 differ only here: a handler says what it
 * means (`nil`, `map`, `double`, ...) and the writer says it in the protocol that the client chose with HELLO.
 */
import { type Slice, copyBytes, viewOf } from '../util/bytes.js';

const CHUNK_BYTES = 64 * 1024;
/** What a view copies at once; the order of its bytes does not matter. */
const WORD_BYTES = 4;
/** Lengths of at most two digits. */
const SHORT_BULK_BYTES_MAX = 96;
const LF = 10;
const CR = 13;
const ZERO = 48;
const MINUS = 45;

const DOLLAR = 36;
const STAR = 42;
const COLON = 58;
const PERCENT = 37;
const TILDE = 126;
const GREATER = 62;
const BAR = 124;

export type Protocol = 2 | 3;

export class ReplyWriter {
  protocol: Protocol = 2;

  private buffer: Buffer;
  private view: DataView;
  private at = 0;
  /** Where in the buffer the bytes begin that have not been taken. */
  private base = 0;
  private readonly full: Buffer[] = [];
  private fullBytes = 0;

  constructor(private readonly chunkBytes = CHUNK_BYTES) {
    this.buffer = Buffer.allocUnsafeSlow(chunkBytes);
    this.view = viewOf(this.buffer);
  }

  /** How many bytes have been written and not yet taken. */
  get length(): number {
    return this.fullBytes + this.at - this.base;
  }

  // ---- replies

  ok(): void {
    this.ascii('+OK\r\n');
  }

  /** A status: a short line of plain text. */
  status(text: string): void {
    this.ascii(`+${text}\r\n`);
  }

  /** An error with its code word first, for example `ERR syntax error`. */
  error(text: string): void {
    // An error is one line: what would break it is shown as a blank, and left out at the end, as redis-server does.
    let end = text.length;
    while (text[end - 1] === '\n' || text[end - 1] === '\r') end--;
    this.text(`-${text.slice(0, end).replace(/[\r\n]/g, ' ')}\r\n`);
  }

  integer(value: number | bigint): void {
    if (typeof value === 'bigint') return this.ascii(`:${value}\r\n`);
    this.reserve(24);
    this.buffer[this.at++] = COLON;
    this.digits(value);
  }

  bulk(bytes: Buffer, offset = 0, length = bytes.length): void {
    this.reserve(length + 24);
    if (length <= SHORT_BULK_BYTES_MAX) return this.shortBulk(bytes, offset, length);
    this.buffer[this.at++] = DOLLAR;
    this.digits(length);
    copyBytes(bytes, offset, this.buffer, this.at, length);
    this.at += length;
    this.buffer[this.at++] = CR;
    this.buffer[this.at++] = LF;
  }

  slice(slice: Slice): void {
    this.bulk(slice.bytes, slice.offset, slice.length);
  }

  /**
   * As `slice`, with a view of the bytes in which the slice lies. By words it is copied in less than half the time; the
   * view pays for itself where many slices lie in the same bytes.
   */
  sliceUnder(from: DataView, { bytes, offset, length }: Slice): void {
    if (length > SHORT_BULK_BYTES_MAX) return this.bulk(bytes, offset, length);
    this.reserve(length + 24);
    const { buffer, view } = this;
    let at = this.shortHead(length);
    const end = at + length;
    let read = offset;
    for (; at + WORD_BYTES <= end; at += WORD_BYTES, read += WORD_BYTES) view.setInt32(at, from.getInt32(read));
    for (; at < end; at++) buffer[at] = bytes[read++]!;
    buffer[end] = CR;
    buffer[end + 1] = LF;
    this.at = end + 2;
  }

  /** A bulk string from text, one byte a char (latin1). */
  bulkText(text: string): void {
    this.text(`$${text.length}\r\n${text}\r\n`);
  }

  /** No value: the null bulk string, in RESP3 the null. */
  nil(): void {
    this.ascii(this.protocol === 3 ? '_\r\n' : '$-1\r\n');
  }

  /** No array: the null array, in RESP3 the null. */
  nilArray(): void {
    this.ascii(this.protocol === 3 ? '_\r\n' : '*-1\r\n');
  }

  array(count: number): void {
    this.header(STAR, count);
  }

  /** A map of `count` pairs; the caller writes key, value, key, value. An array of twice as many in RESP2. */
  map(count: number): void {
    if (this.protocol === 3) this.header(PERCENT, count);
    else this.header(STAR, count * 2);
  }

  set(count: number): void {
    this.header(this.protocol === 3 ? TILDE : STAR, count);
  }

  /** Out-of-band data in RESP3, an ordinary array in RESP2. */
  push(count: number): void {
    this.header(this.protocol === 3 ? GREATER : STAR, count);
  }

  /** Attributes exist in RESP3 only; a caller asks for the protocol first. */
  attribute(count: number): void {
    this.header(BAR, count);
  }

  /** A double; `text` is the number as redis-server prints it. */
  double(text: string): void {
    if (this.protocol === 3) this.ascii(`,${text}\r\n`);
    else this.bulkText(text);
  }

  boolean(value: boolean): void {
    if (this.protocol === 3) this.ascii(value ? '#t\r\n' : '#f\r\n');
    else this.integer(value ? 1 : 0);
  }

  bigNumber(text: string): void {
    if (this.protocol === 3) this.ascii(`(${text}\r\n`);
    else this.bulkText(text);
  }

  /** Text for people, with its format (`txt`, `mkd`); a bulk string in RESP2. One byte a char. */
  verbatim(format: string, text: string): void {
    if (this.protocol === 3) this.text(`=${text.length + 4}\r\n${format}:${text}\r\n`);
    else this.bulkText(text);
  }

  /** Bytes that are RESP already. */
  raw(bytes: Buffer, offset = 0, length = bytes.length): void {
    this.reserve(length);
    copyBytes(bytes, offset, this.buffer, this.at, length);
    this.at += length;
  }

  // ---- counting afterwards

  /** Makes what was written since `length` was `mark` the elements of an array. */
  arrayFrom(mark: number, count: number): void {
    this.insert(mark, `*${count}\r\n`);
  }

  /** As `arrayFrom`, for the keys and values of a map of `count` pairs. */
  mapFrom(mark: number, count: number): void {
    this.insert(mark, this.protocol === 3 ? `%${count}\r\n` : `*${count * 2}\r\n`);
  }

  /** Puts a short bulk string in front of what was written since `length` was `mark`. */
  bulkTextFrom(mark: number, text: string): void {
    this.insert(mark, `$${text.length}\r\n${text}\r\n`);
  }

  /** Puts short ASCII text in front of what was written since `length` was `mark`. */
  private insert(mark: number, text: string): void {
    if (mark < this.fullBytes || this.at + text.length > this.buffer.length) return this.insertIntoFull(mark, text);
    const place = this.base + mark - this.fullBytes;
    this.buffer.copyWithin(place + text.length, place, this.at);
    this.buffer.write(text, place, 'latin1');
    this.at += text.length;
  }

  private insertIntoFull(mark: number, text: string): void {
    if (mark >= this.fullBytes) this.turn(text.length);
    let index = 0;
    let within = mark;
    while (index < this.full.length && within >= this.full[index]!.length) within -= this.full[index++]!.length;
    const chunk = this.full[index];
    const head = Buffer.from(text, 'latin1');
    if (chunk === undefined || within === 0) this.full.splice(index, 0, head);
    else this.full.splice(index, 1, chunk.subarray(0, within), head, chunk.subarray(within));
    this.fullBytes += head.length;
  }

  // ---- taking back and taking out

  /** Forgets what was written since `length` was `mark`; nothing when that has been taken meanwhile. */
  rewind(mark: number): void {
    if (mark >= this.length) return;
    while (this.fullBytes > mark) {
      this.buffer = this.full.pop()!;
      this.base = 0;
      this.at = this.buffer.length;
      this.fullBytes -= this.buffer.length;
      this.view = viewOf(this.buffer);
    }
    this.at = this.base + mark - this.fullBytes;
  }

  /**
   * The bytes written since the last `take`, in one or more buffers. They stay as they are until `reuse`: the writer
   * goes on behind them.
   */
  take(): Buffer[] {
    const taken = this.full.splice(0);
    if (this.at > this.base) taken.push(this.buffer.subarray(this.base, this.at));
    this.base = this.at;
    this.fullBytes = 0;
    return taken;
  }

  /** Everything that was taken has been sent: its room may be written over. */
  reuse(): void {
    if (this.buffer.length > this.chunkBytes) return this.renew();
    this.base = this.at = 0;
  }

  /** Leaves the room of what was taken to its reader, who is not done with it, and goes on in a new buffer. */
  renew(): void {
    this.buffer = Buffer.allocUnsafeSlow(this.chunkBytes);
    this.view = viewOf(this.buffer);
    this.base = this.at = 0;
  }

  // ---- bytes

  private header(mark: number, count: number): void {
    this.reserve(24);
    this.buffer[this.at++] = mark;
    this.digits(count);
  }

  /** Writes a whole number and CRLF; room is there. */
  private digits(value: number): void {
    const { buffer } = this;
    let rest = value;
    if (rest < 0) {
      buffer[this.at++] = MINUS;
      rest = -rest;
    }
    if (rest > 0x7fffffff) {
      this.at += buffer.write(String(rest), this.at, 'latin1');
    } else {
      let end = this.at + 1;
      for (let bound = 10; rest >= bound; bound *= 10) end++;
      this.at = end;
      do {
        const tenth = (rest / 10) | 0;
        buffer[--end] = ZERO + rest - tenth * 10;
        rest = tenth;
      } while (rest > 0);
    }
    buffer[this.at++] = CR;
    buffer[this.at++] = LF;
  }

  /** As `bulk`, with room made: most values are short, and a list of them is written at one go each. */
  private shortBulk(bytes: Buffer, offset: number, length: number): void {
    const { buffer } = this;
    let at = this.shortHead(length);
    for (let i = 0; i < length; i++) buffer[at + i] = bytes[offset + i]!;
    at += length;
    buffer[at++] = CR;
    buffer[at++] = LF;
    this.at = at;
  }

  /** Writes the line in front of a bulk of at most two digits, room is there, and gives where the bulk begins. */
  private shortHead(length: number): number {
    const { buffer } = this;
    let { at } = this;
    buffer[at++] = DOLLAR;
    if (length > 9) buffer[at++] = ZERO + ((length / 10) | 0);
    buffer[at++] = ZERO + (length % 10);
    buffer[at++] = CR;
    buffer[at++] = LF;
    return at;
  }

  /** Short ASCII text. */
  private ascii(text: string): void {
    const { length } = text;
    this.reserve(length);
    const { buffer, at } = this;
    for (let i = 0; i < length; i++) buffer[at + i] = text.charCodeAt(i);
    this.at = at + length;
  }

  /** Text of any length, one byte a char. */
  private text(text: string): void {
    this.reserve(text.length);
    this.at += this.buffer.write(text, this.at, 'latin1');
  }

  private reserve(byteCount: number): void {
    if (this.at + byteCount > this.buffer.length) this.turn(byteCount);
  }

  /** Puts the full buffer aside and begins one with room for `byteCount`. */
  private turn(byteCount: number): void {
    if (this.at > this.base) {
      this.full.push(this.buffer.subarray(this.base, this.at));
      this.fullBytes += this.at - this.base;
    }
    this.buffer = Buffer.allocUnsafeSlow(Math.max(byteCount, this.chunkBytes));
    this.view = viewOf(this.buffer);
    this.base = this.at = 0;
  }
}

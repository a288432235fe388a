/**
 * The line reader: bytes from a socket in, one line at a time out. The first thing that touches a request of the line
 * protocol; line-grammar.ts says what a line means.
 *
 * A line ends at LF. It is looked for in place: while nothing is left over from the read before, a line is a part of
 * the chunk that the socket delivered. What a chunk ends with, the beginning of a line, is copied into `pending`, and
 * the next chunks are appended there. Every byte is searched once, however small the chunks.
 *
 * A line over the limit is not kept: its bytes are dropped as they arrive, up to its LF.
 */

export const NO_LINE = 0;
export const LINE = 1;
export const LINE_TOO_LONG = 2;

const LF = 10;
const CR = 13;
const PENDING_KEPT_BYTES = 64 * 1024;
const NOTHING = Buffer.alloc(0);

export class LineReader {
  /** After LINE: the line is `bytes` from `start` to `end`, without its LF. Valid until the next call. */
  bytes: Buffer = NOTHING;
  start = 0;
  end = 0;

  /** What has arrived and has not been given out is `bytes` from `at` to `filled`. */
  private at = 0;
  private filled = 0;
  /** There is no LF before this place. */
  private searched = 0;
  private isDropping = false;
  private pending: Buffer = NOTHING;

  /** `bytesMax` is asked at every line: the most bytes that one may have, its end (LF or CRLF) not counted. */
  constructor(private readonly bytesMax: () => number) {}

  /** Bytes that wait for the rest of their line. */
  get pendingBytes(): number {
    return this.filled - this.at;
  }

  /** Bytes that it keeps room for beyond them. */
  get spareBytes(): number {
    return this.pending.length - (this.bytes === this.pending ? this.pendingBytes : 0);
  }

  /** Gives back the room where unfinished lines are kept, when there is none. */
  rest(): void {
    if (this.bytes !== this.pending) this.pending = NOTHING;
  }

  /** Takes the next chunk. What was not given out of the chunk before must have been retained. */
  feed(chunk: Buffer): void {
    if (this.at === this.filled) {
      this.bytes = chunk;
      this.at = this.searched = 0;
      this.filled = chunk.length;
      return;
    }
    this.reserve(chunk.length);
    chunk.copy(this.pending, this.filled);
    this.filled += chunk.length;
  }

  /** Finds the next line: LINE (see `start` and `end`), LINE_TOO_LONG (it has been dropped), or NO_LINE (feed more). */
  next(): number {
    const lineEnd = this.bytes.indexOf(LF, this.searched);
    if (lineEnd < 0 || lineEnd >= this.filled) return this.suspend();
    this.start = this.at;
    this.end = lineEnd;
    this.at = this.searched = lineEnd + 1;
    if (!this.isDropping && !this.isTooLong(this.start, lineEnd)) return LINE;
    this.isDropping = false;
    return LINE_TOO_LONG;
  }

  /** Copies what has not been given out of the chunk, whose owner is about to use it again. */
  retain(): void {
    if (this.bytes === this.pending) return;
    const length = this.filled - this.at;
    if (this.pending.length < length) this.pending = Buffer.allocUnsafeSlow(Math.max(length, 1024));
    this.bytes.copy(this.pending, 0, this.at, this.filled);
    this.bytes = this.pending;
    this.searched -= this.at;
    this.at = 0;
    this.filled = length;
  }

  private isTooLong(start: number, end: number): boolean {
    const textEnd = end > start && this.bytes[end - 1] === CR ? end - 1 : end;
    return textEnd - start > this.bytesMax();
  }

  /** Keeps the beginning of a line; of one that is too long already, only that it is. */
  private suspend(): number {
    this.searched = this.filled;
    if (this.isDropping || this.isTooLong(this.at, this.filled)) {
      this.isDropping = true;
      this.at = this.filled;
    }
    if (this.at === this.filled) {
      this.bytes = NOTHING;
      this.at = this.filled = this.searched = 0;
      if (this.pending.length > PENDING_KEPT_BYTES) this.pending = NOTHING;
    } else this.retain();
    return NO_LINE;
  }

  /** Makes room behind `filled` in `pending`. */
  private reserve(byteCount: number): void {
    if (this.at > 0) {
      this.pending.copyWithin(0, this.at, this.filled);
      this.searched -= this.at;
      this.filled -= this.at;
      this.at = 0;
    }
    const needed = this.filled + byteCount;
    if (needed <= this.pending.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.pending.length * 2));
    this.pending.copy(larger, 0, 0, this.filled);
    this.bytes = this.pending = larger;
  }
}

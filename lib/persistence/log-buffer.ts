/**
 * The log buffer: the end of the log that is not yet safe on the disk. Records are copied to its end, the writer reads
 * from the front, and what has been synced is let go. Until then it is kept, so that a failed write can be repaired by
 * cutting the file back and writing again.
 *
 * Offsets are those of the file that it will be written to. Memory is in chunks that are used again: at a million small
 * writes a second, a new buffer for each write would keep the garbage collector busy.
 */
import { copyBytes } from '../util/bytes.js';

const CHUNK_BYTES = 256 * 1024;
/** Chunks that are kept for later. */
const SPARE_CHUNKS_MAX = 16;

interface Chunk {
  bytes: Buffer;
  /** The offset of its first byte, and how many bytes it has. */
  start: number;
  length: number;
}

export class LogBuffer {
  /** In order; all but the last are full. */
  private chunks: Chunk[] = [];
  private readonly spare: Buffer[] = [];
  /** The last chunk, taken apart. */
  private bytes: Buffer;
  private at = 0;
  private start: number;

  /** Begins at an offset. */
  constructor(start: number) {
    this.start = start;
    this.bytes = this.newBytes(0);
  }

  /** The offset behind the last record. */
  get end(): number {
    return this.start + this.at;
  }

  /** The offset of the first byte that is kept. */
  get kept(): number {
    return this.chunks[0]?.start ?? this.start;
  }

  append(from: Buffer, offset: number, length: number): void {
    if (this.at + length > this.bytes.length) this.turn(length);
    copyBytes(from, offset, this.bytes, this.at, length);
    this.at += length;
  }

  /** Appends text, one byte a char. */
  appendText(text: string): void {
    if (this.at + text.length > this.bytes.length) this.turn(text.length);
    this.at += this.bytes.write(text, this.at, 'latin1');
  }

  /** The bytes from one offset to another, at most `countMax` pieces of them. They stay until they are released. */
  pieces(from: number, to: number, countMax = Infinity): Buffer[] {
    const pieces: Buffer[] = [];
    const last = { bytes: this.bytes, start: this.start, length: this.at };
    for (const { bytes, start, length } of [...this.chunks, last]) {
      if (start + length <= from || pieces.length === countMax) continue;
      if (start >= to) break;
      pieces.push(bytes.subarray(Math.max(from - start, 0), Math.min(to - start, length)));
    }
    return pieces;
  }

  /** Lets go of everything in front of an offset. */
  release(upTo: number): void {
    const { chunks } = this;
    const isDone = ({ start, length }: Chunk): boolean => start + length <= upTo;
    let done = 0;
    while (done < chunks.length && isDone(chunks[done]!)) this.putAside(chunks[done++]!.bytes);
    if (done > 0) this.chunks = chunks.slice(done);
    if (chunks.length === done && this.end <= upTo && this.at > 0) {
      // All is safe: the last chunk begins anew, and one that was made for a large record goes.
      this.start = this.end;
      this.at = 0;
      if (this.bytes.length > CHUNK_BYTES) this.bytes = this.newBytes(0);
    }
  }

  /** Begins the next chunk, with room for `byteCount` bytes. */
  private turn(byteCount: number): void {
    if (this.at > 0) this.chunks.push({ bytes: this.bytes, start: this.start, length: this.at });
    else this.putAside(this.bytes);
    this.start += this.at;
    this.at = 0;
    this.bytes = this.newBytes(byteCount);
  }

  private newBytes(byteCount: number): Buffer {
    if (byteCount > CHUNK_BYTES) return Buffer.allocUnsafeSlow(byteCount);
    return this.spare.pop() ?? Buffer.allocUnsafeSlow(CHUNK_BYTES);
  }

  private putAside(bytes: Buffer): void {
    if (bytes.length === CHUNK_BYTES && this.spare.length < SPARE_CHUNKS_MAX) this.spare.push(bytes);
  }
}

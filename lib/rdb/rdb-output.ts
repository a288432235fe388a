/**
 * Serialised bytes on their way out: lengths, strings and numbers as Redis's files have them, in one buffer that grows.
 * A DUMP payload is taken from it whole; a snapshot takes what has gathered now and then (persistence/rdb-writer.ts).
 */
import { compress } from './lzf.js';
import { ENCODED, ENCODED_INT16, ENCODED_INT32, ENCODED_INT8, ENCODED_LZF, LENGTH_32_BITS, LENGTH_64_BITS } from './rdb-types.js';
import { type Slice, copyBytes } from '../util/bytes.js';
import { parseShortInteger } from '../util/numbers.js';

const INITIAL_BYTES = 4096;
/** The longest spelling of an integer that is written as one: it fits in 32 bits. */
const INTEGER_CHARS_MAX = 11;
const INT32_MAX = 2 ** 31 - 1;
/** Shorter strings do not get smaller. */
const COMPRESSED_BYTES_MIN = 21;
/** What compression must save. */
const SAVED_BYTES_MIN = 4;
/** Longer strings are left as they are, because they are compressed at one go: so many bytes take some milliseconds. */
const COMPRESSED_BYTES_MAX = 1024 * 1024;
const LENGTH_BYTES_MAX = 9;
/**
 * An output that was grown for a huge value does not stay so large. A snapshot takes its bytes at 128 KiB: what is kept
 * has that, and some more for the value that exceeds it. Twice as much would be twice the work for the collector.
 */
const KEPT_BYTES_MAX = 144 * 1024;
/** Buffers that wait for being used again: as many as a snapshot has on their way to the disk before its walk waits. */
const SPARE_BUFFERS_MAX = 112;

let compressed = Buffer.alloc(INITIAL_BYTES);

export class RdbOutput {
  bytes: Buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES);
  /** How many bytes there are. */
  length = 0;
  /** Buffers of KEPT_BYTES_MAX bytes that were given back. */
  private readonly spare: Buffer[] = [];

  constructor(private readonly compresses: boolean) {}

  byte(value: number): void {
    this.reserve(1);
    this.bytes[this.length++] = value;
  }

  /** A length or a count, in one, two, five or nine bytes. */
  count(value: number): void {
    this.reserve(LENGTH_BYTES_MAX);
    const { bytes } = this;
    if (value < 1 << 6) bytes[this.length++] = value;
    else if (value < 1 << 14) {
      bytes[this.length++] = 0x40 | (value >>> 8);
      bytes[this.length++] = value;
    } else if (value < 2 ** 32) {
      bytes[this.length++] = LENGTH_32_BITS;
      this.length = bytes.writeUInt32BE(value, this.length);
    } else this.count64(BigInt(value));
  }

  /** As `count`, for numbers of 64 bits, which need not be safe ones. */
  bigCount(value: number | bigint): void {
    if (typeof value === 'number') this.count(value);
    else if (value < 2n ** 32n) this.count(Number(value));
    else {
      this.reserve(LENGTH_BYTES_MAX);
      this.count64(value);
    }
  }

  private count64(value: bigint): void {
    this.bytes[this.length++] = LENGTH_64_BITS;
    this.length = this.bytes.writeBigUInt64BE(BigInt.asUintN(64, value), this.length);
  }

  slice(slice: Slice): void {
    this.string(slice.bytes, slice.offset, slice.length);
  }

  text(text: string): void {
    const bytes = Buffer.from(text, 'latin1');
    this.string(bytes, 0, bytes.length);
  }

  /** A string: as an integer when it is a short one, compressed when it gets smaller by it, else as it is. */
  string(bytes: Buffer, offset: number, length: number): void {
    if (length <= INTEGER_CHARS_MAX && this.integerString(bytes, offset, length)) return;
    if (this.compresses && length >= COMPRESSED_BYTES_MIN && length <= COMPRESSED_BYTES_MAX) {
      if (this.compressedString(bytes, offset, length)) return;
    }
    this.count(length);
    this.raw(bytes, offset, length);
  }

  private integerString(bytes: Buffer, offset: number, length: number): boolean {
    const value = parseShortInteger(bytes, offset, length);
    // What is no integer is NaN, and NaN is in no range.
    if (!(value >= -INT32_MAX - 1 && value <= INT32_MAX)) return false;
    this.reserve(5);
    const output = this.bytes;
    if (value === (value << 24) >> 24) {
      output[this.length++] = ENCODED | ENCODED_INT8;
      output[this.length++] = value;
    } else if (value === (value << 16) >> 16) {
      output[this.length++] = ENCODED | ENCODED_INT16;
      this.length = output.writeInt16LE(value, this.length);
    } else {
      output[this.length++] = ENCODED | ENCODED_INT32;
      this.length = output.writeInt32LE(value, this.length);
    }
    return true;
  }

  private compressedString(bytes: Buffer, offset: number, length: number): boolean {
    if (compressed.length < length) compressed = Buffer.allocUnsafeSlow(length * 2);
    const size = compress(bytes, offset, length, compressed, 0, length - SAVED_BYTES_MIN);
    if (size === 0) return false;
    this.byte(ENCODED | ENCODED_LZF);
    this.count(size);
    this.count(length);
    this.raw(compressed, 0, size);
    return true;
  }

  double(value: number): void {
    this.reserve(8);
    this.length = this.bytes.writeDoubleLE(value, this.length);
  }

  /** A number of 64 bits, lowest byte first. */
  int64(value: number | bigint): void {
    this.reserve(8);
    this.length = this.bytes.writeBigInt64LE(BigInt(value), this.length);
  }

  raw(bytes: Buffer, offset: number, length: number): void {
    this.reserve(length);
    copyBytes(bytes, offset, this.bytes, this.length, length);
    this.length += length;
  }

  /** Makes room for so many bytes more, which the caller writes itself. */
  reserve(byteCount: number): void {
    const needed = this.length + byteCount;
    if (needed <= this.bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2));
    this.bytes.copy(larger, 0, 0, this.length);
    this.bytes = larger;
  }

  /** What has been written. It belongs to the caller, until it is given back; the output begins anew. */
  takeBytes(): Buffer {
    const taken = this.bytes.subarray(0, this.length);
    this.bytes = this.newBytes(Math.min(this.bytes.length, KEPT_BYTES_MAX));
    this.length = 0;
    return taken;
  }

  private newBytes(byteCount: number): Buffer {
    if (byteCount < KEPT_BYTES_MAX) return Buffer.allocUnsafeSlow(Math.max(INITIAL_BYTES, byteCount));
    return this.spare.pop() ?? Buffer.allocUnsafeSlow(KEPT_BYTES_MAX);
  }

  /**
   * Takes back what `takeBytes` gave, to be written to again. A snapshot would otherwise allocate as many bytes as its
   * file has, and have the collector go through the heap every few megabytes.
   */
  giveBack({ buffer }: Buffer): void {
    if (buffer.byteLength !== KEPT_BYTES_MAX || this.spare.length === SPARE_BUFFERS_MAX) return;
    this.spare.push(Buffer.from(buffer));
  }
}

/**
 * Serialised bytes on their way in. Whoever made them may mean harm: every length is held against what is there before
 * anything is read or room is made for it, and what is wrong throws an RdbError.
 *
 * This class reads from a buffer; persistence/rdb-file-input.ts has one that reads a file piece by piece.
 */
import { canExpand, decompress } from './lzf.js';
import { OutOfBounds, RdbError } from './rdb-error.js';
import {
  ENCODED, ENCODED_INT16, ENCODED_INT32, ENCODED_INT8, ENCODED_LZF, LENGTH_14_BITS, LENGTH_32_BITS, LENGTH_64_BITS,
  LENGTH_6_BITS,
} from './rdb-types.js';
import { Slice } from '../util/bytes.js';
import { integerLength, narrow, writeInteger } from '../util/numbers.js';

/** A holder that was grown for a huge string is not kept. */
const KEPT_BYTES_MAX = 1024 * 1024;
const INTEGER_CHARS_MAX = 11;
/** What stands in front of a string, at most. */
export const HEAD_BYTES_MAX = 19;

/** A string that was read, and room for it where it does not stand in the input as it is. */
export class StringHolder extends Slice {
  private room = Buffer.alloc(64);

  /** Points this slice to room of its own for `length` bytes. */
  own(length: number): Buffer {
    if (length > this.room.length || this.room.length > KEPT_BYTES_MAX) this.room = Buffer.allocUnsafeSlow(length * 2);
    this.set(this.room, 0, length);
    return this.room;
  }
}

export class RdbInput {
  protected bytes: Buffer;
  /** Where in `bytes` the next byte is, and where they end. */
  protected at: number;
  protected end: number;

  constructor(bytes: Buffer, start = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
  }

  /** How many bytes are still to come. */
  get left(): number {
    return this.end - this.at;
  }

  /**
   * Whether the next string, and some bytes behind it, can be read at once. When not, whoever reads piece by piece ends
   * the piece here; then there will be more. Here everything is there, or will never be.
   */
  isReady(): boolean {
    return true;
  }

  /** The place of the next byte, to come back to before anything else is brought. */
  get place(): number {
    return this.at;
  }

  goBackTo(place: number): void {
    this.at = place;
  }

  /** As `isReady`, for so many bytes. */
  hasRaw(_byteCount: number): boolean {
    return true;
  }

  private need(byteCount: number): void {
    if (this.end - this.at < byteCount) throw new OutOfBounds();
  }

  byte(): number {
    this.need(1);
    return this.bytes[this.at++]!;
  }

  /** A length or a count. Throws RdbError when it is beyond 2 ** 53. */
  count(): number {
    const value = this.bigCount();
    if (typeof value === 'bigint') throw new OutOfBounds();
    return value;
  }

  /** As `count`, in the whole range of 64 bits. */
  bigCount(): number | bigint {
    const first = this.byte();
    switch (first >>> 6) {
      case LENGTH_6_BITS:
        return first;
      case LENGTH_14_BITS:
        return ((first & 0x3f) << 8) | this.byte();
    }
    if (first === LENGTH_32_BITS) {
      this.need(4);
      this.at += 4;
      return this.bytes.readUInt32BE(this.at - 4);
    }
    if (first !== LENGTH_64_BITS) throw new RdbError(`${first} is no length`);
    this.need(8);
    this.at += 8;
    return narrow(this.bytes.readBigUInt64BE(this.at - 8));
  }

  /** Points `holder` to the next string. It is valid until the next read. */
  string(holder: StringHolder): Slice {
    this.need(1);
    if (this.bytes[this.at]! >= ENCODED) return this.encodedString(holder);
    const length = this.count();
    this.need(length);
    holder.set(this.bytes, this.at, length);
    this.at += length;
    return holder;
  }

  /** As `string`, but valid until `holder` gets another. */
  keptString(holder: StringHolder): Slice {
    const { bytes, offset, length } = this.string(holder);
    if (bytes !== this.bytes) return holder;
    bytes.copy(holder.own(length), 0, offset, offset + length);
    return holder;
  }

  /**
   * Goes behind the next string as far as its head tells, which must be in memory; the rest need not be. Throws
   * OutOfBounds when there is no head.
   */
  protected passString(): void {
    const first = this.byte();
    if (first < ENCODED) {
      this.at--;
      const length = this.count();
      this.at += length;
    } else if (first === (ENCODED | ENCODED_LZF)) {
      const size = this.count();
      this.count();
      this.at += size;
    } else if (first <= (ENCODED | ENCODED_INT32)) this.at += 1 << (first - ENCODED);
  }

  private encodedString(holder: StringHolder): Slice {
    switch (this.byte() - ENCODED) {
      case ENCODED_INT8:
        this.need(1);
        return this.spelt(holder, this.bytes.readInt8(this.at++));
      case ENCODED_INT16:
        this.need(2);
        this.at += 2;
        return this.spelt(holder, this.bytes.readInt16LE(this.at - 2));
      case ENCODED_INT32:
        this.need(4);
        this.at += 4;
        return this.spelt(holder, this.bytes.readInt32LE(this.at - 4));
      case ENCODED_LZF:
        return this.compressedString(holder);
      default:
        throw new RdbError('a string has an encoding that is not known');
    }
  }

  private spelt(holder: StringHolder, value: number): Slice {
    const bytes = holder.own(INTEGER_CHARS_MAX);
    const length = integerLength(value);
    writeInteger(bytes, 0, value, length);
    return holder.set(bytes, 0, length);
  }

  private compressedString(holder: StringHolder): Slice {
    const size = this.count();
    const length = this.count();
    if (length === 0 || !canExpand(size, length)) throw new OutOfBounds();
    this.need(size);
    decompress(this.bytes, this.at, this.at + size, holder.own(length), length);
    this.at += size;
    return holder;
  }

  double(): number {
    this.need(8);
    this.at += 8;
    return this.bytes.readDoubleLE(this.at - 8);
  }

  int64(): number | bigint {
    this.need(8);
    this.at += 8;
    return narrow(this.bytes.readBigInt64LE(this.at - 8));
  }

  int32(): number {
    this.need(4);
    this.at += 4;
    return this.bytes.readInt32LE(this.at - 4);
  }

  /** Points `slice` to the next `length` bytes, which are valid until the next read. */
  raw(slice: Slice, length: number): Slice {
    this.need(length);
    slice.set(this.bytes, this.at, length);
    this.at += length;
    return slice;
  }
}

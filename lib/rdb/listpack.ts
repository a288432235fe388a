/**
 * The listpack: elements in one run of bytes, as redis-server 7.0 keeps small collections. Here it is only a form in
 * which they are serialised.
 *
 *     | bytes, 4 | count, 2 | element | ... | 0xff |
 *     element   | how it is kept, its length or value | its bytes, if it is no integer | size of both, reversed |
 *
 * What spells an integer is kept as one. The count is 65535 when it is not known.
 *
 * Source: redis's listpack.c.
 */
import type { ElementSource } from './element-source.js';
import { OutOfBounds, RdbError } from './rdb-error.js';
import { Slice, copyBytes } from '../util/bytes.js';
import { integerLength, narrow, parseInteger, writeInteger } from '../util/numbers.js';

const HEADER_BYTES = 6;
const COUNT_AT = 4;
const COUNT_UNKNOWN = 0xffff;
const END = 0xff;
/** What an element takes besides its bytes, at most. */
const ELEMENT_OVERHEAD_MAX = 10;

const STRING_6_BITS = 0x80;
const INT_13_BITS = 0xc0;
const STRING_12_BITS = 0xe0;
const STRING_32_BITS = 0xf0;
const INT_16_BITS = 0xf1;
const INT_24_BITS = 0xf2;
const INT_32_BITS = 0xf3;
const INT_64_BITS = 0xf4;

const INT13_MAX = 2 ** 12 - 1;
const INT16_MAX = 2 ** 15 - 1;
const INT24_MAX = 2 ** 23 - 1;
const INT32_MAX = 2 ** 31 - 1;

/** Puts one listpack after the other together. */
export class ListpackWriter {
  private bytes = Buffer.alloc(1024);
  private at = HEADER_BYTES;
  private count = 0;

  /** The bytes of the listpack as it is, its end included. */
  get length(): number {
    return this.at + 1;
  }

  get isEmpty(): boolean {
    return this.count === 0;
  }

  append(element: Slice): void {
    const { length } = element;
    const needed = this.at + length + ELEMENT_OVERHEAD_MAX + 1;
    if (needed > this.bytes.length) this.grow(needed);
    const start = this.at;
    const value = parseInteger(element.bytes, element.offset, length);
    if (value === undefined) this.putString(element);
    else this.putInteger(value);
    this.at += putBackLength(this.bytes, this.at, this.at - start);
    this.count++;
  }

  private putString({ bytes, offset, length }: Slice): void {
    const output = this.bytes;
    if (length < 1 << 6) output[this.at++] = STRING_6_BITS | length;
    else if (length < 1 << 12) {
      output[this.at++] = STRING_12_BITS | (length >>> 8);
      output[this.at++] = length;
    } else {
      output[this.at++] = STRING_32_BITS;
      this.at = output.writeUInt32LE(length, this.at);
    }
    copyBytes(bytes, offset, output, this.at, length);
    this.at += length;
  }

  private putInteger(value: number | bigint): void {
    const { bytes } = this;
    if (typeof value === 'bigint' || value < -INT32_MAX - 1 || value > INT32_MAX) {
      bytes[this.at++] = INT_64_BITS;
      this.at = bytes.writeBigInt64LE(BigInt(value), this.at);
    } else if (value >= 0 && value < 1 << 7) bytes[this.at++] = value;
    else if (value >= -INT13_MAX - 1 && value <= INT13_MAX) {
      bytes[this.at++] = INT_13_BITS | ((value >> 8) & 0x1f);
      bytes[this.at++] = value;
    } else if (value >= -INT16_MAX - 1 && value <= INT16_MAX) {
      bytes[this.at++] = INT_16_BITS;
      this.at = bytes.writeInt16LE(value, this.at);
    } else if (value >= -INT24_MAX - 1 && value <= INT24_MAX) {
      bytes[this.at++] = INT_24_BITS;
      this.at = bytes.writeIntLE(value, this.at, 3);
    } else {
      bytes[this.at++] = INT_32_BITS;
      this.at = bytes.writeInt32LE(value, this.at);
    }
  }

  private grow(needed: number): void {
    const larger = Buffer.allocUnsafeSlow(needed * 2);
    this.bytes.copy(larger, 0, 0, this.at);
    this.bytes = larger;
  }

  /** Ends the listpack and points `slice` to it, until the next one is begun with `append`. */
  finish(slice: Slice): Slice {
    const { bytes, at, count } = this;
    bytes[at] = END;
    bytes.writeUInt32LE(at + 1, 0);
    bytes.writeUInt16LE(Math.min(count, COUNT_UNKNOWN), COUNT_AT);
    this.at = HEADER_BYTES;
    this.count = 0;
    return slice.set(bytes, 0, at + 1);
  }
}

/** An element's size behind it, to be read from its last byte on: seven bits a byte. Gives how many bytes it took. */
function putBackLength(bytes: Buffer, at: number, size: number): number {
  const count = backLengthBytes(size);
  for (let i = 0; i < count; i++) {
    bytes[at + i] = (Math.floor(size / 128 ** (count - 1 - i)) & 0x7f) | (i === 0 ? 0 : 0x80);
  }
  return count;
}

function backLengthBytes(size: number): number {
  if (size <= 127) return 1;
  if (size < 16_384) return 2;
  if (size < 2_097_152) return 3;
  return size < 268_435_456 ? 4 : 5;
}

const NO_BYTES = Buffer.alloc(0);

/** Reads the elements of a listpack that may be damaged. */
export class ListpackReader implements ElementSource {
  private bytes: Buffer = NO_BYTES;
  private at = 0;
  private last = 0;
  private count = 0;
  private taken = 0;
  /** Integers are spelled out here, in turns: an element is valid until the fourth that follows. */
  private readonly digits = Array.from({ length: 4 }, () => Buffer.alloc(20));

  /** Begins with another listpack. Throws RdbError when its ends do not fit. */
  open(bytes: Buffer, offset: number, length: number): this {
    if (length < HEADER_BYTES + 1 || bytes.readUInt32LE(offset) !== length || bytes[offset + length - 1] !== END) {
      throw new RdbError('a listpack is damaged');
    }
    this.bytes = bytes;
    this.at = offset + HEADER_BYTES;
    this.last = offset + length - 1;
    this.count = bytes[offset + COUNT_AT]! | (bytes[offset + COUNT_AT + 1]! << 8);
    this.taken = 0;
    return this;
  }

  next(element: Slice): boolean {
    const { bytes, last } = this;
    const start = this.at;
    if (start === last) {
      if (this.count !== COUNT_UNKNOWN && this.count !== this.taken) throw new RdbError('a listpack counts wrong');
      return false;
    }
    const size = this.read(element, start);
    const end = start + size + backLengthBytes(size);
    if (end > last) throw new OutOfBounds();
    if (!hasBackLength(bytes, start + size, size)) throw new RdbError('a listpack is damaged');
    this.at = end;
    this.taken++;
    return true;
  }

  /** Points `element` to the one at `at` and gives its size without the length behind it. */
  private read(element: Slice, at: number): number {
    const first = this.bytes[at]!;
    if (first < STRING_6_BITS) return this.spell(element, first, 1);
    if (first < INT_13_BITS) return this.point(element, at, 1, first & 0x3f);
    // What is to be read in front of the string, or is the integer, lies before the end.
    const { bytes } = this;
    if (first < STRING_12_BITS) {
      this.need(at + 2);
      const value = ((first & 0x1f) << 8) | bytes[at + 1]!;
      return this.spell(element, value > INT13_MAX ? value - 2 * (INT13_MAX + 1) : value, 2);
    }
    if (first < STRING_32_BITS) {
      this.need(at + 2);
      return this.point(element, at, 2, ((first & 0xf) << 8) | bytes[at + 1]!);
    }
    this.need(at + (first === INT_64_BITS ? 9 : first === INT_16_BITS ? 3 : first === INT_24_BITS ? 4 : 5));
    switch (first) {
      case STRING_32_BITS:
        return this.point(element, at, 5, bytes.readUInt32LE(at + 1));
      case INT_16_BITS:
        return this.spell(element, bytes.readInt16LE(at + 1), 3);
      case INT_24_BITS:
        return this.spell(element, bytes.readIntLE(at + 1, 3), 4);
      case INT_32_BITS:
        return this.spell(element, bytes.readInt32LE(at + 1), 5);
      case INT_64_BITS:
        return this.spell(element, narrow(bytes.readBigInt64LE(at + 1)), 9);
      default:
        throw new RdbError('a listpack has an element of a kind that is not known');
    }
  }

  private need(end: number): void {
    if (end > this.last) throw new OutOfBounds();
  }

  private point(element: Slice, at: number, head: number, length: number): number {
    if (at + head + length > this.last) throw new OutOfBounds();
    element.set(this.bytes, at + head, length);
    return head + length;
  }

  private spell(element: Slice, value: number | bigint, size: number): number {
    const digits = this.digits[this.taken & 3]!;
    const length = integerLength(value);
    writeInteger(digits, 0, value, length);
    element.set(digits, 0, length);
    return size;
  }
}

function hasBackLength(bytes: Buffer, at: number, size: number): boolean {
  const count = backLengthBytes(size);
  for (let i = 0; i < count; i++) {
    const expected = (Math.floor(size / 128 ** (count - 1 - i)) & 0x7f) | (i === 0 ? 0 : 0x80);
    if (bytes[at + i] !== expected) return false;
  }
  return true;
}

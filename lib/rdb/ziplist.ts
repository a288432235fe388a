/**
 * The ziplist: what redis-server kept small collections in before 7.0. It is only read.
 *
 *     | bytes, 4 | place of the last element, 4 | count, 2 | element | ... | 0xff |
 *     element   | size of the one before, 1 or 5 | how it is kept, and its length | its bytes or the integer |
 *
 * Source: redis's ziplist.c.
 */
import type { ElementSource } from './element-source.js';
import { OutOfBounds, RdbError } from './rdb-error.js';
import type { Slice } from '../util/bytes.js';
import { integerLength, narrow, writeInteger } from '../util/numbers.js';

const HEADER_BYTES = 10;
const LAST_AT = 4;
const COUNT_AT = 8;
const COUNT_UNKNOWN = 0xffff;
const END = 0xff;
/** The size of the element before stands in four bytes behind this one. */
const SIZE_IN_FIVE_BYTES = 254;

const STRING_32_BITS = 0x80;
const INT_16_BITS = 0xc0;
const INT_32_BITS = 0xd0;
const INT_64_BITS = 0xe0;
const INT_24_BITS = 0xf0;
const INT_8_BITS = 0xfe;
/** From here to 0xfd: the integers 0 to 12. */
const INT_0 = 0xf1;
const INT_12 = 0xfd;

/** Bytes of the integers that have a mark of their own. */
const INTEGER_BYTES = new Map([
  [INT_8_BITS, 1], [INT_16_BITS, 2], [INT_24_BITS, 3], [INT_32_BITS, 4], [INT_64_BITS, 8],
]);

/** Reads the elements of a ziplist that may be damaged. */
export class ZiplistReader implements ElementSource {
  private at: number;
  private readonly end: number;
  private readonly count: number;
  private taken = 0;
  private before = 0;
  private readonly digits = [Buffer.alloc(20), Buffer.alloc(20)];

  /** Throws RdbError when the ends do not fit. */
  constructor(private readonly bytes: Buffer, private readonly offset: number, length: number) {
    if (length < HEADER_BYTES + 1 || bytes.readUInt32LE(offset) !== length || bytes[offset + length - 1] !== END) {
      throw new RdbError('a ziplist is damaged');
    }
    this.at = offset + HEADER_BYTES;
    this.end = offset + length - 1;
    this.count = bytes.readUInt16LE(offset + COUNT_AT);
  }

  next(element: Slice): boolean {
    const start = this.at;
    if (start === this.end) {
      this.checkEnds();
      return false;
    }
    const bodyAt = this.skipSizeBefore(start);
    this.at = this.read(element, bodyAt);
    this.before = this.at - start;
    this.taken++;
    return true;
  }

  private checkEnds(): void {
    const lastAt = this.offset + this.bytes.readUInt32LE(this.offset + LAST_AT);
    const counted = this.count === COUNT_UNKNOWN ? this.taken : this.count;
    if (lastAt !== this.end - this.before || counted !== this.taken) throw new RdbError('a ziplist counts wrong');
  }

  private need(at: number, byteCount: number): void {
    if (at + byteCount > this.end) throw new OutOfBounds();
  }

  /** Checks the size of the element before, and gives where it ends. */
  private skipSizeBefore(at: number): number {
    const { bytes } = this;
    const isLong = bytes[at] === SIZE_IN_FIVE_BYTES;
    this.need(at, isLong ? 6 : 2);
    const size = isLong ? bytes.readUInt32LE(at + 1) : bytes[at]!;
    if (size !== this.before) throw new RdbError('a ziplist is damaged');
    return at + (isLong ? 5 : 1);
  }

  /** Points `element` to the one whose mark is at `at`, and gives where it ends. */
  private read(element: Slice, at: number): number {
    const { bytes } = this;
    const first = bytes[at]!;
    if (first >= INT_16_BITS) return this.readInteger(element, at, first);
    if (first < 0x40) return this.point(element, at + 1, first);
    if (first < STRING_32_BITS) {
      this.need(at, 2);
      return this.point(element, at + 2, ((first & 0x3f) << 8) | bytes[at + 1]!);
    }
    if (first !== STRING_32_BITS) throw new RdbError('a ziplist has an element of a kind that is not known');
    this.need(at, 5);
    return this.point(element, at + 5, bytes.readUInt32BE(at + 1));
  }

  private point(element: Slice, at: number, length: number): number {
    this.need(at, length);
    element.set(this.bytes, at, length);
    return at + length;
  }

  private readInteger(element: Slice, at: number, mark: number): number {
    if (mark >= INT_0 && mark <= INT_12) return this.spell(element, mark - INT_0, at + 1);
    const size = INTEGER_BYTES.get(mark);
    if (size === undefined) throw new RdbError('a ziplist has an element of a kind that is not known');
    this.need(at + 1, size);
    const { bytes } = this;
    const value = size === 8 ? narrow(bytes.readBigInt64LE(at + 1)) : bytes.readIntLE(at + 1, size);
    return this.spell(element, value, at + 1 + size);
  }

  private spell(element: Slice, value: number | bigint, end: number): number {
    const digits = this.digits[this.taken & 1]!;
    const length = integerLength(value);
    writeInteger(digits, 0, value, length);
    element.set(digits, 0, length);
    return end;
  }
}

const LENGTH_IN_FIVE_BYTES = 254;

/**
 * Reads the fields and values, in turns, of a zipmap that may be damaged: what small hashes were before Redis 2.6.
 *
 *     | count, 1 | length | field | length | free, 1 | value | free bytes | ... | 0xff |
 *
 * Source: redis's zipmap.c.
 */
export class ZipmapReader implements ElementSource {
  private at: number;
  private readonly end: number;
  private taken = 0;

  constructor(private readonly bytes: Buffer, private readonly offset: number, length: number) {
    if (length < 2 || bytes[offset + length - 1] !== END) throw new RdbError('a zipmap is damaged');
    this.at = offset + 1;
    this.end = offset + length - 1;
  }

  next(element: Slice): boolean {
    if (this.at === this.end && this.taken % 2 === 0) {
      const count = this.bytes[this.offset]!;
      if (count < LENGTH_IN_FIVE_BYTES && count !== this.taken / 2) throw new RdbError('a zipmap counts wrong');
      return false;
    }
    const length = this.readLength();
    const isValue = this.taken % 2 === 1;
    const free = isValue ? this.readFree() : 0;
    if (this.at + length + free > this.end) throw new OutOfBounds();
    element.set(this.bytes, this.at, length);
    this.at += length + free;
    this.taken++;
    return true;
  }

  private readLength(): number {
    const { bytes, at } = this;
    if (at + 1 > this.end) throw new OutOfBounds();
    const first = bytes[at]!;
    if (first < LENGTH_IN_FIVE_BYTES) {
      this.at++;
      return first;
    }
    if (first !== LENGTH_IN_FIVE_BYTES || at + 5 > this.end) throw new OutOfBounds();
    this.at += 5;
    return bytes.readUInt32LE(at + 1);
  }

  private readFree(): number {
    if (this.at + 1 > this.end) throw new OutOfBounds();
    return this.bytes[this.at++]!;
  }
}

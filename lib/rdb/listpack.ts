/**
 * Listpacks as values are serialised in them, from the first element to the last: one is put together here, or is read
 * although it may be damaged. What a listpack looks like says store/listpack.ts.
 */
import type { ElementSource } from './element-source.js';
import { OutOfBounds, RdbError } from './rdb-error.js';
import {
  COUNT_UNKNOWN, ELEMENT_OVERHEAD_MAX, INTEGER_CHARS_MAX, LISTPACK_END, LISTPACK_HEADER_BYTES, backLengthBytes,
  closeListpack, elementSize, headBytes, listpackBytes, listpackCount, openListpack, readElement, writeElement,
} from '../store/listpack.js';
import type { Slice } from '../util/bytes.js';

/** Puts one listpack after the other together. */
export class ListpackWriter {
  private bytes = Buffer.alloc(1024);
  private at = LISTPACK_HEADER_BYTES;
  private count = 0;

  /** The bytes of the listpack as it is, its end included. */
  get length(): number {
    return this.at + 1;
  }

  get isEmpty(): boolean {
    return this.count === 0;
  }

  append({ bytes, offset, length }: Slice): void {
    const needed = this.at + length + ELEMENT_OVERHEAD_MAX + 1;
    if (needed > this.bytes.length) this.grow(needed);
    this.at = writeElement(this.bytes, this.at, bytes, offset, length);
    this.count++;
  }

  private grow(needed: number): void {
    const larger = Buffer.allocUnsafeSlow(needed * 2);
    this.bytes.copy(larger, 0, 0, this.at);
    this.bytes = larger;
  }

  /** Ends the listpack and points `slice` to it, until the next one is begun with `append`. */
  finish(slice: Slice): Slice {
    const { bytes, at, count } = this;
    this.at = openListpack(bytes, 0);
    this.count = 0;
    closeListpack(bytes, 0, at, count);
    return slice.set(bytes, 0, at + 1);
  }
}

const NO_BYTES = Buffer.alloc(0);
/** So many elements are valid at a time. */
const HELD = 4;

/** Reads the elements of a listpack that may be damaged. */
export class ListpackReader implements ElementSource {
  private bytes: Buffer = NO_BYTES;
  private at = 0;
  /** The place of the mark behind the last element. */
  private last = 0;
  private count = 0;
  private taken = 0;
  /** Integers are spelled out here, in turns: an element is valid until the fourth that follows. */
  private readonly digits = Array.from({ length: HELD }, () => Buffer.alloc(INTEGER_CHARS_MAX));

  /** Begins with another listpack. Throws RdbError when its ends do not fit. */
  open(bytes: Buffer, offset: number, length: number): this {
    const last = offset + length - 1;
    const isWhole = length > LISTPACK_HEADER_BYTES && listpackBytes(bytes, offset) === length;
    if (!isWhole || bytes[last] !== LISTPACK_END) throw new RdbError('a listpack is damaged');
    this.bytes = bytes;
    this.at = offset + LISTPACK_HEADER_BYTES;
    this.last = last;
    this.count = listpackCount(bytes, offset);
    this.taken = 0;
    return this;
  }

  next(element: Slice): boolean {
    const { at, bytes, last } = this;
    if (at === last) {
      if (this.count !== COUNT_UNKNOWN && this.count !== this.taken) throw new RdbError('a listpack counts wrong');
      return false;
    }
    const head = bytes[at]!;
    // Small integers and short strings are looked at without a call.
    const size = head < 0x80 ? 1 : head < 0xc0 ? 1 + (head & 0x3f) : this.sizeAt(at);
    if (at + size + backLengthBytes(size) > last) throw new OutOfBounds();
    if (!hasBackLength(bytes, at + size, size)) throw new RdbError('a listpack is damaged');
    this.at = readElement(bytes, at, element, this.digits[this.taken++ % HELD]!);
    return true;
  }

  /** How many bytes head and content of an element have, if its head lies in front of the end. */
  private sizeAt(at: number): number {
    const head = headBytes(this.bytes, at);
    if (head === undefined) throw new RdbError('a listpack has an element of a kind that is not known');
    if (at + head > this.last) throw new OutOfBounds();
    return elementSize(this.bytes, at);
  }
}

function hasBackLength(bytes: Buffer, at: number, size: number): boolean {
  if (size <= 127) return bytes[at] === size;
  const count = backLengthBytes(size);
  for (let i = 0; i < count; i++) {
    const expected = (Math.floor(size / 128 ** (count - 1 - i)) & 0x7f) | (i === 0 ? 0 : 0x80);
    if (bytes[at + i] !== expected) return false;
  }
  return true;
}

/**
 * Packed integers: a small set of int64 in one run of bytes, in rising order. It is the value of a set's entry while
 * all members are integers; see set-value.ts. The bytes are those of redis-server's intset, so that they can be dumped
 * as they stand:
 *
 *     | width | count | integer 0 | integer 1 | ...
 *       4       4       `width` bytes each: 2, 4 or 8, the least that holds all; little-endian
 *
 * Integers are as `parseInteger` gives them: a number when it is a safe one, otherwise a BigInt. The width grows with
 * the first integer that needs it, and stays.
 *
 * The functions take the buffer and the place `start` at which the run begins. Room is the caller's care.
 * Source: redis's intset.c.
 */
import { narrow } from '../util/numbers.js';

export type Integer = number | bigint;

export const INTEGERS_HEADER_BYTES = 8;
const COUNT_AT = 4;
const INT16_MAX = 2 ** 15 - 1;
const INT32_MAX = 2 ** 31 - 1;
/** The high words of the int64 that are safe numbers. */
const SAFE_HIGH_MAX = 2 ** 21 - 1;

/** Writes an empty run. */
export function clearIntegers(bytes: Buffer, start: number): void {
  bytes.writeInt32LE(2, start);
  bytes.writeInt32LE(0, start + COUNT_AT);
}

export function integersCount(bytes: Buffer, start: number): number {
  return bytes.readInt32LE(start + COUNT_AT);
}

export function integersWidth(bytes: Buffer, start: number): number {
  return bytes.readInt32LE(start);
}

/** The bytes that the run takes. */
export function integersUsed(bytes: Buffer, start: number): number {
  return INTEGERS_HEADER_BYTES + integersWidth(bytes, start) * integersCount(bytes, start);
}

/** The width that an integer needs. */
export function widthOf(value: Integer): number {
  if (typeof value === 'bigint') return 8;
  if (value >= -INT16_MAX - 1 && value <= INT16_MAX) return 2;
  return value >= -INT32_MAX - 1 && value <= INT32_MAX ? 4 : 8;
}

/** The integer at `index`. */
export function integerAt(bytes: Buffer, start: number, index: number): Integer {
  const width = integersWidth(bytes, start);
  const at = start + INTEGERS_HEADER_BYTES + index * width;
  if (width === 2) return bytes.readInt16LE(at);
  if (width === 4) return bytes.readInt32LE(at);
  const high = bytes.readInt32LE(at + 4);
  if (high <= SAFE_HIGH_MAX && high > -SAFE_HIGH_MAX - 1) return high * 2 ** 32 + bytes.readUInt32LE(at);
  return narrow(bytes.readBigInt64LE(at));
}

function writeAt(bytes: Buffer, at: number, width: number, value: Integer): void {
  if (width === 2) bytes.writeInt16LE(Number(value), at);
  else if (width === 4) bytes.writeInt32LE(Number(value), at);
  else bytes.writeBigInt64LE(BigInt(value), at);
}

/** The index of an integer; when it is not there, -1 minus the index at which it would stand. */
export function findInteger(bytes: Buffer, start: number, value: Integer): number {
  let low = 0;
  let high = integersCount(bytes, start);
  if (high > 0 && value > integerAt(bytes, start, high - 1)) return -1 - high;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const there = integerAt(bytes, start, middle);
    if (there < value) low = middle + 1;
    else if (there > value) high = middle;
    else return middle;
  }
  return -1 - low;
}

/** Puts an integer that needs no larger width in at `index`, where it belongs. */
export function insertInteger(bytes: Buffer, start: number, index: number, value: Integer): void {
  const width = integersWidth(bytes, start);
  const at = start + INTEGERS_HEADER_BYTES + index * width;
  bytes.copyWithin(at + width, at, start + integersUsed(bytes, start));
  writeAt(bytes, at, width, value);
  bytes.writeInt32LE(integersCount(bytes, start) + 1, start + COUNT_AT);
}

/** Takes out the integer at `index`. */
export function removeInteger(bytes: Buffer, start: number, index: number): void {
  const width = integersWidth(bytes, start);
  const at = start + INTEGERS_HEADER_BYTES + index * width;
  bytes.copyWithin(at, at + width, start + integersUsed(bytes, start));
  bytes.writeInt32LE(integersCount(bytes, start) - 1, start + COUNT_AT);
}

/** Copies a run to another place, there with `width`, which is no smaller. The places must not overlap. */
export function copyIntegers(from: Buffer, fromStart: number, to: Buffer, toStart: number, width: number): void {
  const count = integersCount(from, fromStart);
  if (width === integersWidth(from, fromStart)) {
    from.copy(to, toStart, fromStart, fromStart + integersUsed(from, fromStart));
    return;
  }
  to.writeInt32LE(width, toStart);
  to.writeInt32LE(count, toStart + COUNT_AT);
  for (let index = 0; index < count; index++) {
    writeAt(to, toStart + INTEGERS_HEADER_BYTES + index * width, width, integerAt(from, fromStart, index));
  }
}

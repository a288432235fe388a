/**
 * The format of a HyperLogLog, which is a string value: the same bytes as redis-server's, so that values move between
 * the two. It counts different elements with 16384 registers of 6 bits. An element's hash picks a register by 14 of
 * its bits; the register keeps the longest run of zeros, and the one behind it, that the other 50 have begun with.
 *
 *     +------+---+-----+----------+----------------------//
 *     | HYLL | E | 000 | count    | registers
 *     +------+---+-----+----------+----------------------//
 *
 * E is the encoding: 0 dense, 12288 bytes of registers, the first in the lowest bits of the first byte; 1 sparse, runs
 * of equal registers (hyperloglog-sparse.ts). The count is the last one that was worked out, little-endian; its highest
 * bit says that the registers have changed since.
 *
 * This file reads and writes registers and estimates the count; buckets that hold HyperLogLogs are changed by
 * hyperloglog-value.ts.
 *
 * Sources: redis's hyperloglog.c; O. Ertl, "New cardinality estimation algorithms for HyperLogLog sketches".
 */
import { forEachRun } from './hyperloglog-sparse.js';
import type { Slice } from '../util/bytes.js';
import { type HashWords, murmurHash64 } from '../util/murmur-hash.js';
import { INT64_MIN, narrow } from '../util/numbers.js';

const INDEX_BITS = 14;
export const REGISTERS = 2 ** INDEX_BITS;
const INDEX_MASK = REGISTERS - 1;
/** The bits of a hash that are looked at for zeros. */
const PATTERN_BITS = 64 - INDEX_BITS;
const REGISTER_BITS = 6;
const REGISTER_MASK = 63;

const MAGIC = Buffer.from('HYLL');
const ENCODING_AT = 4;
const COUNT_AT = 8;
export const HEADER_BYTES = 16;
const STALE_AT = 15;
const STALE = 0x80;
export const DENSE_BYTES = HEADER_BYTES + (REGISTERS * REGISTER_BITS) / 8;

const DENSE = 0;
const SPARSE = 1;
const HASH_SEED = 0xadc83b19;

/** Whether a string may be a HyperLogLog. The runs of a sparse one are checked where they are read. */
export function isHyperLogLog({ bytes, offset, length }: Slice): boolean {
  if (length < HEADER_BYTES || MAGIC.compare(bytes, offset, offset + MAGIC.length) !== 0) return false;
  const encoding = bytes[offset + ENCODING_AT]!;
  return encoding === SPARSE || (encoding === DENSE && length === DENSE_BYTES);
}

export function isSparse(bytes: Buffer, start: number): boolean {
  return bytes[start + ENCODING_AT] === SPARSE;
}

/** Writes the header of a dense HyperLogLog over a sparse one's; the count stays. */
export function markDense(bytes: Buffer, start: number): void {
  bytes[start + ENCODING_AT] = DENSE;
}

/** Writes the header of a sparse one without elements. */
export function writeSparseHeader(bytes: Buffer, start: number): void {
  bytes.fill(0, start, start + HEADER_BYTES);
  MAGIC.copy(bytes, start);
  bytes[start + ENCODING_AT] = SPARSE;
}

// ---- the count that is remembered

/** The count, when the registers have not changed since it was worked out. */
export function rememberedCount(bytes: Buffer, start: number): number | bigint | undefined {
  if ((bytes[start + STALE_AT]! & STALE) !== 0) return undefined;
  return narrow(bytes.readBigInt64LE(start + COUNT_AT));
}

export function rememberCount(bytes: Buffer, start: number, count: number | bigint): void {
  bytes.writeBigInt64LE(BigInt(count), start + COUNT_AT);
}

/** Says that the registers have changed. */
export function forgetCount(bytes: Buffer, start: number): void {
  bytes[start + STALE_AT]! |= STALE;
}

// ---- elements

/** A register and the value that an element asks of it. */
export interface Mark {
  index: number;
  value: number;
}

const hash: HashWords = { low: 0, high: 0 };

/** Points `mark` to an element's register. */
export function markOf(element: Slice, mark: Mark): Mark {
  murmurHash64(element.bytes, element.offset, element.length, HASH_SEED, hash);
  const { low, high } = hash;
  mark.index = low & INDEX_MASK;
  const lowRest = low >>> INDEX_BITS;
  if (lowRest !== 0) mark.value = zerosBelow(lowRest) + 1;
  else if (high !== 0) mark.value = 32 - INDEX_BITS + zerosBelow(high) + 1;
  else mark.value = PATTERN_BITS + 1;
  return mark;
}

/** How many zeros are below the lowest one of a word that has one. */
function zerosBelow(word: number): number {
  return 31 - Math.clz32(word & -word);
}

// ---- dense registers

/** A register of the dense HyperLogLog at `start`. */
export function denseRegister(bytes: Buffer, start: number, index: number): number {
  const bit = index * REGISTER_BITS;
  const at = start + HEADER_BYTES + (bit >>> 3);
  const shift = bit & 7;
  if (shift <= 8 - REGISTER_BITS) return (bytes[at]! >>> shift) & REGISTER_MASK;
  return ((bytes[at]! >>> shift) | (bytes[at + 1]! << (8 - shift))) & REGISTER_MASK;
}

export function setDenseRegister(bytes: Buffer, start: number, index: number, value: number): void {
  const bit = index * REGISTER_BITS;
  const at = start + HEADER_BYTES + (bit >>> 3);
  const shift = bit & 7;
  bytes[at] = (bytes[at]! & ~(REGISTER_MASK << shift)) | (value << shift);
  if (shift <= 8 - REGISTER_BITS) return;
  bytes[at + 1] = (bytes[at + 1]! & ~(REGISTER_MASK >>> (8 - shift))) | (value >>> (8 - shift));
}

/** Raises a register of the dense HyperLogLog at `start`; false when it is as high already. */
export function raiseDense(bytes: Buffer, start: number, { index, value }: Mark): boolean {
  if (value <= denseRegister(bytes, start, index)) return false;
  setDenseRegister(bytes, start, index, value);
  return true;
}

// ---- all registers

/** Puts the registers of the dense HyperLogLog at `start` into `registers`: four of them lie in three bytes. */
export function unpackDense(bytes: Buffer, start: number, registers: Uint8Array): void {
  let at = start + HEADER_BYTES;
  for (let index = 0; index < REGISTERS; index += 4, at += 3) {
    const first = bytes[at]!;
    const second = bytes[at + 1]!;
    const third = bytes[at + 2]!;
    registers[index] = first & REGISTER_MASK;
    registers[index + 1] = ((first >>> 6) | (second << 2)) & REGISTER_MASK;
    registers[index + 2] = ((second >>> 4) | (third << 4)) & REGISTER_MASK;
    registers[index + 3] = third >>> 2;
  }
}

const unpacked = new Uint8Array(REGISTERS);

/** Raises each of `registers` to that of the HyperLogLog. False when that is not well formed. */
export function mergeRegisters(registers: Uint8Array, { bytes, offset, length }: Slice): boolean {
  if (!isSparse(bytes, offset)) {
    unpackDense(bytes, offset, unpacked);
    for (let at = 0; at < REGISTERS; at++) if (unpacked[at]! > registers[at]!) registers[at] = unpacked[at]!;
    return true;
  }
  const total = forEachRun(bytes, offset + HEADER_BYTES, offset + length, (value, index, count) => {
    // Of zeros there may be many, in bytes that are no HyperLogLog.
    if (value === 0) return;
    for (let at = index; at < index + count; at++) if (value > registers[at]!) registers[at] = value;
  });
  return total === REGISTERS;
}

/** The estimate of how many different elements gave these registers. */
export function estimateOf(registers: Uint8Array): number | bigint {
  const histogram = newHistogram();
  for (let at = 0; at < REGISTERS; at++) histogram[registers[at]!]!++;
  return estimate(histogram);
}

/** The estimate for a HyperLogLog; undefined when it is not well formed. */
export function estimateCount({ bytes, offset, length }: Slice): number | bigint | undefined {
  if (!isSparse(bytes, offset)) {
    unpackDense(bytes, offset, unpacked);
    return estimateOf(unpacked);
  }
  const histogram = newHistogram();
  const total = forEachRun(bytes, offset + HEADER_BYTES, offset + length, (value, _index, count) => {
    histogram[value]! += count;
  });
  return total === REGISTERS ? estimate(histogram) : undefined;
}

/** How many registers there are of each value. */
function newHistogram(): Float64Array {
  return new Float64Array(REGISTER_MASK + 1);
}

/** 1 / (2 ln 2), with as many digits as redis-server has. */
const ALPHA = 0.7213475204444817;
const INT64_END = 2 ** 63;

/** Ertl's estimator, in redis-server's order of operations, on which the last digit depends. */
function estimate(histogram: Float64Array): number | bigint {
  let sum = REGISTERS * tau((REGISTERS - histogram[PATTERN_BITS + 1]!) / REGISTERS);
  for (let value = PATTERN_BITS; value >= 1; value--) sum = (sum + histogram[value]!) * 0.5;
  sum += REGISTERS * sigma(histogram[0]! / REGISTERS);
  const count = Math.round((ALPHA * REGISTERS * REGISTERS) / sum);
  // Registers that no elements can give: C has the lowest integer for what does not fit.
  return count < INT64_END ? count : INT64_MIN;
}

function sigma(share: number): number {
  if (share === 1) return Infinity;
  let power = share;
  let weight = 1;
  let sum = share;
  for (let before = NaN; before !== sum; weight += weight) {
    power *= power;
    before = sum;
    sum += power * weight;
  }
  return sum;
}

function tau(share: number): number {
  if (share === 0 || share === 1) return 0;
  let root = share;
  let weight = 1;
  let sum = 1 - share;
  for (let before = NaN; before !== sum; ) {
    root = Math.sqrt(root);
    before = sum;
    weight *= 0.5;
    sum -= (1 - root) * (1 - root) * weight;
  }
  return sum / 3;
}

/**
 * Bits of a string, for the bitmap commands. Bit 0 is the highest of the first byte. Long runs are worked through a
 * word at a time: the arena shows the same memory as bytes and as words.
 */
import { type Arena, SEGMENT_SHIFT } from './arena.js';
import { entryBytes, valueLength, valueOffset } from './entry.js';
import { narrow } from '../util/numbers.js';

/** How many bits of a word (or a byte) are set. Source: H. S. Warren, "Hacker's Delight", chapter 5. */
function countOnesInWord(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555);
  const fours = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** How many of the string's bits from `first` to `last` are set; they must lie in it, `first` not behind `last`. */
export function countOnes(arena: Arena, ref: number, first: number, last: number): number {
  const bytes = entryBytes(arena, ref);
  const start = valueOffset(arena, ref);
  const firstByte = start + Math.floor(first / 8);
  const lastByte = start + Math.floor(last / 8);
  const before = countOnesInWord(bytes[firstByte]! & ~(0xff >>> first % 8));
  const behind = countOnesInWord(bytes[lastByte]! & (0x7f >>> last % 8));
  return countOnesInBytes(bytes, arena.words[ref >>> SEGMENT_SHIFT]!, firstByte, lastByte + 1) - before - behind;
}

function countOnesInBytes(bytes: Buffer, words: Int32Array, start: number, end: number): number {
  let count = 0;
  let at = start;
  for (; at < end && at % 4 !== 0; at++) count += countOnesInWord(bytes[at]!);
  const lastWord = Math.floor(end / 4);
  let word = at / 4;
  if (at < end) for (; word < lastWord; word++) count += countOnesInWord(words[word]!);
  for (at = Math.max(at, Math.min(word * 4, end)); at < end; at++) count += countOnesInWord(bytes[at]!);
  return count;
}

/**
 * The first of the string's bits from `first` to `last` that is `bit`, or -1; the range must lie in the string, `first`
 * not behind `last`.
 */
export function findBit(arena: Arena, ref: number, first: number, last: number, bit: 0 | 1): number {
  const bytes = entryBytes(arena, ref);
  const start = valueOffset(arena, ref);
  const firstByte = start + Math.floor(first / 8);
  const lastByte = start + Math.floor(last / 8);
  const flip = bit === 1 ? 0 : 0xff;
  // In what follows a set bit is one that is looked for.
  let found = (bytes[firstByte]! ^ flip) & (0xff >>> first % 8);
  let at = firstByte;
  if (found === 0) {
    at = skipBytes(bytes, arena.words[ref >>> SEGMENT_SHIFT]!, firstByte + 1, lastByte + 1, flip);
    if (at > lastByte) return -1;
    found = bytes[at]! ^ flip;
  }
  const position = (at - start) * 8 + Math.clz32(found) - 24;
  return position > last ? -1 : position;
}

/** The place of the first byte that is not `byte` (0 or 0xff), `end` when there is none. */
function skipBytes(bytes: Buffer, words: Int32Array, start: number, end: number, byte: number): number {
  const word = byte === 0 ? 0 : -1;
  let at = start;
  while (at < end && at % 4 !== 0 && bytes[at] === byte) at++;
  if (at % 4 === 0) {
    let index = at / 4;
    const lastWord = Math.floor(end / 4);
    while (index < lastWord && words[index] === word) index++;
    at = index * 4;
  }
  while (at < end && bytes[at] === byte) at++;
  return at;
}

// ---- whole strings

export type BitOperation = 'AND' | 'OR' | 'XOR' | 'NOT';

/** Strings are combined in pieces of this size, each laid on words first. */
const PIECE_BYTES = 64 * 1024;
const resultPiece = new Int32Array(PIECE_BYTES / 4);
const sourcePiece = new Int32Array(PIECE_BYTES / 4);

/**
 * Writes what the operation makes of the sources into the value of `target`, whose length is that of the longest
 * source. A source is an entry's ref, or 0 for an empty string; NOT has one. Shorter sources end in zeros.
 */
export function combineBits(arena: Arena, operation: BitOperation, sources: readonly number[], target: number): void {
  const length = valueLength(arena, target);
  const bytes = entryBytes(arena, target);
  const start = valueOffset(arena, target);
  for (let at = 0; at < length; at += PIECE_BYTES) {
    const pieceBytes = Math.min(PIECE_BYTES, length - at);
    const words = Math.ceil(pieceBytes / 4);
    layPiece(arena, sources[0]!, at, pieceBytes, resultPiece);
    if (operation === 'NOT') for (let i = 0; i < words; i++) resultPiece[i] = ~resultPiece[i]!;
    for (let index = 1; index < sources.length; index++) {
      layPiece(arena, sources[index]!, at, pieceBytes, sourcePiece);
      combinePiece(operation, words);
    }
    bytes.set(new Uint8Array(resultPiece.buffer, 0, pieceBytes), start + at);
  }
}

/** Lays a piece of a string on words, with zeros behind its end. */
function layPiece(arena: Arena, ref: number, at: number, pieceBytes: number, words: Int32Array): void {
  const length = ref === 0 ? 0 : Math.min(Math.max(valueLength(arena, ref) - at, 0), pieceBytes);
  const piece = new Uint8Array(words.buffer);
  if (length > 0) {
    const from = valueOffset(arena, ref) + at;
    piece.set(entryBytes(arena, ref).subarray(from, from + length));
  }
  piece.fill(0, length, pieceBytes);
}

function combinePiece(operation: BitOperation, words: number): void {
  if (operation === 'AND') for (let i = 0; i < words; i++) resultPiece[i]! &= sourcePiece[i]!;
  else if (operation === 'OR') for (let i = 0; i < words; i++) resultPiece[i]! |= sourcePiece[i]!;
  else for (let i = 0; i < words; i++) resultPiece[i]! ^= sourcePiece[i]!;
}

// ---- integers inside a string

/** An integer of some bits: `i` types are signed, `u` types not. */
export interface FieldType {
  isSigned: boolean;
  bits: number;
}

/**
 * The integer of this type at bit `at` of a string. What lies behind the string's end is read as zeros; `ref` 0 is an
 * empty string. A number when it is a safe one, otherwise a BigInt.
 */
export function readField(arena: Arena, ref: number, at: number, { isSigned, bits }: FieldType): number | bigint {
  if (ref === 0) return 0;
  const lowBits = Math.min(bits, 32);
  const low = readBits(arena, ref, at + bits - lowBits, lowBits);
  if (bits <= 32) return isSigned && low >= 2 ** (bits - 1) ? low - 2 ** bits : low;
  const highBits = bits - 32;
  const unsigned = readBits(arena, ref, at, highBits);
  const high = isSigned && unsigned >= 2 ** (highBits - 1) ? unsigned - 2 ** highBits : unsigned;
  if (Math.abs(high) < 2 ** 20) return high * 2 ** 32 + low;
  return narrow((BigInt(high) << 32n) | BigInt(low));
}

/** Writes an integer that the type can hold; the bits must lie in the string. */
export function writeField(
  arena: Arena, ref: number, at: number, { bits }: FieldType, value: number | bigint,
): void {
  const isBig = typeof value === 'bigint';
  const low = isBig ? Number(BigInt.asUintN(32, value)) : value >>> 0;
  const lowBits = Math.min(bits, 32);
  writeBits(arena, ref, at + bits - lowBits, lowBits, low);
  if (bits <= 32) return;
  const high = isBig ? Number(BigInt.asUintN(32, value >> 32n)) : Math.floor(value / 2 ** 32) >>> 0;
  writeBits(arena, ref, at, bits - 32, high);
}

/** At most 32 bits as an unsigned number. */
function readBits(arena: Arena, ref: number, at: number, bits: number): number {
  const bytes = entryBytes(arena, ref);
  const start = valueOffset(arena, ref);
  const length = valueLength(arena, ref);
  const firstByte = Math.floor(at / 8);
  const lastByte = Math.floor((at + bits - 1) / 8);
  let value = 0;
  for (let byte = firstByte; byte <= lastByte; byte++) value = value * 256 + (byte < length ? bytes[start + byte]! : 0);
  const behind = (lastByte + 1) * 8 - (at + bits);
  return Math.floor(value / 2 ** behind) % 2 ** bits;
}

/** Writes the lowest bits, at most 32, of an unsigned number. */
function writeBits(arena: Arena, ref: number, at: number, bits: number, value: number): void {
  const bytes = entryBytes(arena, ref);
  const start = valueOffset(arena, ref);
  let rest = value;
  let left = bits;
  for (let end = at + bits; left > 0; ) {
    const byte = start + Math.floor((end - 1) / 8);
    const behind = 7 - ((end - 1) % 8);
    const count = Math.min(8 - behind, left);
    const mask = (0xff >>> (8 - count)) << behind;
    bytes[byte] = (bytes[byte]! & ~mask) | (((rest % 256) << behind) & mask);
    rest = Math.floor(rest / 2 ** count);
    end -= count;
    left -= count;
  }
}

/**
 * MurmurHash64A: the 64-bit hash that HyperLogLogs count by. It is part of their format: a value that redis-server
 * wrote can be counted on only with the same hash.
 *
 * Numbers here are words of 32 bits: JavaScript has no quick integer of 64.
 *
 * Source: Austin Appleby, "MurmurHash2, 64-bit versions", in the form of MurmurHash64A() in redis's hyperloglog.c.
 */

/** A hash as two signed 32-bit words. */
export interface HashWords {
  low: number;
  high: number;
}

const MULTIPLIER_LOW = 0x5bd1e995;
const MULTIPLIER_HIGH = 0xc6a4a793;
const TAIL_BYTES = 8;

/** Puts the hash of `length` bytes at `offset` into `hash`. `seed` is a 32-bit word. */
export function murmurHash64(bytes: Uint8Array, offset: number, length: number, seed: number, hash: HashWords): void {
  hash.low = length;
  hash.high = 0;
  multiply(hash);
  hash.low ^= seed;
  const end = offset + length - (length % TAIL_BYTES);
  for (let at = offset; at < end; at += TAIL_BYTES) {
    block.low = wordAt(bytes, at);
    block.high = wordAt(bytes, at + 4);
    multiply(block);
    fold(block);
    multiply(block);
    hash.low ^= block.low;
    hash.high ^= block.high;
    multiply(hash);
  }
  if (length % TAIL_BYTES > 0) {
    takeTail(bytes, end, length % TAIL_BYTES, hash);
    multiply(hash);
  }
  fold(hash);
  multiply(hash);
  fold(hash);
}

const block: HashWords = { low: 0, high: 0 };

function wordAt(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

function takeTail(bytes: Uint8Array, at: number, count: number, hash: HashWords): void {
  for (let i = 0; i < count; i++) {
    if (i < 4) hash.low ^= bytes[at + i]! << (8 * i);
    else hash.high ^= bytes[at + i]! << (8 * (i - 4));
  }
}

/** words ^= words >>> 47 */
function fold(words: HashWords): void {
  words.low ^= words.high >>> 15;
}

/** The low 64 bits of words times the multiplier. */
function multiply(words: HashWords): void {
  const { low, high } = words;
  const low0 = low & 0xffff;
  const low1 = low >>> 16;
  // The product of the two low words in four steps of 16 bits; of it the upper half is wanted here.
  const middle = low1 * (MULTIPLIER_LOW & 0xffff) + ((low0 * (MULTIPLIER_LOW & 0xffff)) >>> 16);
  const cross = low0 * (MULTIPLIER_LOW >>> 16) + (middle & 0xffff);
  const carried = low1 * (MULTIPLIER_LOW >>> 16) + (middle >>> 16) + (cross >>> 16);
  words.high = (carried + Math.imul(low, MULTIPLIER_HIGH) + Math.imul(high, MULTIPLIER_LOW)) | 0;
  words.low = Math.imul(low, MULTIPLIER_LOW);
}

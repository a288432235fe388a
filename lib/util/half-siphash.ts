/**
 * HalfSipHash-1-3: the keyed 32-bit hash under every index of the store.
 *
 * The two words of the key are drawn at random when a process starts, so a client cannot choose names that collide.
 * Simpler seeded hashes (FNV, Murmur) have collisions that hold for every seed; SipHash proper needs 64-bit words,
 * which JavaScript lacks. Linux uses the same function for its hash tables.
 *
 * Source: J.-P. Aumasson and D. J. Bernstein, "SipHash: a fast short-input PRF", and its 32-bit variant in
 * https://github.com/veorq/SipHash (halfsiphash.c), here with 1 compression and 3 finalisation rounds.
 */

export interface HashSeed {
  readonly low: number;
  readonly high: number;
}

/** The hash of `length` bytes at `offset`, as a signed 32-bit integer. */
export function halfSipHash(bytes: Uint8Array, offset: number, length: number, low: number, high: number): number {
  let v0 = low;
  let v1 = high;
  let v2 = 0x6c796765 ^ low;
  let v3 = 0x74656462 ^ high;
  const end = offset + (length & ~3);
  let at = offset;
  for (; at < end; at += 4) {
    const word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    v3 ^= word;
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    v0 ^= word;
  }
  let last = length << 24;
  const rest = length & 3;
  if (rest > 0) last |= bytes[at]!;
  if (rest > 1) last |= bytes[at + 1]! << 8;
  if (rest > 2) last |= bytes[at + 2]! << 16;
  v3 ^= last;
  for (let round = 0; round < 4; round++) {
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    // The first of the four rounds takes in the last word; the other three finish.
    if (round === 0) {
      v0 ^= last;
      v2 ^= 0xff;
    }
  }
  return v1 ^ v3;
}

/**
 * Packed scores: a small sorted set's members and scores in one run of bytes, which is the value of its bucket's entry.
 * See sorted-set-value.ts for when a sorted set is one; here are only the bytes.
 *
 *     | count | end | item | item | ...  free  ... |
 *      2 bytes 2 bytes
 *
 *     item   | form of the score, 2 bits, and length of the member, 14 bits | score | member |
 *
 * Items stand in order: lowest score first, and members as memcmp has them where scores are equal. A whole number takes
 * 1, 2 or 4 bytes when it fits, any other score the 8 of a double. Whatever is looked for is looked for from the front.
 *
 * The functions take the buffer and the record's `start` in it; `at` is the first byte of an item in the buffer.
 */
import { type Slice, compareBytes, copyBytes, sameBytes } from '../util/bytes.js';

export const SCORES_HEADER_BYTES = 4;
/** Far below what the 14 bits of a member's length can say. */
export const SCORES_BYTES_MAX = 12 * 1024;

const HEAD_BYTES = 2;
const LENGTH_MASK = 0x3fff;
const FORM_SHIFT = 14;
/** Bytes of a score by its form: int8, int16, int32, double. */
const FORM_BYTES: readonly number[] = [1, 2, 4, 8];

/** Writes an empty record. */
export function clearScores(bytes: Buffer, start: number): void {
  setCount(bytes, start, 0);
  setEnd(bytes, start, SCORES_HEADER_BYTES);
}

export function scoresCount(bytes: Buffer, start: number): number {
  return bytes[start]! | (bytes[start + 1]! << 8);
}

/** The least bytes that the record could do with. */
export function scoresUsed(bytes: Buffer, start: number): number {
  return bytes[start + 2]! | (bytes[start + 3]! << 8);
}

/** The bytes that a member and its score take. */
export function scoreItemBytes(memberBytes: number, score: number): number {
  return HEAD_BYTES + FORM_BYTES[formOf(score)]! + memberBytes;
}

/** Where a member stands, or -1. */
export function findItem(bytes: Buffer, start: number, member: Slice): number {
  const end = start + scoresUsed(bytes, start);
  for (let at = start + SCORES_HEADER_BYTES; at < end; ) {
    const head = bytes[at]! | (bytes[at + 1]! << 8);
    const memberAt = at + HEAD_BYTES + FORM_BYTES[head >>> FORM_SHIFT]!;
    const length = head & LENGTH_MASK;
    if (length === member.length && sameBytes(bytes, memberAt, member.bytes, member.offset, length)) return at;
    at = memberAt + length;
  }
  return -1;
}

export function itemScore(bytes: Buffer, at: number): number {
  const scoreAt = at + HEAD_BYTES;
  switch (bytes[at + 1]! >>> (FORM_SHIFT - 8)) {
    case 0:
      return (bytes[scoreAt]! << 24) >> 24;
    case 1:
      return bytes.readInt16LE(scoreAt);
    case 2:
      return bytes.readInt32LE(scoreAt);
    default:
      return bytes.readDoubleLE(scoreAt);
  }
}

/** Points `into` to the member of an item. */
export function itemMember(bytes: Buffer, at: number, into: Slice): Slice {
  const head = bytes[at]! | (bytes[at + 1]! << 8);
  return into.set(bytes, at + HEAD_BYTES + FORM_BYTES[head >>> FORM_SHIFT]!, head & LENGTH_MASK);
}

function itemEnd(bytes: Buffer, at: number): number {
  const head = bytes[at]! | (bytes[at + 1]! << 8);
  return at + HEAD_BYTES + FORM_BYTES[head >>> FORM_SHIFT]! + (head & LENGTH_MASK);
}

let places = new Int32Array(256);

/** Where all items stand, in order. The array is used again by the next call, and longer than the record. */
export function itemPlaces(bytes: Buffer, start: number): Int32Array {
  const count = scoresCount(bytes, start);
  if (count > places.length) places = new Int32Array(count * 2);
  let at = start + SCORES_HEADER_BYTES;
  for (let index = 0; index < count; index++) {
    places[index] = at;
    at = itemEnd(bytes, at);
  }
  return places;
}

/**
 * Adds a member at its place. Gives false, and changes nothing, when there is no room up to `recordEnd`. The member
 * must not be in the record, and must not lie in it.
 */
export function insertItem(bytes: Buffer, start: number, recordEnd: number, member: Slice, score: number): boolean {
  const end = start + scoresUsed(bytes, start);
  const size = scoreItemBytes(member.length, score);
  if (end + size > recordEnd) return false;
  const at = placeOf(bytes, start, end, member, score);
  bytes.copyWithin(at + size, at, end);
  writeItem(bytes, at, member, score);
  setCount(bytes, start, scoresCount(bytes, start) + 1);
  setEnd(bytes, start, end + size - start);
  return true;
}

/** As `insertItem`, of a member that comes behind all others. */
export function appendItem(bytes: Buffer, start: number, recordEnd: number, member: Slice, score: number): boolean {
  const used = scoresUsed(bytes, start);
  const size = scoreItemBytes(member.length, score);
  if (start + used + size > recordEnd) return false;
  writeItem(bytes, start + used, member, score);
  setCount(bytes, start, scoresCount(bytes, start) + 1);
  setEnd(bytes, start, used + size);
  return true;
}

function placeOf(bytes: Buffer, start: number, end: number, member: Slice, score: number): number {
  let at = start + SCORES_HEADER_BYTES;
  while (at < end) {
    const itsScore = itemScore(bytes, at);
    const next = itemEnd(bytes, at);
    if (itsScore > score) return at;
    if (itsScore === score) {
      const length = (bytes[at]! | (bytes[at + 1]! << 8)) & LENGTH_MASK;
      if (compareBytes(bytes, next - length, length, member.bytes, member.offset, member.length) > 0) return at;
    }
    at = next;
  }
  return at;
}

function writeItem(bytes: Buffer, at: number, member: Slice, score: number): void {
  const form = formOf(score);
  const head = (form << FORM_SHIFT) | member.length;
  const scoreAt = at + HEAD_BYTES;
  bytes[at] = head;
  bytes[at + 1] = head >>> 8;
  if (form === 0) bytes[scoreAt] = score;
  else if (form === 1) bytes.writeInt16LE(score, scoreAt);
  else if (form === 2) bytes.writeInt32LE(score, scoreAt);
  else bytes.writeDoubleLE(score, scoreAt);
  copyBytes(member.bytes, member.offset, bytes, scoreAt + FORM_BYTES[form]!, member.length);
}

/** Takes the items from `at` up to `end` out, which are `count`. */
function removeBytes(bytes: Buffer, start: number, at: number, end: number, count: number): void {
  const oldEnd = scoresUsed(bytes, start);
  bytes.copyWithin(at, end, start + oldEnd);
  setCount(bytes, start, scoresCount(bytes, start) - count);
  setEnd(bytes, start, oldEnd - (end - at));
}

/** Takes the item at `at` out. */
export function removeItem(bytes: Buffer, start: number, at: number): void {
  removeBytes(bytes, start, at, itemEnd(bytes, at), 1);
}

/** Takes `count` items out, from that at `rank` on. */
export function removeItems(bytes: Buffer, start: number, rank: number, count: number): void {
  const places = itemPlaces(bytes, start);
  removeBytes(bytes, start, places[rank]!, itemEnd(bytes, places[rank + count - 1]!), count);
}

function setCount(bytes: Buffer, start: number, count: number): void {
  bytes[start] = count;
  bytes[start + 1] = count >>> 8;
}

function setEnd(bytes: Buffer, start: number, end: number): void {
  bytes[start + 2] = end;
  bytes[start + 3] = end >>> 8;
}

/** -0 is kept as it is, and so needs a double. */
function formOf(score: number): 0 | 1 | 2 | 3 {
  if (score !== (score | 0) || Object.is(score, -0)) return 3;
  if (score === (score << 24) >> 24) return 0;
  return score === (score << 16) >> 16 ? 1 : 2;
}

/**
 * Listpacks: runs of byte strings and integers, packed as redis-server packs them, byte for byte. The nodes of a stream
 * are listpacks (stream-node.ts), because how many bytes an entry takes in one decides where the next node begins, and
 * because DUMP then has nothing to convert.
 *
 *     | all bytes, 4 | elements, 2 | element | element | ... | 0xff |        integers with their lowest byte first
 *
 *     element   | head and content | how many bytes those are |
 *
 *     0xxxxxxx                     an integer from 0 to 127
 *     10llllll content             a string of up to 63 bytes
 *     110iiiii iiiiiiii            an integer of 13 bits
 *     1110llll llllllll content    a string of up to 4095 bytes
 *     f0 length (4) content        a longer string
 *     f1, f2, f3, f4               an integer of 2, 3, 4 or 8 bytes
 *
 * A string that spells an integer is kept as one. The size behind an element is read from its end: seven bits a byte,
 * lowest first, with a mark on all but the last of them; so elements can be read backwards.
 *
 * All places are offsets in the buffer; `start` is the place of the listpack, `at` of an element. Nothing here makes
 * room: who writes sees to it.
 *
 * Source: listpack.c of redis 7.0.
 */
import { type Slice, copyBytes } from '../util/bytes.js';
import { integerLength, narrow, parseInteger, writeInteger } from '../util/numbers.js';

export const LISTPACK_HEADER_BYTES = 6;
/** The most that an element takes besides its content. */
export const ELEMENT_OVERHEAD_MAX = 10;
/** The most that an integer takes. */
export const INTEGER_BYTES_MAX = 10;
/** The longest int64 in decimal. */
export const INTEGER_CHARS_MAX = 20;

/** Stands behind the last element. */
export const LISTPACK_END = 0xff;
const COUNT_AT = 4;
/** So many elements or more are not counted. */
export const COUNT_UNKNOWN = 0xffff;

const STRING_32 = 0xf0;
const INTEGER_16 = 0xf1;
const INTEGER_24 = 0xf2;
const INTEGER_32 = 0xf3;
const INTEGER_64 = 0xf4;
/** How many bytes head and content of an integer have, by its head from INTEGER_16 on. */
const INTEGER_SIZES = [3, 4, 5, 9];

const MINUS = 0x2d;
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;

/** A signed integer of 64 bits as two signed words. */
export class Integer64 {
  high = 0;
  low = 0;
}

const integer = new Integer64();

// ---- the whole

/** How many bytes the listpack has. */
export function listpackBytes(bytes: Buffer, start: number): number {
  return (bytes[start]! | (bytes[start + 1]! << 8) | (bytes[start + 2]! << 16) | (bytes[start + 3]! << 24)) >>> 0;
}

function setListpackBytes(bytes: Buffer, start: number, byteCount: number): void {
  bytes[start] = byteCount & 0xff;
  bytes[start + 1] = (byteCount >>> 8) & 0xff;
  bytes[start + 2] = (byteCount >>> 16) & 0xff;
  bytes[start + 3] = byteCount >>> 24;
}

/** How many elements it has, or COUNT_UNKNOWN. */
export function listpackCount(bytes: Buffer, start: number): number {
  return bytes[start + COUNT_AT]! | (bytes[start + COUNT_AT + 1]! << 8);
}

/** Writes an empty listpack and gives its end, for `closeListpack`. */
export function openListpack(bytes: Buffer, start: number): number {
  bytes[start + COUNT_AT] = bytes[start + COUNT_AT + 1] = 0;
  return start + LISTPACK_HEADER_BYTES;
}

/** The place of the mark behind the last element: there the next element is written. */
export function listpackEnd(bytes: Buffer, start: number): number {
  return start + listpackBytes(bytes, start) - 1;
}

/** Ends a listpack at `end`, after `added` elements were written. */
export function closeListpack(bytes: Buffer, start: number, end: number, added: number): void {
  bytes[end] = LISTPACK_END;
  setListpackBytes(bytes, start, end + 1 - start);
  const count = listpackCount(bytes, start);
  const counted = count === COUNT_UNKNOWN ? count : Math.min(count + added, COUNT_UNKNOWN);
  bytes[start + COUNT_AT] = counted & 0xff;
  bytes[start + COUNT_AT + 1] = counted >>> 8;
}

/** The place of the first element. */
export function firstElement(start: number): number {
  return start + LISTPACK_HEADER_BYTES;
}

// ---- from element to element

/** The place behind the element at `at`. */
export function nextElement(bytes: Buffer, at: number): number {
  const head = bytes[at]!;
  if (head < 0x80) return at + 2;
  if (head < 0xc0) return at + 2 + (head & 0x3f);
  const size = elementSize(bytes, at);
  return at + size + backLengthBytes(size);
}

/** The place of the element in front of that at `at`, which must not be the first. */
export function previousElement(bytes: Buffer, at: number): number {
  let from = at - 1;
  let size = 0;
  for (let scale = 1; ; scale *= 128) {
    size += (bytes[from]! & 0x7f) * scale;
    if (bytes[from]! < 0x80) break;
    from--;
  }
  return from - size;
}

/** How many bytes must be there to know the size of the element at `at`; undefined when there is no such head. */
export function headBytes(bytes: Buffer, at: number): number | undefined {
  const head = bytes[at]!;
  if (head < 0xe0) return 1;
  if (head < STRING_32) return 2;
  if (head === STRING_32) return 5;
  return head <= INTEGER_64 ? 1 : undefined;
}

/** How many bytes head and content of an element have. */
export function elementSize(bytes: Buffer, at: number): number {
  const head = bytes[at]!;
  if (head < 0x80) return 1;
  if (head < 0xc0) return 1 + (head & 0x3f);
  if (head < 0xe0) return 2;
  if (head < STRING_32) return 2 + (((head & 0xf) << 8) | bytes[at + 1]!);
  if (head === STRING_32) return 5 + bytes.readUInt32LE(at + 1);
  const size = INTEGER_SIZES[head - INTEGER_16];
  if (size === undefined) throw new Error(`listpack: no element begins with ${head}`);
  return size;
}

/** How many bytes the size behind an element takes. The bounds are redis-server's, one lower than they could be. */
export function backLengthBytes(size: number): number {
  if (size <= 127) return 1;
  if (size < 16_383) return 2;
  if (size < 2_097_151) return 3;
  return size < 268_435_455 ? 4 : 5;
}

function writeBackLength(bytes: Buffer, at: number, size: number): number {
  if (size <= 127) {
    bytes[at] = size;
    return at + 1;
  }
  const end = at + backLengthBytes(size);
  let rest = size;
  for (let place = end - 1; place > at; place--) {
    bytes[place] = (rest & 0x7f) | 0x80;
    rest = Math.floor(rest / 128);
  }
  bytes[at] = rest;
  return end;
}

// ---- reading

/** The integer at `at`; beyond 2 ** 53 the nearest one. Throws when a string stands there. */
export function readInteger(bytes: Buffer, at: number): number {
  const head = bytes[at]!;
  if (head < 0x80) return head;
  readInteger64(bytes, at, integer);
  return integer.high * 2 ** 32 + (integer.low >>> 0);
}

/** As `readInteger`, exact. */
export function readInteger64(bytes: Buffer, at: number, into: Integer64): void {
  const head = bytes[at]!;
  if (head === INTEGER_64) {
    into.low = bytes.readInt32LE(at + 1);
    into.high = bytes.readInt32LE(at + 5);
    return;
  }
  into.low = readInteger32(bytes, at);
  into.high = into.low >> 31;
}

/** An integer of at most four bytes. */
function readInteger32(bytes: Buffer, at: number): number {
  const head = bytes[at]!;
  if (head < 0x80) return head;
  if (head >= 0xc0 && head < 0xe0) return ((((head & 0x1f) << 8) | bytes[at + 1]!) << 19) >> 19;
  if (head === INTEGER_16) return ((bytes[at + 1]! | (bytes[at + 2]! << 8)) << 16) >> 16;
  if (head === INTEGER_24) return ((bytes[at + 1]! | (bytes[at + 2]! << 8) | (bytes[at + 3]! << 16)) << 8) >> 8;
  if (head === INTEGER_32) return bytes.readInt32LE(at + 1);
  throw new Error(`listpack: no integer begins with ${head}`);
}

/**
 * Points `into` to the element at `at` as a string, and gives the place behind it. An integer is spelt out in `room`,
 * which has 20 bytes.
 */
export function readElement(bytes: Buffer, at: number, into: Slice, room: Buffer): number {
  const head = bytes[at]!;
  if (head >= 0x80 && head < 0xc0) {
    into.set(bytes, at + 1, head & 0x3f);
    return at + 2 + (head & 0x3f);
  }
  const size = elementSize(bytes, at);
  if (head >= 0xe0 && head < STRING_32) into.set(bytes, at + 2, size - 2);
  else if (head === STRING_32) into.set(bytes, at + 5, size - 5);
  else {
    const value = exactInteger(bytes, at);
    const length = integerLength(value);
    writeInteger(room, 0, value, length);
    into.set(room, 0, length);
  }
  return at + size + backLengthBytes(size);
}

function exactInteger(bytes: Buffer, at: number): number | bigint {
  return bytes[at] === INTEGER_64 ? narrow(bytes.readBigInt64LE(at + 1)) : readInteger32(bytes, at);
}

// ---- writing

/** Writes a string, or the integer that it spells, and gives the place behind it. */
export function writeElement(bytes: Buffer, at: number, from: Buffer, offset: number, length: number): number {
  if (length > 0 && length <= INTEGER_CHARS_MAX) {
    const first = from[offset]!;
    if (first <= DIGIT_9 && (first >= DIGIT_0 || first === MINUS)) {
      const value = parseInteger(from, offset, length);
      if (value !== undefined) return writeExactInteger(bytes, at, value);
    }
  }
  let content = at + 1;
  if (length < 64) bytes[at] = 0x80 | length;
  else if (length < 4096) {
    bytes[at] = 0xe0 | (length >>> 8);
    bytes[at + 1] = length & 0xff;
    content = at + 2;
  } else {
    bytes[at] = STRING_32;
    bytes.writeUInt32LE(length, at + 1);
    content = at + 5;
  }
  copyBytes(from, offset, bytes, content, length);
  return writeBackLength(bytes, content + length, content + length - at);
}

function writeExactInteger(bytes: Buffer, at: number, value: number | bigint): number {
  if (typeof value === 'number') return writeWords(bytes, at, Math.floor(value / 2 ** 32), value | 0);
  return writeWords(bytes, at, Number(value >> 32n), Number(BigInt.asIntN(32, value)));
}

/** Writes the integer that two signed words make, and gives the place behind it. */
export function writeWords(bytes: Buffer, at: number, high: number, low: number): number {
  if (high !== low >> 31) {
    bytes[at] = INTEGER_64;
    bytes.writeInt32LE(low, at + 1);
    bytes.writeInt32LE(high, at + 5);
    bytes[at + 9] = 9;
    return at + 10;
  }
  if (low >= 0 && low <= 127) {
    bytes[at] = low;
    bytes[at + 1] = 1;
    return at + 2;
  }
  if (low >= -4096 && low <= 4095) {
    bytes[at] = 0xc0 | ((low >> 8) & 0x1f);
    bytes[at + 1] = low & 0xff;
    bytes[at + 2] = 2;
    return at + 3;
  }
  const contentBytes = low >= -0x8000 && low <= 0x7fff ? 2 : low >= -0x80_0000 && low <= 0x7f_ffff ? 3 : 4;
  bytes[at] = INTEGER_16 + contentBytes - 2;
  for (let i = 0; i < contentBytes; i++) bytes[at + 1 + i] = (low >> (8 * i)) & 0xff;
  bytes[at + 1 + contentBytes] = 1 + contentBytes;
  return at + 2 + contentBytes;
}

/** Writes a safe integer and gives the place behind it. */
export function writeNumber(bytes: Buffer, at: number, value: number): number {
  return writeWords(bytes, at, Math.floor(value / 2 ** 32), value | 0);
}

/** Where an integer is put together before it takes another's place. */
const replacement = Buffer.alloc(INTEGER_BYTES_MAX);

/** Puts an integer in the place of the element at `at`, and moves what is behind it when its size is another. */
export function replaceNumber(bytes: Buffer, start: number, at: number, value: number): void {
  if (bytes[at]! < 0x80 && value >= 0 && value < 0x80) {
    bytes[at] = value;
    return;
  }
  const byteCount = listpackBytes(bytes, start);
  const behind = nextElement(bytes, at);
  const size = writeNumber(replacement, 0, value);
  const growth = at + size - behind;
  if (growth !== 0) {
    bytes.copyWithin(behind + growth, behind, start + byteCount);
    setListpackBytes(bytes, start, byteCount + growth);
  }
  copyBytes(replacement, 0, bytes, at, size);
}

/**
 * LZF: the quick compression of strings in Redis's files and DUMP payloads.
 *
 *     000LLLLL                     L + 1 bytes follow as they are
 *     LLLooooo oooooooo            L + 2 bytes (L from 1 to 6) as they stand o + 1 bytes back
 *     111ooooo LLLLLLLL oooooooo   L + 9 bytes as they stand o + 1 bytes back
 *
 * The compressor finds repetitions with a table of where three bytes were seen last. It chooses as the one in
 * redis-server does (after a repetition, only its last two places are noted), so that the same string gives the same
 * bytes.
 *
 * Source: LibLZF by M. Lehmann.
 */
import { OutOfBounds } from './rdb-error.js';

const TABLE_BITS = 16;
const TABLE_MASK = (1 << TABLE_BITS) - 1;
const LITERAL_MAX = 32;
const DISTANCE_MAX = 1 << 13;
const REPEAT_MAX = 264;
const SHORT_REPEAT = 7;

/** Where three bytes were seen last, counted from `base`; what is below `base` is of an earlier string. */
const seen = new Int32Array(1 << TABLE_BITS);
const BASE_MAX = 2 ** 31 - 1;
let base = 1;

/** Moves `base` behind a string of so many bytes that is about to be noted, and gives where it was. */
function takePlaces(length: number): number {
  if (base + length > BASE_MAX) {
    seen.fill(0);
    base = 1;
  }
  const first = base;
  base += length;
  return first;
}

/**
 * Compresses the `length` bytes at `start` into `output` from `at` on, where they may take up to `room` bytes. Gives
 * how many they take, or 0 when they do not fit: what does not get smaller is better left as it is.
 */
export function compress(
  input: Buffer, start: number, length: number, output: Buffer, at: number, room: number,
): number {
  if (length === 0 || room <= 0) return 0;
  const end = start + length;
  const outputEnd = at + room;
  const offset = takePlaces(length) - start;
  let from = start;
  let to = at + 1;
  let literals = 0;
  while (from < end - 2) {
    const index = tableIndex(input, from);
    const there = seen[index]! - offset;
    seen[index] = from + offset;
    const distance = from - there - 1;
    if (
      there <= start || distance >= DISTANCE_MAX || input[there] !== input[from] ||
      input[there + 1] !== input[from + 1] || input[there + 2] !== input[from + 2]
    ) {
      if (to >= outputEnd) return 0;
      output[to++] = input[from++]!;
      if (++literals === LITERAL_MAX) {
        output[to - literals - 1] = literals - 1;
        literals = 0;
        to++;
      }
      continue;
    }
    if (to - (literals === 0 ? 1 : 0) + 4 >= outputEnd) return 0;
    if (literals === 0) to--;
    else output[to - literals - 1] = literals - 1;
    const repeat = repeatLength(input, there, from, Math.min(end - from - 2, REPEAT_MAX));
    to = writeRepeat(output, to, repeat, distance) + 1;
    literals = 0;
    from += repeat;
    if (from >= end - 2) break;
    seen[tableIndex(input, from - 2)] = from - 2 + offset;
    seen[tableIndex(input, from - 1)] = from - 1 + offset;
  }
  if (to + 3 > outputEnd) return 0;
  while (from < end) {
    output[to++] = input[from++]!;
    if (++literals === LITERAL_MAX) {
      output[to - literals - 1] = literals - 1;
      literals = 0;
      to++;
    }
  }
  if (literals === 0) to--;
  else output[to - literals - 1] = literals - 1;
  return to - at;
}

function tableIndex(input: Buffer, at: number): number {
  const three = (input[at]! << 16) | (input[at + 1]! << 8) | input[at + 2]!;
  return ((three >>> (24 - TABLE_BITS)) - three * 5) & TABLE_MASK;
}

/** So many bytes are compared without a look at `most`, when there are as many. */
const UNBOUNDED = 19;

/** How many bytes agree; three are known to. How the end is treated is LibLZF's way, and part of what it chooses. */
function repeatLength(input: Buffer, there: number, from: number, most: number): number {
  let length = 3;
  if (most > 16) {
    while (length < UNBOUNDED && input[there + length] === input[from + length]) length++;
    if (length < UNBOUNDED) return length;
  }
  while (length < most && input[there + length] === input[from + length]) length++;
  return length;
}

function writeRepeat(output: Buffer, at: number, repeat: number, distance: number): number {
  const length = repeat - 2;
  let to = at;
  if (length < SHORT_REPEAT) output[to++] = (distance >>> 8) | (length << 5);
  else {
    output[to++] = (distance >>> 8) | (SHORT_REPEAT << 5);
    output[to++] = length - SHORT_REPEAT;
  }
  output[to++] = distance;
  return to;
}

/** No three bytes of LZF stand for more than so many. */
const EXPANSION_MAX = REPEAT_MAX / 3;

/** Whether so many compressed bytes can stand for `length` bytes. Asked before room is made for them. */
export function canExpand(compressedLength: number, length: number): boolean {
  return length <= compressedLength * EXPANSION_MAX + LITERAL_MAX;
}

/** Fills the first `length` bytes of `output` from the compressed ones. Throws OutOfBounds when they are damaged. */
export function decompress(input: Buffer, start: number, end: number, output: Buffer, length: number): void {
  let from = start;
  let to = 0;
  while (from < end) {
    const control = input[from++]!;
    if (control < LITERAL_MAX) {
      const count = control + 1;
      if (from + count > end || to + count > length) throw new OutOfBounds();
      for (let i = 0; i < count; i++) output[to++] = input[from++]!;
      continue;
    }
    let count = (control >>> 5) + 2;
    if (count === SHORT_REPEAT + 2) count += from < end ? input[from++]! : length;
    if (from >= end) throw new OutOfBounds();
    let there = to - (((control & 0x1f) << 8) | input[from++]!) - 1;
    if (there < 0 || to + count > length) throw new OutOfBounds();
    // Byte by byte: the two may overlap.
    for (let i = 0; i < count; i++) output[to++] = output[there++]!;
  }
  if (to !== length) throw new OutOfBounds();
}

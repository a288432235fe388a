/**
 * The registers of a sparse HyperLogLog: runs of equal ones, from the first register to the last.
 *
 *     00nnnnnn             n + 1 registers are 0 (ZERO)
 *     01nnnnnn nnnnnnnn    n + 1 registers are 0 (XZERO)
 *     1vvvvvnn             n + 1 registers are v + 1 (VAL)
 *
 * Which of the possible spellings a HyperLogLog gets depends on its history; the steps here are redis-server's, so that
 * the same commands give the same bytes. Source: hllSparseSet() in redis's hyperloglog.c.
 */

const XZERO = 0x40;
const VALUE = 0x80;
const ZERO_COUNT_MAX = 64;
const VALUE_COUNT_MAX = 4;
/** The largest value that a run can say. */
export const SPARSE_VALUE_MAX = 32;
/** What one raised register adds to the runs at most. */
export const SPARSE_GROWTH_BYTES = 3;
/** The runs of a HyperLogLog without elements: one XZERO for all registers. */
export const EMPTY_RUNS = Buffer.from([0x7f, 0xff]);

/** How many runs are looked at for neighbours that have become equal. */
const MERGE_STEPS = 5;

const isValue = (code: number): boolean => (code & VALUE) !== 0;
const isLongZero = (code: number): boolean => (code & 0xc0) === XZERO;
const valueOf = (code: number): number => ((code >>> 2) & 0x1f) + 1;
const valueCode = (value: number, count: number): number => VALUE | ((value - 1) << 2) | (count - 1);

/** How many registers the run at `at` says; a second byte that is missing counts as 0. */
function countAt(bytes: Buffer, at: number, end: number): number {
  const code = bytes[at]!;
  if (isValue(code)) return (code & 3) + 1;
  if (isLongZero(code)) return (((code & 0x3f) << 8) | (at + 1 < end ? bytes[at + 1]! : 0)) + 1;
  return (code & 0x3f) + 1;
}

function sizeOf(code: number): number {
  return isLongZero(code) ? 2 : 1;
}

/** Calls `visit` for each run between `start` and `end`, and gives the number of registers that they say. */
export function forEachRun(
  bytes: Buffer, start: number, end: number, visit: (value: number, index: number, count: number) => void,
): number {
  let index = 0;
  for (let at = start; at < end; at += sizeOf(bytes[at]!)) {
    const code = bytes[at]!;
    const count = countAt(bytes, at, end);
    visit(isValue(code) ? valueOf(code) : 0, index, count);
    index += count;
  }
  return index;
}

/** The runs as PFDEBUG DECODE shows them: `Z:16000 v:3,1 z:10`. */
export function describeRuns(bytes: Buffer, start: number, end: number): string {
  const shown: string[] = [];
  for (let at = start; at < end; at += sizeOf(bytes[at]!)) {
    const code = bytes[at]!;
    const count = countAt(bytes, at, end);
    if (isValue(code)) shown.push(`v:${valueOf(code)},${count}`);
    else shown.push(`${isLongZero(code) ? 'Z' : 'z'}:${count}`);
  }
  return shown.join(' ');
}

/** The runs of a sparse HyperLogLog, in a buffer with room for SPARSE_GROWTH_BYTES behind them. */
export interface Runs {
  bytes: Buffer;
  start: number;
  end: number;
}

/** `full`: nothing was changed, because the runs would take more than they may, or cannot say the value. */
export type Raised = 'raised' | 'kept' | 'full' | 'malformed';

const replacement = Buffer.alloc(5);

/**
 * Raises register `index` to `value`, unless it is as high already. The runs may grow to `byteCountMax` bytes; they may
 * already be longer.
 */
export function raiseInRuns(runs: Runs, index: number, value: number, byteCountMax: number): Raised {
  if (value > SPARSE_VALUE_MAX) return 'full';
  const { bytes, start, end } = runs;
  let before = start;
  let at = start;
  let first = 0;
  let count = 0;
  while (at < end) {
    count = countAt(bytes, at, end);
    if (index < first + count) break;
    before = at;
    at += sizeOf(bytes[at]!);
    first += count;
  }
  // A run that is cut off is none to work with either.
  if (at >= end || at + sizeOf(bytes[at]!) > end) return 'malformed';
  const code = bytes[at]!;
  if (isValue(code) && valueOf(code) >= value) return 'kept';
  if (count === 1 && !isLongZero(code)) bytes[at] = valueCode(value, 1);
  else {
    const length = split(code, index - first, value, first + count - 1 - index);
    const growth = length - sizeOf(code);
    if (growth > 0 && end - start + growth > byteCountMax) return 'full';
    bytes.copyWithin(at + length, at + sizeOf(code), end);
    replacement.copy(bytes, at, 0, length);
    runs.end += growth;
  }
  mergeFrom(runs, before);
  return 'raised';
}

/** Puts the runs that replace one of `code` in `replacement`, and gives their length. */
function split(code: number, countBefore: number, value: number, countBehind: number): number {
  let length = writeRest(code, countBefore, 0);
  replacement[length++] = valueCode(value, 1);
  length = writeRest(code, countBehind, length);
  return length;
}

/** Writes what is left of a run of `code` at `at` in `replacement`, and gives its end. */
function writeRest(code: number, count: number, at: number): number {
  if (count === 0) return at;
  if (isValue(code)) replacement[at] = valueCode(valueOf(code), count);
  else if (count <= ZERO_COUNT_MAX) replacement[at] = count - 1;
  else {
    replacement[at] = XZERO | ((count - 1) >>> 8);
    replacement[at + 1] = (count - 1) & 0xff;
    return at + 2;
  }
  return at + 1;
}

/** Joins neighbours of one value, in a few runs from `from` on. */
function mergeFrom(runs: Runs, from: number): void {
  const { bytes } = runs;
  let at = from;
  for (let step = 0; step < MERGE_STEPS && at < runs.end; step++) {
    const code = bytes[at]!;
    const next = at + 1 < runs.end ? bytes[at + 1]! : 0;
    const count = (code & 3) + (next & 3) + 2;
    if (isValue(code) && isValue(next) && valueOf(code) === valueOf(next) && count <= VALUE_COUNT_MAX) {
      bytes[at] = valueCode(valueOf(code), count);
      bytes.copyWithin(at + 1, at + 2, runs.end--);
    } else at += sizeOf(code);
  }
}

/**
 * The ID of a stream's entry: the moment when it was added, in milliseconds since the epoch, and a sequence number
 * among the entries of that moment. Both have 64 bits, unsigned, so an ID is kept as four words of 32 bits, each a
 * number from 0 to 2 ** 32 - 1: comparing and counting on need no BigInt, and none is made unless a part is beyond
 * 2 ** 53 and has to be shown.
 */
import { copyBytes } from '../util/bytes.js';
import { narrow } from '../util/numbers.js';

const WORD = 2 ** 32;
const WORD_MAX = WORD - 1;
/** A number whose upper word is below this is exact. */
const EXACT_HIGH_LIMIT = 2 ** 21;
/** The longest ID: two numbers of 20 digits and the hyphen. */
export const ID_CHARS_MAX = 41;
const MOMENT_CHARS_MAX = 20;

const HYPHEN = 0x2d;
const ZERO = 0x30;
const BILLION = 1_000_000_000;
const BILLION_DIGITS = 9;

export class StreamId {
  msHigh = 0;
  msLow = 0;
  seqHigh = 0;
  seqLow = 0;

  set(msHigh: number, msLow: number, seqHigh: number, seqLow: number): this {
    this.msHigh = msHigh;
    this.msLow = msLow;
    this.seqHigh = seqHigh;
    this.seqLow = seqLow;
    return this;
  }

  copyFrom(other: StreamId): this {
    return this.set(other.msHigh, other.msLow, other.seqHigh, other.seqLow);
  }

  /** The first ID of a moment. */
  setMoment(ms: number): this {
    return this.set(Math.floor(ms / WORD), ms >>> 0, 0, 0);
  }

  setMax(): this {
    return this.set(WORD_MAX, WORD_MAX, WORD_MAX, WORD_MAX);
  }

  get isZero(): boolean {
    return (this.msHigh | this.msLow | this.seqHigh | this.seqLow) === 0;
  }

  get isMax(): boolean {
    return this.isLastOfMoment && this.msHigh === WORD_MAX && this.msLow === WORD_MAX;
  }

  /** There is no higher sequence number. */
  get isLastOfMoment(): boolean {
    return this.seqHigh === WORD_MAX && this.seqLow === WORD_MAX;
  }

  /** Below 0, 0 or above 0. */
  compare(other: StreamId): number {
    if (this.msHigh !== other.msHigh) return this.msHigh - other.msHigh;
    if (this.msLow !== other.msLow) return this.msLow - other.msLow;
    if (this.seqHigh !== other.seqHigh) return this.seqHigh - other.seqHigh;
    return this.seqLow - other.seqLow;
  }

  /** Whether both are of the same moment. */
  isAsOld(other: StreamId): boolean {
    return this.msHigh === other.msHigh && this.msLow === other.msLow;
  }

  /** Becomes the next ID; behind the highest comes 0-0, and false. */
  increment(): boolean {
    if (this.seqLow < WORD_MAX) this.seqLow++;
    else if (this.seqHigh < WORD_MAX) this.set(this.msHigh, this.msLow, this.seqHigh + 1, 0);
    else if (this.msLow < WORD_MAX) this.set(this.msHigh, this.msLow + 1, 0, 0);
    else if (this.msHigh < WORD_MAX) this.set(this.msHigh + 1, 0, 0, 0);
    else {
      this.set(0, 0, 0, 0);
      return false;
    }
    return true;
  }

  /** Becomes the ID before; before 0-0 comes the highest, and false. */
  decrement(): boolean {
    if (this.seqLow > 0) this.seqLow--;
    else if (this.seqHigh > 0) this.set(this.msHigh, this.msLow, this.seqHigh - 1, WORD_MAX);
    else if (this.msLow > 0) this.set(this.msHigh, this.msLow - 1, WORD_MAX, WORD_MAX);
    else if (this.msHigh > 0) this.set(this.msHigh - 1, WORD_MAX, WORD_MAX, WORD_MAX);
    else {
      this.setMax();
      return false;
    }
    return true;
  }

  get ms(): number | bigint {
    return joinWords(this.msHigh, this.msLow);
  }

  get seq(): number | bigint {
    return joinWords(this.seqHigh, this.seqLow);
  }

  /** The ID as it is shown: `ms-seq`. */
  text(): string {
    return `${this.ms}-${this.seq}`;
  }

  /** Writes the ID as it is shown into `bytes` from its beginning on, and gives how many bytes it took. */
  write(bytes: Buffer): number {
    let at = writeMoment(bytes, this.msHigh, this.msLow);
    bytes[at++] = HYPHEN;
    return writeUnsigned(bytes, at, this.seqHigh, this.seqLow);
  }
}

/** Two words as one unsigned integer: a number when that is exact, otherwise a BigInt. */
export function joinWords(high: number, low: number): number | bigint {
  if (high < EXACT_HIGH_LIMIT) return high * WORD + low;
  return narrow((BigInt(high) << 32n) | BigInt(low));
}

/** The moment that was written last: IDs that are made, or read, one after the other often have it in common. */
const written = { high: -1, low: -1, text: Buffer.alloc(MOMENT_CHARS_MAX), length: 0 };

function writeMoment(bytes: Buffer, high: number, low: number): number {
  if (high !== written.high || low !== written.low) {
    written.high = high;
    written.low = low;
    written.length = writeUnsigned(written.text, 0, high, low);
  }
  copyBytes(written.text, 0, bytes, 0, written.length);
  return written.length;
}

function writeUnsigned(bytes: Buffer, at: number, high: number, low: number): number {
  if (high === 0 && low < BILLION) return writeSmall(bytes, at, low);
  if (high >= EXACT_HIGH_LIMIT) return at + bytes.write(String(joinWords(high, low)), at, 'latin1');
  const value = high * WORD + low;
  const front = Math.floor(value / BILLION);
  let rest = value - front * BILLION;
  const begin = front < BILLION ? writeSmall(bytes, at, front) : at + bytes.write(String(front), at, 'latin1');
  for (let i = begin + BILLION_DIGITS - 1; i >= begin; i--) {
    const tenth = (rest / 10) | 0;
    bytes[i] = ZERO + rest - tenth * 10;
    rest = tenth;
  }
  return begin + BILLION_DIGITS;
}

/** Writes a number below a billion. */
function writeSmall(bytes: Buffer, at: number, value: number): number {
  let end = at + 1;
  for (let bound = 10; value >= bound; bound *= 10) end++;
  let rest = value;
  for (let i = end - 1; i >= at; i--) {
    const tenth = (rest / 10) | 0;
    bytes[i] = ZERO + rest - tenth * 10;
    rest = tenth;
  }
  return end;
}

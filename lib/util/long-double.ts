/**
 * Arithmetic of INCRBYFLOAT and HINCRBYFLOAT: the 80-bit floats that redis-server computes with on x86 (C's `long
 * double`): 64 bits of significand, 15 of exponent. Results must agree with it to the last digit, so each step is done
 * exactly in BigInts and then rounded once, to nearest and half-way cases to even, just as the processor and the C
 * library do.
 */
import { hexadecimalParts } from './numbers.js';

/** `significand` times 2 to the power of `exponent`; zero has no sign, which no printed result shows. */
export interface LongDouble {
  readonly significand: bigint;
  readonly exponent: number;
  readonly isInfinite: boolean;
}

const SIGNIFICAND_BITS = 64;
/** The power of the lowest bit of the smallest number, and the least power above the largest. */
const EXPONENT_MIN = -16445;
const EXPONENT_LIMIT = 16384;
/** Decimal powers beyond these give infinity or zero for every text that is short enough to be read. */
const DECIMAL_POWER_MAX = 12_000;
/** Source: MAX_LONG_DOUBLE_CHARS in redis's util.h. */
const TEXT_CHARS_MAX = 5 * 1024;
/** Digits behind the point of a printed result. */
const FRACTION_DIGITS = 17;

export const ZERO: LongDouble = { significand: 0n, exponent: 0, isInfinite: false };
const INFINITY: LongDouble = { significand: 1n, exponent: 0, isInfinite: true };

const DECIMAL = /^([+-]?)(\d*)\.?(\d*)(?:e([+-]?\d+))?$/i;
const INFINITE = /^([+-]?)inf(?:inity)?$/i;

/**
 * The float that the text spells; undefined when it spells none, is not a number, or is too large or too small.
 * The spelling is that of `parseDouble` in numbers.ts.
 *
 * Source: string2ld() in redis's util.c.
 */
export function parseLongDouble(text: string): LongDouble | undefined {
  if (text.length >= TEXT_CHARS_MAX) return undefined;
  const infinite = INFINITE.exec(text);
  if (infinite) return infinite[1] === '-' ? negated(INFINITY) : INFINITY;
  const parts = hexadecimalParts(text);
  const value = parts ? scaled(parts.digits, parts.exponent) : parseDecimal(text);
  if (value === undefined || value.isInfinite) return undefined;
  const isNegative = text.startsWith('-');
  return isNegative ? negated(value) : value;
}

/** The size of a decimal, its sign left out; undefined when the text is none, or is too small for anything but zero. */
function parseDecimal(text: string): LongDouble | undefined {
  const match = DECIMAL.exec(text);
  if (match === null) return undefined;
  const [, , whole, fraction, power] = match;
  if (whole === '' && fraction === '') return undefined;
  const digits = BigInt(`${whole}${fraction}`);
  if (digits === 0n) return ZERO;
  const tens = Number(power ?? 0) - fraction!.length;
  if (Math.abs(tens) > DECIMAL_POWER_MAX) return tens > 0 ? INFINITY : undefined;
  return tens >= 0 ? rounded(digits * 10n ** BigInt(tens), 1n, 0) : quotient(digits, 10n ** BigInt(-tens));
}

/** A binary float; undefined when it is too small for anything but zero. */
function scaled(digits: bigint, exponent: number): LongDouble | undefined {
  if (digits === 0n) return ZERO;
  if (exponent + bitLength(digits) > EXPONENT_LIMIT) return INFINITY;
  const value = rounded(digits, 1n, exponent);
  return value.significand === 0n ? undefined : value;
}

/** A fraction's nearest float; undefined when that is zero. */
function quotient(numerator: bigint, denominator: bigint): LongDouble | undefined {
  // Shifted so that the quotient has a few bits more than the significand; what is cut off only breaks ties.
  const shift = Math.max(0, SIGNIFICAND_BITS + 2 + bitLength(denominator) - bitLength(numerator));
  const value = rounded(numerator << BigInt(shift), denominator, -shift);
  return value.significand === 0n ? undefined : value;
}

/** The sum, rounded; infinite when it is too large. Undefined for infinities of opposite signs. */
export function addLongDoubles(a: LongDouble, b: LongDouble): LongDouble | undefined {
  if (a.isInfinite || b.isInfinite) {
    if (a.isInfinite && b.isInfinite && a.significand !== b.significand) return undefined;
    return a.isInfinite ? a : b;
  }
  const exponent = Math.min(a.exponent, b.exponent);
  const sum = (a.significand << BigInt(a.exponent - exponent)) + (b.significand << BigInt(b.exponent - exponent));
  return sum < 0n ? negated(rounded(-sum, 1n, exponent)) : rounded(sum, 1n, exponent);
}

/**
 * The float as redis-server prints it for people: never an exponent, 17 digits behind the point at most, no zeros at
 * the end. It must be finite.
 *
 * Source: ld2string() with LD_STR_HUMAN in redis's util.c.
 */
export function formatLongDouble({ significand, exponent }: LongDouble): string {
  const isNegative = significand < 0n;
  const scaledUp = (isNegative ? -significand : significand) * 10n ** BigInt(FRACTION_DIGITS);
  const units = exponent >= 0 ? scaledUp << BigInt(exponent) : halfToEven(scaledUp, 1n << BigInt(-exponent));
  if (units === 0n) return '0';
  const digits = units.toString().padStart(FRACTION_DIGITS + 1, '0');
  const whole = digits.slice(0, -FRACTION_DIGITS);
  const fraction = digits.slice(-FRACTION_DIGITS).replace(/0+$/, '');
  return `${isNegative ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`;
}

function negated(value: LongDouble): LongDouble {
  return { ...value, significand: -value.significand };
}

/** `numerator / denominator` times 2 to the power of `exponent`, not negative, as the nearest float. */
function rounded(numerator: bigint, denominator: bigint, exponent: number): LongDouble {
  // The quotient has as many bits as the lengths' difference says, or one more. Suppose the former, and look.
  const bits = bitLength(numerator) - bitLength(denominator);
  let shift = Math.max(bits - SIGNIFICAND_BITS, 0);
  if (bitLength(numerator / (denominator << BigInt(shift))) > SIGNIFICAND_BITS) shift++;
  shift = Math.max(shift, EXPONENT_MIN - exponent);
  const significand = halfToEven(numerator, denominator << BigInt(shift));
  if (bitLength(significand) + exponent + shift > EXPONENT_LIMIT) return INFINITY;
  return { significand, exponent: significand === 0n ? 0 : exponent + shift, isInfinite: false };
}

function halfToEven(numerator: bigint, denominator: bigint): bigint {
  const quotient = numerator / denominator;
  const twice = (numerator - quotient * denominator) * 2n;
  if (twice < denominator || (twice === denominator && (quotient & 1n) === 0n)) return quotient;
  return quotient + 1n;
}

function bitLength(value: bigint): number {
  if (value === 0n) return 0;
  const hex = value.toString(16);
  return hex.length * 4 - Math.clz32(parseInt(hex[0]!, 16)) + 28;
}

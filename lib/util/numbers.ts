/**
 * Numbers as text, in and out, with the strictness and the digits of redis-server. Handlers read numbers through
 * commands/arguments.ts; this file is what those readers, and values that hold numbers, stand on.
 *
 * Integers are int64. Nearly all that are ever sent are safe in a JavaScript number, so a number is tried first, and
 * a BigInt is made only for what does not fit. INCRBYFLOAT's 80-bit floats are in long-double.ts.
 */

export const INT64_MAX = 2n ** 63n - 1n;
export const INT64_MIN = -(2n ** 63n);

const MINUS = 45;
const ZERO = 48;
/** A number of so few digits is safe whatever the digits are. */
const SAFE_DIGITS = 15;
/** The digits of the longest int64, with its sign. */
const INT64_CHARS = 20;

/**
 * The integer that the bytes spell, as a number of at most 15 digits; NaN when they spell another or none.
 *
 * There is one way to spell each integer: no blanks, no plus sign, no zeros in front, no `-0`.
 * Source: string2ll() in redis's util.c.
 */
export function parseShortInteger(bytes: Uint8Array, offset: number, length: number): number {
  let at = offset;
  const end = offset + length;
  const isNegative = length > 1 && bytes[at] === MINUS;
  if (isNegative) at++;
  if (at === end || end - at > SAFE_DIGITS) return NaN;
  let value = bytes[at++]! - ZERO;
  if (value === 0) return length === 1 ? 0 : NaN;
  if (value < 0 || value > 9) return NaN;
  for (; at < end; at++) {
    const digit = bytes[at]! - ZERO;
    if (digit < 0 || digit > 9) return NaN;
    value = value * 10 + digit;
  }
  return isNegative ? -value : value;
}

/**
 * The int64 that the bytes spell: a number when it is a safe one, otherwise a BigInt; undefined when they spell none.
 * The spelling is that of `parseShortInteger`.
 */
export function parseInteger(bytes: Buffer, offset: number, length: number): number | bigint | undefined {
  const short = parseShortInteger(bytes, offset, length);
  if (short === short) return short;
  if (length <= SAFE_DIGITS || length > INT64_CHARS) return undefined;
  const text = bytes.toString('latin1', offset, offset + length);
  if (!/^-?[1-9]\d*$/.test(text)) return undefined;
  const value = BigInt(text);
  return value > INT64_MAX || value < INT64_MIN ? undefined : narrow(value);
}

/** The same integer as a number, when a number holds it exactly. */
export function narrow(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/**
 * The sum of two integers of int64, in the same form as `parseInteger` gives them; undefined when it is outside int64.
 */
export function addIntegers(a: number | bigint, b: number | bigint): number | bigint | undefined {
  if (typeof a === 'number' && typeof b === 'number') {
    const sum = a + b;
    if (Number.isSafeInteger(sum)) return sum;
  }
  const sum = BigInt(a) + BigInt(b);
  return sum > INT64_MAX || sum < INT64_MIN ? undefined : narrow(sum);
}

/** The sum of two integers of int64, in the same form; outside int64 it wraps around, as a C program's does. */
export function addWrapping(a: number | bigint, b: number | bigint): number | bigint {
  return addIntegers(a, b) ?? narrow(BigInt.asIntN(64, BigInt(a) + BigInt(b)));
}

/** Up to here an integer's digits are worked out in small integers, which is quicker than making a string. */
const SMALL_MAX = 0x7fffffff;

/** How many chars an integer has in decimal. */
export function integerLength(value: number | bigint): number {
  if (typeof value === 'bigint' || value < 0 || value > SMALL_MAX) return String(value).length;
  let length = 1;
  for (let bound = 10; value >= bound; bound *= 10) length++;
  return length;
}

/** Writes an integer's decimal at `at`; `length` is what `integerLength` gives for it. */
export function writeInteger(bytes: Buffer, at: number, value: number | bigint, length: number): void {
  if (typeof value === 'bigint' || value < 0 || value > SMALL_MAX) {
    bytes.write(String(value), at, 'latin1');
    return;
  }
  let rest: number = value;
  for (let end = at + length - 1; end >= at; end--) {
    const tenth = (rest / 10) | 0;
    bytes[end] = ZERO + rest - tenth * 10;
    rest = tenth;
  }
}

const DOT = 46;
/** The powers of ten up to 15 are doubles. */
const POWERS = Array.from({ length: SAFE_DIGITS + 1 }, (_, power) => 10 ** power);

/**
 * The double that the bytes spell, when they are a minus sign perhaps, digits, and a dot between them perhaps, at most
 * 15 digits altogether: that is quick, and exact. NaN for everything else, which may be a number all the same.
 */
export function parsePlainDecimal(bytes: Uint8Array, offset: number, length: number): number {
  const isNegative = length > 1 && bytes[offset] === MINUS;
  const first = isNegative ? offset + 1 : offset;
  const end = offset + length;
  let digits = 0;
  let value = 0;
  let dotAt = end;
  for (let at = first; at < end; at++) {
    const byte = bytes[at]!;
    if (byte === DOT && dotAt === end && at > first && at + 1 < end) dotAt = at;
    else if (byte >= ZERO && byte <= ZERO + 9 && ++digits <= SAFE_DIGITS) value = value * 10 + byte - ZERO;
    else return NaN;
  }
  if (digits === 0) return NaN;
  // Both are whole and small enough to be exact, so the division is rounded once, as it should be.
  if (dotAt < end) value /= POWERS[end - dotAt - 1]!;
  return isNegative ? -value : value;
}

const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
const INFINITE = /^[+-]?inf(?:inity)?$/i;
const HEXADECIMAL = /^([+-]?)0x([\da-f]*)\.?([\da-f]*)(?:p([+-]?\d+))?$/i;

/**
 * The double that the text spells; undefined when it spells none, is not a number, or is out of a double's range.
 *
 * What C's strtod reads is read: decimal and hexadecimal digits, an exponent, `inf`, `infinity`, a plus sign; nothing
 * may stand before or behind.
 * Source: string2d() in redis's util.c.
 */
export function parseDouble(text: string): number | undefined {
  if (DECIMAL.test(text)) {
    const value = Number(text);
    const isOutOfRange = !Number.isFinite(value) || (value === 0 && /^[^e]*[1-9]/i.test(text));
    return isOutOfRange ? undefined : value;
  }
  if (INFINITE.test(text)) return text.startsWith('-') ? -Infinity : Infinity;
  return parseHexadecimalDouble(text);
}

function parseHexadecimalDouble(text: string): number | undefined {
  const parts = hexadecimalParts(text);
  if (parts === undefined) return undefined;
  const { isNegative, digits, exponent } = parts;
  // Exact, but for results below the normal doubles, where both the digits and the product may be rounded.
  const value = Number(digits) * 2 ** exponent;
  if (!Number.isFinite(value) || (value === 0 && digits !== 0n)) return undefined;
  return isNegative ? -value : value;
}

/** A hexadecimal float as `digits` times 2 to the power of `exponent`; undefined when the text is none. */
export function hexadecimalParts(text: string): { isNegative: boolean; digits: bigint; exponent: number } | undefined {
  const match = HEXADECIMAL.exec(text);
  if (match === null) return undefined;
  const [, sign, whole, fraction, power] = match;
  if (whole === '' && fraction === '') return undefined;
  const exponent = Number(power ?? 0) - 4 * fraction!.length;
  return { isNegative: sign === '-', digits: BigInt(`0x${whole}${fraction}`), exponent };
}

/**
 * The double that C's strtod reads up to a zero byte or the end; undefined when something else stands behind it or
 * it is not a number. Blanks may stand in front, nothing at all is 0, and what is out of a double's range is infinite
 * or 0.
 */
export function parseLooseDouble(text: string): number | undefined {
  const read = text.split('\0', 1)[0]!;
  if (read === '') return 0;
  const spelt = read.replace(/^[ \t-\r]+/, '');
  return DECIMAL.test(spelt) ? Number(spelt) : parseDouble(spelt);
}

/** From here on JavaScript writes numbers with an exponent. */
const PLAIN_MAX = 1e21;

/**
 * A double with so many decimals, at least one, as C prints it: half-way cases go to the even digit.
 * Source: `%.nf` of C's printf.
 */
export function formatFixed(value: number, decimals: number): string {
  if (!Number.isFinite(value)) return formatDouble(value);
  if (Math.abs(value) >= PLAIN_MAX) return `${BigInt(value)}.${'0'.repeat(decimals)}`;
  if (Object.is(value, -0)) return `-${formatFixed(0, decimals)}`;
  const rounded = value.toFixed(decimals);
  const exact = value.toFixed(EXACT_DIGITS);
  const end = exact.indexOf('.') + 1 + decimals;
  const isHalfWay = exact[end] === '5' && /^50*$/.test(exact.slice(end));
  return isHalfWay && Number(exact[end - 1]) % 2 === 0 ? exact.slice(0, end) : rounded;
}

const DOUBLE_DIGITS = 17;
/** Digits enough to tell a double that lies half-way between two decimals from one that lies beside it. */
const EXACT_DIGITS = 100;

/**
 * A double as redis-server prints it in replies: 17 significant digits, zeros at the end left out, an exponent when it
 * is below -4 or above 16; `inf`, `-inf`, `nan`.
 *
 * Source: `%.17g` of C's printf, in addReplyDouble() of redis's networking.c.
 */
export function formatDouble(value: number): string {
  if (Number.isSafeInteger(value)) return Object.is(value, -0) ? '-0' : String(value);
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : value < 0 ? '-inf' : 'nan';
  const [mantissa, power] = significantDigits(value).split('e');
  const exponent = Number(power);
  const sign = value < 0 ? '-' : '';
  const digits = mantissa!.replace(/[-.]/g, '').replace(/0+$/, '');
  if (exponent < -4 || exponent >= DOUBLE_DIGITS) {
    const shown = String(Math.abs(exponent)).padStart(2, '0');
    return `${sign}${digits[0]}${digits.length > 1 ? '.' : ''}${digits.slice(1)}e${exponent < 0 ? '-' : '+'}${shown}`;
  }
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0');
  const fraction = digits.slice(exponent + 1);
  return sign + whole + (fraction === '' ? '' : `.${fraction}`);
}

/** The double rounded to 17 digits, half-way cases to the even digit as C does; JavaScript rounds those up. */
function significantDigits(value: number): string {
  const rounded = value.toExponential(DOUBLE_DIGITS - 1);
  const exact = value.toExponential(EXACT_DIGITS);
  const dot = exact.indexOf('.');
  const rest = exact.slice(dot + DOUBLE_DIGITS, exact.indexOf('e'));
  const isHalfWay = rest.startsWith('5') && /^50*$/.test(rest);
  if (!isHalfWay) return rounded;
  const kept = exact.slice(0, dot + DOUBLE_DIGITS);
  const isEven = Number(kept.at(-1)) % 2 === 0;
  return isEven ? kept + exact.slice(exact.indexOf('e')) : rounded;
}

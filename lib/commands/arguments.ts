/**
 * Readers of arguments: from a request's bytes to the number or the option that a handler wants, or the error that
 * redis-server gives. Every family reads its numbers here, so that the same wrong argument has the same reply
 * everywhere.
 */
import type { Context } from './context.js';
import { CommandError, invalidExpire, notAFloat, notAnInteger, outOfRange, outOfRangeBetween, valueTooLong } from '../errors.js';
import type { Args } from '../protocol/args.js';
import { INT64_MAX, INT64_MIN, narrow, parseDouble, parseInteger, parsePlainDecimal, parseShortInteger } from '../util/numbers.js';

/**
 * Argument `index` as an int64: a number when it is a safe one, otherwise a BigInt.
 * Throws notAnInteger(), or what `error` makes.
 */
export function readExactInteger(args: Args, index: number, error: () => CommandError = notAnInteger): number | bigint {
  const value = parseInteger(args.bytes, args.offsets[index]!, args.lengths[index]!);
  if (value === undefined) throw error();
  return value;
}

/**
 * As `readExactInteger`, but always a number: beyond 2 ** 53 the nearest one. For positions, counts and limits, which
 * are cut to the size of something real before they are used.
 */
export function readInteger(args: Args, index: number, error: () => CommandError = notAnInteger): number {
  const short = parseShortInteger(args.bytes, args.offsets[index]!, args.lengths[index]!);
  return short === short ? short : Number(readExactInteger(args, index, error));
}

/** An integer from `min` to `max`. Throws notAnInteger() or outOfRangeBetween(). See getRangeLongFromObjectOrReply. */
export function readIntegerBetween(
  args: Args, index: number, min: number | bigint, max: number | bigint,
): number {
  const value = readExactInteger(args, index);
  if (value < min || value > max) throw outOfRangeBetween(min, max);
  return Number(value);
}

/**
 * An integer from 0 on. Throws outOfRange(), or what `error` makes, for everything else.
 * Source: getPositiveLongFromObjectOrReply.
 */
export function readCount(args: Args, index: number, error: () => CommandError = outOfRange): number {
  const value = readInteger(args, index, error);
  if (value < 0) throw error();
  return value;
}

/** A double, infinities included. Throws notAFloat(), or what `error` makes. */
export function readDouble(args: Args, index: number, error: () => CommandError = notAFloat): number {
  const plain = parsePlainDecimal(args.bytes, args.offsets[index]!, args.lengths[index]!);
  if (plain === plain) return plain;
  const value = parseDouble(args.text(index));
  if (value === undefined) throw error();
  return value;
}

/** Throws valueTooLong() when the settings do not allow a string of so many bytes. */
export function checkStringLength(context: Context, bytes: number): void {
  if (bytes > context.node.settings.integer('proto-max-bulk-len')) throw valueTooLong();
}

/** What a time in a request counts. */
export interface TimeUnit {
  readonly ms: 1 | 1000;
  /** Counted from now on; otherwise since the epoch. */
  readonly isSpan: boolean;
}

export const SECONDS: TimeUnit = { ms: 1000, isSpan: true };
export const MILLISECONDS: TimeUnit = { ms: 1, isSpan: true };
export const UNIX_SECONDS: TimeUnit = { ms: 1000, isSpan: false };
export const UNIX_MILLISECONDS: TimeUnit = { ms: 1, isSpan: false };

/** Times up to here stay safe whatever is done with them. */
const EASY_TIME_MAX = 1e12;
/** The largest moment that a number can hold and an int64 too. */
const MOMENT_MAX = 2 ** 63 - 1024;

/**
 * The moment that argument `index` means, in milliseconds since the epoch; it may have passed, and may be negative.
 *
 * A number when it is a safe one, otherwise a BigInt. Throws notAnInteger(), and invalidExpire(command) when the moment
 * is outside int64.
 * Source: expireGenericCommand() in redis's expire.c.
 */
export function readMoment(
  args: Args, index: number, unit: TimeUnit, nowMs: number, command: string,
): number | bigint {
  return momentOf(readExactInteger(args, index), unit, nowMs, command);
}

/**
 * As `readMoment`, for an expiry that must lie after the epoch, and a span that must be above 0. Moments beyond
 * 2 ** 53 (the year 287,396) are the nearest number.
 * Source: getExpireMillisecondsOrReply() in redis's t_string.c.
 */
export function readExpiry(args: Args, index: number, unit: TimeUnit, nowMs: number, command: string): number {
  const time = readExactInteger(args, index);
  if (time <= 0) throw invalidExpire(command);
  return rounded(momentOf(time, unit, nowMs, command));
}

function momentOf(time: number | bigint, unit: TimeUnit, nowMs: number, command: string): number | bigint {
  const fromMs = unit.isSpan ? nowMs : 0;
  if (typeof time === 'number' && Math.abs(time) <= EASY_TIME_MAX) return time * unit.ms + fromMs;
  const moment = BigInt(time) * BigInt(unit.ms) + BigInt(fromMs);
  if (moment > INT64_MAX || BigInt(time) * BigInt(unit.ms) < INT64_MIN) throw invalidExpire(command);
  return narrow(moment);
}

/** A moment as a request has it. */
export function momentText(moment: number | bigint): string {
  return String(BigInt(moment));
}

function rounded(moment: number | bigint): number {
  return typeof moment === 'number' ? moment : Math.min(Number(moment), MOMENT_MAX);
}

/**
 * The unit that argument `index` names when it is one of EX, PX, EXAT and PXAT in any case; otherwise undefined.
 */
export function readTimeUnit(args: Args, index: number): TimeUnit | undefined {
  const length = args.lengths[index]!;
  if (length === 2) {
    if (args.is(index, 'EX')) return SECONDS;
    if (args.is(index, 'PX')) return MILLISECONDS;
  } else if (length === 4) {
    if (args.is(index, 'EXAT')) return UNIX_SECONDS;
    if (args.is(index, 'PXAT')) return UNIX_MILLISECONDS;
  }
  return undefined;
}

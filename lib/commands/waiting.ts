/** What the commands that wait have in common: their timeout, and the names that they wait for. */
import { readExactInteger } from './arguments.js';
import type { Context } from './context.js';
import { timeoutIsNegative, timeoutNotAFloat, timeoutNotAnInteger } from '../errors.js';
import type { Args } from '../protocol/args.js';
import { parseLongDouble } from '../util/long-double.js';
import { INT64_MAX } from '../util/numbers.js';

/** So many digits of a double are the same as in the wider floats that redis-server reckons with. */
const SURE_DIGITS = 15;

/**
 * The moment when a wait ends, for `Wait.untilMs`: argument `index` counts seconds, with a fraction.
 * Throws timeoutNotAFloat() and timeoutIsNegative().
 * Source: getTimeoutFromObjectOrReply() in redis's timeout.c.
 */
export function readTimeout(context: Context, args: Args, index: number): number {
  const read = parseLongDouble(args.text(index));
  if (read === undefined) throw timeoutNotAFloat();
  const seconds = read.isInfinite ? Number(read.significand) * Infinity : Number(read.significand) * 2 ** read.exponent;
  const ms = Math.ceil(Number((seconds * 1000).toPrecision(SURE_DIGITS)));
  return momentAfter(context, ms);
}

/** As `readTimeout`, in whole milliseconds. Throws timeoutNotAnInteger() and timeoutIsNegative(). */
export function readTimeoutMs(context: Context, args: Args, index: number): number {
  const ms = readExactInteger(args, index, timeoutNotAnInteger);
  if (ms < 0) throw timeoutIsNegative();
  return ms > 0 ? context.node.clock.nowMs() + Number(ms) : 0;
}

/** What does not fit in an int64 counts as negative. */
function momentAfter(context: Context, ms: number): number {
  if (ms < 0 || ms >= Number(INT64_MAX)) throw timeoutIsNegative();
  return ms > 0 ? context.node.clock.nowMs() + ms : 0;
}

/** The arguments from `from` up to `end` as `Wait.keys`. */
export function namesOf(args: Args, from: number, end: number): string[] {
  return Array.from({ length: end - from }, (_each, index) => args.text(from + index));
}

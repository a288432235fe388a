/** The arguments that the commands about the expiry of fields share. */
import { type TimeUnit, readExactInteger } from './arguments.js';
import {
  CommandError, fieldTimeIsNegative, fieldsArgumentMissing, invalidExpire, numfieldsMismatch, wrongArity,
} from '../errors.js';
import type { Args } from '../protocol/args.js';

/** The latest moment that is taken: Redis keeps two bits of 48 for later. */
const MOMENT_MS_MAX = 2 ** 46 - 1;
const INT_MAX = 2 ** 31 - 1;

/**
 * A moment in milliseconds since the epoch, from a span or a moment in seconds or milliseconds. Throws notAnInteger(),
 * fieldTimeIsNegative() and invalidExpire(). Source: parseExpireTime() in redis's t_hash.c (8.0).
 */
export function readFieldMoment(args: Args, index: number, unit: TimeUnit, nowMs: number, command: string): number {
  const given = readExactInteger(args, index);
  if (given < 0) throw fieldTimeIsNegative();
  if (given > MOMENT_MS_MAX / unit.ms) throw invalidExpire(command);
  const moment = Number(given) * unit.ms + (unit.isSpan ? nowMs : 0);
  if (moment > MOMENT_MS_MAX) throw invalidExpire(command);
  return moment;
}

/**
 * Reads `FIELDS numfields field ...`, which takes up the rest of the request from `at` on, and gives the index of the
 * first field. Throws fieldsArgumentMissing(), `badNumber()` and numfieldsMismatch().
 */
export function readFields(args: Args, at: number, badNumber: () => CommandError): number {
  if (at >= args.count || !args.is(at, 'FIELDS')) throw fieldsArgumentMissing();
  if (at + 1 >= args.count) throw badNumber();
  const count = readExactInteger(args, at + 1, badNumber);
  if (count < 1) throw badNumber();
  if (count !== args.count - at - 2) throw numfieldsMismatch();
  return at + 2;
}

/** As `readFields` where values follow the fields. Throws wrongArity() and `badNumber()`. */
export function readFieldsWithValues(args: Args, at: number, command: string, badNumber: () => CommandError): number {
  if (at >= args.count - 3) throw wrongArity(command);
  const count = readExactInteger(args, at + 1, badNumber);
  if (count < 1 || count > INT_MAX) throw badNumber();
  if (Number(count) * 2 !== args.count - at - 2) throw wrongArity(command);
  return at + 2;
}

/**
 * The arguments that the SCAN family shares: the cursor and the options behind it. What a cursor means belongs to the
 * command; to clients it is a number in digits, and 0 begins and ends.
 */
import { readInteger } from './arguments.js';
import { invalidCursor, syntaxError } from '../errors.js';
import type { Args } from '../protocol/args.js';
import type { Slice } from '../util/bytes.js';
import { matchesGlob } from '../util/glob.js';

const CURSOR_LIMIT = 2n ** 64n;
const COUNT_DEFAULT = 10;
const STAR = 0x2a;

/**
 * The cursor at `index`, below 2 ** 64. As redis-server reads it: a sign may stand in front, and what follows a zero
 * byte is not looked at. Throws invalidCursor().
 * Source: parseScanCursorOrReply() in redis's db.c.
 */
export function readScanCursor(args: Args, index: number): bigint {
  const text = args.text(index).split('\0', 1)[0]!;
  if (text === '') return 0n;
  const match = /^([+-]?)(\d+)$/.exec(text);
  const value = match ? BigInt(match[2]!) : CURSOR_LIMIT;
  if (value >= CURSOR_LIMIT) throw invalidCursor();
  return match![1] === '-' ? BigInt.asUintN(64, -value) : value;
}

export interface ScanOptions {
  /** How many elements the client would like to have looked at. */
  count: number;
  /** Undefined when everything matches. */
  pattern: Slice | undefined;
}

/**
 * The options COUNT and MATCH from argument `from` on. `readOther` is asked about any other word, and gives how many
 * arguments it took, 0 for a word that it does not know. Throws syntaxError() and notAnInteger().
 */
export function readScanOptions(
  args: Args, from: number, readOther: (index: number) => number = () => 0,
): ScanOptions {
  const options: ScanOptions = { count: COUNT_DEFAULT, pattern: undefined };
  for (let index = from; index < args.count; ) {
    const hasValue = index + 1 < args.count;
    if (hasValue && args.is(index, 'COUNT')) {
      options.count = readInteger(args, index + 1);
      if (options.count < 1) throw syntaxError();
      index += 2;
    } else if (hasValue && args.is(index, 'MATCH')) {
      const pattern = args.slice(index + 1);
      options.pattern = isLoneStar(pattern) ? undefined : pattern;
      index += 2;
    } else {
      const taken = readOther(index);
      if (taken === 0) throw syntaxError();
      index += taken;
    }
  }
  return options;
}

/** The pattern `*` alone stands for "no pattern": it lets even the empty text through. */
function isLoneStar(pattern: Slice): boolean {
  return pattern.length === 1 && pattern.bytes[pattern.offset] === STAR;
}

/** Whether `text` gets through MATCH. */
export function passes(options: ScanOptions, text: Slice): boolean {
  return options.pattern === undefined || matchesGlob(options.pattern, text);
}

/** The two ends of a range of a sorted set, as commands write them: `1.5`, `(1.5`, `-inf`; `[a`, `(a`, `-`, `+`. */
import { badMemberRange, badScoreRange } from '../errors.js';
import type { Args } from '../protocol/args.js';
import { type MemberEnd, MemberRange, type ScoreEnd, ScoreRange } from '../store/sorted-set-range.js';
import { parseLooseDouble, parsePlainDecimal } from '../util/numbers.js';
import { Slice } from '../util/bytes.js';

/**
 * A range by score with the ends at arguments `min` and `max`. Throws badScoreRange().
 * Source: zslParseRange() in redis's t_zset.c.
 */
export function readScoreRange(args: Args, min: number, max: number): ScoreRange {
  return new ScoreRange(readScoreEnd(args, min), readScoreEnd(args, max));
}

function readScoreEnd(args: Args, index: number): ScoreEnd {
  const plain = parsePlainDecimal(args.bytes, args.offsets[index]!, args.lengths[index]!);
  if (plain === plain) return { score: plain, isOutside: false };
  const text = args.text(index);
  const isOutside = text.startsWith('(');
  const score = parseLooseDouble(isOutside ? text.slice(1) : text);
  if (score === undefined) throw badScoreRange();
  return { score, isOutside };
}

const PLUS = 0x2b;
const MINUS = 0x2d;
const ROUND = 0x28;
const SQUARE = 0x5b;

/**
 * A range by member with the ends at arguments `min` and `max`. Throws badMemberRange().
 * Source: zslParseLexRange() in redis's t_zset.c.
 */
export function readMemberRange(args: Args, min: number, max: number): MemberRange {
  return new MemberRange(readMemberEnd(args, min), readMemberEnd(args, max));
}

function readMemberEnd(args: Args, index: number): MemberEnd {
  const { bytes, offset, length } = args.slice(index);
  // The end of an argument reads as a zero byte, as in C.
  const first = length > 0 ? bytes[offset] : 0;
  const isAlone = length === 1 || (length > 1 && bytes[offset + 1] === 0);
  if (first === ROUND || first === SQUARE) {
    return { member: new Slice().set(bytes, offset + 1, length - 1), isOutside: first === ROUND };
  }
  if (first === PLUS && isAlone) return { member: 'last', isOutside: false };
  if (first === MINUS && isAlone) return { member: 'first', isOutside: false };
  throw badMemberRange();
}

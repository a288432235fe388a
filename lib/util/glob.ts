/**
 * Glob patterns over bytes, as KEYS, SCAN, HSCAN, PSUBSCRIBE and CONFIG GET take them.
 *
 *     *          any bytes, none included
 *     ?          one byte
 *     [abc] [^abc] [a-z]   one byte of (not of) these; a range may stand the wrong way round
 *     \x         the byte x itself
 *
 * The odd cases are redis-server's: a class that is not closed ends with the pattern, `[a-]` is a range from `a` to
 * `]`, bytes in a range compare as signed, an escaped byte in a class keeps its case, and nothing at all matches only
 * the empty pattern (`*` against an empty text is false; callers treat a lone `*` as "no pattern").
 *
 * Every part of a pattern but `*` takes exactly one byte. So when what follows a later `*` is found nowhere, it helps
 * nothing to let an earlier `*` take more, and only the last one is ever tried again: the work is at most the
 * product of the two lengths, whatever the pattern.
 */
import type { Slice } from './bytes.js';

const STAR = 0x2a;
const QUESTION = 0x3f;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const CARET = 0x5e;
const DASH = 0x2d;
const BACKSLASH = 0x5c;

/** Whether the whole of `text` matches `pattern`; `ignoresCase` folds A-Z. */
export function matchesGlob(pattern: Slice, text: Slice, ignoresCase = false): boolean {
  const patternBytes = pattern.bytes;
  const patternEnd = pattern.offset + pattern.length;
  const textEnd = text.offset + text.length;
  let p = pattern.offset;
  let t = text.offset;
  /** Where to go on when the part behind the last star does not match here; -1: there was no star. */
  let retryPattern = -1;
  let retryText = 0;
  while (t < textEnd) {
    if (p < patternEnd && patternBytes[p] === STAR) {
      while (p < patternEnd && patternBytes[p] === STAR) p++;
      if (p === patternEnd) return true;
      retryPattern = p;
      retryText = t;
      continue;
    }
    const next = p < patternEnd ? matchOne(patternBytes, p, patternEnd, text.bytes[t]!, ignoresCase) : -1;
    if (next >= 0) {
      p = next;
      t++;
    } else {
      if (retryPattern < 0) return false;
      p = retryPattern;
      t = ++retryText;
    }
  }
  // An empty text is matched by the empty pattern alone; behind any other, stars may be left.
  if (text.length > 0) while (p < patternEnd && patternBytes[p] === STAR) p++;
  return p === patternEnd;
}

/** The place behind the part of the pattern at `at` when it matches `byte`, else -1. */
function matchOne(pattern: Buffer, at: number, end: number, byte: number, ignoresCase: boolean): number {
  const first = pattern[at]!;
  if (first === QUESTION) return at + 1;
  if (first === OPEN) return matchClass(pattern, at + 1, end, byte, ignoresCase);
  const place = first === BACKSLASH && at + 1 < end ? at + 1 : at;
  return isSame(pattern[place]!, byte, ignoresCase) ? place + 1 : -1;
}

/** As `matchOne`, for a class whose inside begins at `start`. */
function matchClass(pattern: Buffer, start: number, end: number, byte: number, ignoresCase: boolean): number {
  const isNegated = start < end && pattern[start] === CARET;
  let at = isNegated ? start + 1 : start;
  let isIn = false;
  while (at < end && pattern[at] !== CLOSE) {
    if (pattern[at] === BACKSLASH && at + 1 < end) {
      if (pattern[at + 1] === byte) isIn = true;
      at += 2;
    } else if (at + 2 < end && pattern[at + 1] === DASH) {
      if (isInRange(pattern[at]!, pattern[at + 2]!, byte, ignoresCase)) isIn = true;
      at += 3;
    } else {
      if (isSame(pattern[at]!, byte, ignoresCase)) isIn = true;
      at++;
    }
  }
  if (isIn === isNegated) return -1;
  return at < end ? at + 1 : end;
}

function isSame(a: number, b: number, ignoresCase: boolean): boolean {
  return a === b || (ignoresCase && lower(a) === lower(b));
}

/** The ends are put in order before their case is folded, and bytes from 128 on count as negative. */
function isInRange(from: number, to: number, byte: number, ignoresCase: boolean): boolean {
  let low = signed(from);
  let high = signed(to);
  if (low > high) [low, high] = [high, low];
  if (!ignoresCase) return signed(byte) >= low && signed(byte) <= high;
  const folded = lower(signed(byte));
  return folded >= lower(low) && folded <= lower(high);
}

function lower(byte: number): number {
  return byte >= 65 && byte <= 90 ? byte + 32 : byte;
}

function signed(byte: number): number {
  return (byte << 24) >> 24;
}

/** Pushes that nodes send each other: flat arrays of bulk strings. */
import { encodeRequest } from './args.js';

const GREATER = 62;

const LF = 10;

/** A push of some strings. */
export function encodePush(parts: readonly string[]): Buffer {
  const push = encodeRequest(parts);
  push[0] = GREATER;
  return push;
}

/** The strings of a whole push, as parts of its bytes. */
export function readPush(bytes: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  let at = bytes.indexOf(LF) + 1;
  while (at < bytes.length) {
    const start = bytes.indexOf(LF, at) + 1;
    const length = Number(bytes.toString('latin1', at + 1, start - 2));
    parts.push(bytes.subarray(start, start + length));
    at = start + length + 2;
  }
  return parts;
}

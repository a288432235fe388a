/** Pushes that nodes send each other: flat arrays of bulk strings; reply-texts.ts reads them. */
import { encodeRequest } from './args.js';

const GREATER = 62;

/** A push of some strings. */
export function encodePush(parts: readonly string[]): Buffer {
  const push = encodeRequest(parts);
  push[0] = GREATER;
  return push;
}

/**
 * The requests that have arrived and are to run next: where their keys and members lie, so that the store can fetch
 * what they will look up (store/foresight.ts).
 *
 * It is a guess, and nothing hangs on it: the key is taken to be the first argument, a member of its bucket the second,
 * and the look ends at the first request that is not whole or not of the plain form. The decoder reads each of them
 * again, and strictly, when its turn has come.
 */

const CR = 13;
const DOLLAR = 36;
const STAR = 42;
const ZERO = 48;
/** Requests with more arguments are not looked at: it would cost more than it gains. */
const ARGS_MAX = 9;

/** So many at one time: what they need must still be in the processor's cache when their turn has come. */
export const AHEAD_MAX = 32;

const NOTHING = Buffer.alloc(0);

export class RequestsAhead {
  /** What the requests lie in. */
  bytes: Buffer = NOTHING;
  count = 0;
  readonly keyOffsets = new Int32Array(AHEAD_MAX);
  readonly keyLengths = new Int32Array(AHEAD_MAX);
  readonly memberOffsets = new Int32Array(AHEAD_MAX);
  /** -1 for a request that has no second argument. */
  readonly memberLengths = new Int32Array(AHEAD_MAX);

  /** Notes the requests in `bytes` from `start` up to `end`, and gives the place up to which they reach. */
  look(bytes: Buffer, start: number, end: number): number {
    this.bytes = bytes;
    this.count = 0;
    let at = start;
    while (this.count < AHEAD_MAX) {
      const next = this.lookAtOne(bytes, at, end);
      if (next === 0) break;
      at = next;
      this.count++;
    }
    return at;
  }

  /** Lets go of what was looked at: it may be large, and is somebody else's. */
  release(): void {
    this.bytes = NOTHING;
    this.count = 0;
  }

  /** Notes the request at `start` and gives the place behind it; 0 when it is not whole, or not of the plain form. */
  private lookAtOne(bytes: Buffer, start: number, end: number): number {
    if (start + 4 > end || bytes[start] !== STAR || bytes[start + 2] !== CR) return 0;
    const args = bytes[start + 1]! - ZERO;
    if (args < 2 || args > ARGS_MAX) return 0;
    this.memberLengths[this.count] = -1;
    let at = start + 4;
    for (let index = 0; index < args; index++) {
      if (at >= end || bytes[at] !== DOLLAR) return 0;
      let length = 0;
      for (at++; at < end && bytes[at] !== CR; at++) {
        const digit = bytes[at]! - ZERO;
        if (digit < 0 || digit > 9) return 0;
        length = length * 10 + digit;
        if (length > end) return 0;
      }
      at += 2;
      if (index === 1) {
        this.keyOffsets[this.count] = at;
        this.keyLengths[this.count] = length;
      } else if (index === 2) {
        this.memberOffsets[this.count] = at;
        this.memberLengths[this.count] = length;
      }
      at += length + 2;
      if (at > end) return 0;
    }
    return at;
  }
}

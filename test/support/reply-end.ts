/** Where a reply ends, for tests that hold its bytes. */
import { ReplyFramer } from '../../lib/protocol/reply-framer.js';

/** Where a reply that begins at `start` ends (exclusive); UNFINISHED when it goes on behind `end`, or NOT_RESP. */
export function replyEnd(bytes: Buffer, start: number, end: number): number {
  return new ReplyFramer().next(bytes, start, end);
}

/**
 * The reply framer: finds where one reply ends and the next begins, in RESP2 and RESP3, without decoding values. The
 * bytes of a reply can then be passed on as they came.
 *
 * An aggregate (array, map, set, push) is over when as many replies as it announced have passed; an attribute stands in
 * front of the reply that it belongs to and is framed with it.
 */

const CR = 13;

/** Where a reply that begins at `start` ends (exclusive), or -1 when it has not arrived whole by `end`. */
export function replyEnd(bytes: Buffer, start: number, end: number): number {
  let at = start;
  let wanted = 1;
  while (wanted > 0) {
    const lineEnd = endOfLine(bytes, at, end);
    if (lineEnd < 0) return -1;
    wanted--;
    switch (String.fromCharCode(bytes[at]!)) {
      case '$':
      case '=':
      case '!': {
        const length = numberAt(bytes, at + 1, lineEnd);
        at = length < 0 ? lineEnd : lineEnd + length + 2;
        if (at > end) return -1;
        break;
      }
      case '*':
      case '~':
      case '>':
        wanted += Math.max(0, numberAt(bytes, at + 1, lineEnd));
        at = lineEnd;
        break;
      case '%':
        wanted += 2 * numberAt(bytes, at + 1, lineEnd);
        at = lineEnd;
        break;
      case '|':
        wanted += 2 * numberAt(bytes, at + 1, lineEnd) + 1;
        at = lineEnd;
        break;
      default:
        at = lineEnd;
    }
  }
  return at;
}

/** The place behind the CRLF of the line that begins at `at`, or -1. */
function endOfLine(bytes: Buffer, at: number, end: number): number {
  const place = bytes.indexOf(CR, at);
  return place < 0 || place + 1 >= end ? -1 : place + 2;
}

function numberAt(bytes: Buffer, start: number, lineEnd: number): number {
  return Number(bytes.toString('latin1', start, lineEnd - 2));
}

/** Reads a push that a peer has sent: a flat array of bulk strings. */

const LF = 10;

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

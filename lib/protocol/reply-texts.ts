/** Reads a reply, or a push of a peer, for the texts in it, without decoding what they are nested in. */

const LF = 10;
const DOLLAR = 36;
/** Behind these the rest of the line is a text: `+`, `:`, `,`. */
const LINES = [43, 58, 44];

/** The bulk strings, status lines and numbers of a whole reply, in their order, as parts of its bytes. */
export function textsOf(reply: Buffer): Buffer[] {
  const texts: Buffer[] = [];
  for (let at = 0; at < reply.length; ) {
    const kind = reply[at]!;
    const line = at + 1;
    at = reply.indexOf(LF, line) + 1;
    if (LINES.includes(kind)) texts.push(reply.subarray(line, at - 2));
    if (kind !== DOLLAR) continue;
    const length = Number(reply.toString('latin1', line, at - 2));
    if (length < 0) continue;
    texts.push(reply.subarray(at, at + length));
    at += length + 2;
  }
  return texts;
}

/**
 * A range: an interval of routing names, as the setting `shards` writes it. `a-m` is every name from `a...` up to and
 * including `m...`; `x` is every name that begins with x; `*` is what no other range takes.
 */

/** A mistake in the settings `nodes` or `shards`: the text names the entry and says what to do about it. */
export class ShardMapError extends Error {}

export interface Range {
  /** As it was written. */
  text: string;
  /** The lowest name. */
  from: Buffer;
  /** The lowest name above it; undefined when there is none. */
  to: Buffer | undefined;
}

/** The range that takes what no other takes. */
export const REST = '*';

/**
 * Reads a range that is not `*`. Bytes other than printable ASCII, and `- , = \` and the blank, are written `\xHH`.
 * Throws ShardMapError for what is empty, malformed or reversed.
 */
export function parseRange(text: string): Range {
  if (text === '') throw new ShardMapError(`the range is empty: write what it covers, as in 'a-m', or '*' for the rest`);
  const ends = readEnds(text);
  if (ends.length > 2 || ends.some((each) => each.length === 0)) {
    throw new ShardMapError(`'${text}' is not a range: write 'a-m', 'x' or '*', and a dash in a name as \\x2d`);
  }
  const from = Buffer.from(ends[0]!);
  const last = Buffer.from(ends[1] ?? ends[0]!);
  const to = above(last);
  if (to !== undefined && from.compare(to) >= 0) {
    throw new ShardMapError(`'${text}' is reversed: its first name is above its last; write it as '${reversed(text)}'`);
  }
  return { text, from, to };
}

function reversed(text: string): string {
  return text.split('-').reverse().join('-');
}

/** The names on both sides of the dash, as bytes. */
function readEnds(text: string): number[][] {
  const ends: number[][] = [[]];
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!;
    const end = ends[ends.length - 1]!;
    if (char === '-') ends.push([]);
    else if (char === '\\') {
      const hex = /^x([0-9a-f]{2})/i.exec(text.slice(at + 1));
      if (hex === null) throw new ShardMapError(`'${text}' is not a range: behind a backslash stands xHH, as in '\\x5c'`);
      end.push(parseInt(hex[1]!, 16));
      at += 3;
    } else if (char > ' ' && char <= '~') end.push(char.charCodeAt(0));
    else throw new ShardMapError(`${JSON.stringify(text)} is not a range: write bytes that are not printable ASCII as \\xHH`);
  }
  return ends;
}

/** The lowest name that is above every name that begins with `prefix`; undefined when there is none. */
function above(prefix: Buffer): Buffer | undefined {
  let length = prefix.length;
  while (length > 0 && prefix[length - 1] === 0xff) length--;
  if (length === 0) return undefined;
  const next = Buffer.from(prefix.subarray(0, length));
  next[length - 1]!++;
  return next;
}

/** A name as it stands in messages: in double quotes, bytes that are not printable as `\xHH`. */
export function quoted(name: Buffer | string): string {
  const text = typeof name === 'string' ? name : name.toString('latin1');
  const shown = text.length > 128 ? `${text.slice(0, 128)}...` : text;
  return `"${shown.replace(/[^ !#-[\]-~]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`)}"`;
}

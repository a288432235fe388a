/**
 * The grammar of the line protocol: what a line means as a request, and what a reply looks like as lines.
 *
 *     PUT shopping milk 1   ->   BUCKET PUT shopping milk 1   ->   +OK   ->   OK
 *
 * Each verb is the `BUCKET` subcommand of the same name (commands/bucket-entry.ts), so a line runs through the same
 * gate, router and handlers as a request from redis-cli, and only RESP travels between nodes. The translation of a
 * reply looks at the reply's bytes alone: it is the same whether they were made here or come later from a peer.
 *
 * SUBSCRIBE asks for an entry without a name, which tells whether the bucket is there; what follows from the reply is
 * line-connection.ts's.
 *
 * Words are parted by white space: the characters that Unicode parts lines at, known by their UTF-8 bytes. The
 * no-break spaces are not among them, and bytes that are no UTF-8 belong to a word like any others.
 */
import type { LineReader } from './line-reader.js';
import type { Args } from '../protocol/args.js';
import { copyBytes } from '../util/bytes.js';

const WORDS_MAX = 4;
const REQUEST_KEPT_BYTES = 16 * 1024;
/** What a request costs beyond its words: `$<length>\r\n` and `\r\n` for three of them. */
const FRAMING_BYTES = 3 * 16;

interface Verb {
  word: Buffer;
  /** How many words a line with this verb has. */
  words: number;
  /** The request as RESP as far as it is the same for every line: its count, `BUCKET` and the subcommand. */
  head: Buffer;
  subcommandOffset: number;
  subcommandLength: number;
}

function verb(word: string, words: number, subcommand = word, argCount = words + 1): Verb {
  const start = `*${argCount}\r\n$6\r\nBUCKET\r\n$${subcommand.length}\r\n`;
  return {
    word: Buffer.from(word), words, head: Buffer.from(`${start}${subcommand}\r\n`), subcommandOffset: start.length,
    subcommandLength: subcommand.length,
  };
}

const SUBSCRIBE = verb('SUBSCRIBE', 2, 'GET', 4);
const verbs: readonly Verb[] = [verb('GET', 3), verb('PUT', 4), verb('DELETE', 3), verb('CREATE', 2), SUBSCRIBE];
const EMPTY_FIELD = '$0\r\n\r\n';
/** Behind `*n\r\n$6\r\n`. */
const BUCKET_OFFSET = 8;

export class LineGrammar {
  private readonly offsets = new Int32Array(WORDS_MAX);
  private readonly lengths = new Int32Array(WORDS_MAX);
  /** The line that was read last asks for a subscription. */
  isSubscription = false;
  private request = Buffer.allocUnsafeSlow(1024);

  /** Fills `args` with the request that the reader's line means. False when it means none. */
  read(line: LineReader, args: Args): boolean {
    const words = this.split(line.bytes, line.start, line.end);
    const found = verbs.find((each) => each.words === words && this.isWord(line.bytes, 0, each.word));
    this.isSubscription = found === SUBSCRIBE;
    if (found === undefined) return false;
    this.write(line.bytes, found, args);
    return true;
  }

  /** Finds the words of a line and gives their number; those behind the fourth are counted as one. */
  private split(bytes: Buffer, start: number, end: number): number {
    let count = 0;
    let at = start;
    for (;;) {
      for (let blank = blankAt(bytes, at, end); blank > 0; blank = blankAt(bytes, at, end)) at += blank;
      if (at >= end) return count;
      if (count === WORDS_MAX) return count + 1;
      const wordStart = at;
      while (at < end && blankAt(bytes, at, end) === 0) at++;
      this.offsets[count] = wordStart;
      this.lengths[count++] = at - wordStart;
    }
  }

  private isWord(bytes: Buffer, index: number, word: Buffer): boolean {
    if (this.lengths[index] !== word.length) return false;
    const offset = this.offsets[index]!;
    for (let i = 0; i < word.length; i++) if (bytes[offset + i] !== word[i]) return false;
    return true;
  }

  /** Writes the request as RESP, so that it can also be sent to a peer as it stands. */
  private write(bytes: Buffer, verb: Verb, args: Args): void {
    const { head, words } = verb;
    let size = head.length + FRAMING_BYTES;
    for (let i = 1; i < words; i++) size += this.lengths[i]!;
    this.makeRoom(size);
    const { request } = this;
    copyBytes(head, 0, request, 0, head.length);
    args.clear();
    args.push(BUCKET_OFFSET, 6);
    args.push(verb.subcommandOffset, verb.subcommandLength);
    let at = head.length;
    for (let i = 1; i < words; i++) {
      const length = this.lengths[i]!;
      at += request.write(`$${length}\r\n`, at, 'latin1');
      args.push(at, length);
      copyBytes(bytes, this.offsets[i]!, request, at, length);
      at += length;
      request[at++] = 13;
      request[at++] = 10;
    }
    if (verb === SUBSCRIBE) {
      args.push(at + EMPTY_FIELD.indexOf('\n') + 1, 0);
      at += request.write(EMPTY_FIELD, at, 'latin1');
    }
    args.bytes = request;
    args.start = 0;
    args.end = at;
  }

  private makeRoom(size: number): void {
    if (size > this.request.length || this.request.length > REQUEST_KEPT_BYTES) {
      this.request = Buffer.allocUnsafeSlow(Math.max(size, 1024));
    }
  }
}

/** How many bytes the white-space character at `at` has; 0 when there is none. */
function blankAt(bytes: Buffer, at: number, end: number): number {
  if (at >= end) return 0;
  const first = bytes[at]!;
  if (first === 0x20 || (first >= 0x09 && first <= 0x0d)) return 1;
  if (first < 0xc2 || first > 0xe3) return 0;
  const second = at + 1 < end ? bytes[at + 1]! : 0;
  // U+0085.
  if (first === 0xc2) return second === 0x85 ? 2 : 0;
  const third = at + 2 < end ? bytes[at + 2]! : 0;
  switch ((first << 8) | second) {
    case 0xe19a: // U+1680
    case 0xe380: // U+3000
      return third === 0x80 ? 3 : 0;
    case 0xe280: // U+2000 to 2006, 2008 to 200A, 2028 and 2029
      return (third >= 0x80 && third <= 0x8a && third !== 0x87) || third === 0xa8 || third === 0xa9 ? 3 : 0;
    case 0xe281: // U+205F
      return third === 0x9f ? 3 : 0;
    default:
      return 0;
  }
}

// ---- replies

const OK = Buffer.from('OK\r\n');
const NO_VALUE = Buffer.from('\r\nOK\r\n');
const NOT_FOUND = Buffer.from('NOT FOUND\r\n');
export const UNKNOWN_COMMAND = Buffer.from('UNKNOWN COMMAND\r\n');

const DOLLAR = 36;
const MINUS = 45;
const LF = 10;

/** The line that says an error. */
export function errorLine(text: string): Buffer {
  return Buffer.from(`ERROR ${text}\r\n`, 'latin1');
}

/**
 * The lines that say what a RESP2 reply says. A bulk string gives its bytes on a line and OK, a null an empty line and
 * OK, a status or an integer OK, and an error NOT FOUND or a line with its text.
 */
export function linesOf(reply: readonly Buffer[]): Buffer[] {
  const first = reply[0]!;
  if (first[0] === MINUS) return [lineOfError(reply)];
  if (first[0] !== DOLLAR) return [OK];
  const headEnd = first.indexOf(LF) + 1;
  if (headEnd === 0) return linesOf([Buffer.concat(reply)]);
  if (first[1] === MINUS) return [NO_VALUE];
  return [first.subarray(headEnd), ...reply.slice(1), OK];
}

/** `ERR`, `WRONGTYPE` and `NOBUCKET` say nothing to a person; other code words stay in front of their text. */
function lineOfError(reply: readonly Buffer[]): Buffer {
  const text = Buffer.concat(reply).toString('latin1').slice(1, -2);
  if (text.startsWith('NOBUCKET ')) return NOT_FOUND;
  return errorLine(text.replace(/^(ERR|WRONGTYPE) /, ''));
}

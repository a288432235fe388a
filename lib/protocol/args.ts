/**
 * One decoded request: its arguments as places in a buffer, the command's name included. Nothing is copied; the
 * arguments are valid until the handler returns. The decoder fills one `Args` again and again.
 */
import { Slice } from '../util/bytes.js';

const INITIAL_ARGS = 16;
/** Room that a huge request may leave behind for the next one. */
const KEPT_ARGS_MAX = 1024;

export class Args {
  bytes: Buffer = Buffer.alloc(0);
  /** How many arguments there are, the command's name included. */
  count = 0;
  offsets = new Int32Array(INITIAL_ARGS);
  lengths = new Int32Array(INITIAL_ARGS);
  /** The request as it came (or, for an inline request, as RESP) is `bytes` from `start` to `end`. */
  start = 0;
  end = 0;

  private readonly slices: Slice[] = [];

  push(offset: number, length: number): void {
    if (this.count === this.offsets.length) this.grow();
    this.offsets[this.count] = offset;
    this.lengths[this.count++] = length;
  }

  /** Begins a new request, and lets go of the room that a huge one took. */
  clear(): void {
    this.count = 0;
    if (this.offsets.length > KEPT_ARGS_MAX) {
      this.offsets = new Int32Array(INITIAL_ARGS);
      this.lengths = new Int32Array(INITIAL_ARGS);
      this.slices.length = 0;
    }
  }

  /** The same places in an `Args` of its own. */
  fork(): Args {
    const fork = new Args();
    fork.offsets = this.offsets.slice();
    fork.lengths = this.lengths.slice();
    fork.count = this.count;
    return fork;
  }

  private grow(): void {
    const offsets = new Int32Array(this.offsets.length * 2);
    const lengths = new Int32Array(this.lengths.length * 2);
    offsets.set(this.offsets);
    lengths.set(this.lengths);
    this.offsets = offsets;
    this.lengths = lengths;
  }

  /** Argument `index` as a slice. Each index has one slice object, used again for the next request. */
  slice(index: number): Slice {
    const slice = (this.slices[index] ??= new Slice());
    return slice.set(this.bytes, this.offsets[index]!, this.lengths[index]!);
  }

  /** Argument `index` as text, one char a byte. */
  text(index: number): string {
    const offset = this.offsets[index]!;
    return this.bytes.toString('latin1', offset, offset + this.lengths[index]!);
  }

  /** The first bytes of argument `index` as text; an argument may be longer than a string can be. */
  textStart(index: number, byteCountMax: number): string {
    const offset = this.offsets[index]!;
    return this.bytes.toString('latin1', offset, offset + Math.min(this.lengths[index]!, byteCountMax));
  }

  /** Argument `index` in a buffer of its own. */
  copy(index: number): Buffer {
    const offset = this.offsets[index]!;
    return Buffer.from(this.bytes.subarray(offset, offset + this.lengths[index]!));
  }

  /** Whether argument `index` is this word in any case. `word` is in capitals. */
  is(index: number, word: string): boolean {
    const length = this.lengths[index]!;
    if (length !== word.length) return false;
    const offset = this.offsets[index]!;
    for (let i = 0; i < length; i++) {
      const byte = this.bytes[offset + i]!;
      if ((byte >= 97 && byte <= 122 ? byte - 32 : byte) !== word.charCodeAt(i)) return false;
    }
    return true;
  }

  /** The request as RESP in a buffer of its own. */
  raw(): Buffer {
    return Buffer.from(this.bytes.subarray(this.start, this.end));
  }
}

/** A request made here rather than received, as RESP; strings are taken as latin1. */
export function encodeRequest(parts: readonly (string | Buffer)[]): Buffer {
  return setArgs(new Args(), parts).bytes;
}

/** Fills `args` with a request made here rather than received; strings are taken as latin1. */
export function setArgs(args: Args, parts: readonly (string | Buffer)[]): Args {
  const pieces: Buffer[] = [];
  let at = 0;
  const add = (piece: Buffer): void => {
    pieces.push(piece);
    at += piece.length;
  };
  args.clear();
  add(Buffer.from(`*${parts.length}\r\n`));
  for (const part of parts) {
    const bytes = typeof part === 'string' ? Buffer.from(part, 'latin1') : part;
    add(Buffer.from(`$${bytes.length}\r\n`));
    args.push(at, bytes.length);
    add(bytes);
    add(CRLF);
  }
  args.bytes = Buffer.concat(pieces);
  args.start = 0;
  args.end = at;
  return args;
}

const CRLF = Buffer.from('\r\n');

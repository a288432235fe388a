/**
 * The reply framer: finds where one reply ends and the next begins, in RESP2 and RESP3, without decoding values. The
 * bytes of a reply can then be passed on as they came. It stands where replies of peers come in.
 *
 * It keeps its place between chunks, so every byte is looked at once however a reply is cut; the body of a bulk string
 * is stepped over. An aggregate (array, map, set, push) is over when as many replies as it announced have passed; an
 * attribute stands in front of the reply that it belongs to and is framed with it.
 */

/** The reply goes on in the next chunk. */
export const UNFINISHED = -1;
/** The bytes are not RESP. */
export const NOT_RESP = -2;
/** A push begins, which is no reply. */
export const PUSH = -3;

const LF = 10;
const CR = 13;
const MINUS = 45;
const ZERO = 48;

/** What a line's first byte makes of it. */
const LINE = 1;
const BULK = 2;
const AGGREGATE = 3;
const PAIRS = 4;
const ATTRIBUTE = 5;
/** Framed as an aggregate. */
const PUSHED = -1;

const KINDS = new Int8Array(256);
for (const [marks, kind] of [['+-:_,#(', LINE], ['$=!', BULK], ['*~', AGGREGATE], ['>', PUSHED], ['%', PAIRS], ['|', ATTRIBUTE]] as const) {
  for (const mark of marks) KINDS[mark.charCodeAt(0)] = kind;
}

export class ReplyFramer {
  /** Replies that must still pass before the outermost is over; 0 between replies. */
  private wanted = 0;
  /** Bytes of a bulk string's body, its line end included, that must still pass. */
  private bodyBytes = 0;
  /** The kind of the line that is being read; 0 between lines. */
  private kind = 0;
  /** The number in that line so far. */
  private number = 0;
  private isNegative = false;

  /** With `separatesPushes`, one that stands between replies is not taken for a reply. */
  constructor(private readonly separatesPushes = false) {}

  /**
   * Where the reply that begins, or goes on, at `at` ends (exclusive): at most `end`. UNFINISHED when it goes on behind
   * `end`: then call again with the bytes that follow. NOT_RESP when it cannot be a reply. PUSH when one begins at `at`
   * and is to be read apart.
   */
  next(bytes: Buffer, at: number, end: number): number {
    let place = at;
    if (this.wanted === 0) this.wanted = 1;
    while (this.wanted > 0) {
      if (this.bodyBytes > 0) {
        if (this.bodyBytes > end - place) {
          this.bodyBytes -= end - place;
          return UNFINISHED;
        }
        place += this.bodyBytes;
        this.bodyBytes = 0;
        this.wanted--;
        continue;
      }
      if (this.kind === 0) {
        if (place >= end) return UNFINISHED;
        this.kind = KINDS[bytes[place++]!]!;
        if (this.kind <= 0) {
          if (this.kind === 0) return NOT_RESP;
          if (this.separatesPushes && this.wanted === 1 && place === at + 1) {
            this.wanted = this.kind = 0;
            return PUSH;
          }
          this.kind = AGGREGATE;
        }
        this.number = 0;
        this.isNegative = false;
      }
      place = this.kind === LINE ? lineEnd(bytes, place, end) : this.readNumber(bytes, place, end);
      if (place < 0) return place;
      this.endLine();
    }
    return place;
  }

  /** Reads a length up to behind its line end. */
  private readNumber(bytes: Buffer, at: number, end: number): number {
    for (let place = at; place < end; place++) {
      const byte = bytes[place]!;
      if (byte >= ZERO && byte <= 57) this.number = this.number * 10 + byte - ZERO;
      else if (byte === LF) return place + 1;
      else if (byte === MINUS) this.isNegative = true;
      else if (byte !== CR) return NOT_RESP;
    }
    return UNFINISHED;
  }

  private endLine(): void {
    const count = this.isNegative ? 0 : this.number;
    switch (this.kind) {
      case BULK:
        // A null bulk string has no body.
        if (this.isNegative) this.wanted--;
        else this.bodyBytes = count + 2;
        break;
      case AGGREGATE:
        this.wanted += count - 1;
        break;
      case PAIRS:
        this.wanted += 2 * count - 1;
        break;
      case ATTRIBUTE:
        this.wanted += 2 * count;
        break;
      default:
        this.wanted--;
    }
    this.kind = 0;
  }
}

function lineEnd(bytes: Buffer, at: number, end: number): number {
  const near = at + 32 < end ? at + 32 : end;
  for (let place = at; place < near; place++) if (bytes[place] === LF) return place + 1;
  if (near === end) return UNFINISHED;
  const place = bytes.indexOf(LF, near);
  return place < 0 || place >= end ? UNFINISHED : place + 1;
}

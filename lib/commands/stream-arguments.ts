/** What the stream commands read from their arguments: IDs in all their forms, ranges of IDs, and where to trim. */
import { readExactInteger, readInteger } from './arguments.js';
import {
  invalidRangeEnd, invalidRangeStart, invalidStreamId, limitIsNotPositive, limitNeedsApproximation, limitNeedsTrimming,
  maxlenIsNotPositive, syntaxError, trimTakesOneStrategy, xtrimNeedsStrategy,
} from '../errors.js';
import type { Args } from '../protocol/args.js';
import type { ReplyWriter } from '../protocol/reply-writer.js';
import type { EncodingLimits } from '../store/encoding-limits.js';
import { ID_CHARS_MAX, StreamId } from '../store/stream-id.js';
import type { Trim } from '../store/stream.js';
import { parseInteger, parseShortInteger } from '../util/numbers.js';

const WORD = 2 ** 32;
const UINT64_LIMIT = 2n ** 64n;
const HYPHEN = 0x2d;
const STAR = 0x2a;
const OPEN_BRACKET = 0x28;
/** The bytes of the longest ID that is read. */
const ID_BYTES_MAX = 127;

/** What an ID without a sequence number means. */
export type MissingSequence = 'first' | 'last';

interface IdForms {
  missing: MissingSequence;
  /** `-` and `+` are the lowest and the highest ID. */
  hasExtremes: boolean;
}

const PLAIN: IdForms = { missing: 'first', hasExtremes: false };

// ---- IDs

/**
 * Argument `index` as an ID: `ms-seq`, or `ms` alone, which is `ms-0`. Throws invalidStreamId().
 * Source: streamGenericParseIDOrReply() in redis's t_stream.c.
 */
export function readId(args: Args, index: number, into: StreamId): StreamId {
  if (!parseId(args.bytes, args.offsets[index]!, args.lengths[index]!, into, PLAIN)) throw invalidStreamId();
  return into;
}

/** As `readId`; false instead of an error. */
export function isId(args: Args, index: number, into: StreamId): boolean {
  return parseId(args.bytes, args.offsets[index]!, args.lengths[index]!, into, PLAIN);
}

/** As `readId`; `-` and `+` are the lowest and the highest ID. */
export function readIdOrExtreme(args: Args, index: number, into: StreamId): StreamId {
  const forms: IdForms = { missing: 'first', hasExtremes: true };
  if (!parseId(args.bytes, args.offsets[index]!, args.lengths[index]!, into, forms)) throw invalidStreamId();
  return into;
}

/** The IDs from argument `first` on. Throws invalidStreamId(). */
export function readIds(args: Args, first: number): StreamId[] {
  const ids: StreamId[] = [];
  for (let index = first; index < args.count; index++) ids.push(readId(args, index, new StreamId()));
  return ids;
}

/** The lowest ID of a range: an ID, `-`, `+`, or `(` and an ID that is not in the range. */
export function readRangeStart(args: Args, index: number): StreamId {
  const id = new StreamId();
  if (readRangeEdge(args, index, 'first', id) && !id.increment()) throw invalidRangeStart();
  return id;
}

/** The highest ID of a range; an ID without a sequence number is the last of its moment. */
export function readRangeEnd(args: Args, index: number): StreamId {
  const id = new StreamId();
  if (readRangeEdge(args, index, 'last', id) && !id.decrement()) throw invalidRangeEnd();
  return id;
}

/** Whether the edge itself is not in the range. */
function readRangeEdge(args: Args, index: number, missing: MissingSequence, into: StreamId): boolean {
  const offset = args.offsets[index]!;
  const length = args.lengths[index]!;
  const isOpen = length > 1 && args.bytes[offset] === OPEN_BRACKET;
  const isRead = isOpen
    ? parseId(args.bytes, offset + 1, length - 1, into, { missing, hasExtremes: false })
    : parseId(args.bytes, offset, length, into, { missing, hasExtremes: true });
  if (!isRead) throw invalidStreamId();
  return isOpen;
}

/** False when the bytes are no ID. Nearly all IDs are two short numbers; the others are looked at as text. */
function parseId(bytes: Buffer, offset: number, length: number, into: StreamId, forms: IdForms): boolean {
  const end = offset + length;
  let hyphen = offset;
  while (hyphen < end && bytes[hyphen] !== HYPHEN) hyphen++;
  const ms = parseShortInteger(bytes, offset, hyphen - offset);
  const seq = hyphen < end ? parseShortInteger(bytes, hyphen + 1, end - hyphen - 1) : 0;
  if (!(ms >= 0 && seq >= 0)) return parseOddId(bytes, offset, length, into, forms);
  into.set(Math.floor(ms / WORD), ms >>> 0, Math.floor(seq / WORD), seq >>> 0);
  if (hyphen === end && forms.missing === 'last') into.seqHigh = into.seqLow = WORD - 1;
  return true;
}

/** As a C program reads it: up to a zero byte. */
function parseOddId(bytes: Buffer, offset: number, length: number, into: StreamId, forms: IdForms): boolean {
  if (length > ID_BYTES_MAX) return false;
  const text = bytes.toString('latin1', offset, offset + length).split('\0', 1)[0]!;
  if (text === '-' || text === '+') {
    if (text === '-') into.set(0, 0, 0, 0);
    else into.setMax();
    return forms.hasExtremes;
  }
  const hyphen = text.indexOf('-');
  const ms = parseUnsigned(hyphen < 0 ? text : text.slice(0, hyphen));
  const missing = forms.missing === 'first' ? 0n : UINT64_LIMIT - 1n;
  const seq = hyphen < 0 ? missing : parseUnsigned(text.slice(hyphen + 1));
  if (ms === undefined || seq === undefined) return false;
  into.set(Number(ms >> 32n), Number(ms & 0xffff_ffffn), Number(seq >> 32n), Number(seq & 0xffff_ffffn));
  return true;
}

/**
 * An integer of 64 bits without a sign; undefined when the text spells none. What is no integer in its strict form is
 * read as C's strtoull does, with blanks, signs and zeros in front.
 * Source: string2ull() in redis's util.c.
 */
function parseUnsigned(text: string): bigint | undefined {
  const bytes = Buffer.from(text, 'latin1');
  const strict = parseInteger(bytes, 0, bytes.length);
  if (strict !== undefined) return strict < 0 ? undefined : BigInt(strict);
  const match = /^[ \t-\r]*([+-]?)(\d+)$/.exec(text);
  if (match === null) return undefined;
  const value = BigInt(match[2]!);
  if (value >= UINT64_LIMIT) return undefined;
  return match[1] === '-' ? BigInt.asUintN(64, -value) : value;
}

// ---- XADD's ID

/** The ID that XADD is to give: all of it chosen by the node, its sequence number, or nothing. */
export interface NewId {
  kind: 'automatic' | 'moment' | 'given';
  readonly id: StreamId;
}

/** XADD's ID: `*`, `ms-*`, or an ID. Throws invalidStreamId(). */
function readNewId(args: Args, index: number, into: NewId): void {
  const offset = args.offsets[index]!;
  const length = args.lengths[index]!;
  const { bytes } = args;
  if (bytes[offset] === STAR && (length === 1 || (length > 1 && bytes[offset + 1] === 0))) into.kind = 'automatic';
  else if (parseId(bytes, offset, length, into.id, PLAIN)) into.kind = 'given';
  else {
    const match = length <= ID_BYTES_MAX ? /^([^-\0]*)-\*(?:\0|$)/.exec(args.text(index)) : null;
    const ms = match === null ? undefined : parseUnsigned(match[1]!);
    if (ms === undefined) throw invalidStreamId();
    into.kind = 'moment';
    into.id.set(Number(ms >> 32n), Number(ms & 0xffff_ffffn), 0, 0);
  }
}

// ---- trimming

/** What stands in front of XADD's fields. */
export interface AddOptions {
  readonly newId: NewId;
  /** Where the first field stands. */
  fieldsAt: number;
  /** Only a stream that is there gets the entry. */
  isForExisting: boolean;
  trim: Trim | undefined;
}

/** The arguments of a trim as they are read. */
class TrimOptions {
  limit: number | StreamId | undefined;
  isApproximate = false;
  entriesMax = 0;
  hasEntriesMax = false;

  /**
   * Takes the option at `index` if it is one of a trim, and gives how many arguments it takes; 0 for another word.
   */
  read(args: Args, index: number): number {
    if (index + 1 >= args.count) return 0;
    const isMaxlen = args.is(index, 'MAXLEN');
    if (isMaxlen || args.is(index, 'MINID')) return this.readLimit(args, index, isMaxlen);
    if (!args.is(index, 'LIMIT')) return 0;
    this.entriesMax = readInteger(args, index + 1);
    if (this.entriesMax < 0) throw limitIsNotPositive();
    this.hasEntriesMax = true;
    return 2;
  }

  private readLimit(args: Args, index: number, isMaxlen: boolean): number {
    if (this.limit !== undefined) throw trimTakesOneStrategy();
    this.isApproximate = index + 2 < args.count && isWord(args, index + 1, '~');
    const hasOperator = this.isApproximate || (index + 2 < args.count && isWord(args, index + 1, '='));
    const at = hasOperator ? index + 2 : index + 1;
    if (!isMaxlen) this.limit = readId(args, at, new StreamId());
    else {
      this.limit = Number(readExactInteger(args, at));
      if (this.limit < 0) throw maxlenIsNotPositive();
    }
    return at + 1 - index;
  }

  /** The trim that the options make, undefined when there is none. Throws what contradicts itself. */
  finish({ streamNodeEntriesMax }: EncodingLimits, isNeeded: boolean): Trim | undefined {
    const { limit, isApproximate } = this;
    if (this.entriesMax > 0 && limit === undefined) throw limitNeedsTrimming();
    if (isNeeded && limit === undefined) throw xtrimNeedsStrategy();
    if (this.hasEntriesMax && !isApproximate) throw limitNeedsApproximation();
    if (limit === undefined) return undefined;
    if (this.hasEntriesMax || !isApproximate) return { limit, isApproximate, entriesMax: this.entriesMax };
    const usual = streamNodeEntriesMax * TRIMMED_NODES_MAX;
    return { limit, isApproximate, entriesMax: usual === 0 ? TRIMMED_MAX_UNBOUNDED : Math.min(usual, TRIMMED_MAX) };
  }
}

/** How much an approximate trim without LIMIT takes off: so many nodes, and bounds for odd sizes of nodes. */
const TRIMMED_NODES_MAX = 100;
const TRIMMED_MAX_UNBOUNDED = 10_000;
const TRIMMED_MAX = 1_000_000;

/** Whether an argument is this char, as a C program sees it. */
function isWord(args: Args, index: number, char: string): boolean {
  const length = args.lengths[index]!;
  const offset = args.offsets[index]!;
  return length > 0 && args.bytes[offset] === char.charCodeAt(0) && (length === 1 || args.bytes[offset + 1] === 0);
}

/** What `readAddOptions` gives, again and again: XADD is done with it when it ends. */
const addOptions: AddOptions = {
  newId: { kind: 'automatic', id: new StreamId() }, fieldsAt: 0, isForExisting: false, trim: undefined,
};

/**
 * XADD's options and ID; valid until the next call. Throws invalidStreamId(), notAnInteger() and what a trim throws.
 * Source: streamParseAddOrTrimArgsOrReply() in redis's t_stream.c.
 */
export function readAddOptions(args: Args, limits: EncodingLimits): AddOptions {
  const options = addOptions;
  options.newId.kind = 'automatic';
  options.fieldsAt = args.count + 1;
  options.isForExisting = false;
  let trim: TrimOptions | undefined;
  for (let index = 2; index < args.count; ) {
    if (isWord(args, index, '*')) {
      options.fieldsAt = index + 1;
      break;
    }
    const taken = (trim ??= new TrimOptions()).read(args, index);
    if (taken > 0) index += taken;
    else if (args.is(index, 'NOMKSTREAM')) {
      options.isForExisting = true;
      index++;
    } else {
      readNewId(args, index, options.newId);
      options.fieldsAt = index + 1;
      break;
    }
  }
  options.trim = trim?.finish(limits, false);
  return options;
}

/** XTRIM's options. Throws as `readAddOptions`, and when there is nothing to trim by. */
export function readTrim(args: Args, limits: EncodingLimits): Trim {
  const trim = new TrimOptions();
  for (let index = 2; index < args.count; ) {
    const taken = trim.read(args, index);
    if (taken === 0) throw syntaxError();
    index += taken;
  }
  return trim.finish(limits, true)!;
}

// ---- replies

const idText = Buffer.alloc(ID_CHARS_MAX);

/** Writes an ID as a bulk string. */
export function replyId(reply: ReplyWriter, id: StreamId): void {
  reply.bulk(idText, 0, id.write(idText));
}

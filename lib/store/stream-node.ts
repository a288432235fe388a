/**
 * The nodes of a stream. A node holds entries that follow each other, as a rule up to a hundred, in one listpack in a
 * block of the arena; its ID is that of its first entry, and stands in the stream's index (stream.ts).
 *
 *     | the arena's word | listpack |
 *
 *     the listpack   master, entry, entry, ...
 *     master         live entries | deleted entries | n | field 1 ... field n | 0
 *     entry          flags | ms | sequence | n | field 1 | value 1 ... field n | value n | elements of the entry
 *     the same       flags | ms | sequence | value 1 ... value n | elements of the entry
 *
 * ms and sequence are counted from the node's ID. An entry whose fields are those of the master leaves them out. The
 * last element of an entry says how many are in front of it, so that entries can be walked backwards; the master's is
 * 0. A deleted entry keeps its place and has a flag; a node goes with its last live entry. This is the form of
 * redis-server, to the byte.
 *
 * Source: the comments in streamAppendItem() of redis's t_stream.c.
 */
import { Arena, SEGMENT_SHIFT } from './arena.js';
import {
  ELEMENT_OVERHEAD_MAX, INTEGER_BYTES_MAX, LISTPACK_HEADER_BYTES, closeListpack, firstElement, listpackBytes,
  listpackEnd, nextElement, openListpack, previousElement, readElement, readInteger, replaceNumber, writeElement,
  writeNumber, writeWords,
} from './listpack.js';
import type { StreamId } from './stream-id.js';
import { Slice, copyBytes } from '../util/bytes.js';

/** Strings that lie in one buffer, as the arguments of a request do. */
export interface Parts {
  readonly bytes: Buffer;
  readonly offsets: ArrayLike<number>;
  readonly lengths: ArrayLike<number>;
}

/** Fields and values of an entry: `pairs` times two strings of `parts`, from the one at `first` on. */
export interface Fields {
  parts: Parts;
  first: number;
  pairs: number;
  /** The bytes of all of them. */
  byteCount: number;
}

/** Takes a node: its ID, and its listpack in `bytes`. */
export type VisitNode = (id: StreamId, bytes: Buffer, offset: number, length: number) => void;

export const DELETED = 1;
export const SAME_FIELDS = 2;

/** The arena's word in front of a block's bytes. */
const BLOCK_HEADER_BYTES = 4;
/** A new node has room for an entry like its first and some more. */
const NODE_ROOM_MIN = 240;
/** Elements of an entry besides fields and values: flags, ms, sequence. */
const ENTRY_ELEMENTS = 3;
const WORD = 2 ** 32;

const compared = new Slice();
const room = Buffer.alloc(20);

/** The buffer that a node lies in. */
export function nodeBytes(arena: Arena, ref: number): Buffer {
  return arena.bytes[ref >>> SEGMENT_SHIFT]!;
}

/** Where in it the listpack begins. */
export function nodeStart(ref: number): number {
  return Arena.byteOffset(ref) + BLOCK_HEADER_BYTES;
}

/** The length of a node's listpack. */
export function nodeLength(arena: Arena, ref: number): number {
  return listpackBytes(nodeBytes(arena, ref), nodeStart(ref));
}

export function liveEntries(arena: Arena, ref: number): number {
  return readInteger(nodeBytes(arena, ref), firstElement(nodeStart(ref)));
}

export function deletedEntries(arena: Arena, ref: number): number {
  const bytes = nodeBytes(arena, ref);
  return readInteger(bytes, nextElement(bytes, firstElement(nodeStart(ref))));
}

/** The place of the number of the master's fields; they follow it. */
export function masterFieldsAt(bytes: Buffer, start: number): number {
  return nextElement(bytes, nextElement(bytes, firstElement(start)));
}

/** The place behind the master: that of the first entry. */
export function firstEntry(bytes: Buffer, start: number): number {
  const fieldsAt = masterFieldsAt(bytes, start);
  return skipElements(bytes, nextElement(bytes, fieldsAt), readInteger(bytes, fieldsAt) + 1);
}

export function skipElements(bytes: Buffer, at: number, count: number): number {
  let place = at;
  for (let left = count; left > 0; left--) place = nextElement(bytes, place);
  return place;
}

/** The place of the entry in front of what stands at `at`, an entry or the end; -1 when there the master ends. */
export function entryBefore(bytes: Buffer, at: number): number {
  let place = previousElement(bytes, at);
  const elements = readInteger(bytes, place);
  if (elements === 0) return -1;
  for (let left = elements; left > 0; left--) place = previousElement(bytes, place);
  return place;
}

// ---- making

/** A node with nothing but a master of these fields. It counts an entry, which is to be appended next. */
export function createNode(arena: Arena, fields: Fields): number {
  const ref = allocate(arena, Math.max(NODE_ROOM_MIN, LISTPACK_HEADER_BYTES + entryBytesMax(fields) * 2));
  const bytes = nodeBytes(arena, ref);
  const start = nodeStart(ref);
  let at = openListpack(bytes, start);
  at = writeNumber(bytes, at, 1);
  at = writeNumber(bytes, at, 0);
  at = writeNumber(bytes, at, fields.pairs);
  const { offsets, lengths, bytes: from } = fields.parts;
  for (let pair = 0; pair < fields.pairs; pair++) {
    const index = fields.first + pair * 2;
    at = writeElement(bytes, at, from, offsets[index]!, lengths[index]!);
  }
  at = writeNumber(bytes, at, 0);
  closeListpack(bytes, start, at, fields.pairs + ENTRY_ELEMENTS + 1);
  return ref;
}

/** A node that has the listpack of `length` bytes at `offset`. */
export function createNodeFrom(arena: Arena, bytes: Buffer, offset: number, length: number): number {
  const ref = allocate(arena, length);
  copyBytes(bytes, offset, nodeBytes(arena, ref), nodeStart(ref), length);
  return ref;
}

function allocate(arena: Arena, listpackRoom: number): number {
  return arena.allocate(BLOCK_HEADER_BYTES + listpackRoom);
}

/** More than an entry takes, whatever its fields and values turn out to be. */
function entryBytesMax({ pairs, byteCount }: Fields): number {
  return byteCount + pairs * 2 * ELEMENT_OVERHEAD_MAX + (ENTRY_ELEMENTS + 3) * INTEGER_BYTES_MAX;
}

/**
 * A node with the same content and room for `moreBytes` more; often it is this one. The block of this one is freed when
 * it is another. Nodes that grow double their room.
 */
export function withRoom(arena: Arena, ref: number, moreBytes: number): number {
  const roomBytes = arena.sizeOf(ref) - BLOCK_HEADER_BYTES;
  const needed = nodeLength(arena, ref) + moreBytes;
  return needed <= roomBytes ? ref : moved(arena, ref, Math.max(needed, roomBytes * 2));
}

/** A node with the same content and no room to spare. */
export function withoutRoom(arena: Arena, ref: number): number {
  const length = nodeLength(arena, ref);
  return arena.sizeOf(ref) - BLOCK_HEADER_BYTES - length < 16 ? ref : moved(arena, ref, length);
}

function moved(arena: Arena, ref: number, listpackRoom: number): number {
  const other = allocate(arena, listpackRoom);
  copyBytes(nodeBytes(arena, ref), nodeStart(ref), nodeBytes(arena, other), nodeStart(other), nodeLength(arena, ref));
  arena.free(ref);
  return other;
}

// ---- changing

/**
 * Adds an entry to a node whose ID is `master`. It is counted when the node has one already. Gives the node's ref,
 * which may be another one.
 */
export function appendEntry(
  arena: Arena, ref: number, master: StreamId, id: StreamId, fields: Fields, isFirst: boolean,
): number {
  const node = withRoom(arena, ref, entryBytesMax(fields));
  const bytes = nodeBytes(arena, node);
  const start = nodeStart(node);
  const isSame = isFirst || hasSameFields(bytes, start, fields);
  if (!isFirst) replaceNumber(bytes, start, firstElement(start), readInteger(bytes, firstElement(start)) + 1);
  let at = writeNumber(bytes, listpackEnd(bytes, start), isSame ? SAME_FIELDS : 0);
  at = writeDifference(bytes, at, id.msHigh, id.msLow, master.msHigh, master.msLow);
  at = writeDifference(bytes, at, id.seqHigh, id.seqLow, master.seqHigh, master.seqLow);
  let elements = ENTRY_ELEMENTS + fields.pairs;
  if (!isSame) {
    at = writeNumber(bytes, at, fields.pairs);
    elements += fields.pairs + 1;
  }
  const { offsets, lengths, bytes: from } = fields.parts;
  const end = fields.first + fields.pairs * 2;
  for (let index = isSame ? fields.first + 1 : fields.first; index < end; index += isSame ? 2 : 1) {
    at = writeElement(bytes, at, from, offsets[index]!, lengths[index]!);
  }
  at = writeNumber(bytes, at, elements);
  closeListpack(bytes, start, at, elements + 1);
  return node;
}

function hasSameFields(bytes: Buffer, start: number, { parts, first, pairs }: Fields): boolean {
  let at = masterFieldsAt(bytes, start);
  if (readInteger(bytes, at) !== pairs) return false;
  at = nextElement(bytes, at);
  const { offsets, lengths } = parts;
  for (let pair = 0; pair < pairs; pair++) {
    const index = first + pair * 2;
    at = readElement(bytes, at, compared, room);
    if (compared.length !== lengths[index]) return false;
    const begin = offsets[index]!;
    for (let i = 0; i < compared.length; i++) {
      if (compared.bytes[compared.offset + i] !== parts.bytes[begin + i]) return false;
    }
  }
  return true;
}

/** Writes how far the first number of 64 bits, given by its words, is above the second. */
function writeDifference(
  bytes: Buffer, at: number, high: number, low: number, fromHigh: number, fromLow: number,
): number {
  const difference = low - fromLow;
  const borrow = difference < 0 ? 1 : 0;
  return writeWords(bytes, at, (high - fromHigh - borrow) | 0, (difference + borrow * WORD) | 0);
}

/** The node, or another one with the same content, with room for longer counters. */
export function withRoomToCount(arena: Arena, ref: number): number {
  return withRoom(arena, ref, INTEGER_BYTES_MAX);
}

/** Counts `count` live entries as deleted ones, whose flags the caller sets. The node has room for its counters. */
export function countDeleted(arena: Arena, ref: number, count: number): void {
  const bytes = nodeBytes(arena, ref);
  const start = nodeStart(ref);
  const liveAt = firstElement(start);
  replaceNumber(bytes, start, liveAt, readInteger(bytes, liveAt) - count);
  const deletedAt = nextElement(bytes, liveAt);
  replaceNumber(bytes, start, deletedAt, readInteger(bytes, deletedAt) + count);
}

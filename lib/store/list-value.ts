/**
 * List values: elements in order, added and removed mostly at both ends. Handlers find the bucket and call these
 * functions. Places count from 0, the head.
 *
 * A small list is one run of elements (element-run.ts) in the value of its bucket's entry:
 *
 *     | count | begin | end | run of elements, with room in front and behind |
 *       2 bytes each; begin and end count from the value's first byte
 *
 * One that outgrows a page has pages of its own (paged-list.ts), and stays so until it is deleted. How large a page is
 * follows from `list-max-listpack-size`. OBJECT ENCODING is `quicklist` whatever the size, as in redis-server 7.0.
 *
 * An element's `Slice` that a function fills points into the arena: it is valid until the next change of the list. What
 * is put into a list must not lie in it.
 */
import type { Arena } from './arena.js';
import { ElementRun, elementBytes, readElement, readElementBackwards } from './element-run.js';
import type { EncodingLimits } from './encoding-limits.js';
import {
  IS_STRUCTURE, LIST, createEntry, entryBytes, entrySize, expiryOf, hasFlag, setFlag, valueLength, valueOffset,
} from './entry.js';
import type { Keyspace } from './keyspace.js';
import { ElementWalk, PagedList } from './paged-list.js';
import { Slice } from '../util/bytes.js';

const HEADER_BYTES = 6;
const BEGIN_AT = 2;
const END_AT = 4;
const HANDLE_BYTES = 4;
/** Places in a small list have two bytes. */
const RECORD_BYTES_MAX = 65_520;
/** A block that is used by less than half is exchanged for a smaller one, when it is larger than this. */
const WASTE_MIN_BYTES = 128;
/** Full records grow by an eighth: moves stay rare and the bytes to spare few. */
const GROWTH_SHIFT = 3;

export type ListEnd = 'head' | 'tail';

/** The small list that is worked on; each function is done with it before it returns. */
const run = new ElementRun();
const replaced = new Slice();

function isPaged(db: Keyspace, ref: number): boolean {
  return hasFlag(db.store.arena, ref, IS_STRUCTURE);
}

/** The pages of a list that has them. */
function pagesOf(db: Keyspace, ref: number): PagedList {
  const structure = db.store.structure(db.handleOf(ref));
  if (!(structure instanceof PagedList)) throw new Error(`entry ${ref} holds no pages of a list`);
  return structure;
}

/** Brings a small list into `run`. */
function load(arena: Arena, ref: number): void {
  const bytes = entryBytes(arena, ref);
  const value = valueOffset(arena, ref);
  run.bytes = bytes;
  run.start = value + HEADER_BYTES;
  run.limit = value + valueLength(arena, ref);
  run.count = bytes[value]! | (bytes[value + 1]! << 8);
  run.begin = value + (bytes[value + BEGIN_AT]! | (bytes[value + BEGIN_AT + 1]! << 8));
  run.end = value + (bytes[value + END_AT]! | (bytes[value + END_AT + 1]! << 8));
}

/** Notes what an operation has made of the small list in `run`. */
function save(): void {
  const { bytes, count } = run;
  const value = run.start - HEADER_BYTES;
  const begin = run.begin - value;
  const end = run.end - value;
  bytes[value] = count & 0xff;
  bytes[value + 1] = count >>> 8;
  bytes[value + BEGIN_AT] = begin & 0xff;
  bytes[value + BEGIN_AT + 1] = begin >>> 8;
  bytes[value + END_AT] = end & 0xff;
  bytes[value + END_AT + 1] = end >>> 8;
}

// ---- reading

/** How many elements the list has. */
export function listLength(db: Keyspace, ref: number): number {
  if (isPaged(db, ref)) return pagesOf(db, ref).length;
  const { arena } = db.store;
  const bytes = entryBytes(arena, ref);
  const value = valueOffset(arena, ref);
  return bytes[value]! | (bytes[value + 1]! << 8);
}

/** Points `element` to the one at `index`, which must be there. */
export function getElement(db: Keyspace, ref: number, index: number, element: Slice): void {
  if (isPaged(db, ref)) return pagesOf(db, ref).get(index, element);
  load(db.store.arena, ref);
  readElement(run.bytes, run.placeOf(index), element);
}

/** Points `element` to the one at one end; the list must have one. */
export function getEndElement(db: Keyspace, ref: number, end: ListEnd, element: Slice): void {
  if (isPaged(db, ref)) {
    const pages = pagesOf(db, ref);
    return pages.get(end === 'head' ? 0 : pages.length - 1, element);
  }
  load(db.store.arena, ref);
  if (end === 'head') readElement(run.bytes, run.begin, element);
  else readElementBackwards(run.bytes, run.end, element);
}

/**
 * A walk whose first `next` gives the element at `index`, which must be there, and whose further ones those behind it,
 * or, when it is not `isForward`, those before it.
 */
export function startWalk(db: Keyspace, ref: number, index: number, isForward: boolean): ElementWalk {
  if (isPaged(db, ref)) {
    const pages = pagesOf(db, ref);
    const walk = new ElementWalk(isForward, pages);
    pages.startWalk(walk, index);
    return walk;
  }
  const walk = new ElementWalk(isForward, undefined);
  load(db.store.arena, ref);
  walk.enter(run.bytes, run.placeOf(isForward ? index : index + 1), run.count, 0);
  return walk;
}

/** The bytes that the bucket takes, the array of its pages included; its share of the keyspace's index left out. */
export function listBytes(db: Keyspace, ref: number): number {
  const ownBytes = db.store.arena.sizeOf(ref);
  if (!isPaged(db, ref)) return ownBytes;
  return ownBytes + pagesOf(db, ref).byteCount;
}

// ---- changing

/**
 * Adds an empty list under `key`, for which `db.find` has just found nothing, and gives its entry's ref. It has room
 * for so many bytes of elements, each counted by `elementBytes`. Put an element in before the command ends.
 */
export function createList(db: Keyspace, key: Slice, elementsBytes: number): number {
  const { arena, encodingLimits } = db.store;
  const byteCount = Math.min(HEADER_BYTES + elementsBytes, recordBytesMax(encodingLimits));
  const ref = createRecord(arena, key, byteCount, 0);
  db.add(key, ref);
  return ref;
}

/**
 * The entry, in no keyspace yet, of a list of these `count` elements, which lie one behind the other as in an element
 * run. `isSmall` must be true of them.
 */
export function newListOf(db: Keyspace, key: Slice, elements: Slice, count: number, expiresAtMs: number): number {
  const { arena } = db.store;
  const ref = createRecord(arena, key, HEADER_BYTES + elements.length, expiresAtMs);
  load(arena, ref);
  run.append(elements.bytes, elements.offset, elements.offset + elements.length, count);
  save();
  return ref;
}

/** Whether a list of so many elements, which take `byteCount` bytes, is a small one. */
export function isSmall(db: Keyspace, count: number, byteCount: number): boolean {
  const { encodingLimits } = db.store;
  return count <= encodingLimits.listPageElementsMax && HEADER_BYTES + byteCount <= recordBytesMax(encodingLimits);
}

/** The entry of a small list without elements, with `byteCount` bytes for its record, or what more the block has. */
function createRecord(arena: Arena, key: Slice, byteCount: number, expiresAtMs: number): number {
  const spare = -entrySize(key.length, byteCount, expiresAtMs) & 15;
  const ref = createEntry(arena, LIST, key, byteCount + spare, expiresAtMs);
  const value = valueOffset(arena, ref);
  const bytes = entryBytes(arena, ref);
  bytes.fill(0, value, value + HEADER_BYTES);
  bytes[value + BEGIN_AT] = bytes[value + END_AT] = HEADER_BYTES;
  return ref;
}

function recordBytesMax(limits: EncodingLimits): number {
  return Math.min(limits.listPageBytesMax, RECORD_BYTES_MAX);
}

/**
 * Adds an element in front of the one at `index`, or at the end when `index` is the length. Returns the bucket's ref,
 * which may be another one; `db.find` has just given `ref` for `key`.
 */
export function insertElement(db: Keyspace, key: Slice, ref: number, index: number, element: Slice): number {
  const { arena, encodingLimits } = db.store;
  if (isPaged(db, ref)) {
    pagesOf(db, ref).insert(index, element);
    return ref;
  }
  load(arena, ref);
  const mayGrow = run.count < encodingLimits.listPageElementsMax;
  if (mayGrow && run.insert(index, element)) {
    save();
    return ref;
  }
  const needed = HEADER_BYTES + run.used + elementBytes(element.length);
  if (!mayGrow || needed > recordBytesMax(encodingLimits)) {
    const paged = convertToPages(db, key, ref);
    pagesOf(db, paged).insert(index, element);
    return paged;
  }
  const grown = Math.min(needed + (needed >>> GROWTH_SHIFT), recordBytesMax(encodingLimits));
  const moved = resize(db, key, ref, grown);
  load(arena, moved);
  if (!run.insert(index, element)) throw new Error(`list: ${needed} bytes do not fit into entry ${moved}`);
  save();
  return moved;
}

/** As `insertElement`, at one end. */
export function pushElement(db: Keyspace, key: Slice, ref: number, end: ListEnd, element: Slice): number {
  if (isPaged(db, ref)) {
    pagesOf(db, ref).push(end === 'head', element);
    return ref;
  }
  return insertElement(db, key, ref, end === 'head' ? 0 : listLength(db, ref), element);
}

/**
 * Puts an element in the place of the one at `index`, which must be there. Returns the bucket's ref, which may be
 * another one; `db.find` has just given `ref` for `key`.
 */
export function setElement(db: Keyspace, key: Slice, ref: number, index: number, element: Slice): number {
  if (isPaged(db, ref)) {
    pagesOf(db, ref).set(index, element);
    return ref;
  }
  const { arena, encodingLimits } = db.store;
  load(arena, ref);
  if (run.overwrite(index, element)) return ref;
  readElement(run.bytes, run.placeOf(index), replaced);
  // Room first: when there is none, the element that is there stays.
  const needed = HEADER_BYTES + run.used + elementBytes(element.length) - elementBytes(replaced.length);
  if (needed > recordBytesMax(encodingLimits)) {
    const paged = convertToPages(db, key, ref);
    pagesOf(db, paged).set(index, element);
    return paged;
  }
  const isLarger = needed > HEADER_BYTES + run.room;
  const grown = Math.min(needed + (needed >>> GROWTH_SHIFT), recordBytesMax(encodingLimits));
  const kept = isLarger ? resize(db, key, ref, grown) : ref;
  load(arena, kept);
  run.remove(index, 1);
  if (!run.insert(index, element)) throw new Error(`list: ${needed} bytes do not fit into entry ${kept}`);
  save();
  return kept;
}

/** Moves the element at one end, of which `element` is a copy, to the other. */
export function rotateList(db: Keyspace, key: Slice, ref: number, from: ListEnd, element: Slice): void {
  if (isPaged(db, ref)) return pagesOf(db, ref).rotate(from === 'head', element);
  removeElements(db, ref, from === 'head' ? 0 : listLength(db, ref) - 1, 1);
  pushElement(db, key, ref, from === 'head' ? 'tail' : 'head', element);
}

/**
 * Takes `count` elements out, from the one at `index` on; they must be there. Call `settleList` when the last of a
 * command's elements is out.
 */
export function removeElements(db: Keyspace, ref: number, index: number, count: number): void {
  if (count === 0) return;
  if (isPaged(db, ref)) return pagesOf(db, ref).remove(index, count);
  load(db.store.arena, ref);
  run.remove(index, count);
  save();
}

/**
 * Takes the element at one end out and settles the list. Returns the bucket's ref, which may be another one, or 0 when
 * that was the last element and the bucket is removed; `db.find` has just given `ref` for `key`.
 */
export function removeEndElement(db: Keyspace, key: Slice, ref: number, end: ListEnd): number {
  if (!isPaged(db, ref)) {
    load(db.store.arena, ref);
    run.removeEnd(end === 'head');
    save();
    return settleLoaded(db, key, ref);
  }
  const pages = pagesOf(db, ref);
  pages.remove(end === 'head' ? 0 : pages.length - 1, 1);
  if (pages.length > 0) return ref;
  db.remove(key, ref);
  return 0;
}

/**
 * Takes out up to `most` elements that have these bytes, those nearest to the head or to the tail, and gives how many
 * they were. Call `settleList` afterwards.
 */
export function removeEqualElements(db: Keyspace, ref: number, element: Slice, most: number, from: ListEnd): number {
  if (isPaged(db, ref)) return pagesOf(db, ref).removeEqual(element, most, from === 'head');
  load(db.store.arena, ref);
  const equal = run.countEqual(element);
  const removed = Math.min(equal, most);
  if (removed > 0) {
    run.removeEqual(element, from === 'head' ? 0 : equal - removed, removed);
    save();
  }
  return removed;
}

/**
 * After elements were taken out: removes the bucket when it is empty, and gives back room that is not used. Returns
 * the bucket's ref, which may be another one, or 0 when it was removed.
 */
export function settleList(db: Keyspace, key: Slice, ref: number): number {
  if (!isPaged(db, ref)) {
    load(db.store.arena, ref);
    return settleLoaded(db, key, ref);
  }
  if (listLength(db, ref) > 0) return ref;
  db.remove(key, ref);
  return 0;
}

/** As `settleList`, of the small list in `run`. */
function settleLoaded(db: Keyspace, key: Slice, ref: number): number {
  if (run.count === 0) {
    db.remove(key, ref);
    return 0;
  }
  const room = HEADER_BYTES + run.room;
  if (room <= WASTE_MIN_BYTES || !db.store.arena.canGrow) return ref;
  const used = HEADER_BYTES + run.used;
  return used * 2 < room ? resize(db, key, ref, used + (used >>> GROWTH_SHIFT)) : ref;
}

/** Moves a small list to a block with room for a record of so many bytes. */
function resize(db: Keyspace, key: Slice, ref: number, byteCount: number): number {
  const { arena } = db.store;
  const moved = createRecord(arena, key, byteCount, expiryOf(arena, ref));
  copyRecord(arena, ref, moved);
  db.replace(key, ref, moved);
  return moved;
}

function copyRecord(arena: Arena, from: number, to: number): void {
  load(arena, from);
  const { bytes, begin, end, count } = run;
  load(arena, to);
  run.append(bytes, begin, end, count);
  save();
}

function convertToPages(db: Keyspace, key: Slice, ref: number): number {
  const { arena, reclaimer, encodingLimits } = db.store;
  const pages = new PagedList(arena, reclaimer, encodingLimits);
  load(arena, ref);
  if (run.count > 0) pages.addRun(run.bytes, run.begin, run.end, run.count);
  const paged = createPaged(db, key, pages, expiryOf(arena, ref));
  db.replace(key, ref, paged);
  return paged;
}

function createPaged(db: Keyspace, key: Slice, pages: PagedList, expiresAtMs: number): number {
  const { arena } = db.store;
  const ref = createEntry(arena, LIST, key, HANDLE_BYTES, expiresAtMs);
  setFlag(arena, ref, IS_STRUCTURE, true);
  entryBytes(arena, ref).writeInt32LE(db.store.keep(pages), valueOffset(arena, ref));
  return ref;
}

/**
 * A copy of a list for a bucket called `key`. The copy's entry is in no keyspace: the caller adds it. `expiresAtMs` 0
 * means that the copy does not expire.
 */
export function copyList(db: Keyspace, ref: number, key: Slice, expiresAtMs: number): number {
  if (isPaged(db, ref)) return createPaged(db, key, pagesOf(db, ref).copy(), expiresAtMs);
  const { arena } = db.store;
  load(arena, ref);
  const copy = createRecord(arena, key, HEADER_BYTES + run.used, expiresAtMs);
  copyRecord(arena, ref, copy);
  return copy;
}

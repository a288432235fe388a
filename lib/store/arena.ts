/**
 * The arena: memory for every entry, outside the JavaScript heap.
 *
 * A node's data are millions of small records. As JavaScript objects each would cost the garbage collector work for
 * as long as it lives; as ranges of bytes in a few large buffers they cost it nothing. So this file is a `malloc`
 * of our own. It is the lowest layer of the store: it knows blocks, not entries.
 *
 * Addresses. Memory comes in segments of 16 MiB. A block is named by a *ref*: segment number times 1,048,576 plus its
 * place in the segment in units of 16 bytes. A ref is a positive 31-bit integer, so it fits a slot of an Int32Array
 * and reaches 32 GiB. Ref 0 is never given out and means "none". A block larger than half a segment gets a segment
 * of its own, as large as it needs.
 *
 * Allocation follows TLSF (M. Masmano et al., "TLSF: a New Dynamic Memory Allocator for Real-Time Systems", ECRTS
 * 2004): free blocks hang in lists by size class, two levels of bitmaps find the first list that can serve, and
 * freed neighbours join at once. Both operations take bounded time, and because neighbours join, the room of deleted
 * data serves any other size later. A segment that becomes one free block is given back.
 *
 *     block in use   | size, flags | the owner's bytes ...                        |
 *     free block     | size, flags | next | previous |  ...  unused  ...  | units |
 *                      word 0        word 1  word 2                         last word
 *
 * Word 0 is the size in units times 4, plus FREE (1) and BEFORE_IS_FREE (2). The last word of a free block repeats
 * its size, so that the block behind it finds its start. The owner's bytes begin at byte 4.
 *
 * Segments are large for two reasons: there are few of them to look up, and the system can back them with huge pages.
 * A look-up in millions of entries misses the processor's address cache as often as its data cache; with huge pages
 * (scripts/pigeonhole asks for them) GET of 1,000,000 random keys took a fifth less CPU time in here.
 *
 * New segments are filled from one end: `top` is the rest of the current segment, kept out of the lists, so that
 * loading data in bulk costs one comparison and two stores an entry.
 */
import { releaseMemory } from '../util/release-memory.js';

export const UNIT_BYTES = 16;
export const SEGMENT_SHIFT = 20;
export const UNIT_MASK = 0xfffff;

const SEGMENT_UNITS = 1 << SEGMENT_SHIFT;
const SEGMENT_BYTES = SEGMENT_UNITS * UNIT_BYTES;
const SEGMENTS_MAX = 1 << (31 - SEGMENT_SHIFT);
const OWN_SEGMENT_UNITS = SEGMENT_UNITS / 2;

const FREE = 1;
const BEFORE_IS_FREE = 2;
const SIZE_SHIFT = 2;

/** Sizes below this many units have a list each; above, each power of two is cut in 16. */
const EXACT_UNITS = 32;
const EXACT_LOG = 5;
const CUTS = 16;
const CUTS_LOG = 4;
const ROWS = 16;

/** Empty segments kept for the next use; what is empty beyond them goes back to the system. */
const SPARE_SEGMENTS_MAX = 1;

const NO_BYTES = Buffer.alloc(0);
const NO_WORDS = new Int32Array(0);

export class OutOfArena extends Error {
  constructor() {
    super(`the arena is full: it holds ${(SEGMENTS_MAX * SEGMENT_BYTES) / 2 ** 30} GiB at most`);
  }
}

export class Arena {
  /** The segments' bytes and the same memory as 32-bit words, by segment number. */
  readonly bytes: Buffer[] = [];
  readonly words: Int32Array[] = [];

  /** Bytes in blocks that are in use, block words and rounding included. */
  usedBytes = 0;
  /**
   * Bytes that belong to the data and lie on the JavaScript heap: structures' objects and arrays, as those who have
   * them estimate and add here. Directories of byte tables and of pages are left out: they are 0.2 % of what they lead
   * to at most.
   */
  besideBytes = 0;
  /** Bytes of all segments held from the system. */
  heldBytes = 0;

  private readonly heads = new Int32Array(EXACT_UNITS + ROWS * CUTS);
  /** Bit r is set when row r has a free block; row 0 is the exact sizes. */
  private rows = 0;
  private readonly cuts = new Int32Array(ROWS + 1);
  private readonly freeSegmentNumbers: number[] = [];
  private readonly spares: Buffer[] = [];
  /** Empty segments that are on their way back to the system. */
  private readonly emptied: Buffer[] = [];
  /**
   * Told when there are empty segments to give back, and then calls `releaseEmptied` as long as that gives true. While
   * nobody is told they go back at once.
   */
  onEmptied: (() => void) | undefined;
  private top = 0;
  private topUnits = 0;

  constructor() {
    // Segment 0, block 0 stays in use for ever, so that no ref is 0.
    this.openSegment();
    this.takeTop(1);
  }

  /**
   * A block with room for `byteCount` bytes, its own first word (4 bytes) included. The content is undefined.
   * Throws OutOfArena when 32 GiB are in use.
   */
  allocate(byteCount: number): number {
    const units = (byteCount + UNIT_BYTES - 1) >>> 4;
    let ref: number;
    if (units > OWN_SEGMENT_UNITS) ref = this.allocateOwnSegment(units);
    else {
      ref = this.takeFromLists(units);
      if (ref === 0) {
        if (this.topUnits < units + 1) this.openSegment();
        ref = this.takeTop(units);
      }
    }
    this.usedBytes += units * UNIT_BYTES;
    return ref;
  }

  /** Gives a block back. Its bytes must not be read afterwards: the buffer they are in may be empty. */
  free(ref: number): void {
    const segment = ref >>> SEGMENT_SHIFT;
    const words = this.words[segment]!;
    const place = (ref & UNIT_MASK) << 2;
    const head = words[place]!;
    let units = head >>> SIZE_SHIFT;
    this.usedBytes -= units * UNIT_BYTES;
    if (units > OWN_SEGMENT_UNITS) {
      this.closeSegment(segment);
      return;
    }
    let start = ref;
    if (head & BEFORE_IS_FREE) {
      const unitsBefore = words[place - 1]!;
      start = ref - unitsBefore;
      this.unlink(start, unitsBefore);
      units += unitsBefore;
    }
    const behind = ref + (head >>> SIZE_SHIFT);
    const isLast = (behind & UNIT_MASK) === 0;
    if (behind === this.top && !isLast) {
      this.setTop(start, this.topUnits + units);
      return;
    }
    const behindHead = isLast ? 0 : words[(behind & UNIT_MASK) << 2]!;
    if (behindHead & FREE) {
      const unitsBehind = behindHead >>> SIZE_SHIFT;
      this.unlink(behind, unitsBehind);
      units += unitsBehind;
    }
    if (units === SEGMENT_UNITS) this.closeSegment(segment);
    else this.link(start, units);
  }

  /**
   * Whether there is room for another segment. What is moved only to save room stays where it is when there is none:
   * who takes data out must not fail because the arena is full.
   */
  get canGrow(): boolean {
    return this.freeSegmentNumbers.length > 0 || this.bytes.length < SEGMENTS_MAX;
  }

  /** How many bytes the block holds, its first word included. */
  sizeOf(ref: number): number {
    return (this.words[ref >>> SEGMENT_SHIFT]![(ref & UNIT_MASK) << 2]! >>> SIZE_SHIFT) * UNIT_BYTES;
  }

  /** Where the block's first byte stands in its segment's `bytes`. */
  static byteOffset(ref: number): number {
    return (ref & UNIT_MASK) * UNIT_BYTES;
  }

  /**
   * Gives one empty segment back to the system; false when that was the last. It takes about a millisecond, and when a
   * large collection is deleted its segments are all empty within the same few hundred entries.
   */
  releaseEmptied(): boolean {
    const buffer = this.emptied.pop();
    if (buffer !== undefined) this.release(buffer);
    return this.emptied.length > 0;
  }

  /** Gives all empty segments back to the system, those included that were kept for the next use. */
  releaseSpares(): void {
    while (this.releaseEmptied());
    for (const buffer of this.spares.splice(0)) this.release(buffer);
  }

  // ---- segments

  private openSegment(): void {
    if (this.topUnits > 0) this.retireTop();
    const number = this.newSegmentNumber();
    const buffer = this.spares.pop() ?? this.emptied.pop() ?? this.acquire(SEGMENT_BYTES);
    this.bytes[number] = buffer;
    this.words[number] = new Int32Array(buffer.buffer);
    this.setTop(number * SEGMENT_UNITS, SEGMENT_UNITS);
  }

  private allocateOwnSegment(units: number): number {
    const number = this.newSegmentNumber();
    const buffer = this.acquire(units * UNIT_BYTES);
    const words = new Int32Array(buffer.buffer);
    this.bytes[number] = buffer;
    this.words[number] = words;
    words[0] = units << SIZE_SHIFT;
    return number * SEGMENT_UNITS;
  }

  private closeSegment(number: number): void {
    const buffer = this.bytes[number]!;
    this.bytes[number] = NO_BYTES;
    this.words[number] = NO_WORDS;
    this.freeSegmentNumbers.push(number);
    if (buffer.length !== SEGMENT_BYTES) this.release(buffer);
    else if (this.spares.length < SPARE_SEGMENTS_MAX) this.spares.push(buffer);
    else this.empty(buffer);
  }

  private empty(buffer: Buffer): void {
    if (this.onEmptied === undefined) return this.release(buffer);
    this.emptied.push(buffer);
    if (this.emptied.length === 1) this.onEmptied();
  }

  private newSegmentNumber(): number {
    const number = this.freeSegmentNumbers.pop() ?? this.bytes.length;
    if (number >= SEGMENTS_MAX) throw new OutOfArena();
    return number;
  }

  private acquire(byteCount: number): Buffer {
    const buffer = Buffer.allocUnsafeSlow(byteCount);
    this.heldBytes += byteCount;
    return buffer;
  }

  private release(buffer: Buffer): void {
    this.heldBytes -= buffer.length;
    releaseMemory(buffer);
  }

  // ---- the top: the unused rest of the newest segment, marked as in use so that nobody joins it by mistake

  private setTop(ref: number, units: number): void {
    this.top = ref;
    this.topUnits = units;
    this.words[ref >>> SEGMENT_SHIFT]![(ref & UNIT_MASK) << 2] = units << SIZE_SHIFT;
  }

  /** Cuts `units` off the top; at least one unit must be left, so that the top always has a place of its own. */
  private takeTop(units: number): number {
    const ref = this.top;
    const words = this.words[ref >>> SEGMENT_SHIFT]!;
    const place = (ref & UNIT_MASK) << 2;
    words[place] = units << SIZE_SHIFT;
    words[place + (units << 2)] = (this.topUnits - units) << SIZE_SHIFT;
    this.top = ref + units;
    this.topUnits -= units;
    return ref;
  }

  private retireTop(): void {
    const ref = this.top;
    const units = this.topUnits;
    this.top = 0;
    this.topUnits = 0;
    if (units === SEGMENT_UNITS) this.closeSegment(ref >>> SEGMENT_SHIFT);
    else this.link(ref, units);
  }

  // ---- free lists

  /** Hangs a free block into the list of its size, and tells the block behind it. */
  private link(ref: number, units: number): void {
    const list = listOf(units);
    const words = this.words[ref >>> SEGMENT_SHIFT]!;
    const place = (ref & UNIT_MASK) << 2;
    const next = this.heads[list]!;
    words[place] = (units << SIZE_SHIFT) | FREE;
    words[place + 1] = next;
    words[place + 2] = 0;
    words[place + (units << 2) - 1] = units;
    if (next !== 0) this.words[next >>> SEGMENT_SHIFT]![((next & UNIT_MASK) << 2) + 2] = ref;
    this.heads[list] = ref;
    this.markList(list);
    const behind = place + (units << 2);
    if (behind < SEGMENT_UNITS << 2) words[behind]! |= BEFORE_IS_FREE;
  }

  /** Takes a free block out of its list; the caller rewrites its first word. */
  private unlink(ref: number, units: number): void {
    const words = this.words[ref >>> SEGMENT_SHIFT]!;
    const place = (ref & UNIT_MASK) << 2;
    const next = words[place + 1]!;
    const previous = words[place + 2]!;
    if (next !== 0) this.words[next >>> SEGMENT_SHIFT]![((next & UNIT_MASK) << 2) + 2] = previous;
    if (previous !== 0) this.words[previous >>> SEGMENT_SHIFT]![((previous & UNIT_MASK) << 2) + 1] = next;
    else {
      const list = listOf(units);
      this.heads[list] = next;
      if (next === 0) this.clearList(list);
    }
    const behind = place + (units << 2);
    if (behind < SEGMENT_UNITS << 2) words[behind]! &= ~BEFORE_IS_FREE;
  }

  /** The first free block that has at least `units`, cut to size; 0 when there is none. */
  private takeFromLists(units: number): number {
    const list = this.firstListFrom(units < EXACT_UNITS ? units : listOf(units) + 1);
    if (list === 0) return 0;
    const ref = this.heads[list]!;
    const words = this.words[ref >>> SEGMENT_SHIFT]!;
    const place = (ref & UNIT_MASK) << 2;
    const unitsFound = words[place]! >>> SIZE_SHIFT;
    this.unlink(ref, unitsFound);
    words[place] = units << SIZE_SHIFT;
    if (unitsFound > units) this.link(ref + units, unitsFound - units);
    return ref;
  }

  /** The first list at or after `list` that has a block; 0 when there is none. */
  private firstListFrom(list: number): number {
    let row = rowOf(list);
    if (row > ROWS) return 0;
    let bits = this.cuts[row]! & (-1 << cutOf(list));
    if (bits === 0) {
      const rows = this.rows & (-1 << (row + 1));
      if (rows === 0) return 0;
      row = lowestBit(rows);
      bits = this.cuts[row]!;
    }
    const cut = lowestBit(bits);
    return row === 0 ? cut : EXACT_UNITS + (row - 1) * CUTS + cut;
  }

  private markList(list: number): void {
    const row = rowOf(list);
    this.rows |= 1 << row;
    this.cuts[row]! |= 1 << cutOf(list);
  }

  private clearList(list: number): void {
    const row = rowOf(list);
    this.cuts[row]! &= ~(1 << cutOf(list));
    if (this.cuts[row] === 0) this.rows &= ~(1 << row);
  }
}

function lowestBit(bits: number): number {
  return 31 - Math.clz32(bits & -bits);
}

/** The number of the list in which blocks of this size hang: 1 to 31 exact, then 16 a power of two. */
function listOf(units: number): number {
  if (units < EXACT_UNITS) return units;
  const log = 31 - Math.clz32(units);
  return EXACT_UNITS + (log - EXACT_LOG) * CUTS + ((units >>> (log - CUTS_LOG)) & (CUTS - 1));
}

function rowOf(list: number): number {
  return list < EXACT_UNITS ? 0 : ((list - EXACT_UNITS) >>> CUTS_LOG) + 1;
}

function cutOf(list: number): number {
  return list < EXACT_UNITS ? list : (list - EXACT_UNITS) & (CUTS - 1);
}

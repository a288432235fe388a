/**
 * The byte table: the index from a key's bytes to its entry. A keyspace has one, and so has every large bucket.
 *
 * It is extendible hashing (R. Fagin et al., ACM TODS 4(3), 1979) over 32-bit hashes. The table is cut into segments
 * of at most 1,024 slots. A directory, indexed by the first bits of the hash, says which segment holds it; a segment
 * that is full is split in two by its next bit. Growing therefore costs one segment's work at a time, never a copy of
 * the table, and shrinking joins two segments in the same way.
 *
 *     hash   | directory bits | slot bits (home slot) | rest |
 *
 * A slot is two words: the hash and the ref of the entry (0: free). In a segment the slots are probed one after the
 * other from the home slot; a removed slot is closed by moving its followers back, so there are no tombstones.
 *
 * Directory bits and slot bits are the front of the hash in order. So the table, walked segment by segment and home
 * slot by home slot, is walked in the order of hashes, however it is cut at that moment. That makes the cursor of
 * `scan` simply a hash: what has a lower one was returned, what has not was not. An entry never changes its hash, so
 * what is in the table from start to end is returned exactly once, whether the table grows or shrinks meanwhile.
 *
 * Segments live in the arena, each behind a header of four words: the arena's, the number of slots as a power of two,
 * the number of hash bits that the segment stands for, and the number of entries. The directory is the only thing on
 * the JavaScript heap: 4 bytes for up to 768 entries.
 */
import { type Arena, SEGMENT_SHIFT, UNIT_MASK } from './arena.js';
import { HAS_EXPIRY, HEADER_BYTES } from './entry.js';
import { type Slice, sameBytes } from '../util/bytes.js';
import { type HashSeed, halfSipHash } from '../util/half-siphash.js';
import type { Random } from '../util/random.js';

/** Slots of a segment: a small table starts at the least and doubles; at the most it splits instead. */
const SLOT_BITS_MIN = 3;
const SLOT_BITS_MAX = 10;

/** A segment is full at three quarters; two that are together below three eighths of one are joined. */
const isFull = (count: number, slotBits: number): boolean => count >= (3 << slotBits) >>> 2;
const fitsJoined = (count: number, slotBits: number): boolean => count < (3 << slotBits) >>> 3;

const SLOT_BITS_AT = 1;
const DEPTH_AT = 2;
const COUNT_AT = 3;
const HEADER_WORDS = 4;

/** What a slot takes: a hash and a ref. */
export const SLOT_BYTES = 8;

export const CURSOR_END = 2 ** 32;

export class ByteTable {
  private directory = new Int32Array(1);
  /** The directory has 2 ** depth cells; `shift` is 31 - depth. */
  private shift = 31;
  private readonly segmentsAtDepth = new Int32Array(33);
  private entryCount = 0;
  private slotTotal = 0;

  constructor(
    private readonly arena: Arena,
    private readonly seed: HashSeed,
  ) {
    this.directory[0] = this.newSegment(SLOT_BITS_MIN, 0);
  }

  /** How many entries the table holds. */
  get size(): number {
    return this.entryCount;
  }

  /** How many slots there are; with `size` it gives the load. */
  get slots(): number {
    return this.slotTotal;
  }

  /** The hash of a key, as this table uses it: a signed 32-bit integer. */
  hashOf(key: Slice): number {
    return halfSipHash(key.bytes, key.offset, key.length, this.seed.low, this.seed.high);
  }

  /** The ref of the entry with this key, or 0. Leaves the key's hash in `key.hash`. */
  find(key: Slice): number {
    const hash = halfSipHash(key.bytes, key.offset, key.length, this.seed.low, this.seed.high);
    key.hash = hash;
    return this.findHashed(key, hash);
  }

  /** As `find`, for a key whose hash is known. */
  findHashed(key: Slice, hash: number): number {
    const segment = this.directory[(hash >>> 1) >>> this.shift]!;
    const words = this.arena.words[segment >>> SEGMENT_SHIFT]!;
    const header = (segment & UNIT_MASK) << 2;
    const slotBits = words[header + SLOT_BITS_AT]!;
    const mask = (1 << slotBits) - 1;
    const first = header + HEADER_WORDS;
    let slot = (hash << words[header + DEPTH_AT]!) >>> (32 - slotBits);
    for (;;) {
      const ref = words[first + (slot << 1) + 1]!;
      if (ref === 0) return 0;
      if (words[first + (slot << 1)] === hash && this.hasKey(ref, key)) return ref;
      slot = (slot + 1) & mask;
    }
  }

  /** What stands in the slot at which a look-up begins; see foresight.ts. */
  readSlot(hash: number): number {
    const segment = this.directory[(hash >>> 1) >>> this.shift]!;
    const words = this.arena.words[segment >>> SEGMENT_SHIFT]!;
    const header = (segment & UNIT_MASK) << 2;
    const slot = (hash << words[header + DEPTH_AT]!) >>> (32 - words[header + SLOT_BITS_AT]!);
    return words[header + HEADER_WORDS + (slot << 1)]!;
  }

  /** The ref of the first entry with this hash, which nearly always is the one that is looked for; 0 for none. */
  likelyRef(hash: number): number {
    const segment = this.directory[(hash >>> 1) >>> this.shift]!;
    const words = this.arena.words[segment >>> SEGMENT_SHIFT]!;
    const header = (segment & UNIT_MASK) << 2;
    const slotBits = words[header + SLOT_BITS_AT]!;
    const mask = (1 << slotBits) - 1;
    const first = header + HEADER_WORDS;
    let slot = (hash << words[header + DEPTH_AT]!) >>> (32 - slotBits);
    for (;;) {
      const ref = words[first + (slot << 1) + 1]!;
      if (ref === 0 || words[first + (slot << 1)] === hash) return ref;
      slot = (slot + 1) & mask;
    }
  }

  private hasKey(ref: number, key: Slice): boolean {
    const words = this.arena.words[ref >>> SEGMENT_SHIFT]!;
    const place = (ref & UNIT_MASK) << 2;
    const length = words[place + 2]!;
    if (length !== key.length) return false;
    const offset = (place << 2) + HEADER_BYTES + ((words[place + 1]! & HAS_EXPIRY) >>> 1);
    return sameBytes(this.arena.bytes[ref >>> SEGMENT_SHIFT]!, offset, key.bytes, key.offset, length);
  }

  /** Adds an entry whose key is not in the table. */
  insert(hash: number, ref: number): void {
    let segment = this.segmentOf(hash);
    while (isFull(this.header(segment, COUNT_AT), this.header(segment, SLOT_BITS_AT))) {
      this.grow(segment, hash);
      segment = this.segmentOf(hash);
    }
    this.place(segment, hash, ref);
    this.entryCount++;
  }

  /** Sees to it that the next `insert` of an entry with this hash takes no memory. */
  makeRoom(hash: number): void {
    for (;;) {
      const segment = this.segmentOf(hash);
      if (!isFull(this.header(segment, COUNT_AT), this.header(segment, SLOT_BITS_AT))) return;
      this.grow(segment, hash);
    }
  }

  /** Puts `ref` in the place of `oldRef`, which must be in the table under `hash`: the entry has moved. */
  replace(hash: number, oldRef: number, ref: number): void {
    const segment = this.segmentOf(hash);
    this.arena.words[segment >>> SEGMENT_SHIFT]![this.slotOf(segment, hash, oldRef) + 1] = ref;
  }

  /** Takes an entry out; it must be in the table. The entry itself is left to the caller. */
  remove(hash: number, ref: number): void {
    const segment = this.segmentOf(hash);
    this.closeSlot(segment, this.slotOf(segment, hash, ref));
    this.entryCount--;
    const count = this.changeCount(segment, -1);
    // A look at the neighbour now and then is enough.
    if ((count & 15) === 0) this.shrink(segment, hash);
  }

  /**
   * Calls `visit` for the entries from `cursor` on, one home slot's worth, and returns the cursor to go on with, or
   * CURSOR_END. Begin with 0. `visit` must not change the table.
   */
  scan(cursor: number, visit: (ref: number, hash: number) => void): number {
    const segment = this.segmentOf(cursor | 0);
    const words = this.arena.words[segment >>> SEGMENT_SHIFT]!;
    const header = (segment & UNIT_MASK) << 2;
    const slotBits = words[header + SLOT_BITS_AT]!;
    const depth = words[header + DEPTH_AT]!;
    const mask = (1 << slotBits) - 1;
    const first = header + HEADER_WORDS;
    const home = (cursor << depth) >>> (32 - slotBits);
    for (let slot = home; words[first + (slot << 1) + 1] !== 0; slot = (slot + 1) & mask) {
      const hash = words[first + (slot << 1)]!;
      if ((hash << depth) >>> (32 - slotBits) !== home || hash >>> 0 < cursor) continue;
      visit(words[first + (slot << 1) + 1]!, hash);
    }
    const cell = 2 ** (32 - depth - slotBits);
    return (Math.floor(cursor / cell) + 1) * cell;
  }

  /** The ref of an entry drawn at random (each about equally likely), or 0 when the table is empty. */
  random(random: Random): number {
    if (this.entryCount === 0) return 0;
    for (;;) {
      const segment = this.segmentOf((random.next() * 2 ** 32) | 0);
      if (this.header(segment, COUNT_AT) === 0) continue;
      const words = this.arena.words[segment >>> SEGMENT_SHIFT]!;
      const header = (segment & UNIT_MASK) << 2;
      const slots = 1 << words[header + SLOT_BITS_AT]!;
      // A random slot is taken or not: drawing again until it is gives each entry of the segment the same chance.
      for (;;) {
        const ref = words[header + HEADER_WORDS + (Math.floor(random.next() * slots) << 1) + 1]!;
        if (ref !== 0) return ref;
      }
    }
  }

  /**
   * Takes the table apart, a segment a call: `release` is called for the segment's entries, then the segment is freed.
   * Returns false when nothing is left; the table must not be used otherwise from the first call on.
   */
  dismantle(release: (ref: number) => void): boolean {
    const last = this.directory.length - 1;
    if (last < 0) return false;
    const segment = this.directory[last]!;
    const words = this.arena.words[segment >>> SEGMENT_SHIFT]!;
    const header = (segment & UNIT_MASK) << 2;
    const slots = 1 << words[header + SLOT_BITS_AT]!;
    for (let slot = 0; slot < slots; slot++) {
      const ref = words[header + HEADER_WORDS + (slot << 1) + 1]!;
      if (ref !== 0) release(ref);
    }
    const cells = this.cellsOf(words[header + DEPTH_AT]!);
    this.directory = this.directory.subarray(0, this.directory.length - cells);
    this.arena.free(segment);
    return this.directory.length > 0;
  }

  // ---- segments

  private segmentOf(hash: number): number {
    return this.directory[(hash >>> 1) >>> this.shift]!;
  }

  private header(segment: number, at: number): number {
    return this.arena.words[segment >>> SEGMENT_SHIFT]![((segment & UNIT_MASK) << 2) + at]!;
  }

  private changeCount(segment: number, by: number): number {
    return (this.arena.words[segment >>> SEGMENT_SHIFT]![((segment & UNIT_MASK) << 2) + COUNT_AT]! += by);
  }

  private newSegment(slotBits: number, depth: number): number {
    const segment = this.arena.allocate((HEADER_WORDS + (2 << slotBits)) * 4);
    const words = this.arena.words[segment >>> SEGMENT_SHIFT]!;
    const header = (segment & UNIT_MASK) << 2;
    words[header + SLOT_BITS_AT] = slotBits;
    words[header + DEPTH_AT] = depth;
    words[header + COUNT_AT] = 0;
    words.fill(0, header + HEADER_WORDS, header + HEADER_WORDS + (2 << slotBits));
    this.segmentsAtDepth[depth]!++;
    this.slotTotal += 1 << slotBits;
    return segment;
  }

  private dropSegment(segment: number): void {
    this.segmentsAtDepth[this.header(segment, DEPTH_AT)]!--;
    this.slotTotal -= 1 << this.header(segment, SLOT_BITS_AT);
    this.arena.free(segment);
  }

  /** Puts an entry into the first free slot from its home on. */
  private place(segment: number, hash: number, ref: number): void {
    const words = this.arena.words[segment >>> SEGMENT_SHIFT]!;
    const header = (segment & UNIT_MASK) << 2;
    const slotBits = words[header + SLOT_BITS_AT]!;
    const mask = (1 << slotBits) - 1;
    const first = header + HEADER_WORDS;
    let slot = (hash << words[header + DEPTH_AT]!) >>> (32 - slotBits);
    while (words[first + (slot << 1) + 1] !== 0) slot = (slot + 1) & mask;
    words[first + (slot << 1)] = hash;
    words[first + (slot << 1) + 1] = ref;
    words[header + COUNT_AT]!++;
  }

  /** The word at which the slot of an entry that is in the table begins. */
  private slotOf(segment: number, hash: number, ref: number): number {
    const words = this.arena.words[segment >>> SEGMENT_SHIFT]!;
    const header = (segment & UNIT_MASK) << 2;
    const slotBits = words[header + SLOT_BITS_AT]!;
    const mask = (1 << slotBits) - 1;
    const first = header + HEADER_WORDS;
    let slot = (hash << words[header + DEPTH_AT]!) >>> (32 - slotBits);
    for (let probes = 0; words[first + (slot << 1) + 1] !== ref; probes++) {
      if (probes > mask) throw new Error(`byte table: entry ${ref} is not under hash ${hash}`);
      slot = (slot + 1) & mask;
    }
    return first + (slot << 1);
  }

  /** Frees a slot and moves back every follower that may stand nearer to its home. */
  private closeSlot(segment: number, slotWord: number): void {
    const words = this.arena.words[segment >>> SEGMENT_SHIFT]!;
    const header = (segment & UNIT_MASK) << 2;
    const slotBits = words[header + SLOT_BITS_AT]!;
    const depth = words[header + DEPTH_AT]!;
    const mask = (1 << slotBits) - 1;
    const first = header + HEADER_WORDS;
    let hole = (slotWord - first) >>> 1;
    for (let slot = (hole + 1) & mask; words[first + (slot << 1) + 1] !== 0; slot = (slot + 1) & mask) {
      const home = (words[first + (slot << 1)]! << depth) >>> (32 - slotBits);
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue;
      words[first + (hole << 1)] = words[first + (slot << 1)]!;
      words[first + (hole << 1) + 1] = words[first + (slot << 1) + 1]!;
      hole = slot;
    }
    words[first + (hole << 1) + 1] = 0;
  }

  private moveAll(from: number, target: (hash: number) => number): void {
    const words = this.arena.words[from >>> SEGMENT_SHIFT]!;
    const first = ((from & UNIT_MASK) << 2) + HEADER_WORDS;
    const end = first + (2 << this.header(from, SLOT_BITS_AT));
    for (let at = first; at < end; at += 2) {
      if (words[at + 1] !== 0) this.place(target(words[at]!), words[at]!, words[at + 1]!);
    }
  }

  // ---- growing and shrinking

  /** Doubles a small segment, or splits one that has its full size. */
  private grow(segment: number, hash: number): void {
    const slotBits = this.header(segment, SLOT_BITS_AT);
    const depth = this.header(segment, DEPTH_AT);
    if (slotBits < SLOT_BITS_MAX) {
      const larger = this.newSegment(slotBits + 1, depth);
      this.moveAll(segment, () => larger);
      this.point(hash, depth, larger);
    } else {
      if (this.cellsOf(depth) === 1) this.doubleDirectory();
      const bit = 31 - depth;
      const low = this.newSegment(slotBits, depth + 1);
      const high = this.newSegment(slotBits, depth + 1);
      this.moveAll(segment, (each) => ((each >>> bit) & 1 ? high : low));
      this.point(hash & ~(1 << bit), depth + 1, low);
      this.point(hash | (1 << bit), depth + 1, high);
    }
    this.dropSegment(segment);
  }

  /** Halves a sparse small table, or joins a sparse segment with its neighbour. */
  private shrink(segment: number, hash: number): void {
    if (!this.arena.canGrow) return;
    const slotBits = this.header(segment, SLOT_BITS_AT);
    const depth = this.header(segment, DEPTH_AT);
    const count = this.header(segment, COUNT_AT);
    if (depth === 0) {
      if (slotBits === SLOT_BITS_MIN || !fitsJoined(count, slotBits - 1)) return;
      const smaller = this.newSegment(slotBits - 1, 0);
      this.moveAll(segment, () => smaller);
      this.point(hash, 0, smaller);
      this.dropSegment(segment);
      return;
    }
    const neighbour = this.segmentOf(hash ^ (1 << (32 - depth)));
    if (this.header(neighbour, DEPTH_AT) !== depth) return;
    if (!fitsJoined(count + this.header(neighbour, COUNT_AT), slotBits)) return;
    const joined = this.newSegment(slotBits, depth - 1);
    this.moveAll(segment, () => joined);
    this.moveAll(neighbour, () => joined);
    this.point(hash, depth - 1, joined);
    this.dropSegment(segment);
    this.dropSegment(neighbour);
    if (this.segmentsAtDepth[31 - this.shift] === 0) this.halveDirectory();
  }

  /** How many directory cells point to a segment of this depth. */
  private cellsOf(depth: number): number {
    return 1 << (31 - this.shift - depth);
  }

  /** Points the cells that stand for the first `depth` bits of `hash` to `segment`. */
  private point(hash: number, depth: number, segment: number): void {
    const cells = this.cellsOf(depth);
    const start = ((hash >>> 1) >>> this.shift) & -cells;
    this.directory.fill(segment, start, start + cells);
  }

  private doubleDirectory(): void {
    const wider = new Int32Array(this.directory.length * 2);
    for (let i = 0; i < this.directory.length; i++) wider[2 * i] = wider[2 * i + 1] = this.directory[i]!;
    this.directory = wider;
    this.shift--;
  }

  private halveDirectory(): void {
    const narrower = new Int32Array(this.directory.length / 2);
    for (let i = 0; i < narrower.length; i++) narrower[i] = this.directory[2 * i]!;
    this.directory = narrower;
    this.shift++;
  }
}

/**
 * The stream index: records in the order of their stream IDs, off the JavaScript heap. A stream has one over its nodes,
 * a consumer group one over its pending entries, and so has each consumer. Pending entries can be millions; none of
 * them is a JavaScript object.
 *
 *     leaves   ref, ref, ref, ...
 *     leaf     | the arena's word | records | record | record | ...          at most 128 records
 *     record   | ms high | ms low | sequence high | sequence low | the owner's words |
 *
 * It is a B+ tree of two levels: 10,000,000 records have some 80,000 leaves, whose refs are one array of small integers
 * that the garbage collector passes over. A look-up is a binary search over the leaves' first records and one in the
 * leaf. A record at the end is added without any. A full leaf is cut in two, but at the end a new one is begun, so that
 * what comes in order fills its leaves. A sparse leaf is joined with its neighbour, and one that grows begins small.
 *
 * There is one place in an index, its cursor: what seeks leaves it at a record, what reads and writes a record's words
 * means that one. Who walks over the index must not have it sought in meanwhile.
 *
 * A snapshot has an index of its own that begins with the same leaves (`freeze`). A leaf that is about to change is
 * copied for it first, and one that leaves this index is left to it. Whether both still have a leaf tells a look-up of
 * the leaf's first record.
 */
import { Arena, SEGMENT_SHIFT, UNIT_MASK } from './arena.js';
import { StreamId } from './stream-id.js';

const LEAF_RECORDS_MAX = 128;
/** A new index's leaf has so much room, and doubles it. */
const LEAF_RECORDS_MIN = 4;
const ID_WORDS = 4;
/** Words in front of a leaf's records. */
const LEAF_HEADER_WORDS = 2;
const COUNT_AT = 1;
/** Leaves are freed in slices of so many. */
const FREED_AT_ONCE = 1000;

/** The first record of a leaf that is looked for. */
const leafId = new StreamId();

export class StreamIndex {
  /** How many records there are. */
  size = 0;
  /** What the leaves take. */
  byteCount = 0;
  /** The index of a snapshot that may have leaves of this one. */
  private frozen: StreamIndex | undefined;
  /** In a frozen index: its leaves that the other does not have, or does not have any more. */
  private readonly ownLeaves: number[] = [];

  private readonly recordWords: number;
  private readonly leaves: number[] = [];
  /** The cursor: the leaf, and the record in it. */
  private leafAt = 0;
  private at = 0;

  constructor(
    private readonly arena: Arena,
    ownWords: number,
  ) {
    this.recordWords = ID_WORDS + ownWords;
  }

  // ---- the record at the cursor

  readId(into: StreamId): StreamId {
    const words = this.words(this.leaves[this.leafAt]!);
    const place = this.placeOf(this.leaves[this.leafAt]!, this.at);
    return into.set(words[place]! >>> 0, words[place + 1]! >>> 0, words[place + 2]! >>> 0, words[place + 3]! >>> 0);
  }

  /** The owner's word `index`, signed. */
  word(index: number): number {
    const ref = this.leaves[this.leafAt]!;
    return this.words(ref)[this.placeOf(ref, this.at) + ID_WORDS + index]!;
  }

  setWord(index: number, value: number): void {
    if (this.frozen !== undefined) this.frozen.copyLeaf(this.leaves[this.leafAt]!);
    const ref = this.leaves[this.leafAt]!;
    this.words(ref)[this.placeOf(ref, this.at) + ID_WORDS + index] = value;
  }

  // ---- seeking

  /** Goes to the first record; false when there is none. */
  seekFirst(): boolean {
    this.leafAt = 0;
    this.at = 0;
    return this.size > 0;
  }

  /** Goes to the last record; false when there is none. */
  seekLast(): boolean {
    if (this.size === 0) return false;
    this.leafAt = this.leaves.length - 1;
    this.at = this.countOf(this.leaves[this.leafAt]!) - 1;
    return true;
  }

  /** Goes to the record with this ID; false when there is none, and the cursor is where it would be. */
  seek(id: StreamId): boolean {
    if (this.size === 0) return this.seekFirst();
    this.search(id);
    const ref = this.leaves[this.leafAt]!;
    return this.at < this.countOf(ref) && this.compareAt(ref, this.at, id) === 0;
  }

  /** Goes to the first record whose ID is this one or higher; false when there is none. */
  seekFrom(id: StreamId): boolean {
    if (this.size === 0) return false;
    this.search(id);
    return this.stepOverEnd();
  }

  /** Goes to the last record whose ID is this one or lower; false when there is none. */
  seekUpTo(id: StreamId): boolean {
    if (this.size === 0) return false;
    return this.seek(id) || this.previous();
  }

  /** Goes to the next record; false when there is none. */
  next(): boolean {
    this.at++;
    return this.stepOverEnd();
  }

  /** Goes to the record before; false when there is none. */
  previous(): boolean {
    if (--this.at >= 0) return true;
    if (this.leafAt === 0) return false;
    this.at = this.countOf(this.leaves[--this.leafAt]!) - 1;
    return true;
  }

  /** From the end of a leaf to the beginning of the next; false when there is none. */
  private stepOverEnd(): boolean {
    if (this.at < this.countOf(this.leaves[this.leafAt]!)) return true;
    if (this.leafAt + 1 >= this.leaves.length) return false;
    this.leafAt++;
    this.at = 0;
    return true;
  }

  /** Goes to the last leaf whose first record is not behind `id`, and there to the first that is not before it. */
  private search(id: StreamId): void {
    let low = 0;
    for (let high = this.leaves.length - 1; low < high; ) {
      const middle = (low + high + 1) >>> 1;
      if (this.compareAt(this.leaves[middle]!, 0, id) <= 0) low = middle;
      else high = middle - 1;
    }
    this.leafAt = low;
    const ref = this.leaves[low]!;
    low = 0;
    for (let high = this.countOf(ref); low < high; ) {
      const middle = (low + high) >>> 1;
      if (this.compareAt(ref, middle, id) < 0) low = middle + 1;
      else high = middle;
    }
    this.at = low;
  }

  /** Below 0 when a record is before `id`, 0 when it has it, above 0 when it is behind. */
  private compareAt(ref: number, index: number, id: StreamId): number {
    const words = this.words(ref);
    const place = this.placeOf(ref, index);
    if (words[place]! >>> 0 !== id.msHigh) return (words[place]! >>> 0) - id.msHigh;
    if (words[place + 1]! >>> 0 !== id.msLow) return (words[place + 1]! >>> 0) - id.msLow;
    if (words[place + 2]! >>> 0 !== id.seqHigh) return (words[place + 2]! >>> 0) - id.seqHigh;
    return (words[place + 3]! >>> 0) - id.seqLow;
  }

  // ---- changing

  /** Adds a record, whose own words are undefined, and goes to it. False when there is one with this ID: it stays. */
  insert(id: StreamId): boolean {
    const isEmpty = !this.seekLast();
    if (!isEmpty && this.compareAt(this.leaves[this.leafAt]!, this.at, id) >= 0) {
      if (this.seek(id)) return false;
    } else if (!isEmpty) this.at++;
    this.insertHere(id);
    return true;
  }

  private insertHere(id: StreamId): void {
    if (this.frozen !== undefined && this.leaves.length > 0) this.frozen.copyLeaf(this.leaves[this.leafAt]!);
    if (this.leaves.length === 0) this.addLeaf(0, LEAF_RECORDS_MIN);
    else if (this.countOf(this.leaves[this.leafAt]!) === LEAF_RECORDS_MAX) this.splitLeaf();
    const ref = this.roomyLeaf();
    const words = this.words(ref);
    const place = this.placeOf(ref, this.at);
    const count = this.countOf(ref);
    if (this.at < count) words.copyWithin(place + this.recordWords, place, this.placeOf(ref, count));
    words[place] = id.msHigh;
    words[place + 1] = id.msLow;
    words[place + 2] = id.seqHigh;
    words[place + 3] = id.seqLow;
    this.setCount(ref, count + 1);
    this.size++;
  }

  /** Takes the record at the cursor out. False when none is behind it; otherwise the cursor is at that one. */
  remove(): boolean {
    const ref = this.leaves[this.leafAt]!;
    if (this.frozen !== undefined) this.frozen.copyLeaf(ref);
    const count = this.countOf(ref) - 1;
    const place = this.placeOf(ref, this.at);
    this.words(ref).copyWithin(place, place + this.recordWords, this.placeOf(ref, count + 1));
    this.setCount(ref, count);
    this.size--;
    if (count === 0) {
      this.dropLeaf(this.leafAt);
      this.at = 0;
      if (this.leafAt < this.leaves.length) return true;
      this.seekLast();
      return false;
    }
    if (count < LEAF_RECORDS_MAX >>> 2) this.joinLeaf();
    return this.stepOverEnd();
  }

  /**
   * Takes the leaves apart from the last on, one a call; `release` is called with each record's first own word. Returns
   * false when nothing is left; the index must not be used otherwise from the first call on.
   */
  dismantle(release: (word: number) => void): boolean {
    const ref = this.leaves.pop();
    if (ref === undefined) return false;
    const words = this.words(ref);
    const count = this.countOf(ref);
    for (let index = 0; index < count; index++) release(words[this.placeOf(ref, index) + ID_WORDS]!);
    this.freeLeaf(ref);
    return this.leaves.length > 0;
  }

  /** The first own word of the record with this ID; 0 when there is none. The cursor stays where it is. */
  wordOf(id: StreamId): number {
    const { leafAt, at } = this;
    const word = this.seek(id) ? this.word(0) : 0;
    this.leafAt = leafAt;
    this.at = at;
    return word;
  }

  // ---- snapshots

  /** Makes `frozen`, an empty index of the same kind, one with the same records, which stay as they are now. */
  freeze<T extends StreamIndex>(frozen: T): T {
    for (const ref of this.leaves) frozen.leaves.push(ref);
    frozen.size = this.size;
    this.frozen = frozen;
    return frozen;
  }

  /** The frozen index is not used any more. Frees some of what only it has; false when nothing is left. */
  thaw(frozen: StreamIndex): boolean {
    this.frozen = undefined;
    for (const ref of frozen.ownLeaves.splice(-FREED_AT_ONCE)) this.arena.free(ref);
    return frozen.ownLeaves.length > 0;
  }

  /** The other index is about to change its leaf `ref`. */
  private copyLeaf(ref: number): void {
    const place = this.findLeaf(ref);
    if (place < 0) return;
    const copy = this.arena.allocate(this.arena.sizeOf(ref));
    this.leaves[place] = copy;
    this.copyRecords(ref, 0, this.countOf(ref), copy, 0);
    this.ownLeaves.push(copy);
  }

  /** The other index is about to free its leaf `ref`; true when that is left to this one. */
  private takeLeaf(ref: number): boolean {
    if (this.findLeaf(ref) < 0) return false;
    this.ownLeaves.push(ref);
    return true;
  }

  /** Where the leaf `ref` of the other index is in this one, or -1. The cursor stays where it is. */
  private findLeaf(ref: number): number {
    if (this.size === 0) return -1;
    const { leafAt, at } = this;
    const words = this.words(ref);
    const place = this.placeOf(ref, 0);
    const id = words.subarray(place, place + ID_WORDS);
    this.search(leafId.set(id[0]! >>> 0, id[1]! >>> 0, id[2]! >>> 0, id[3]! >>> 0));
    const found = this.leaves[this.leafAt] === ref ? this.leafAt : -1;
    this.leafAt = leafAt;
    this.at = at;
    return found;
  }

  // ---- leaves

  private words(ref: number): Int32Array {
    return this.arena.words[ref >>> SEGMENT_SHIFT]!;
  }

  /** The word at which a record begins. */
  private placeOf(ref: number, index: number): number {
    return ((ref & UNIT_MASK) << 2) + LEAF_HEADER_WORDS + index * this.recordWords;
  }

  private countOf(ref: number): number {
    return this.words(ref)[((ref & UNIT_MASK) << 2) + COUNT_AT]!;
  }

  private setCount(ref: number, count: number): void {
    this.words(ref)[((ref & UNIT_MASK) << 2) + COUNT_AT] = count;
  }

  private addLeaf(index: number, records: number): number {
    const ref = this.arena.allocate((LEAF_HEADER_WORDS + records * this.recordWords) * 4);
    this.byteCount += this.arena.sizeOf(ref);
    this.setCount(ref, 0);
    this.leaves.splice(index, 0, ref);
    return ref;
  }

  private dropLeaf(index: number): void {
    const [ref] = this.leaves.splice(index, 1);
    this.byteCount -= this.arena.sizeOf(ref!);
    this.freeLeaf(ref!);
  }

  private freeLeaf(ref: number): void {
    if (this.frozen?.takeLeaf(ref) !== true) this.arena.free(ref);
  }

  /** The leaf at the cursor with room for one more record: when it had none, another of twice the size. */
  private roomyLeaf(): number {
    const ref = this.leaves[this.leafAt]!;
    const count = this.countOf(ref);
    if ((LEAF_HEADER_WORDS + (count + 1) * this.recordWords) * 4 <= this.arena.sizeOf(ref)) return ref;
    const larger = this.addLeaf(this.leafAt, Math.min(count * 2, LEAF_RECORDS_MAX));
    this.copyRecords(ref, 0, count, larger, 0);
    this.dropLeaf(this.leafAt + 1);
    return larger;
  }

  /** Copies records behind the first `targetCount` of a leaf, which are then all it has. */
  private copyRecords(from: number, index: number, count: number, target: number, targetCount: number): void {
    const begin = this.placeOf(from, index);
    const source = this.words(from).subarray(begin, begin + count * this.recordWords);
    this.words(target).set(source, this.placeOf(target, targetCount));
    this.setCount(target, targetCount + count);
  }

  /** Cuts the full leaf at the cursor in two, or, when the cursor is at the end of all, begins a new one. */
  private splitLeaf(): void {
    const ref = this.leaves[this.leafAt]!;
    const isAtEnd = this.at === LEAF_RECORDS_MAX && this.leafAt === this.leaves.length - 1;
    const kept = isAtEnd ? LEAF_RECORDS_MAX : LEAF_RECORDS_MAX >>> 1;
    const behind = this.addLeaf(this.leafAt + 1, LEAF_RECORDS_MAX);
    this.copyRecords(ref, kept, LEAF_RECORDS_MAX - kept, behind, 0);
    this.setCount(ref, kept);
    if (this.at < kept || (this.at === kept && !isAtEnd)) return;
    this.at -= kept;
    this.leafAt++;
  }

  /** Joins the sparse leaf at the cursor with that behind or in front of it, if both fit into three quarters of one. */
  private joinLeaf(): void {
    const first = this.leafAt + 1 < this.leaves.length ? this.leafAt : this.leafAt - 1;
    if (first < 0 || !this.arena.canGrow) return;
    const front = this.leaves[first]!;
    const behind = this.leaves[first + 1]!;
    const frontCount = this.countOf(front);
    const count = frontCount + this.countOf(behind);
    if (count > (LEAF_RECORDS_MAX * 3) >>> 2) return;
    if (this.leafAt > first) {
      this.leafAt = first;
      this.at += frontCount;
    }
    const joined = this.addLeaf(first, LEAF_RECORDS_MAX);
    this.copyRecords(front, 0, frontCount, joined, 0);
    this.copyRecords(behind, 0, count - frontCount, joined, frontCount);
    this.dropLeaf(first + 2);
    this.dropLeaf(first + 1);
  }
}

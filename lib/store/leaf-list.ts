/**
 * The leaf list: the order of a large sorted set. It keeps pairs of a score and an entry's ref, lowest score first and
 * the entries' keys as memcmp has them where scores are equal, and it counts: the rank of a pair and the pair at a rank
 * are found without a walk. The entries themselves belong to the byte table beside it (see score-table.ts).
 *
 * It is a B+ tree of fixed height:
 *
 *     list     groups ...                       10,000,000 pairs: about 200 groups
 *     group    count | leaves, at most 128      count: all pairs below
 *     leaf     count | scores | refs, at most 512 pairs, two typed arrays
 *
 * A look-up is three binary searches. Scores are kept in the leaf, so that entries are only read where scores are
 * equal. A rank is a sum over the counts of groups and leaves in front: some hundred additions. What is full is split
 * in two, so an insert moves at most one leaf and one group's list. Who adds at the end splits off nothing but the new
 * pair, so that sets built in order have full leaves. What gets sparse is joined with its neighbour.
 */
import type { Arena } from './arena.js';
import { entryBytes, keyLength, keyOffset } from './entry.js';
import { compareBytes } from '../util/bytes.js';

const LEAF_PAIRS_MAX = 512;
/** A new list's leaf has so much room, and doubles it. */
const LEAF_ROOM_MIN = 32;
const GROUP_LEAVES_MAX = 128;
/** What a pair takes, room to spare included; measured with scores at random. */
const PAIR_BYTES = 18;

/** A place between pairs, told by the pairs that are before it: no others may be in front of one of them. */
export interface Place {
  isBefore(score: number, ref: number): boolean;
}

class Leaf {
  count = 0;
  scores: Float64Array;
  refs: Int32Array;

  constructor(room: number) {
    this.scores = new Float64Array(room);
    this.refs = new Int32Array(room);
  }

  insert(index: number, score: number, ref: number): void {
    if (this.count === this.refs.length) this.resize(this.count * 2);
    this.scores.copyWithin(index + 1, index, this.count);
    this.refs.copyWithin(index + 1, index, this.count);
    this.scores[index] = score;
    this.refs[index] = ref;
    this.count++;
  }

  remove(index: number, count: number): void {
    this.scores.copyWithin(index, index + count, this.count);
    this.refs.copyWithin(index, index + count, this.count);
    this.count -= count;
  }

  /** Moves the pairs from `index` on to a new leaf. */
  split(index: number): Leaf {
    const behind = new Leaf(LEAF_PAIRS_MAX);
    behind.append(this, index);
    this.count = index;
    return behind;
  }

  /** Copies the other's pairs from `index` on behind this one's. */
  append(other: Leaf, index: number): void {
    const room = this.count + other.count - index;
    if (room > this.refs.length) this.resize(LEAF_PAIRS_MAX);
    this.scores.set(other.scores.subarray(index, other.count), this.count);
    this.refs.set(other.refs.subarray(index, other.count), this.count);
    this.count = room;
  }

  private resize(room: number): void {
    const { scores, refs } = this;
    this.scores = new Float64Array(room);
    this.refs = new Int32Array(room);
    this.scores.set(scores);
    this.refs.set(refs);
  }
}

class Group {
  /** The pairs of all leaves. */
  count = 0;

  constructor(readonly leaves: Leaf[]) {
    for (const leaf of leaves) this.count += leaf.count;
  }
}

export class LeafList {
  private readonly groups: Group[] = [new Group([new Leaf(LEAF_ROOM_MIN)])];
  private pairCount = 0;
  /** Where the last search ended: between pair `at` - 1 and pair `at` of that leaf. */
  private groupAt = 0;
  private leafAt = 0;
  private at = 0;
  private readonly place: EntryPlace;

  constructor(private readonly arena: Arena) {
    this.place = new EntryPlace(arena);
  }

  get size(): number {
    return this.pairCount;
  }

  /** The lowest score; Infinity when there is no pair. */
  get firstScore(): number {
    return this.pairCount === 0 ? Infinity : this.groups[0]!.leaves[0]!.scores[0]!;
  }

  /** The ref of the first pair, or 0. */
  get firstRef(): number {
    return this.pairCount === 0 ? 0 : this.groups[0]!.leaves[0]!.refs[0]!;
  }

  /** The list is not used any more: its memory no longer counts. */
  forget(): void {
    this.arena.besideBytes -= this.pairCount * PAIR_BYTES;
    this.pairCount = 0;
  }

  /** Bytes that scores and refs take. */
  get byteCount(): number {
    let room = 0;
    for (const { leaves } of this.groups) for (const { refs } of leaves) room += refs.length;
    return room * 12;
  }

  /** Adds a pair, which must not be in the list. */
  insert(score: number, ref: number): void {
    this.search(this.place.set(score, ref));
    const group = this.groups[this.groupAt]!;
    let leaf = group.leaves[this.leafAt]!;
    if (leaf.count === LEAF_PAIRS_MAX) leaf = this.splitLeaf(group, leaf);
    leaf.insert(this.at, score, ref);
    this.groups[this.groupAt]!.count++;
    this.pairCount++;
    this.arena.besideBytes += PAIR_BYTES;
  }

  /** Takes a pair out, which must be in the list. */
  remove(score: number, ref: number): void {
    this.search(this.place.set(score, ref));
    this.stepOverEnd();
    if (this.leaf.refs[this.at] !== ref) throw new Error(`leaf list: entry ${ref} is not under score ${score}`);
    this.cut(1);
  }

  /** Takes `count` pairs out, from that at `rank` on, and calls `release` with each ref. */
  removeRange(rank: number, count: number, release: (ref: number) => void): void {
    for (let left = count; left > 0; ) {
      this.seek(rank);
      const { leaf } = this;
      const taken = Math.min(left, leaf.count - this.at);
      for (let index = this.at; index < this.at + taken; index++) release(leaf.refs[index]!);
      this.cut(taken);
      left -= taken;
    }
  }

  /** How many pairs are before a place. */
  rankOf(place: Place): number {
    this.search(place);
    let rank = this.at;
    for (let index = 0; index < this.groupAt; index++) rank += this.groups[index]!.count;
    const { leaves } = this.groups[this.groupAt]!;
    for (let index = 0; index < this.leafAt; index++) rank += leaves[index]!.count;
    return rank;
  }

  /** How many pairs are before this one. */
  rankOfPair(score: number, ref: number): number {
    return this.rankOf(this.place.set(score, ref));
  }

  /** Calls `visit` for `count` pairs, from that at `rank` on, upwards or downwards. All of them must be there. */
  walk(rank: number, count: number, isReverse: boolean, visit: (ref: number, score: number) => void): void {
    if (count <= 0) return;
    this.seek(rank);
    // `visit` may search in this list.
    let { groupAt, leafAt, at } = this;
    for (let left = count; left > 0; left--) {
      const leaf = this.groups[groupAt]!.leaves[leafAt]!;
      visit(leaf.refs[at]!, leaf.scores[at]!);
      if (left === 1) return;
      if (isReverse ? --at >= 0 : ++at < leaf.count) continue;
      leafAt += isReverse ? -1 : 1;
      if (leafAt < 0 || leafAt === this.groups[groupAt]!.leaves.length) {
        groupAt += isReverse ? -1 : 1;
        leafAt = isReverse ? this.groups[groupAt]!.leaves.length - 1 : 0;
      }
      at = isReverse ? this.groups[groupAt]!.leaves[leafAt]!.count - 1 : 0;
    }
  }

  // ---- finding

  private get leaf(): Leaf {
    return this.groups[this.groupAt]!.leaves[this.leafAt]!;
  }

  /** Goes to a place: the last group and leaf whose first pair is before it, and behind the last such pair there. */
  private search(place: Place): void {
    const { groups } = this;
    let low = 0;
    for (let high = groups.length - 1; low < high; ) {
      const middle = (low + high + 1) >>> 1;
      const first = groups[middle]!.leaves[0]!;
      if (place.isBefore(first.scores[0]!, first.refs[0]!)) low = middle;
      else high = middle - 1;
    }
    this.groupAt = low;
    const { leaves } = groups[low]!;
    low = 0;
    for (let high = leaves.length - 1; low < high; ) {
      const middle = (low + high + 1) >>> 1;
      const first = leaves[middle]!;
      if (place.isBefore(first.scores[0]!, first.refs[0]!)) low = middle;
      else high = middle - 1;
    }
    this.leafAt = low;
    const { scores, refs, count } = leaves[low]!;
    low = 0;
    for (let high = count; low < high; ) {
      const middle = (low + high) >>> 1;
      if (place.isBefore(scores[middle]!, refs[middle]!)) low = middle + 1;
      else high = middle;
    }
    this.at = low;
  }

  /** Goes to the pair at `rank`, which must be there. */
  private seek(rank: number): void {
    let left = rank;
    let groupAt = 0;
    while (left >= this.groups[groupAt]!.count) left -= this.groups[groupAt++]!.count;
    const { leaves } = this.groups[groupAt]!;
    let leafAt = 0;
    while (left >= leaves[leafAt]!.count) left -= leaves[leafAt++]!.count;
    this.groupAt = groupAt;
    this.leafAt = leafAt;
    this.at = left;
  }

  /** From the end of a leaf to the beginning of the next. */
  private stepOverEnd(): void {
    if (this.at < this.leaf.count) return;
    this.at = 0;
    if (++this.leafAt < this.groups[this.groupAt]!.leaves.length) return;
    this.leafAt = 0;
    this.groupAt++;
  }

  // ---- splitting and joining

  /** Splits the full leaf that the last search ended in, and gives the half in which the place is now. */
  private splitLeaf(group: Group, leaf: Leaf): Leaf {
    const index = this.at === LEAF_PAIRS_MAX ? this.at : LEAF_PAIRS_MAX >>> 1;
    group.leaves.splice(this.leafAt + 1, 0, leaf.split(index));
    if (this.at >= index) {
      this.at -= index;
      this.leafAt++;
    }
    if (group.leaves.length > GROUP_LEAVES_MAX) this.splitGroup(group);
    return this.leaf;
  }

  private splitGroup(group: Group): void {
    const isAtEnd = this.leafAt === group.leaves.length - 1;
    const kept = isAtEnd ? this.leafAt : GROUP_LEAVES_MAX >>> 1;
    const behind = new Group(group.leaves.splice(kept));
    group.count -= behind.count;
    this.groups.splice(this.groupAt + 1, 0, behind);
    if (this.leafAt >= kept) {
      this.leafAt -= kept;
      this.groupAt++;
    }
  }

  /** Takes `count` pairs of one leaf out, from where the last search ended. */
  private cut(count: number): void {
    const group = this.groups[this.groupAt]!;
    const leaf = group.leaves[this.leafAt]!;
    leaf.remove(this.at, count);
    group.count -= count;
    this.pairCount -= count;
    this.arena.besideBytes -= count * PAIR_BYTES;
    if (leaf.count < LEAF_PAIRS_MAX >>> 2) this.joinLeaf(group, leaf);
  }

  /** An empty leaf goes. A sparse one joins that behind or in front of it, if both fit into three quarters of one. */
  private joinLeaf(group: Group, leaf: Leaf): void {
    const { leaves } = group;
    const first = this.leafAt + 1 < leaves.length ? this.leafAt : this.leafAt - 1;
    if (first < 0) {
      if (leaf.count === 0 && this.groups.length > 1) this.groups.splice(this.groupAt, 1);
      return;
    }
    const [front, behind] = [leaves[first]!, leaves[first + 1]!];
    if (leaf.count === 0) leaves.splice(this.leafAt, 1);
    else if (front.count + behind.count <= (LEAF_PAIRS_MAX * 3) >>> 2) {
      front.append(behind, 0);
      leaves.splice(first + 1, 1);
    } else return;
    if (leaves.length < GROUP_LEAVES_MAX >>> 2) this.joinGroup();
  }

  private joinGroup(): void {
    const first = this.groupAt + 1 < this.groups.length ? this.groupAt : this.groupAt - 1;
    if (first < 0) return;
    const [front, behind] = [this.groups[first]!, this.groups[first + 1]!];
    if (front.leaves.length + behind.leaves.length > (GROUP_LEAVES_MAX * 3) >>> 2) return;
    front.leaves.push(...behind.leaves);
    front.count += behind.count;
    this.groups.splice(first + 1, 1);
  }
}

// ---- places

/** Where a pair stands, or would. */
class EntryPlace implements Place {
  private score = 0;
  private ref = 0;

  constructor(private readonly arena: Arena) {}

  set(score: number, ref: number): this {
    this.score = score;
    this.ref = ref;
    return this;
  }

  isBefore(score: number, ref: number): boolean {
    if (score !== this.score) return score < this.score;
    if (ref === this.ref) return false;
    const { arena } = this;
    return compareBytes(
      entryBytes(arena, ref), keyOffset(arena, ref), keyLength(arena, ref),
      entryBytes(arena, this.ref), keyOffset(arena, this.ref), keyLength(arena, this.ref),
    ) < 0;
  }
}

/**
 * Sorted set values: buckets with members that have scores, in order. Handlers find the bucket and call these.
 *
 * A small sorted set is packed into the value of its bucket's entry (packed-scores.ts). One that outgrows that has a
 * score table (score-table.ts); it stays so until it is deleted. As with hashes, how it is kept and what OBJECT
 * ENCODING shows are two things: the shown encoding turns from `listpack` to `skiplist` where redis-server's would, and
 * a flag remembers it.
 *
 * The rank of a member is its place in order, from 0. A member's `Slice` that a function gives points into the arena:
 * it is valid until the next change.
 */
import type { Arena } from './arena.js';
import { CURSOR_END } from './byte-table.js';
import {
  IS_STRUCTURE, SORTED_SET, TYPE_FLAG_A, createEntry, entryBytes, entrySize, expiryOf, hasFlag, keySlice, setFlag,
  valueLength, valueOffset,
} from './entry.js';
import type { Keyspace } from './keyspace.js';
import {
  SCORES_BYTES_MAX, SCORES_HEADER_BYTES, clearScores, findItem, insertItem, itemMember, itemPlaces, itemScore,
  removeItem, removeItems, scoreItemBytes, scoresCount, scoresUsed,
} from './packed-scores.js';
import { ScoreTable } from './score-table.js';
import type { SmallScores } from './small-scores.js';
import type { Range } from './sorted-set-range.js';
import { Slice, copyBytes } from '../util/bytes.js';

/** The sorted set has outgrown its settings, and is shown with encoding `skiplist` however small it gets. */
const SHOWN_AS_SKIPLIST = TYPE_FLAG_A;

/** A look-up in a packed sorted set goes from item to item, so there must not be too many. */
export const PACKED_MEMBERS_MAX = 128;
const HANDLE_BYTES = 4;
/** A block that is used by less than half is exchanged for a smaller one, when it is larger than this. */
const WASTE_MIN_BYTES = 128;
/** Full records grow by an eighth: moves stay rare and the bytes to spare few. */
const GROWTH_SHIFT = 3;

export type VisitMember = (member: Slice, score: number) => void;

/** A member that is to be in a new sorted set. */
export interface ScoredMember {
  member: Slice;
  score: number;
}

/** The table of a sorted set that has one. */
function tableOf(db: Keyspace, ref: number): ScoreTable {
  const structure = db.store.structure(db.handleOf(ref));
  if (!(structure instanceof ScoreTable)) throw new Error(`entry ${ref} holds no table of scores`);
  return structure;
}

function isTable(db: Keyspace, ref: number): boolean {
  return hasFlag(db.store.arena, ref, IS_STRUCTURE);
}

// ---- reading

/** How many members the sorted set has. */
export function memberCount(db: Keyspace, ref: number): number {
  if (isTable(db, ref)) return tableOf(db, ref).members.size;
  const { arena } = db.store;
  return scoresCount(entryBytes(arena, ref), valueOffset(arena, ref));
}

/** A member's score, or undefined when there is no such member. */
export function getScore(db: Keyspace, ref: number, member: Slice): number | undefined {
  if (isTable(db, ref)) return tableOf(db, ref).get(member);
  const { arena } = db.store;
  const bytes = entryBytes(arena, ref);
  const at = findItem(bytes, valueOffset(arena, ref), member);
  return at < 0 ? undefined : itemScore(bytes, at);
}

/** The rank of a member, or -1 when there is no such member. */
export function rankOf(db: Keyspace, ref: number, member: Slice): number {
  if (isTable(db, ref)) return tableOf(db, ref).rankOf(member);
  const { arena } = db.store;
  const bytes = entryBytes(arena, ref);
  const start = valueOffset(arena, ref);
  const at = findItem(bytes, start, member);
  return at < 0 ? -1 : itemPlaces(bytes, start).indexOf(at);
}

/** Calls `visit` for `count` members from `rank` on, upwards or downwards; all of them must be there. */
export function walkMembers(
  db: Keyspace, ref: number, rank: number, count: number, isReverse: boolean, visit: VisitMember,
): void {
  const { arena } = db.store;
  const member = new Slice();
  if (isTable(db, ref)) {
    tableOf(db, ref).order.walk(rank, count, isReverse, (entry, score) => visit(keySlice(arena, entry, member), score));
    return;
  }
  const bytes = entryBytes(arena, ref);
  const places = itemPlaces(bytes, valueOffset(arena, ref));
  for (let step = 0; step < count; step++) {
    const at = places[isReverse ? rank - step : rank + step]!;
    visit(itemMember(bytes, at, member), itemScore(bytes, at));
  }
}

/** Calls `visit` for each member in order. */
export function forEachMember(db: Keyspace, ref: number, visit: VisitMember): void {
  walkMembers(db, ref, 0, memberCount(db, ref), false, visit);
}

/**
 * The rank of the range's lowest member, or of its highest with `isReverse`; -1 when it has none.
 *
 * Over members with different scores a range by member is what a walk from that end meets first, as in redis-server,
 * while the sorted set is packed.
 */
export function firstInRange(db: Keyspace, ref: number, range: Range, isReverse: boolean): number {
  const count = memberCount(db, ref);
  if (range.isEmpty || count === 0) return -1;
  if (isTable(db, ref)) {
    const rank = isReverse ? ranksToMax(db, ref, range) - 1 : ranksBeforeMin(db, ref, range);
    return rank < count ? rank : -1;
  }
  const items = new PackedItems(db, ref);
  if (!items.isFromMin(range, count - 1) || !items.isToMax(range, 0)) return -1;
  let rank = isReverse ? count - 1 : 0;
  if (isReverse) while (rank >= 0 && !items.isToMax(range, rank)) rank--;
  else while (rank < count && !items.isFromMin(range, rank)) rank++;
  const isInside = rank >= 0 && rank < count && items.isFromMin(range, rank) && items.isToMax(range, rank);
  return isInside ? rank : -1;
}

/** How many members from that at `rank` on, in the walk's direction, are there up to the end of the range. */
export function countInRange(db: Keyspace, ref: number, range: Range, rank: number, isReverse: boolean): number {
  const count = memberCount(db, ref);
  if (rank < 0 || rank >= count) return 0;
  if (isTable(db, ref)) {
    const found = isReverse ? rank + 1 - ranksBeforeMin(db, ref, range) : ranksToMax(db, ref, range) - rank;
    return Math.max(0, found);
  }
  const items = new PackedItems(db, ref);
  let at = rank;
  if (isReverse) while (at >= 0 && items.isFromMin(range, at)) at--;
  else while (at < count && items.isToMax(range, at)) at++;
  return Math.abs(at - rank);
}

function ranksBeforeMin(db: Keyspace, ref: number, range: Range): number {
  const { arena } = db.store;
  const member = new Slice();
  return tableOf(db, ref).order.rankOf({
    isBefore: (score, entry) => !range.isFromMin(score, keySlice(arena, entry, member)),
  });
}

function ranksToMax(db: Keyspace, ref: number, range: Range): number {
  if (range.reachesEnd) return memberCount(db, ref);
  const { arena } = db.store;
  const member = new Slice();
  return tableOf(db, ref).order.rankOf({
    isBefore: (score, entry) => range.isToMax(score, keySlice(arena, entry, member)),
  });
}

/** The items of a packed sorted set by their rank. */
class PackedItems {
  private readonly bytes: Buffer;
  private readonly places: Int32Array;
  private readonly member = new Slice();

  constructor(db: Keyspace, ref: number) {
    const { arena } = db.store;
    this.bytes = entryBytes(arena, ref);
    this.places = itemPlaces(this.bytes, valueOffset(arena, ref));
  }

  isFromMin(range: Range, rank: number): boolean {
    const at = this.places[rank]!;
    return range.isFromMin(itemScore(this.bytes, at), itemMember(this.bytes, at, this.member));
  }

  isToMax(range: Range, rank: number): boolean {
    const at = this.places[rank]!;
    return range.isToMax(itemScore(this.bytes, at), itemMember(this.bytes, at, this.member));
  }
}

/** When fewer than one member in this many is wanted, drawing until they differ beats a walk over all. */
const DRAW_SHARE = 3;

/** Calls `visit` for `count` different members drawn at random; the sorted set must have as many. */
export function sampleMembers(db: Keyspace, ref: number, count: number, visit: VisitMember): void {
  const total = memberCount(db, ref);
  const { random } = db.store;
  if (count * DRAW_SHARE < total) {
    const drawn = new Set<number>();
    while (drawn.size < count) drawn.add(Math.floor(random.next() * total));
    for (const rank of drawn) walkMembers(db, ref, rank, 1, false, visit);
    return;
  }
  // Each member is taken with the chance (still wanted) / (still to come), which gives each set the same chance.
  let wanted = count;
  let coming = total;
  forEachMember(db, ref, (member, score) => {
    if (random.next() * coming-- >= wanted) return;
    wanted--;
    visit(member, score);
  });
}

/**
 * Calls `visit` for some members from `cursor` on and gives the cursor to go on with, or CURSOR_END. Begin with 0. A
 * packed sorted set is visited whole, whatever the cursor. `visit` must not change the sorted set.
 */
export function scanMembers(db: Keyspace, ref: number, cursor: number, visit: VisitMember): number {
  if (!isTable(db, ref)) {
    forEachMember(db, ref, visit);
    return CURSOR_END;
  }
  const table = tableOf(db, ref);
  const member = new Slice();
  return table.members.scan(cursor, (entry) => visit(keySlice(table.arena, entry, member), table.scoreOf(entry)));
}

/** The encoding as OBJECT ENCODING shows it. */
export function sortedSetEncoding(arena: Arena, ref: number): 'listpack' | 'skiplist' {
  return hasFlag(arena, ref, SHOWN_AS_SKIPLIST) ? 'skiplist' : 'listpack';
}

/** Shows a sorted set as `listpack` however long its members are, unless it has too many: it came as one. */
export function showAsListpack(db: Keyspace, ref: number): void {
  const { arena, encodingLimits } = db.store;
  setFlag(arena, ref, SHOWN_AS_SKIPLIST, memberCount(db, ref) > encodingLimits.sortedSetEntriesMax);
}

/** Has the sorted set shown with encoding `skiplist` from now on, as redis-server's SORT does. */
export function showAsSkiplist(arena: Arena, ref: number): void {
  setFlag(arena, ref, SHOWN_AS_SKIPLIST, true);
}

/** The bytes that the bucket takes, its share of the keyspace's index left out. */
export function sortedSetBytes(db: Keyspace, ref: number): number {
  const ownBytes = db.store.arena.sizeOf(ref);
  if (!isTable(db, ref)) return ownBytes;
  const { members, order, blockBytes } = tableOf(db, ref);
  return ownBytes + blockBytes + members.slots * 8 + order.byteCount;
}

// ---- changing

/**
 * Adds an empty sorted set under `key`, for which `db.find` has just found nothing, and gives its entry's ref. It has
 * room for so many bytes of members, each counted by `scoreItemBytes`.
 */
export function createSortedSet(db: Keyspace, key: Slice, itemsBytes = 0): number {
  const ref = createPacked(db.store.arena, key, Math.min(SCORES_HEADER_BYTES + itemsBytes, SCORES_BYTES_MAX), 0);
  db.add(key, ref);
  return ref;
}

/** The entry, in no keyspace yet, of a sorted set with these members. */
export function newSortedSetOf(db: Keyspace, key: Slice, members: SmallScores, expiresAtMs: number): number {
  const { arena, encodingLimits } = db.store;
  const { sortedSetEntriesMax, sortedSetMemberBytesMax } = encodingLimits;
  const ref = members.toEntry(arena, key, expiresAtMs);
  const isSkiplist = members.count > sortedSetEntriesMax || members.longest > sortedSetMemberBytesMax;
  setFlag(arena, ref, SHOWN_AS_SKIPLIST, isSkiplist);
  return ref;
}

/** An empty sorted set with room for a record of `byteCount` bytes, or what more the block has; in no keyspace. */
function createPacked(arena: Arena, key: Slice, byteCount: number, expiresAtMs: number): number {
  const size = entrySize(key.length, byteCount, expiresAtMs);
  const spare = -size & 15;
  const ref = createEntry(arena, SORTED_SET, key, byteCount + spare, expiresAtMs);
  clearScores(entryBytes(arena, ref), valueOffset(arena, ref));
  return ref;
}

/** An empty sorted set with a table, in no keyspace. */
function createTable(db: Keyspace, key: Slice, expiresAtMs: number): number {
  const { store } = db;
  const ref = createEntry(store.arena, SORTED_SET, key, HANDLE_BYTES, expiresAtMs);
  setFlag(store.arena, ref, IS_STRUCTURE, true);
  entryBytes(store.arena, ref).writeInt32LE(store.keep(new ScoreTable(store)), valueOffset(store.arena, ref));
  return ref;
}

/**
 * A sorted set called `key` of these members, which are in order and all different. Its entry is in no keyspace: the
 * caller adds it. The members may lie in other buckets of the arena.
 */
export function buildSortedSet(db: Keyspace, key: Slice, members: readonly ScoredMember[]): number {
  const { arena, encodingLimits } = db.store;
  let byteCount = SCORES_HEADER_BYTES;
  let longest = 0;
  for (const { member, score } of members) {
    byteCount += scoreItemBytes(member.length, score);
    longest = Math.max(longest, member.length);
  }
  const isPacked = byteCount <= SCORES_BYTES_MAX && members.length <= PACKED_MEMBERS_MAX;
  const ref = isPacked ? createPacked(arena, key, byteCount, 0) : createTable(db, key, 0);
  const { sortedSetEntriesMax, sortedSetMemberBytesMax } = encodingLimits;
  const isSkiplist = members.length > sortedSetEntriesMax || longest > sortedSetMemberBytesMax;
  setFlag(arena, ref, SHOWN_AS_SKIPLIST, isSkiplist);
  for (const { member, score } of members) {
    const kept = isSkiplist ? score : withoutSignOfZero(score);
    if (isPacked) insertPacked(arena, ref, member, kept);
    else tableOf(db, ref).set(member, kept);
  }
  return ref;
}

/** False when the record has no room. */
function insertPacked(arena: Arena, ref: number, member: Slice, score: number): boolean {
  const start = valueOffset(arena, ref);
  return insertItem(entryBytes(arena, ref), start, start + valueLength(arena, ref), member, score);
}

/**
 * Adds a member, which must be a new one. Returns the bucket's ref, which may be another one; `db.find` has just given
 * `ref` for `key`. `member` must not lie in the sorted set.
 */
export function addMember(db: Keyspace, key: Slice, ref: number, member: Slice, score: number): number {
  const { sortedSetEntriesMax, sortedSetMemberBytesMax } = db.store.encodingLimits;
  if (member.length > sortedSetMemberBytesMax || memberCount(db, ref) >= sortedSetEntriesMax) {
    setFlag(db.store.arena, ref, SHOWN_AS_SKIPLIST, true);
  }
  return putMember(db, key, ref, member, score);
}

/** Gives a member that is there another score; otherwise as `addMember`. */
export function updateMember(db: Keyspace, key: Slice, ref: number, member: Slice, score: number): number {
  if (isTable(db, ref)) return putMember(db, key, ref, member, score);
  // Room first: when there is none, the member keeps the score that it has.
  const roomy = makeRoomFor(db, key, ref, member, score);
  if (!isTable(db, roomy)) deleteMember(db, roomy, member);
  return putMember(db, key, roomy, member, score);
}

/** Lets a packed sorted set, which may be another one or have a table afterwards, take another score for a member. */
function makeRoomFor(db: Keyspace, key: Slice, ref: number, member: Slice, score: number): number {
  const { arena } = db.store;
  const bytes = entryBytes(arena, ref);
  const start = valueOffset(arena, ref);
  const before = scoreItemBytes(member.length, itemScore(bytes, findItem(bytes, start, member)));
  const needed = scoresUsed(bytes, start) + scoreItemBytes(member.length, score) - before;
  if (needed <= valueLength(arena, ref)) return ref;
  if (needed > SCORES_BYTES_MAX) return convertToTable(db, key, ref);
  return resizePacked(db, key, ref, Math.min(needed + (needed >>> GROWTH_SHIFT), SCORES_BYTES_MAX));
}

function putMember(db: Keyspace, key: Slice, ref: number, member: Slice, givenScore: number): number {
  const { arena } = db.store;
  const score = hasFlag(arena, ref, SHOWN_AS_SKIPLIST) ? givenScore : withoutSignOfZero(givenScore);
  if (isTable(db, ref)) {
    tableOf(db, ref).set(member, score);
    return ref;
  }
  const bytes = entryBytes(arena, ref);
  const start = valueOffset(arena, ref);
  const needed = scoresUsed(bytes, start) + scoreItemBytes(member.length, score);
  if (needed > SCORES_BYTES_MAX || scoresCount(bytes, start) >= PACKED_MEMBERS_MAX) {
    const moved = convertToTable(db, key, ref);
    tableOf(db, moved).set(member, score);
    return moved;
  }
  if (insertPacked(arena, ref, member, score)) return ref;
  const moved = resizePacked(db, key, ref, Math.min(needed + (needed >>> GROWTH_SHIFT), SCORES_BYTES_MAX));
  if (!insertPacked(arena, moved, member, score)) throw new Error(`packed scores: entry ${moved} has no room`);
  return moved;
}

/** A listpack of redis-server has no -0. */
function withoutSignOfZero(score: number): number {
  return score + 0;
}

/** Moves a packed sorted set to a block with room for so many bytes. */
function resizePacked(db: Keyspace, key: Slice, ref: number, byteCount: number): number {
  const moved = copyPacked(db.store.arena, ref, key, byteCount, expiryOf(db.store.arena, ref));
  db.replace(key, ref, moved);
  return moved;
}

function copyPacked(arena: Arena, ref: number, key: Slice, byteCount: number, expiresAtMs: number): number {
  const copy = createPacked(arena, key, byteCount, expiresAtMs);
  const from = entryBytes(arena, ref);
  const start = valueOffset(arena, ref);
  copyBytes(from, start, entryBytes(arena, copy), valueOffset(arena, copy), scoresUsed(from, start));
  setFlag(arena, copy, SHOWN_AS_SKIPLIST, hasFlag(arena, ref, SHOWN_AS_SKIPLIST));
  return copy;
}

/** Moves a packed sorted set to a smaller block when it uses less than half of the one it has. */
function shrinkPacked(db: Keyspace, key: Slice, ref: number): number {
  const { arena } = db.store;
  const room = valueLength(arena, ref);
  if (room <= WASTE_MIN_BYTES || !arena.canGrow) return ref;
  const used = scoresUsed(entryBytes(arena, ref), valueOffset(arena, ref));
  return used * 2 < room ? resizePacked(db, key, ref, used) : ref;
}

function convertToTable(db: Keyspace, key: Slice, ref: number): number {
  const moved = copyToTable(db, ref, key, expiryOf(db.store.arena, ref));
  db.replace(key, ref, moved);
  return moved;
}

function copyToTable(db: Keyspace, ref: number, key: Slice, expiresAtMs: number): number {
  const { arena } = db.store;
  const copy = createTable(db, key, expiresAtMs);
  const table = tableOf(db, copy);
  forEachMember(db, ref, (member, score) => table.set(member, score));
  setFlag(arena, copy, SHOWN_AS_SKIPLIST, hasFlag(arena, ref, SHOWN_AS_SKIPLIST));
  return copy;
}

/** Takes a member out; false when there was none. Call `settleSortedSet` when the last of a command's is out. */
export function deleteMember(db: Keyspace, ref: number, member: Slice): boolean {
  if (isTable(db, ref)) return tableOf(db, ref).delete(member);
  const { arena } = db.store;
  const bytes = entryBytes(arena, ref);
  const start = valueOffset(arena, ref);
  const at = findItem(bytes, start, member);
  if (at < 0) return false;
  removeItem(bytes, start, at);
  return true;
}

/**
 * Takes `count` members out, from that at `rank` on, and the bucket with the last of them. Returns the bucket's ref,
 * which may be another one, or 0 when it was removed; `db.find` has just given `ref` for `key`.
 */
export function deleteRange(db: Keyspace, key: Slice, ref: number, rank: number, count: number): number {
  if (count === memberCount(db, ref)) {
    // All at once: a large one's memory comes back in slices.
    db.remove(key, ref);
    return 0;
  }
  const { arena } = db.store;
  if (isTable(db, ref)) tableOf(db, ref).deleteRange(rank, count);
  else removeItems(entryBytes(arena, ref), valueOffset(arena, ref), rank, count);
  return settleSortedSet(db, key, ref);
}

/**
 * After members were taken out: removes the bucket when it is empty, and gives back room that is not used. Returns the
 * bucket's ref, which may be another one, or 0 when it was removed.
 */
export function settleSortedSet(db: Keyspace, key: Slice, ref: number): number {
  if (memberCount(db, ref) === 0) {
    db.remove(key, ref);
    return 0;
  }
  return isTable(db, ref) ? ref : shrinkPacked(db, key, ref);
}

/**
 * A copy of a sorted set for a bucket called `key`, with its shown encoding. The copy's entry is in no keyspace: the
 * caller adds it. `expiresAtMs` 0 means that the copy does not expire.
 */
export function copySortedSet(db: Keyspace, ref: number, key: Slice, expiresAtMs: number): number {
  if (isTable(db, ref)) return copyToTable(db, ref, key, expiresAtMs);
  const { arena } = db.store;
  const used = scoresUsed(entryBytes(arena, ref), valueOffset(arena, ref));
  return copyPacked(arena, ref, key, used, expiresAtMs);
}

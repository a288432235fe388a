/**
 * A stream: entries in the order of their IDs, which only grow, in nodes (stream-node.ts) that an index finds by the ID
 * of their first entry (stream-index.ts); and the groups that read it (stream-group.ts).
 *
 * Entries, nodes, index and pending entries are off the JavaScript heap. What is on it is this object with a few IDs,
 * an object for each group and one for each consumer. Groups and consumers are named by people and programs: there are
 * tens of them, hundreds at most, and thousands do not show in a garbage collection. A small stream could do without an
 * object, as a small list does; but streams are few as a rule, and long, and one form is easier to follow.
 *
 * A stream may be empty and stays: it knows which IDs were given out.
 */
import type { Arena } from './arena.js';
import type { EncodingLimits } from './encoding-limits.js';
import { FrozenStream } from './frozen-stream.js';
import type { Store, Structure } from './store.js';
import { StreamGroup } from './stream-group.js';
import { StreamId } from './stream-id.js';
import { StreamIndex } from './stream-index.js';
import {
  DELETED, type Fields, type VisitNode, appendEntry, countDeleted, createNode, createNodeFrom, deletedEntries,
  entryBefore, liveEntries, nodeBytes, nodeLength, nodeStart, withRoomToCount, withoutRoom,
} from './stream-node.js';
import { StreamWalk } from './stream-walk.js';
import { listpackEnd } from './listpack.js';
import { addWrapping } from '../util/numbers.js';

/** The most bytes of strings in an entry, and of a node when the settings do not bound it. */
export const ENTRY_BYTES_MAX = 2 ** 30;
/** Nodes that a trim took off are freed in slices of so many. */
const FREED_AT_ONCE = 1000;
/** Nodes that are visited at a time. */
const VISITED_AT_ONCE = 16;

/** Up to where a stream is cut at its old end. */
export interface Trim {
  /** So many entries may stay, or those from this ID on. */
  readonly limit: number | StreamId;
  /** Only whole nodes are taken off. */
  readonly isApproximate: boolean;
  /** At most so many entries are taken off; 0 for any number. */
  readonly entriesMax: number;
}

const FIRST = new StreamId();
const LAST = new StreamId().setMax();

const masterId = new StreamId();
const foundId = new StreamId();
const guardedId = new StreamId();

export class Stream implements Structure {
  /** How many entries there are. */
  length = 0;
  /** The highest ID that was given out, the lowest that is there (0-0 when none is), the highest that was deleted. */
  readonly lastId = new StreamId();
  readonly firstId = new StreamId();
  readonly maxDeletedId = new StreamId();
  /** How many entries were ever added; of 64 bits. */
  entriesAdded: number | bigint = 0;
  readonly groups = new Map<string, StreamGroup>();
  /** What the nodes' blocks take. */
  nodeByteCount = 0;
  /** Set while a snapshot needs the stream as it was. */
  guard: FrozenStream | undefined;

  private readonly arena: Arena;
  private readonly limits: EncodingLimits;
  /** Its own word is the node's ref. */
  private readonly nodes: StreamIndex;

  constructor(private readonly store: Store) {
    this.arena = store.arena;
    this.limits = store.encodingLimits;
    this.nodes = new StreamIndex(store.arena, 1);
  }

  get nodeCount(): number {
    return this.nodes.size;
  }

  /** Bytes of nodes, index, and what groups have to remember. */
  get byteCount(): number {
    let byteCount = this.nodeByteCount + this.nodes.byteCount;
    for (const group of this.groups.values()) byteCount += group.byteCount;
    return byteCount;
  }

  // ---- entries

  /** A walk over the entries from `start` to `end`, or back. */
  walk(start: StreamId, end: StreamId, isReverse = false): StreamWalk {
    return new StreamWalk(this.arena, this.nodes, start, end, isReverse);
  }

  /** Whether there is an entry with this ID. */
  has(id: StreamId): boolean {
    return this.walk(id, id).next();
  }

  /** Sets `into` to the ID of the newest entry that is there; false when there is none. */
  readNewestId(into: StreamId): boolean {
    const walk = this.walk(FIRST, LAST, true);
    if (!walk.next()) return false;
    into.copyFrom(walk.id);
    return true;
  }

  /** Adds an entry, whose ID must be higher than `lastId`, and whose strings have at most ENTRY_BYTES_MAX bytes. */
  append(id: StreamId, fields: Fields): void {
    const isInNode = this.nodes.seekLast() && !this.isFull(this.nodes.word(0), fields.byteCount);
    if (isInNode) {
      const ref = this.nodes.word(0);
      const sizeBefore = this.arena.sizeOf(ref);
      this.beforeNodeChanges(ref);
      this.settle(appendEntry(this.arena, ref, this.nodes.readId(masterId), id, fields, false), sizeBefore);
    } else {
      this.closeLastNode();
      const ref = appendEntry(this.arena, createNode(this.arena, fields), id, id, fields, true);
      this.nodes.insert(id);
      this.settle(ref, 0);
    }
    this.length++;
    this.entriesAdded = addWrapping(this.entriesAdded, 1);
    this.lastId.copyFrom(id);
    if (this.length === 1) this.firstId.copyFrom(id);
  }

  /** Whether an entry with strings of `byteCount` bytes begins a new node. */
  private isFull(ref: number, byteCount: number): boolean {
    const { streamNodeBytesMax, streamNodeEntriesMax } = this.limits;
    const isBounded = streamNodeBytesMax > 0 && streamNodeBytesMax <= ENTRY_BYTES_MAX;
    const bytesMax = isBounded ? streamNodeBytesMax : ENTRY_BYTES_MAX;
    if (nodeLength(this.arena, ref) + byteCount >= bytesMax) return true;
    if (streamNodeEntriesMax === 0) return false;
    return liveEntries(this.arena, ref) + deletedEntries(this.arena, ref) >= streamNodeEntriesMax;
  }

  /** The last node gets no more entries: what room it has to spare is given back. */
  private closeLastNode(): void {
    if (!this.nodes.seekLast() || !this.arena.canGrow) return;
    const ref = this.nodes.word(0);
    const sizeBefore = this.arena.sizeOf(ref);
    this.beforeNodeChanges(ref);
    this.settle(withoutRoom(this.arena, ref), sizeBefore);
  }

  /** The node at the cursor, or its block, is about to change. */
  private beforeNodeChanges(ref: number): void {
    if (this.guard !== undefined) this.guard.copyNode(this.nodes.readId(guardedId), ref);
  }

  /** Notes where the node at the cursor is now, and what that takes instead of `sizeBefore`. */
  private settle(ref: number, sizeBefore: number): void {
    this.nodeByteCount += this.arena.sizeOf(ref) - sizeBefore;
    this.nodes.setWord(0, ref);
  }

  /** Deletes an entry; false when there is none with this ID. Call `settleFirstId` after the last of them. */
  delete(id: StreamId): boolean {
    let walk = this.walk(id, id);
    if (!walk.next()) return false;
    const ref = this.nodes.word(0);
    if (liveEntries(this.arena, ref) === 1) {
      this.beforeNodeChanges(ref);
      this.nodeByteCount -= this.arena.sizeOf(ref);
      this.arena.free(ref);
      this.nodes.remove();
    } else {
      const node = this.makeRoomToCount(ref);
      if (node !== ref) {
        walk = this.walk(id, id);
        walk.next();
      }
      nodeBytes(this.arena, node)[walk.entryAt]! |= DELETED;
      countDeleted(this.arena, node, 1);
    }
    this.length--;
    if (id.compare(this.maxDeletedId) > 0) this.maxDeletedId.copyFrom(id);
    return true;
  }

  /**
   * Gives the node at the cursor, which is about to change, room for longer counters, and its ref, which may be another
   * one. That comes first: when there is no room, no entry is marked that is not counted.
   */
  private makeRoomToCount(ref: number): number {
    this.beforeNodeChanges(ref);
    const sizeBefore = this.arena.sizeOf(ref);
    const node = withRoomToCount(this.arena, ref);
    this.settle(node, sizeBefore);
    return node;
  }

  /** Finds out the first ID, after entries were taken out. */
  settleFirstId(): void {
    const walk = this.walk(FIRST, LAST);
    if (this.length > 0 && walk.next()) this.firstId.copyFrom(walk.id);
    else this.firstId.set(0, 0, 0, 0);
  }

  // ---- trimming

  /**
   * Takes old entries off, and gives how many they were. Like redis-server it keeps a node whose entries are deleted
   * one by one, even when none is left.
   */
  trim(trim: Trim): number {
    const freed: number[] = [];
    let trimmed = 0;
    while (this.nodes.seekFirst() && !(typeof trim.limit === 'number' && this.length <= trim.limit)) {
      const ref = this.nodes.word(0);
      const live = liveEntries(this.arena, ref);
      if (trim.entriesMax > 0 && trimmed + live > trim.entriesMax) break;
      if (!this.isNodeTrimmed(ref, live, trim.limit)) {
        if (!trim.isApproximate) trimmed += this.trimNode(trim.limit);
        break;
      }
      const isLeft = this.guard?.takeNode(this.nodes.readId(guardedId), ref) === true;
      this.nodes.remove();
      this.nodeByteCount -= this.arena.sizeOf(ref);
      if (!isLeft) freed.push(ref);
      this.length -= live;
      trimmed += live;
    }
    if (freed.length > 0) this.freeNodes(freed);
    if (trimmed > 0) this.settleFirstId();
    return trimmed;
  }

  /** Whether the first node goes as a whole. */
  private isNodeTrimmed(ref: number, live: number, limit: number | StreamId): boolean {
    if (typeof limit === 'number') return this.length - live >= limit;
    const bytes = nodeBytes(this.arena, ref);
    const lastAt = entryBefore(bytes, listpackEnd(bytes, nodeStart(ref)));
    const walk = this.walk(FIRST, LAST);
    walk.readIdAt(lastAt, foundId);
    return foundId.compare(limit) < 0;
  }

  /** Deletes entries of the first node up to the limit, and gives how many they were. */
  private trimNode(limit: number | StreamId): number {
    const ref = this.makeRoomToCount(this.nodes.word(0));
    const bytes = nodeBytes(this.arena, ref);
    const walk = this.walk(FIRST, LAST);
    let trimmed = 0;
    while ((typeof limit !== 'number' || this.length > limit) && walk.next()) {
      if (typeof limit !== 'number' && walk.id.compare(limit) >= 0) break;
      bytes[walk.entryAt]! |= DELETED;
      trimmed++;
      this.length--;
    }
    if (trimmed > 0) countDeleted(this.arena, ref, trimmed);
    return trimmed;
  }

  /** Frees the blocks of nodes that are out of the index; those of many in slices. */
  private freeNodes(refs: number[]): void {
    const free = (): boolean => {
      for (const ref of refs.splice(-FREED_AT_ONCE)) this.arena.free(ref);
      return refs.length > 0;
    };
    if (free()) this.store.reclaimer.add(free);
  }

  /** The stream as it is now, for a snapshot; when it is released, that ends. */
  freeze(): FrozenStream {
    this.guard = new FrozenStream(this.arena, this, this.nodes, () => (this.guard = undefined));
    return this.guard;
  }

  // ---- node by node, for whoever writes a stream down or builds one

  /** Calls `visit` for each node: its ID, and its listpack in `bytes`. */
  forEachNode(visit: VisitNode): void {
    const steps = this.walkNodes(visit);
    while (steps.next().done !== true);
  }

  /** As `forEachNode`, some nodes each time that the generator is asked. The stream must not be used meanwhile. */
  *walkNodes(visit: VisitNode): Generator<undefined, void, undefined> {
    const { nodes, arena } = this;
    let visited = 0;
    for (let isThere = nodes.seekFirst(); isThere; isThere = nodes.next()) {
      const ref = nodes.word(0);
      visit(nodes.readId(masterId), nodeBytes(arena, ref), nodeStart(ref), nodeLength(arena, ref));
      if (++visited % VISITED_AT_ONCE === 0) yield;
    }
  }

  /**
   * Adds a node behind the others: a listpack that is one of a stream's node. `length` and the IDs are the caller's to
   * set.
   */
  addNode(id: StreamId, bytes: Buffer, offset: number, length: number): void {
    const ref = createNodeFrom(this.arena, bytes, offset, length);
    this.nodes.insert(id);
    this.settle(ref, 0);
  }

  /** A stream with the same entries and groups. */
  copy(): Stream {
    const copy = new Stream(this.store);
    this.forEachNode((id, bytes, offset, length) => copy.addNode(id, bytes, offset, length));
    copy.length = this.length;
    copy.lastId.copyFrom(this.lastId);
    copy.firstId.copyFrom(this.firstId);
    copy.maxDeletedId.copyFrom(this.maxDeletedId);
    copy.entriesAdded = this.entriesAdded;
    for (const [name, group] of this.groups) copy.groups.set(name, group.copy());
    return copy;
  }

  // ---- groups

  /** Adds a group that has none of this name beside it. `entriesRead` -1 says that it is not known. */
  addGroup(name: string, lastId: StreamId, entriesRead: number | bigint): StreamGroup {
    const group = new StreamGroup(this.arena, name);
    group.lastId.copyFrom(lastId);
    group.entriesRead = entriesRead;
    this.groups.set(name, group);
    return group;
  }

  /** Removes a group; what it had to remember is freed in slices. */
  removeGroup(group: StreamGroup): void {
    this.groups.delete(group.name);
    this.store.reclaimer.add(() => group.dismantle());
  }

  dismantle(): boolean {
    if (this.nodes.dismantle((ref) => this.arena.free(ref))) return true;
    for (const [name, group] of this.groups) {
      if (!group.dismantle()) this.groups.delete(name);
      return true;
    }
    return false;
  }
}

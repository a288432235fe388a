/**
 * The members of a large sorted set: a byte table that finds a member's entry, and a leaf list that keeps the entries
 * in order. A member is an entry of the arena whose value is its score, 8 bytes.
 */
import type { Arena } from './arena.js';
import { ByteTable } from './byte-table.js';
import { STRING, createEntry, entryBytes, keySlice, valueOffset } from './entry.js';
import { LeafList } from './leaf-list.js';
import type { EntryGuard } from './snapshot-guard.js';
import type { Store, Structure } from './store.js';
import { Slice } from '../util/bytes.js';

const SCORE_BYTES = 8;

export class ScoreTable implements Structure {
  readonly arena: Arena;
  readonly members: ByteTable;
  readonly order: LeafList;
  /** What the members' blocks take. */
  blockBytes = 0;
  /** Set while a snapshot needs the members as they were. */
  guard: EntryGuard | undefined;
  private readonly member = new Slice();

  constructor(store: Store) {
    this.arena = store.arena;
    this.members = new ByteTable(store.arena, store.seed);
    this.order = new LeafList(store.arena);
  }

  get(member: Slice): number | undefined {
    const ref = this.members.find(member);
    return ref === 0 ? undefined : this.scoreOf(ref);
  }

  scoreOf(ref: number): number {
    return entryBytes(this.arena, ref).readDoubleLE(valueOffset(this.arena, ref));
  }

  /** Adds a member or gives it another score. */
  set(member: Slice, score: number): void {
    let ref = this.members.find(member);
    if (ref === 0) {
      ref = createEntry(this.arena, STRING, member, SCORE_BYTES, 0);
      this.blockBytes += this.arena.sizeOf(ref);
      this.members.insert(member.hash, ref);
    } else {
      if (this.guard !== undefined) this.guard.beforeChange(member.hash, ref);
      this.order.remove(this.scoreOf(ref), ref);
    }
    entryBytes(this.arena, ref).writeDoubleLE(score, valueOffset(this.arena, ref));
    this.order.insert(score, ref);
    if (this.guard !== undefined) this.guard.noteEntry(member.hash, ref);
  }

  delete(member: Slice): boolean {
    const ref = this.members.find(member);
    if (ref === 0) return false;
    if (this.guard !== undefined) this.guard.beforeChange(member.hash, ref);
    this.order.remove(this.scoreOf(ref), ref);
    this.forget(member, ref);
    return true;
  }

  /** Takes out `count` members from `rank` on. */
  deleteRange(rank: number, count: number): void {
    this.order.removeRange(rank, count, (ref) => {
      const member = keySlice(this.arena, ref, this.member);
      member.hash = this.members.hashOf(member);
      if (this.guard !== undefined) this.guard.beforeChange(member.hash, ref);
      this.forget(member, ref);
    });
  }

  private forget(member: Slice, ref: number): void {
    this.members.remove(member.hash, ref);
    this.blockBytes -= this.arena.sizeOf(ref);
    this.arena.free(ref);
  }

  /** The rank of a member, or -1. */
  rankOf(member: Slice): number {
    const ref = this.members.find(member);
    return ref === 0 ? -1 : this.order.rankOfPair(this.scoreOf(ref), ref);
  }

  /** The order holds no memory of the arena, and goes with this object. */
  dismantle(): boolean {
    this.order.forget();
    return this.members.dismantle((ref) => this.arena.free(ref));
  }
}

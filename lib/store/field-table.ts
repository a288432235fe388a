/**
 * The fields of a large map: a byte table in which each field is an entry of the arena, laid out as buckets are. Those
 * that expire bear their moment as buckets do, and stand in a leaf list (leaf-list.ts) as well, soonest first; a map in
 * which none ever did has no such list.
 */
import type { Arena } from './arena.js';
import { ByteTable } from './byte-table.js';
import {
  HAS_EXPIRY, STRING, copyValue, createEntry, entryBytes, expiryOf, hasFlag, keySlice, setExpiry, setValueLength,
  valueLength, valueOffset, valueSlice,
} from './entry.js';
import { LeafList } from './leaf-list.js';
import type { EntryGuard } from './snapshot-guard.js';
import type { Store, Structure } from './store.js';
import { fitsInPlace } from './string-value.js';
import { type Slice, copyBytes } from '../util/bytes.js';

export class FieldTable implements Structure {
  readonly fields: ByteTable;
  /** What the fields' blocks take. */
  blockBytes = 0;
  /** The fields that expire by their moments; there is none until a field is given one. */
  expiring: LeafList | undefined;
  /** Set while a snapshot needs the fields as they were. */
  guard: EntryGuard | undefined;

  readonly arena: Arena;

  constructor(store: Store) {
    this.arena = store.arena;
    this.fields = new ByteTable(store.arena, store.seed);
  }

  get memberIndex(): ByteTable {
    return this.fields;
  }

  /** Points `value` to a field's value; false when there is no such field, or it has expired. */
  get(field: Slice, value: Slice, nowMs: number): boolean {
    const ref = this.fields.find(field);
    if (ref === 0 || this.hasExpired(ref, nowMs)) return false;
    valueSlice(this.arena, ref, value);
    return true;
  }

  /** Whether the field `ref` is there no more but for its removal. */
  hasExpired(ref: number, nowMs: number): boolean {
    return hasFlag(this.arena, ref, HAS_EXPIRY) && expiryOf(this.arena, ref) <= nowMs;
  }

  /** Gives a field a value, and adds it when it is new; one that expires goes on to do so. */
  set(field: Slice, value: Slice): void {
    const { arena, fields } = this;
    let ref = fields.find(field);
    if (ref !== 0 && this.guard !== undefined) this.guard.beforeChange(field.hash, ref);
    if (ref === 0) {
      ref = this.create(field, value.length, 0);
      fields.insert(field.hash, ref);
      if (this.guard !== undefined) this.guard.noteEntry(field.hash, ref);
    } else if (fitsInPlace(arena, ref, field.length, value.length, expiryOf(arena, ref))) {
      setValueLength(arena, ref, value.length);
    } else ref = this.move(field, ref, value.length, expiryOf(arena, ref));
    copyBytes(value.bytes, value.offset, entryBytes(arena, ref), valueOffset(arena, ref), value.length);
  }

  delete(field: Slice): boolean {
    const ref = this.fields.find(field);
    if (ref === 0) return false;
    if (this.guard !== undefined) this.guard.beforeChange(field.hash, ref);
    this.fields.remove(field.hash, ref);
    this.free(ref);
    return true;
  }

  dismantle(): boolean {
    this.expiring?.forget();
    this.expiring = undefined;
    return this.fields.dismantle((ref) => this.arena.free(ref));
  }

  // ---- expiry

  /** When a field expires; 0 for never, -1 when there is no such field. */
  expiryOf(field: Slice): number {
    const ref = this.fields.find(field);
    return ref === 0 ? -1 : expiryOf(this.arena, ref);
  }

  /** When the first of the fields expires; 0 when none does. */
  get nextExpiry(): number {
    return this.expiring === undefined || this.expiring.size === 0 ? 0 : this.expiring.firstScore;
  }

  /** How many fields have expired and were not removed. */
  expiredCount(nowMs: number): number {
    if (this.expiring === undefined || this.expiring.firstScore > nowMs) return 0;
    return this.expiring.rankOf({ isBefore: (score) => score <= nowMs });
  }

  /** Remembers that a field was, or was to be, given an expiry. */
  noteExpiry(): void {
    this.expiring ??= new LeafList(this.arena);
  }

  /** Sets when a field, which must be there, expires; 0 for never. */
  setExpiry(field: Slice, expiresAtMs: number): void {
    const { arena } = this;
    let ref = this.fields.find(field);
    const before = expiryOf(arena, ref);
    if (before === expiresAtMs) return;
    if (this.guard !== undefined) this.guard.beforeChange(field.hash, ref);
    const isChangedInPlace = before > 0 && expiresAtMs > 0;
    const moved = isChangedInPlace ? ref : this.create(field, valueLength(arena, ref), expiresAtMs);
    if (before > 0) this.expiring!.remove(before, ref);
    if (isChangedInPlace) setExpiry(arena, ref, expiresAtMs);
    else {
      copyValue(arena, ref, moved, valueLength(arena, ref));
      this.putInPlace(field, ref, moved);
    }
    ref = moved;
    if (expiresAtMs === 0) return;
    this.noteExpiry();
    this.expiring!.insert(expiresAtMs, ref);
  }

  /** The field that expires first, which there must be; the slice lies in its entry. */
  firstToExpire(into: Slice): Slice {
    return keySlice(this.arena, this.expiring!.firstRef, into);
  }

  // ---- entries

  /** Puts an entry with room for another value in the place of a field's. */
  private move(field: Slice, ref: number, valueBytes: number, expiresAtMs: number): number {
    const moved = this.create(field, valueBytes, expiresAtMs);
    if (expiresAtMs > 0) {
      this.expiring!.remove(expiresAtMs, ref);
      this.expiring!.insert(expiresAtMs, moved);
    }
    this.putInPlace(field, ref, moved);
    return moved;
  }

  private putInPlace(field: Slice, ref: number, moved: number): void {
    this.fields.replace(field.hash, ref, moved);
    if (this.guard !== undefined) this.guard.noteEntry(field.hash, moved);
    this.release(ref);
  }

  private create(field: Slice, valueBytes: number, expiresAtMs: number): number {
    const ref = createEntry(this.arena, STRING, field, valueBytes, expiresAtMs);
    this.blockBytes += this.arena.sizeOf(ref);
    return ref;
  }

  /** Frees the entry of a field that has left the table. */
  private free(ref: number): void {
    const expiresAtMs = expiryOf(this.arena, ref);
    if (expiresAtMs > 0) this.expiring!.remove(expiresAtMs, ref);
    this.release(ref);
  }

  private release(ref: number): void {
    this.blockBytes -= this.arena.sizeOf(ref);
    this.arena.free(ref);
  }
}

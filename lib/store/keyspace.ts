/**
 * The keyspace: the buckets of one database on this node, by name, and which of them expire.
 *
 * Handlers look a bucket up (`find`), and then change its entry in place or put another in its stead. An entry that
 * changes its size may move; whoever moves it says so here, because two tables hold its ref: the index of all buckets
 * and, when it expires, the index of those that do.
 */
import {
  ACCESS_SHIFT, HASH, HAS_EXPIRY, IS_STRUCTURE, accessOf, copyValue, createEntry, entryBytes, entryMeta, entryType,
  expiryOf, hasFlag, keyOffset, keySlice, setAccess, setEntryMeta, setExpiry, setMark, valueLength, valueOffset,
} from './entry.js';
import type { Arena } from './arena.js';
import type { Bulk } from './bulk.js';
import { ByteTable, CURSOR_END, SLOT_BYTES } from './byte-table.js';
import { LeafList } from './leaf-list.js';
import { nextExpiryOfFields } from './map-value.js';
import type { SnapshotGuard } from './snapshot-guard.js';
import type { RemovalReason, Store } from './store.js';
import { Slice, copyBytes } from '../util/bytes.js';

const HANDLE_BYTES = 4;

interface Tables {
  buckets: ByteTable;
  expiring: ByteTable;
}

export class Keyspace {
  private buckets: ByteTable;
  private expiring: ByteTable;
  private expiryCursor = 0;
  /** The hashes with fields that expire, by the moment of the first of these; there is none until there is one. */
  private fieldExpiry: LeafList | undefined;
  private firstFieldExpiryMs = Infinity;
  /** About how long those that expire have to live; the expiry cycle measures it. */
  averageTtlMs = 0;
  /** For `copyKey`. */
  private readonly key = new Slice();
  private readonly bulkKey = new Slice();
  /** Set while a snapshot is written that has not gone through all buckets. */
  private guard: SnapshotGuard | undefined;
  private keyCopy = Buffer.alloc(64);

  constructor(
    readonly store: Store,
    readonly index: number,
    /** It is a database: its buckets expire, and others are told of what becomes of them. */
    readonly isServed = true,
  ) {
    this.buckets = new ByteTable(store.arena, store.seed);
    this.expiring = new ByteTable(store.arena, store.seed);
  }

  /** How many buckets there are, those included that have expired and were not yet noticed. */
  get size(): number {
    return this.buckets.size;
  }

  /** The index of all buckets, for foresight.ts. */
  get table(): ByteTable {
    return this.buckets;
  }

  /** Bytes of the index of all buckets, and of the index of those that expire. */
  get indexBytes(): number {
    return this.buckets.slots * SLOT_BYTES;
  }

  get expiringIndexBytes(): number {
    return this.expiring.slots * SLOT_BYTES;
  }

  get expiringSize(): number {
    return this.expiring.size;
  }

  /**
   * The entry of the bucket with this name, or 0. A bucket that has expired is removed and not found. The look-up
   * counts as a use of the bucket.
   */
  find(key: Slice): number {
    const { store } = this;
    const ref = this.buckets.find(key);
    if (ref === 0) return 0;
    const meta = entryMeta(store.arena, ref);
    if ((meta & HAS_EXPIRY) !== 0 && this.removeIfExpired(key, ref)) return 0;
    if (this.guard !== undefined && !store.isReading) this.guard.beforeUse(key.hash, ref);
    if (meta >>> ACCESS_SHIFT !== store.access.clock) {
      setAccess(store.arena, ref, store.access.touched(meta >>> ACCESS_SHIFT));
    }
    return ref;
  }

  /** As `find`, without counting as a use. */
  peek(key: Slice): number {
    const ref = this.buckets.find(key);
    if (ref === 0) return 0;
    if (hasFlag(this.store.arena, ref, HAS_EXPIRY) && this.removeIfExpired(key, ref)) return 0;
    if (this.guard !== undefined && !this.store.isReading) this.guard.beforeUse(key.hash, ref);
    return ref;
  }

  private removeIfExpired(key: Slice, ref: number): boolean {
    const { store } = this;
    if (!this.isServed || expiryOf(store.arena, ref) > store.nowMs) return false;
    // Who writes all the same must not find the name taken.
    if (store.keepsExpired && store.isReading) return true;
    store.expired++;
    this.removeUnasked(key, ref, 'expired');
    return true;
  }

  /**
   * Removes the bucket `key`, which does not lie in its entry, to make room for others. False when there is none or,
   * with `onlyExpiring`, when it does not expire.
   */
  evict(key: Slice, onlyExpiring: boolean): boolean {
    const { store } = this;
    const ref = this.buckets.find(key);
    if (ref === 0 || (onlyExpiring && !hasFlag(store.arena, ref, HAS_EXPIRY))) return false;
    store.evicted++;
    this.removeUnasked(key, ref, 'evicted');
    return true;
  }

  /** Removes a bucket without a command that says so: whoever must know of such removals is told here. */
  private removeUnasked(key: Slice, ref: number, reason: RemovalReason): void {
    const { store } = this;
    this.remove(key, ref);
    if (store.onRemoved !== undefined) store.onRemoved(this, key, reason);
  }

  /** Adds a bucket; `find` has just been called for this key and found nothing. */
  add(key: Slice, ref: number): void {
    setAccess(this.store.arena, ref, this.store.access.initial());
    this.attach(key, ref);
  }

  /** As `add`, of an entry that was a bucket's already and keeps what is known of its use (RENAME, MOVE). */
  attach(key: Slice, ref: number): void {
    const { store } = this;
    if (hasFlag(store.arena, ref, HAS_EXPIRY)) {
      this.buckets.makeRoom(key.hash);
      this.expiring.insert(key.hash, ref);
    }
    this.buckets.insert(key.hash, ref);
    if (this.guard !== undefined) this.guard.noteEntry(key.hash, ref);
    if (entryType(store.arena, ref) === HASH) this.listFieldExpiry(ref, nextExpiryOfFields(this, ref));
    if (store.onAdded !== undefined && this.isServed) store.onAdded(this, key);
    if (store.onArrival !== undefined && this.isServed) store.onArrival(this, key, ref);
  }

  /** Sees to it that a bucket with this hash, which expires when `ref` does, can be added without more memory. */
  makeRoomFor(hash: number, ref: number): void {
    this.buckets.makeRoom(hash);
    if (hasFlag(this.store.arena, ref, HAS_EXPIRY)) this.expiring.makeRoom(hash);
  }

  /**
   * Adds the entries of `bulk`, of whose use all is known, and gives how many it has added: fewer than there are when
   * the next one's key is there already.
   */
  addAll({ count, hashes, refs, sink }: Bulk): number {
    const { buckets, bulkKey, store } = this;
    for (let i = 0; i < count; i++) sink[0]! ^= buckets.readSlot(hashes[i]!);
    for (let i = 0; i < count; i++) {
      const ref = refs[i]!;
      keySlice(store.arena, ref, bulkKey).hash = hashes[i]!;
      if (buckets.findHashed(bulkKey, bulkKey.hash) !== 0) return i;
      this.attach(bulkKey, ref);
    }
    return count;
  }

  /**
   * Puts `ref` in the place of `oldRef`, whose block is freed; `find` has just given `oldRef` for this key.
   * A structure that the old entry held stays alive unless the caller drops it (`dropValue`) before.
   */
  replace(key: Slice, oldRef: number, ref: number): void {
    const { arena, onDeparture } = this.store;
    const expired = hasFlag(arena, oldRef, HAS_EXPIRY);
    const expires = hasFlag(arena, ref, HAS_EXPIRY);
    if (expires && !expired) this.expiring.insert(key.hash, ref);
    if (onDeparture !== undefined && this.isServed) onDeparture(this, key, oldRef);
    setAccess(arena, ref, accessOf(arena, oldRef));
    this.buckets.replace(key.hash, oldRef, ref);
    if (this.fieldExpiry !== undefined) this.unlistFieldExpiry(oldRef, this.nextFieldExpiry(oldRef));
    if (entryType(arena, ref) === HASH) this.listFieldExpiry(ref, nextExpiryOfFields(this, ref));
    if (expired && expires) this.expiring.replace(key.hash, oldRef, ref);
    else if (expired) this.expiring.remove(key.hash, oldRef);
    if (this.guard !== undefined) this.guard.noteEntry(key.hash, ref);
    arena.free(oldRef);
  }

  /**
   * Takes over the bucket `key` of the workbench, whose entry is `ref`, in the place of `oldRef`, whatever that holds;
   * `find` has just given `oldRef`, which may be 0, for this key.
   */
  takeOver(key: Slice, oldRef: number, ref: number): void {
    this.store.workbench.detach(key, ref);
    if (oldRef === 0) return this.add(key, ref);
    this.dropValue(oldRef);
    this.replace(key, oldRef, ref);
  }

  /** Removes a bucket and frees what it held; `find` has just given `ref` for this key. */
  remove(key: Slice, ref: number): void {
    if (this.guard !== undefined) this.guard.beforeUse(key.hash, ref);
    this.dropValue(ref);
    this.detach(key, ref);
    this.store.arena.free(ref);
  }

  /** Takes a bucket out and leaves its entry to the caller; `find` has just given `ref` for this key. */
  detach(key: Slice, ref: number): void {
    if (this.guard !== undefined) {
      this.guard.beforeUse(key.hash, ref);
      setMark(this.store.arena, ref, false);
    }
    const { onDeparture } = this.store;
    if (onDeparture !== undefined && this.isServed) onDeparture(this, key, ref);
    this.buckets.remove(key.hash, ref);
    if (hasFlag(this.store.arena, ref, HAS_EXPIRY)) this.expiring.remove(key.hash, ref);
    if (this.fieldExpiry !== undefined) this.unlistFieldExpiry(ref, this.nextFieldExpiry(ref));
  }

  /** Hands a bucket over to another keyspace, as it is. `find` has just given `ref` for `key`, and nothing there. */
  moveTo(other: Keyspace, key: Slice, ref: number): void {
    other.makeRoomFor(key.hash, ref);
    this.detach(key, ref);
    other.attach(key, ref);
  }

  /**
   * Gives a bucket another name. `find` has just given `ref` for `key` and `taken`, which may be 0 and is removed, for
   * `newKey`, and neither slice lies in the arena. A name of the same length costs no copy of the value.
   */
  rename(key: Slice, ref: number, newKey: Slice, taken: number): void {
    const { arena } = this.store;
    this.makeRoomFor(newKey.hash, ref);
    const isCopied = key.length !== newKey.length;
    const renamed = isCopied ? movedEntry(arena, ref, newKey, expiryOf(arena, ref)) : ref;
    if (taken !== 0) this.remove(newKey, taken);
    this.detach(key, ref);
    if (isCopied) {
      setAccess(arena, renamed, accessOf(arena, ref));
      arena.free(ref);
    } else copyBytes(newKey.bytes, newKey.offset, entryBytes(arena, ref), keyOffset(arena, ref), newKey.length);
    this.attach(newKey, renamed);
  }

  /** Lets go of the structure that an entry holds, if it holds one. */
  dropValue(ref: number): void {
    if (!hasFlag(this.store.arena, ref, IS_STRUCTURE)) return;
    if (this.fieldExpiry !== undefined) this.unlistFieldExpiry(ref, this.nextFieldExpiry(ref));
    this.letGo(ref);
  }

  private letGo(ref: number): void {
    const { arena } = this.store;
    this.store.drop(this.handleOf(ref));
    setEntryMeta(arena, ref, entryMeta(arena, ref) & ~IS_STRUCTURE);
    // The value has to be one without a structure now: whatever the type, zeros are an empty one.
    const at = valueOffset(arena, ref);
    entryBytes(arena, ref).fill(0, at, at + HANDLE_BYTES);
  }

  /** The handle of the structure that an entry holds. */
  handleOf(ref: number): number {
    const bytes = entryBytes(this.store.arena, ref);
    const at = valueOffset(this.store.arena, ref);
    return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
  }

  /**
   * Sets when a bucket expires, 0 for never, and gives its entry's ref, which may be a new one; `find` has just given
   * `ref` for this key.
   */
  expireAt(key: Slice, ref: number, expiresAtMs: number): number {
    const { arena } = this.store;
    const hasExpiry = hasFlag(arena, ref, HAS_EXPIRY);
    if (hasExpiry && expiresAtMs !== 0) {
      setExpiry(arena, ref, expiresAtMs);
      return ref;
    }
    if (!hasExpiry && expiresAtMs === 0) return ref;
    const moved = movedEntry(arena, ref, key, expiresAtMs);
    this.replace(key, ref, moved);
    return moved;
  }

  /** Calls `visit` for some buckets from `cursor` on; see ByteTable.scan. Expired ones are visited too. */
  scan(cursor: number, visit: (ref: number) => void): number {
    return this.buckets.scan(cursor, visit);
  }

  /** A bucket drawn at random, of those that expire or of all; 0 when there is none. */
  random(onlyExpiring = false): number {
    return (onlyExpiring ? this.expiring : this.buckets).random(this.store.random);
  }

  /**
   * Calls `visit` for the next of the buckets that expire, some at a time and round and round. True at the end of a
   * round. `visit` must not change the keyspace.
   */
  stepThroughExpiring(visit: (ref: number) => void): boolean {
    const next = this.expiring.scan(this.expiryCursor, visit);
    this.expiryCursor = next < CURSOR_END ? next : 0;
    return this.expiryCursor === 0;
  }

  /** Whether a bucket found by a scan is there no more but for its removal. */
  isExpired(ref: number): boolean {
    const { arena, nowMs } = this.store;
    return hasFlag(arena, ref, HAS_EXPIRY) && expiryOf(arena, ref) <= nowMs;
  }

  /** Removes a bucket found by a scan when its time has come. */
  expire(ref: number): boolean {
    if (!this.isExpired(ref)) return false;
    return this.removeIfExpired(this.copyKey(ref), ref);
  }

  /** The key of a bucket that a scan found, in a place where it outlives the entry, until the next call. */
  copyKey(ref: number): Slice {
    const key = keySlice(this.store.arena, ref, this.key);
    key.hash = this.buckets.hashOf(key);
    if (key.length > this.keyCopy.length) this.keyCopy = Buffer.alloc(key.length);
    copyBytes(key.bytes, key.offset, this.keyCopy, 0, key.length);
    return key.set(this.keyCopy, 0, key.length);
  }

  // ---- fields that expire

  /** Whether any hash has fields that expire. */
  get hasFieldsThatExpire(): boolean {
    return this.firstFieldExpiryMs !== Infinity;
  }

  /** Whether the time of some field in some hash has come. */
  get hasExpiredFields(): boolean {
    return this.firstFieldExpiryMs <= this.store.nowMs;
  }

  /** A hash with a field whose time has come; 0 when there is none. */
  hashWithExpiredField(): number {
    return this.hasExpiredFields ? this.fieldExpiry!.firstRef : 0;
  }

  /** The first moment at which a field of the hash `ref` expires was `beforeMs`, 0 for none, and may be another now. */
  fieldExpiryChanged(ref: number, beforeMs: number): void {
    const nextMs = nextExpiryOfFields(this, ref);
    if (nextMs === beforeMs) return;
    this.unlistFieldExpiry(ref, beforeMs);
    this.listFieldExpiry(ref, nextMs);
  }

  private nextFieldExpiry(ref: number): number {
    return entryType(this.store.arena, ref) === HASH ? nextExpiryOfFields(this, ref) : 0;
  }

  private listFieldExpiry(ref: number, nextMs: number): void {
    if (nextMs === 0) return;
    this.fieldExpiry ??= new LeafList(this.store.arena);
    this.fieldExpiry.insert(nextMs, ref);
    this.firstFieldExpiryMs = this.fieldExpiry.firstScore;
  }

  private unlistFieldExpiry(ref: number, nextMs: number): void {
    if (nextMs === 0) return;
    this.fieldExpiry!.remove(nextMs, ref);
    this.firstFieldExpiryMs = this.fieldExpiry!.firstScore;
  }

  /** Exchanges all buckets for those of another keyspace. */
  swap(other: Keyspace): void {
    if (this.isServed) {
      this.store.onTurnover?.(this, other);
      this.store.onTurnover?.(other, this);
    }
    [this.buckets, other.buckets] = [other.buckets, this.buckets];
    [this.expiring, other.expiring] = [other.expiring, this.expiring];
    [this.fieldExpiry, other.fieldExpiry] = [other.fieldExpiry, this.fieldExpiry];
    [this.firstFieldExpiryMs, other.firstFieldExpiryMs] = [other.firstFieldExpiryMs, this.firstFieldExpiryMs];
    [this.averageTtlMs, other.averageTtlMs] = [other.averageTtlMs, this.averageTtlMs];
    [this.guard, other.guard] = [other.guard, this.guard];
  }

  /** Empty tables for `clear`; none when it needs none. */
  newTables(): Tables | undefined {
    if (this.size === 0) return undefined;
    const { arena, seed } = this.store;
    return { buckets: new ByteTable(arena, seed), expiring: new ByteTable(arena, seed) };
  }

  /** Empties the keyspace at once; the memory is freed in slices. `tables` are what `newTables` has given. */
  clear(tables = this.newTables()): void {
    const { arena, reclaimer } = this.store;
    const { buckets, expiring, guard } = this;
    if (this.isServed) this.store.onTurnover?.(this, undefined);
    if (tables === undefined) return;
    this.buckets = tables.buckets;
    this.expiring = tables.expiring;
    this.fieldExpiry?.forget();
    this.fieldExpiry = undefined;
    this.firstFieldExpiryMs = Infinity;
    reclaimer.add(() => expiring.dismantle(() => undefined));
    const dispose = (): void => reclaimer.add(() =>
      buckets.dismantle((ref) => {
        if (hasFlag(arena, ref, IS_STRUCTURE)) this.letGo(ref);
        arena.free(ref);
      }),
    );
    this.guard = undefined;
    if (guard === undefined) dispose();
    else guard.keep(dispose);
  }

  /**
   * Sets a guard for the buckets that are there now, and gives their index, for the guard to walk. It goes with them
   * when they are exchanged for those of another database. `release` ends it.
   */
  guardBuckets(guard: SnapshotGuard): ByteTable {
    this.guard = guard;
    return this.buckets;
  }

  /** Ends a guard, if it is this database's. */
  release(guard: SnapshotGuard): void {
    if (this.guard === guard) this.guard = undefined;
  }
}

/** A new entry called `key` that takes over the value of another, a structure included; the other is to be freed. */
function movedEntry(arena: Arena, ref: number, key: Slice, expiresAtMs: number): number {
  const length = valueLength(arena, ref);
  const moved = createEntry(arena, entryType(arena, ref), key, length, expiresAtMs);
  setEntryMeta(arena, moved, (entryMeta(arena, ref) & ~HAS_EXPIRY) | (entryMeta(arena, moved) & HAS_EXPIRY));
  copyValue(arena, ref, moved, length);
  return moved;
}

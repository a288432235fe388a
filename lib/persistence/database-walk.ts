/**
 * The walk of a snapshot (snapshot.ts) through the buckets of one database, in the order of their hashes, and the guard
 * that stands there meanwhile. Whether the walk has reached a bucket is one comparison, of the bucket's hash with the
 * place of the walk.
 *
 * A small bucket is written when the walk comes to it, or before a command has it that may change it. What a command
 * has is marked then, as are buckets that come later; the walk passes over what is marked and takes the mark away, so
 * that none is left at the end. Handlers need not say what they intend: it is enough that commands say whether they
 * only read.
 *
 * A bucket with a large value is only held at either moment (held-values.ts): it is written piece by piece when the
 * walks through all databases have ended, so that no small bucket has to wait behind it, and commands may do with it
 * what they like.
 */
import type { HeldBucket, SnapshotWriter } from './snapshot-writer.js';
import type { Steps } from '../rdb/value-writer.js';
import { type ByteTable, CURSOR_END } from '../store/byte-table.js';
import { isMarked, setMark } from '../store/entry.js';
import type { Keyspace } from '../store/keyspace.js';
import type { SnapshotGuard } from '../store/snapshot-guard.js';

/**
 * A run of the walk ends with so many steps or so many bytes. They are few because of the first runs of a process,
 * whose code has not been compiled: a bucket costs some ten times as much there.
 */
const RUN_STEPS = 16;
const RUN_BYTES = 2 * 1024;

export class DatabaseWalk implements SnapshotGuard {
  private readonly table: ByteTable;
  private readonly index: number;
  private cursor = 0;
  private hasBegun = false;
  /** Nothing is written any more; marks are only taken away. */
  private isGivenUp = false;
  /** The buckets that are held; at last the first of them is being written. */
  private readonly held: HeldBucket[] = [];
  private current: Steps | undefined;
  private dispose: (() => void) | undefined;

  constructor(
    private readonly db: Keyspace,
    private readonly writer: SnapshotWriter,
    private readonly onWritten: () => void,
  ) {
    this.index = db.index;
    this.table = db.guardBuckets(this);
  }

  /** Goes on with the walk, some tens of microseconds' work; true when it has ended. */
  walk(isGivenUp: boolean): boolean {
    this.isGivenUp ||= isGivenUp;
    if (!this.hasBegun) {
      this.hasBegun = true;
      this.writer.beginDatabase(this.index, this.db.size, this.db.expiringSize);
    }
    const { writtenBytes } = this.writer;
    for (let step = 0; step < RUN_STEPS && this.writer.writtenBytes - writtenBytes < RUN_BYTES; step++) {
      if (this.cursor === CURSOR_END) return this.endWalk();
      this.cursor = this.table.scan(this.cursor, this.visit);
    }
    return false;
  }

  private endWalk(): true {
    for (const db of this.db.store.keyspaces) db.release(this);
    return true;
  }

  /** Goes on with the buckets that are held, by one piece of one of them; true when none is left. */
  writeHeld(isGivenUp: boolean): boolean {
    if (isGivenUp && !this.isGivenUp) {
      this.isGivenUp = true;
      this.current = undefined;
    }
    const first = this.held[0];
    if (first === undefined) {
      this.dispose?.();
      return true;
    }
    this.current ??= this.isGivenUp ? first.value.giveUp() : this.writer.writeHeld(first);
    if (this.current.next().done === true) {
      this.current = undefined;
      this.held.shift();
    }
    return false;
  }

  private readonly visit = (ref: number): void => {
    const { arena } = this.db.store;
    if (isMarked(arena, ref)) setMark(arena, ref, false);
    else if (!this.isGivenUp) this.take(ref);
  };

  /** Writes a bucket, or holds it. */
  private take(ref: number): void {
    this.onWritten();
    const held = this.writer.hold(this.db, this.index, ref);
    if (held !== undefined) this.held.push(held);
    else this.writer.writeBucket(this.db, this.index, ref);
  }

  // ---- the guard

  private isAhead(hash: number): boolean {
    return hash >>> 0 >= this.cursor;
  }

  beforeUse(hash: number, ref: number): void {
    if (this.isGivenUp) return;
    const { arena } = this.db.store;
    if (!this.isAhead(hash) || isMarked(arena, ref)) return;
    this.take(ref);
    setMark(arena, ref, true);
  }

  noteEntry(hash: number, ref: number): void {
    setMark(this.db.store.arena, ref, this.isAhead(hash));
  }

  keep(dispose: () => void): void {
    this.dispose = dispose;
  }
}

/**
 * A snapshot of the whole store as it is at one moment, written to a file while commands go on. It is used for
 * `dump.rdb` and for the base of the append log.
 *
 *     const snapshot = new Snapshot(store, file, options);     the moment is now
 *     await snapshot.done;                                     all is written and synced; or it rejects
 *
 * `file` is anything with write(pieces, position) and sync(); the caller opens, closes and renames it.
 *
 * There is no fork to hold the moment still. The walk goes through the buckets of each database, a slice at a time
 * (database-walk.ts), and a guard stands there meanwhile (store/snapshot-guard.ts). A small bucket that a command lays
 * hands on before the walk has come to it is written first, as it is. Of a large value only what a command changes is
 * set aside first, an entry, a page or a node, and the value itself is written piece by piece in its turn.
 *
 * The bytes wait for the disk in memory. When they are many the walk waits for it; what is written ahead of the walk
 * does not, and when that becomes much, commands that write have to wait (`onBehind`). What is set aside of large
 * values is as much as is changed in them.
 */
import { CommandWriter } from './command-writer.js';
import { DatabaseWalk } from './database-walk.js';
import { RdbWriter } from './rdb-writer.js';
import type { SnapshotWriter, WriteOptions } from './snapshot-writer.js';
import type { Store } from '../store/store.js';

/**
 * A file that is written. Positions are bytes from its start; `write` may write less than it was given. It is done with
 * the pieces when it resolves.
 */
export interface WritableFile {
  write(pieces: readonly Buffer[], position: number): Promise<number>;
  sync(): Promise<void>;
}

/** Commands wait so long for a slice at most, and as long as it took again until the next one. */
const SLICE_US = 1000;
/** The walk waits while so many bytes have not been written. */
const WAITING_BYTES_MAX = 16 * 1024 * 1024;
/** Writes wait when so many bytes have not been written, until the walk goes on. */
const HELD_BYTES_MAX = 48 * 1024 * 1024;
/** The file is synced every so many bytes, so that the last sync is short. */
const SYNC_BYTES = 4 * 1024 * 1024;
/** Pieces that are written at once. */
const PIECES_MAX = 64;

export interface SnapshotOptions extends WriteOptions {
  nowMs: number;
  elapsedUs: () => number;
  /** Called in front of each slice: what is done need not wait behind it. */
  beforeSlice: () => void;
  /** A slice has taken so long. */
  onSlice: (durationUs: number) => void;
  /** `rdb-save-incremental-fsync` */
  syncsOften: boolean;
  /** Writes are to wait, because what they have written first waits for the disk; or not any more. */
  onBehind: (isBehind: boolean) => void;
  /** A disk that takes nothing for so long, while writes wait for it, is a failure. */
  patienceMs: number;
}

/** The snapshot was given up by its owner. */
export class SnapshotAborted extends Error {}

export class Snapshot {
  /** Resolves with the file's size. Rejects with the file's error, or SnapshotAborted. */
  readonly done: Promise<number>;
  /** Buckets that were written, and how many there were at the moment of the snapshot. */
  keysWritten = 0;
  readonly keysTotal: number;
  /** Bytes that wait for the disk, now and at most. */
  waitingBytes = 0;
  waitingBytesPeak = 0;

  private readonly writer: SnapshotWriter;
  /** What is to be done in slices, one after the other. Each works a little, and says when it is done. */
  private readonly work: ((isGivenUp: boolean) => boolean)[];
  private readonly pieces: Buffer[] = [];
  private size = 0;
  private unsyncedBytes = 0;
  private isWriting = false;
  private isWalked = false;
  private isPaused = false;
  private isBehind = false;
  private patience: NodeJS.Timeout | undefined;
  private failure: unknown;
  private settle!: { resolve: (size: number) => void; reject: (error: unknown) => void };

  constructor(
    private readonly store: Store,
    private readonly file: WritableFile,
    private readonly options: SnapshotOptions,
  ) {
    this.done = new Promise((resolve, reject) => (this.settle = { resolve, reject }));
    const take = (bytes: Buffer): void => this.take(bytes);
    this.writer = options.form === 'aof' ? new CommandWriter(store, options, take) : new RdbWriter(store, options, take);
    this.writer.begin(options.nowMs);
    this.keysTotal = store.keyspaces.reduce((sum, db) => sum + db.size, 0);
    const filled = store.keyspaces.filter((db) => db.size > 0);
    const walks = filled.map((db) => new DatabaseWalk(db, this.writer, () => this.keysWritten++));
    this.work = [
      ...walks.map((walk) => (isGivenUp: boolean) => walk.walk(isGivenUp)),
      ...walks.map((walk) => (isGivenUp: boolean) => walk.writeHeld(isGivenUp)),
    ];
    store.isGuarded = true;
    this.next();
  }

  /** Gives the snapshot up: nothing more is written. */
  abort(): void {
    this.fail(new SnapshotAborted('the snapshot was given up'));
  }

  private next(): void {
    setImmediate(() => this.slice());
  }

  private slice(): void {
    const { options } = this;
    options.beforeSlice();
    const startUs = options.elapsedUs();
    let nowUs = startUs;
    while (this.work.length > 0) {
      const isOver = this.work[0]!(this.failure !== undefined);
      this.writer.flush();
      if (isOver) this.work.shift();
      nowUs = options.elapsedUs();
      if (nowUs - startUs >= SLICE_US) break;
    }
    options.onSlice(nowUs - startUs);
    if (this.work.length === 0) return this.endWalk();
    this.isPaused = this.failure === undefined && this.waitingBytes > WAITING_BYTES_MAX;
    if (!this.isPaused) this.next();
  }

  private endWalk(): void {
    if (this.isWalked) return;
    this.isWalked = true;
    this.store.isGuarded = false;
    if (this.failure !== undefined) return this.settle.reject(this.failure);
    this.writer.end();
    void this.write();
  }

  // ---- the file

  private take(bytes: Buffer): void {
    if (this.failure !== undefined) return;
    this.pieces.push(bytes);
    this.waitingBytes += bytes.length;
    this.waitingBytesPeak = Math.max(this.waitingBytesPeak, this.waitingBytes);
    this.look();
    if (!this.isWriting) void this.write();
  }

  /** Writes what waits, in order. */
  private async write(): Promise<void> {
    if (this.isWriting) return;
    this.isWriting = true;
    try {
      while (this.pieces.length > 0) {
        await this.writePieces(this.pieces.splice(0, PIECES_MAX));
        if (this.failure !== undefined) return;
        if (this.isPaused && this.waitingBytes <= WAITING_BYTES_MAX) {
          this.isPaused = false;
          this.next();
        }
      }
      this.isWriting = false;
      if (!this.isWalked || this.failure !== undefined) return;
      await this.file.sync();
      this.settle.resolve(this.size);
    } catch (error) {
      this.fail(error);
    }
  }

  private async writePieces(pieces: readonly Buffer[]): Promise<void> {
    let left = pieces;
    while (left.length > 0) {
      const written = await this.file.write(left, this.size);
      this.size += written;
      this.waitingBytes -= written;
      this.unsyncedBytes += written;
      left = behind(left, written);
      this.patience?.refresh();
    }
    for (const piece of pieces) this.writer.giveBack(piece);
    this.look();
    if (!this.options.syncsOften || this.unsyncedBytes < SYNC_BYTES) return;
    this.unsyncedBytes = 0;
    await this.file.sync();
  }

  /** Has writes wait, or go on. */
  private look(): void {
    const isBehind = this.waitingBytes > (this.isBehind ? WAITING_BYTES_MAX : HELD_BYTES_MAX);
    if (isBehind === this.isBehind) return;
    this.isBehind = isBehind;
    clearTimeout(this.patience);
    const { patienceMs, onBehind } = this.options;
    const giveUp = (): void => this.fail(new Error(`the disk took nothing for ${patienceMs} ms while writes waited`));
    this.patience = isBehind ? setTimeout(giveUp, patienceMs) : undefined;
    onBehind(isBehind);
  }

  /** The walk goes on to its end all the same, to take the marks away. */
  private fail(error: unknown): void {
    if (this.failure !== undefined) return;
    this.failure = error;
    this.pieces.length = 0;
    this.waitingBytes = 0;
    this.look();
    if (this.isWalked) this.settle.reject(error);
    else if (this.isPaused) this.next();
  }
}

/** What is left of `pieces` without their first bytes. */
function behind(pieces: readonly Buffer[], byteCount: number): readonly Buffer[] {
  let skipped = byteCount;
  let first = 0;
  while (first < pieces.length && skipped >= pieces[first]!.length) skipped -= pieces[first++]!.length;
  const left = pieces.slice(first);
  if (skipped > 0) left[0] = left[0]!.subarray(skipped);
  return left;
}

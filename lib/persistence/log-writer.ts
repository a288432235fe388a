/**
 * The log writer: brings what stands in the log buffer to one file, in order: write, sync, write, ... never two at a
 * time. While one is under way records gather in the buffer, and the next write takes all of them; so many clients
 * share one sync.
 *
 * A write or a sync that fails is not believed in any part. The file is cut back to where it was safe and everything
 * behind is written again from the buffer, until the disk takes it: after a failed sync the system may have dropped
 * what was written, and would call the next sync a success.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { DataFile } from './file-system.js';
import { Filler } from './filler.js';
import type { LogBuffer } from './log-buffer.js';
import { sealOf } from './seal.js';
import type { Clock } from '../util/clock.js';

export type SyncPolicy = 'always' | 'everysec' | 'no';

export interface WriterEvents {
  /** Whether what waits is to be written now; otherwise the writer is woken when it is. */
  mayWrite(): boolean;
  /** Everything up to an offset is on the disk or, with policy `no`, with the system. */
  onSafe(offset: number): void;
  /** The disk does not take the log; it is tried again and again. Called once for each failure. */
  onFailure(operation: 'write' | 'sync', error: unknown): void;
  /** The disk takes the log again. */
  onRecovery(): void;
  /** An operation took so long. */
  onDone(operation: 'write' | 'sync', durationUs: number): void;
}

/** What is to be decided anew for each step, because settings change. */
export interface SyncRules {
  policy: SyncPolicy;
  /** Syncs are left out for now (`no-appendfsync-on-rewrite`). */
  isSyncPaused: boolean;
}

const SYNC_PERIOD_US = 1_000_000;
const RETRY_MS = 100;
/** With policy `everysec`, so many bytes are synced sooner: until then they are kept in memory. */
const UNSYNCED_BYTES_MAX = 16 * 1024 * 1024;
/** The system takes at most 1024 pieces in a write. */
const PIECES_MAX = 512;
/** An annotation that says nothing, in front of a seal that would end where it must not. */
const REMARK = '#\n';

export class LogWriter {
  /** Up to which offset the file holds what it should. */
  written: number;
  /** Up to which offset it is on the disk. */
  synced: number;
  /** Why the last attempt failed; undefined when it did not. */
  failure: unknown;
  /** When the operation under way began; undefined when there is none. */
  busySinceUs: number | undefined;

  /**
   * Where the first seal ends. It is on the disk before anything stands behind it: without it nobody could tell what
   * the power left of the rest from a file that somebody has damaged.
   */
  private readonly begun: number;
  /** Up to which offset seals vouch for what is there. */
  private sealed: number;
  /** Where the bytes that are being written begin, or, after a failed sync, those that are to be written again. */
  private repeatFrom: number;
  private work: Promise<void> | undefined;
  private syncedAtUs: number;
  private timer: NodeJS.Timeout | undefined;
  private isStopped = false;
  private readonly filler = new Filler();
  /** How long the last write of records was that was synced at once; Infinity when there was none in this file. */
  private throughBytes = Infinity;
  /** Something has failed, and nothing is known to be on the disk until a sync of all that was written. */
  private isInDoubt = false;

  /** Goes on at the end of what `buffer` begins with. */
  constructor(
    private readonly file: DataFile,
    private readonly buffer: LogBuffer,
    private readonly rules: SyncRules,
    private readonly clock: Clock,
    private readonly events: WriterEvents,
    /** Nothing is written before. */
    private readonly mayBegin: Promise<void>,
  ) {
    this.written = this.synced = this.repeatFrom = buffer.end;
    this.syncedAtUs = clock.elapsedUs();
    // What stands in the file before this was sealed by somebody else, or not at all.
    buffer.appendText(sealOf([], 0, buffer.end));
    this.sealed = this.begun = buffer.end;
  }

  /** There is something in the buffer, or a sync is due: begins to work, if it is not working. */
  wake(): void {
    if (this.work !== undefined || this.failure !== undefined || this.isStopped) return;
    this.work = this.run().finally(() => {
      this.work = undefined;
    });
  }

  /**
   * Writes and syncs what is there now, whatever the policy. Rejects when the disk does not take it, and when the
   * writer has been stopped before.
   */
  async flush(): Promise<void> {
    const end = this.buffer.end;
    await this.work;
    // The disk may take it by now, and who stops does not come back to see.
    if (this.failure !== undefined) this.retry();
    await this.work;
    while (this.failure === undefined && (this.written < end || this.synced < this.written)) {
      if (this.isStopped) throw new Error('the log has been given up');
      this.work ??= this.run(true).finally(() => {
        this.work = undefined;
      });
      await this.work;
    }
    if (this.failure !== undefined) throw this.failure as Error;
  }

  /** Ends the work. What has not been flushed is given up. */
  async close(): Promise<void> {
    this.stop();
    await this.work;
    if (this.filler.isLeft(this.written)) await this.cut();
    await this.file.close();
  }

  /** Resolves when all is written and synced, however long the disk refuses it, or the writer is stopped. */
  async drain(): Promise<void> {
    while (!this.isStopped) {
      try {
        await this.flush();
        return;
      } catch {
        await delay(RETRY_MS);
      }
    }
  }

  get unwritten(): number {
    return this.buffer.end - this.written;
  }

  /** Bytes in memory: those that are not written, and those that are not safe yet. */
  get kept(): number {
    return this.buffer.end - this.buffer.kept;
  }

  /** Gives up what is not written. */
  stop(): void {
    this.isStopped = true;
    clearTimeout(this.timer);
  }

  private async run(syncsAll = false): Promise<void> {
    try {
      await this.mayBegin;
      for (;;) {
        if (this.isStopped) return;
        if (this.isSyncDue() || (syncsAll && this.isAllToBeSynced())) await this.sync();
        else if (this.isFillDue()) await this.fill();
        else if (this.isWriteDue() || (syncsAll && this.written < this.buffer.end)) await this.write();
        else break;
      }
      this.setTimer();
    } catch (error) {
      await this.cutBack(error);
    }
  }

  private isWriteDue(): boolean {
    return this.written < this.begun || (this.written < this.buffer.end && this.events.mayWrite());
  }

  private isAllToBeSynced(): boolean {
    return this.buffer.end === this.written && (this.synced < this.written || this.isInDoubt);
  }

  private isSyncDue(): boolean {
    if (this.synced === this.written) return false;
    if (this.synced < this.begun) return true;
    if (this.rules.policy === 'no' || this.rules.isSyncPaused) return false;
    if (this.rules.policy === 'always' || this.written - this.synced > UNSYNCED_BYTES_MAX) return true;
    return this.clock.elapsedUs() - this.syncedAtUs >= SYNC_PERIOD_US;
  }

  private isFillDue(): boolean {
    if (this.synced < this.written || this.isInDoubt || !this.isSyncedAtOnce()) return false;
    return this.filler.isDue(this.written, this.throughBytes);
  }

  /** Makes the file longer for the writes to come. */
  private fill(): Promise<void> {
    this.repeatFrom = this.written;
    return this.filler.make(this.written, async (bytes, position) => {
      for (let done = 0; done < bytes.length;) {
        const piece = bytes.subarray(done);
        const at = position + done;
        done += await this.put('sync', () => this.file.writeThrough([piece], at));
      }
    });
  }

  private async write(): Promise<void> {
    const { buffer } = this;
    const end = this.written < this.begun ? this.begun : this.seal();
    this.repeatFrom = this.written;
    // Both in one go, where nothing else is to be synced.
    const isThrough = this.isSyncedAtOnce() && this.synced === this.written && !this.isInDoubt;
    while (this.written < end) {
      const pieces = buffer.pieces(this.written, end, PIECES_MAX);
      const { file, written } = this;
      this.written += await this.put(isThrough ? 'sync' : 'write', () =>
        isThrough ? file.writeThrough(pieces, written) : file.write(pieces, written),
      );
    }
    if (isThrough) {
      if (end > this.begun) this.throughBytes = end - this.repeatFrom;
      this.noteSynced(end);
    }
    // Who is not to wait for a sync does not; a sync that fails later repeats what is still in the buffer.
    if (this.rules.policy === 'no' || this.rules.isSyncPaused) this.events.onSafe(this.written);
  }

  /** Closes what has been appended with a seal, and gives where that ends. */
  private seal(): number {
    const { buffer } = this;
    if (buffer.end === this.sealed) return this.sealed;
    let seal = this.sealOfAppended();
    if (this.filler.leavesLineEnd(buffer.end + seal.length)) {
      buffer.appendText(REMARK);
      seal = this.sealOfAppended();
    }
    buffer.appendText(seal);
    return (this.sealed = buffer.end);
  }

  private sealOfAppended(): string {
    const { buffer, sealed, synced } = this;
    return sealOf(buffer.pieces(sealed, buffer.end), buffer.end - sealed, synced);
  }

  private async sync(): Promise<void> {
    const upTo = this.written;
    this.repeatFrom = Math.max(this.synced, this.buffer.kept);
    this.syncedAtUs = this.clock.elapsedUs();
    await this.timed('sync', () => this.file.sync());
    this.isInDoubt = false;
    this.noteSynced(upTo);
  }

  private noteSynced(upTo: number): void {
    this.synced = upTo;
    this.events.onSafe(upTo);
  }

  private isSyncedAtOnce(): boolean {
    return this.rules.policy === 'always' && !this.rules.isSyncPaused;
  }

  private async put(operation: 'write' | 'sync', act: () => Promise<number>): Promise<number> {
    const count = await this.timed(operation, act);
    if (count === 0) throw new Error('the system wrote nothing');
    return count;
  }

  private async timed<T>(operation: 'write' | 'sync', act: () => Promise<T>): Promise<T> {
    const startUs = this.clock.elapsedUs();
    this.busySinceUs = startUs;
    try {
      const result = await act();
      this.events.onDone(operation, this.clock.elapsedUs() - startUs);
      return result;
    } catch (error) {
      if (this.failure === undefined && !this.isStopped) this.events.onFailure(operation, error);
      throw error;
    } finally {
      this.busySinceUs = undefined;
    }
  }

  /** With `everysec` what was written last is synced though nothing follows. */
  private setTimer(): void {
    if (this.synced === this.written || this.rules.policy !== 'everysec') return;
    clearTimeout(this.timer);
    const leftUs = SYNC_PERIOD_US - (this.clock.elapsedUs() - this.syncedAtUs);
    this.timer = setTimeout(() => this.wake(), Math.max(1, Math.ceil(leftUs / 1000)));
    this.timer.unref();
  }

  // ---- failures

  /** Takes back what may be half there, and tries again soon. */
  private async cutBack(error: unknown): Promise<void> {
    this.failure = error;
    this.isInDoubt = true;
    this.written = this.repeatFrom;
    await this.cut();
    this.timer = setTimeout(() => this.retry(), RETRY_MS);
    this.timer.unref();
  }

  private async cut(): Promise<void> {
    try {
      await this.file.truncate(this.written);
      this.filler.forget();
    } catch {
      // What is there beyond will be written over; until then the file ends in a torn record, as after a crash.
    }
  }

  /** Everything is well again when all that waits is written and synced. */
  private retry(): void {
    if (this.isStopped) return;
    clearTimeout(this.timer);
    this.work = this.run(true).then(() => {
      this.work = undefined;
      if (this.written < this.buffer.end || this.synced < this.written || this.isStopped) return;
      this.failure = undefined;
      this.events.onRecovery();
    });
  }
}

/**
 * The pause of CLIENT PAUSE: until it is over no client's requests are run, or none that writes. A request that comes
 * meanwhile is held back whole by its connection, which registers here and is told when it may go on.
 */
import type { Command } from './table.js';
import type { Clock } from '../util/clock.js';

/** A longer pause than a timer can take (24.8 days) is made of several. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** The append log, and a snapshot, be it `dump.rdb` or the base of the log. */
export type WrittenToDisk = 'log' | 'snapshot';

export class Pause {
  /** Looked at before every command; everything else here only while it is true. */
  isActive = false;
  /** CLIENT PAUSE is on. */
  private isPaused = false;
  /** For which of what is written to disk writes wait, because the disk does not keep up. */
  private readonly behind = new Set<WrittenToDisk>();
  /** The node is about to stop: what writes waits for whether it does. */
  private isStopping = false;

  private holdsReads = false;
  private endsAtMs = 0;
  private timer: NodeJS.Timeout | undefined;
  private readonly waiting = new Set<() => void>();

  constructor(private readonly clock: Clock) {}

  /** Begins a pause, or makes the one that is on stricter and longer, never milder or shorter. */
  begin(endsAtMs: number, holdsReads: boolean): void {
    this.holdsReads = (this.isPaused && this.holdsReads) || holdsReads;
    this.endsAtMs = this.isPaused ? Math.max(this.endsAtMs, endsAtMs) : endsAtMs;
    this.isPaused = this.isActive = true;
    this.schedule();
  }

  /** Ends the pause: what was held back is run. */
  end(): void {
    clearTimeout(this.timer);
    this.isPaused = this.holdsReads = false;
    this.letGo();
  }

  /** Begins or ends the wait of what writes, for one of those that the disk has to take. Whether that is a change. */
  holdWrites(what: WrittenToDisk, isBehind: boolean): boolean {
    if (this.behind.has(what) === isBehind) return false;
    if (isBehind) {
      this.behind.add(what);
      this.isActive = true;
    } else {
      this.behind.delete(what);
      this.letGo();
    }
    return true;
  }

  /** Begins or ends the wait of what writes while the node brings its data to disk, to stop. */
  holdForStop(isStopping: boolean): void {
    this.isStopping = isStopping;
    if (isStopping) this.isActive = true;
    else this.letGo();
  }

  /** Runs what was held back; what must wait for another reason comes back. */
  private letGo(): void {
    this.isActive = this.isPaused || this.behind.size > 0 || this.isStopping;
    const waiting = [...this.waiting];
    this.waiting.clear();
    for (const goOn of waiting) goOn();
  }

  /** Whether this command must wait; only asked while a pause is on. */
  holdsBack(command: Command): boolean {
    return this.holdsReads || command.isWrite || command.mayReplicate;
  }

  /** Calls `goOn` once, when the pause is over. */
  wait(goOn: () => void): void {
    this.waiting.add(goOn);
  }

  forget(goOn: () => void): void {
    this.waiting.delete(goOn);
  }

  private schedule(): void {
    clearTimeout(this.timer);
    const leftMs = this.endsAtMs - this.clock.nowMs();
    const isOver = leftMs <= TIMER_MS_MAX;
    this.timer = setTimeout(() => (isOver ? this.end() : this.schedule()), Math.max(0, Math.min(leftMs, TIMER_MS_MAX)));
    this.timer.unref();
  }
}

/**
 * Gathering: with `appendfsync always`, for what the next write to the log waits a moment.
 *
 * When a sync is done its clients get their replies, and most of them have the next request there within a fraction of
 * a millisecond. A write that began at once would leave them for the sync behind it. So clients would fall into two
 * halves that take turns, and there would be twice as many syncs as there need be, each of which takes as long as some
 * dozens of requests.
 *
 * So the next write begins when as many records are there as were in the one before and came during its sync; that is,
 * when everybody is back. Who does not come back in a millisecond or two is not waited for any longer, and then not
 * behind the next syncs either: one, three, seven or 15 of them, until waiting is worth it again.
 */

/** A timer of Node ends up to a millisecond early, because it counts from the beginning of the loop's turn. */
const PATIENCE_MS = 2;
const PASSES_MAX = 15;

export class Gathering {
  /** How many records are waited for; 0 when nothing is. */
  private wanted = 0;
  /** Behind how many syncs nothing is waited for, and how many of them are left. */
  private passes = 0;
  private passesLeft = 0;
  private timer: NodeJS.Timeout | undefined;

  /** `pending` says how many records wait to be written; `onEnd` is called when time is up. */
  constructor(
    private readonly pending: () => number,
    private readonly onEnd: () => void,
  ) {}

  /** A sync of so many records is done. */
  begin(records: number): void {
    if (this.passesLeft > 0) {
      this.passesLeft--;
      return;
    }
    this.wanted = records + this.pending();
    if (this.timer === undefined) this.timer = setTimeout(() => this.end(), PATIENCE_MS).unref();
    else this.timer.refresh();
  }

  /** Whether what waits is to be written now. */
  isOver(): boolean {
    if (this.wanted === 0) return true;
    if (this.pending() < this.wanted) return false;
    this.wanted = this.passes = 0;
    return true;
  }

  private end(): void {
    if (this.wanted === 0) return;
    this.wanted = 0;
    if (this.pending() === 0) return;
    this.passes = this.passesLeft = Math.min(2 * this.passes + 1, PASSES_MAX);
    this.onEnd();
  }

  stop(): void {
    clearTimeout(this.timer);
    this.wanted = 0;
  }
}

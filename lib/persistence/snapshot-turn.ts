/**
 * Whose turn it is to write a snapshot. Only one is written at a time, be it `dump.rdb` or the base of the append log:
 * the marks in the store (store/snapshot-guard.ts) tell of one walk. It is what the one child process is to
 * redis-server.
 */
export class SnapshotTurn {
  private last: Promise<void> = Promise.resolve();
  private count = 0;
  /** Called when `isTaken` may have changed. */
  onChange: () => void = () => undefined;

  /** Somebody has the turn or waits for it. */
  get isTaken(): boolean {
    return this.count > 0;
  }

  /** Takes the turn at once, and gives what ends it; undefined when it is somebody else's. */
  tryTake(): (() => void) | undefined {
    return this.isTaken ? undefined : this.queue();
  }

  /** Resolves when it is the caller's turn, in the order of calls, with what ends it. */
  async take(): Promise<() => void> {
    const { last } = this;
    const giveBack = this.queue();
    await last;
    return giveBack;
  }

  private queue(): () => void {
    this.count++;
    this.onChange();
    let end: () => void;
    const own = new Promise<void>((resolve) => (end = resolve));
    this.last = this.last.then(() => own);
    return () => {
      this.count--;
      this.onChange();
      end();
    };
  }
}

/** How far the node is with loading what it has on disk: for INFO, and a line a second in the log. */
import type { LoadingState } from '../commands/append-log-services.js';
import type { Clock } from '../util/clock.js';
import type { Log } from '../util/log.js';

const LINE_PERIOD_US = 1_000_000;

export class LoadProgress implements LoadingState {
  totalBytes = 0;
  loadedBytes = 0;
  usedMemory = 0;
  readonly startedAtMs: number;
  private linedAtUs: number;

  /** `what` is loaded: "the log", "the snapshot". */
  constructor(
    private readonly clock: Clock,
    private readonly log: Log,
    private readonly what: string,
  ) {
    this.startedAtMs = clock.nowMs();
    this.linedAtUs = clock.elapsedUs();
  }

  note(loadedBytes: number): void {
    this.loadedBytes = loadedBytes;
    const nowUs = this.clock.elapsedUs();
    if (nowUs - this.linedAtUs < LINE_PERIOD_US) return;
    this.linedAtUs = nowUs;
    const percent = Math.floor((loadedBytes / Math.max(this.totalBytes, 1)) * 100);
    this.log.info(`Loading ${this.what}: ${percent}% of ${this.totalBytes} bytes`);
  }

  /** For the line that says that it is done. */
  get seconds(): string {
    return ((this.clock.nowMs() - this.startedAtMs) / 1000).toFixed(3);
  }
}

/**
 * How long commands take, for INFO commandstats, LATENCY and the slowlog, without a clock read for each.
 *
 * A look at the clock costs about 50 ns, a third of a GET that comes deep in a pipeline. So commands that are flagged
 * `fast` (constant or logarithmic time) are timed together, up to 64 of one batch, and share the time in equal parts.
 * Timed alone are: commands without that flag, the first command of a batch (hence all unpipelined ones), and every
 * command while `slowlog-log-slower-than` is below a millisecond, since then somebody looks closely. A command that
 * shared its time is not in the slowlog; the latency monitor sees the time of its group.
 */
import type { Session } from './session.js';
import type { LatencyMonitor } from '../commands/latency.js';
import type { Slowlog } from '../commands/slowlog.js';
import type { Command } from '../commands/table.js';
import type { Settings } from '../config/settings.js';
import type { Args } from '../protocol/args.js';
import type { Clock } from '../util/clock.js';
import { Histogram } from '../util/histogram.js';
import type { Stats } from '../util/stats.js';

const SHARED_MAX = 64;
const EXACT_BELOW_US = 1000;
/** When a batch has taken so long, its next command sees a later moment. */
const STALE_US = 1000;

export class CommandTimer {
  /** Where the time begins that has not been given to a command. */
  private sinceUs = 0;
  /** The moment that commands see (Store.nowMs), on this clock. */
  private momentUs = 0;
  /** The next command is the first of its batch. */
  private isFirst = true;
  private isExact = false;
  /** The commands that share the time since `sinceUs`; each knows how often it ran (`sharedCalls`). */
  private readonly shared: Command[] = [];
  private sharedCalls = 0;

  constructor(
    settings: Settings,
    private readonly clock: Clock,
    private readonly stats: Stats,
    private readonly slowlog: Slowlog,
    private readonly latency: LatencyMonitor,
    /** Begins a new moment in the middle of a batch. */
    private readonly setNow: (elapsedUs: number) => void,
  ) {
    settings.watch('slowlog-log-slower-than', () => {
      const us = settings.integer('slowlog-log-slower-than');
      this.isExact = us >= 0 && us < EXACT_BELOW_US;
    });
  }

  /** A batch begins at this moment of the clock. */
  beginBatch(elapsedUs: number): void {
    this.sinceUs = this.momentUs = elapsedUs;
    this.isFirst = true;
  }

  endBatch(): void {
    if (this.sharedCalls > 0) this.endShared();
  }

  /** A command is about to run: one that is timed alone begins its time. */
  begin(command: Command): void {
    if (this.sharedCalls > 0 && (!command.isFast || this.isExact)) this.endShared();
  }

  /** A command has run; `args` are still its own. */
  end(session: Session, command: Command, args: Args): void {
    if (this.isFirst || !command.isFast || this.isExact) {
      this.isFirst = false;
      this.endAlone(session, command, args);
      return;
    }
    if (command.sharedCalls++ === 0) this.shared.push(command);
    if (++this.sharedCalls === SHARED_MAX) this.endShared();
  }

  private endAlone(session: Session, command: Command, args: Args): void {
    const durationUs = this.lap();
    if (this.sinceUs - this.momentUs >= STALE_US && session.mayWait) this.catchUp();
    this.account(command, durationUs, 1);
    if (this.slowlog.isSlow(durationUs) && !command.isKeptFromSlowlog) {
      this.slowlog.add(session, command, args, durationUs, this.clock.nowMs());
    }
    if (this.latency.isSlow(durationUs)) {
      this.latency.add(command.isFast ? 'fast-command' : 'command', durationUs, this.clock.nowMs());
    }
  }

  /** Behind a slow command. All commands of a transaction see one moment. */
  private catchUp(): void {
    this.momentUs = this.sinceUs;
    this.setNow(this.sinceUs);
  }

  private endShared(): void {
    const durationUs = this.lap();
    const shareUs = durationUs / this.sharedCalls;
    for (const command of this.shared) {
      this.account(command, shareUs, command.sharedCalls);
      command.sharedCalls = 0;
    }
    this.shared.length = 0;
    this.sharedCalls = 0;
    if (this.latency.isSlow(durationUs)) this.latency.add('fast-command', durationUs, this.clock.nowMs());
  }

  private lap(): number {
    const nowUs = this.clock.elapsedUs();
    const durationUs = nowUs - this.sinceUs;
    this.sinceUs = nowUs;
    return durationUs;
  }

  private account(command: Command, durationUs: number, calls: number): void {
    this.stats.commandsProcessed += calls;
    command.calls += calls;
    command.usec += durationUs * calls;
    (command.latency ??= new Histogram()).record(durationUs, calls);
  }
}

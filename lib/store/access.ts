/**
 * When, or how often, a bucket was used: 24 bits in its entry, for OBJECT IDLETIME, OBJECT FREQ and eviction.
 *
 * By time (the usual way) they are a clock in seconds that wraps after 194 days, and a look-up stamps the entry with
 * it: one comparison for all but the first look-up of a bucket in a second. By frequency (the `lfu` policies) they are
 * a clock in minutes, 16 bits, and a counter, 8 bits, that grows ever more rarely and loses one each decay time.
 *
 *     by time        | seconds, 24 bits                  |
 *     by frequency   | minutes, 16 bits | counter, 8 bits |
 *
 * Source: redis-server's evict.c, "LFU (Least Frequently Used) implementation".
 */
import type { Random } from '../util/random.js';

const CLOCK_MASK = 0xffffff;
const MINUTES_MASK = 0xffff;
const COUNTER_MAX = 255;
/** New buckets begin with this count, so that they are not the first to go. */
const COUNTER_INITIAL = 5;

/** What `clock` holds while buckets are ranked by frequency: no entry agrees with it, so every look-up counts. */
const COUNTS_EVERY_LOOKUP = -1;

export class Access {
  /** What an entry that was used in this second bears. */
  clock = 0;
  /** `lfu-log-factor` and `lfu-decay-time`. */
  logFactor = 10;
  decayMinutes = 1;

  private seconds = 0;
  private byFrequency = false;

  constructor(private readonly random: Random) {}

  get isByFrequency(): boolean {
    return this.byFrequency;
  }

  set isByFrequency(isOn: boolean) {
    this.byFrequency = isOn;
    this.clock = isOn ? COUNTS_EVERY_LOOKUP : this.seconds & CLOCK_MASK;
  }

  setNow(nowMs: number): void {
    this.seconds = Math.floor(nowMs / 1000);
    if (!this.byFrequency) this.clock = this.seconds & CLOCK_MASK;
  }

  /** The bits of a new bucket. */
  initial(): number {
    return this.byFrequency ? (this.minutes() << 8) | COUNTER_INITIAL : this.clock;
  }

  /** The bits of a bucket that had `access` and is used now. */
  touched(access: number): number {
    return this.byFrequency ? (this.minutes() << 8) | this.grown(this.frequency(access)) : this.clock;
  }

  /** The bits of a bucket that was last used so many seconds ago; by time only. */
  usedBefore(idleSeconds: number): number {
    return (this.seconds - Math.min(idleSeconds, CLOCK_MASK)) & CLOCK_MASK;
  }

  /** The bits of a bucket with this counter, 0 to 255; by frequency only. */
  usedOften(counter: number): number {
    return (this.minutes() << 8) | counter;
  }

  /** Seconds since the last use, from the bits of an entry. */
  idleSeconds(access: number): number {
    return ((this.seconds & CLOCK_MASK) - access) & CLOCK_MASK;
  }

  /** The use counter, 0 to 255, from the bits of an entry: what has decayed since the last use is taken off. */
  frequency(access: number): number {
    if (this.decayMinutes === 0) return access & COUNTER_MAX;
    const elapsed = (this.minutes() - (access >>> 8)) & MINUTES_MASK;
    return Math.max(0, (access & COUNTER_MAX) - Math.floor(elapsed / this.decayMinutes));
  }

  private grown(counter: number): number {
    if (counter === COUNTER_MAX) return counter;
    const chance = 1 / (Math.max(0, counter - COUNTER_INITIAL) * this.logFactor + 1);
    return this.random.next() < chance ? counter + 1 : counter;
  }

  private minutes(): number {
    return Math.floor(this.seconds / 60) & MINUTES_MASK;
  }
}

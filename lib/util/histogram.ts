/**
 * A histogram of durations, for percentiles that need no list of samples. Each power of two of nanoseconds is cut in
 * 16, so a value is known to about 6 %. Source: the idea of G. Tene's HdrHistogram.
 */

const CUTS_LOG = 4;
const CUTS = 1 << CUTS_LOG;
/** Up to 2 ** 40 ns, 18 minutes; longer ones count as that. */
const POWERS = 40;

export class Histogram {
  count = 0;
  private readonly cells = new Uint32Array(POWERS * CUTS);

  record(durationUs: number, times = 1): void {
    this.count += times;
    this.cells[cellOf(durationUs * 1000)]! += times;
  }

  /** The duration in microseconds that `percentile` (0 to 100) of all samples do not pass. */
  percentileUs(percentile: number): number {
    const wanted = Math.max(1, Math.ceil((percentile / 100) * this.count));
    let seen = 0;
    for (let cell = 0; cell < this.cells.length; cell++) {
      seen += this.cells[cell]!;
      if (seen >= wanted) return endOf(cell) / 1000;
    }
    return 0;
  }

  /** How many samples lie at or below each power of two of about a microsecond, where that number grows. */
  cumulative(): [upToUs: number, count: number][] {
    const steps: [number, number][] = [];
    let seen = 0;
    for (let power = 0; power < POWERS; power++) {
      const before = seen;
      for (let cut = 0; cut < CUTS; cut++) seen += this.cells[power * CUTS + cut]!;
      if (seen === before) continue;
      const upToUs = Math.max(1, 2 ** (power + 1 - 10));
      // All below a microsecond is one step.
      if (steps.length > 0 && steps[steps.length - 1]![0] === upToUs) steps.pop();
      steps.push([upToUs, seen]);
    }
    return steps;
  }

  clear(): void {
    this.count = 0;
    this.cells.fill(0);
  }
}

function cellOf(durationNs: number): number {
  if (durationNs < CUTS) return durationNs < 1 ? 0 : Math.floor(durationNs);
  // Whole numbers of 32 bits, which nearly all are, know their logarithm.
  if (durationNs < 2 ** 31) {
    const log = 31 - Math.clz32(durationNs);
    return (log << CUTS_LOG) + (durationNs >>> (log - CUTS_LOG)) - CUTS;
  }
  const power = Math.min(Math.floor(Math.log2(durationNs)), POWERS - 1);
  return power * CUTS + Math.min(CUTS - 1, Math.floor(durationNs / 2 ** (power - CUTS_LOG)) - CUTS);
}

/** The end of a cell in nanoseconds. */
function endOf(cell: number): number {
  if (cell < CUTS) return cell + 1;
  const power = cell >> CUTS_LOG;
  return (CUTS + (cell & (CUTS - 1)) + 1) * 2 ** (power - CUTS_LOG);
}

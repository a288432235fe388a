/** The last thousand round trips to a peer, for their percentiles. */
const KEPT = 1024;

export class Latencies {
  private readonly kept = new Float64Array(KEPT);
  private count = 0;

  add(ms: number): void {
    this.kept[this.count++ % KEPT] = ms;
  }

  /** The time that `part` (0 to 1) of them did not exceed, in milliseconds; 0 when there are none. */
  percentile(part: number): number {
    const sorted = this.kept.slice(0, Math.min(this.count, KEPT)).sort();
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
  }
}

/**
 * Sorting of a part: only those elements are put in order that are wanted. Where elements are equal their order is what
 * the steps make of it; they are redis-server's, so that SORT and the GEO commands with a limit answer alike.
 *
 * Sources: J. L. Bentley and M. D. McIlroy, "Engineering a sort function", as in redis's pqsort.c.
 */

/** Below 0, 0 or above 0, as for Array.sort. */
type Compare<T> = (a: T, b: T) => number;

/** Runs shorter than this are sorted by insertion. */
const INSERTION_COUNT = 7;
/** From this length on the pivot is the median of nine. */
const NINTHER_COUNT = 40;

/** Puts those elements in place that belong at `first` to `last` in the order. The others are anywhere. */
export function partialSort<T>(items: T[], first: number, last: number, compare: Compare<T>): void {
  new PartialSort(items, first, last, compare).sort(0, items.length);
}

class PartialSort<T> {
  constructor(
    private readonly items: T[],
    private readonly first: number,
    private readonly last: number,
    private readonly compare: Compare<T>,
  ) {}

  /** Sorts `count` elements from `start` on, as far as they are wanted. */
  sort(start: number, count: number): void {
    if (count < INSERTION_COUNT) return this.insertAll(start, count);
    this.swap(start, this.pivot(start, count));
    const end = start + count;
    // Equal ones gather at both ends, smaller ones behind the first, larger ones before the last.
    let equalLow = start + 1;
    let low = start + 1;
    let high = end - 1;
    let equalHigh = end - 1;
    for (;;) {
      for (let order; low <= high && (order = this.order(low, start)) <= 0; low++) {
        if (order === 0) this.swap(equalLow++, low);
      }
      for (let order; low <= high && (order = this.order(high, start)) >= 0; high--) {
        if (order === 0) this.swap(high, equalHigh--);
      }
      if (low > high) break;
      this.swap(low++, high--);
    }
    this.swapRuns(start, low, Math.min(equalLow - start, low - equalLow));
    this.swapRuns(low, end, Math.min(equalHigh - high, end - equalHigh - 1));
    this.sortWanted(start, low - equalLow);
    this.sortWanted(end - (equalHigh - high), equalHigh - high);
  }

  private sortWanted(start: number, count: number): void {
    const isWanted = count > 1 && this.last >= start && this.first < start + count;
    if (isWanted) this.sort(start, count);
  }

  private insertAll(start: number, count: number): void {
    for (let at = start + 1; at < start + count; at++) {
      for (let hole = at; hole > start && this.order(hole - 1, hole) > 0; hole--) this.swap(hole, hole - 1);
    }
  }

  private pivot(start: number, count: number): number {
    let low = start;
    let middle = start + (count >> 1);
    let high = start + count - 1;
    if (count === INSERTION_COUNT) return middle;
    if (count > NINTHER_COUNT) {
      const step = count >> 3;
      low = this.median(low, low + step, low + 2 * step);
      middle = this.median(middle - step, middle, middle + step);
      high = this.median(high - 2 * step, high - step, high);
    }
    return this.median(low, middle, high);
  }

  private median(a: number, b: number, c: number): number {
    if (this.order(a, b) < 0) {
      if (this.order(b, c) < 0) return b;
      return this.order(a, c) < 0 ? c : a;
    }
    if (this.order(b, c) > 0) return b;
    return this.order(a, c) < 0 ? a : c;
  }

  private order(a: number, b: number): number {
    return this.compare(this.items[a]!, this.items[b]!);
  }

  private swap(a: number, b: number): void {
    const item = this.items[a]!;
    this.items[a] = this.items[b]!;
    this.items[b] = item;
  }

  /** Swaps the `count` elements from `start` on with those before `end`. */
  private swapRuns(start: number, end: number, count: number): void {
    for (let i = 0; i < count; i++) this.swap(start + i, end - count + i);
  }
}

/**
 * The reclaimer: frees what was deleted, a little at a time. A deleted bucket of ten million entries and a flushed
 * keyspace are out of sight at once; their memory comes back in slices, so that no client waits for it.
 */

/** Frees a part (well under a millisecond's work) and says whether there is more. */
export type Reclaim = () => boolean;

export class Reclaimer {
  /** The newest goes first: a flushed keyspace adds the large buckets that it meets, and they are not to pile up. */
  private readonly work: Reclaim[] = [];
  /** Called when work arrives and none was there: the server begins to run slices. */
  onWork: () => void = () => undefined;

  get pending(): number {
    return this.work.length;
  }

  add(reclaim: Reclaim): void {
    this.work.push(reclaim);
    if (this.work.length === 1) this.onWork();
  }

  /** Works until `isOver` says that the slice is over, at least one step. True when work is left. */
  run(isOver: () => boolean): boolean {
    while (this.work.length > 0) {
      const newest = this.work.length - 1;
      // What it adds meanwhile stands behind it.
      if (!this.work[newest]!()) this.work.splice(newest, 1);
      if (isOver()) break;
    }
    return this.work.length > 0;
  }
}

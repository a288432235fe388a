/**
 * The reclaimer: frees what was deleted, a little at a time. A deleted bucket of ten million entries and a flushed
 * keyspace are out of sight at once; their memory comes back in slices, so that no client waits for it.
 */

/** Frees a part (well under a millisecond's work) and says whether there is more. */
export type Reclaim = () => boolean;

export class Reclaimer {
  private readonly queue: Reclaim[] = [];
  /** Called when work arrives and none was there: the server begins to run slices. */
  onWork: () => void = () => undefined;

  get pending(): number {
    return this.queue.length;
  }

  add(reclaim: Reclaim): void {
    this.queue.push(reclaim);
    if (this.queue.length === 1) this.onWork();
  }

  /** Works until `isOver` says that the slice is over, at least one step. True when work is left. */
  run(isOver: () => boolean): boolean {
    while (this.queue.length > 0) {
      if (!this.queue[0]!()) this.queue.shift();
      if (isOver()) break;
    }
    return this.queue.length > 0;
  }
}

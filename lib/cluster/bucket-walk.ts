/**
 * A walk past every bucket of some keyspaces, which takes seconds for millions: in one go, or in slices of a
 * millisecond between which the node serves its clients. A bucket that is there all the time is met at least once.
 */
import { CURSOR_END } from '../store/byte-table.js';
import type { Keyspace } from '../store/keyspace.js';
import type { Store } from '../store/store.js';

const SLICE_MS = 1;
const STEPS_BETWEEN_LOOKS_AT_THE_CLOCK = 32;

export interface Walker {
  /** The walk begins, or begins anew because databases were exchanged. */
  begin(): void;
  /** It has come to these buckets; they may be taken out of their keyspace now. */
  meet(db: Keyspace, refs: readonly number[]): void;
}

export class BucketWalk {
  private place = 0;
  private cursor = 0;
  private readonly refs: number[] = [];
  private readonly collect = (ref: number): void => void this.refs.push(ref);

  constructor(
    private readonly store: Store,
    /** Asked before each step: there may be more of them while the walk is under way. */
    private readonly keyspaces: () => readonly Keyspace[],
    private readonly walker: Walker,
  ) {}

  run(): void {
    this.begin();
    while (this.step());
  }

  async runInSlices(): Promise<void> {
    const { store } = this;
    const { onTurnover } = store;
    store.onTurnover = (db, successor) => {
      onTurnover?.(db, successor);
      // Exchanged databases: those that were walked through may stand where one was not.
      if (successor !== undefined) this.begin();
    };
    try {
      this.begin();
      while (this.runSlice()) await new Promise(setImmediate);
    } finally {
      store.onTurnover = onTurnover;
    }
  }

  private begin(): void {
    this.place = this.cursor = 0;
    this.walker.begin();
  }

  private runSlice(): boolean {
    const endMs = performance.now() + SLICE_MS;
    do {
      for (let i = 0; i < STEPS_BETWEEN_LOOKS_AT_THE_CLOCK; i++) if (!this.step()) return false;
    } while (performance.now() < endMs);
    return true;
  }

  /** Goes past a few more buckets. False when there is none left. */
  private step(): boolean {
    const { refs } = this;
    const db = this.keyspaces()[this.place];
    if (db === undefined) return false;
    if (db.size > 0) {
      refs.length = 0;
      this.cursor = db.scan(this.cursor, this.collect);
      if (refs.length > 0) this.walker.meet(db, refs);
      if (this.cursor < CURSOR_END) return true;
    }
    this.place++;
    this.cursor = 0;
    return true;
  }
}

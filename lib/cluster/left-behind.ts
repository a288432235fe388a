/**
 * What a change of the shard map would leave behind: the buckets stored here that this node owns and another map gives
 * away. Every bucket is looked at, which takes seconds for millions, so a reload counts in slices between which the
 * node serves its clients, and has an eye on what comes into being meanwhile.
 */
import { NO_OWNER, type ShardMap } from './shard-map.js';
import { CURSOR_END } from '../store/byte-table.js';
import { keySlice } from '../store/entry.js';
import type { Keyspace } from '../store/keyspace.js';
import type { Store } from '../store/store.js';
import { Slice } from '../util/bytes.js';

/** The node is kept busy for so long at a time. */
const SLICE_MS = 1;
const STEPS_BETWEEN_LOOKS_AT_THE_CLOCK = 32;

export class LeftBehind {
  /** How many of each range of the new map; for names that no range takes, under `no range`. */
  readonly counts = new Map<string, number>();
  private database = 0;
  private cursor = 0;
  private readonly name = new Slice();
  private readonly selfBefore: number;
  private readonly selfAfter: number;

  constructor(
    private readonly store: Store,
    private readonly before: ShardMap,
    private readonly after: ShardMap,
    self: string,
  ) {
    this.selfBefore = before.owners.indexOf(self);
    this.selfAfter = after.owners.indexOf(self);
  }

  get total(): number {
    return [...this.counts.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Counts in one go. */
  count(): void {
    while (this.step());
  }

  /**
   * Counts in slices. When it resolves, no bucket is there that was not looked at, until the next request is run. Of
   * what changed meanwhile, deleted buckets may have been counted, and new ones twice.
   */
  async countInSlices(): Promise<void> {
    const { store } = this;
    const { onTurnover } = store;
    const look = (_db: Keyspace, key: Slice): void => this.look(key);
    store.followAdded(look, true);
    store.onTurnover = (db, successor) => {
      onTurnover?.(db, successor);
      // Exchanged databases: those that were looked at may stand where one was not.
      if (successor !== undefined) this.begin();
    };
    try {
      while (this.runSlice()) await new Promise(setImmediate);
    } finally {
      store.followAdded(look, false);
      store.onTurnover = onTurnover;
    }
  }

  private begin(): void {
    this.counts.clear();
    this.database = this.cursor = 0;
  }

  private runSlice(): boolean {
    const endMs = performance.now() + SLICE_MS;
    do {
      for (let i = 0; i < STEPS_BETWEEN_LOOKS_AT_THE_CLOCK; i++) if (!this.step()) return false;
    } while (performance.now() < endMs);
    return true;
  }

  /** Looks at a few more buckets. False when there is none left. */
  private step(): boolean {
    const { store, name } = this;
    const keyspace = store.databases[this.database];
    if (keyspace === undefined) return false;
    if (keyspace.size > 0) {
      this.cursor = keyspace.scan(this.cursor, (ref) => this.look(keySlice(store.arena, ref, name)));
      if (this.cursor < CURSOR_END) return true;
    }
    this.database++;
    this.cursor = 0;
    return true;
  }

  private look(name: Slice): void {
    const { before, after, selfBefore, selfAfter } = this;
    const { bytes, offset, length } = name;
    // What an earlier reload has left behind is not left behind by this one.
    if (selfBefore === NO_OWNER || before.ownerOf(bytes, offset, length) !== selfBefore) return;
    if (selfAfter !== NO_OWNER && after.ownerOf(bytes, offset, length) === selfAfter) return;
    const entry = after.entryOf(name.copyOf());
    const shown = entry === undefined ? 'no range' : `'${entry.range}=${entry.node}'`;
    this.counts.set(shown, (this.counts.get(shown) ?? 0) + 1);
  }
}

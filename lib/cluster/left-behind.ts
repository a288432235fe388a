/**
 * What a change of the shard map would leave behind: the buckets stored here that this node owns and another map gives
 * away. Every bucket is looked at, so a reload counts in slices between which the node serves its clients, and has an
 * eye on what comes into being meanwhile.
 */
import { BucketWalk, type Walker } from './bucket-walk.js';
import { NO_OWNER, type ShardMap } from './shard-map.js';
import { keySlice } from '../store/entry.js';
import type { Keyspace } from '../store/keyspace.js';
import type { Store } from '../store/store.js';
import { Slice } from '../util/bytes.js';

export class LeftBehind implements Walker {
  /** How many of each range of the new map; for names that no range takes, under `no range`. */
  readonly counts = new Map<string, number>();
  private readonly walk: BucketWalk;
  private readonly name = new Slice();
  private readonly selfBefore: number;
  private readonly selfAfter: number;

  constructor(
    private readonly store: Store,
    private readonly before: ShardMap,
    private readonly after: ShardMap,
    self: string,
  ) {
    this.walk = new BucketWalk(store, () => store.databases, this);
    this.selfBefore = before.owners.indexOf(self);
    this.selfAfter = after.owners.indexOf(self);
  }

  get total(): number {
    return [...this.counts.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Counts in one go. */
  count(): void {
    this.walk.run();
  }

  /**
   * Counts in slices. When it resolves, no bucket is there that was not looked at, until the next request is run. Of
   * what changed meanwhile, deleted buckets may have been counted, and new ones twice.
   */
  async countInSlices(): Promise<void> {
    const { store } = this;
    const look = (_db: Keyspace, key: Slice): void => this.look(key);
    store.followAdded(look, true);
    try {
      await this.walk.runInSlices();
    } finally {
      store.followAdded(look, false);
    }
  }

  begin(): void {
    this.counts.clear();
  }

  meet(_db: Keyspace, refs: readonly number[]): void {
    for (const ref of refs) this.look(keySlice(this.store.arena, ref, this.name));
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

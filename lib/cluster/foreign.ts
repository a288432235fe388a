/**
 * Foreign buckets: those that are stored on this node though the shard map gives their names to another one, or to
 * nobody. They come from files that were written under another map, or are left behind by a reload by force. They are
 * set aside (Store.foreign): kept, also in what is written to disk, and not served. When a map gives them back they are
 * served again; with `load-foreign` they are handed over to their nodes (hand-over.ts).
 *
 * What is loaded is sorted before it is served; after a reload that is done in slices, between requests.
 */
import { BucketWalk, type Walker } from './bucket-walk.js';
import { NO_OWNER, type ShardMap } from './shard-map.js';
import { keySlice } from '../store/entry.js';
import type { Keyspace } from '../store/keyspace.js';
import type { Store } from '../store/store.js';
import { Slice } from '../util/bytes.js';
import type { Log } from '../util/log.js';

export class Foreign {
  /** Called when all has been sorted. */
  onSorted: () => void = () => undefined;
  private readonly name = new Slice();
  private work: Promise<void> = Promise.resolve();
  /** What was said last. */
  private told = '';

  constructor(
    private readonly store: Store,
    private readonly self: string,
    private readonly map: () => ShardMap,
    private readonly log: Log,
  ) {}

  get size(): number {
    return this.store.foreignSize;
  }

  /** Looks at every bucket in slices: sets aside what belongs to others, and takes back what does not. */
  sort(): Promise<void> {
    this.work = this.work.then(async () => {
      const sorter = new Sorter(this.store, this.self, this.map);
      await new BucketWalk(this.store, () => this.store.keyspaces, sorter).runInSlices();
      this.tell(sorter.counts);
      this.onSorted();
    });
    return this.work;
  }

  /** Has served again, at once, what the map gives to this node. */
  takeBack(): void {
    new BucketWalk(this.store, () => this.store.foreign, new Sorter(this.store, this.self, this.map)).run();
  }

  /** The same before a map is put in force, in slices, so that nobody has to wait when it is. */
  async takeBackFor(map: ShardMap): Promise<void> {
    const sorter = new Sorter(this.store, this.self, () => map);
    await new BucketWalk(this.store, () => this.store.foreign, sorter).runInSlices();
  }

  private tell(counts: ReadonlyMap<string, number>): void {
    const parts = [...counts].toSorted().map(([owner, count]) => `${count} of ${owner}`);
    const text = parts.join(', ');
    if (text === this.told) return;
    this.told = text;
    if (text === '') return this.log.info('No bucket here belongs to another node any more');
    this.log.warning(
      `${this.size} buckets here are not ${this.self}'s by the shard map: ${text}. They are kept, and not served. ` +
        'Hand them over with `pigeonhole start --load-foreign` or CONFIG SET load-foreign yes, ' +
        `or give ${this.self} a map that gives them back`,
    );
  }

  /** The owner of a bucket's name; `nobody` when there is none. */
  ownerOf(ref: number): string {
    return ownerOf(this.map(), keySlice(this.store.arena, ref, this.name)) ?? NOBODY;
  }
}

/** How those are called whose names no range takes. */
export const NOBODY = 'nobody';

function ownerOf(map: ShardMap, { bytes, offset, length }: Slice): string | undefined {
  const owner = map.ownerOf(bytes, offset, length);
  return owner === NO_OWNER ? undefined : map.owners[owner];
}

/** Brings each bucket to where it belongs, and counts those of others by their owners. */
class Sorter implements Walker {
  readonly counts = new Map<string, number>();
  private readonly name = new Slice();

  constructor(
    private readonly store: Store,
    private readonly self: string,
    private readonly map: () => ShardMap,
  ) {}

  begin(): void {
    this.counts.clear();
  }

  meet(db: Keyspace, refs: readonly number[]): void {
    const { store, name } = this;
    const map = this.map();
    for (const ref of refs) {
      const owner = ownerOf(map, keySlice(store.arena, ref, name));
      const isOwn = owner === this.self;
      if (isOwn && !db.isServed) move(db, ref, store.databases[db.index]!);
      // The walk comes to it again where it is kept, and counts it there.
      else if (!isOwn && db.isServed) move(db, ref, store.foreignOf(db));
      else if (!isOwn) this.counts.set(owner ?? NOBODY, (this.counts.get(owner ?? NOBODY) ?? 0) + 1);
    }
  }
}

/** Unless there is one with that name: nothing is written over. */
function move(from: Keyspace, ref: number, to: Keyspace): void {
  const key = from.copyKey(ref);
  if (to.peek(key) === 0) from.moveTo(to, key, ref);
}

/**
 * Watched buckets: which transactions are to fail because a bucket that they watch (WATCH) was changed, has expired, or
 * was evicted. While nobody watches, a change costs one comparison (`count`).
 *
 * A transaction is told once: then it watches nothing any more. A bucket that has expired already when it is watched
 * counts as absent, so that its removal is no change; it is removed at that moment. Buckets that expire later are found
 * by EXEC itself (`lookAt`), whether or not anybody has noticed.
 *
 * Source: touchWatchedKey() and touchAllWatchedKeysInDb() in redis's multi.c.
 */
import type { Keyspace } from '../store/keyspace.js';
import { type Slice, sliceOf } from '../util/bytes.js';

/** Who watches. */
export interface Watcher {
  /** A bucket that it watches is not what it was. */
  isStale: boolean;
  /** What it watches, by database. */
  readonly watched: Watched[];
}

export interface Watched {
  readonly db: Keyspace;
  readonly name: string;
}

export class Watches {
  /** How many buckets are watched, each counted for each of its watchers. */
  count = 0;
  /** By database and name. */
  private readonly watchers: Map<string, Set<Watcher>>[];

  constructor(databases: readonly Keyspace[]) {
    this.watchers = databases.map(() => new Map<string, Set<Watcher>>());
  }

  add(watcher: Watcher, db: Keyspace, key: Slice): void {
    db.peek(key);
    const name = key.text();
    const byName = this.watchers[db.index]!;
    let watchers = byName.get(name);
    if (watchers === undefined) byName.set(name, (watchers = new Set()));
    if (watchers.has(watcher)) return;
    watchers.add(watcher);
    watcher.watched.push({ db, name });
    this.count++;
  }

  /** Ends all its watching. */
  remove(watcher: Watcher): void {
    for (const { db, name } of watcher.watched) {
      const watchers = this.watchers[db.index]!.get(name)!;
      watchers.delete(watcher);
      if (watchers.size === 0) this.watchers[db.index]!.delete(name);
      this.count--;
    }
    watcher.watched.length = 0;
  }

  /** A bucket was changed; asked only while somebody watches. */
  touch(db: Keyspace, key: Slice): void {
    const watchers = this.watchers[db.index]!.get(key.text());
    if (watchers !== undefined) for (const watcher of watchers) this.fail(watcher);
  }

  /** Has buckets that have expired removed, which is a change. */
  lookAt({ watched }: Watcher): void {
    for (const { db, name } of [...watched]) db.peek(sliceOf(name));
  }

  /** All buckets of `db` are about to go or, with `successor`, to be exchanged for those of another database. */
  onTurnover(db: Keyspace, successor: Keyspace | undefined): void {
    if (this.count === 0) return;
    for (const [name, watchers] of [...this.watchers[db.index]!]) {
      const key = sliceOf(name);
      if (db.peek(key) === 0 && (successor === undefined || successor.peek(key) === 0)) continue;
      for (const watcher of watchers) this.fail(watcher);
    }
  }

  private fail(watcher: Watcher): void {
    watcher.isStale = true;
    this.remove(watcher);
  }
}

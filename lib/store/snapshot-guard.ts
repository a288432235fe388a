/**
 * The guards of a database, and of its large values, while a snapshot of them is written. The snapshot shows one
 * moment, though it takes a while; see persistence/snapshot.ts.
 *
 * The keyspace tells its guard of each bucket that a command finds, unless it only reads. The guard writes a small one
 * first, as it is, when the walk has not reached it, and marks it (entry.ts); and so it marks buckets that come later,
 * so that the walk passes over them.
 *
 * A large value is not written at once. The structure that holds it gets a guard of its own, which it tells of each
 * part that is about to change: handlers need not know. In a table the part is an entry, and is treated as a bucket is
 * in the keyspace. Lists and streams are in order: of these the snapshot has the pages, or the leaves and nodes, of the
 * moment, and what is about to change is copied for it first (frozen-pages.ts, frozen-stream.ts).
 */
export interface SnapshotGuard {
  /** The bucket under this hash may be changed or removed now. */
  beforeUse(hash: number, ref: number): void;
  /** An entry has come into the index under this hash: a new bucket, or one in another block. */
  noteEntry(hash: number, ref: number): void;
  /** All buckets are about to go at once; `dispose` frees them, when the snapshot does not need them any more. */
  keep(dispose: () => void): void;
}

/** The guard of one large value. */
export interface ValueGuard {
  /** No bucket has the value any more; `dispose` frees it, when the snapshot does not need it any more. */
  keep(dispose: () => void): void;
}

/** The guard of a table: of a hash or a set (field-table.ts), or of a sorted set (score-table.ts). */
export interface EntryGuard extends ValueGuard {
  /** The entry under this hash is about to be changed, or to be removed from its place. */
  beforeChange(hash: number, ref: number): void;
  /** An entry has come to a place in the table: a new one, or one in another block or with another score. */
  noteEntry(hash: number, ref: number): void;
}

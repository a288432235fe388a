/**
 * The guard of a database while a snapshot of it is written. The snapshot shows one moment, though it takes a while:
 * the keyspace tells the guard of each bucket that a command lays hands on, and the guard writes those first that the
 * walk has not reached, as they are. It marks them (entry.ts), and so it does with buckets that come later, so that the
 * walk passes over them. See persistence/snapshot.ts.
 */
export interface SnapshotGuard {
  /** The bucket under this hash is about to be used, changed or removed. */
  beforeUse(hash: number, ref: number): void;
  /** An entry has come into the index under this hash: a new bucket, or one in another block. */
  noteEntry(hash: number, ref: number): void;
  /** All buckets are about to go at once; `dispose` frees them, when the snapshot does not need them any more. */
  keep(dispose: () => void): void;
}

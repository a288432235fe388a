/**
 * Buckets on their way into a keyspace in bulk, as entries whose keys have been hashed. They are added together
 * (`Keyspace.addAll`), for the reason that foresight.ts gives: the processor then fetches the slots of the index, which
 * lie apart in memory, all at the same time.
 */
export const BULK_MAX = 256;

export class Bulk {
  count = 0;
  readonly hashes = new Int32Array(BULK_MAX);
  readonly refs = new Int32Array(BULK_MAX);
  /** What was read in advance is kept here: the compiler leaves out what nobody keeps. */
  readonly sink = new Int32Array(1);

  /** There must be room for it. */
  push(hash: number, ref: number): void {
    this.hashes[this.count] = hash;
    this.refs[this.count++] = ref;
  }
}

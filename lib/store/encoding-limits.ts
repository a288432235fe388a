/**
 * Up to which size a collection is shown with its compact encoding, as the `*-max-listpack-*` settings say. OBJECT
 * ENCODING answers by these; how a collection is really kept is its own file's choice.
 */
/** The classes of list pages, -1 to -5. */
const LIST_PAGE_BYTES = [4096, 8192, 16_384, 32_768, 65_536];

export class EncodingLimits {
  /** `hash-max-listpack-entries`: fields of a hash. */
  hashEntriesMax = 512;
  /** `hash-max-listpack-value`: bytes of a field or a value. */
  hashValueBytesMax = 64;
  /** `set-max-intset-entries`: members of a set of integers. */
  setIntegersMax = 512;
  /** `zset-max-listpack-entries`: members of a sorted set. */
  sortedSetEntriesMax = 128;
  /** `zset-max-listpack-value`: bytes of a member. */
  sortedSetMemberBytesMax = 64;
  /** `hll-sparse-max-bytes`: bytes of a sparse HyperLogLog. */
  hyperLogLogSparseBytesMax = 3000;
  /** `list-max-listpack-size`: bytes and elements of one page of a list. */
  listPageBytesMax = LIST_PAGE_BYTES[1]!;
  listPageElementsMax = Infinity;
  /** `stream-node-max-bytes` and `stream-node-max-entries`: where a stream's node ends; 0 for no bound. */
  streamNodeBytesMax = 4096;
  streamNodeEntriesMax = 100;

  /**
   * Takes `list-max-listpack-size` as redis-server does: from -1 to -5 a class of sizes, above that a number of
   * elements, to which the usual size is the bound.
   */
  setListPage(size: number): void {
    const isClass = size < 0;
    this.listPageBytesMax = LIST_PAGE_BYTES[isClass ? Math.min(-size, LIST_PAGE_BYTES.length) - 1 : 1]!;
    this.listPageElementsMax = isClass ? Infinity : Math.max(size, 1);
  }
}

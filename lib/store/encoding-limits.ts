/**
 * Up to which size a collection is shown with its compact encoding, as the `*-max-listpack-*` settings say. OBJECT
 * ENCODING answers by these; how a collection is really kept is its own file's choice.
 */
export class EncodingLimits {
  /** `hash-max-listpack-entries`: fields of a hash. */
  hashEntriesMax = 512;
  /** `hash-max-listpack-value`: bytes of a field or a value. */
  hashValueBytesMax = 64;
}

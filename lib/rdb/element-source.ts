/** Elements in one run of bytes, whatever its form: listpack, ziplist or zipmap. */
import type { Slice } from '../util/bytes.js';

export interface ElementSource {
  /**
   * Points `element` to the next one and gives true; false at the end. An element is valid until the second call that
   * follows. Throws RdbError when the bytes are damaged, at the end also when the elements are not as many as it says.
   */
  next(element: Slice): boolean;
}

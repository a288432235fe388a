/** What is checked of serialised values wherever they are read. */
import { OutOfBounds, RdbError } from './rdb-error.js';
import { INTEGERS_HEADER_BYTES, integerAt, integersCount, integersWidth } from '../store/packed-integers.js';
import type { Slice } from '../util/bytes.js';
import { parseLooseDouble, parsePlainDecimal } from '../util/numbers.js';

/** How many integers there are in an intset, which is a run as packed-integers.ts has it. Throws RdbError. */
export function checkIntset({ bytes, offset, length }: Slice): number {
  if (length < INTEGERS_HEADER_BYTES) throw new OutOfBounds();
  const width = integersWidth(bytes, offset);
  const count = integersCount(bytes, offset) >>> 0;
  if (![2, 4, 8].includes(width) || INTEGERS_HEADER_BYTES + width * count !== length) {
    throw new RdbError('an intset is damaged');
  }
  for (let index = 1; index < count; index++) {
    if (integerAt(bytes, offset, index) <= integerAt(bytes, offset, index - 1)) {
      throw new RdbError('an intset is not in order');
    }
  }
  return count;
}

/** The score that a text spells; NaN when it spells none. */
export function parseScore(text: Slice): number {
  const plain = parsePlainDecimal(text.bytes, text.offset, text.length);
  return Number.isNaN(plain) ? (parseLooseDouble(text.text()) ?? NaN) : plain;
}

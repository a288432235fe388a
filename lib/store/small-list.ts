/** A small list in the making: see small-map.ts. */
import { elementBytes, writeElement } from './element-run.js';
import type { Keyspace } from './keyspace.js';
import { isSmall, newListOf } from './list-value.js';
import { Slice } from '../util/bytes.js';

const BYTES_MAX = 16 * 1024;

export class SmallList {
  count = 0;
  private readonly bytes = Buffer.alloc(BYTES_MAX);
  private end = 0;
  private readonly elements = new Slice();

  /** Begins anew. */
  clear(): void {
    this.count = this.end = 0;
  }

  /** Adds an element at the end. False, and nothing changed, when there is no room. */
  add(element: Slice): boolean {
    const { bytes, end } = this;
    const behind = end + elementBytes(element.length);
    if (behind > BYTES_MAX) return false;
    writeElement(bytes, end, element);
    this.end = behind;
    this.count++;
    return true;
  }

  /** The entry, in no keyspace yet, of a list of these elements; 0 when there are none, or the list is no small one. */
  toEntry(db: Keyspace, key: Slice, expiresAtMs: number): number {
    const { bytes, count, end } = this;
    if (count === 0 || !isSmall(db, count, end)) return 0;
    return newListOf(db, key, this.elements.set(bytes, 0, end), count, expiresAtMs);
  }
}

/**
 * The patterns of SORT's BY and GET: for each element they name a bucket, and perhaps a field of it.
 *
 *     weight_*         the string called weight_ and the element
 *     object_*->name   the field `name` of the hash called object_ and the element
 *     #                the element itself
 *
 * Source: lookupKeyByPattern() in redis's sort.c.
 */
import type { Context } from './context.js';
import { findAnyForRead } from './lookup.js';
import { sortLeavesShard } from '../errors.js';
import { HASH, STRING, entryType, valueSlice } from '../store/entry.js';
import { getField } from '../store/hash-value.js';
import { Slice, sliceOf } from '../util/bytes.js';

const ARROW = '->';

export class SortPattern {
  /** Whether the element has a place in it. One without names nothing. */
  readonly hasPlace: boolean;
  private readonly isElement: boolean;
  private readonly before: string = '';
  private readonly behind: string = '';
  private readonly field: Slice | undefined;
  private readonly found = new Slice();

  /** `pattern` is one char a byte; as in C, a zero byte ends the search for its parts. */
  constructor(pattern: string) {
    const visible = pattern.split('\0', 1)[0]!;
    this.isElement = visible === '#';
    const place = visible.indexOf('*');
    this.hasPlace = place >= 0;
    if (!this.hasPlace) return;
    const arrow = visible.indexOf(ARROW, place + 1);
    const hasField = arrow >= 0 && arrow + ARROW.length < visible.length;
    this.before = pattern.slice(0, place);
    this.behind = pattern.slice(place + 1, hasField ? arrow : pattern.length);
    this.field = hasField ? sliceOf(pattern.slice(arrow + ARROW.length)) : undefined;
  }

  /**
   * What the pattern names for an element; undefined when there is no such bucket or field, or one of another type.
   * Valid until the next look-up. Throws sortLeavesShard() when the bucket would be on another node.
   */
  lookUp(context: Context, element: string): Slice | undefined {
    if (this.isElement) return sliceOf(element);
    if (!this.hasPlace) return undefined;
    const { db, node: { shards }, store: { arena } } = context;
    const key = sliceOf(this.before + element + this.behind);
    if (shards.nodeOf(key) !== shards.self) throw sortLeavesShard(key.text(), shards.nodeOf(key));
    const ref = findAnyForRead(context, key);
    if (ref === 0 || entryType(arena, ref) !== (this.field === undefined ? STRING : HASH)) return undefined;
    if (this.field === undefined) return valueSlice(arena, ref, this.found);
    return getField(db, ref, this.field, this.found) ? this.found : undefined;
  }
}

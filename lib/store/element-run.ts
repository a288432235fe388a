/**
 * The element run: elements of a list one after the other in a range of bytes, with room in front of them and behind
 * them. A small list is one run, in the value of its bucket's entry; a large one is many, a run to a page. See
 * list-value.ts for when a list is which; here are only the bytes.
 *
 *     start          begin                                        end            limit
 *       |    free      | element | element | ...        | element |     free       |
 *
 *     element   | length, 1, 2 or 5 bytes | its bytes | length again, mirrored |
 *     length    | 0xxxxxxx |     | 10xxxxxx xxxxxxxx |     | 11000000, then 4 bytes, lowest first |
 *
 * The second length is read from its last byte on, so a run can be walked from both ends, as redis-server's listpack.
 * An element at either end is added and removed without moving the others, until the room at that end is used up;
 * then all slide to the other one. In between, the shorter side moves.
 *
 * A run is a view: whoever holds the bytes says where they are, and takes `begin`, `end` and `count` back.
 */
import { Slice, copyBytes } from '../util/bytes.js';

const ONE_BYTE_MAX = 0x7f;
const TWO_BYTES_MAX = 0x3fff;
const IN_TWO_BYTES = 0x80;
const IN_FIVE_BYTES = 0xc0;
const FIVE_BYTES = 5;

/** The bytes that an element of this length takes in a run. */
export function elementBytes(length: number): number {
  if (length <= ONE_BYTE_MAX) return length + 2;
  return length + (length <= TWO_BYTES_MAX ? 4 : FIVE_BYTES * 2);
}

/** Points `element` to the one that begins at `at`, and gives where it ends. */
export function readElement(bytes: Buffer, at: number, element: Slice): number {
  const first = bytes[at]!;
  if (first <= ONE_BYTE_MAX) {
    element.set(bytes, at + 1, first);
    return at + first + 2;
  }
  if (first < IN_FIVE_BYTES) {
    const length = ((first & ~IN_TWO_BYTES) << 8) | bytes[at + 1]!;
    element.set(bytes, at + 2, length);
    return at + length + 4;
  }
  const length = bytes.readInt32LE(at + 1);
  element.set(bytes, at + FIVE_BYTES, length);
  return at + length + FIVE_BYTES * 2;
}

/** Points `element` to the one that ends at `end`, and gives where it begins. */
export function readElementBackwards(bytes: Buffer, end: number, element: Slice): number {
  const last = bytes[end - 1]!;
  let length = last;
  let lengthSize = 1;
  if (last >= IN_FIVE_BYTES) {
    length = bytes.readInt32LE(end - FIVE_BYTES);
    lengthSize = FIVE_BYTES;
  } else if (last > ONE_BYTE_MAX) {
    length = ((last & ~IN_TWO_BYTES) << 8) | bytes[end - 2]!;
    lengthSize = 2;
  }
  const begin = end - length - lengthSize * 2;
  element.set(bytes, begin + lengthSize, length);
  return begin;
}

/** Where the element that begins at `at` ends. */
function endOf(bytes: Buffer, at: number): number {
  const first = bytes[at]!;
  if (first <= ONE_BYTE_MAX) return at + first + 2;
  if (first < IN_FIVE_BYTES) return at + (((first & ~IN_TWO_BYTES) << 8) | bytes[at + 1]!) + 4;
  return at + bytes.readInt32LE(at + 1) + FIVE_BYTES * 2;
}

/** Where the element that ends at `end` begins. */
function beginOf(bytes: Buffer, end: number): number {
  const last = bytes[end - 1]!;
  if (last <= ONE_BYTE_MAX) return end - last - 2;
  if (last < IN_FIVE_BYTES) return end - (((last & ~IN_TWO_BYTES) << 8) | bytes[end - 2]!) - 4;
  return end - bytes.readInt32LE(end - FIVE_BYTES) - FIVE_BYTES * 2;
}

/** Writes an element at `at`, where there must be room for its `elementBytes`. */
export function writeElement(bytes: Buffer, at: number, element: Slice): void {
  const { length } = element;
  let data = at + 1;
  if (length <= ONE_BYTE_MAX) {
    bytes[at] = length;
    bytes[data + length] = length;
  } else if (length <= TWO_BYTES_MAX) {
    data = at + 2;
    bytes[at] = bytes[data + length + 1] = IN_TWO_BYTES | (length >>> 8);
    bytes[at + 1] = bytes[data + length] = length & 0xff;
  } else {
    data = at + FIVE_BYTES;
    bytes[at] = bytes[data + length + FIVE_BYTES - 1] = IN_FIVE_BYTES;
    bytes.writeInt32LE(length, at + 1);
    bytes.writeInt32LE(length, data + length);
  }
  copyBytes(element.bytes, element.offset, bytes, data, length);
}

/** The element that is compared with another. */
const compared = new Slice();

export class ElementRun {
  bytes: Buffer = Buffer.alloc(0);
  start = 0;
  begin = 0;
  end = 0;
  limit = 0;
  count = 0;

  /** The bytes that the elements take. */
  get used(): number {
    return this.end - this.begin;
  }

  /** The bytes that elements can take. */
  get room(): number {
    return this.limit - this.start;
  }

  /** Where the element at `index` begins; `index` may be the count, which is the end. */
  placeOf(index: number): number {
    const { bytes, count } = this;
    if (index <= count >>> 1) {
      let at = this.begin;
      for (let steps = index; steps > 0; steps--) at = endOf(bytes, at);
      return at;
    }
    let at = this.end;
    for (let steps = count - index; steps > 0; steps--) at = beginOf(bytes, at);
    return at;
  }

  /** Adds an element in front of the one at `index`. False, and nothing changed, when there is no room. */
  insert(index: number, element: Slice): boolean {
    const size = elementBytes(element.length);
    if (index === 0) {
      if (!this.makeRoomInFront(size)) return false;
      this.begin -= size;
      writeElement(this.bytes, this.begin, element);
    } else if (index === this.count) {
      if (!this.makeRoomBehind(size)) return false;
      writeElement(this.bytes, this.end, element);
      this.end += size;
    } else {
      const place = this.openGap(index, size);
      if (place < 0) return false;
      writeElement(this.bytes, place, element);
    }
    this.count++;
    return true;
  }

  private makeRoomInFront(size: number): boolean {
    if (this.begin - this.start >= size) return true;
    if (this.room - this.used < size) return false;
    this.slideTo(this.limit - this.used);
    return true;
  }

  private makeRoomBehind(size: number): boolean {
    if (this.limit - this.end >= size) return true;
    if (this.room - this.used < size) return false;
    this.slideTo(this.start);
    return true;
  }

  private slideTo(begin: number): void {
    this.bytes.copyWithin(begin, this.begin, this.end);
    this.end = begin + this.used;
    this.begin = begin;
  }

  /** Parts the elements at `index` by `size` bytes and gives the gap's place, or -1 when there is no room. */
  private openGap(index: number, size: number): number {
    const isInFront = index <= this.count >>> 1;
    if (!(isInFront ? this.makeRoomInFront(size) : this.makeRoomBehind(size))) return -1;
    const place = this.placeOf(index);
    if (isInFront) {
      this.bytes.copyWithin(this.begin - size, this.begin, place);
      this.begin -= size;
      return place - size;
    }
    this.bytes.copyWithin(place + size, place, this.end);
    this.end += size;
    return place;
  }

  /** Takes `count` elements out, from the one at `index` on; they must be there. */
  remove(index: number, count: number): void {
    const from = this.placeOf(index);
    let to = from;
    if (index + count === this.count) to = this.end;
    else for (let steps = count; steps > 0; steps--) to = endOf(this.bytes, to);
    if (this.end - to < from - this.begin) {
      if (to < this.end) this.bytes.copyWithin(from, to, this.end);
      this.end -= to - from;
    } else {
      if (this.begin < from) this.bytes.copyWithin(this.begin + to - from, this.begin, from);
      this.begin += to - from;
    }
    this.count -= count;
  }

  /** Takes the element at one end out; there must be one. */
  removeEnd(isFirst: boolean): void {
    if (isFirst) this.begin = endOf(this.bytes, this.begin);
    else this.end = beginOf(this.bytes, this.end);
    this.count--;
  }

  /** Writes an element over the one at `index` when both have the same length; otherwise false. */
  overwrite(index: number, element: Slice): boolean {
    const place = this.placeOf(index);
    readElement(this.bytes, place, compared);
    if (compared.length !== element.length) return false;
    writeElement(this.bytes, place, element);
    return true;
  }

  /** How many elements have these bytes. */
  countEqual(element: Slice): number {
    let equal = 0;
    for (let at = this.begin; at < this.end; ) {
      at = readElement(this.bytes, at, compared);
      if (compared.equals(element)) equal++;
    }
    return equal;
  }

  /** Takes out those with these bytes: the first `skipped` of them stay, and then at most `most` go. */
  removeEqual(element: Slice, skipped: number, most: number): void {
    const { bytes, end } = this;
    let toSkip = skipped;
    let toRemove = most;
    let kept = this.begin;
    for (let at = this.begin; at < end; ) {
      const next = readElement(bytes, at, compared);
      if (toRemove > 0 && compared.equals(element) && toSkip-- <= 0) {
        toRemove--;
        this.count--;
      } else {
        if (kept < at) bytes.copyWithin(kept, at, next);
        kept += next - at;
      }
      at = next;
    }
    this.end = kept;
  }

  /** Copies `count` elements, whose bytes lie from `from` to `to` in `bytes`, behind those here; there must be room. */
  append(bytes: Buffer, from: number, to: number, count: number): void {
    if (!this.makeRoomBehind(to - from)) throw new Error(`element run: no room for ${to - from} bytes`);
    copyBytes(bytes, from, this.bytes, this.end, to - from);
    this.end += to - from;
    this.count += count;
  }
}

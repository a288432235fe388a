/**
 * The paged list: the elements of a large list, in pages. A page is a block of the arena with a run of elements in it
 * (element-run.ts), as a rule of 8 KiB; an element that is larger has a page of its own. See list-value.ts for when a
 * list is one.
 *
 * The pages stand in one array of integers, a record of five words to a page, with room at both ends:
 *
 *     | free ... | ref, count, begin, end, frozen | ref, count, begin, end, frozen | ...  free |
 *                  first                                                             last
 *
 * `begin` and `end` say where in its block the page's run stands, and `frozen` which page it is in a snapshot that has
 * begun (frozen-pages.ts). With the counts side by side, an element in the
 * middle of millions is found by adding up numbers that lie in a row: ten million short elements have some ten thousand
 * pages. There is no JavaScript object to a page, and none to an element.
 *
 * Pages are cut when something is inserted into the middle of a full one, and joined when what is left in two
 * neighbours fits well into one.
 */
import { Arena, SEGMENT_SHIFT } from './arena.js';
import { ElementRun, elementBytes, readElement, readElementBackwards } from './element-run.js';
import type { EncodingLimits } from './encoding-limits.js';
import { BEGIN, BLOCK_HEADER_BYTES, COUNT, END, FROZEN, FrozenPages, PAGE_WORDS } from './frozen-pages.js';
import type { Reclaimer } from './reclaimer.js';
import type { Structure } from './store.js';
import { Slice, viewOf } from '../util/bytes.js';

const SPARE_PAGES = 4;
/** Pages are freed in slices of so many. */
const RECLAIMED_AT_ONCE = 128;

/** The page that is worked on; each operation is done with it before it returns. */
const run = new ElementRun();

export class PagedList implements Structure {
  /** How many elements there are. */
  length = 0;
  /** Set while a snapshot needs the pages as they were. */
  guard: FrozenPages | undefined;

  private pages = new Int32Array(SPARE_PAGES * PAGE_WORDS);
  /** Places in `pages`, in words: of the first page's record, and behind the last one's. */
  private first = (SPARE_PAGES / 2) * PAGE_WORDS;
  private last = this.first;
  /** Where in its page the element stands that `locate` found. */
  private within = 0;

  constructor(
    private readonly arena: Arena,
    private readonly reclaimer: Reclaimer,
    private readonly limits: EncodingLimits,
  ) {}

  /** What the pages take, and the array that tells where they are. */
  get byteCount(): number {
    let byteCount = this.pages.byteLength;
    for (let page = this.first; page < this.last; page += PAGE_WORDS) byteCount += this.arena.sizeOf(this.pages[page]!);
    return byteCount;
  }

  get pageCount(): number {
    return (this.last - this.first) / PAGE_WORDS;
  }

  /** The pages as they are now, for a snapshot; `release` ends it. */
  freeze(): FrozenPages {
    const { pages, first, last } = this;
    for (let page = first, place = 0; page < last; page += PAGE_WORDS) pages[page + FROZEN] = place++;
    const guard = new FrozenPages(this.arena, pages.slice(first, last), () => (this.guard = undefined));
    this.guard = guard;
    return guard;
  }

  // ---- reading

  /** Points `element` to the one at `index`, which must be there. */
  get(index: number, element: Slice): void {
    if (index === 0) {
      this.load(this.first);
      readElement(run.bytes, run.begin, element);
    } else if (index === this.length - 1) {
      this.load(this.last - PAGE_WORDS);
      readElementBackwards(run.bytes, run.end, element);
    } else {
      this.load(this.locate(index));
      readElement(run.bytes, run.placeOf(this.within), element);
    }
  }

  /** Begins a walk at `index`, which must be there. */
  startWalk(walk: ElementWalk, index: number): void {
    const page = this.locate(index);
    this.load(page);
    const place = run.placeOf(walk.isForward ? this.within : this.within + 1);
    walk.enter(run.bytes, place, walk.isForward ? run.count - this.within : this.within + 1, page - this.first);
  }

  /** Brings a walk to the page behind the one at `offset` (from the first), or before it; there must be one. */
  turnPage(walk: ElementWalk, offset: number): void {
    const next = walk.isForward ? offset + PAGE_WORDS : offset - PAGE_WORDS;
    this.load(this.first + next);
    walk.enter(run.bytes, walk.isForward ? run.begin : run.end, run.count, next);
  }

  // ---- changing

  /** Adds an element at the head or at the tail. */
  push(atHead: boolean, element: Slice): void {
    this.insertBetween(atHead ? this.first : this.last, element);
    this.length++;
  }

  /** Adds an element in front of the one at `index`; at the end when `index` is the length. */
  insert(index: number, element: Slice): void {
    const place = index === 0 ? this.first : index === this.length ? this.last : this.insertInside(index, element);
    if (place >= 0) this.insertBetween(place, element);
    this.length++;
  }

  /** Inserts into the page of `index` where it has room, else cuts it and gives the place of the second part. */
  private insertInside(index: number, element: Slice): number {
    const page = this.locate(index);
    if (this.within === 0) return page;
    if (this.insertInto(page, this.within, element)) return -1;
    return this.cut(page, this.within);
  }

  /** Puts an element before the page at `page`: into the one before it, or into this one, or into a page of its own. */
  private insertBetween(page: number, element: Slice): void {
    if (page > this.first && this.insertInto(page - PAGE_WORDS, this.countAt(page - PAGE_WORDS), element)) return;
    if (page < this.last && this.insertInto(page, 0, element)) return;
    const isNewHead = page === this.first && page < this.last;
    const size = elementBytes(element.length);
    const place = this.addPage(page, this.roomFor(size));
    this.load(place);
    // What comes in at the head fills its page from the end on.
    if (isNewHead) run.begin = run.end = run.limit;
    run.insert(0, element);
    this.save(place);
  }

  private insertInto(page: number, index: number, element: Slice): boolean {
    if (this.countAt(page) >= this.limits.listPageElementsMax) return false;
    this.loadToChange(page);
    if (!run.insert(index, element)) return false;
    this.save(page);
    return true;
  }

  /** The room of a new page whose first element takes `size` bytes: so many of these as a page may have. */
  private roomFor(size: number): number {
    const { listPageBytesMax, listPageElementsMax } = this.limits;
    const fitting = Math.floor((listPageBytesMax - BLOCK_HEADER_BYTES) / size);
    return Math.max(1, Math.min(fitting, listPageElementsMax)) * size;
  }

  /** Cuts a page in front of its element `within` and gives the place of the new page. */
  private cut(page: number, within: number): number {
    // Its elements stay where they are; the second half is only left out of the run.
    this.load(page);
    const from = run.placeOf(within);
    const to = run.end;
    const { bytes, count } = run;
    const room = Math.max(to - from, Math.min(this.limits.listPageBytesMax - BLOCK_HEADER_BYTES, run.room));
    // First of all: when there is no room for another page, this one stays whole.
    const added = this.addPage(page + PAGE_WORDS, room);
    this.load(added - PAGE_WORDS);
    run.end = from;
    run.count = within;
    this.save(added - PAGE_WORDS);
    this.load(added);
    run.append(bytes, from, to, count - within);
    this.save(added);
    return added;
  }

  /** Puts an element in the place of the one at `index`, which must be there. */
  set(index: number, element: Slice): void {
    const page = this.locate(index);
    const { within } = this;
    this.loadToChange(page);
    if (run.overwrite(within, element)) return;
    // In this order: when there is no room, the element that is there stays.
    this.insert(index, element);
    this.remove(index + 1, 1);
  }

  /** Moves the element at one end, of which `element` is a copy, to the other; there first, as there may be no room. */
  rotate(fromHead: boolean, element: Slice): void {
    this.push(!fromHead, element);
    this.remove(fromHead ? 0 : this.length - 1, 1);
  }

  /** Takes `count` elements out, from the one at `index` on; they must be there. */
  remove(index: number, count: number): void {
    const page = this.locate(index);
    this.length -= count;
    let left = count;
    let at = page;
    if (this.within > 0) {
      left -= this.removeWithin(at, this.within, left);
      at += PAGE_WORDS;
    }
    const firstWhole = at;
    while (at < this.last && left >= this.countAt(at)) {
      left -= this.countAt(at);
      at += PAGE_WORDS;
    }
    if (left > 0) this.removeWithin(at, 0, left);
    const offset = firstWhole - this.first;
    if (at > firstWhole) this.dropPages(firstWhole, at);
    this.joinAround(this.first + offset);
  }

  /** Takes up to `most` elements out of one page, which keeps some, and gives how many they were. */
  private removeWithin(page: number, index: number, most: number): number {
    this.loadToChange(page);
    const removed = Math.min(most, run.count - index);
    run.remove(index, removed);
    this.save(page);
    return removed;
  }

  /**
   * Takes out up to `most` elements that have these bytes, those nearest to the head or to the tail, and gives how many
   * they were. `element` must not lie in the list.
   */
  removeEqual(element: Slice, most: number, fromHead: boolean): number {
    let total = 0;
    const count = (this.last - this.first) / PAGE_WORDS;
    for (let step = 0; step < count && total < most; step++) {
      const page = fromHead ? this.first + step * PAGE_WORDS : this.last - (step + 1) * PAGE_WORDS;
      this.load(page);
      const equal = run.countEqual(element);
      if (equal === 0) continue;
      this.loadToChange(page);
      const removed = Math.min(equal, most - total);
      run.removeEqual(element, fromHead ? 0 : equal - removed, removed);
      this.save(page);
      total += removed;
    }
    this.length -= total;
    if (total > 0) this.joinAll();
    return total;
  }

  // ---- pages

  private countAt(page: number): number {
    return this.pages[page + COUNT]!;
  }

  /** Brings a page into `run`. */
  private load(page: number): void {
    const { pages, arena } = this;
    const ref = pages[page]!;
    const block = Arena.byteOffset(ref);
    run.bytes = arena.bytes[ref >>> SEGMENT_SHIFT]!;
    run.start = block + BLOCK_HEADER_BYTES;
    run.limit = block + arena.sizeOf(ref);
    run.count = pages[page + COUNT]!;
    run.begin = block + pages[page + BEGIN]!;
    run.end = block + pages[page + END]!;
  }

  /** As `load`, of a page that is about to change. */
  private loadToChange(page: number): void {
    if (this.guard !== undefined) this.guard.beforeChange(this.pages[page + FROZEN]!, this.pages[page]!);
    this.load(page);
  }

  /** Notes what an operation has made of the page in `run`. */
  private save(page: number): void {
    const { pages } = this;
    const block = run.start - BLOCK_HEADER_BYTES;
    pages[page + COUNT] = run.count;
    pages[page + BEGIN] = run.begin - block;
    pages[page + END] = run.end - block;
  }

  /** The page that the element at `index` is in, sought from the nearer end; sets `within`. */
  private locate(index: number): number {
    const { pages } = this;
    if (index < this.length / 2) {
      let left = index;
      let page = this.first;
      while (left >= pages[page + COUNT]!) {
        left -= pages[page + COUNT]!;
        page += PAGE_WORDS;
      }
      this.within = left;
      return page;
    }
    let behind = this.length - index;
    let page = this.last - PAGE_WORDS;
    while (behind > pages[page + COUNT]!) {
      behind -= pages[page + COUNT]!;
      page -= PAGE_WORDS;
    }
    this.within = pages[page + COUNT]! - behind;
    return page;
  }

  /** Adds an empty page with room for `byteCount` bytes before the one at `page`, and gives its place. */
  private addPage(page: number, byteCount: number): number {
    const ref = this.arena.allocate(BLOCK_HEADER_BYTES + byteCount);
    const place = this.openPlace(page);
    this.pages[place] = ref;
    this.pages[place + COUNT] = 0;
    this.pages[place + BEGIN] = this.pages[place + END] = BLOCK_HEADER_BYTES;
    return place;
  }

  /** Makes room for a record before the one at `page`: the fewer records move. */
  private openPlace(page: number): number {
    const offset = page - this.first;
    const isNearHead = offset * 2 < this.last - this.first;
    if (isNearHead ? this.first === 0 : this.last === this.pages.length) this.spread();
    const place = this.first + offset;
    if (isNearHead) {
      this.pages.copyWithin(this.first - PAGE_WORDS, this.first, place);
      this.first -= PAGE_WORDS;
      return place - PAGE_WORDS;
    }
    this.pages.copyWithin(place + PAGE_WORDS, place, this.last);
    this.last += PAGE_WORDS;
    return place;
  }

  /** Moves the records to an array in which as much as they take is free, one half at each end. */
  private spread(): void {
    const words = this.last - this.first;
    const spare = words / 2 - ((words / 2) % PAGE_WORDS) + SPARE_PAGES * PAGE_WORDS;
    const pages = new Int32Array(words + spare * 2);
    pages.set(this.pages.subarray(this.first, this.last), spare);
    this.pages = pages;
    this.first = spare;
    this.last = spare + words;
  }

  /** Takes the pages from `from` to `to` out; the blocks of many are freed in slices. */
  private dropPages(from: number, to: number): void {
    const dropped = this.pages.slice(from, to);
    this.closePlaces(from, to);
    this.free(dropped);
  }

  /** Frees the blocks of pages that have left the list, but for those that a snapshot needs. */
  private free(records: Int32Array): void {
    this.guard?.takeBlocks(records);
    const free = freeing(this.arena, records);
    if (free()) this.reclaimer.add(free);
  }

  private closePlaces(from: number, to: number): void {
    if (from - this.first < this.last - to) {
      this.pages.copyWithin(this.first + to - from, this.first, from);
      this.first += to - from;
    } else {
      this.pages.copyWithin(from, to, this.last);
      this.last -= to - from;
    }
  }

  /** Joins the page at `page` with that before it when both together fill at most half a page. */
  private joinAround(page: number): void {
    if (page <= this.first || page >= this.last || !this.join(page - PAGE_WORDS, page)) return;
    this.dropPages(page, page + PAGE_WORDS);
  }

  /** Drops the pages that are empty and joins what fits together, in one pass. */
  private joinAll(): void {
    const { pages } = this;
    let kept = this.first;
    const dropped: number[] = [];
    for (let page = this.first; page < this.last; page += PAGE_WORDS) {
      if (this.countAt(page) === 0 || (kept > this.first && this.join(kept - PAGE_WORDS, page))) {
        dropped.push(...pages.subarray(page, page + PAGE_WORDS));
        continue;
      }
      pages.copyWithin(kept, page, page + PAGE_WORDS);
      kept += PAGE_WORDS;
    }
    this.last = kept;
    this.free(Int32Array.from(dropped));
  }

  /** Copies the elements of `page` behind those of `before` when they fill at most half of it together. */
  private join(before: number, page: number): boolean {
    const count = this.countAt(page);
    if (count + this.countAt(before) > this.limits.listPageElementsMax) return false;
    this.load(page);
    const { bytes, begin, end } = run;
    this.load(before);
    if ((run.used + end - begin) * 2 > run.room) return false;
    this.loadToChange(before);
    run.append(bytes, begin, end, count);
    this.save(before);
    return true;
  }

  // ---- the whole

  /** A list with the same elements. */
  copy(): PagedList {
    const copy = new PagedList(this.arena, this.reclaimer, this.limits);
    for (let page = this.first; page < this.last; page += PAGE_WORDS) {
      this.load(page);
      copy.addRun(run.bytes, run.begin, run.end, run.count);
    }
    return copy;
  }

  /** Adds a page at the end for the elements that lie from `from` to `to` in `bytes`. */
  addRun(bytes: Buffer, from: number, to: number, count: number): void {
    const place = this.addPage(this.last, Math.max(to - from, this.roomFor(Math.ceil((to - from) / count))));
    this.load(place);
    run.append(bytes, from, to, count);
    this.save(place);
    this.length += count;
  }

  dismantle(): boolean {
    const to = Math.min(this.last, this.first + RECLAIMED_AT_ONCE * PAGE_WORDS);
    for (; this.first < to; this.first += PAGE_WORDS) this.arena.free(this.pages[this.first]!);
    return this.first < this.last;
  }
}

/** Frees some of the blocks of these page records each time it is called; false when none is left. Ref 0 is none. */
function freeing(arena: Arena, records: Int32Array): () => boolean {
  let at = 0;
  return () => {
    const to = Math.min(records.length, at + RECLAIMED_AT_ONCE * PAGE_WORDS);
    for (; at < to; at += PAGE_WORDS) if (records[at]! !== 0) arena.free(records[at]!);
    return at < records.length;
  };
}

/** A walk over a list's elements, one at a time; see list-value.ts. The list must not change meanwhile. */
export class ElementWalk {
  /** The element that `next` came to. */
  readonly element = new Slice();
  /** The bytes in which that element lies. */
  view = viewOf(Buffer.alloc(0));
  private bytes: Buffer = Buffer.alloc(0);
  private at = 0;
  /** How many elements of the page are to come. */
  private left = 0;
  private page = 0;

  /** `pages` is undefined for a list that is one run. */
  constructor(
    readonly isForward: boolean,
    private readonly pages: PagedList | undefined,
  ) {}

  /** Goes on in a run from `at` on, where `left` elements are to come. */
  enter(bytes: Buffer, at: number, left: number, page: number): void {
    if (bytes !== this.bytes) this.view = viewOf(bytes);
    this.bytes = bytes;
    this.at = at;
    this.left = left;
    this.page = page;
  }

  /** Moves to the next element, which must be there, and gives it. */
  next(): Slice {
    if (this.left === 0) this.pages!.turnPage(this, this.page);
    this.left--;
    this.at = this.isForward
      ? readElement(this.bytes, this.at, this.element)
      : readElementBackwards(this.bytes, this.at, this.element);
    return this.element;
  }
}

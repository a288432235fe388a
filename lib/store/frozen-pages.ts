/**
 * The pages of a large list as they were at one moment: what a snapshot writes while the list goes on changing.
 *
 * They begin as a copy of the list's records (paged-list.ts), which lead to the list's own blocks. A block that is
 * about to change is copied first, and one that leaves the list is taken over; so what the records lead to stays as it
 * was. A page of the list bears the place of its record here: whether it still has the block is one comparison. Pages
 * are read in order, and what has been read is needed no more.
 */
import { Arena, SEGMENT_SHIFT } from './arena.js';
import { readElement } from './element-run.js';
import type { ValueGuard } from './snapshot-guard.js';
import { Slice, copyBytes } from '../util/bytes.js';

/** Words of a page's record, and which is which. The first is the ref of its block. */
export const PAGE_WORDS = 5;
export const COUNT = 1;
export const BEGIN = 2;
export const END = 3;
export const FROZEN = 4;

/** The arena's word in front of a block's bytes. */
export const BLOCK_HEADER_BYTES = 4;
const SKIPPED_AT_ONCE = 256;

export class FrozenPages implements ValueGuard {
  /** How many pages have been read. */
  private at = 0;
  /** Which blocks are no longer the list's. */
  private readonly isOwn: Uint8Array;
  private dispose: (() => void) | undefined;
  private readonly element = new Slice();

  /** `records` are the frozen pages' own; `onRelease` is called when they are not needed any more. */
  constructor(
    private readonly arena: Arena,
    private readonly records: Int32Array,
    private readonly onRelease: () => void,
  ) {
    this.isOwn = new Uint8Array(this.pageCount);
  }

  get pageCount(): number {
    return this.records.length / PAGE_WORDS;
  }

  // ---- the list

  /** The block `ref` of the list's page that was the one at `place` is about to change. */
  beforeChange(place: number, ref: number): void {
    if (!this.needs(place, ref)) return;
    const { arena, records } = this;
    const copy = arena.allocate(arena.sizeOf(ref));
    const begin = records[place * PAGE_WORDS + BEGIN]!;
    const length = records[place * PAGE_WORDS + END]! - begin;
    const from = Arena.byteOffset(ref) + begin;
    copyBytes(blockBytes(arena, ref), from, blockBytes(arena, copy), Arena.byteOffset(copy) + begin, length);
    records[place * PAGE_WORDS] = copy;
    this.isOwn[place] = 1;
  }

  /** Pages leave the list: the refs of blocks that are needed here become 0 in their records. */
  takeBlocks(left: Int32Array): void {
    for (let page = 0; page < left.length; page += PAGE_WORDS) {
      if (!this.needs(left[page + FROZEN]!, left[page]!)) continue;
      this.isOwn[left[page + FROZEN]!] = 1;
      left[page] = 0;
    }
  }

  /** A page that is younger than the moment has another block than the one whose place it seems to have. */
  private needs(place: number, ref: number): boolean {
    return place >= this.at && this.records[place * PAGE_WORDS] === ref;
  }

  keep(dispose: () => void): void {
    this.dispose = dispose;
  }

  // ---- the snapshot

  /** Calls `visit` for each element of the next page; false when there was none left. */
  readPage(visit: (element: Slice) => void): boolean {
    if (this.at === this.pageCount) return false;
    const { arena, records, element } = this;
    const record = this.at * PAGE_WORDS;
    const ref = records[record]!;
    const bytes = blockBytes(arena, ref);
    const end = Arena.byteOffset(ref) + records[record + END]!;
    for (let at = Arena.byteOffset(ref) + records[record + BEGIN]!; at < end; ) {
      at = readElement(bytes, at, element);
      visit(element);
    }
    this.leavePage();
    return true;
  }

  private leavePage(): void {
    if (this.isOwn[this.at] === 1) this.arena.free(this.records[this.at * PAGE_WORDS]!);
    this.at++;
  }

  /** Leaves some pages that were not read; false when there was none left. */
  skipPages(): boolean {
    for (let left = SKIPPED_AT_ONCE; left > 0 && this.at < this.pageCount; left--) this.leavePage();
    return this.at < this.pageCount;
  }

  /** The list is free of it, and frees itself when no bucket has it. Every page has been read or left. */
  release(): void {
    this.onRelease();
    this.dispose?.();
  }
}

function blockBytes(arena: Arena, ref: number): Buffer {
  return arena.bytes[ref >>> SEGMENT_SHIFT]!;
}

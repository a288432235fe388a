/**
 * Large values as they were at one moment, written piece by piece while commands go on changing them. A snapshot holds
 * a value when it comes to it, or when a command lays hands on it first (persistence/database-walk.ts); from then on
 * until all is written, what is about to change is set aside as it was.
 *
 * Of a table it is an entry: it is written at once, in front of those that the walk through the table will come to, and
 * marked (entry.ts); and marked are entries that come later, so that the walk passes over both. Whether the walk has
 * reached an entry is one comparison, and so the value's own order is not kept where nobody needs it. For lists and
 * streams see frozen-pages.ts and frozen-stream.ts.
 */
import { GatheredOutput } from './gathered-output.js';
import { ListpackWriter } from './listpack.js';
import type { RdbOutput } from './rdb-output.js';
import { NODE_PACKED, RdbType } from './rdb-types.js';
import { writeStream } from './stream-writer.js';
import { type Steps, valueForm } from './value-writer.js';
import { type ByteTable, CURSOR_END } from '../store/byte-table.js';
import {
  IS_STRUCTURE, entryBytes, expiryOf, hasFlag, isMarked, keyLength, keyOffset, keySlice, setMark, valueSlice,
} from '../store/entry.js';
import { FieldTable } from '../store/field-table.js';
import type { FrozenPages } from '../store/frozen-pages.js';
import type { FrozenStream } from '../store/frozen-stream.js';
import type { Keyspace } from '../store/keyspace.js';
import type { Place } from '../store/leaf-list.js';
import { PagedList } from '../store/paged-list.js';
import { ScoreTable } from '../store/score-table.js';
import type { EntryGuard } from '../store/snapshot-guard.js';
import { Stream } from '../store/stream.js';
import { Slice, compareBytes } from '../util/bytes.js';

/** A value is held when it has more bytes or pages. Smaller ones are written at one go. */
const BYTES_MAX = 32 * 1024;
const PAGES_MAX = 4;
/** A piece of work is so many steps of a walk or so many bytes, whatever comes first. */
const PIECE_STEPS = 64;
const PIECE_BYTES = 8 * 1024;

export interface HeldValue {
  /** Writes the value as it was when it was held, without its form. At the end it is held no more. */
  write(output: RdbOutput): Steps;
  /** Ends in the middle, or before the beginning. Nothing is written. */
  giveUp(): Steps;
}

/** How large values are written: as Redis's snapshots have them, or as commands (value-commands.ts). */
export interface HeldForms {
  /** A hash or a set in the bucket `bucket`; `form` is one of RdbType. */
  fields(table: FieldTable, form: number, bucket: number): TableForm;
  members(table: ScoreTable, bucket: number): TableForm;
  /** The elements of a list, page by page; `length` is how many there are. */
  pages(pages: FrozenPages, length: number, bucket: number): (output: RdbOutput) => Steps;
  stream(stream: FrozenStream, bucket: number): (output: RdbOutput) => Steps;
}

/**
 * Holds the value of a bucket as it is now, to be written in `forms`; undefined, and nothing is held, when it is small
 * enough to be written at once.
 */
export function holdValue(db: Keyspace, ref: number, forms: HeldForms, compresses: boolean): HeldValue | undefined {
  if (!hasFlag(db.store.arena, ref, IS_STRUCTURE)) return undefined;
  const structure = db.store.structure(db.handleOf(ref));
  const form = valueForm(db, ref);
  if (structure instanceof PagedList) {
    if (structure.pageCount <= PAGES_MAX) return undefined;
    const pages = structure.freeze();
    return new HeldList(pages, forms.pages(pages, structure.length, ref));
  }
  if (structure instanceof Stream) {
    if (structure.byteCount <= BYTES_MAX) return undefined;
    const stream = structure.freeze();
    return new HeldStream(stream, forms.stream(stream, ref));
  }
  if (structure instanceof ScoreTable) {
    if (form !== RdbType.sortedSet2 || structure.blockBytes <= BYTES_MAX) return undefined;
    return new HeldTable(structure, new ScoreOrder(structure), forms.members(structure, ref), compresses);
  }
  if (!(structure instanceof FieldTable)) throw new Error(`entry ${ref} holds a structure that is missing in held-values.ts`);
  if (form === RdbType.hashListpack || structure.blockBytes <= BYTES_MAX) return undefined;
  return new HeldTable(structure, new HashOrder(structure.fields), forms.fields(structure, form, ref), compresses);
}

// ---- tables

/** How a table is written: what stands in front of all entries, and an entry. */
export interface TableForm {
  begin(output: RdbOutput): void;
  entry(output: RdbOutput, ref: number): void;
}

const key = new Slice();
const value = new Slice();

/** See value-writer.ts for the forms. */
function fieldsForm({ fields, nextExpiry, arena }: FieldTable, form: number): TableForm {
  const count = fields.size;
  if (form === RdbType.set) {
    return {
      begin: (output) => output.count(count),
      entry: (output, ref) => output.slice(keySlice(arena, ref, key)),
    };
  }
  const hasExpiries = form === RdbType.hashMetadata;
  return {
    begin(output) {
      if (hasExpiries) output.int64(nextExpiry);
      output.count(count);
    },
    entry(output, ref) {
      if (hasExpiries) output.bigCount(offsetOf(expiryOf(arena, ref), nextExpiry));
      output.slice(keySlice(arena, ref, key));
      output.slice(valueSlice(arena, ref, value));
    },
  };
}

function offsetOf(expiresAtMs: number, firstMs: number): number {
  return expiresAtMs === 0 ? 0 : expiresAtMs - firstMs + 1;
}

function membersForm(table: ScoreTable): TableForm {
  const count = table.members.size;
  return {
    begin: (output) => output.count(count),
    entry(output, ref) {
      output.slice(keySlice(table.arena, ref, key));
      output.double(table.scoreOf(ref));
    },
  };
}

/** The order of a walk through a table, and how far it has come. */
interface WalkOrder {
  /** Whether the walk has yet to come to the entry under this hash. */
  isAhead(hash: number, ref: number): boolean;
  /** Calls `visit` for the next entries, which it must not change; false when none is left. */
  step(visit: (ref: number) => void): boolean;
}

/** The order of hashes; see ByteTable.scan. */
class HashOrder implements WalkOrder {
  private cursor = 0;

  constructor(private readonly table: ByteTable) {}

  isAhead(hash: number): boolean {
    return hash >>> 0 >= this.cursor;
  }

  step(visit: (ref: number) => void): boolean {
    this.cursor = this.table.scan(this.cursor, visit);
    return this.cursor < CURSOR_END;
  }
}

const MEMBERS_AT_ONCE = 64;

/** From the highest score down, so that who reads it always adds in front. */
class ScoreOrder implements WalkOrder, Place {
  /** The last member that was visited, and its score. */
  private score = Infinity;
  private member: Buffer | undefined;
  private last = 0;
  private isOver = false;

  constructor(private readonly table: ScoreTable) {}

  isAhead(_hash: number, ref: number): boolean {
    return !this.isOver && this.isBefore(this.table.scoreOf(ref), ref);
  }

  /** Whether a member is below the last one. */
  isBefore(score: number, ref: number): boolean {
    const { member } = this;
    if (member === undefined) return true;
    if (score !== this.score) return score < this.score;
    const { arena } = this.table;
    const bytes = entryBytes(arena, ref);
    return compareBytes(bytes, keyOffset(arena, ref), keyLength(arena, ref), member, 0, member.length) < 0;
  }

  step(visit: (ref: number) => void): boolean {
    const { order, arena } = this.table;
    const below = order.rankOf(this);
    if (below === 0) {
      this.isOver = true;
      return false;
    }
    order.walk(below - 1, Math.min(below, MEMBERS_AT_ONCE), true, (ref) => visit((this.last = ref)));
    this.score = this.table.scoreOf(this.last);
    this.member = keySlice(arena, this.last, key).copyOf();
    return true;
  }
}

class HeldTable implements HeldValue, EntryGuard {
  /** Entries that were written before the walk came to the value. */
  private early: GatheredOutput | undefined;
  private output: RdbOutput | undefined;
  private hasMarks = false;
  private isGivenUp = false;
  private dispose: (() => void) | undefined;

  constructor(
    private readonly table: FieldTable | ScoreTable,
    private readonly order: WalkOrder,
    private readonly form: TableForm,
    private readonly compresses: boolean,
  ) {
    table.guard = this;
  }

  // ---- the table

  beforeChange(hash: number, ref: number): void {
    const { arena } = this.table;
    if (this.isGivenUp || isMarked(arena, ref) || !this.order.isAhead(hash, ref)) return;
    if (this.output !== undefined) this.form.entry(this.output, ref);
    else {
      this.early ??= new GatheredOutput(this.compresses);
      this.form.entry(this.early.output, ref);
      this.early.gather();
    }
    this.mark(ref, true);
  }

  noteEntry(hash: number, ref: number): void {
    this.mark(ref, !this.isGivenUp && this.order.isAhead(hash, ref));
  }

  private mark(ref: number, isOn: boolean): void {
    if (isOn) this.hasMarks = true;
    setMark(this.table.arena, ref, isOn);
  }

  keep(dispose: () => void): void {
    this.dispose = dispose;
  }

  // ---- the snapshot

  *write(output: RdbOutput): Steps {
    this.form.begin(output);
    // Entries keep the order in which they were written: more may come while these are handed on.
    for (let blocks = this.takeEarly(); blocks.length > 0; blocks = this.takeEarly()) {
      for (const bytes of blocks) {
        output.raw(bytes, 0, bytes.length);
        yield;
      }
    }
    this.output = output;
    yield* this.walk(output, (ref) => this.form.entry(output, ref));
  }

  private takeEarly(): Buffer[] {
    return this.early?.take() ?? [];
  }

  /** Only marks are taken away. */
  *giveUp(): Steps {
    this.isGivenUp = true;
    this.early = undefined;
    if (this.hasMarks) yield* this.walk(undefined, () => undefined);
    else this.release();
  }

  private *walk(output: RdbOutput | undefined, writeEntry: (ref: number) => void): Steps {
    const { arena } = this.table;
    const visit = (ref: number): void => {
      if (isMarked(arena, ref)) setMark(arena, ref, false);
      else writeEntry(ref);
    };
    let steps = 0;
    let before = output?.length ?? 0;
    while (this.order.step(visit)) {
      if (++steps < PIECE_STEPS && (output?.length ?? 0) - before < PIECE_BYTES) continue;
      yield;
      steps = 0;
      before = output?.length ?? 0;
    }
    this.release();
  }

  private release(): void {
    this.table.guard = undefined;
    this.dispose?.();
  }
}

// ---- lists and streams

const listpack = new ListpackWriter();
const finished = new Slice();

class HeldList implements HeldValue {
  constructor(
    private readonly pages: FrozenPages,
    private readonly writePages: (output: RdbOutput) => Steps,
  ) {}

  *write(output: RdbOutput): Steps {
    yield* this.writePages(output);
    this.pages.release();
  }

  *giveUp(): Steps {
    while (this.pages.skipPages()) yield;
    this.pages.release();
  }
}

class HeldStream implements HeldValue {
  constructor(
    private readonly stream: FrozenStream,
    private readonly writeStream: (output: RdbOutput) => Steps,
  ) {}

  *write(output: RdbOutput): Steps {
    yield* this.writeStream(output);
    yield* this.stream.release();
  }

  giveUp(): Steps {
    return this.stream.release();
  }
}

// ---- as Redis's snapshots have them

/** Each page is a node. */
function* writeNodes(output: RdbOutput, pages: FrozenPages): Steps {
  output.count(pages.pageCount);
  while (pages.readPage((element) => listpack.append(element))) {
    output.count(NODE_PACKED);
    output.slice(listpack.finish(finished));
    yield;
  }
}

export const rdbForms: HeldForms = {
  fields: fieldsForm,
  members: membersForm,
  pages: (pages) => (output) => writeNodes(output, pages),
  stream: (stream) => (output) => writeStream(output, stream),
};

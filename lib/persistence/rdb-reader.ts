/**
 * Reading a snapshot: an RDB file, of this node or of a redis-server from 4.0 to 7.0, into the store. It is used for
 * `dump.rdb` and for the base of the append log.
 *
 *     const file = ...;                                    anything with read(into, position)
 *     const reader = new RdbReader(store, file, size, options);
 *     const summary = await reader.readAll(pause);         pause(offset) is awaited between pieces of work
 *
 * The buckets are added to those that are there. A file that is damaged rejects with RdbFileError, which says where;
 * what was read up to there is in the store, for the caller to clear.
 *
 *     | REDIS0010 | aux fields ... | select database, sizes | [expiry] [use] form, key, value | ... | end | checksum |
 */
import { RdbFileInput } from './rdb-file-input.js';
import { BUCKET_FIELD } from './rdb-writer.js';
import type { ReadableFile } from './read-ahead.js';
import { EmptyCollection, OutOfBounds, RdbError } from '../rdb/rdb-error.js';
import { StringHolder } from '../rdb/rdb-input.js';
import { Opcode, RDB_VERSION, RdbType } from '../rdb/rdb-types.js';
import { mayBeSmall, readSmallValue } from '../rdb/small-value-reader.js';
import { isKnownForm, readValue } from '../rdb/value-reader.js';
import type { Steps } from '../rdb/value-writer.js';
import { BULK_MAX, Bulk } from '../store/bulk.js';
import { HASH, entryType, keySlice, setAccess } from '../store/entry.js';
import { createHash, keepWhenEmpty } from '../store/hash-value.js';
import type { Keyspace } from '../store/keyspace.js';
import type { Store } from '../store/store.js';
import { type Slice, sliceOf } from '../util/bytes.js';

export interface ReadOptions {
  /** Leave out what has expired by now. What follows in an append log may still speak of it. */
  leavesOutExpired: boolean;
  /** A bucket takes the place of one that is there; otherwise that is an error. */
  replaces?: boolean;
}

/** What was in a file besides buckets, and how many they were. */
export interface ReadSummary {
  /** Where the snapshot ends in the file; an old append log goes on behind it. */
  endOffset: number;
  aux: Map<string, string>;
  /** Libraries of functions, as they are in the file. */
  functions: Buffer[];
  keysLoaded: number;
  /** Left out: expired, and without elements. */
  keysExpired: number;
  keysEmpty: number;
}

/** What is wrong with a file: the message says what, `offset` where. */
export class RdbFileError extends Error {
  constructor(readonly offset: number, reason: string) {
    super(reason);
  }
}

const MAGIC = 'REDIS';
const HEADER_BYTES = 9;
/** What stands in front of a key at most. */
const PREFIX_BYTES_MAX = 64;

/** What stands in front of a bucket and is about it. */
interface Prefix {
  expiresAtMs: number;
  idleSeconds: number | undefined;
  frequency: number | undefined;
}

export class RdbReader {
  readonly summary: ReadSummary = {
    endOffset: 0, aux: new Map(), functions: [], keysLoaded: 0, keysExpired: 0, keysEmpty: 0,
  };
  private readonly input: RdbFileInput;
  private readonly key = new StringHolder();
  private readonly value = new StringHolder();
  private db: Keyspace;
  private version = 0;
  /** Small buckets that were read, and where each of them ends. So many are read between two looks at the clock. */
  private readonly bulk = new Bulk();
  private readonly offsets = new Float64Array(BULK_MAX);
  /** Of the small bucket that is being read. */
  private readonly prefix: Prefix = { expiresAtMs: 0, idleSeconds: undefined, frequency: undefined };
  /** `key` is that of the bucket that is being read, for the error. */
  private isInBucket = false;

  constructor(
    private readonly store: Store,
    file: ReadableFile,
    size: number,
    private readonly options: ReadOptions,
  ) {
    this.input = new RdbFileInput(file, size);
    this.db = store.databases[0]!;
  }

  /** Reads all of the snapshot. Rejects with RdbFileError, or the file's own error. */
  async readAll(pause: (offset: number) => Promise<void>): Promise<ReadSummary> {
    const { input, summary } = this;
    try {
      await input.fill();
      const steps = this.read();
      while (steps.next().done !== true) {
        if (input.isShort) await input.fill();
        await pause(input.offset);
      }
      summary.endOffset = input.offset;
      return summary;
    } catch (error) {
      if (!(error instanceof RdbError)) throw error;
      throw new RdbFileError(input.offset, `${error.message}${this.isInBucket ? about(this.key.text()) : ''}`);
    } finally {
      await input.close();
    }
  }

  private *read(): Steps {
    this.readHeader();
    for (;;) {
      while (this.readSmallBuckets()) yield;
      if (!this.input.has(PREFIX_BYTES_MAX)) yield;
      const code = this.input.byte();
      if (code === Opcode.end) break;
      yield* this.readPart(code);
      yield;
    }
    if (this.version >= 5 && !this.input.readChecksum()) throw new RdbError('the checksum is wrong');
  }

  private readHeader(): void {
    const text = this.input.left < HEADER_BYTES ? '' : this.input.raw(this.value, HEADER_BYTES).text();
    this.version = Number(text.slice(MAGIC.length));
    if (!text.startsWith(MAGIC) || !Number.isInteger(this.version)) throw new RdbError('it is no RDB file');
    if (this.version < 1 || this.version > RDB_VERSION) {
      throw new RdbError(`it is of version ${this.version}; versions up to ${RDB_VERSION} can be read`);
    }
  }

  private *readPart(code: number): Steps {
    const { input } = this;
    switch (code) {
      case Opcode.selectDb:
        this.select(input.count());
        return;
      case Opcode.resizeDb:
        input.count();
        input.count();
        return;
      case Opcode.aux:
        yield* this.readAux();
        return;
      case Opcode.function2:
        if (!input.isReady()) yield;
        this.summary.functions.push(input.string(this.value).copyOf());
        return;
      case Opcode.functionBeforeRelease:
        throw new RdbError('it has functions in a form that only release candidates of Redis 7.0 had');
      case Opcode.moduleAux:
        throw new RdbError(`it has data of the module ${moduleName(input.bigCount())}, and there are no modules here`);
      default:
        yield* this.readBucket(code);
    }
  }

  private select(index: number): void {
    const db = this.store.databases[index];
    if (db === undefined) {
      throw new RdbError(`it has a database ${index}, and \`databases\` is ${this.store.databases.length}`);
    }
    this.db = db;
  }

  private *readAux(): Steps {
    const { input } = this;
    if (!input.isReady()) yield;
    const name = input.string(this.key).text();
    if (!input.isReady()) yield;
    const value = input.string(this.value).text();
    if (name === BUCKET_FIELD) this.keepBucket(value);
    else this.summary.aux.set(name, value);
  }

  /** A bucket that stays when it is empty: it has been read, or is empty. */
  private keepBucket(text: string): void {
    const { db, store } = this;
    const blank = text.indexOf(' ');
    const expiresAtMs = Number(text.slice(0, blank));
    if (blank < 0 || !Number.isSafeInteger(expiresAtMs)) throw new RdbError(`the field ${BUCKET_FIELD} is wrong`);
    const key = sliceOf(text.slice(blank + 1));
    let ref = db.peek(key);
    if (ref === 0) {
      ref = db.expireAt(key, createHash(db, key), expiresAtMs);
      this.summary.keysLoaded++;
    }
    if (entryType(store.arena, ref) !== HASH) throw new RdbError(`the field ${BUCKET_FIELD} is wrong`);
    keepWhenEmpty(store.arena, ref);
  }

  // ---- buckets

  private *readBucket(code: number): Steps {
    const { input } = this;
    const prefix: Prefix = { expiresAtMs: 0, idleSeconds: undefined, frequency: undefined };
    let form = code;
    while (this.readPrefix(form, prefix)) form = input.byte();
    if (!input.isReady()) yield;
    const key = input.keptString(this.key);
    this.isInBucket = true;
    if (form === RdbType.module || form === RdbType.module2) {
      throw new RdbError(`it has a value of the module ${moduleName(input.bigCount())}, and there are no modules here`);
    }
    if (!isKnownForm(form)) throw new RdbError(`${form} is no form of values that is known here`);
    const into = this.placeFor(key, prefix);
    this.finishBucket(into, key, prefix, yield* this.readInto(form, into, key));
  }

  /**
   * Reads buckets as long as each is small and in memory as a whole: each at one go, as most of a file are. False when
   * what comes next is something else.
   */
  private readSmallBuckets(): boolean {
    const { input } = this;
    try {
      for (let left = BULK_MAX; left > 0; left--) {
        if (!input.has(PREFIX_BYTES_MAX)) return true;
        const { place } = input;
        if (this.readsSmallBucket()) continue;
        this.isInBucket = false;
        input.goBackTo(place);
        return false;
      }
      return true;
    } finally {
      this.addBulk();
    }
  }

  /** False when that is none, or is not in memory as a whole; or is damaged, which will turn out piece by piece. */
  private readsSmallBucket(): boolean {
    try {
      return this.readSmallBucket();
    } catch (error) {
      if (error instanceof OutOfBounds) return false;
      throw error;
    }
  }

  private readSmallBucket(): boolean {
    const { input, prefix, db } = this;
    prefix.expiresAtMs = 0;
    prefix.idleSeconds = prefix.frequency = undefined;
    let form = input.byte();
    while (this.readPrefix(form, prefix)) form = input.byte();
    if (!mayBeSmall(form)) return false;
    const key = input.string(this.key);
    this.isInBucket = true;
    try {
      const ref = readSmallValue(form, input, db, key, prefix.expiresAtMs);
      if (ref === 0) return false;
      this.takeSmall(key, prefix, ref);
    } catch (error) {
      if (!(error instanceof EmptyCollection)) throw error;
      this.addBulk();
      this.finishBucket(this.placeFor(key, prefix), key, prefix, true);
    }
    this.isInBucket = false;
    return true;
  }

  /** Takes over the entry of a small bucket. It is added with others, unless it may have to replace one of them. */
  private takeSmall(key: Slice, prefix: Prefix, ref: number): void {
    const { bulk, db, summary } = this;
    if (this.isOver(prefix)) {
      this.free(ref);
      summary.keysExpired++;
      return;
    }
    setAccess(this.store.arena, ref, this.accessOf(prefix));
    summary.keysLoaded++;
    if (this.options.replaces === true) this.placeFor(key, prefix).attach(key, ref);
    else {
      this.offsets[bulk.count] = this.input.offset;
      bulk.push(db.table.hashOf(key), ref);
    }
  }

  /** Adds what was read to the database. Throws RdbFileError when it has a bucket twice. */
  private addBulk(): void {
    const { bulk, bulk: { count, refs }, db } = this;
    const added = db.addAll(bulk);
    bulk.count = 0;
    if (added === count) return;
    const key = keySlice(this.store.arena, refs[added]!, this.key).text();
    for (const ref of refs.subarray(added, count)) this.free(ref);
    throw new RdbFileError(this.offsets[added]!, `it is there twice${about(key)}`);
  }

  /** Frees an entry that is in no keyspace. */
  private free(ref: number): void {
    this.db.dropValue(ref);
    this.store.arena.free(ref);
  }

  /** Where a bucket is read to: what is left out is read all the same, to find its end. */
  private placeFor(key: Slice, prefix: Prefix): Keyspace {
    const into = this.isOver(prefix) ? this.store.workbench : this.db;
    if (into.peek(key) !== 0) {
      if (this.options.replaces !== true) throw new RdbError('it is there twice');
      into.remove(key, into.find(key));
    }
    return into;
  }

  /** Whether a bucket has expired, and is left out for that. */
  private isOver({ expiresAtMs }: Prefix): boolean {
    return this.options.leavesOutExpired && expiresAtMs !== 0 && expiresAtMs <= this.store.clock.nowMs();
  }

  /** Reads what stands in front of a bucket; false when `code` is none of it. */
  private readPrefix(code: number, prefix: Prefix): boolean {
    const { input } = this;
    if (code === Opcode.expireTimeMs) prefix.expiresAtMs = Math.max(1, Number(input.int64()));
    else if (code === Opcode.expireTime) prefix.expiresAtMs = Math.max(1, input.int32() * 1000);
    else if (code === Opcode.idle) prefix.idleSeconds = input.count();
    else if (code === Opcode.frequency) prefix.frequency = input.byte();
    else return false;
    return true;
  }

  /** True when the value has no elements: then there is no bucket. */
  private *readInto(form: number, db: Keyspace, key: Slice): Generator<undefined, boolean, undefined> {
    try {
      yield* readValue(form, this.input, db, key);
      return false;
    } catch (error) {
      if (error instanceof EmptyCollection) return true;
      throw error;
    }
  }

  private finishBucket(into: Keyspace, key: Slice, prefix: Prefix, isEmpty: boolean): void {
    const { summary, db } = this;
    this.isInBucket = false;
    if (isEmpty) summary.keysEmpty++;
    else if (into !== db) {
      into.remove(key, into.find(key));
      summary.keysExpired++;
    } else {
      this.noteUse(key, prefix);
      summary.keysLoaded++;
    }
  }

  private noteUse(key: Slice, prefix: Prefix): void {
    const { db, store } = this;
    const ref = db.expireAt(key, db.find(key), prefix.expiresAtMs);
    setAccess(store.arena, ref, this.accessOf(prefix));
  }

  private accessOf({ idleSeconds, frequency }: Prefix): number {
    const { access } = this.store;
    if (idleSeconds !== undefined && !access.isByFrequency) return access.usedBefore(idleSeconds);
    if (frequency !== undefined && access.isByFrequency) return access.usedOften(frequency);
    return access.initial();
  }
}

/** The end of an error's text. */
function about(key: string): string {
  return ` (key ${JSON.stringify(key)})`;
}

const MODULE_LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** The name of a module's type: nine letters of six bits, and ten bits of a version behind them. */
function moduleName(id: number | bigint): string {
  const letters = BigInt(id) >> 10n;
  return Array.from({ length: 9 }, (_, index) => MODULE_LETTERS[Number((letters >> BigInt(6 * (8 - index))) & 63n)]).join('');
}

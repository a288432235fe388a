/**
 * Values from their serialised form: for RESTORE and for files. All forms are read that redis-server has written since
 * version 4.0. What comes in is checked to the last byte: a count that does not agree, a member that comes twice, a
 * number that is none is an RdbError, and what was built so far is the caller's to remove.
 *
 * A large value is read piece by piece: `readValue` gives a generator that yields every so many elements.
 */
import type { ElementSource } from './element-source.js';
import { ListpackReader } from './listpack.js';
import { EmptyCollection, RdbError } from './rdb-error.js';
import { type RdbInput, StringHolder } from './rdb-input.js';
import { NODE_PACKED, NODE_PLAIN, RdbType } from './rdb-types.js';
import { readStream } from './stream-reader.js';
import { checkIntset, parseScore } from './value-checks.js';
import type { Steps } from './value-writer.js';
import { ZiplistReader, ZipmapReader } from './ziplist.js';
import { createHash, fieldCount, setField, setFieldExpiry, showAsListpack } from '../store/hash-value.js';
import type { Keyspace } from '../store/keyspace.js';
import { createList, pushElement } from '../store/list-value.js';
import { integerAt } from '../store/packed-integers.js';
import { addMember, createSet, memberCount } from '../store/set-value.js';
import * as sortedSets from '../store/sorted-set-value.js';
import { putString } from '../store/string-value.js';
import { Slice, sliceOf } from '../util/bytes.js';
import { parseInteger } from '../util/numbers.js';

/** Reads a value of one form into the bucket `key`, which is not there. */
type ReadForm = (input: RdbInput, db: Keyspace, key: Slice) => Steps;

/** A piece of work is so many elements. */
const PIECE = 256;
/** The longest number that stands on its own. */
const NUMBER_BYTES_MAX = 9;
/** What Redis keeps the moment of a field in: 48 bits. */
const FIELD_EXPIRY_MS_MAX = 2 ** 48 - 1;

const first = new StringHolder();
const second = new StringHolder();

// ---- strings and lists

function* readString(input: RdbInput, db: Keyspace, key: Slice): Steps {
  if (!input.isReady()) yield;
  putString(db, key, 0, input.string(first), 0);
}

/** Adds elements at the end of the list `key`; makes it with the first. */
class ListBuilder {
  private ref = 0;

  constructor(private readonly db: Keyspace, private readonly key: Slice) {}

  push(element: Slice): void {
    const { db, key } = this;
    if (this.ref === 0) this.ref = createList(db, key, 0);
    this.ref = pushElement(db, key, this.ref, 'tail', element);
  }

  end(): void {
    if (this.ref === 0) throw new EmptyCollection();
  }
}

function* readList(input: RdbInput, db: Keyspace, key: Slice): Steps {
  const list = new ListBuilder(db, key);
  for (let left = input.count(); left > 0; left--) {
    if (!input.isReady() || left % PIECE === 0) yield;
    list.push(input.string(first));
  }
  list.end();
}

function* readQuicklist(input: RdbInput, db: Keyspace, key: Slice, hasContainers: boolean): Steps {
  const list = new ListBuilder(db, key);
  const element = new Slice();
  for (let left = input.count(); left > 0; left--) {
    const container = hasContainers ? input.count() : NODE_PACKED;
    if (!input.isReady()) yield;
    const node = input.string(first);
    if (container === NODE_PLAIN) list.push(node);
    else if (container !== NODE_PACKED) throw new RdbError('a list has a node of a kind that is not known');
    else {
      const elements = hasContainers ? listpackOf(node) : ziplistOf(node);
      while (elements.next(element)) list.push(element);
    }
    yield;
  }
  list.end();
}

function* readPackedList(input: RdbInput, db: Keyspace, key: Slice): Steps {
  const list = new ListBuilder(db, key);
  if (!input.isReady()) yield;
  const elements = ziplistOf(input.string(first));
  const element = new Slice();
  while (elements.next(element)) list.push(element);
  list.end();
}

/** Used again and again: no two are read at a time. */
const listpack = new ListpackReader();
const listpackOf = ({ bytes, offset, length }: Slice): ElementSource => listpack.open(bytes, offset, length);
const ziplistOf = ({ bytes, offset, length }: Slice): ElementSource => new ZiplistReader(bytes, offset, length);
const zipmapOf = ({ bytes, offset, length }: Slice): ElementSource => new ZipmapReader(bytes, offset, length);

// ---- sets

class SetBuilder {
  private ref = 0;
  private count = 0;

  constructor(private readonly db: Keyspace, private readonly key: Slice, private readonly expected: number) {}

  add(member: Slice): void {
    const { db, key } = this;
    if (this.ref === 0) this.ref = createSet(db, key, member, this.expected);
    this.ref = addMember(db, key, this.ref, member);
    if (memberCount(db, this.ref) !== ++this.count) throw new RdbError('a set has a member twice');
  }

  end(): void {
    if (this.ref === 0) throw new EmptyCollection();
  }
}

function* readSet(input: RdbInput, db: Keyspace, key: Slice): Steps {
  const count = input.count();
  const set = new SetBuilder(db, key, count);
  for (let left = count; left > 0; left--) {
    if (!input.isReady() || left % PIECE === 0) yield;
    set.add(input.string(first));
  }
  set.end();
}

/** The run of integers is that of packed-integers.ts. */
function* readIntset(input: RdbInput, db: Keyspace, key: Slice): Steps {
  if (!input.isReady()) yield;
  const run = input.string(second);
  const count = checkIntset(run);
  const set = new SetBuilder(db, key, count);
  for (let index = 0; index < count; index++) set.add(sliceOf(String(integerAt(run.bytes, run.offset, index))));
  set.end();
}

// ---- hashes

class HashBuilder {
  ref = 0;
  private count = 0;

  constructor(private readonly db: Keyspace, private readonly key: Slice) {}

  set(field: Slice, value: Slice): void {
    const { db, key } = this;
    if (this.ref === 0) this.ref = createHash(db, key);
    this.ref = setField(db, key, this.ref, field, value);
    if (fieldCount(db, this.ref) !== ++this.count) throw new RdbError('a hash has a field twice');
  }

  expire(field: Slice, expiresAtMs: number): void {
    this.ref = setFieldExpiry(this.db, this.key, this.ref, field, expiresAtMs);
  }

  end(): void {
    if (this.ref === 0) throw new EmptyCollection();
  }
}

function* readHash(input: RdbInput, db: Keyspace, key: Slice): Steps {
  const hash = new HashBuilder(db, key);
  for (let left = input.count(); left > 0; left--) {
    if (!input.isReady() || left % PIECE === 0) yield;
    const field = input.keptString(first);
    if (!input.isReady()) yield;
    hash.set(field, input.string(second));
  }
  hash.end();
}

function* readPackedHash(
  input: RdbInput, db: Keyspace, key: Slice, open: (run: Slice) => ElementSource,
): Steps {
  const hash = new HashBuilder(db, key);
  if (!input.isReady()) yield;
  const elements = open(input.string(first));
  const field = new Slice();
  const value = new Slice();
  while (elements.next(field)) {
    if (!elements.next(value)) throw new RdbError('a hash has a field without a value');
    hash.set(field, value);
  }
  hash.end();
  // Whatever the settings say of the bytes of a value: what was packed stays so, as in redis-server.
  if (open !== zipmapOf) showAsListpack(db, hash.ref);
}

function momentOf(value: number | bigint | undefined): number {
  if (typeof value !== 'number' || value < 0 || value > FIELD_EXPIRY_MS_MAX) throw new RdbError('a moment is out of range');
  return value;
}

/** See `writeWithExpiries` in value-writer.ts. */
function* readHashMetadata(input: RdbInput, db: Keyspace, key: Slice): Steps {
  const hash = new HashBuilder(db, key);
  if (!input.hasRaw(2 * NUMBER_BYTES_MAX)) yield;
  const firstMs = momentOf(input.int64());
  for (let left = input.count(); left > 0; left--) {
    if (!input.hasRaw(NUMBER_BYTES_MAX) || left % PIECE === 0) yield;
    const laterMs = input.count();
    if (!input.isReady()) yield;
    const field = input.keptString(first);
    if (!input.isReady()) yield;
    hash.set(field, input.string(second));
    if (laterMs > 0) hash.expire(field, momentOf(firstMs + laterMs - 1));
  }
  hash.end();
}

/** Fields, values and moments in turn; 0 for never. The first moment of all is in front. */
function* readHashListpackEx(input: RdbInput, db: Keyspace, key: Slice): Steps {
  const hash = new HashBuilder(db, key);
  if (!input.hasRaw(NUMBER_BYTES_MAX)) yield;
  momentOf(input.int64());
  if (!input.isReady()) yield;
  const elements = listpackOf(input.string(first));
  const [field, value, moment] = [new Slice(), new Slice(), new Slice()];
  while (elements.next(field)) {
    if (!elements.next(value) || !elements.next(moment)) throw new RdbError('a hash has a field without a value');
    hash.set(field, value);
    const expiresAtMs = momentOf(parseInteger(moment.bytes, moment.offset, moment.length));
    if (expiresAtMs > 0) hash.expire(field, expiresAtMs);
  }
  hash.end();
  showAsListpack(db, hash.ref);
}

// ---- sorted sets

class SortedSetBuilder {
  ref = 0;
  private count = 0;

  constructor(private readonly db: Keyspace, private readonly key: Slice) {}

  set(member: Slice, score: number): void {
    const { db, key } = this;
    if (Number.isNaN(score)) throw new RdbError('a score is not a number');
    if (this.ref === 0) this.ref = sortedSets.createSortedSet(db, key);
    else if (sortedSets.getScore(db, this.ref, member) !== undefined) throw new RdbError('a sorted set has a member twice');
    this.ref = sortedSets.addMember(db, key, this.ref, member, score);
    this.count++;
  }

  end(): void {
    if (this.count === 0) throw new EmptyCollection();
  }
}

function* readSortedSet(input: RdbInput, db: Keyspace, key: Slice, readScore: (input: RdbInput) => number): Steps {
  const sortedSet = new SortedSetBuilder(db, key);
  for (let left = input.count(); left > 0; left--) {
    if (!input.isReady() || left % PIECE === 0) yield;
    const member = input.string(first);
    sortedSet.set(member, readScore(input));
  }
  sortedSet.end();
}

const SCORE_NAN = 253;
const SCORE_INFINITE = 254;
const SCORE_MINUS_INFINITE = 255;

/** A score as text behind its length, as it was before Redis 4.0. */
function readTextScore(input: RdbInput): number {
  const length = input.byte();
  if (length === SCORE_INFINITE) return Infinity;
  if (length === SCORE_MINUS_INFINITE) return -Infinity;
  if (length === SCORE_NAN) return NaN;
  return parseScore(input.raw(second, length));
}

function* readPackedSortedSet(
  input: RdbInput, db: Keyspace, key: Slice, open: (run: Slice) => ElementSource,
): Steps {
  const sortedSet = new SortedSetBuilder(db, key);
  if (!input.isReady()) yield;
  const elements = open(input.string(first));
  const member = new Slice();
  const score = new Slice();
  while (elements.next(member)) {
    if (!elements.next(score)) throw new RdbError('a sorted set has a member without a score');
    sortedSet.set(member, parseScore(score));
  }
  sortedSet.end();
  sortedSets.showAsListpack(db, sortedSet.ref);
}

// ---- all

const forms = new Map<number, ReadForm>([
  [RdbType.string, readString],
  [RdbType.list, readList],
  [RdbType.listZiplist, readPackedList],
  [RdbType.listQuicklist, (input, db, key) => readQuicklist(input, db, key, false)],
  [RdbType.listQuicklist2, (input, db, key) => readQuicklist(input, db, key, true)],
  [RdbType.set, readSet],
  [RdbType.setIntset, readIntset],
  [RdbType.hash, readHash],
  [RdbType.hashZipmap, (input, db, key) => readPackedHash(input, db, key, zipmapOf)],
  [RdbType.hashZiplist, (input, db, key) => readPackedHash(input, db, key, ziplistOf)],
  [RdbType.hashListpack, (input, db, key) => readPackedHash(input, db, key, listpackOf)],
  [RdbType.hashMetadata, readHashMetadata],
  [RdbType.hashListpackEx, readHashListpackEx],
  [RdbType.sortedSet, (input, db, key) => readSortedSet(input, db, key, readTextScore)],
  [RdbType.sortedSet2, (input, db, key) => readSortedSet(input, db, key, (from) => from.double())],
  [RdbType.sortedSetZiplist, (input, db, key) => readPackedSortedSet(input, db, key, ziplistOf)],
  [RdbType.sortedSetListpack, (input, db, key) => readPackedSortedSet(input, db, key, listpackOf)],
  [RdbType.streamListpacks, (input, db, key) => readStream(input, db, key, false)],
  [RdbType.streamListpacks2, (input, db, key) => readStream(input, db, key, true)],
]);

/** Whether values of this form are read here. */
export function isKnownForm(form: number): boolean {
  return forms.has(form);
}

/**
 * Reads a value of this form, which is a known one, into the bucket `key` of `db`, for which `db.find` has just found
 * nothing; the bucket does not expire. Throws RdbError: then a part of the bucket may be there.
 */
export function readValue(form: number, input: RdbInput, db: Keyspace, key: Slice): Steps {
  return forms.get(form)!(input, db, key);
}

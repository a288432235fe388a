/**
 * Values that are small and in memory as a whole are read at one go. So most buckets of a file come in, at a fraction
 * of what it costs to read them piece by piece (value-reader.ts), which can read all of them. Both check the same.
 */
import type { ElementSource } from './element-source.js';
import { ListpackReader } from './listpack.js';
import { EmptyCollection, RdbError } from './rdb-error.js';
import { type RdbInput, StringHolder } from './rdb-input.js';
import { NODE_PACKED, RdbType } from './rdb-types.js';
import { readSmallStream } from './stream-reader.js';
import { checkIntset, parseScore } from './value-checks.js';
import { ZiplistReader } from './ziplist.js';
import { newHashOf, showAsListpack as showHashAsListpack } from '../store/hash-value.js';
import type { Keyspace } from '../store/keyspace.js';
import { mayBeIntegers, newSetOf, newSetOfIntegers } from '../store/set-value.js';
import { SmallList } from '../store/small-list.js';
import { SmallMap } from '../store/small-map.js';
import { SmallScores } from '../store/small-scores.js';
import { newSortedSetOf, showAsListpack as showSortedSetAsListpack } from '../store/sorted-set-value.js';
import { newString } from '../store/string-value.js';
import { Slice } from '../util/bytes.js';
import { parseInteger } from '../util/numbers.js';

/** See `readSmallValue`. */
type ReadSmall = (input: RdbInput, db: Keyspace, key: Slice, expiresAtMs: number) => number;

/** More elements are read piece by piece. */
const ELEMENTS_MAX = 128;
const EMPTY = new Slice();

const first = new StringHolder();
const second = new StringHolder();
const element = new Slice();
const value = new Slice();
const list = new SmallList();
const map = new SmallMap();
const scores = new SmallScores();
const listpack = new ListpackReader();
const listpackOf = ({ bytes, offset, length }: Slice): ElementSource => listpack.open(bytes, offset, length);
const ziplistOf = ({ bytes, offset, length }: Slice): ElementSource => new ZiplistReader(bytes, offset, length);

function readString(input: RdbInput, db: Keyspace, key: Slice, expiresAtMs: number): number {
  return newString(db.store.arena, key, input.string(first), expiresAtMs);
}

/** How many elements there are, when they are few; otherwise 0. */
function fewElements(input: RdbInput): number {
  const count = input.count();
  if (count === 0) throw new EmptyCollection();
  return count <= ELEMENTS_MAX ? count : 0;
}

// ---- lists

/** Of one node, as small lists are. */
function readQuicklist(input: RdbInput, db: Keyspace, key: Slice, expiresAtMs: number): number {
  if (input.count() !== 1 || input.count() !== NODE_PACKED) return 0;
  list.clear();
  for (const elements = listpackOf(input.string(first)); elements.next(element); ) {
    if (list.count === ELEMENTS_MAX || !list.add(element)) return 0;
  }
  return list.toEntry(db, key, expiresAtMs);
}

// ---- hashes and sets

function addField(field: Slice, its: Slice): boolean {
  if (map.has(field)) throw new RdbError('a hash has a field twice');
  return map.add(field, its);
}

function readHash(input: RdbInput, db: Keyspace, key: Slice, expiresAtMs: number): number {
  const count = fewElements(input);
  if (count === 0) return 0;
  map.clear();
  for (let left = count; left > 0; left--) {
    const field = input.string(first);
    if (!addField(field, input.string(second))) return 0;
  }
  return newHashOf(db, key, map, expiresAtMs);
}

function readPackedHash(
  input: RdbInput, db: Keyspace, key: Slice, expiresAtMs: number, open: (run: Slice) => ElementSource,
): number {
  const elements = open(input.string(first));
  map.clear();
  while (elements.next(element)) {
    if (!elements.next(value)) throw new RdbError('a hash has a field without a value');
    if (!addField(element, value)) return 0;
  }
  if (map.count === 0) throw new EmptyCollection();
  const ref = newHashOf(db, key, map, expiresAtMs);
  showHashAsListpack(db, ref);
  return ref;
}

/** A set that begins with an integer may be one of integers only, for which there are other ways. */
function readSet(input: RdbInput, db: Keyspace, key: Slice, expiresAtMs: number): number {
  const count = fewElements(input);
  if (count === 0) return 0;
  map.clear();
  for (let left = count; left > 0; left--) {
    const member = input.string(first);
    if (left === count && parseInteger(member.bytes, member.offset, member.length) !== undefined) return 0;
    if (map.has(member)) throw new RdbError('a set has a member twice');
    if (!map.add(member, EMPTY)) return 0;
  }
  return newSetOf(db, key, map, expiresAtMs);
}

function readIntset(input: RdbInput, db: Keyspace, key: Slice, expiresAtMs: number): number {
  const run = input.string(first);
  const count = checkIntset(run);
  if (count === 0) throw new EmptyCollection();
  return mayBeIntegers(db, count) ? newSetOfIntegers(db, key, run, expiresAtMs) : 0;
}

// ---- sorted sets

/** -0 is left to who reads piece by piece: it depends on the members before whether it is kept. */
function addMember(member: Slice, score: number): boolean {
  if (Number.isNaN(score)) throw new RdbError('a score is not a number');
  if (scores.has(member)) throw new RdbError('a sorted set has a member twice');
  return !Object.is(score, -0) && scores.add(member, score);
}

function readSortedSet(input: RdbInput, db: Keyspace, key: Slice, expiresAtMs: number): number {
  const count = fewElements(input);
  if (count === 0) return 0;
  scores.clear();
  for (let left = count; left > 0; left--) {
    const member = input.string(first);
    if (!addMember(member, input.double())) return 0;
  }
  return newSortedSetOf(db, key, scores, expiresAtMs);
}

function readPackedSortedSet(
  input: RdbInput, db: Keyspace, key: Slice, expiresAtMs: number, open: (run: Slice) => ElementSource,
): number {
  const elements = open(input.string(first));
  scores.clear();
  while (elements.next(element)) {
    if (!elements.next(value)) throw new RdbError('a sorted set has a member without a score');
    if (!addMember(element, parseScore(value))) return 0;
  }
  if (scores.count === 0) throw new EmptyCollection();
  const ref = newSortedSetOf(db, key, scores, expiresAtMs);
  showSortedSetAsListpack(db, ref);
  return ref;
}

// ---- all

const forms: ReadSmall[] = [];
forms[RdbType.string] = readString;
forms[RdbType.listQuicklist2] = readQuicklist;
forms[RdbType.set] = readSet;
forms[RdbType.setIntset] = readIntset;
forms[RdbType.hash] = readHash;
forms[RdbType.hashZiplist] = (input, db, key, expiresAtMs) => readPackedHash(input, db, key, expiresAtMs, ziplistOf);
forms[RdbType.hashListpack] = (input, db, key, expiresAtMs) => readPackedHash(input, db, key, expiresAtMs, listpackOf);
forms[RdbType.sortedSet2] = readSortedSet;
forms[RdbType.sortedSetZiplist] = (input, db, key, expiresAtMs) =>
  readPackedSortedSet(input, db, key, expiresAtMs, ziplistOf);
forms[RdbType.sortedSetListpack] = (input, db, key, expiresAtMs) =>
  readPackedSortedSet(input, db, key, expiresAtMs, listpackOf);
forms[RdbType.streamListpacks2] = readSmallStream;

/** Whether there are values of this form that `readSmallValue` reads. */
export function mayBeSmall(form: number): boolean {
  return forms[form] !== undefined;
}

/**
 * Reads a value of this form, for which `mayBeSmall` is true, and gives the entry, in no keyspace yet, of a bucket
 * `key` that has it and expires at `expiresAtMs`, 0 for never. `key` may lie in the input. Gives 0 when the value is
 * not small: then the input stands anywhere, and is to go back. Throws as `readValue` does; OutOfBounds also when the
 * value is not in memory as a whole.
 */
export function readSmallValue(form: number, input: RdbInput, db: Keyspace, key: Slice, expiresAtMs: number): number {
  return forms[form]!(input, db, key, expiresAtMs);
}

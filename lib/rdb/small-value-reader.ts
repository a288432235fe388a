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
import { elementBytes } from '../store/element-run.js';
import { createHashOf, showAsListpack as showHashAsListpack } from '../store/hash-value.js';
import type { Keyspace } from '../store/keyspace.js';
import { createList, pushElement } from '../store/list-value.js';
import { createSetOf, createSetOfIntegers, mayBeIntegers } from '../store/set-value.js';
import { SmallMap } from '../store/small-map.js';
import { SmallScores } from '../store/small-scores.js';
import { createSortedSetOf, showAsListpack as showSortedSetAsListpack } from '../store/sorted-set-value.js';
import { putString } from '../store/string-value.js';
import { Slice } from '../util/bytes.js';
import { parseInteger } from '../util/numbers.js';

/**
 * Reads a value into the bucket `key`, which is not there; it expires at `expiresAtMs`, 0 for never. False when the
 * value is not small or not in memory as a whole: then nothing was stored, and the input is to go back.
 */
type ReadSmall = (input: RdbInput, db: Keyspace, key: Slice, expiresAtMs: number) => boolean;

/** More elements are read piece by piece. */
const ELEMENTS_MAX = 128;
const SCORE_BYTES = 8;
const EMPTY = new Slice();

const first = new StringHolder();
const second = new StringHolder();
const element = new Slice();
const value = new Slice();
const map = new SmallMap();
const scores = new SmallScores();
const listpack = new ListpackReader();
const listpackOf = ({ bytes, offset, length }: Slice): ElementSource => listpack.open(bytes, offset, length);
const ziplistOf = ({ bytes, offset, length }: Slice): ElementSource => new ZiplistReader(bytes, offset, length);

function readString(input: RdbInput, db: Keyspace, key: Slice, expiresAtMs: number): boolean {
  if (!input.isReady()) return false;
  putString(db, key, 0, input.string(first), expiresAtMs);
  return true;
}

/** How many elements there are, when they are few and in memory as a whole; otherwise 0. */
function fewElements(input: RdbInput, stringsEach: number, bytesBehind: number): number {
  const count = input.count();
  if (count === 0) throw new EmptyCollection();
  return count <= ELEMENTS_MAX && input.hasStrings(count * stringsEach, bytesBehind) ? count : 0;
}

// ---- lists

/** Of one node, as small lists are. It is gone through twice, so that the list has the room that it needs. */
function readQuicklist(input: RdbInput, db: Keyspace, key: Slice, expiresAtMs: number): boolean {
  if (input.count() !== 1 || input.count() !== NODE_PACKED || !input.isReady()) return false;
  const node = input.string(first);
  let count = 0;
  let byteCount = 0;
  for (const elements = listpackOf(node); elements.next(element); count++) byteCount += elementBytes(element.length);
  if (count === 0 || count > ELEMENTS_MAX) return false;
  let ref = createList(db, key, byteCount, expiresAtMs);
  for (const elements = listpackOf(node); elements.next(element); ) ref = pushElement(db, key, ref, 'tail', element);
  return true;
}

// ---- hashes and sets

function addField(field: Slice, its: Slice): boolean {
  if (map.has(field)) throw new RdbError('a hash has a field twice');
  return map.add(field, its);
}

function readHash(input: RdbInput, db: Keyspace, key: Slice, expiresAtMs: number): boolean {
  const count = fewElements(input, 2, 0);
  if (count === 0) return false;
  map.clear();
  for (let left = count; left > 0; left--) {
    const field = input.string(first);
    if (!addField(field, input.string(second))) return false;
  }
  createHashOf(db, key, map, expiresAtMs);
  return true;
}

function readPackedHash(
  input: RdbInput, db: Keyspace, key: Slice, expiresAtMs: number, open: (run: Slice) => ElementSource,
): boolean {
  if (!input.isReady()) return false;
  const elements = open(input.string(first));
  map.clear();
  while (elements.next(element)) {
    if (!elements.next(value)) throw new RdbError('a hash has a field without a value');
    if (!addField(element, value)) return false;
  }
  if (map.count === 0) throw new EmptyCollection();
  showHashAsListpack(db, createHashOf(db, key, map, expiresAtMs));
  return true;
}

/** A set that begins with an integer may be one of integers only, for which there are other ways. */
function readSet(input: RdbInput, db: Keyspace, key: Slice, expiresAtMs: number): boolean {
  const count = fewElements(input, 1, 0);
  if (count === 0) return false;
  map.clear();
  for (let left = count; left > 0; left--) {
    const member = input.string(first);
    if (left === count && parseInteger(member.bytes, member.offset, member.length) !== undefined) return false;
    if (map.has(member)) throw new RdbError('a set has a member twice');
    if (!map.add(member, EMPTY)) return false;
  }
  createSetOf(db, key, map, expiresAtMs);
  return true;
}

function readIntset(input: RdbInput, db: Keyspace, key: Slice, expiresAtMs: number): boolean {
  if (!input.isReady()) return false;
  const run = input.string(first);
  const count = checkIntset(run);
  if (count === 0) throw new EmptyCollection();
  if (!mayBeIntegers(db, count)) return false;
  createSetOfIntegers(db, key, run, expiresAtMs);
  return true;
}

// ---- sorted sets

/** -0 is left to who reads piece by piece: it depends on the members before whether it is kept. */
function addMember(member: Slice, score: number): boolean {
  if (Number.isNaN(score)) throw new RdbError('a score is not a number');
  if (scores.has(member)) throw new RdbError('a sorted set has a member twice');
  return !Object.is(score, -0) && scores.add(member, score);
}

function readSortedSet(input: RdbInput, db: Keyspace, key: Slice, expiresAtMs: number): boolean {
  const count = fewElements(input, 1, SCORE_BYTES);
  if (count === 0) return false;
  scores.clear();
  for (let left = count; left > 0; left--) {
    const member = input.string(first);
    if (!addMember(member, input.double())) return false;
  }
  createSortedSetOf(db, key, scores, expiresAtMs);
  return true;
}

function readPackedSortedSet(
  input: RdbInput, db: Keyspace, key: Slice, expiresAtMs: number, open: (run: Slice) => ElementSource,
): boolean {
  if (!input.isReady()) return false;
  const elements = open(input.string(first));
  scores.clear();
  while (elements.next(element)) {
    if (!elements.next(value)) throw new RdbError('a sorted set has a member without a score');
    if (!addMember(element, parseScore(value))) return false;
  }
  if (scores.count === 0) throw new EmptyCollection();
  showSortedSetAsListpack(db, createSortedSetOf(db, key, scores, expiresAtMs));
  return true;
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
 * Reads a value of this form, for which `mayBeSmall` is true, into the bucket `key`, for which `db.find` has just found
 * nothing; it expires at `expiresAtMs`, 0 for never. `key` may lie in the input. False when the value is not small or
 * not in memory as a whole: then nothing was stored, and the input stands anywhere. Throws as `readValue` does; then
 * nothing was stored either.
 */
export function readSmallValue(form: number, input: RdbInput, db: Keyspace, key: Slice, expiresAtMs: number): boolean {
  return forms[form]!(input, db, key, expiresAtMs);
}

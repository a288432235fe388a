/**
 * Values of buckets as Redis's files have them: for DUMP, MIGRATE and snapshots. What is written for a value follows
 * from the encoding that OBJECT ENCODING shows for it, so that small values give the bytes that redis-server gives.
 *
 * A large value is written piece by piece: `writeValue` gives a generator that yields every so many elements.
 */
import { ListpackWriter } from './listpack.js';
import type { RdbOutput } from './rdb-output.js';
import { NODE_PACKED, RdbType } from './rdb-types.js';
import { writeStream } from './stream-writer.js';
import { CURSOR_END } from '../store/byte-table.js';
import { HASH, LIST, SET, SORTED_SET, STREAM, STRING, entryType, valueSlice } from '../store/entry.js';
import {
  fieldCount, forEachField, hashEncoding, nextFieldExpiry, scanAllFields, scanFields,
} from '../store/hash-value.js';
import type { Keyspace } from '../store/keyspace.js';
import { listBytes, listLength, startWalk } from '../store/list-value.js';
import { integersSlice, memberCount, scanMembers, setEncoding } from '../store/set-value.js';
import * as sortedSets from '../store/sorted-set-value.js';
import { streamOf } from '../store/stream-value.js';
import { Slice, sliceOf } from '../util/bytes.js';
import { formatDouble } from '../util/numbers.js';

/** How a type of values is written. */
interface ValueCodec {
  /** The form, one of RdbType, in which this value is written. */
  form(db: Keyspace, ref: number): number;
  write(output: RdbOutput, db: Keyspace, ref: number): Steps | undefined;
}

/** Work in pieces: goes on when it is asked for the next one. What is small is done at once, and has no steps. */
export type Steps = Generator<undefined, void, undefined>;

/** Does all of the work at one go. */
export function finish(steps: Steps | undefined): void {
  while (steps !== undefined && steps.next().done !== true);
}

/** A piece of work is so many elements. */
const PIECE = 256;
/** A collection with more elements is not written as a listpack, which is made at one go. Who reads it chooses anew. */
const LISTPACK_ELEMENTS_MAX = 4096;

const listpack = new ListpackWriter();
const finished = new Slice();
const value = new Slice();

const string: ValueCodec = {
  form: () => RdbType.string,
  write(output, db, ref) {
    output.slice(valueSlice(db.store.arena, ref, value));
    return undefined;
  },
};

// ---- lists

/** What redis-server adds to an element when it asks whether a node has room for it. */
const ELEMENT_OVERHEAD = 8;


/** Up to so many elements a list's nodes are those that redis-server makes of RPUSH. */
const EXACT_ELEMENTS_MAX = 4096;

const list: ValueCodec = {
  form: () => RdbType.listQuicklist2,
  write(output, db, ref) {
    const length = listLength(db, ref);
    if (length > EXACT_ELEMENTS_MAX) return writeLongList(output, db, ref, length);
    const walk = startWalk(db, ref, 0, true);
    const { listPageBytesMax, listPageElementsMax } = db.store.encodingLimits;
    const nodes: Buffer[] = [];
    let count = 0;
    const endNode = (): void => {
      nodes.push(listpack.finish(finished).copyOf());
      count = 0;
    };
    for (let index = 0; index < length; index++) {
      const element = walk.next();
      const byteCount = listpack.length + element.length + ELEMENT_OVERHEAD;
      if (count > 0 && (count >= listPageElementsMax || byteCount > listPageBytesMax)) endNode();
      listpack.append(element);
      count++;
    }
    endNode();
    output.count(nodes.length);
    for (const node of nodes) {
      output.count(NODE_PACKED);
      output.string(node, 0, node.length);
    }
    return undefined;
  },
};

/** The nodes of a long list have so many elements each as fill a page in the mean: their number must come first. */
function* writeLongList(output: RdbOutput, db: Keyspace, ref: number, length: number): Steps {
  const meanBytes = listBytes(db, ref) / length;
  const count = Math.max(1, Math.floor(db.store.encodingLimits.listPageBytesMax / meanBytes));
  output.count(Math.ceil(length / count));
  const walk = startWalk(db, ref, 0, true);
  for (let left = length; left > 0; left -= count) {
    for (let index = Math.min(left, count); index > 0; index--) listpack.append(walk.next());
    output.count(NODE_PACKED);
    output.slice(listpack.finish(finished));
    yield;
  }
}

// ---- sets and hashes

const set: ValueCodec = {
  form: (db, ref) => (setEncoding(db.store.arena, ref) === 'intset' ? RdbType.setIntset : RdbType.set),
  write(output, db, ref) {
    if (setEncoding(db.store.arena, ref) === 'intset') {
      output.slice(integersSlice(db, ref, value));
      return undefined;
    }
    output.count(memberCount(db, ref));
    return inPieces((cursor) => scanMembers(db, ref, cursor, (member) => output.slice(member)));
  },
};

const hash: ValueCodec = {
  form: (db, ref) => {
    if (nextFieldExpiry(db, ref) > 0) return RdbType.hashMetadata;
    const isSmall = hashEncoding(db, ref) !== 'hashtable' && fieldCount(db, ref) <= LISTPACK_ELEMENTS_MAX;
    return isSmall ? RdbType.hashListpack : RdbType.hash;
  },
  write(output, db, ref) {
    const form = hash.form(db, ref);
    if (form === RdbType.hashMetadata) return writeWithExpiries(output, db, ref);
    if (form === RdbType.hashListpack) {
      forEachField(db, ref, (field, fieldValue) => {
        listpack.append(field);
        listpack.append(fieldValue);
      });
      output.slice(listpack.finish(finished));
      return undefined;
    }
    output.count(fieldCount(db, ref));
    return inPieces((cursor) => scanFields(db, ref, cursor, (field, fieldValue) => {
      output.slice(field);
      output.slice(fieldValue);
    }));
  },
};

/**
 * The first moment at which a field expires, then the fields, in front of each when it expires: 0 for never, else by
 * how much later than that first moment, plus 1. Fields that have expired and were not removed are written too.
 */
function writeWithExpiries(output: RdbOutput, db: Keyspace, ref: number): Steps {
  const firstMs = nextFieldExpiry(db, ref);
  output.int64(firstMs);
  output.count(fieldCount(db, ref));
  return inPieces((cursor) => scanAllFields(db, ref, cursor, (field, fieldValue, expiresAtMs) => {
    output.bigCount(expiresAtMs === 0 ? 0 : expiresAtMs - firstMs + 1);
    output.slice(field);
    output.slice(fieldValue);
  }));
}

/** Runs a scan from its first to its last cursor. */
function* inPieces(scan: (cursor: number) => number): Steps {
  let steps = 0;
  for (let cursor = 0; cursor < CURSOR_END; cursor = scan(cursor)) if (++steps % PIECE === 0) yield;
}

// ---- sorted sets

const sortedSet: ValueCodec = {
  form: (db, ref) => {
    const isSmall = sortedSets.sortedSetEncoding(db.store.arena, ref) === 'listpack' &&
      sortedSets.memberCount(db, ref) <= LISTPACK_ELEMENTS_MAX;
    return isSmall ? RdbType.sortedSetListpack : RdbType.sortedSet2;
  },
  write(output, db, ref) {
    if (sortedSet.form(db, ref) === RdbType.sortedSetListpack) {
      sortedSets.forEachMember(db, ref, (member, score) => {
        listpack.append(member);
        listpack.append(sliceOf(scoreText(score)));
      });
      output.slice(listpack.finish(finished));
      return undefined;
    }
    return writeMembers(output, db, ref);
  },
};

/** Scores without a fraction stand as integers, up to half of what 64 bits hold (double2ll() in redis's util.c). */
function scoreText(score: number): string {
  if (Number.isSafeInteger(score)) return String(score);
  return Number.isInteger(score) && Math.abs(score) <= 2 ** 62 ? String(BigInt(score)) : formatDouble(score);
}

/** From the highest down, so that who reads it always adds in front. */
function* writeMembers(output: RdbOutput, db: Keyspace, ref: number): Steps {
  const count = sortedSets.memberCount(db, ref);
  output.count(count);
  for (let rank = count - 1; rank >= 0; rank -= PIECE) {
    sortedSets.walkMembers(db, ref, rank, Math.min(PIECE, rank + 1), true, (member, score) => {
      output.slice(member);
      output.double(score);
    });
    yield;
  }
}

const stream: ValueCodec = {
  form: () => RdbType.streamListpacks2,
  write: (output, db, ref) => writeStream(output, streamOf(db, ref)),
};

const codecs = new Map<number, ValueCodec>([
  [STRING, string], [LIST, list], [SET, set], [SORTED_SET, sortedSet], [HASH, hash], [STREAM, stream],
]);

function codecOf(db: Keyspace, ref: number): ValueCodec {
  const type = entryType(db.store.arena, ref);
  const codec = codecs.get(type);
  if (codec === undefined) throw new Error(`entry ${ref} is of type ${type}, which is missing in value-writer.ts`);
  return codec;
}

/** The form, one of RdbType, in which a bucket's value is written. */
export function valueForm(db: Keyspace, ref: number): number {
  return codecOf(db, ref).form(db, ref);
}

/** Writes a bucket's value in its form, without the form itself. The bucket must not change until that is done. */
export function writeValue(output: RdbOutput, db: Keyspace, ref: number): Steps | undefined {
  return codecOf(db, ref).write(output, db, ref);
}

/**
 * What the store can do with a value of any type, by the number of the type: each type's own file does it, and a new
 * type is added here.
 */
import { HASH, LIST, SET, SORTED_SET, STREAM, STRING, entryType } from './entry.js';
import { copyHash, fieldCount, hashBytes, hashEncoding, staysWhenEmpty } from './hash-value.js';
import type { Keyspace } from './keyspace.js';
import { copyList, listBytes, listLength } from './list-value.js';
import { copySet, memberCount, setBytes, setEncoding } from './set-value.js';
import { copySortedSet, memberCount as sortedSetSize, sortedSetBytes, sortedSetEncoding } from './sorted-set-value.js';
import { copyStream, streamBytes } from './stream-value.js';
import { copyString, stringEncoding } from './string-value.js';
import type { Slice } from '../util/bytes.js';

interface ValueType {
  /**
   * A copy of a bucket's value in a new entry called `key`, which is in no keyspace: the caller adds it.
   * `expiresAtMs` 0 means that it does not expire.
   */
  copy(db: Keyspace, ref: number, key: Slice, expiresAtMs: number): number;
  /** How the value is kept, in redis-server's words. */
  encoding(db: Keyspace, ref: number): string;
  /** Whether nothing is in it, so that no such bucket should be there. */
  isEmpty(db: Keyspace, ref: number): boolean;
  /** How many bytes of memory the entry and what belongs to it take. */
  bytes(db: Keyspace, ref: number): number;
}

const types = new Map<number, ValueType>([
  [STRING, {
    copy: copyString,
    encoding: (db, ref) => stringEncoding(db.store.arena, ref),
    isEmpty: () => false,
    bytes: (db, ref) => db.store.arena.sizeOf(ref),
  }],
  [LIST, {
    copy: copyList, encoding: () => 'quicklist', isEmpty: (db, ref) => listLength(db, ref) === 0, bytes: listBytes,
  }],
  [SET, {
    copy: copySet,
    encoding: (db, ref) => setEncoding(db.store.arena, ref),
    isEmpty: (db, ref) => memberCount(db, ref) === 0,
    bytes: setBytes,
  }],
  [SORTED_SET, {
    copy: copySortedSet,
    encoding: (db, ref) => sortedSetEncoding(db.store.arena, ref),
    isEmpty: (db, ref) => sortedSetSize(db, ref) === 0,
    bytes: sortedSetBytes,
  }],
  [HASH, {
    copy: copyHash, encoding: hashEncoding, bytes: hashBytes,
    isEmpty: (db, ref) => fieldCount(db, ref) === 0 && !staysWhenEmpty(db.store.arena, ref),
  }],
  [STREAM, { copy: copyStream, encoding: () => 'stream', isEmpty: () => false, bytes: streamBytes }],
]);

/** What can be done with the value of this entry. */
export function valueTypeOf(db: Keyspace, ref: number): ValueType {
  const type = entryType(db.store.arena, ref);
  const found = types.get(type);
  if (found === undefined) throw new Error(`entry ${ref} is of type ${type}, which is missing in value-types.ts`);
  return found;
}

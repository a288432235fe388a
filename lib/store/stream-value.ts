/**
 * Stream values: the bucket of a stream. Its entry holds the handle of the stream (stream.ts), whatever its size. See
 * stream.ts for what a stream is and how it is kept.
 */
import { IS_STRUCTURE, STREAM, createEntry, entryBytes, setFlag, valueOffset } from './entry.js';
import type { Keyspace } from './keyspace.js';
import { Stream } from './stream.js';
import type { Slice } from '../util/bytes.js';

const HANDLE_BYTES = 4;

/** The stream of a bucket that holds one. */
export function streamOf(db: Keyspace, ref: number): Stream {
  const structure = db.store.structure(db.handleOf(ref));
  if (!(structure instanceof Stream)) throw new Error(`entry ${ref} holds no stream`);
  return structure;
}

/** Adds a stream without entries under `key`, for which `db.find` has just found nothing. */
export function createStream(db: Keyspace, key: Slice): Stream {
  const stream = new Stream(db.store);
  addStream(db, key, stream);
  return stream;
}

/** Adds a stream under `key`, for which `db.find` has just found nothing. */
export function addStream(db: Keyspace, key: Slice, stream: Stream): void {
  db.add(key, createStreamEntry(db, key, stream, 0));
}

/** An entry that holds a stream. It is in no keyspace: the caller adds it. `expiresAtMs` 0: it does not expire. */
export function createStreamEntry(db: Keyspace, key: Slice, stream: Stream, expiresAtMs: number): number {
  const { arena } = db.store;
  const ref = createEntry(arena, STREAM, key, HANDLE_BYTES, expiresAtMs);
  setFlag(arena, ref, IS_STRUCTURE, true);
  entryBytes(arena, ref).writeInt32LE(db.store.keep(stream), valueOffset(arena, ref));
  return ref;
}

/** A copy of a stream with its groups for a bucket called `key`; see `createStreamEntry`. */
export function copyStream(db: Keyspace, ref: number, key: Slice, expiresAtMs: number): number {
  return createStreamEntry(db, key, streamOf(db, ref).copy(), expiresAtMs);
}

/** The bytes that the bucket takes in the arena, its share of the keyspace's index left out. */
export function streamBytes(db: Keyspace, ref: number): number {
  return db.store.arena.sizeOf(ref) + streamOf(db, ref).byteCount;
}

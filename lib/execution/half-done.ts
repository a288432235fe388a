/**
 * What is left of a command that ended in the middle: because the arena is full, or by a mistake of ours. Handlers
 * check everything before they change anything, but memory is asked for on the way. Whatever it has done is not undone,
 * so the log gets what its buckets hold now; memory and log stay the same.
 */
import type { Context } from '../commands/context.js';
import { CREATION_MARK } from '../commands/bucket.js';
import { payloadOf } from '../commands/dump.js';
import { KeyPositions, findKeys } from '../commands/key-positions.js';
import type { Command } from '../commands/table.js';
import type { Args } from '../protocol/args.js';
import { HASH, entryType, expiryOf } from '../store/entry.js';
import { fieldCount, staysWhenEmpty } from '../store/hash-value.js';
import { valueTypeOf } from '../store/value-types.js';
import { type Slice, sliceOf } from '../util/bytes.js';

const keys = new KeyPositions();

/** Removes what the request has created and could put nothing in. Says for each of its buckets what to record. */
export function settleHalfDone(context: Context, command: Command, args: Args): void {
  if (!findKeys(command, args, keys)) return;
  for (let i = 0; i < keys.count; i++) {
    const key = sliceOf(args.copy(keys.positions[i]!));
    removeEmpty(context, key);
    recordBucket(context, key);
  }
}

function removeEmpty({ db }: Context, key: Slice): void {
  const ref = db.peek(key);
  if (ref !== 0 && valueTypeOf(db, ref).isEmpty(db, ref)) db.remove(key, ref);
}

function recordBucket(context: Context, key: Slice): void {
  const { db, store: { arena } } = context;
  const ref = db.peek(key);
  if (ref === 0) return context.recordAs('DEL', key);
  const expiresAtMs = String(expiryOf(arena, ref));
  const isKept = entryType(arena, ref) === HASH && staysWhenEmpty(arena, ref);
  if (isKept && fieldCount(db, ref) === 0) context.recordAs('DEL', key);
  else context.recordAs('RESTORE', key, expiresAtMs, payloadOf(context, db, ref), 'REPLACE', 'ABSTTL');
  if (isKept) context.recordAs('ECHO', Buffer.concat([CREATION_MARK, key.copyOf()]));
}

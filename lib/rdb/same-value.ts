/**
 * Whether two buckets hold the same value, however each is kept: a large set or hash goes in the order of an index that
 * every node seeds for itself, and settings say how a list is cut into pages. So payloads of DUMP may differ where
 * values do not.
 */
import { RdbOutput } from './rdb-output.js';
import { writeValueCommands } from './value-commands.js';
import { HASH, SET, entryType } from '../store/entry.js';
import { fieldExpiry, forEachField, getField, liveFieldCount } from '../store/hash-value.js';
import type { Keyspace } from '../store/keyspace.js';
import { forEachMember, hasMember, memberCount } from '../store/set-value.js';
import { Slice } from '../util/bytes.js';

/** A bucket: its keyspace, and the ref of its entry. */
export interface Bucket {
  db: Keyspace;
  ref: number;
}

/** Both have one name. Their expiry is not looked at; that of a hash's fields is. */
export function haveSameValue(one: Bucket, other: Bucket): boolean {
  const type = entryType(one.db.store.arena, one.ref);
  if (entryType(other.db.store.arena, other.ref) !== type) return false;
  if (type === HASH) return haveSameFields(one, other);
  return type === SET ? haveSameMembers(one, other) : commandsOf(one).equals(commandsOf(other));
}

function haveSameFields(one: Bucket, other: Bucket): boolean {
  let isSame = liveFieldCount(one.db, one.ref) === liveFieldCount(other.db, other.ref);
  const there = new Slice();
  forEachField(one.db, one.ref, (field, value, expiresAtMs) => {
    isSame &&= getField(other.db, other.ref, field, there) && there.equals(value);
    isSame &&= fieldExpiry(other.db, other.ref, field) === expiresAtMs;
  });
  return isSame;
}

function haveSameMembers(one: Bucket, other: Bucket): boolean {
  let isSame = memberCount(one.db, one.ref) === memberCount(other.db, other.ref);
  forEachMember(one.db, one.ref, (member) => (isSame &&= hasMember(other.db, other.ref, member)));
  return isSame;
}

/** What makes the value, in the order that it has. */
function commandsOf({ db, ref }: Bucket): Buffer {
  const output = new RdbOutput(false);
  writeValueCommands(output, db, ref);
  return output.bytes.subarray(0, output.length);
}

/** What the sorted set commands that store their result have in common. */
import type { Context } from './context.js';
import type { ReplyWriter } from '../protocol/reply-writer.js';
import { type ScoredMember, buildSortedSet } from '../store/sorted-set-value.js';
import { putEntry } from '../store/string-value.js';
import type { Slice } from '../util/bytes.js';

/**
 * Puts a sorted set of these members, which are in order and all different, in the place of whatever is under `key`;
 * nothing when there are none. Replies with their number.
 */
export function storeMembers(
  context: Context, key: Slice, members: readonly ScoredMember[], event: string, reply: ReplyWriter,
): void {
  const { db } = context;
  const ref = db.find(key);
  if (members.length > 0) {
    const built = buildSortedSet(db, key, members);
    if (ref !== 0) db.dropValue(ref);
    putEntry(db, key, ref, built);
    context.changed(key, 'z', event);
  } else if (ref !== 0) {
    db.remove(key, ref);
    context.changed(key, 'g', 'del');
  }
  reply.integer(members.length);
}

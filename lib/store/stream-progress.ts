/**
 * How far a group has read a stream: the number of entries, of all that were ever added, up to its last ID, and how
 * many there are behind it. The stream counts what is added and not what is deleted, and remembers only the highest ID
 * that was deleted; so the numbers are known where nothing behind the group's last ID was deleted, or where that ID is
 * at an end of the stream, and otherwise not.
 *
 * Source: streamReplyWithCGLag() and streamEstimateDistanceFromFirstEverEntry() in redis's t_stream.c.
 */
import { type StreamGroup, UNKNOWN_READ } from './stream-group.js';
import type { StreamId } from './stream-id.js';
import type { Stream } from './stream.js';
import { addWrapping } from '../util/numbers.js';

/** Whether an entry was deleted between others, at `start` or behind it. */
function hasGapFrom(stream: Stream, start: StreamId): boolean {
  const { maxDeletedId } = stream;
  if (stream.length === 0 || maxDeletedId.isZero) return false;
  return stream.firstId.compare(maxDeletedId) <= 0 && start.compare(maxDeletedId) <= 0;
}

/** How many entries were added up to `id`, UNKNOWN_READ when that cannot be told. */
export function entriesUpTo(stream: Stream, id: StreamId): number | bigint {
  const { entriesAdded, length, lastId, firstId, maxDeletedId } = stream;
  if (entriesAdded === 0) return 0;
  const order = id.compare(lastId);
  if (length === 0 && order <= 0) return entriesAdded;
  if (order >= 0) return order === 0 ? entriesAdded : UNKNOWN_READ;
  if (!maxDeletedId.isZero && maxDeletedId.compare(firstId) >= 0) return UNKNOWN_READ;
  const orderToFirst = id.compare(firstId);
  if (orderToFirst > 0) return UNKNOWN_READ;
  return addWrapping(entriesAdded, (orderToFirst === 0 ? 1 : 0) - length);
}

/** Notes that an entry was delivered to a group, which moves on to it when it is behind what was delivered before. */
export function advance(stream: Stream, group: StreamGroup, id: StreamId): void {
  if (id.compare(group.lastId) <= 0) return;
  const isKnown = group.entriesRead !== UNKNOWN_READ && !hasGapFrom(stream, id);
  if (isKnown) group.entriesRead = addWrapping(group.entriesRead, 1);
  else if (stream.entriesAdded !== 0) group.entriesRead = entriesUpTo(stream, id);
  group.lastId.copyFrom(id);
}

/** How many entries a group has before it; undefined when that cannot be told. */
export function lagOf(stream: Stream, group: StreamGroup): number | bigint | undefined {
  const { entriesAdded } = stream;
  if (entriesAdded === 0) return 0;
  const isKnown = group.entriesRead !== UNKNOWN_READ && !hasGapFrom(stream, group.lastId);
  const read = isKnown ? group.entriesRead : entriesUpTo(stream, group.lastId);
  if (!isKnown && read === UNKNOWN_READ) return undefined;
  return addWrapping(entriesAdded, -read);
}

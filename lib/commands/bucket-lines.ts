/**
 * What subscribers of the line protocol are told of a bucket: a line for each write of an entry, whichever command made
 * it, on whichever node. While nobody has subscribed a write costs one flag test.
 */
import type { Context } from './context.js';
import type { Slice } from '../util/bytes.js';

const SET_TO = Buffer.from(' SET TO ');
const DELETED = Buffer.from(' DELETED\r\n');
const LINE_END = Buffer.from('\r\n');

/** An entry was given a value, the one that it had or another. */
export function tellEntrySet(context: Context, bucket: Slice, field: Slice, value: Slice): void {
  if (!isWatched(context)) return;
  context.node.pubsub.publishLine(bucket, Buffer.concat([field.copyOf(), SET_TO, value.copyOf(), LINE_END]));
}

/** An entry was deleted, or its time has come. */
export function tellEntryDeleted(context: Pick<Context, 'node' | 'db'>, bucket: Slice, field: Slice): void {
  if (!isWatched(context)) return;
  context.node.pubsub.publishLine(bucket, Buffer.concat([field.copyOf(), DELETED]));
}

/** The line protocol knows database 0 alone. */
function isWatched({ node, db }: Pick<Context, 'node' | 'db'>): boolean {
  return node.pubsub.areBucketsWatched && db.index === 0;
}

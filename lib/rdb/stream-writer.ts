/**
 * Streams as redis-server 7.0 serialises them: the nodes as they are kept here too, then the counters, then the groups
 * with what is pending in each, and in it with each consumer.
 *
 *     nodes | length | last ID | first ID | highest deleted ID | entries added | groups
 */
import type { RdbOutput } from './rdb-output.js';
import type { Steps } from './value-writer.js';
import type { ConsumerRecord, GroupRecord, StreamRecord } from '../store/frozen-stream.js';
import { sortedByName } from '../store/stream-group.js';
import { StreamId } from '../store/stream-id.js';

export const RAW_ID_BYTES = 16;

/** A piece of work is so many pending entries, or what a group or a consumer has. */
const PIECE = 256;

const id = new StreamId();

/** `stream` must not change until all is written. */
export function* writeStream(output: RdbOutput, stream: StreamRecord): Steps {
  output.count(stream.nodeCount);
  yield* stream.walkNodes((nodeId, bytes, offset, length) => {
    output.count(RAW_ID_BYTES);
    writeRawId(output, nodeId);
    output.string(bytes, offset, length);
  });
  output.count(stream.length);
  writeId(output, stream.lastId);
  writeId(output, stream.firstId);
  writeId(output, stream.maxDeletedId);
  output.bigCount(BigInt.asUintN(64, BigInt(stream.entriesAdded)));
  output.count(stream.groups.size);
  for (const group of sortedByName(stream.groups)) yield* writeGroup(output, group);
}

function* writeGroup(output: RdbOutput, group: GroupRecord): Steps {
  output.text(group.name);
  writeId(output, group.lastId);
  output.bigCount(BigInt.asUintN(64, BigInt(group.entriesRead)));
  const { pending } = group;
  output.count(pending.size);
  let written = 0;
  for (let isThere = pending.seekFirst(); isThere; isThere = pending.next()) {
    writeRawId(output, pending.readId(id));
    output.int64(pending.deliveredAtMs);
    output.bigCount(BigInt.asUintN(64, BigInt(pending.deliveries)));
    if (++written % PIECE === 0) yield;
  }
  output.count(group.consumers.size);
  yield;
  for (const consumer of sortedByName(group.consumers)) yield* writeConsumer(output, consumer);
}

function* writeConsumer(output: RdbOutput, { name, seenAtMs, pending }: ConsumerRecord): Steps {
  output.text(name);
  output.int64(seenAtMs);
  output.count(pending.size);
  let written = 0;
  for (let isThere = pending.seekFirst(); isThere; isThere = pending.next()) {
    writeRawId(output, pending.readId(id));
    if (++written % PIECE === 0) yield;
  }
  yield;
}

function writeId(output: RdbOutput, { ms, seq }: StreamId): void {
  output.bigCount(ms);
  output.bigCount(seq);
}

/** Highest byte first, so that the bytes are in the order of the IDs. */
function writeRawId(output: RdbOutput, { msHigh, msLow, seqHigh, seqLow }: StreamId): void {
  output.reserve(RAW_ID_BYTES);
  let at = output.length;
  for (const word of [msHigh, msLow, seqHigh, seqLow]) at = output.bytes.writeUInt32BE(word, at);
  output.length = at;
}

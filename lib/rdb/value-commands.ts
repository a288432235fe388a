/**
 * Values of buckets as the commands that make them, for the base of a log with `aof-use-rdb-preamble no`. What is
 * written is what redis-server writes there: elements in commands of at most 64, streams entry by entry, then their
 * counters, their groups, and what is pending with each consumer.
 *
 * Large values are held as for a snapshot (held-values.ts), and written piece by piece.
 *
 * Source: rewriteAppendOnlyFileRio() and what it calls in redis's aof.c; for fields that expire that of redis 7.4.
 */
import type { HeldForms, TableForm } from './held-values.js';
import type { RdbOutput } from './rdb-output.js';
import { RdbType } from './rdb-types.js';
import { type Steps, finish } from './value-writer.js';
import type { Arena } from '../store/arena.js';
import { CURSOR_END } from '../store/byte-table.js';
import {
  HASH, LIST, SET, SORTED_SET, STREAM, STRING, entryType, expiryOf, keySlice, valueSlice,
} from '../store/entry.js';
import type { FieldTable } from '../store/field-table.js';
import type { FrozenPages } from '../store/frozen-pages.js';
import type { ConsumerRecord, GroupRecord, StreamRecord } from '../store/frozen-stream.js';
import { fieldCount, nextFieldExpiry, scanAllFields } from '../store/hash-value.js';
import type { Keyspace } from '../store/keyspace.js';
import { listLength, startWalk } from '../store/list-value.js';
import { forEachMember, memberCount } from '../store/set-value.js';
import type { ScoreTable } from '../store/score-table.js';
import * as sortedSets from '../store/sorted-set-value.js';
import { sortedByName } from '../store/stream-group.js';
import { StreamId } from '../store/stream-id.js';
import { streamOf } from '../store/stream-value.js';
import { NodeWalk } from '../store/stream-walk.js';
import { Slice, sliceOf } from '../util/bytes.js';
import { formatDouble } from '../util/numbers.js';

/** AOF_REWRITE_ITEMS_PER_CMD */
const ELEMENTS_MAX = 64;
/** A piece of work is so many pending entries. */
const PIECE = 256;

const CRLF = '\r\n';
const key = new Slice();
const field = new Slice();
const value = new Slice();
const id = new StreamId();
const entries = new NodeWalk();

// ---- commands

/** Text, one byte a char. */
function writeText(output: RdbOutput, text: string): void {
  output.reserve(text.length);
  output.length += output.bytes.write(text, output.length, 'latin1');
}

function writeSlice(output: RdbOutput, { bytes, offset, length }: Slice): void {
  writeText(output, `$${length}${CRLF}`);
  output.raw(bytes, offset, length);
  writeText(output, CRLF);
}

/** A name and some arguments; there are to be `more` behind them. */
function writeArgs(output: RdbOutput, args: readonly (string | Slice)[], more = 0): void {
  writeText(output, `*${args.length + more}${CRLF}`);
  for (const arg of args) {
    if (typeof arg === 'string') writeText(output, `$${arg.length}${CRLF}${arg}${CRLF}`);
    else writeSlice(output, arg);
  }
}

/** Writes a command. Texts are of one byte a char. */
export function writeCommand(output: RdbOutput, ...args: readonly (string | Slice)[]): void {
  writeArgs(output, args);
}

/** `count` elements of a bucket, in commands of at most 64 of them. */
class Batches {
  /** Elements that are left, of all and of the command that has begun. */
  private left: number;
  private leftInCommand = 0;

  constructor(
    private readonly name: string,
    private readonly bucket: Slice,
    count: number,
    private readonly argsOfElement = 1,
  ) {
    this.left = count;
  }

  /** Call it in front of each element. */
  next(output: RdbOutput): void {
    if (this.leftInCommand === 0) {
      this.leftInCommand = Math.min(this.left, ELEMENTS_MAX);
      writeArgs(output, [this.name, this.bucket], this.leftInCommand * this.argsOfElement);
    }
    this.leftInCommand--;
    this.left--;
  }
}

// ---- fields, members

/** A field that expires has a command of its own behind it, which cannot stand in the middle of another. */
function writeField(output: RdbOutput, bucket: Slice, expiresAtMs: number): void {
  writeCommand(output, 'HMSET', bucket, field, value);
  if (expiresAtMs === 0) return;
  writeCommand(output, 'HPEXPIREAT', bucket, String(expiresAtMs), 'FIELDS', '1', field);
}

function writeScore(output: RdbOutput, score: number, member: Slice): void {
  const text = formatDouble(score);
  writeText(output, `$${text.length}${CRLF}${text}${CRLF}`);
  writeSlice(output, member);
}

// ---- streams

function* writeStream(output: RdbOutput, stream: StreamRecord, bucket: Slice): Steps {
  if (stream.length === 0) writeCommand(output, 'XADD', bucket, 'MAXLEN', '0', '0-1', 'x', 'y');
  yield* stream.walkNodes((nodeId, bytes, offset) => {
    entries.enter(nodeId, bytes, offset);
    while (entries.nextEntry()) writeEntry(output, bucket);
  });
  writeCommand(
    output, 'XSETID', bucket, stream.lastId.text(), 'ENTRIESADDED', String(stream.entriesAdded),
    'MAXDELETEDID', stream.maxDeletedId.text(),
  );
  for (const group of sortedByName(stream.groups)) yield* writeGroup(output, bucket, group);
}

function writeEntry(output: RdbOutput, bucket: Slice): void {
  writeArgs(output, ['XADD', bucket, entries.id.text()], entries.fieldCount * 2);
  for (let left = entries.fieldCount; left > 0; left--) {
    entries.readPair(field, value);
    writeSlice(output, field);
    writeSlice(output, value);
  }
}

function* writeGroup(output: RdbOutput, bucket: Slice, group: GroupRecord): Steps {
  const { name, lastId, entriesRead, consumers } = group;
  writeCommand(output, 'XGROUP', 'CREATE', bucket, name, lastId.text(), 'ENTRIESREAD', String(entriesRead));
  for (const consumer of sortedByName(consumers)) yield* writeConsumer(output, bucket, group, consumer);
}

/** What is pending and was deleted is passed over by who runs this, here as in redis-server. */
function* writeConsumer(output: RdbOutput, bucket: Slice, group: GroupRecord, consumer: ConsumerRecord): Steps {
  writeCommand(output, 'XGROUP', 'CREATECONSUMER', bucket, group.name, consumer.name);
  const { pending } = consumer;
  let written = 0;
  for (let isThere = pending.seekFirst(); isThere; isThere = pending.next()) {
    if (!group.pending.seek(pending.readId(id))) throw new Error(`${id.text()} is pending with a consumer and not in its group`);
    const { deliveredAtMs, deliveries } = group.pending;
    writeCommand(
      output, 'XCLAIM', bucket, group.name, consumer.name, '0', id.text(), 'TIME', String(deliveredAtMs),
      'RETRYCOUNT', String(deliveries), 'JUSTID', 'FORCE',
    );
    if (++written % PIECE === 0) yield;
  }
  yield;
}

// ---- values that are small enough to be written at once

type WriteValue = (output: RdbOutput, db: Keyspace, ref: number) => void;

const writers = new Map<number, WriteValue>([
  [STRING, (output, db, ref) => {
    writeCommand(output, 'SET', keySlice(db.store.arena, ref, key), valueSlice(db.store.arena, ref, value));
  }],
  [LIST, (output, db, ref) => {
    const length = listLength(db, ref);
    const batches = new Batches('RPUSH', keySlice(db.store.arena, ref, key), length);
    const walk = startWalk(db, ref, 0, true);
    for (let left = length; left > 0; left--) {
      batches.next(output);
      writeSlice(output, walk.next());
    }
  }],
  [SET, (output, db, ref) => {
    const batches = new Batches('SADD', keySlice(db.store.arena, ref, key), memberCount(db, ref));
    forEachMember(db, ref, (member) => {
      batches.next(output);
      writeSlice(output, member);
    });
  }],
  [SORTED_SET, (output, db, ref) => {
    const count = sortedSets.memberCount(db, ref);
    const batches = new Batches('ZADD', keySlice(db.store.arena, ref, key), count, 2);
    sortedSets.forEachMember(db, ref, (member, score) => {
      batches.next(output);
      writeScore(output, score, member);
    });
  }],
  [HASH, (output, db, ref) => {
    const bucket = keySlice(db.store.arena, ref, key);
    const batches = nextFieldExpiry(db, ref) > 0 ? undefined : new Batches('HMSET', bucket, fieldCount(db, ref), 2);
    const visit = (eachField: Slice, eachValue: Slice, expiresAtMs: number): void => {
      field.set(eachField.bytes, eachField.offset, eachField.length);
      value.set(eachValue.bytes, eachValue.offset, eachValue.length);
      if (batches === undefined) return writeField(output, bucket, expiresAtMs);
      batches.next(output);
      writeSlice(output, field);
      writeSlice(output, value);
    };
    for (let cursor = 0; cursor < CURSOR_END; ) cursor = scanAllFields(db, ref, cursor, visit);
  }],
  [STREAM, (output, db, ref) => {
    finish(writeStream(output, streamOf(db, ref), keySlice(db.store.arena, ref, key)));
  }],
]);

/** Writes the commands that make a bucket's value. An empty hash has none. */
export function writeValueCommands(output: RdbOutput, db: Keyspace, ref: number): void {
  const type = entryType(db.store.arena, ref);
  const write = writers.get(type);
  if (write === undefined) throw new Error(`entry ${ref} is of type ${type}, which is missing in value-commands.ts`);
  write(output, db, ref);
}

// ---- large values

/** For holdValue(): how large values become commands. */
export function commandForms(arena: Arena): HeldForms {
  // The bucket may be gone when its value is written.
  const nameOf = (bucket: number): Slice => sliceOf(keySlice(arena, bucket, key).copyOf());
  return {
    fields: (table, form, bucket) => fieldsForm(table, form, nameOf(bucket)),
    members: (table, bucket) => membersForm(table, nameOf(bucket)),
    pages(pages, length, bucket) {
      const name = nameOf(bucket);
      return (output) => writePages(output, pages, length, name);
    },
    stream(stream, bucket) {
      const name = nameOf(bucket);
      return (output) => writeStream(output, stream, name);
    },
  };
}

const nothing = (): void => undefined;

function fieldsForm({ fields, arena }: FieldTable, form: number, bucket: Slice): TableForm {
  if (form === RdbType.hashMetadata) {
    return {
      begin: nothing,
      entry(output, ref) {
        keySlice(arena, ref, field);
        valueSlice(arena, ref, value);
        writeField(output, bucket, expiryOf(arena, ref));
      },
    };
  }
  const isSet = form === RdbType.set;
  const batches = isSet ? new Batches('SADD', bucket, fields.size) : new Batches('HMSET', bucket, fields.size, 2);
  return {
    begin: nothing,
    entry(output, ref) {
      batches.next(output);
      writeSlice(output, keySlice(arena, ref, field));
      if (!isSet) writeSlice(output, valueSlice(arena, ref, value));
    },
  };
}

function membersForm(table: ScoreTable, bucket: Slice): TableForm {
  const batches = new Batches('ZADD', bucket, table.members.size, 2);
  return {
    begin: nothing,
    entry(output, ref) {
      batches.next(output);
      writeScore(output, table.scoreOf(ref), keySlice(table.arena, ref, field));
    },
  };
}

function* writePages(output: RdbOutput, pages: FrozenPages, length: number, bucket: Slice): Steps {
  const batches = new Batches('RPUSH', bucket, length);
  const visit = (element: Slice): void => {
    batches.next(output);
    writeSlice(output, element);
  };
  while (pages.readPage(visit)) yield;
}

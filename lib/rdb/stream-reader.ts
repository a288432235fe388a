/**
 * Streams from their serialised form: that of redis-server 7.0, and that of 5.0 and 6.x, which had no counters of what
 * was added and deleted. Nodes are taken over as they are, so every element in them is checked first: the counts, that
 * IDs only grow, and that an entry can be walked over from both ends.
 */
import { ListpackReader } from './listpack.js';
import { RdbError } from './rdb-error.js';
import { type RdbInput, StringHolder } from './rdb-input.js';
import { RAW_ID_BYTES } from './stream-writer.js';
import type { Steps } from './value-writer.js';
import type { Keyspace } from '../store/keyspace.js';
import type { StreamGroup } from '../store/stream-group.js';
import { StreamId } from '../store/stream-id.js';
import { DELETED, SAME_FIELDS } from '../store/stream-node.js';
import { entriesUpTo } from '../store/stream-progress.js';
import { createStream, createStreamEntry } from '../store/stream-value.js';
import { Stream } from '../store/stream.js';
import { Slice } from '../util/bytes.js';
import { parseInteger } from '../util/numbers.js';

/** A piece of work is so many pending entries. */
const PIECE = 256;
const INT64_BITS = 64;
const WORD = 2 ** 32;

const holder = new StringHolder();
/** Of the node that is being checked: there is one for all, because what it spells integers out in is dear to make. */
const elements = new ListpackReader();
const id = new StreamId();

const damaged = (what: string): RdbError => new RdbError(`a stream ${what}`);

/** Reads a stream; `hasCounters` is true of the form of redis-server 7.0. */
export function* readStream(input: RdbInput, db: Keyspace, key: Slice, hasCounters: boolean): Steps {
  const stream = createStream(db, key);
  let live = 0;
  let isFirst = true;
  const last = new StreamId();
  for (let left = input.count(); left > 0; left--) {
    if (!input.isReady()) yield;
    const nodeId = readNodeId(input.string(holder), new StreamId());
    if (!input.isReady()) yield;
    const { bytes, offset, length } = input.string(holder);
    const node = new NodeCheck(elements.open(bytes, offset, length), nodeId, last, isFirst);
    live += node.run();
    isFirst = false;
    stream.addNode(nodeId, bytes, offset, length);
    yield;
  }
  readCounters(input, stream, hasCounters, live, last);
  for (let left = input.count(); left > 0; left--) yield* readGroup(input, stream, hasCounters);
}

const onlyNodeId = new StreamId();
const lastOfNode = new StreamId();

/**
 * Reads a stream of redis-server 7.0 with one node and no groups at one go; see `ReadSmall` in small-value-reader.ts.
 * As a rule streams are larger, but where there are many of them they are small.
 */
export function readSmallStream(input: RdbInput, db: Keyspace, key: Slice, expiresAtMs: number): number {
  if (input.count() !== 1) return 0;
  const nodeId = readNodeId(input.string(holder), onlyNodeId);
  const { bytes, offset, length } = input.string(holder);
  const last = lastOfNode.set(0, 0, 0, 0);
  const live = new NodeCheck(elements.open(bytes, offset, length), nodeId, last, true).run();
  const stream = new Stream(db.store);
  readCounters(input, stream, true, live, last);
  if (input.count() > 0) return 0;
  stream.addNode(nodeId, bytes, offset, length);
  return createStreamEntry(db, key, stream, expiresAtMs);
}

/** Reads what stands behind the nodes, in which so many entries are live and `last` is the last one. */
function readCounters(input: RdbInput, stream: Stream, hasCounters: boolean, live: number, last: StreamId): void {
  stream.length = input.count();
  if (stream.length !== live) throw damaged('counts wrong');
  readId(input, stream.lastId);
  if (last.compare(stream.lastId) > 0) throw damaged('has an entry behind its last ID');
  if (hasCounters) {
    readId(input, stream.firstId);
    readId(input, stream.maxDeletedId);
    stream.entriesAdded = signed(input.bigCount());
  } else {
    stream.settleFirstId();
    stream.entriesAdded = stream.length;
  }
}

function readId(input: RdbInput, into: StreamId): void {
  const ms = input.bigCount();
  setId(into, ms, input.bigCount());
}

function setId(into: StreamId, ms: number | bigint, seq: number | bigint): StreamId {
  return into.set(highWord(ms), lowWord(ms), highWord(seq), lowWord(seq));
}

/** The words of a number of 64 bits, unsigned. */
function highWord(value: number | bigint): number {
  return typeof value === 'number' ? Math.floor(value / WORD) : Number(value >> 32n);
}

function lowWord(value: number | bigint): number {
  return typeof value === 'number' ? value >>> 0 : Number(value & 0xffffffffn);
}

/** The sum of an unsigned number of 64 bits and a signed one, unsigned: outside it wraps around. */
function addUnsigned(a: number | bigint, b: number | bigint): number | bigint {
  if (typeof a === 'number' && typeof b === 'number') {
    const sum = a + b;
    if (sum >= 0 && sum <= Number.MAX_SAFE_INTEGER) return sum;
  }
  return BigInt.asUintN(INT64_BITS, BigInt(a) + BigInt(b));
}

function readNodeId({ bytes, offset, length }: Slice, into: StreamId): StreamId {
  if (length !== RAW_ID_BYTES) throw damaged('has a node whose name is no ID');
  return rawId(bytes, offset, into);
}

function rawId(bytes: Buffer, at: number, into: StreamId): StreamId {
  return into.set(
    bytes.readUInt32BE(at), bytes.readUInt32BE(at + 4), bytes.readUInt32BE(at + 8), bytes.readUInt32BE(at + 12),
  );
}

/** Goes over one node; see stream-node.ts for its form. */
class NodeCheck {
  private readonly element = new Slice();
  private readonly entryId = new StreamId();

  constructor(
    private readonly elements: ListpackReader,
    private readonly nodeId: StreamId,
    /** The ID of the last entry before, and then of each entry. */
    private readonly last: StreamId,
    private isFirst: boolean,
  ) {}

  /** The number of live entries. */
  run(): number {
    if (!this.isFirst && this.nodeId.compare(this.last) <= 0) throw damaged('is not in order');
    const live = this.number();
    const deleted = this.number();
    const fields = this.number();
    this.skip(fields);
    if (this.number() !== 0 || live < 0 || deleted < 0) throw damaged('has a node with a wrong master');
    let seenLive = 0;
    let seen = 0;
    for (; this.elements.next(this.element); seen++) if (this.readEntry(fields)) seenLive++;
    if (seenLive !== live || seen !== live + deleted || seen === 0) throw damaged('has a node that counts wrong');
    return live;
  }

  /** Reads an entry whose flags have been read; true when it is live. */
  private readEntry(masterFields: number): boolean {
    const flags = this.asInteger();
    if (flags !== (Number(flags) & (DELETED | SAME_FIELDS))) throw damaged('has an entry with unknown flags');
    const { nodeId } = this;
    const ms = addUnsigned(nodeId.ms, this.integer());
    const seq = addUnsigned(nodeId.seq, this.integer());
    this.noteId(setId(this.entryId, ms, seq));
    let elements = 3;
    if ((flags & SAME_FIELDS) !== 0) elements += this.skip(masterFields);
    else elements += 1 + this.skip(this.number() * 2);
    if (this.number() !== elements) throw damaged('has an entry that counts wrong');
    return (flags & DELETED) === 0;
  }

  private noteId(entryId: StreamId): void {
    if (entryId.compare(this.nodeId) < 0) throw damaged('has an entry in front of its node');
    if (!this.isFirst && entryId.compare(this.last) <= 0) throw damaged('is not in order');
    this.isFirst = false;
    this.last.copyFrom(entryId);
  }

  private skip(count: number): number {
    for (let left = count; left > 0; left--) this.next();
    return count;
  }

  private next(): void {
    if (!this.elements.next(this.element)) throw damaged('has a node that ends too early');
  }

  private asInteger(): number | bigint {
    const { bytes, offset, length } = this.element;
    const value = parseInteger(bytes, offset, length);
    if (value === undefined) throw damaged('has text where a number should be');
    return value;
  }

  private integer(): number | bigint {
    this.next();
    return this.asInteger();
  }

  /** A count. */
  private number(): number {
    const value = this.integer();
    if (typeof value === 'bigint' || value < 0) throw damaged('has a wrong count');
    return value;
  }
}

// ---- groups

function* readGroup(input: RdbInput, stream: Stream, hasCounters: boolean): Steps {
  if (!input.isReady()) yield;
  const name = input.string(holder).text();
  if (stream.groups.has(name)) throw damaged('has a group twice');
  const group = stream.addGroup(name, id.set(0, 0, 0, 0), 0);
  readId(input, group.lastId);
  // Servers before 7.0 did not count: it is told from where the group stands, as redis-server does.
  group.entriesRead = hasCounters ? signed(input.bigCount()) : entriesUpTo(stream, group.lastId);
  const pending = new Map<string, Pending>();
  for (let left = input.count(); left > 0; left--) {
    if (!input.hasRaw(PENDING_BYTES_MAX)) yield;
    readPending(input, pending);
    if (left % PIECE === 0) yield;
  }
  for (let left = input.count(); left > 0; left--) yield* readConsumer(input, group, pending);
  if (pending.size > 0) throw damaged('has a pending entry without a consumer');
}

/** A raw ID, a moment, and how often it was delivered. */
const PENDING_BYTES_MAX = RAW_ID_BYTES + 8 + 9;

interface Pending {
  deliveredAtMs: number;
  deliveries: number | bigint;
}

function signed(value: number | bigint): number | bigint {
  if (typeof value === 'number') return value;
  const number = BigInt.asIntN(64, value);
  return number >= BigInt(Number.MIN_SAFE_INTEGER) && number < 0n ? Number(number) : number;
}

function readPending(input: RdbInput, pending: Map<string, Pending>): void {
  const raw = input.raw(holder, RAW_ID_BYTES).text();
  if (pending.has(raw)) throw damaged('has a pending entry twice');
  const deliveredAtMs = Number(input.int64());
  pending.set(raw, { deliveredAtMs, deliveries: signed(input.bigCount()) });
}

function* readConsumer(input: RdbInput, group: StreamGroup, pending: Map<string, Pending>): Steps {
  if (!input.isReady()) yield;
  const name = input.string(holder).text();
  if (group.consumers.has(name)) throw damaged('has a consumer twice');
  const consumer = group.addConsumer(name, Number(input.int64()));
  for (let left = input.count(); left > 0; left--) {
    if (!input.hasRaw(PENDING_BYTES_MAX)) yield;
    const raw = input.raw(holder, RAW_ID_BYTES);
    const text = raw.text();
    const found = pending.get(text);
    if (found === undefined) throw damaged('has a consumer with an entry that is not pending');
    pending.delete(text);
    group.deliver(rawId(raw.bytes, raw.offset, id), consumer, found.deliveredAtMs, found.deliveries);
    if (left % PIECE === 0) yield;
  }
}

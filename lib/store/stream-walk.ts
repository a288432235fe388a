/**
 * A walk over the entries of one node of a stream, and a walk over those of a whole stream, one at a time, forwards or
 * backwards, between two IDs. Deleted entries are passed over. The latter uses the cursor of the index over the nodes,
 * so there is one walk over a stream at a time, and the stream must not change meanwhile.
 */
import type { Arena } from './arena.js';
import { Integer64, listpackEnd, nextElement, readElement, readInteger, readInteger64 } from './listpack.js';
import { StreamId } from './stream-id.js';
import type { StreamIndex } from './stream-index.js';
import { DELETED, SAME_FIELDS, entryBefore, firstEntry, masterFieldsAt, nodeBytes, nodeStart, skipElements } from './stream-node.js';
import type { Slice } from '../util/bytes.js';

const NO_BYTES = Buffer.alloc(0);
const WORD = 2 ** 32;

const difference = new Integer64();
/** Where integers are spelt out: a pair is read before the next. */
const fieldRoom = Buffer.alloc(20);
const valueRoom = Buffer.alloc(20);
const nodeId = new StreamId();

/** The entries of one node at a time. Deleted ones are passed over by `nextEntry`. */
export class NodeWalk {
  /** The ID of the entry that the walk came to, and how many fields it has. */
  readonly id = new StreamId();
  fieldCount = 0;
  /** Where in its node the entry begins, with its flags. */
  entryAt = 0;

  private readonly master = new StreamId();
  /** The node: its bytes, and where its last entry ends. */
  protected bytes: Buffer = NO_BYTES;
  protected endAt = 0;
  /** Where the master's fields begin, and how many they are. */
  private masterAt = 0;
  private masterFields = 0;
  /** Forwards: where the next element to read is, and how many of the entry are left. Backwards: the entry. */
  private at = 0;
  private left = 0;
  private fieldAt = 0;
  private isSame = false;

  /** Goes in front of the first entry of a node: its ID, and its listpack at `start`. */
  enter(id: StreamId, bytes: Buffer, start: number): void {
    this.master.copyFrom(id);
    this.bytes = bytes;
    const fieldsAt = masterFieldsAt(bytes, start);
    this.masterFields = readInteger(bytes, fieldsAt);
    this.masterAt = nextElement(bytes, fieldsAt);
    this.endAt = listpackEnd(bytes, start);
    this.left = 0;
    this.at = firstEntry(bytes, start);
  }

  /** Moves to the next entry of the node that is not deleted; false when there is none. */
  nextEntry(): boolean {
    while (this.stepOn()) if (!this.isDeleted) return true;
    return false;
  }

  protected get isDeleted(): boolean {
    return (this.bytes[this.entryAt]! & DELETED) !== 0;
  }

  /** Points `field` and `value` to the entry's next pair; there are `fieldCount` of them. */
  readPair(field: Slice, value: Slice): void {
    if (this.isSame) this.fieldAt = readElement(this.bytes, this.fieldAt, field, fieldRoom);
    else {
      this.at = readElement(this.bytes, this.at, field, fieldRoom);
      this.left--;
    }
    this.at = readElement(this.bytes, this.at, value, valueRoom);
    this.left--;
  }

  protected stepOn(): boolean {
    const at = skipElements(this.bytes, this.at, this.left);
    this.left = 0;
    this.at = at;
    if (at >= this.endAt) return false;
    this.readEntry(at);
    return true;
  }

  /** Reads an entry up to its first field or value. */
  protected readEntry(entryAt: number): void {
    const { bytes, id, master } = this;
    this.entryAt = entryAt;
    const flags = bytes[entryAt]!;
    let at = nextElement(bytes, entryAt);
    readInteger64(bytes, at, difference);
    const msLow = master.msLow + (difference.low >>> 0);
    const msHigh = master.msHigh + difference.high + (msLow >= WORD ? 1 : 0);
    at = nextElement(bytes, at);
    readInteger64(bytes, at, difference);
    const seqLow = master.seqLow + (difference.low >>> 0);
    const seqHigh = master.seqHigh + difference.high + (seqLow >= WORD ? 1 : 0);
    id.set(msHigh >>> 0, msLow >>> 0, seqHigh >>> 0, seqLow >>> 0);
    at = nextElement(bytes, at);
    this.isSame = (flags & SAME_FIELDS) !== 0;
    if (this.isSame) {
      this.fieldCount = this.masterFields;
      this.left = this.masterFields + 1;
      this.fieldAt = this.masterAt;
    } else {
      this.fieldCount = readInteger(bytes, at);
      this.left = this.fieldCount * 2 + 1;
      at = nextElement(bytes, at);
    }
    this.at = at;
  }
}

export class StreamWalk extends NodeWalk {
  private readonly start: StreamId;
  private readonly end: StreamId;
  private isOver: boolean;

  /** From `start` to `end`, both included; backwards, from `end` to `start`. */
  constructor(
    private readonly arena: Arena,
    private readonly nodes: StreamIndex,
    start: StreamId,
    end: StreamId,
    private readonly isReverse: boolean,
  ) {
    super();
    this.start = new StreamId().copyFrom(start);
    this.end = new StreamId().copyFrom(end);
    this.isOver = !(isReverse ? nodes.seekUpTo(end) : nodes.seekUpTo(start) || nodes.seekFirst());
    if (!this.isOver) this.enterNode();
  }

  /** Moves to the next entry; false when there is none. */
  next(): boolean {
    while (!this.isOver) {
      const isThere = this.isReverse ? this.stepBack() : this.stepOn();
      if (!isThere) {
        if (this.isReverse ? this.nodes.previous() : this.nodes.next()) this.enterNode();
        else this.isOver = true;
      } else if (this.accepts()) return true;
    }
    return false;
  }

  /** Sets `into` to the ID of the entry at `entryAt` in the node that the walk is in, deleted or not. */
  readIdAt(entryAt: number, into: StreamId): void {
    this.readEntry(entryAt);
    into.copyFrom(this.id);
  }

  private enterNode(): void {
    const ref = this.nodes.word(0);
    this.enter(this.nodes.readId(nodeId), nodeBytes(this.arena, ref), nodeStart(ref));
    if (this.isReverse) this.entryAt = this.endAt;
  }

  private stepBack(): boolean {
    const at = entryBefore(this.bytes, this.entryAt);
    if (at < 0) return false;
    this.readEntry(at);
    return true;
  }

  /** Whether the entry just read is to be visited; sees when the walk is over. */
  private accepts(): boolean {
    if (this.isDeleted) return false;
    if (this.isReverse) {
      if (this.id.compare(this.end) > 0) return false;
      this.isOver = this.id.compare(this.start) < 0;
    } else {
      if (this.id.compare(this.start) < 0) return false;
      this.isOver = this.id.compare(this.end) > 0;
    }
    return !this.isOver;
  }
}

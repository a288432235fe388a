/**
 * A stream as it was at one moment: what a snapshot writes while the stream goes on changing.
 *
 * Its indexes begin with the leaves of the stream's own, and take a copy of each that is about to change
 * (stream-index.ts). So it is with nodes: one that is about to change is copied first, one that leaves the stream is
 * taken over. What the stream's objects say of themselves is copied at once, for each group and each consumer.
 */
import type { Arena } from './arena.js';
import type { ValueGuard } from './snapshot-guard.js';
import { PendingEntries } from './stream-group.js';
import { StreamId } from './stream-id.js';
import { StreamIndex } from './stream-index.js';
import { type VisitNode, createNodeFrom, nodeBytes, nodeLength, nodeStart } from './stream-node.js';

/** Nodes that are visited, and freed, at a time. */
const VISITED_AT_ONCE = 4;
const FREED_AT_ONCE = 1000;

/** What is written of a consumer, of a group, and of a stream besides its nodes. */
export interface ConsumerRecord {
  readonly name: string;
  readonly seenAtMs: number;
  readonly pending: StreamIndex;
}

export interface GroupRecord {
  readonly name: string;
  readonly lastId: StreamId;
  readonly entriesRead: number | bigint;
  readonly pending: PendingEntries;
  readonly consumers: ReadonlyMap<string, ConsumerRecord>;
}

export interface StreamRecord {
  readonly nodeCount: number;
  readonly length: number;
  readonly lastId: StreamId;
  readonly firstId: StreamId;
  readonly maxDeletedId: StreamId;
  readonly entriesAdded: number | bigint;
  readonly groups: ReadonlyMap<string, GroupRecord>;
  /** Calls `visit` for each node, some each time that the generator is asked. */
  walkNodes(visit: VisitNode): Generator<undefined, void, undefined>;
}

export class FrozenStream implements StreamRecord, ValueGuard {
  readonly length: number;
  readonly lastId: StreamId;
  readonly firstId: StreamId;
  readonly maxDeletedId: StreamId;
  readonly entriesAdded: number | bigint;
  readonly groups = new Map<string, GroupRecord>();

  private readonly nodes: StreamIndex;
  /** By the block that a node had: that which it has here, when this is not, or not any more, the stream's. */
  private readonly ownNodes = new Map<number, number>();
  /** The stream's indexes, each with the one that has its leaves here. */
  private readonly indexes: [StreamIndex, StreamIndex][] = [];
  private dispose: (() => void) | undefined;

  /** `nodes` is the stream's index; `onRelease` is called when what is frozen is not needed any more. */
  constructor(
    private readonly arena: Arena,
    stream: StreamRecord,
    nodes: StreamIndex,
    private readonly onRelease: () => void,
  ) {
    this.length = stream.length;
    this.lastId = new StreamId().copyFrom(stream.lastId);
    this.firstId = new StreamId().copyFrom(stream.firstId);
    this.maxDeletedId = new StreamId().copyFrom(stream.maxDeletedId);
    this.entriesAdded = stream.entriesAdded;
    this.nodes = this.freeze(nodes, new StreamIndex(arena, 1));
    for (const group of stream.groups.values()) this.groups.set(group.name, this.freezeGroup(group));
  }

  private freezeGroup({ name, lastId, entriesRead, pending, consumers }: GroupRecord): GroupRecord {
    const frozen = new Map<string, ConsumerRecord>();
    for (const { name: consumer, seenAtMs, pending: theirs } of consumers.values()) {
      const record = { name: consumer, seenAtMs, pending: this.freeze(theirs, new StreamIndex(this.arena, 0)) };
      frozen.set(consumer, record);
    }
    return {
      name, entriesRead, lastId: new StreamId().copyFrom(lastId), consumers: frozen,
      pending: this.freeze(pending, new PendingEntries(this.arena)),
    };
  }

  private freeze<T extends StreamIndex>(index: StreamIndex, frozen: T): T {
    this.indexes.push([index, frozen]);
    return index.freeze(frozen);
  }

  // ---- the stream

  /** The node `ref` of the stream, with this ID, is about to change. */
  copyNode(id: StreamId, ref: number): void {
    if (!this.needs(id, ref)) return;
    const { arena } = this;
    this.ownNodes.set(ref, createNodeFrom(arena, nodeBytes(arena, ref), nodeStart(ref), nodeLength(arena, ref)));
  }

  /** The node `ref` of the stream, with this ID, is about to be freed; true when that is left to what is frozen. */
  takeNode(id: StreamId, ref: number): boolean {
    if (!this.needs(id, ref)) return false;
    this.ownNodes.set(ref, ref);
    return true;
  }

  private needs(id: StreamId, ref: number): boolean {
    return !this.ownNodes.has(ref) && this.nodes.wordOf(id) === ref;
  }

  keep(dispose: () => void): void {
    this.dispose = dispose;
  }

  // ---- the snapshot

  get nodeCount(): number {
    return this.nodes.size;
  }

  *walkNodes(visit: VisitNode): Generator<undefined, void, undefined> {
    const { nodes, arena } = this;
    const id = new StreamId();
    let visited = 0;
    for (let isThere = nodes.seekFirst(); isThere; isThere = nodes.next()) {
      const ref = nodes.word(0);
      const own = this.ownNodes.get(ref) ?? ref;
      visit(nodes.readId(id), nodeBytes(arena, own), nodeStart(own), nodeLength(arena, own));
      if (++visited % VISITED_AT_ONCE === 0) yield;
    }
  }

  /** The stream is free of it, piece by piece, and frees itself when no bucket has it. */
  *release(): Generator<undefined, void, undefined> {
    this.onRelease();
    let freed = 0;
    for (const ref of this.ownNodes.values()) {
      this.arena.free(ref);
      if (++freed % FREED_AT_ONCE === 0) yield;
    }
    for (const [index, frozen] of this.indexes) while (index.thaw(frozen)) yield;
    this.dispose?.();
  }
}

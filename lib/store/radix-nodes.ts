/**
 * How many nodes a radix tree over the IDs of a stream's nodes would have. redis-server keeps them in one and shows its
 * size (XINFO STREAM, `radix-tree-nodes`); here it is worked out when somebody asks.
 *
 * In such a tree a key's bytes lead from the root to its leaf. Where keys part there is a node that has one byte of
 * each; the bytes that are not at a parting, in a row, are one node; and each key's end is one. So the number follows
 * from how many bytes neighbouring keys share, in order: the keys are run through with a stack of the partings above
 * the key at hand.
 *
 * Source: rax.c of redis.
 */
import { StreamId } from './stream-id.js';

const ID_BYTES = 16;

export class RadixNodes {
  private nodes = 0;
  private isEmpty = true;
  private readonly last = new StreamId();
  /** How many bytes lead to each parting above the last key, outermost first. */
  private readonly partings: number[] = [];

  /** Adds a key; they come in order. */
  add(id: StreamId): void {
    if (!this.isEmpty) this.part(sharedBytes(this.last, id));
    this.isEmpty = false;
    this.last.copyFrom(id);
  }

  /** How many nodes there are; call it once, at the end. */
  count(): number {
    if (this.isEmpty) return 1;
    this.part(-1);
    return this.nodes;
  }

  /** The last key and the next share `shared` bytes: counts what is complete now. */
  private part(shared: number): void {
    const { partings } = this;
    // The last key's leaf, and then the partings that the next key is not below.
    let depth = ID_BYTES;
    while (partings.length > 0 && partings[partings.length - 1]! > shared) {
      const above = partings.pop()!;
      this.nodes += 1 + (depth > above + 1 ? 1 : 0);
      depth = above;
    }
    if (shared >= 0 && partings[partings.length - 1] !== shared) partings.push(shared);
    const above = partings.length === 0 ? -1 : partings[partings.length - 1]!;
    this.nodes += 1 + (depth > above + 1 ? 1 : 0);
  }
}

/** How many bytes two IDs share from the front, as 128 bits with the highest byte first. */
function sharedBytes(a: StreamId, b: StreamId): number {
  if (a.msHigh !== b.msHigh) return sharedInWord(a.msHigh, b.msHigh);
  if (a.msLow !== b.msLow) return 4 + sharedInWord(a.msLow, b.msLow);
  if (a.seqHigh !== b.seqHigh) return 8 + sharedInWord(a.seqHigh, b.seqHigh);
  return 12 + sharedInWord(a.seqLow, b.seqLow);
}

function sharedInWord(a: number, b: number): number {
  return Math.clz32(a ^ b) >>> 3;
}

/**
 * The cursor of SCAN over several shards: one integer that holds the place in one shard and which shard that is. Shards
 * are walked one after the other in the order of their nodes' names, which every node with the same map knows; so a
 * walk may go on at another node than the one where it began.
 */
import { NODES_MAX } from './shard-map.js';

export interface Place {
  /** The number of the shard's owner; see ShardMap.owners. */
  owner: number;
  /** The cursor that is valid there. */
  cursor: bigint;
}

const FACTOR = BigInt(NODES_MAX);

/** The place that a cursor stands for. */
export function readPlace(cursor: bigint): Place {
  return { owner: Number(cursor % FACTOR), cursor: cursor / FACTOR };
}

/** What comes after a page that `owner` answered with `cursor`: 0 when every shard has been walked. */
export function nextCursor(owner: number, cursor: bigint, owners: number): bigint {
  if (cursor !== 0n) return cursor * FACTOR + BigInt(owner);
  return owner + 1 < owners ? BigInt(owner + 1) : 0n;
}

/** What commands may ask of the cluster that the node is part of; see cluster/cluster.ts. */
import type { Slice } from '../util/bytes.js';

export interface PeerState {
  name: string;
  address: string;
  /** `connecting`, `up` or `down`. */
  state: string;
  /** Why it is not up. */
  reason: string;
  /** Since when it is up or down, in milliseconds since the epoch. */
  sinceMs: number;
  /** Connections to it that are up. */
  links: number;
  /** Requests that it has not answered. */
  inFlight: number;
  requests: number;
  /** Requests that were lost with their connection. */
  errors: number;
  roundTripMs: { p50: number; p99: number };
  /** The fingerprint of its shard map; empty for a plain Redis server. */
  fingerprint: string;
}

export interface ShardServices {
  /** The name of this node. */
  readonly self: string;
  readonly fingerprint: string;
  /** Whether buckets are on plain Redis servers. */
  readonly hasRedisServers: boolean;
  /** How many stored buckets are kept and not served, because the map gives them to others. */
  readonly foreignBuckets: number;
  /** The map as it was written. */
  readonly shards: readonly { range: string; node: string }[];
  /** The node that owns the bucket with this name; undefined when none does. */
  nodeOf(name: Slice): string | undefined;
  peerStates(): PeerState[];
  /** Takes over `nodes` and `shards` as they now stand in the config, and gives what has changed. */
  reload(isForced: boolean): Promise<string[]>;
}

/** Nodes that own nothing and pass on what they are asked, as targets: all buckets are on one other node, or on two. */
import { TestCluster } from './test-cluster.js';
import type { Target } from './targets.js';

function front(name: string, names: readonly string[], shards: string): Target {
  const start: Target['start'] = async (settings = {}) => {
    const cluster = new TestCluster({ names, shards, settings });
    await cluster.start();
    return { port: cluster.port('front'), stop: () => cluster.stop() };
  };
  return { name, isAvailable: true, start };
}

export const frontOfOne = front('front end, one shard', ['front', 'bar'], '*=bar');
export const frontOfTwo = front('front end, two shards', ['front', 'foo', 'bar'], 'a-m=foo,*=bar');

/** What a request for buckets of two shards gets when it must find all of them on one. */
export const REFUSAL = 'CROSSSLOT';

/** What cannot be compared with one node, and why. */
const FAR = [
  // Settings are changed on the node that was asked, and DEBUG SLEEP holds up that one.
  'CONFIG', 'DEBUG',
  // It asks twice, and what comes behind it in a pipeline may run between.
  'RANDOMKEY',
];
const OVER_TWO = [
  // The transaction is refused at its end; test/cluster/transactions.ts is about those.
  'MULTI', 'WATCH',
  // Refused for a GET, it has made its sorted set a skip list.
  'SORT', 'SORT_RO',
  // As RANDOMKEY.
  'SCAN',
];

/** Whether a command is left out where buckets are on one other node, or on two. */
export function outOfReach(shards: string | undefined, command: string): boolean {
  const name = command.toUpperCase();
  return shards !== undefined && (FAR.includes(name) || (shards === 'two' && OVER_TWO.includes(name)));
}

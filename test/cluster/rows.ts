/**
 * Every row of `test/commands/*.rows` once more, asked on a node that owns nothing: once all buckets are on the other
 * node, once they are on two. What then cannot be as on one node is listed in `differences.rows`.
 */
import { readFileSync } from 'node:fs';
import { TestCluster } from '../support/cluster.js';
import { testRows } from '../support/row-tests.js';
import type { Running, Target } from '../support/targets.js';

function front(name: string, names: readonly string[], shards: string): Target {
  const start = async (): Promise<Running> => {
    const cluster = new TestCluster({ names, shards });
    await cluster.start();
    return { port: cluster.port('front'), stop: () => cluster.stop() };
  };
  return { name, isAvailable: true, start };
}

const file = new URL('../../../test/cluster/differences.txt', import.meta.url);
const different = readFileSync(file, 'utf8').split('\n').filter((line) => line !== '' && !line.startsWith('#'));

testRows(front('front end, one shard', ['front', 'bar'], '*=bar'));
testRows(front('front end, two shards', ['front', 'foo', 'bar'], 'a-m=foo,*=bar'), (scenario) => {
  return !different.some((request) => scenario.rows.some((row) => row.request === request));
});

/**
 * Every row of `test/commands/*.rows` once more, asked on a node that owns nothing: once all buckets are on the other
 * node, once they are on two. What then cannot be as on one node is listed in `differences.txt`.
 */
import { readFileSync } from 'node:fs';
import { TestCluster } from '../support/cluster.js';
import { testRows } from '../support/row-tests.js';
import type { Scenario } from '../support/rows.js';
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
const lines = readFileSync(file, 'utf8').split('\n').filter((line) => line !== '' && !line.startsWith('#'));
const everywhere = lines.filter((line) => line.startsWith('! ')).map((line) => line.slice(2));
const overTwo = lines.filter((line) => !line.startsWith('! '));

const holdsNone = (requests: readonly string[]) => (scenario: Scenario) =>
  !scenario.rows.some((row) => requests.includes(row.request));

testRows(front('front end, one shard', ['front', 'bar'], '*=bar'), holdsNone(everywhere));
testRows(front('front end, two shards', ['front', 'foo', 'bar'], 'a-m=foo,*=bar'), holdsNone([...everywhere, ...overTwo]));

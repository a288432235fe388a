/**
 * Every row of `test/commands/*.rows` once more, asked on a node that owns nothing: once all buckets are on the other
 * node, once they are on two. What then cannot be as on one node is listed in `differences.txt`.
 */
import { readFileSync } from 'node:fs';
import { frontOfOne, frontOfTwo } from '../support/fronts.js';
import { testRows } from '../support/row-tests.js';
import type { Scenario } from '../support/rows.js';

const file = new URL('../../../test/cluster/differences.txt', import.meta.url);
const lines = readFileSync(file, 'utf8').split('\n').filter((line) => line !== '' && !line.startsWith('#'));
const everywhere = lines.filter((line) => line.startsWith('! ')).map((line) => line.slice(2));
const overTwo = lines.filter((line) => !line.startsWith('! '));

const holdsNone = (requests: readonly string[]) => (scenario: Scenario) =>
  !scenario.rows.some((row) => requests.includes(row.request));

testRows(frontOfOne, holdsNone(everywhere));
testRows(frontOfTwo, holdsNone([...everywhere, ...overTwo]));

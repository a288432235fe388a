/** Every row of `test/commands/*.rows`, against a node of ours and, where one is installed, against redis-server. */
import { testRows } from '../support/row-tests.js';
import { oneNode, reference, whyNoReference } from '../support/targets.js';

if (whyNoReference !== undefined) console.log(`rows: ${whyNoReference}; the recorded replies stand for its own`);

testRows(oneNode);
testRows(reference, (scenario) => !scenario.rows.some((row) => row.marks.includes('!')));

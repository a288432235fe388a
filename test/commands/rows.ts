/** Every row of `test/commands/*.rows`, against a node of ours and, where one is installed, against redis-server. */
import { readdirSync } from 'node:fs';
import test from 'ava';
import { Settings } from '../../lib/config/settings.js';
import { Node } from '../../lib/server.js';
import { silentLog } from '../../lib/util/log.js';
import { REFERENCE_VERSION, installedReference, startReference } from '../support/reference.js';
import { comparable, escape, readScenarios, runScenario } from '../support/rows.js';

const folder = new URL('../../../test/commands/', import.meta.url).pathname;
const files = readdirSync(folder).filter((name) => name.endsWith('.rows'));
const only = process.env.ROWS;

const hasReference = installedReference() === REFERENCE_VERSION;
if (!hasReference) console.log(`rows: redis-server ${REFERENCE_VERSION} is not installed; its replies are taken from the recordings alone`);

for (const file of files.filter((name) => only === undefined || name.startsWith(only))) {
  const scenarios = readScenarios(folder + file);

  test.serial(`${file}: a node gives the recorded replies`, async (t) => {
    const node = new Node({ settings: new Settings({ port: '0', 'line-port': '0' }), log: silentLog });
    await node.start();
    t.teardown(() => node.stop());
    for (const scenario of scenarios) {
      const replies = await runScenario(scenario, node.port);
      scenario.rows.forEach((row, index) => {
        const ours = escape(comparable(replies[index]!, row.marks));
        const recorded = escape(comparable(row.reply ?? '<not recorded>', row.marks));
        t.is(ours, recorded, `${file}: ${row.request}\n  in: ${scenario.title}`);
      });
    }
  });

  (hasReference ? test.serial : test.serial.skip)(`${file}: redis-server gives the recorded replies`, async (t) => {
    const reference = await startReference();
    t.teardown(() => reference.stop());
    for (const scenario of scenarios.filter((each) => !each.rows.some((row) => row.marks.includes('!')))) {
      const replies = await runScenario(scenario, reference.port);
      scenario.rows.forEach((row, index) => {
        const given = escape(comparable(replies[index]!, row.marks));
        t.is(given, escape(comparable(row.reply ?? '<not recorded>', row.marks)), `${file}: ${row.request}`);
      });
    }
  });
}

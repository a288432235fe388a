/** Makes a test of every scenario of every `test/commands/*.rows`, for one target. */
import { readdirSync } from 'node:fs';
import test from 'ava';
import { type Scenario, comparable, escape, readScenarios, runScenario } from './rows.js';
import type { Running, Target } from './targets.js';

const folder = new URL('../../../test/commands/', import.meta.url).pathname;
const TITLE_CHARS_MAX = 200;
/** A reply that does not come fails its own scenario. */
const PATIENCE_MS = 30_000;

/**
 * One test a scenario, whose title is its requests, and one start of the target a file. `accepts` leaves scenarios out.
 * With ROWS in the environment only the files that begin with it.
 */
export function testRows(target: Target, accepts: (scenario: Scenario) => boolean = () => true): void {
  const only = process.env.ROWS ?? '';
  const run = target.isAvailable ? test.serial : test.serial.skip;
  const titles = new Map<string, number>();
  let started = '';
  let running: Running | undefined;
  const runningFor = async (file: string): Promise<Running> => {
    if (running !== undefined && started === file) return running;
    await running?.stop();
    started = file;
    return (running = await target.start());
  };
  test.after.always(() => running?.stop());
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.rows') && name.startsWith(only))) {
    for (const scenario of readScenarios(folder + file).filter(accepts)) {
      run(uniqueTitle(`${target.name}: ${file}: ${scenario.title}`, titles), async (t) => {
        t.timeout(PATIENCE_MS);
        const { port } = await runningFor(file);
        const replies = await runScenario(scenario, port);
        const differences = scenario.rows.flatMap((row, index) => {
          const got = escape(comparable(replies[index]!, row.marks));
          const expected = row.reply === undefined ? '(not recorded)' : escape(comparable(row.reply, row.marks));
          return got === expected ? [] : [`${row.request}\n  expected ${expected}\n  got      ${got}`];
        });
        t.is(differences.join('\n'), '');
      });
    }
  }
}

/** ava wants titles to differ: the second of the same gets a number. */
function uniqueTitle(title: string, titles: Map<string, number>): string {
  const shown = title.length > TITLE_CHARS_MAX ? `${title.slice(0, TITLE_CHARS_MAX)}...` : title;
  const count = (titles.get(shown) ?? 0) + 1;
  titles.set(shown, count);
  return count === 1 ? shown : `${shown} (${count})`;
}

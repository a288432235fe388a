/**
 * Records what redis-server replies to the rows of `test/commands/*.rows` (see test/support/rows.ts) and writes it into
 * the files, and what it says of its commands (see test/support/reference-commands.ts).
 * `scripts/capture-reference [family|reference-commands ...]`.
 */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { REFERENCE_VERSION, installedReference, startReference } from '../test/support/reference.js';
import { askCommands, referenceCommandsFile } from '../test/support/reference-commands.js';
import { type Row, comparable, escape, readScenarios, runScenario } from '../test/support/rows.js';

const folder = new URL('../../test/commands/', import.meta.url).pathname;

if (installedReference() !== REFERENCE_VERSION) {
  console.error(`capture-reference: redis-server ${REFERENCE_VERSION} is needed, here is ${installedReference() ?? 'none'}`);
  process.exit(1);
}
const families = process.argv.slice(2);
const reference = await startReference();
for (const name of readdirSync(folder).filter((each) => each.endsWith('.rows'))) {
  if (families.length === 0 || families.includes(name.replace('.rows', ''))) await capture(folder + name);
}
if (families.length === 0 || families.includes('reference-commands')) await captureCommands();
await reference.stop();

/** One line a command, so that a change of one shows as one. */
async function captureCommands(): Promise<void> {
  const commands = Object.entries(await askCommands(reference.port));
  const lines = commands.map(([name, command]) => `${JSON.stringify(name)}: ${JSON.stringify(command)}`);
  writeFileSync(referenceCommandsFile, `{\n${lines.join(',\n')}\n}\n`);
  console.log(`${referenceCommandsFile}: ${commands.length} commands`);
}

/** Renews the `<` lines of a file; those that agree with what the server says now stay as they are. */
async function capture(file: string): Promise<void> {
  const replies: (string | undefined)[] = [];
  for (const scenario of readScenarios(file)) {
    const isOurs = scenario.rows.some((row) => row.marks.includes('!'));
    const given = isOurs ? [] : await runScenario(scenario, reference.port);
    scenario.rows.forEach((row, index) => {
      const reply = given[index];
      replies.push(isOurs || (isSame(row, reply) && !row.marks.includes('?')) ? row.reply : reply);
    });
  }
  let row = 0;
  const lines = readFileSync(file, 'utf8').split('\n').filter((line) => !line.startsWith('< '));
  const filled = lines.flatMap((line) => {
    if (!/^\d*>/.test(line)) return [line];
    const reply = replies[row++];
    return reply === undefined ? [line] : [line, `< ${escape(reply)}`];
  });
  writeFileSync(file, filled.join('\n'));
  console.log(`${file}: ${replies.length} replies`);
}

function isSame(row: Row, reply: string | undefined): boolean {
  if (row.reply === undefined || reply === undefined) return false;
  return comparable(row.reply, row.marks) === comparable(reply, row.marks);
}

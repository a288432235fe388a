/**
 * Records what redis-server's clients hear in the scenarios of `test/scenarios/*.play` (see test/support/scenarios.ts)
 * and writes it into the files. `node build/scripts/capture-scenarios.js [file ...]`, files without `.play`.
 */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { RawClient } from '../test/support/raw-client.js';
import { startReference } from '../test/support/reference.js';
import { comparable, escape, unescape } from '../test/support/rows.js';
import { type Play, type Step, isHeard, readPlays, runPlay } from '../test/support/scenarios.js';

const folder = new URL('../../test/scenarios/', import.meta.url).pathname;
const wanted = process.argv.slice(2);

const known = readdirSync(folder).filter((name) => name.endsWith('.play')).map((name) => name.replace('.play', ''));
const unknown = wanted.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  console.error(`there is no file ${unknown.join(', ')}; there are: ${known.join(' ')}`);
  process.exit(2);
}
for (const name of wanted.length === 0 ? known : wanted) await capture(`${folder}${name}.play`);

async function capture(file: string): Promise<void> {
  const heard: string[] = [];
  for (const play of readPlays(file)) {
    const replies = await perform(play);
    play.steps.forEach((step, index) => {
      if (isHeard(step)) heard.push(keptOrNew(step, replies[index]!));
    });
  }
  const lines = readFileSync(file, 'utf8').split('\n').filter((line) => !line.startsWith('    '));
  const filled = lines.flatMap((line) => {
    const reply = hearsSomething(line) ? heard.shift()! : '';
    return reply === '' ? [line] : [line, `    ${reply}`];
  });
  writeFileSync(file, filled.join('\n'));
  console.log(`${file}: recorded`);
}

async function perform(play: Play): Promise<(string | undefined)[]> {
  const reference = await startReference(...Object.entries(play.settings).flatMap(([name, value]) => [`--${name}`, value]));
  const prompter = await RawClient.connect(reference.port);
  const waitingCount = async (): Promise<number> =>
    Number(/blocked_clients:(\d+)/.exec(await prompter.ask('INFO clients'))![1]);
  try {
    return await runPlay(play, { port: reference.port, waitingCount });
  } finally {
    prompter.close();
    await reference.stop();
  }
}

/** What is recorded already stays when what is heard now is the same under its marks. */
function keptOrNew({ heard, marks }: Step, reply: string): string {
  const isSame = heard !== undefined && comparable(unescape(heard), marks) === comparable(reply, marks);
  return isSame ? heard : escape(reply);
}

function hearsSomething(line: string): boolean {
  return /^\w+[~#?]*(: .+| hears| hears the end)$/.test(line);
}

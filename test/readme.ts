/** What the README shows must be so. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import test from 'ava';

const root = new URL('../../', import.meta.url).pathname;

test('the table of settings in the README is current', (t) => {
  const { stderr, status } = spawnSync(process.execPath, ['build/scripts/settings-table.js', '--check'], {
    cwd: root, encoding: 'utf8',
  });
  t.is(stderr, '');
  t.is(status, 0);
});

test('the embedding example in the README runs', (t) => {
  const programs = [...readFileSync(`${root}README.md`, 'utf8').matchAll(/<<'END'\n([^]*?)END\n/g)];
  const program = programs.map((match) => match[1]!).find((text) => text.includes('startNode'));
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module'], {
    cwd: root, input: program!, encoding: 'utf8', timeout: 60_000,
  });
  t.is(stderr, '');
  t.is(stdout, 'OK value\n');
});

/** Writes the table of settings, made from lib/config/settings.ts, into the README between its marks. */
import { readFileSync, writeFileSync } from 'node:fs';
import { scriptArguments } from './arguments.js';
import { type SettingSpec, settingSpecs } from '../lib/config/settings.js';

const readme = new URL('../../README.md', import.meta.url).pathname;
const BEGIN = '<!-- settings: made by scripts/settings-table -->\n';
const END = '<!-- settings end -->\n';

function row({ name, kind, initial, choices, isMutable, sentence }: SettingSpec): string {
  const shownKind = choices === undefined ? kind : choices.join(', ');
  const cells = [`\`${name}\``, shownKind, initial === '' ? '' : `\`${initial}\``, isMutable ? 'yes' : 'no', sentence];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

const table = [
  '| setting | kind | built in | CONFIG SET | |',
  '| --- | --- | --- | --- | --- |',
  ...settingSpecs.filter(({ hasNoEffect }) => hasNoEffect !== true).map(row),
].join('\n');
const accepted = settingSpecs.filter(({ hasNoEffect }) => hasNoEffect === true).map(({ name }) => `\`${name}\``);
const others = `Accepted for Redis's tools, and without effect: ${accepted.join(', ')}.`;

const before = readFileSync(readme, 'utf8');
const start = before.indexOf(BEGIN);
const end = before.indexOf(END);
if (start < 0 || end < start) throw new Error('README.md: the marks of the settings table are gone');
const after = `${before.slice(0, start + BEGIN.length)}\n${table}\n\n${others}\n\n${before.slice(end)}`;

const { check } = scriptArguments('settings-table', 'Writes the table of settings into the README', {
  check: { type: 'boolean', describe: 'only say whether it is current' },
});
if (check !== true) writeFileSync(readme, after);
else if (before !== after) {
  console.error('README.md: the table of settings is not current: run scripts/settings-table');
  process.exitCode = 1;
}

/** The launchers of a release, bin/NAME and bin/NAME.bat, from their templates. They know the verbs of the program. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Release } from './definitions.js';
import { builtInTemplate, expand } from './templates.js';
import { listOfVerbs, verbNames } from '../../lib/cli/verbs.js';

/** Writes both launchers into `folder`. */
export function makeLaunchers({ name, listeners }: Release, project: string, folder: string): void {
  const { engines } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')) as { engines: { node: string } };
  const values = { name, listeners: listeners.join(' '), leastNode: engines.node.replace('>=', '') };
  const inShell = { ...values, list: listInShell(), verbs: verbNames.join(' | ') };
  const inBatch = { ...values, list: listInBatch(), verbs: verbNames.join(' ') };
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), expand(builtInTemplate('launcher.sh'), inShell), { mode: 0o755 });
  writeFileSync(join(folder, `${name}.bat`), forWindows(expand(builtInTemplate('launcher.bat'), inBatch)));
}

/** cmd.exe finds the labels of a batch file only where its lines end as on Windows. */
export function forWindows(text: string): string {
  return text.replace(/\r?\n/g, '\r\n');
}

/** The list of verbs as the text of a here-document. */
function listInShell(): string {
  return listOfVerbs('{}').map((line) => line.replace(/[\\`$]/g, '\\$&').replaceAll('{}', '$RELEASE_PROG')).join('\n');
}

/** The list of verbs as commands of a batch file. A caret has cmd.exe take the next character as it is. */
function listInBatch(): string {
  const plain = (line: string): string => line.replace(/[&|<>()^]/g, '^$&').replaceAll('%', '%%');
  return listOfVerbs('{}').map((line) => `echo.${plain(line).replaceAll('{}', '%RELEASE_PROG%')}`).join('\n');
}

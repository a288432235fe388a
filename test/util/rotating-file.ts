/** A log file that does not grow for ever. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { RotatingFile } from '../../lib/util/rotating-file.js';

test('a full file makes room, the newest lines are in the file, and the oldest go', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'pigeonhole-log-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'log');
  const read = (suffix: string): string => readFileSync(path + suffix, 'utf8');
  const file = new RotatingFile(path, 8, 3);
  for (const line of ['one\n', 'two\n', 'three\n', 'four\n', 'a long line\n', 'six\n']) file.write(line);
  t.deepEqual([read(''), read('.1'), read('.2')], ['six\n', 'a long line\n', 'four\n']);
  t.false(existsSync(`${path}.3`));
  file.close();
  const again = new RotatingFile(path, 8, 3);
  again.write('78\n');
  again.write('9\n');
  t.deepEqual([read(''), read('.1')], ['9\n', 'six\n78\n']);
  again.close();
});

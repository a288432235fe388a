/** A log file that does not grow for ever. */
import { spawnSync } from 'node:child_process';
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

(process.platform === 'linux' ? test : test.skip)('of a line that does not fit on the disk nothing stays', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'pigeonhole-log-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'log');
  const program = `
    import { RotatingFile } from ${JSON.stringify(new URL('../../lib/util/rotating-file.js', import.meta.url).href)};
    const file = new RotatingFile(${JSON.stringify(path)}, 1e9, 2);
    for (let i = 0; i < 99; i++) file.writeIfPossible('a line of the log\\n');`;
  // No file may have more than 512 or, in some shells, 1024 bytes, and the write that goes beyond gives an error.
  const script = 'trap "" XFSZ; ulimit -f 1; exec "$0" --input-type=module -e "$1"';
  t.is(spawnSync('sh', ['-c', script, process.execPath, program]).status, 0);
  const lines = readFileSync(path, 'utf8').split('\n');
  t.is(lines.pop(), '');
  t.true(lines.length > 10);
  t.deepEqual([...new Set(lines)], ['a line of the log']);
});

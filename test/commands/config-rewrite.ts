/** CONFIG REWRITE, on files in a folder of the test's own. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { rewriteConfigFile } from '../../lib/commands/config-rewrite.js';
import { Settings } from '../../lib/config/settings.js';

function fileIn(t: ExecutionContext, name: string, content: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'pigeonhole-config-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

test('what was changed is written, and the rest stays as it was', (t) => {
  const path = fileIn(t, 'runtime.json', '{ "port": 1234, "timeout": 5, "slave-read-only": true, "maxclients": 10 }');
  const settings = new Settings({ port: '1234', timeout: '9', 'replica-read-only': 'no', maxclients: '10', hz: '20' });
  rewriteConfigFile(path, settings);
  t.deepEqual(JSON.parse(readFileSync(path, 'utf8')), {
    port: 1234, timeout: '9', 'slave-read-only': 'no', maxclients: 10, hz: '20',
  });
});

test('a setting that is as built in again is written when the file says otherwise', (t) => {
  const path = fileIn(t, 'runtime.json', '{ "timeout": 5 }');
  rewriteConfigFile(path, new Settings());
  t.deepEqual(JSON.parse(readFileSync(path, 'utf8')), { timeout: '0' });
});

test('a module is not rewritten: the error says what to edit', (t) => {
  const path = fileIn(t, 'runtime.js', 'export default {};');
  t.throws(() => rewriteConfigFile(path, new Settings({ timeout: '9' })), {
    message: `ERR Rewriting config file: ${path} is a program and is not rewritten; set there timeout: "9"`,
  });
  t.is(readFileSync(path, 'utf8'), 'export default {};');
});

test('a file that has gone is an error that names it', (t) => {
  t.throws(() => rewriteConfigFile('/nonexistent/runtime.json', new Settings()), {
    message: /^ERR Rewriting config file: ENOENT.*\/nonexistent\/runtime\.json/,
  });
});

/** Copies the templates of env.sh, env.bat and node.args into config/release of the current folder. */
import { parseArgs } from 'node:util';
import { runScript } from './release-error.js';
import { copyTemplates } from './templates.js';

await runScript('release-init', async () => {
  const { values } = parseArgs({ options: { force: { type: 'boolean', default: false } } });
  console.log(copyTemplates(process.cwd(), values.force).join('\n'));
  return Promise.resolve();
});

/** `pigeonhole reload`: has a running node take over the shard map as it now stands in its config. */
import type { CommandModule } from 'yargs';
import { askNode } from './ask.js';
import { loadRequest, withSettings } from './flags.js';
import { loadSettings } from '../config/load.js';

export const reload: CommandModule<object, Record<string, unknown>> = {
  command: 'reload',
  describe: 'Have the running node take over nodes and shards from its config, and print what has changed',
  builder: (command) =>
    withSettings(command).option('force', {
      type: 'boolean', default: false, describe: 'Also when stored buckets would be left behind',
    }),
  handler: async (flags) => {
    const { settings } = await loadSettings(loadRequest(flags));
    const request = ['SHARD', 'RELOAD', ...(flags.force === true ? ['FORCE'] : [])];
    const [changes] = (await askNode(settings, request)) as [string[]];
    console.log(changes.length === 0 ? 'nothing has changed' : changes.join('\n'));
  },
};

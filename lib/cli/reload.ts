/** `pigeonhole reload`: the running node takes over from its config what may change while it runs. */
import { asking } from './reach.js';

export const reload = asking(
  'reload', 'Have the running node read its config again and take over what may change, and print it',
  async (client, flags) => {
    const lines = (await client.ask('CONTROL', 'RELOAD', ...(flags.force === true ? ['FORCE'] : []))) as string[];
    console.log(lines.length === 0 ? 'nothing has changed' : lines.join('\n'));
  },
  (command) => command.option('force', {
    type: 'boolean', default: false, describe: 'Also when stored buckets would be left behind',
  }),
);

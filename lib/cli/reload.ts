/** `pigeonhole reload`: the running node takes over from its config what may change while it runs. */
import { asking } from './reach.js';

export const reload = asking(
  'reload', 'Have the running node read its config again and take over what may change, and print it',
  async (client) => {
    const lines = (await client.ask('CONTROL', 'RELOAD')) as string[];
    console.log(lines.length === 0 ? 'nothing has changed' : lines.join('\n'));
  },
);

/** `pigeonhole restart`: the node ends and begins again in the same process, with its config read again. */
import { asking } from './reach.js';

export const restart = asking(
  'restart', 'End the running node and begin it anew in the same process, with its config read again',
  async (client) => {
    await client.ask('CONTROL', 'RESTART');
  },
);

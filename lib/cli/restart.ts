/** `pigeonhole restart`: the node ends and begins again in the same process, with its config read again. */
import { asking } from './reach.js';

export const restart = asking(
  'restart', 'Restart the running node in its process, with its config read again; what it stored is gone',
  async (client) => {
    await client.ask('CONTROL', 'RESTART');
  },
);

/** `pigeonhole pid`: the process id of the node that runs. */
import { asking } from './reach.js';

export const pid = asking('pid', 'Print the process id of the running node', async (client) => {
  await Promise.resolve();
  console.log(client.pid);
});

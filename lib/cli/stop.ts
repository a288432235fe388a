/** `pigeonhole stop`: stops the node that runs, and what watches over it, and returns when both have gone. */
import { setTimeout as delay } from 'node:timers/promises';
import type { CommandModule } from 'yargs';
import { withPlace } from './flags.js';
import { type Target, findTarget, reach } from './reach.js';
import { ControlError, type Place, readPid } from '../control/place.js';
import { isAlive } from '../util/is-alive.js';

/** A node gives its clients five seconds, and the heart a node ten. */
const STOP_MS_MAX = 20_000;
const LOOK_MS = 10;

export const stop: CommandModule<object, Record<string, unknown>> = {
  command: 'stop',
  describe: 'Stop the running node; returns when it has gone',
  builder: withPlace,
  handler: async (flags) => {
    const target = await findTarget(flags);
    await untilGone(await askToStop(target), target.place);
  },
};

/** Has the node stop, and gives the processes that will end. */
async function askToStop(target: Target): Promise<number[]> {
  try {
    const client = await reach(target);
    await client.ask('CONTROL', 'STOP');
    return [client.pid, client.heartPid].filter((pid) => pid > 0);
  } catch (error) {
    // The node hangs, or its next start is awaited: what watches over it can end it.
    const heartPid = readPid(target.place.heartFile);
    const isRefused = error instanceof ControlError && /wrong cookie|the node goes on/.test(error.message);
    if (!(error instanceof ControlError) || heartPid === undefined || isRefused) throw error;
    const nodePid = readPid(target.place.pidFile);
    process.kill(heartPid, 'SIGTERM');
    return nodePid === undefined ? [heartPid] : [heartPid, nodePid];
  }
}

async function untilGone(pids: readonly number[], { name }: Place): Promise<void> {
  const end = performance.now() + STOP_MS_MAX;
  for (const pid of pids) {
    while (isAlive(pid)) {
      if (performance.now() > end) throw new ControlError(`${name} does not end: kill -9 ${pid}`);
      await delay(LOOK_MS);
    }
  }
}

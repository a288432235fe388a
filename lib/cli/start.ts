/** `pigeonhole start`: runs a node in the foreground until a signal or `stop` ends it. */
import type { CommandModule } from 'yargs';
import { withSettings } from './flags.js';
import { openLog, readingAgain, runNode } from './run-node.js';

export const start: CommandModule<object, Record<string, unknown>> = {
  command: 'start',
  describe: 'Run a node in the foreground',
  builder: withSettings,
  handler: async (flags) => {
    await runNode({ load: readingAgain(flags), openLog: (settings) => openLog(settings), heartPid: 0 });
  },
};

/** `pigeonhole start`: runs a node in the foreground until a signal ends it. */
import { openSync, writeSync } from 'node:fs';
import type { CommandModule } from 'yargs';
import { loadRequest, withSettings } from './flags.js';
import { loadSettings } from '../config/load.js';
import { ConfigError } from '../config/sources.js';
import type { Settings } from '../config/settings.js';
import { Node } from '../server.js';
import { Log } from '../util/log.js';

export const start: CommandModule<object, Record<string, unknown>> = {
  command: 'start',
  describe: 'Run a node in the foreground',
  builder: withSettings,
  handler: async (flags) => {
    const { settings, warnings } = await loadSettings(loadRequest(flags));
    const log = openLog(settings);
    for (const warning of warnings) log.warning(warning);
    const node = new Node({ settings, log });
    await node.start();
    stopOnSignal(node, log);
  },
};

function openLog(settings: Settings): Log {
  const file = settings.text('logfile');
  if (file === '') return new Log();
  try {
    const descriptor = openSync(file, 'a');
    return new Log((line) => void writeSync(descriptor, line));
  } catch (error) {
    throw new ConfigError(`logfile: '${file}' cannot be written: ${(error as Error).message}`);
  }
}

/** The first signal stops the node in good order; the second one ends the process there and then. */
function stopOnSignal(node: Node, log: Log): void {
  let isStopping = false;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (isStopping) {
      log.warning(`${signal} again: ending at once`);
      process.exit(1);
    }
    isStopping = true;
    log.info(`${signal}: stopping`);
    void node.stop().then(() => {
      log.info('Stopped');
      process.exit(0);
    });
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
}

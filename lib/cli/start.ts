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
    const { settings, warnings, configFile } = await loadSettings(loadRequest(flags));
    const log = openLog(settings);
    for (const warning of warnings) log.warning(warning);
    const node = new Node({ settings, log, configFile });
    // Before the first word that the node is ready: whoever waits for that may send a signal at once.
    stopOnRequest(node, log);
    await node.start();
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

/** The first signal or SHUTDOWN stops the node in good order; a second one ends the process there and then. */
function stopOnRequest(node: Node, log: Log): void {
  let isStopping = false;
  const stop = (reason: string): void => {
    if (isStopping) {
      log.warning(`${reason} again: ending at once`);
      process.exit(1);
    }
    isStopping = true;
    log.info(`${reason}: stopping`);
    void node.stop().then(() => {
      log.info('Stopped');
      process.exit(0);
    });
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  node.onShutdownRequested = () => stop('SHUTDOWN');
}

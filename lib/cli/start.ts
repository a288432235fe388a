/** `pigeonhole start`: runs a node in the foreground until a signal ends it. */
import { openSync, watchFile, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { CommandModule } from 'yargs';
import { loadRequest, withSettings } from './flags.js';
import { loadSettings } from '../config/load.js';
import { ConfigError, DEFAULT_FILE } from '../config/sources.js';
import { SettingError, type Settings } from '../config/settings.js';
import { Node, type NodeParts } from '../server.js';
import { Log } from '../util/log.js';

export const start: CommandModule<object, Record<string, unknown>> = {
  command: 'start',
  describe: 'Run a node in the foreground',
  builder: withSettings,
  handler: async (flags) => {
    const request = loadRequest(flags);
    // Variables from .env files are added to the environment: a later reading begins without them.
    const environment = { ...request.environment };
    const { settings, warnings, configFile } = await loadSettings(request);
    const log = openLog(settings);
    for (const warning of warnings) log.warning(warning);
    const readAgain = async (): Promise<{ nodes: string; shards: string }> => {
      const { settings: read } = await loadSettings({ ...request, environment: { ...environment } });
      return { nodes: read.text('nodes'), shards: read.text('shards') };
    };
    const node = makeNode({ settings, log, configFile, readAgain });
    // Before the first word that the node is ready: whoever waits for that may send a signal at once.
    stopOnRequest(node, log);
    process.on('SIGHUP', () => void reload(node, log, 'SIGHUP'));
    await node.start();
    if (settings.flag('watch-config')) watchConfig(configFile ?? join(request.folder, DEFAULT_FILE), node, log);
  },
};

function makeNode(parts: NodeParts): Node {
  try {
    return new Node(parts);
  } catch (error) {
    throw error instanceof SettingError ? new ConfigError(error.message) : error;
  }
}

/** Takes over the shard map from the config, and says in the log what has changed or why nothing has. */
async function reload(node: Node, log: Log, why: string): Promise<void> {
  try {
    const changes = await node.cluster.reload(false);
    log.info(`${why}: the config was read again, ${changes.length === 0 ? 'the shard map is as before' : 'the shard map has changed'}`);
  } catch (error) {
    if (!(error instanceof SettingError) && !(error instanceof ConfigError)) throw error;
    log.warning(`${why}: the shard map stays as it was: ${error.message}`);
  }
}

const WATCH_PERIOD_MS = 500;

function watchConfig(file: string, node: Node, log: Log): void {
  watchFile(file, { interval: WATCH_PERIOD_MS, persistent: false }, () => void reload(node, log, `${file} has changed`));
}

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

/** Runs a node in this process, for the verbs that start one: where its settings and its log are, and what ends it. */
import { openSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { loadRequest } from './flags.js';
import { tuneV8 } from './tune-v8.js';
import { type Loaded, loadSettings } from '../config/load.js';
import type { Settings } from '../config/settings.js';
import { ConfigError, DEFAULT_FILE } from '../config/sources.js';
import { NodeProcess, type ProcessParts } from '../control/node-process.js';
import { reasonOf } from '../control/place.js';
import { rehearseSnapshots } from '../persistence/rehearsal.js';
import { Log } from '../util/log.js';

/**
 * Starts a node. The first SIGTERM or SIGINT stops it in good order, a second one ends the process there and then, and
 * SIGHUP has it read its config again. Rejects with ConfigError, ListenError or ControlError.
 */
export async function runNode(
  parts: Pick<ProcessParts, 'load' | 'openLog' | 'heartPid'>,
  onInterrupt: (node: NodeProcess) => void = (node) => node.stopBySignal('SIGINT'),
): Promise<NodeProcess> {
  tuneV8();
  const exit = (code: number): void => process.exit(code);
  const startedMs = Date.now();
  const node = new NodeProcess({ ...parts, workFolder: process.cwd(), environment: process.env, exit });
  // Before the first word that the node is ready: whoever waits for that may send a signal at once.
  process.on('SIGTERM', () => node.stopBySignal('SIGTERM'));
  process.on('SIGINT', () => onInterrupt(node));
  process.on('SIGHUP', () => void node.reloadBecause('SIGHUP'));
  await node.start();
  const { settings, configFile } = node.node.state;
  void rehearseSnapshots(node.node.state);
  if (settings.flag('watch-config')) watchConfig(configFile ?? defaultConfigFile(), startedMs, node);
  return node;
}

const WATCH_PERIOD_MS = 500;

function defaultConfigFile(): string {
  return join(loadRequest({}).folder, DEFAULT_FILE);
}

/** Reloads when the file changes, also while the node was starting. A file that is gone is waited for. */
function watchConfig(file: string, startedMs: number, node: NodeProcess): void {
  const changedMs = (): number | undefined => statSync(file, { throwIfNoEntry: false })?.mtimeMs;
  const reload = (): void => void node.reloadBecause(`${file} has changed`);
  let seenMs = changedMs();
  if (seenMs !== undefined && seenMs > startedMs) reload();
  const look = (): void => {
    const nowMs = changedMs();
    if (nowMs === undefined || nowMs === seenMs) return;
    seenMs = nowMs;
    reload();
  };
  setInterval(look, WATCH_PERIOD_MS).unref();
}

/** Reads the settings that the flags lead to, as often as it is called, and each time as if it were the first. */
export function readingAgain(flags: Readonly<Record<string, unknown>>): () => Promise<Loaded> {
  const before = new Set(Object.keys(process.env));
  return () => {
    // Variables of .env files were added to the environment, and may have changed in the file.
    for (const name of Object.keys(process.env)) if (!before.has(name)) Reflect.deleteProperty(process.env, name);
    return loadSettings(loadRequest(flags));
  };
}

/** The log of a node in the foreground: the setting `logfile`, or what `otherwise` makes of its lines. */
export function openLog(settings: Settings, otherwise?: (line: string) => void): Log {
  const file = settings.text('logfile');
  return file === '' ? new Log(otherwise) : openLogFile(file);
}

export function openLogFile(file: string): Log {
  try {
    const descriptor = openSync(file, 'a');
    let isProven = false;
    return new Log((line) => {
      try {
        writeSync(descriptor, line);
        isProven = true;
      } catch (error) {
        // While the node runs, a full disk costs lines of the log and nothing else.
        if (!isProven) throw cannotWrite(file, error);
      }
    });
  } catch (error) {
    throw cannotWrite(file, error);
  }
}

function cannotWrite(file: string, error: unknown): ConfigError {
  return new ConfigError(`logfile: '${file}' cannot be written: ${reasonOf(error)}`);
}


/**
 * `pigeonhole daemon` and `daemon_console`: a node in the background. And the two verbs that nobody types, which the
 * background processes run: `background-node` is the node, `background-heart` watches over it.
 */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Argv, CommandModule } from 'yargs';
import { loadRequest, programName, settingFlags, withSettings } from './flags.js';
import { openLogFile, readingAgain, runNode } from './run-node.js';
import { loadSettings } from '../config/load.js';
import type { Settings } from '../config/settings.js';
import { ConfigError } from '../config/sources.js';
import { BEAT_MS, Heart, type Message } from '../control/heart.js';
import { launch, openOutput } from '../control/launch.js';
import { type Place, placeOf, reasonOf } from '../control/place.js';
import { Log } from '../util/log.js';
import { RotatingFile } from '../util/rotating-file.js';

type Flags = Record<string, unknown>;

const LOG_BYTES_MAX = 10 * 2 ** 20;
const LOG_FILES_MAX = 5;
const BEAT_TIMEOUT_SECONDS = 30;

function background(command: string, describe: string): CommandModule<object, Flags> {
  return { command, describe, builder: withSettings, handler: startInBackground };
}

export const daemon = background('daemon', 'Run a node in the background, with HEART=true watched over; returns when it is ready or has failed');
export const daemonConsole = background('daemon_console', 'The same as daemon: remote opens a shell on either');

export const backgroundNode: CommandModule<object, Flags> = {
  command: 'background-node',
  describe: false,
  builder: (command: Argv) => withSettings(command).option('heart', { type: 'boolean', default: false }),
  handler: async (flags) => {
    const heartPid = flags.heart === true ? process.ppid : 0;
    if (heartPid > 0) beat();
    await reportFailure(async () => {
      await runNode({ load: readingAgain(flags), openLog: openBackgroundLog, heartPid });
      tell({ kind: 'ready', pid: process.pid, heartPid });
      // Who waits for the start does not keep the node alive, and may go.
      process.channel?.unref();
    });
  },
};

export const backgroundHeart: CommandModule<object, Flags> = {
  command: 'background-heart',
  describe: false,
  builder: withSettings,
  handler: (flags) => reportFailure(async () => {
    const place = await findPlace(flags);
    const beatTimeoutMs = 1000 * Number(process.env.HEART_BEAT_TIMEOUT ?? BEAT_TIMEOUT_SECONDS);
    if (!(beatTimeoutMs > BEAT_MS)) throw new ConfigError('HEART_BEAT_TIMEOUT must be a number of seconds above 1');
    const command = [...thisProgram(nodeFlags), 'background-node', ...settingFlags(flags), '--heart'];
    const exit = (code: number): void => process.exit(code);
    const heart = new Heart({ place, command, beatTimeoutMs, output: openOutput(place), tell, exit });
    heart.start();
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => heart.stop());
    process.on('SIGHUP', () => undefined);
  }),
};

async function startInBackground(flags: Flags): Promise<void> {
  const place = await findPlace(flags);
  if (place.socket === '') throw new ConfigError('a node in the background needs a control socket: set control-socket');
  const isWatched = process.env.HEART === 'true';
  const program = isWatched ? [...thisProgram(), 'background-heart'] : [...thisProgram(nodeFlags), 'background-node'];
  const { pid } = await launch(place, [...program, ...settingFlags(flags)]);
  const watched = isWatched ? ', watched over' : '';
  console.log(`${place.name} is ready: process ${pid}${watched}, log in ${place.logFile}; ${programName} stop ends it`);
}

const { RELEASE_NODE_FLAGS: releaseFlags } = process.env;
/**
 * The runtime's flags for the node itself. A release gives them in a variable: another process that had them too would
 * be first to take, for instance, the debugger's port.
 */
const nodeFlags = releaseFlags === undefined ? process.execArgv : releaseFlags.split(/\s+/).filter(Boolean);

/** What runs this program again, with flags for the runtime. */
export function thisProgram(flags: readonly string[] = releaseFlags === undefined ? process.execArgv : []): string[] {
  return [process.execPath, ...flags, process.argv[1]!];
}

async function findPlace(flags: Flags): Promise<Place> {
  const { settings } = await loadSettings(loadRequest(flags));
  return placeOf(settings, process.cwd(), process.env);
}

function openBackgroundLog(settings: Settings, place: Place): Log {
  if (settings.text('logfile') !== '') return openLogFile(settings.text('logfile'));
  try {
    mkdirSync(dirname(place.logFile), { recursive: true, mode: 0o700 });
    const file = new RotatingFile(place.logFile, LOG_BYTES_MAX, LOG_FILES_MAX);
    // The first line shows whether there is room.
    new Log((line) => file.write(line)).info(`${place.name} starts, process ${process.pid}`);
    return new Log((line) => file.writeIfPossible(line));
  } catch (error) {
    throw new ConfigError(`the log ${place.logFile} cannot be written: ${reasonOf(error)}`);
  }
}

function beat(): void {
  const sign = (): void => tell({ kind: 'beat' });
  sign();
  setInterval(sign, BEAT_MS).unref();
}

/** Tells the process that started this one, if it still listens. */
function tell(message: Message): void {
  if (process.connected) process.send!(message, undefined, undefined, () => undefined);
}

/** Tells who started this process, in one line, that it has failed, and ends. */
async function reportFailure(run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (!process.connected) throw error;
    const text = error instanceof Error ? error.message : String(error);
    process.send!({ kind: 'failed', text } satisfies Message, undefined, undefined, () => process.exit(1));
  }
}

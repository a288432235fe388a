/**
 * The place of a node: the folder on its machine where its control socket, its pid file and, run in the background,
 * its log are. Whoever starts the node and whoever wants to reach it find the same place by the same settings.
 *
 * In a release the folder is RELEASE_TMP, in a checkout `tmp/NODE` below the current folder. Only its user may enter.
 */
import { createHash } from 'node:crypto';
import { chmodSync, closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Settings } from '../config/settings.js';
import { ConfigError } from '../config/sources.js';
import { fileNameOf } from '../util/file-name.js';
import { isAlive } from '../util/is-alive.js';

/** What keeps an operator's verb from being done; the message is one line that says what to do. */
export class ControlError extends Error {}

export interface Place {
  /** The node's name. */
  name: string;
  folder: string;
  /** Empty when the node has no control socket. */
  socket: string;
  pidFile: string;
  /** The pid of what watches over the node, with HEART. */
  heartFile: string;
  /** What is written to while the node runs in the background. */
  logFile: string;
  /** What the runtime itself says there, when it fails. */
  outputFile: string;
  cookieFile: string;
  historyFile: string;
}

const STICKY = 0o1000;
const OTHERS = 0o077;

export function placeOf(settings: Settings, workFolder: string, environment: NodeJS.ProcessEnv): Place {
  const name = settings.text('node');
  const set = settings.text('control-socket');
  const fileName = fileNameOf(name);
  const folder =
    environment.RELEASE_TMP !== undefined ? resolve(workFolder, environment.RELEASE_TMP)
    : set === 'auto' || set === '' ? join(workFolder, 'tmp', fileName)
    : dirname(resolve(workFolder, set));
  const inFolder = (suffix: string): string => join(folder, fileName + suffix);
  const shipped = join(environment.RELEASE_ROOT ?? '', 'releases', 'COOKIE');
  return {
    name,
    folder,
    socket: set === '' ? '' : set === 'auto' ? join(folder, 'control.sock') : resolve(workFolder, set),
    pidFile: inFolder('.pid'),
    heartFile: inFolder('.heart.pid'),
    logFile: join(folder, 'log', `${fileName}.log`),
    outputFile: join(folder, 'log', `${fileName}.out.log`),
    cookieFile: environment.RELEASE_ROOT === undefined ? join(folder, 'cookie') : shipped,
    historyFile: join(folder, 'shell-history'),
  };
}

/** Makes a folder that only its user may enter. Throws ConfigError when that cannot be had. */
export function prepareFolder(folder: string): void {
  const remedy = 'choose another with RELEASE_TMP or --control-socket';
  try {
    makeFolder(folder);
  } catch (error) {
    throw new ConfigError(`the folder ${folder} cannot be made: ${reasonOf(error)}; ${remedy}`);
  }
  if (process.platform === 'win32') return;
  const { mode, uid } = statSync(folder);
  if (uid !== process.getuid!()) throw new ConfigError(`the folder ${folder} is another user's: ${remedy}`);
  if ((mode & STICKY) !== 0) throw new ConfigError(`the folder ${folder} is open to everybody: ${remedy}`);
  if ((mode & OTHERS) !== 0) chmodSync(folder, 0o700);
}

/**
 * Makes a folder, and those above it. Node's own `recursive` never comes to an end where the system says ENOENT of a
 * folder that cannot be made in one that is there, as in /proc.
 */
function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if (codeOf(error) === 'EEXIST' && statSync(folder).isDirectory()) return;
    if (codeOf(error) !== 'ENOENT' || existsSync(dirname(folder))) throw error;
    makeFolder(dirname(folder));
    mkdirSync(folder, { mode: 0o700 });
  }
}

/** Refuses a file with a secret that is another user's, or that others may read. Throws ConfigError. */
export function refuseOpenSecret(file: string): void {
  if (process.platform === 'win32') return;
  const { mode, uid } = statSync(file);
  if (uid !== process.getuid!()) throw new ConfigError(`the cookie file ${file} is another user's: run this as that user`);
  if ((mode & OTHERS) !== 0) throw new ConfigError(`the cookie file ${file} can be read by others: run chmod 600 '${file}'`);
}

/** Writes a file of this node, as its user's only. Throws ConfigError, and leaves no half of it. */
export function writeOwn(file: string, text: string): void {
  try {
    const descriptor = openSync(file, 'w', 0o600);
    try {
      writeSync(descriptor, text);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    rmSync(file, { force: true });
    throw new ConfigError(`${file} cannot be written: ${reasonOf(error)}`);
  }
}

/** The process that a pid file names, if it is alive. */
export function readPid(file: string): number | undefined {
  try {
    const pid = Number(readFileSync(file, 'utf8'));
    return isAlive(pid) ? pid : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The address of a Unix socket that Node can open. The system takes 107 bytes; a longer path is reached through its
 * folder's descriptor, on Linux. On Windows it is a named pipe. Throws ConfigError when there is no way.
 */
export function socketAddress(path: string): string {
  if (process.platform === 'win32') return `\\\\.\\pipe\\pigeonhole-${createHash('sha256').update(path).digest('hex')}`;
  if (Buffer.byteLength(path) <= SOCKET_PATH_BYTES_MAX) return path;
  if (process.platform !== 'linux') {
    throw new ConfigError(`the path ${path} is too long for a socket: choose a shorter one with RELEASE_TMP`);
  }
  let descriptor = descriptors.get(path);
  if (descriptor === undefined) descriptors.set(path, (descriptor = openSync(dirname(path), 'r')));
  return `/proc/self/fd/${descriptor}/${path.slice(dirname(path).length + 1)}`;
}

const SOCKET_PATH_BYTES_MAX = 103;
/** Open for as long as this process lives, for the sockets with long paths. */
const descriptors = new Map<string, number>();

/** What the system says of an error, without the names of calls. */
export function reasonOf(error: unknown): string {
  const text = REASONS[codeOf(error) ?? ''];
  return text ?? (error instanceof Error ? error.message : String(error));
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'this user may not',
  EPERM: 'this user may not',
  ENOENT: 'its folder is not there',
  ENOTDIR: 'a part of its path is no folder',
  EEXIST: 'a file of this name is in the way',
  EROFS: 'the disk is read-only',
  ENOSPC: 'the disk is full: make room',
  EDQUOT: 'the disk quota is used up: make room',
};

export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}

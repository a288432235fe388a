/**
 * Starts a node in the background, and waits until it is ready or has failed. The new process leads a session of its
 * own: it outlives the terminal. Until it is ready it reports over a pipe; what the runtime itself may say, should it
 * crash, goes to a file beside the log.
 */
import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, renameSync, statSync } from 'node:fs';
import { once } from 'node:events';
import { dirname } from 'node:path';
import type { Message } from './heart.js';
import { ControlError, type Place, prepareFolder, reasonOf } from './place.js';
import { ConfigError } from '../config/sources.js';

const OUTPUT_BYTES_MAX = 10 * 2 ** 20;

export interface Launched {
  pid: number;
  heartPid: number;
}

/** Runs `command` detached. Rejects with ControlError or ConfigError when it fails before it is ready. */
export async function launch(place: Place, command: readonly string[]): Promise<Launched> {
  const output = openOutput(place);
  const [program, ...args] = command;
  const child = spawn(program!, args, { detached: true, stdio: ['ignore', output, output, 'ipc'] });
  closeSync(output);
  const ended = once(child, 'exit').then(([code, signal]): Message => ({
    kind: 'failed',
    text: `${place.name} ended before it was ready (${signal ?? `exit code ${code}`}): see ${place.outputFile}`,
  }));
  const told = new Promise<Message>((resolve) => child.on('message', (message: Message) => {
    if (message.kind !== 'beat') resolve(message);
  }));
  const outcome = await Promise.race([told, ended]);
  if (outcome.kind !== 'ready') {
    await ended;
    throw new ControlError(outcome.kind === 'failed' ? outcome.text : 'unknown');
  }
  child.disconnect();
  child.unref();
  return outcome;
}

/** The file for what a process in the background prints. Throws ConfigError. */
export function openOutput(place: Place): number {
  prepareFolder(place.folder);
  const { outputFile } = place;
  try {
    mkdirSync(dirname(outputFile), { recursive: true, mode: 0o700 });
    if (existsSync(outputFile) && statSync(outputFile).size > OUTPUT_BYTES_MAX) renameSync(outputFile, `${outputFile}.1`);
    return openSync(outputFile, 'a', 0o600);
  } catch (error) {
    throw new ConfigError(`${outputFile} cannot be written: ${reasonOf(error)}`);
  }
}

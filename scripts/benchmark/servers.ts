/** The servers that are measured: each on a free port and in a folder of its own, unless it is given one. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../test/support/reference.js';

export const script = fileURLToPath(new URL('../../../scripts/pigeonhole', import.meta.url));

export interface Program {
  name: string;
  command: (port: number) => readonly string[];
}

const KEEPS_NOTHING = ['--save', '', '--appendonly', 'no'];

export const redisServer: Program = {
  name: 'redis-server',
  command: (port) => ['redis-server', '--port', String(port), ...KEEPS_NOTHING],
};

export const node: Program = {
  name: 'pigeonhole',
  command: (port) => [script, 'start', '--port', String(port), '--line-port', '0', ...KEEPS_NOTHING],
};

/** Servers that run: they end with the bench, also when that is interrupted. */
const running = new Set<ChildProcess>();
process.once('exit', () => running.forEach((child) => child.kill('SIGKILL')));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

export interface Server {
  name: string;
  pid: number;
  port: number;
  /** From the start of the process until it said that it is ready. */
  readyMs: number;
  /** What it said until then. */
  said: string;
  stop(): Promise<void>;
}

/**
 * Starts a program and waits until it says that it is ready. Rejects, with what it said, when it ends before. A folder
 * that it is given stays; its own one is removed when it stops.
 */
export async function start(program: Program, given?: string): Promise<Server> {
  const folder = given ?? mkdtempSync(join(tmpdir(), 'pigeonhole-bench-'));
  const port = await freePort();
  const [file = '', ...args] = program.command(port);
  const startMs = performance.now();
  const child = spawn(file, args, { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
  running.add(child);
  const gone = once(child, 'exit').then(() => running.delete(child));
  let output = '';
  const readyMs = await new Promise<number>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (output.includes('Ready to accept connections')) resolve(performance.now() - startMs);
    });
    child.once('exit', () => reject(new Error(`${program.name} did not start:\n${output}`)));
  });
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await gone;
    if (given === undefined) rmSync(folder, { recursive: true, force: true });
  };
  return { name: program.name, pid: child.pid!, port, readyMs, said: output, stop };
}

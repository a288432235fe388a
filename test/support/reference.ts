/** The reference: a real redis-server for the tests that compare with one. Version 7.0.15, from Debian. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const REFERENCE_VERSION = '7.0.15';

/** The version of the redis-server on this machine, or undefined. */
export function installedReference(): string | undefined {
  try {
    return /v=([\d.]+)/.exec(execFileSync('redis-server', ['--version'], { encoding: 'utf8' }))?.[1];
  } catch {
    return undefined;
  }
}

/** Whether redis-cli is on this machine. */
export const hasRedisCli = spawnSync('redis-cli', ['--version']).status === 0;

export interface Reference {
  port: number;
  process: ChildProcess;
  stop(): Promise<void>;
}

// A test process that is ended must take its servers with it: a signal ends it by way of `exit`.
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(1));

/** Starts redis-server on a free port, without persistence, in a folder of its own. */
export async function startReference(...flags: string[]): Promise<Reference> {
  const folder = mkdtempSync(join(tmpdir(), 'pigeonhole-reference-'));
  const port = await freePort();
  const args = ['--port', String(port), '--save', '', '--appendonly', 'no', '--dir', folder, '--enable-debug-command', 'yes'];
  const child = spawn('redis-server', [...args, ...flags], { stdio: ['ignore', 'pipe', 'inherit'] });
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  await new Promise<void>((resolve, reject) => {
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (output.includes('Ready to accept connections')) resolve();
    });
    child.once('exit', () => reject(new Error(`redis-server did not start:\n${output}`)));
  });
  const stop = async (): Promise<void> => {
    const gone = new Promise((resolve) => child.once('exit', resolve));
    process.off('exit', kill);
    kill();
    await gone;
    rmSync(folder, { recursive: true, force: true });
  };
  return { port, process: child, stop };
}

const FIRST_PORT = 10_000;
const PORTS = 20_000;
/** Where the next port is looked for. Each process begins elsewhere. */
let portsAsked = Math.floor(Math.random() * PORTS);

/**
 * A port that nobody listened on a moment ago, and that was not given out here before. It lies below those that the
 * system gives to outgoing connections, so that none of the other tests' connections takes it meanwhile.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST_PORT + (portsAsked++ % PORTS);
    if (await isFree(port)) return port;
  }
}

/** `count` different ones. */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) ports.add(await freePort());
  return [...ports];
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** The command `pigeonhole`, run as processes of their own in a folder of the test's, which is removed with them. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { waitFor } from './wait-for.js';

export const main = new URL('../../lib/cli/main.js', import.meta.url).pathname;

/** Settings of a node on free ports of this machine. */
export const FREE = ['--port', 'any', '--line-port', 'any', '--bind', '127.0.0.1'];

export class Run {
  output = '';
  errors = '';
  readonly ended: Promise<number | null>;

  constructor(readonly child: ChildProcess) {
    child.stdout!.on('data', (text: Buffer) => (this.output += text.toString()));
    child.stderr!.on('data', (text: Buffer) => (this.errors += text.toString()));
    this.ended = once(child, 'close').then(([code]) => code as number | null);
  }

  /** Waits until the output has a match and gives its first group. */
  async find(pattern: RegExp): Promise<string> {
    let isOver = false;
    void this.ended.then(() => (isOver = true));
    try {
      await waitFor(() => pattern.test(this.output) || isOver, String(pattern));
    } catch (error) {
      throw new Error(`${String(error)} in:\n${this.output}${this.errors}`, { cause: error });
    }
    const match = pattern.exec(this.output);
    if (match === null) throw new Error(`${String(pattern)} is not in:\n${this.output}${this.errors}`);
    return match[1] ?? match[0];
  }

  type(keys: string): void {
    this.child.stdin!.write(keys);
  }
}

/** How a command ended and what it printed. */
export type Done = [code: number | null, output: string, errors: string];

/** A folder in which a node is operated. */
export class Folder {
  readonly path = mkdtempSync(join(tmpdir(), 'pigeonhole-control-'));
  /** Where nodes of this folder keep their things, when their name is the built-in one. */
  readonly place = join(this.path, 'tmp', 'pigeonhole');

  constructor(private readonly environment: Record<string, string> = {}) {}

  /** Starts the command. */
  run(args: readonly string[], environment: Record<string, string> = {}): Run {
    return new Run(this.spawn(process.execPath, [main, ...args], environment));
  }

  spawn(program: string, args: readonly string[], environment: Record<string, string> = {}): ChildProcess {
    const env = { PATH: process.env.PATH, HOME: this.path, ...this.environment, ...environment };
    return spawn(program, args, { cwd: this.path, env, stdio: ['pipe', 'pipe', 'pipe'] });
  }

  /** Runs the command to its end. */
  async do(args: readonly string[], environment: Record<string, string> = {}): Promise<Done> {
    const run = this.run(args, environment);
    const code = await run.ended;
    return [code, run.output, run.errors];
  }

  write(file: string, content: string): void {
    writeFileSync(join(this.path, file), content);
  }

  read(file: string): string {
    const path = join(this.path, file);
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  }

  get log(): string {
    return this.read('tmp/pigeonhole/log/pigeonhole.log');
  }

  /** Waits until the log of the node in the background has a match and gives its first group. */
  async findInLog(pattern: RegExp): Promise<string> {
    await waitFor(() => pattern.test(this.log), String(pattern));
    const match = pattern.exec(this.log)!;
    return match[1] ?? match[0];
  }

  /** Kills what a failed test may have left, and removes the folder. */
  remove(): void {
    for (const file of ['pigeonhole.heart.pid', 'pigeonhole.pid']) {
      const pid = Number(this.read(join('tmp', 'pigeonhole', file)));
      try {
        if (pid > 0) process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended.
      }
    }
    rmSync(this.path, { recursive: true, force: true });
  }
}

export function inFolder(t: ExecutionContext, environment: Record<string, string> = {}): Folder {
  const folder = new Folder(environment);
  t.teardown(() => folder.remove());
  return folder;
}

export const hasPython = spawnSync('python3', ['-c', 'import pty']).status === 0;

/** Runs the command on a terminal of its own (a pseudo-terminal, made by Python's module pty). */
export function onTerminal(folder: Folder, args: readonly string[]): Run {
  const relay = 'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))';
  const command = ['-c', relay, process.execPath, main, ...args];
  return new Run(folder.spawn('python3', command, { TERM: 'xterm', NO_COLOR: '1' }));
}

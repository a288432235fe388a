/** Runs the command `pigeonhole` as a process of its own, in an empty folder. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';

const main = new URL('../../lib/cli/main.js', import.meta.url).pathname;

export class Run {
  output = '';
  errors = '';
  readonly ended: Promise<number | null>;

  constructor(
    readonly child: ChildProcess,
    readonly folder: string,
  ) {
    child.stdout!.on('data', (text: Buffer) => (this.output += text.toString()));
    child.stderr!.on('data', (text: Buffer) => (this.errors += text.toString()));
    this.ended = once(child, 'close').then(([code]) => code as number | null);
  }

  /** Waits until the output has a match and gives its first group. */
  async find(pattern: RegExp): Promise<string> {
    for (;;) {
      const match = pattern.exec(this.output);
      if (match) return match[1] ?? match[0];
      const more = once(this.child.stdout!, 'data').then(() => false);
      const isOver = await Promise.race([this.ended.then(() => true), more]);
      if (isOver && !pattern.test(this.output)) throw new Error(`not in:\n${this.output}${this.errors}`);
    }
  }
}

/** Runs `pigeonhole`, or another `program`, with these arguments, in a folder with these files. */
export function run(
  t: ExecutionContext,
  args: string[],
  environment: Record<string, string> = {},
  files: Record<string, string> = {},
  program = main,
): Run {
  const folder = mkdtempSync(join(tmpdir(), 'pigeonhole-cli-'));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  const env = { PATH: process.env.PATH, ...environment };
  const child = spawn(process.execPath, [program, ...args], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  t.teardown(() => {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  });
  return new Run(child, folder);
}

/** A project of its own in a temporary folder, whose releases tests build, start and break. */
import { type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const checkout = new URL('../../../', import.meta.url).pathname;

export interface Ended {
  code: number | null;
  output: string;
  errors: string;
}

/** Runs a program to its end. `input` is what it can read; without, its standard input is empty. */
export async function runToEnd(
  file: string, args: readonly string[], options: SpawnOptions & { input?: string } = {},
): Promise<Ended> {
  const { input = '', ...others } = options;
  const child = spawn(file, args, { ...others, stdio: 'pipe' });
  let output = '';
  let errors = '';
  child.stdout.on('data', (text: Buffer) => (output += text.toString()));
  child.stderr.on('data', (text: Buffer) => (errors += text.toString()));
  // One that does not read its input closes it.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output, errors };
}

export class ReleaseProject {
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), 'pigeonhole-release-')));

  /** With the config of this checkout, but for the files given here. */
  constructor(files: Readonly<Record<string, string>> = {}) {
    for (const path of ['package.json', 'config']) {
      cpSync(join(checkout, path), join(this.folder, path), { recursive: true });
    }
    for (const [path, content] of Object.entries(files)) this.write(path, content);
  }

  write(path: string, content: string): void {
    mkdirSync(dirname(join(this.folder, path)), { recursive: true });
    writeFileSync(join(this.folder, path), content);
  }

  /** Runs scripts/build-release or scripts/release-init, without compiling first. */
  script(name: 'build-release' | 'release-init', args: readonly string[], input = ''): Promise<Ended> {
    const script = join(checkout, `build/scripts/release/${name}.js`);
    return runToEnd(process.execPath, [script, ...args], { cwd: this.folder, input });
  }

  /** Builds without a word, and throws when it fails. */
  async build(...args: string[]): Promise<void> {
    const { code, errors } = await this.script('build-release', [...args, '--quiet']);
    if (code !== 0) throw new Error(errors);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

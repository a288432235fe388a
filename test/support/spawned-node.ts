/** Starts nodes in processes of their own (node-process.ts), for tests that stop or cut off a node hard. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface SpawnedNode {
  port: number;
  process: ChildProcess;
  kill(): Promise<void>;
}

const program = fileURLToPath(new URL('node-process.js', import.meta.url));

/** A node on its way. */
export interface StartingNode {
  process: ChildProcess;
  /** Resolves with the port when it has loaded its data. Rejects when it ends before that. */
  started: Promise<number>;
  kill: () => Promise<void>;
}

/** Starts a node, by `command` when one is given (such as `ip netns exec ...`), and waits until it accepts clients. */
export async function spawnNode(
  settings: Readonly<Record<string, string>>, command: readonly string[] = [],
): Promise<SpawnedNode> {
  const { process: child, started, kill } = beginNode(settings, command);
  return { port: await started, process: child, kill };
}

/** Starts a node and does not wait. */
export function beginNode(settings: Readonly<Record<string, string>>, command: readonly string[] = []): StartingNode {
  const [file, ...args] = [...command, process.execPath, program, JSON.stringify(settings)];
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const started = new Promise<number>((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', (line) => resolve(Number(line)));
    child.once('exit', (code) => reject(new Error(`the node did not start: exit ${String(code)}`)));
  });
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  };
  return { process: child, started, kill };
}

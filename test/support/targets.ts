/**
 * Targets: what a test can send requests to. Rows and generated commands run against any of them, and the replies of
 * two can be compared.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { REFERENCE_VERSION, installedReference, startReference } from './reference.js';
import { Settings } from '../../lib/config/settings.js';
import { Node } from '../../lib/server.js';
import { silentLog } from '../../lib/util/log.js';
import { inMemory } from './in-memory.js';

export interface Running {
  port: number;
  stop(): Promise<void>;
}

export interface Target {
  name: string;
  isAvailable: boolean;
  start(settings?: Readonly<Record<string, string>>): Promise<Running>;
}

/** A node of ours in this process, on a port that the system chose. */
export async function startNode(settings: Readonly<Record<string, string>> = {}): Promise<Node> {
  const all = { ...inMemory, port: 'any', 'line-port': '0', bind: '127.0.0.1', 'enable-debug-command': 'yes', ...settings };
  const node = new Node({ settings: new Settings(all), log: silentLog });
  await node.start();
  return node;
}

/** A node of ours in a process of its own, which goes when this one does. */
async function startNodeProcess(settings: Readonly<Record<string, string>> = {}): Promise<Running> {
  const program = fileURLToPath(new URL('node-process.js', import.meta.url));
  const child = spawn(process.execPath, [program, JSON.stringify(settings)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const gone = once(child, 'exit');
  const [line] = (await Promise.race([once(child.stdout, 'data'), gone])) as [unknown];
  if (!Buffer.isBuffer(line)) throw new Error('the node did not start');
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await gone;
  };
  return { port: Number(line.toString()), stop };
}

export const oneNode: Target = { name: 'a node', isAvailable: true, start: startNode };

export const nodeProcess: Target = { name: 'a node in a process', isAvailable: true, start: startNodeProcess };

/**
 * Settings of random tests: strings of half a gigabyte would be all that they do, and a set of more than 512 integers
 * or a dense HyperLogLog would be rare, and so would streams of several nodes.
 */
export const smallLimits = {
  'proto-max-bulk-len': '1048576', 'set-max-intset-entries': '24', 'hll-sparse-max-bytes': '500',
  'stream-node-max-entries': '6',
};

export const reference: Target = {
  name: 'redis-server',
  isAvailable: installedReference() === REFERENCE_VERSION,
  start: (settings = {}) =>
    startReference(...Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])),
};

/** Why the tests that need the reference are skipped; undefined when it is there. */
export const whyNoReference = reference.isAvailable
  ? undefined
  : `redis-server ${REFERENCE_VERSION} is not installed; tests that ask it are skipped`;

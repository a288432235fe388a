/** Nodes that keep their data on a disk in memory (memory-files.ts). */
import type { ExecutionContext } from 'ava';
import type { MemoryFiles } from './memory-files.js';
import { Settings } from '../../lib/config/settings.js';
import { Node } from '../../lib/server.js';
import { Log } from '../../lib/util/log.js';
import { RawClient } from './raw-client.js';
import { waitFor } from './wait-for.js';

export interface Durable {
  node: Node;
  /** What it has said. */
  log: string[];
}

/**
 * Starts a node whose folder is /data on this disk, with `appendonly yes`. It is stopped with the test. `onListening`
 * is called when clients reach it, and before it loads.
 */
export async function startDurable(
  t: ExecutionContext, files: MemoryFiles, settings: Readonly<Record<string, string>> = {},
  onListening: (node: Node) => void = () => undefined,
): Promise<Durable> {
  const log: string[] = [];
  const all = {
    port: 'any', 'line-port': '0', bind: '127.0.0.1', 'enable-debug-command': 'yes', appendonly: 'yes', dir: '/data',
    ...settings,
  };
  const node = new Node({ settings: new Settings(all), log: new Log((line) => log.push(line)), files });
  node.onListening = () => onListening(node);
  await node.start();
  stopWith(t, node);
  return { node, log };
}

/** Lets go of a node that the test has stopped itself: one that starts hundreds of them would keep all in memory. */
function stopWith(t: ExecutionContext, node: Node): void {
  const running = new Set([node]);
  t.teardown(() => Promise.all([...running].map((each) => each.stop())));
  forgetWhenStopped(node, running);
}

/** Not in the function above, whose variables the test keeps to its end. */
function forgetWhenStopped(node: Node, running: Set<Node>): void {
  const stop = node.stop.bind(node);
  node.stop = async () => {
    await stop();
    running.clear();
  };
}

/** Writes something, and waits until there is filler behind it and the disk is at rest. */
export async function fillLog(port: number, files: MemoryFiles): Promise<void> {
  const client = await RawClient.connect(port);
  await client.ask('SET filling 1');
  await waitFor(async () => {
    const isSyncing = (await client.ask('INFO persistence')).includes('aof_pending_bio_fsync:1');
    return !isSyncing && files.find('.incr.aof').toString('latin1').endsWith('###\n');
  }, 'the filler');
  client.close();
}

/** The records of a log as request lines, without seals and other annotations. */
export function recordsOf(log: Buffer): string[] {
  const records: string[] = [];
  const text = log.toString('latin1');
  for (let at = 0; at < text.length;) {
    const lineEnd = text.indexOf('\r\n', at);
    if (text[at] === '#') {
      at = lineEnd + 2;
      continue;
    }
    const words: string[] = [];
    const count = Number(text.slice(at + 1, lineEnd));
    at = lineEnd + 2;
    for (let i = 0; i < count; i++) {
      const end = text.indexOf('\r\n', at);
      const length = Number(text.slice(at + 1, end));
      words.push(text.slice(end + 2, end + 2 + length));
      at = end + 2 + length + 2;
    }
    records.push(words.join(' '));
  }
  return records;
}

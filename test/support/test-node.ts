/** A node in the test's own process, on free ports of the loopback address, stopped when the test ends. */
import type { ExecutionContext } from 'ava';
import { Settings } from '../../lib/config/settings.js';
import { Node } from '../../lib/server.js';
import { silentLog } from '../../lib/util/log.js';
import { inMemory } from './in-memory.js';

export async function startTestNode(t: ExecutionContext, settings: Record<string, string> = {}): Promise<Node> {
  const given = { ...inMemory, port: 'any', 'line-port': 'any', bind: '127.0.0.1', ...settings };
  const node = new Node({ settings: new Settings(given), log: silentLog });
  await node.start();
  t.teardown(() => node.stop());
  return node;
}

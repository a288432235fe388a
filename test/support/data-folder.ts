/** A data folder of a test's own, nodes in it, and requests to whatever server it is. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { RawClient, encode } from './raw-client.js';
import { startNode } from './targets.js';
import type { Node } from '../../lib/server.js';

/** A new folder, which goes with the test. */
export function newFolder(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'pigeonhole-data-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A node on the folder, and a client of it. */
export async function startIn(
  t: ExecutionContext, dir: string, settings: Record<string, string> = {},
): Promise<[Node, RawClient]> {
  const node = await startNode({ dir, ...settings });
  const client = await RawClient.connect(node.port);
  t.teardown(async () => {
    client.close();
    await node.stop();
  });
  return [node, client];
}

/** Sends a request and gives its reply, as bytes. */
export type Ask = (...request: (string | Buffer)[]) => Promise<string>;

export async function askerOf(t: ExecutionContext, port: number): Promise<Ask> {
  const client = await RawClient.connect(port);
  t.teardown(() => client.close());
  return (...request) => {
    client.send(encode(request));
    return client.reply();
  };
}

/** A node and a redis-server, both empty, asked side by side. */
import type { ExecutionContext } from 'ava';
import { RawClient, encode } from './raw-client.js';
import { type Running, oneNode, reference } from './targets.js';

/** Sends a request and gives the raw reply, one char a byte. */
export type Ask = (...request: string[]) => Promise<string>;

export interface Pair {
  t: ExecutionContext;
  ours: Ask;
  theirs: Ask;
  ourPort: number;
  theirPort: number;
}

/** Both go with the test. */
export async function startPair(t: ExecutionContext, settings: Readonly<Record<string, string>> = {}): Promise<Pair> {
  const node = await oneNode.start(settings);
  const server = await reference.start(settings);
  const [ours, theirs] = [await ask(t, node), await ask(t, server)];
  return { t, ours, theirs, ourPort: node.port, theirPort: server.port };
}

async function ask(t: ExecutionContext, server: Running): Promise<Ask> {
  const client = await RawClient.connect(server.port);
  t.teardown(async () => {
    client.close();
    await server.stop();
  });
  return (...request) => {
    client.send(encode(request));
    return client.reply();
  };
}

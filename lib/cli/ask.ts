/** Asks the node that the settings lead to: what verbs do that talk to a running node. */
import type { Settings } from '../config/settings.js';
import { ConfigError } from '../config/sources.js';

/** The replies to requests, sent one after the other. Throws ConfigError when the node is not there or refuses one. */
export async function askNode(settings: Settings, ...requests: readonly (readonly string[])[]): Promise<unknown[]> {
  // Loaded here: it would cost a node that starts a quarter of its time until it is ready.
  const { Redis } = await import('ioredis');
  const port = settings.integer('port');
  const password = settings.text('requirepass');
  const client = new Redis({
    port, host: '127.0.0.1', lazyConnect: true, enableReadyCheck: false, retryStrategy: () => null, maxRetriesPerRequest: 0,
    ...(password === '' ? {} : { password }),
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const replies: unknown[] = [];
    for (const [command, ...args] of requests) replies.push(await client.call(command!, ...args));
    return replies;
  } catch (error) {
    const { message } = error as Error;
    const isGone = message === 'Connection is closed.';
    throw new ConfigError(isGone ? `no node answers on port ${port}: start one, or name another with --port` : message);
  } finally {
    client.disconnect();
  }
}

/** Keyspace events: which ones a server publishes for each request. */
import { RawClient, encode } from './raw-client.js';
import { type RespValue, decode } from './resp-value.js';

/** `channel message` for each event that a request was the cause of. */
export type Events = string[];

const MARK = 'the-request-is-over';

/**
 * The events of each request, on an empty server. Of buckets that expire it depends on the time with which request
 * they go, so that event is left out.
 */
export async function eventsOf(port: number, requests: readonly (readonly string[])[]): Promise<Events[]> {
  const client = await RawClient.connect(port);
  const subscriber = await RawClient.connect(port);
  try {
    await client.ask('FLUSHALL');
    await client.ask('CONFIG SET notify-keyspace-events KEAmn');
    await subscriber.ask('PSUBSCRIBE *');
    client.send(Buffer.concat(requests.flatMap((request) => [encode(request), encode(['PUBLISH', MARK, ''])])));
    const events: Events[] = [[]];
    while (events.length <= requests.length) {
      const message = decode(await subscriber.reply());
      const [, , channel, text] = (message as RespValue[]).map(String);
      if (channel === MARK) events.push([]);
      else if (text !== 'expired' && !channel!.endsWith(':expired')) events.at(-1)!.push(`${channel!} ${text!}`);
    }
    return events.slice(0, -1);
  } finally {
    client.close();
    subscriber.close();
  }
}

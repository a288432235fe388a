/** Which moment the commands of one batch see, here and on redis-server. */
import type { ExecutionContext } from 'ava';
import { RawClient, encode, parts } from '../support/raw-client.js';
import { referenceTest, withNodeAndReference } from '../support/macros.js';

/** The replies to requests that are sent in one piece. */
async function batch(t: ExecutionContext, port: number, requests: readonly string[]): Promise<string[]> {
  const client = await RawClient.connect(port);
  t.teardown(() => client.close());
  client.send(Buffer.concat(requests.map((request) => encode(parts(request)))));
  const replies: string[] = [];
  for (const _request of requests) replies.push(await client.reply());
  return replies;
}

referenceTest('a command behind a slow one in its batch sees a later moment', withNodeAndReference, async (t, node, reference) => {
  const requests = ['SET name value PX 5', 'DEBUG SLEEP 0.006', 'GET name', 'DBSIZE'];
  const expected = ['+OK\r\n', '+OK\r\n', '$-1\r\n', ':0\r\n'];
  t.deepEqual(await batch(t, reference.port, requests), expected);
  t.deepEqual(await batch(t, node.port, requests), expected);
});

referenceTest('all commands of a transaction see one moment', withNodeAndReference, async (t, node, reference) => {
  const requests = ['MULTI', 'SET name value PX 5', 'DEBUG SLEEP 0.006', 'GET name', 'EXEC', 'GET name'];
  const expected = [
    '+OK\r\n', ...Array<string>(3).fill('+QUEUED\r\n'), '*3\r\n+OK\r\n+OK\r\n$5\r\nvalue\r\n', '$-1\r\n',
  ];
  t.deepEqual(await batch(t, reference.port, requests), expected);
  t.deepEqual(await batch(t, node.port, requests), expected);
});

/** CLIENT TRACKING with REDIRECT, whose requests name a client by its number: a node answers as redis-server does. */
import test from 'ava';
import { referenceTest, withNode, withNodeAndReference } from '../support/macros.js';
import { RawClient } from '../support/raw-client.js';

/** The client that asks, and what; `ID` stands for the number of client 1. */
type Step = readonly [client: 1 | 2 | 3, request: string];

async function replies(port: number, steps: readonly Step[]): Promise<string[]> {
  // Numbers that stand for nothing else in the replies.
  for (let i = 0; i < 30; i++) (await RawClient.connect(port)).close();
  const clients = [await RawClient.connect(port), await RawClient.connect(port), await RawClient.connect(port)];
  await clients[2]!.ask('FLUSHALL');
  const id = /\d+/.exec(await clients[0]!.ask('CLIENT ID'))![0];
  const got: string[] = [];
  for (const [client, request] of steps) {
    const reply = await clients[client - 1]!.ask(request.replace('ID', id));
    const shown = reply.replace(/^.*\r\n(txt:)?id=.* flags=/, 'flags=').replace(/ db=.* redir/, ' redir');
    got.push(`${client}> ${request} ${shown.replace(new RegExp(`([:=])${id}\\b`, 'g'), '$1ID')}`);
  }
  for (const client of clients) client.close();
  return got;
}

const redirected: readonly Step[] = [
  [1, 'SUBSCRIBE __redis__:invalidate'], [2, 'CLIENT TRACKING ON REDIRECT ID'], [2, 'CLIENT GETREDIR'],
  [2, 'CLIENT TRACKINGINFO'], [2, 'GET k'], [3, 'SET k 1'], [1, 'PING'], [2, 'GET k'], [2, 'SET k 2'], [1, 'PING'],
  [3, 'FLUSHALL'], [1, 'PING'], [2, 'FLUSHDB'], [1, 'PING'], [2, 'CLIENT TRACKING ON REDIRECT ID REDIRECT ID'],
  [2, 'CLIENT INFO'],
];

const broken: readonly Step[] = [
  [2, 'HELLO 3'], [2, 'CLIENT TRACKING ON REDIRECT ID'], [2, 'GET k'], [3, 'SET k 0'], [1, 'QUIT'], [2, 'GET k'],
  [3, 'SET k 1'], [2, 'PING'], [2, 'PING'], [2, 'CLIENT TRACKINGINFO'], [2, 'CLIENT INFO'],
];

const toResp3: readonly Step[] = [
  [1, 'HELLO 3'], [2, 'CLIENT TRACKING ON REDIRECT ID'], [2, 'GET k'], [3, 'SET k 0'], [1, 'PING'], [1, 'PING'],
  [3, 'FLUSHALL'], [1, 'PING'],
];

for (const [title, steps] of Object.entries({ redirected, broken, toResp3 })) {
  referenceTest(`${title}: replies are redis-server's`, withNodeAndReference, async (t, node, reference) => {
    const withoutHello = (all: string[]): string[] => all.filter((each) => !each.includes('HELLO'));
    t.deepEqual(withoutHello(await replies(node.port, steps)), withoutHello(await replies(reference.port, steps)));
  });
}

test('what does not fit in the table is told as if it had changed', withNode, async (t, node) => {
  node.state.settings.set('tracking-table-max-keys', '2');
  const client = await RawClient.connect(node.port);
  await client.ask('HELLO 3');
  await client.ask('CLIENT TRACKING ON');
  for (const key of ['a', 'b']) await client.ask(`GET ${key}`);
  t.is(await client.ask('GET c'), '_\r\n');
  t.is(await client.ask('PING'), '>2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\na\r\n');
  const { tracking } = node.state;
  t.deepEqual([tracking.keyCount, tracking.readCount, tracking.clientCount], [2, 2, 1]);
  client.close();
});

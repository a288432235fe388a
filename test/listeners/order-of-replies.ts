/** In which order replies leave, what waits for what, and what becomes of promises when a client goes. */
import test from 'ava';
import type { Deferred } from '../../lib/commands/context.js';
import { RawClient } from '../support/raw-client.js';
import { startTestNode } from '../support/test-node.js';
import { waitFor } from '../support/wait-for.js';
import type { Node } from '../../lib/server.js';
import type { ExecutionContext } from 'ava';

/** A node on which GET of a key that begins with `later` or `hold` is promised, and what it has promised, by key. */
async function startPromising(t: ExecutionContext): Promise<{ node: Node; promised: Map<string, Deferred> }> {
  const node = await startTestNode(t);
  const promised = new Map<string, Deferred>();
  node.executor.router = {
    tellOwners: () => undefined,
    admitToTransaction: () => undefined,
    route: (session, command, args) => {
      const key = args.count > 1 ? args.text(1) : '';
      if (command.name !== 'get' || !/^(later|hold)/.test(key)) return false;
      promised.set(key, session.defer(key.startsWith('hold')));
      return true;
    },
  };
  return { node, promised };
}

const reply = (text: string): Buffer[] => [Buffer.from(`+${text}\r\n`)];

test('a reply that is owed holds back the replies behind it', async (t) => {
  const { node, promised } = await startPromising(t);
  const client = await RawClient.connect(node.port);
  client.send('PING one\r\nGET later1\r\nPING two\r\nGET later2\r\nPING three\r\nSET behind 1\r\n');
  t.is(await client.reply(), '$3\r\none\r\n');
  await waitFor(() => promised.size === 2, 'both promises');
  promised.get('later2')!.complete(reply('second'));
  // What stands behind a promise has been run all the same.
  const other = await RawClient.connect(node.port);
  t.is(await other.ask('GET behind'), '$1\r\n1\r\n');
  promised.get('later1')!.complete(reply('first'));
  const replies: string[] = [];
  for (let count = 0; count < 5; count++) replies.push(await client.reply());
  t.deepEqual(replies, ['+first\r\n', '$3\r\ntwo\r\n', '+second\r\n', '$5\r\nthree\r\n', '+OK\r\n']);
});

test('a client that holds itself runs nothing more until its reply is there', async (t) => {
  const { node, promised } = await startPromising(t);
  const client = await RawClient.connect(node.port);
  const other = await RawClient.connect(node.port);
  client.send('GET hold\r\nSET behind 1\r\nGET behind\r\n');
  await waitFor(() => promised.size === 1, 'the promise');
  t.is(await other.ask('GET behind'), '$-1\r\n');
  promised.get('hold')!.complete(reply('now'));
  t.is(await client.reply(), '+now\r\n');
  t.is(await client.reply(), '+OK\r\n');
  t.is(await client.reply(), '$1\r\n1\r\n');
});

test('a client that leaves while it waits is forgotten', async (t) => {
  const { node, promised } = await startPromising(t);
  const client = await RawClient.connect(node.port);
  client.send('GET hold\r\nSET behind 1\r\n');
  await waitFor(() => promised.size === 1, 'the promise');
  const abandoned = new Promise<void>((resolve) => (promised.get('hold')!.onAbandoned = resolve));
  client.close();
  await abandoned;
  await waitFor(() => node.state.clients.size === 0, 'the client to be gone');
  promised.get('hold')!.complete(reply('too late'));
  const other = await RawClient.connect(node.port);
  t.is(await other.ask('GET behind'), '$-1\r\n');
});

test('a client that has closed its side still gets the replies that it is owed', async (t) => {
  const { node, promised } = await startPromising(t);
  const client = await RawClient.connect(node.port);
  client.socket.end('GET later\r\nPING behind\r\n');
  await waitFor(() => promised.size === 1, 'the promise');
  promised.get('later')!.complete(reply('later'));
  t.is(await client.untilClosed(), '+later\r\n$6\r\nbehind\r\n');
});

test('a completion that comes while another client runs does not mix their replies', async (t) => {
  const { node, promised } = await startPromising(t);
  const { router } = node.executor;
  // SET of the key `wake`, by another client, keeps the promise and lets what waits behind it go on.
  node.executor.router = {
    tellOwners: () => undefined,
    admitToTransaction: () => undefined,
    route: (session, command, args, writer) => {
      if (command.name === 'set' && args.text(1) === 'wake') promised.get('hold')!.complete(reply('woken'));
      return router!.route(session, command, args, writer);
    },
  };
  const client = await RawClient.connect(node.port);
  const other = await RawClient.connect(node.port);
  client.send('GET hold\r\nPING mine\r\n');
  await waitFor(() => promised.size === 1, 'the promise');
  other.send('PING before\r\nSET wake 1\r\nPING after\r\n');
  const others = [await other.reply(), await other.reply(), await other.reply()];
  t.deepEqual(others, ['$6\r\nbefore\r\n', '+OK\r\n', '$5\r\nafter\r\n']);
  t.is(await client.reply(), '+woken\r\n');
  t.is(await client.reply(), '$4\r\nmine\r\n');
});

test('a promise that is kept at once stands in its place', async (t) => {
  const node = await startTestNode(t);
  node.executor.router = {
    tellOwners: () => undefined,
    admitToTransaction: () => undefined,
    route: (session, command, args) => {
      if (command.name !== 'get') return false;
      session.defer(true).complete(reply(args.text(1)));
      return true;
    },
  };
  const client = await RawClient.connect(node.port);
  client.send('PING a\r\nGET b\r\nPING c\r\nGET d\r\n');
  const replies = [await client.reply(), await client.reply(), await client.reply(), await client.reply()];
  t.deepEqual(replies, ['$1\r\na\r\n', '+b\r\n', '$1\r\nc\r\n', '+d\r\n']);
});

test('QUIT sends what is owed before it closes, and runs nothing behind it', async (t) => {
  const { node, promised } = await startPromising(t);
  const client = await RawClient.connect(node.port);
  client.send('GET later\r\nQUIT\r\nSET behind 1\r\n');
  await waitFor(() => promised.size === 1, 'the promise');
  promised.get('later')!.complete(reply('later'));
  t.is(await client.untilClosed(), '+later\r\n+OK\r\n');
  const other = await RawClient.connect(node.port);
  t.is(await other.ask('GET behind'), '$-1\r\n');
});

test('an unwanted reply stays away also when it comes later', async (t) => {
  const { node, promised } = await startPromising(t);
  const client = await RawClient.connect(node.port);
  client.send('PING before\r\nCLIENT REPLY SKIP\r\nGET later\r\nPING behind\r\n');
  await waitFor(() => promised.size === 1, 'the promise');
  promised.get('later')!.complete(reply('later'));
  t.is(await client.reply(), '$6\r\nbefore\r\n');
  t.is(await client.reply(), '$6\r\nbehind\r\n');
});

test('a stopping node delivers the replies to what it has run', async (t) => {
  const { node, promised } = await startPromising(t);
  const client = await RawClient.connect(node.port);
  const waiting = await RawClient.connect(node.port);
  client.send('PING before\r\nGET later\r\n');
  waiting.send('GET hold\r\n');
  await waitFor(() => promised.size === 2, 'both promises');
  const stopped = node.stop();
  promised.get('later')!.complete(reply('later'));
  t.is(await client.untilClosed(), '$6\r\nbefore\r\n+later\r\n');
  // Who waits for something to happen waits in vain.
  t.is(await waiting.untilClosed(), '');
  await stopped;
});

test('requests that arrive with the end of the stream are answered', async (t) => {
  const node = await startTestNode(t);
  const client = await RawClient.connect(node.port);
  client.socket.end('PING\r\nPING two\r\n');
  t.is(await client.untilClosed(), '+PONG\r\n$3\r\ntwo\r\n');
});

test('a handler that fails with a mistake of ours answers, and the node goes on', async (t) => {
  const node = await startTestNode(t);
  node.executor.router = {
    tellOwners: () => undefined,
    admitToTransaction: () => undefined,
    route: (_session, command) => {
      if (command.name === 'get') throw new TypeError('a mistake');
      return false;
    },
  };
  const client = await RawClient.connect(node.port);
  client.send('PING\r\nGET x\r\nPING\r\n');
  t.is(await client.reply(), '+PONG\r\n');
  t.is(await client.reply(), '-ERR internal error\r\n');
  t.is(await client.reply(), '+PONG\r\n');
});

/**
 * A client that waits at the one node which owns its keys, through a node that owns nothing (cluster/far-block.ts), and
 * leaves or is unblocked exactly while what was taken for it is on its way.
 */
import test, { type ExecutionContext } from 'ava';
import { TestCluster } from '../support/cluster.js';
import { Gate } from '../support/gate.js';
import { RawClient } from '../support/raw-client.js';
import { waitFor } from '../support/wait-for.js';
import { dial } from '../../lib/cluster/wire.js';

interface Scene {
  cluster: TestCluster;
  gate: Gate;
  bar: RawClient;
  waiter: RawClient;
  id: string;
  heard: Promise<string>;
}

/** One client of a node that owns nothing waits for a bucket of bar. */
async function oneWaits(t: ExecutionContext, request: string, protocol = 2): Promise<Scene> {
  const gate = new Gate();
  const cluster = new TestCluster({
    names: ['front', 'foo', 'bar'], dialOf: (name) => (name === 'front' ? gate.dial : dial),
  });
  t.teardown(() => cluster.stop());
  await cluster.start();
  const bar = await RawClient.connect(cluster.port('bar'));
  const waiter = await RawClient.connect(cluster.port('front'));
  await waiter.ask(`HELLO ${protocol}`);
  const id = /\d+/.exec(await waiter.ask('CLIENT ID'))![0];
  const heard = waiter.ask(request);
  await waitFor(() => cluster.node('bar').state.waits.count === 1, 'the client to wait');
  return { cluster, gate, bar, waiter, id, heard };
}

const putBack = test.macro(async (t, request: string, fill: string, look: string, kept: string, protocol: 2 | 3) => {
  const { cluster, gate, bar, waiter, heard } = await oneWaits(t, request, protocol);
  gate.isClosed = true;
  await bar.ask(fill);
  await waitFor(() => gate.has('\r\npile\r\n'), 'what was taken to be on its way');
  t.not(await bar.ask(look), kept);
  const { clients } = cluster.node('front').state;
  const before = clients.size;
  waiter.close();
  await waitFor(() => clients.size < before, 'the client to have gone');
  gate.isClosed = false;
  gate.letPass();
  await waitFor(async () => (await bar.ask(look)) === kept, 'what was taken to be back in its place');
  await heard.catch(() => undefined);
  // The link is as good as new: another client waits over it.
  const next = await RawClient.connect(cluster.port('front'));
  const again = next.ask('BLPOP pool 0');
  await waitFor(() => cluster.node('bar').state.waits.count === 1, 'another client to wait');
  await bar.ask('RPUSH pool one');
  t.is(await again, '*2\r\n$4\r\npool\r\n$3\r\none\r\n');
});

const LIST = 'LRANGE pile 0 -1';
const FILL = 'RPUSH pile a b c';
const ABC = '*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n';
const SCORED = 'ZADD pile 1 a 2.5 b inf c';
const SCORES = '*6\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\nb\r\n$3\r\n2.5\r\n$1\r\nc\r\n$3\r\ninf\r\n';
const ZSET = 'ZRANGE pile 0 -1 WITHSCORES';
test('who leaves takes nothing: BLPOP', putBack, 'BLPOP none pile 0', FILL, LIST, ABC, 2);
test('who leaves takes nothing: BRPOP', putBack, 'BRPOP pile 0', FILL, LIST, ABC, 2);
test('who leaves takes nothing: BLMPOP LEFT', putBack, 'BLMPOP 0 2 pool pile left COUNT 2', FILL, LIST, ABC, 2);
test('who leaves takes nothing: BLMPOP RIGHT', putBack, 'BLMPOP 0 1 pile RIGHT COUNT 2', FILL, LIST, ABC, 3);
test('who leaves takes nothing: BZPOPMIN', putBack, 'BZPOPMIN pile 0', SCORED, ZSET, SCORES, 2);
test('who leaves takes nothing: BZPOPMAX', putBack, 'BZPOPMAX pile 0', SCORED, ZSET, SCORES, 3);
test('who leaves takes nothing: BZMPOP', putBack, 'BZMPOP 0 1 pile MIN COUNT 2', SCORED, ZSET, SCORES, 3);

for (const reason of ['TIMEOUT', 'ERROR']) {
  test(`who is unblocked with ${reason} while an element is on its way gets it`, async (t) => {
    const { cluster, gate, bar, waiter, id, heard } = await oneWaits(t, 'BLPOP pile 0');
    const other = await RawClient.connect(cluster.port('front'));
    gate.isClosed = true;
    await bar.ask('RPUSH pile a');
    await waitFor(() => gate.has('\r\npile\r\n'), 'the element to be on its way');
    t.is(await other.ask(`CLIENT UNBLOCK ${id} ${reason}`), ':1\r\n');
    gate.isClosed = false;
    gate.letPass();
    t.is(await heard, '*2\r\n$4\r\npile\r\n$1\r\na\r\n');
    t.is(await other.ask(`CLIENT UNBLOCK ${id} ${reason}`), ':0\r\n');
    t.is(await waiter.ask('PING'), '+PONG\r\n');
  });
}

test('who waits is told that a link is lost, and who comes to wait on no link is unblocked', async (t) => {
  const { cluster, waiter, heard, id } = await oneWaits(t, 'BLPOP pile 0');
  const other = await RawClient.connect(cluster.port('front'));
  await cluster.node('bar').stop();
  t.regex(await heard, /^-PEERLOST bar \(.*\): .*; the request may or may not have been executed\r\n$/);
  t.is(await other.ask(`CLIENT UNBLOCK ${id}`), ':0\r\n');
  t.regex(await waiter.ask('BLPOP pile 0'), /^-PEERDOWN bar /);
});

/** What a change of the map would leave behind is counted while clients go on. */
import test from 'ava';
import { LeftBehind } from '../../lib/cluster/left-behind.js';
import { ShardMap } from '../../lib/cluster/shard-map.js';
import { RawClient, encode } from '../support/raw-client.js';
import { startTestNode } from '../support/test-node.js';

const BEFORE = ShardMap.parse('a-m=foo,n-z=bar');
const AFTER = ShardMap.parse('a-j=foo,k-z=bar');
const BUCKETS = 100_000;

test('buckets that come while the others are counted are counted too, and databases may be exchanged', async (t) => {
  const node = await startTestNode(t);
  const client = await RawClient.connect(node.port);
  t.teardown(() => client.close());
  const requests = Array.from({ length: BUCKETS }, (_each, index) => encode(['SET', `apple${index}`, '1']));
  client.send(Buffer.concat(requests));
  for (let i = 0; i < BUCKETS; i++) await client.reply();
  await client.ask('SET lime 1');
  const { store } = node.state;
  const losses = new LeftBehind(store, BEFORE, AFTER, 'foo');
  let isOver = false;
  const counting = losses.countInSlices().then(() => (isOver = true));
  await client.ask('SET kiwi 1');
  await client.ask('SET banana 1');
  await client.ask('CONFIG SET notify-keyspace-events KEAn');
  await client.ask('SET lemon 1');
  t.false(isOver, 'the client has been served meanwhile');
  await counting;
  t.deepEqual([...losses.counts.keys()], ["'k-z=bar'"]);
  t.true(losses.total >= 3 && losses.total <= 5, 'the new ones once or twice');
  t.not(store.onAdded, undefined, 'the event that was asked for meanwhile is published');
  await client.ask('CONFIG SET notify-keyspace-events ""');
  t.is(store.onAdded, undefined, 'the store is watched no more');

  const again = new LeftBehind(store, BEFORE, AFTER, 'foo');
  const recounting = again.countInSlices();
  await client.ask('SWAPDB 0 3');
  await recounting;
  t.true(again.total >= 2);
});

test('what an earlier change has left behind does not count', async (t) => {
  const node = await startTestNode(t);
  const client = await RawClient.connect(node.port);
  t.teardown(() => client.close());
  await client.ask('MSET zebra 1 lime 1');
  const losses = new LeftBehind(node.state.store, BEFORE, AFTER, 'foo');
  losses.count();
  t.is(losses.total, 1);
  t.false(BEFORE.takesFrom('bar', AFTER));
  t.true(BEFORE.takesFrom('foo', AFTER));
});

/** Transactions at a node that owns nothing of what they are about. */
import test from 'ava';
import { withCluster } from '../support/cluster.js';
import { RawClient } from '../support/raw-client.js';
import { waitFor } from '../support/wait-for.js';

const OK = '+OK\r\n';
const QUEUED = '+QUEUED\r\n';
const front = { names: ['front', 'foo', 'bar'], shards: 'a-m=foo,*=bar' };

/** Sends the requests one after the other and gives the replies. */
async function say(client: RawClient, ...lines: string[]): Promise<string[]> {
  const replies: string[] = [];
  for (const line of lines) replies.push(await client.ask(line));
  return replies;
}

test('keys on two shards are refused when they are queued, and abort the transaction', withCluster, front, async (t, cluster) => {
  const client = await RawClient.connect(cluster.port('front'));
  const [, first, second, third, end] = await say(client, 'MULTI', 'SET apple 1', 'SET pear 2', 'SET banana 3', 'EXEC');
  t.deepEqual([first, third], [QUEUED, QUEUED]);
  t.is(second, "-CROSSSLOT Keys in request don't hash to the same slot: the transaction is on foo, this is on bar\r\n");
  t.is(end, '-EXECABORT Transaction discarded because of previous errors.\r\n');
  t.deepEqual(await say(client, 'EXISTS apple pear banana', 'EXEC'), [':0\r\n', '-ERR EXEC without MULTI\r\n']);
  t.regex((await say(client, 'MULTI', 'MGET apple pear'))[1]!, /^-CROSSSLOT .*"apple" is on foo, "pear" is on bar/);
  t.regex((await say(client, 'DBSIZE'))[0]!, /^-CROSSSLOT dbsize concerns all shards/);
  t.regex((await say(client, 'EXEC'))[0]!, /^-EXECABORT/);
});

test('watched keys bind a transaction to their shard', withCluster, front, async (t, cluster) => {
  const client = await RawClient.connect(cluster.port('front'));
  t.is(await client.ask('WATCH apple'), OK);
  t.regex(await client.ask('WATCH pear'), /^-CROSSSLOT/);
  t.is(await client.ask('MULTI'), OK);
  t.regex(await client.ask('SET pear 1'), /^-CROSSSLOT/);
  t.regex(await client.ask('EXEC'), /^-EXECABORT/);
  // The next one is free again.
  t.deepEqual(await say(client, 'MULTI', 'SET pear 1', 'EXEC'), [OK, QUEUED, '*1\r\n+OK\r\n']);
});

test('a transaction without keys runs where it is asked', withCluster, front, async (t, cluster) => {
  const client = await RawClient.connect(cluster.port('front'));
  t.deepEqual(await say(client, 'MULTI', 'PING', 'ECHO x', 'EXEC'), [OK, QUEUED, QUEUED, '*2\r\n+PONG\r\n$1\r\nx\r\n']);
});

test('a peer that is lost while it watches fails the transaction, and nothing runs', withCluster, front, async (t, cluster) => {
  const client = await RawClient.connect(cluster.port('front'));
  t.is(await client.ask('WATCH pear'), OK);
  await cluster.stopNode('bar');
  await cluster.startNode('bar');
  await waitFor(() => cluster.isConnected('front'), 'the peer to be back');
  t.deepEqual((await say(client, 'MULTI', 'SET pear 1')).slice(0, 2), [OK, QUEUED]);
  t.regex(await client.ask('EXEC'), /^-EXECABORT Transaction discarded because of: PEERLOST bar, which watched for it: /);
  t.deepEqual(await say(client, 'GET pear', 'EXEC'), ['$-1\r\n', '-ERR EXEC without MULTI\r\n']);
  t.deepEqual(await say(client, 'MULTI', 'SET pear 1', 'EXEC'), [OK, QUEUED, '*1\r\n+OK\r\n']);
});

test('EXEC at a peer that is down says so', withCluster, front, async (t, cluster) => {
  const client = await RawClient.connect(cluster.port('front'));
  await say(client, 'MULTI', 'SET pear 1');
  await cluster.stopNode('bar');
  await waitFor(() => !cluster.isConnected('front'), 'the peer to be seen down');
  t.regex(await client.ask('EXEC'), /^-EXECABORT Transaction discarded because of: PEERDOWN bar/);
  t.regex(await client.ask('WATCH pear'), /^-PEERDOWN bar/);
  t.deepEqual(await say(client, 'MULTI', 'SET apple 1', 'EXEC'), [OK, QUEUED, '*1\r\n+OK\r\n']);
});

test('links are used again, and a client that leaves takes its watching along', withCluster, front, async (t, cluster) => {
  const bar = cluster.node('bar').state;
  for (let round = 0; round < 20; round++) {
    const client = await RawClient.connect(cluster.port('front'));
    await say(client, 'WATCH pear', 'MULTI', 'INCR pear');
    t.is(bar.watches.count, 1);
    if (round % 2 === 0) t.is(await client.ask('EXEC'), `*1\r\n:${round / 2 + 1}\r\n`);
    client.close();
    await waitFor(() => bar.watches.count === 0, 'the watching to end');
  }
  const [peer] = cluster.node('front').cluster.peers.filter(({ name }) => name === 'bar');
  t.true(peer!.allLinks.length <= 3, `${peer!.allLinks.length} links`);
});

test('a map that changes between MULTI and EXEC', withCluster, { names: ['foo', 'bar'] }, async (t, cluster) => {
  const client = await RawClient.connect(cluster.port('foo'));
  const admin = await RawClient.connect(cluster.port('foo'));
  await say(client, 'MULTI', 'SET pear 1');
  t.is(await admin.ask('CONFIG SET shards a-p=foo,q-z=bar,*=foo'), OK);
  t.regex(await client.ask('EXEC'), /^-EXECABORT Transaction discarded because of: the shard map has changed meanwhile/);
  t.is(await client.ask('GET pear'), '$-1\r\n');
  await say(client, 'MULTI', 'SET apple 1');
  t.is(await admin.ask('CONFIG SET shards a-m=foo,n-z=bar,*=foo'), OK);
  t.is(await client.ask('EXEC'), '*1\r\n+OK\r\n');
});

test('a watched counter of two nodes loses no update', withCluster, { names: ['foo', 'bar'] }, async (t, cluster) => {
  const rounds = Number(process.env.ROUNDS ?? 300);
  const increase = async (port: number): Promise<number> => {
    const client = await RawClient.connect(port);
    let failed = 0;
    for (let done = 0; done < rounds; ) {
      await client.ask('WATCH pear');
      const value = Number(/^\$\d+\r\n(\d+)/.exec(await client.ask('GET pear'))?.[1] ?? 0);
      await say(client, 'MULTI', `SET pear ${value + 1}`);
      const reply = await client.ask('EXEC');
      if (reply === '*1\r\n+OK\r\n') done++;
      else if (reply === '*-1\r\n') failed++;
      else throw new Error(reply);
    }
    client.close();
    return failed;
  };
  const failed = await Promise.all([increase(cluster.port('foo')), increase(cluster.port('bar')), increase(cluster.port('foo'))]);
  const client = await RawClient.connect(cluster.port('foo'));
  t.is(await client.ask('GET pear'), `$${String(3 * rounds).length}\r\n${3 * rounds}\r\n`);
  t.log(`${3 * rounds} updates, ${failed.join(', ')} attempts failed`);
  t.true(Math.max(...failed) > 0);
});

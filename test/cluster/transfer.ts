/** RENAME, RENAMENX and COPY from one shard to another, and what becomes of the bucket when that breaks off. */
import test from 'ava';
import { TestCluster, withCluster } from '../support/cluster.js';
import { referenceTest } from '../support/macros.js';
import { RawClient, encode } from '../support/raw-client.js';
import { startReference } from '../support/reference.js';

const VALUES: readonly [make: string, read: string][] = [
  ['SET apple value', 'GET'],
  ['RPUSH apple a b c', 'LLEN'],
  ['HSET apple f v g w', 'HGETALL'],
  ['SADD apple 1 2 3', 'SMEMBERS'],
  ['ZADD apple 1 a 2 b', 'ZCARD'],
  ['XADD apple 1-1 f v', 'XLEN'],
];

for (const [make, read] of VALUES) {
  test(`${make}, to the other shard and back`, withCluster, {}, async (t, cluster) => {
    const client = await RawClient.connect(cluster.port('foo'));
    await client.ask(make);
    await client.ask('PEXPIREAT apple 4000000000000');
    const value = await client.ask(`${read} apple`);
    // The next request of the client sees it.
    client.send(Buffer.concat([encode(['RENAME', 'apple', 'zebra']), encode([read, 'zebra']), encode(['EXISTS', 'apple'])]));
    t.is(await client.reply(), '+OK\r\n');
    t.is(await client.reply(), value);
    t.is(await client.reply(), ':0\r\n');
    t.is(await client.ask('PEXPIRETIME zebra'), ':4000000000000\r\n');
    t.is(await client.ask('RENAMENX zebra apple'), ':1\r\n');
    t.is(await client.ask(`${read} apple`), value);
    t.is(await client.ask('COPY apple zebra'), ':1\r\n');
    t.is(await client.ask(`${read} apple`), value);
    t.is(await client.ask(`${read} zebra`), value);
    client.close();
  });
}

for (const protocol of ['2', '3']) {
  test(`what is missing and what is taken, RESP${protocol}`, withCluster, {}, async (t, cluster) => {
    const client = await RawClient.connect(cluster.port('bar'));
    await client.ask(`HELLO ${protocol}`);
    t.is(await client.ask('RENAME apple zebra'), '-ERR no such key\r\n');
    t.is(await client.ask('RENAMENX apple zebra'), '-ERR no such key\r\n');
    t.is(await client.ask('COPY apple zebra'), ':0\r\n');
    await client.ask('SET apple new');
    await client.ask('SET zebra old');
    t.is(await client.ask('RENAMENX apple zebra'), ':0\r\n');
    t.is(await client.ask('COPY apple zebra'), ':0\r\n');
    t.is(await client.ask('GET zebra'), '$3\r\nold\r\n');
    t.is(await client.ask('COPY apple zebra REPLACE'), ':1\r\n');
    t.is(await client.ask('GET zebra'), '$3\r\nnew\r\n');
    t.is(await client.ask('RENAME apple zebra'), '+OK\r\n');
    t.is(await client.ask('EXISTS apple'), ':0\r\n');
    client.close();
  });
}

test('COPY into another database', withCluster, {}, async (t, cluster) => {
  const client = await RawClient.connect(cluster.port('foo'));
  await client.ask('SET apple value');
  await client.ask('SET zebra value');
  t.is(await client.ask('COPY apple zulu DB 3'), ':1\r\n');
  t.is(await client.ask('COPY zebra axe DB 4'), ':1\r\n');
  t.is(await client.ask('COPY apple zulu DB 99'), '-ERR DB index is out of range\r\n');
  t.is(await client.ask('COPY apple zulu DB x'), '-ERR value is not an integer or out of range\r\n');
  t.is(await client.ask('COPY apple zulu NOSUCH'), '-ERR syntax error\r\n');
  t.is(await client.ask('EXISTS zulu axe'), ':0\r\n');
  await client.ask('SELECT 3');
  t.is(await client.ask('GET zulu'), '$5\r\nvalue\r\n');
  await client.ask('SELECT 4');
  t.is(await client.ask('GET axe'), '$5\r\nvalue\r\n');
  client.close();
});

test('a shard that is down: the bucket stays where it is', withCluster, {}, async (t, cluster) => {
  const client = await RawClient.connect(cluster.port('foo'));
  await client.ask('SET apple value');
  await cluster.node('bar').stop();
  t.regex(await client.ask('RENAME apple zebra'), /^-PEER(DOWN|LOST) bar /);
  t.is(await client.ask('GET apple'), '$5\r\nvalue\r\n');
  t.regex(await client.ask('RENAME zebra apple'), /^-PEER(DOWN|LOST) bar /);
  t.is(await client.ask('GET apple'), '$5\r\nvalue\r\n');
  client.close();
});

test('no write to the old name is lost', withCluster, {}, async (t, cluster) => {
  const mover = await RawClient.connect(cluster.port('foo'));
  const writer = await RawClient.connect(cluster.port('bar'));
  let added = 0;
  for (let round = 0; round < 40; round++) {
    await mover.ask(`RPUSH apple${round} first`);
    const writing = (async () => {
      let count = 0;
      while ((await writer.ask(`RPUSHX apple${round} ${count}`)) !== ':0\r\n') count++;
      return count;
    })();
    await mover.ask('PING');
    t.is(await mover.ask(`RENAME apple${round} zebra${round}`), '+OK\r\n');
    const count = await writing;
    added += count;
    t.is(await mover.ask(`LLEN zebra${round}`), `:${count + 1}\r\n`);
  }
  t.log(`${added} elements were added meanwhile`);
  mover.close();
  writer.close();
});

referenceTest('a shard that is a redis-server', async (t) => {
  const server = await startReference();
  const cluster = new TestCluster({
    names: ['foo'], shards: 'a-m=foo,n-z=old,*=foo', others: [`old=redis://127.0.0.1:${server.port}`],
  });
  await cluster.start();
  const client = await RawClient.connect(cluster.port('foo'));
  await client.ask('RPUSH apple a b');
  t.is(await client.ask('RENAME apple zebra'), '+OK\r\n');
  const there = await RawClient.connect(server.port);
  t.is(await there.ask('LLEN zebra'), ':2\r\n');
  t.is(await client.ask('RENAME zebra apple'), '+OK\r\n');
  t.is(await there.ask('EXISTS zebra'), ':0\r\n');
  t.is(await client.ask('LLEN apple'), ':2\r\n');
  client.close();
  there.close();
  await cluster.stop();
  await server.stop();
});

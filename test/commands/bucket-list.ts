/** BUCKET LIST of a database that is too large for one turn of the event loop. */
import test from 'ava';
import { Settings } from '../../lib/config/settings.js';
import { Node } from '../../lib/server.js';
import { silentLog } from '../../lib/util/log.js';
import { RawClient, encode } from '../support/raw-client.js';
import { inMemory } from '../support/in-memory.js';

const BUCKETS = 30_000;

test('a large database is listed in slices, between which other clients are served', async (t) => {
  const node = new Node({ settings: new Settings({ ...inMemory, port: 'any', 'line-port': '0' }), log: silentLog });
  await node.start();
  t.teardown(() => node.stop());
  const lister = await RawClient.connect(node.port);
  const other = await RawClient.connect(node.port);
  for (let start = 0; start < BUCKETS; start += 1000) {
    lister.send(Buffer.concat(Array.from({ length: 1000 }, (_, index) => encode(['HSET', `b${start + index}`, 'f', 'v']))));
    for (let index = 0; index < 1000; index++) await lister.reply();
  }

  const order: string[] = [];
  lister.send(Buffer.concat([encode(['BUCKET', 'LIST']), encode(['PING'])]));
  const listed = lister.reply().then((reply) => {
    order.push('list');
    return reply;
  });
  await other.ask('HSET b0 f w').then(() => order.push('other'));
  const names = (await listed).split('\r\n').filter((line) => line.startsWith('b'));
  t.is(new Set(names).size, BUCKETS);
  t.is(names.length, BUCKETS);
  t.deepEqual(order, ['other', 'list']);
  t.is(await lister.reply(), '+PONG\r\n');

  t.regex(await lister.ask('BUCKET LIST b1234?'), /^\*10\r\n/);
  lister.send(encode(['BUCKET', 'LIST']));
  lister.close();
  t.is(await other.ask('PING'), '+PONG\r\n');
});

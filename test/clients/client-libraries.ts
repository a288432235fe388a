/** The libraries that applications use, against a node: they connect, agree on a protocol, and get what they stored. */
import test from 'ava';
import { Redis } from 'ioredis';
import { Redis as Redis6 } from 'ioredis6';
import { createClient } from 'redis';
import { startTestNode } from '../support/test-node.js';

// The two are the same here but for their types.
const libraries: readonly [name: string, Library: typeof Redis][] = [
  ['ioredis 5', Redis],
  ['ioredis 6', Redis6 as unknown as typeof Redis],
];

for (const [name, Library] of libraries) {
  test(`${name} connects, is ready, stores, reads and pipelines`, async (t) => {
    const node = await startTestNode(t);
    const client = new Library({ port: node.port, host: '127.0.0.1', connectionName: 'worker', db: 2 });
    t.teardown(() => { client.disconnect(); });
    t.is(await client.set('name', 'value'), 'OK');
    t.is(await client.get('name'), 'value');
    t.is(await client.client('GETNAME'), 'worker');
    t.deepEqual(await client.getBuffer('name'), Buffer.from('value'));
    const replies = await client.pipeline().incr('count').incr('count').get('missing').exec();
    t.deepEqual(replies, [[null, 1], [null, 2], [null, null]]);
    t.is(node.state.store.databases[2]!.size, 2);
    await t.throwsAsync(client.incr('name'), { message: /not an integer/ });
    t.is(await client.quit(), 'OK');
  });

  test(`${name} authenticates`, async (t) => {
    const node = await startTestNode(t, { requirepass: 'secret' });
    const client = new Library({ port: node.port, host: '127.0.0.1', password: 'secret' });
    t.teardown(() => { client.disconnect(); });
    t.is(await client.ping(), 'PONG');
  });
}

for (const RESP of [2, 3] as const) {
  test(`node-redis speaks RESP${RESP}: stores, reads and pipelines`, async (t) => {
    const node = await startTestNode(t, { requirepass: 'secret' });
    const client = createClient({ RESP, url: `redis://default:secret@127.0.0.1:${node.port}/3`, name: 'worker' });
    await client.connect();
    t.is(await client.set('name', 'value'), 'OK');
    t.is(await client.get('name'), 'value');
    t.is(await client.get('missing'), null);
    t.is(await client.clientGetName(), 'worker');
    t.deepEqual(await Promise.all([client.incr('count'), client.incr('count'), client.ping()]), [1, 2, 'PONG']);
    const info = await client.clientInfo();
    t.is(info.db, 3);
    await t.throwsAsync(client.incr('name'), { message: /not an integer/ });
    await client.close();
  });
}

/** Every type, written and read through the libraries that applications use, and through redis-cli. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import test from 'ava';
import { Redis } from 'ioredis';
import { Redis as Redis6 } from 'ioredis6';
import { createClient } from 'redis';
import { startTestNode } from '../support/test-node.js';
import { hasRedisCli } from '../support/reference.js';

const PALERMO = { longitude: 13.361389, latitude: 38.115556 };

// The two are the same here but for their types.
const libraries: readonly [name: string, Library: typeof Redis][] = [
  ['ioredis 5', Redis],
  ['ioredis 6', Redis6 as unknown as typeof Redis],
];

for (const [name, Library] of libraries) {
  test(`${name} writes and reads every type`, async (t) => {
    const node = await startTestNode(t);
    const client = new Library({ port: node.port, host: '127.0.0.1' });
    t.teardown(() => { client.disconnect(); });

    t.is(await client.rpush('list', 'a', 'b', 'c'), 3);
    t.deepEqual(await client.lrange('list', 0, -1), ['a', 'b', 'c']);
    t.deepEqual(await client.blpop('list', 1), ['list', 'a']);

    t.is(await client.sadd('set', 'a', 'b', 'a'), 2);
    t.deepEqual((await client.smembers('set')).sort(), ['a', 'b']);

    t.is(await client.zadd('scores', 1, 'one', 2.5, 'more'), 2);
    t.deepEqual(await client.zrange('scores', 0, -1, 'WITHSCORES'), ['one', '1', 'more', '2.5']);

    t.is(await client.hset('hash', { field: 'value', other: 1 }), 2);
    t.deepEqual(await client.hgetall('hash'), { field: 'value', other: '1' });
    t.deepEqual(await client.call('HEXPIRE', 'hash', 100, 'FIELDS', 1, 'field'), [1]);

    const id = await client.xadd('stream', '*', 'name', 'value');
    t.deepEqual(await client.xrange('stream', '-', '+'), [[id, ['name', 'value']]]);
    await client.xgroup('CREATE', 'stream', 'group', '0');
    t.deepEqual(await client.xreadgroup('GROUP', 'group', 'me', 'COUNT', 1, 'STREAMS', 'stream', '>'), [
      ['stream', [[id, ['name', 'value']]]],
    ]);
    t.is(await client.xack('stream', 'group', id!), 1);

    t.is(await client.geoadd('places', PALERMO.longitude, PALERMO.latitude, 'Palermo'), 1);
    t.deepEqual(await client.geosearch('places', 'FROMMEMBER', 'Palermo', 'BYRADIUS', 1, 'km'), ['Palermo']);

    t.is(await client.pfadd('visitors', 'a', 'b', 'c'), 1);
    t.is(await client.pfcount('visitors'), 3);

    t.is(await client.setbit('bits', 7, 1), 0);
    t.is(await client.bitcount('bits'), 1);
    t.deepEqual(await client.multi().incr('count').get('count').exec(), [[null, 1], [null, '1']]);
  });
}

for (const RESP of [2, 3] as const) {
  test(`node-redis in RESP${RESP} writes and reads every type`, async (t) => {
    const node = await startTestNode(t);
    const client = createClient({ RESP, url: `redis://127.0.0.1:${node.port}` });
    await client.connect();
    t.teardown(() => { client.destroy(); });

    t.is(await client.rPush('list', ['a', 'b', 'c']), 3);
    t.deepEqual(await client.lRange('list', 0, -1), ['a', 'b', 'c']);
    t.deepEqual(await client.blPop('list', 1), { key: 'list', element: 'a' });

    t.is(await client.sAdd('set', ['a', 'b', 'a']), 2);
    t.deepEqual([...(await client.sMembers('set'))].sort(), ['a', 'b']);

    t.is(await client.zAdd('scores', [{ value: 'one', score: 1 }, { value: 'more', score: 2.5 }]), 2);
    t.deepEqual(await client.zRangeWithScores('scores', 0, -1), [
      { value: 'one', score: 1 }, { value: 'more', score: 2.5 },
    ]);
    t.is(await client.zScore('scores', 'more'), 2.5);

    t.is(await client.hSet('hash', { field: 'value', other: '1' }), 2);
    t.deepEqual({ ...(await client.hGetAll('hash')) }, { field: 'value', other: '1' });
    t.deepEqual(await client.hExpire('hash', 'field', 100), [1]);
    t.deepEqual(await client.hTTL('hash', ['field', 'other']), [100, -1]);
    t.deepEqual(await client.hGetDel('hash', 'other'), ['1']);

    const id = await client.xAdd('stream', '*', { name: 'value' });
    const entries = (await client.xRange('stream', '-', '+')) ?? [];
    t.deepEqual(entries.map((entry) => [entry.id, { ...entry.message }]), [[id, { name: 'value' }]]);

    t.is(await client.geoAdd('places', { ...PALERMO, member: 'Palermo' }), 1);
    t.deepEqual(await client.geoSearch('places', 'Palermo', { radius: 1, unit: 'km' }), ['Palermo']);
    const [place] = await client.geoPos('places', 'Palermo');
    t.true(Math.abs(Number(place!.longitude) - PALERMO.longitude) < 1e-5);

    t.is(await client.pfAdd('visitors', ['a', 'b', 'c']), 1);
    t.is(await client.pfCount('visitors'), 3);

    t.deepEqual(await client.multi().incr('count').get('count').exec(), [1, '1']);
  });
}

/** Requests as one types them, and what redis-cli prints with RESP2 and, where it differs, with RESP3. */
const typed: readonly (readonly [request: string, printed: string, inResp3?: string])[] = [
  ['RPUSH list a b', '2'],
  ['LRANGE list 0 -1', 'a\nb'],
  ['SADD set a', '1'],
  ['SMEMBERS set', 'a'],
  ['ZADD scores 1.5 one', '1'],
  ['ZRANGE scores 0 -1 WITHSCORES', 'one\n1.5'],
  ['HSET hash field value', '1'],
  ['HGETALL hash', 'field\nvalue', 'field value'],
  ['HEXPIREAT hash 4102444800 FIELDS 1 field', '1'],
  ['HEXPIRETIME hash FIELDS 1 field', '4102444800'],
  ['XADD stream 1-1 name value', '1-1'],
  ['XRANGE stream - +', '1-1\nname\nvalue'],
  ['GEOADD places 13.361389 38.115556 Palermo', '1'],
  ['GEOHASH places Palermo', 'sqc8b49rny0'],
  ['PFADD visitors a b c', '1'],
  ['PFCOUNT visitors', '3'],
];

for (const flag of ['-2', '-3']) {
  (hasRedisCli ? test : test.skip)(`redis-cli ${flag} writes and reads every type`, async (t) => {
    const node = await startTestNode(t);
    for (const [request, printed, inResp3 = printed] of typed) {
      const { stdout } = await promisify(execFile)('redis-cli', [flag, '-p', String(node.port), ...request.split(' ')]);
      t.is(stdout.trimEnd(), flag === '-3' ? inResp3 : printed, request);
    }
  });
}

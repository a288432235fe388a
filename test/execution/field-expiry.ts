/** Fields of hashes that expire, on a running node. Their replies are in test/commands/hash-expire.rows. */
import test from 'ava';
import { RawClient } from '../support/raw-client.js';
import { startTestNode } from '../support/test-node.js';
import { waitFor } from '../support/wait-for.js';

test('fields go when their time has come, and the hash with the last of them', async (t) => {
  const node = await startTestNode(t, { 'notify-keyspace-events': 'Khg' });
  const client = await RawClient.connect(node.port);
  const listener = await RawClient.connect(node.port);
  await listener.ask('SUBSCRIBE __keyspace@0__:goes');
  const fields = Array.from({ length: 1000 }, (_, index) => `field${index}`);
  await client.ask(`HSET goes ${fields.map((field) => `${field} v`).join(' ')}`);
  await client.ask(`HSET stays other v ${fields.map((field) => `${field} v`).join(' ')}`);
  for (const key of ['goes', 'stays']) await client.ask(`HPEXPIRE ${key} 20 FIELDS 1000 ${fields.join(' ')}`);
  await waitFor(async () => (await client.ask('DBSIZE')) === ':1\r\n', 'the hash to go');
  await waitFor(async () => (await client.ask('HLEN stays')) === ':1\r\n', 'the fields to go');
  t.is(await client.ask('HGETALL stays'), '*2\r\n$5\r\nother\r\n$1\r\nv\r\n');
  t.is(node.state.store.expiredFields, 2000);
  t.regex(await client.ask('INFO stats'), /expired_subkeys:2000\r\n/);
  t.is(node.state.store.databases[0]!.hasFieldsThatExpire, false);
  const events: string[] = [];
  while (events.at(-1) !== 'del') events.push(/\r\n([a-z]+)\r\n$/.exec(await listener.reply())![1]!);
  t.deepEqual([...new Set(events)], ['hset', 'hexpire', 'hexpired', 'del']);
  client.close();
  listener.close();
});

test('with DEBUG SET-ACTIVE-EXPIRE 0 they go when the hash is looked at', async (t) => {
  const node = await startTestNode(t, { 'enable-debug-command': 'yes' });
  const client = await RawClient.connect(node.port);
  await client.ask('DEBUG SET-ACTIVE-EXPIRE 0');
  await client.ask('HSET h a 1 b 1');
  await client.ask('HSET other a 1');
  await client.ask('HPEXPIRE h 1 FIELDS 1 a');
  await client.ask('HPEXPIRE other 1 FIELDS 1 a');
  await waitFor(async () => (await client.ask('HGET h a')) === '$-1\r\n', 'the expiry');
  t.is(await client.ask('HLEN h'), ':1\r\n');
  t.is(await client.ask('EXISTS other'), ':1\r\n');
  t.is(await client.ask('HGETALL other'), '*0\r\n');
  t.is(await client.ask('EXISTS other'), ':0\r\n');
  await client.ask('BUCKET CREATE kept');
  await client.ask('HSET kept a 1');
  await client.ask('HPEXPIRE kept 1 FIELDS 1 a');
  await waitFor(async () => (await client.ask('BUCKET GET kept a')) === '$-1\r\n', 'the expiry');
  t.is(await client.ask('EXISTS kept'), ':1\r\n');
  await client.ask('HSET counted a 5');
  await client.ask('HPEXPIRE counted 1 FIELDS 1 a');
  await waitFor(async () => (await client.ask('HEXISTS counted a')) === ':0\r\n', 'the expiry');
  t.is(await client.ask('HINCRBY counted a 1'), ':1\r\n');
  t.is(await client.ask('HTTL counted FIELDS 1 a'), '*1\r\n:-1\r\n');
  client.close();
});

test('a hundred thousand fields that expire at once are removed in slices', async (t) => {
  const node = await startTestNode(t);
  const client = await RawClient.connect(node.port);
  for (let from = 0; from < 100_000; from += 1000) {
    const pairs = Array.from({ length: 1000 }, (_, index) => `field${from + index} v`);
    client.send(`HSETEX large PXAT ${Date.now() + 3000} FIELDS 1000 ${pairs.join(' ')}\r\n`);
  }
  for (let sent = 0; sent < 100; sent++) t.is(await client.reply(), ':1\r\n');
  await waitFor(async () => (await client.ask('EXISTS large')) === ':0\r\n', 'the hash to go');
  // On a slow machine the moment may have passed before the last were sent: those are deleted at once.
  t.true(node.state.store.expiredFields > 0);
  client.close();
});

test('DUMP takes the moments with it, in the form of Redis 7.4', async (t) => {
  const node = await startTestNode(t);
  const client = await RawClient.connect(node.port);
  for (const [key, count] of [['small', 3], ['large', 1000]] as const) {
    const names = Array.from({ length: count }, (_, index) => `f${index}`);
    await client.ask(`HSET ${key} plain v ${names.map((name) => `${name} v`).join(' ')}`);
    for (const [index, name] of names.entries()) {
      await client.ask(`HPEXPIREAT ${key} ${4102444800000 + index} FIELDS 1 ${name}`);
    }
    const dumped = await client.ask(`DUMP ${key}`);
    const payload = Buffer.from(dumped.slice(dumped.indexOf('\r\n') + 2, -2), 'latin1');
    t.is(payload[0], 24);
    t.is(payload.readUInt16LE(payload.length - 10), 12);
    const request = [Buffer.from(`*4\r\n$7\r\nRESTORE\r\n$4\r\ncopy\r\n$1\r\n0\r\n$${payload.length}\r\n`), payload, Buffer.from('\r\n')];
    client.send(Buffer.concat(request));
    t.is(await client.reply(), '+OK\r\n');
    const asked = `FIELDS ${count + 1} plain ${names.join(' ')}`;
    t.is(await client.ask(`HPEXPIRETIME copy ${asked}`), await client.ask(`HPEXPIRETIME ${key} ${asked}`));
    t.is(await client.ask('HLEN copy'), `:${count + 1}\r\n`);
    await client.ask('DEL copy');
  }
  client.close();
});

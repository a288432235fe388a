/** The limit on memory, on running nodes. What is picked to go is tested in test/store/eviction.ts. */
import test from 'ava';
import type { Node } from '../../lib/server.js';
import { RawClient } from '../support/raw-client.js';
import { startTestNode } from '../support/test-node.js';
import { waitFor } from '../support/wait-for.js';

const MIB = 2 ** 20;
/** The bytes of one batch of requests may come on top before eviction is asked again. */
const SLACK = 64 * 1024;

async function fill(client: RawClient, from: number, count: number, valueBytes: number): Promise<void> {
  const value = 'x'.repeat(valueBytes);
  const requests: string[] = [];
  for (let i = from; i < from + count; i++) requests.push(`SET key:${i} ${value}\r\n`);
  client.send(requests.join(''));
  for (let i = 0; i < count; i++) await client.reply();
}

async function infoOf(client: RawClient, name: string): Promise<number> {
  const text = await client.ask('INFO');
  return Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(text)?.[1]);
}

const usedBytes = (node: Node): number => node.state.store.usedBytes;

test('memory stays at the limit, and the newest buckets are there', async (t) => {
  const node = await startTestNode(t, { maxmemory: '8mb', 'maxmemory-policy': 'allkeys-lru' });
  const client = await RawClient.connect(node.port);
  let most = 0;
  for (let from = 0; from < 120_000; from += 2000) {
    await fill(client, from, 2000, 150);
    most = Math.max(most, usedBytes(node));
  }
  t.true(most <= 8 * MIB + SLACK, `${most}`);
  t.true(most > 7 * MIB);
  t.true((await infoOf(client, 'used_memory')) <= 8 * MIB + SLACK);
  t.true((await infoOf(client, 'evicted_keys')) > 50_000);
  t.is(await client.ask('GET key:119999'), `$150\r\n${'x'.repeat(150)}\r\n`);
  t.true(node.state.store.arena.heldBytes <= 3 * 16 * MIB, 'freed room is used again');
  client.close();
});

test('CONFIG SET maxmemory below what is used evicts without a further command', async (t) => {
  const node = await startTestNode(t, { 'maxmemory-policy': 'allkeys-random' });
  const client = await RawClient.connect(node.port);
  await fill(client, 0, 20_000, 100);
  const before = usedBytes(node);
  t.is(await client.ask(`CONFIG SET maxmemory ${Math.floor(before / 2)}`), '+OK\r\n');
  await waitFor(() => usedBytes(node) <= before / 2, 'the eviction');
  t.true(usedBytes(node) > before / 2.2);
  const size = node.state.store.databases[0]!.size;
  t.true(size > 8000 && size < 12_000, `${size}`);
  client.close();
});

test('a command waits no longer than the tenacity says, and the rest is evicted behind it', async (t) => {
  const node = await startTestNode(t, { 'maxmemory-policy': 'allkeys-lru', 'maxmemory-eviction-tenacity': '0' });
  const client = await RawClient.connect(node.port);
  await fill(client, 0, 20_000, 100);
  // One round of sixteen buckets, in the same turn as CONFIG SET.
  client.send('CONFIG SET maxmemory 1mb\r\nDBSIZE\r\n');
  t.is(await client.reply(), '+OK\r\n');
  const left = Number((await client.reply()).slice(1));
  t.true(left >= 20_000 - 32, `${left}`);
  await waitFor(() => usedBytes(node) <= MIB, 'the eviction');
  await waitFor(async () => (await infoOf(client, 'current_eviction_exceeded_time')) === 0, 'the figure');
  client.close();
});

test('a large bucket that was evicted is freed before others go', async (t) => {
  const node = await startTestNode(t, { 'maxmemory-policy': 'volatile-ttl', 'maxmemory-samples': '50' });
  const client = await RawClient.connect(node.port);
  const fields = Array.from({ length: 50_000 }, (_, index) => `field${index} value`);
  for (let at = 0; at < fields.length; at += 500) await client.ask(`HSET large ${fields.slice(at, at + 500).join(' ')}`);
  await client.ask('EXPIRE large 1000');
  for (let i = 0; i < 500; i++) await client.ask(`SET small${i} value EX 5000`);
  await client.ask('CONFIG SET maxmemory 1mb');
  await waitFor(() => usedBytes(node) <= MIB, 'the large one to be freed');
  // Some go until the large one is drawn, and none while it is being freed.
  t.true(node.state.store.databases[0]!.size > 250, `${node.state.store.databases[0]!.size}`);
  client.close();
});

test('what is deleted makes room, although it is freed in slices', async (t) => {
  const node = await startTestNode(t, { maxmemory: '6mb' });
  const client = await RawClient.connect(node.port);
  const fields = Array.from({ length: 1000 }, (_, index) => `field${index} ${'v'.repeat(40)}`).join(' ');
  let added = 0;
  while (!(await client.ask(`HSET large${added} ${fields}`)).startsWith('-OOM')) added++;
  t.true(added > 10);
  t.regex(await client.ask('SET name value'), /^-OOM command not allowed/);
  client.send('FLUSHALL\r\nSET name value\r\n');
  t.is(await client.reply(), '+OK\r\n');
  t.is(await client.reply(), '+OK\r\n');
  client.close();
});

test('evicted buckets are published', async (t) => {
  const node = await startTestNode(t, { 'maxmemory-policy': 'allkeys-lru', 'notify-keyspace-events': 'Ee' });
  const client = await RawClient.connect(node.port);
  const listener = await RawClient.connect(node.port);
  await listener.ask('SUBSCRIBE __keyevent@0__:evicted');
  await client.ask('SET name value');
  await client.ask('CONFIG SET maxmemory 1');
  t.is(await listener.reply(), '*3\r\n$7\r\nmessage\r\n$22\r\n__keyevent@0__:evicted\r\n$4\r\nname\r\n');
  client.close();
  listener.close();
});

test('during a pause nothing is evicted', async (t) => {
  const node = await startTestNode(t, { 'maxmemory-policy': 'allkeys-lru' });
  const client = await RawClient.connect(node.port);
  await fill(client, 0, 100, 10);
  await client.ask('CLIENT PAUSE 100000 WRITE');
  await client.ask('CONFIG SET maxmemory 1');
  for (let i = 0; i < 5; i++) t.is(await client.ask('DBSIZE'), ':100\r\n');
  await client.ask('CLIENT UNPAUSE');
  await waitFor(async () => (await client.ask('DBSIZE')) === ':0\r\n', 'the eviction');
  client.close();
});

test('replies that nobody reads count, and refused commands are counted as such', async (t) => {
  const node = await startTestNode(t);
  const client = await RawClient.connect(node.port);
  await client.ask(`SET large ${'x'.repeat(MIB)}`);
  const lazy = await RawClient.connect(node.port);
  lazy.socket.pause();
  lazy.send('GET large\r\n'.repeat(24));
  await waitFor(async () => (await infoOf(client, 'mem_clients_normal')) > MIB, 'replies to wait');
  t.true((await infoOf(client, 'used_memory')) > 2 * MIB);
  await client.ask('CONFIG SET maxmemory 2mb');
  t.regex(await client.ask('SET a 1'), /^-OOM/);
  t.regex(await client.ask('INFO commandstats'), /cmdstat_set:calls=1,.*rejected_calls=1,failed_calls=0/);
  t.regex(await client.ask('INFO errorstats'), /errorstat_OOM:count=1/);
  lazy.close();
  await waitFor(async () => (await client.ask('SET a 1')) === '+OK\r\n', 'the room');
  client.close();
});

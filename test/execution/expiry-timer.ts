/** Buckets that expire unseen, on a running node; and WAIT, the other command that time ends. */
import test from 'ava';
import { RawClient } from '../support/raw-client.js';
import { startTestNode } from '../support/test-node.js';
import { waitFor } from '../support/wait-for.js';

test('buckets that nobody asks for go when their time has come', async (t) => {
  const node = await startTestNode(t);
  const client = await RawClient.connect(node.port);
  for (let i = 0; i < 2000; i++) client.send(`SET key:${i} value PX 20\r\n`);
  for (let i = 0; i < 2000; i++) await client.reply();
  t.is(await client.ask('SET stays 1 EX 1000'), '+OK\r\n');
  await waitFor(async () => (await client.ask('DBSIZE')) === ':1\r\n', 'all but one to be gone');
  t.is(node.state.store.expired, 2000);
  await waitFor(async () => /db0:keys=1,expires=1,avg_ttl=[1-9]/.test(await client.ask('INFO keyspace')), 'the average');
  const stats = await client.ask('INFO stats');
  t.regex(stats, /expired_keys:2000\r\n/);
  t.regex(stats, /expired_stale_perc:\d+\.\d\d\r\n/);
  const expiry = /expire_cycle_cpu_milliseconds:(\d+)\r\n/.exec(stats);
  t.is(Number(expiry?.[1]), Math.floor(node.state.store.expiryRoundsUs / 1000));
  t.true(node.state.store.expiryRoundsUs > 0);
  client.close();
});

test('DEBUG SET-ACTIVE-EXPIRE 0 leaves them to the next look-up', async (t) => {
  const node = await startTestNode(t, { 'enable-debug-command': 'yes' });
  const client = await RawClient.connect(node.port);
  t.is(await client.ask('DEBUG SET-ACTIVE-EXPIRE 0'), '+OK\r\n');
  await client.ask('SET seen 1 PX 1');
  await client.ask('SET unseen 1 PX 1');
  await waitFor(async () => (await client.ask('GET seen')) === '$-1\r\n', 'the expiry');
  t.is(await client.ask('DBSIZE'), ':1\r\n');
  t.is(await client.ask('KEYS *'), '*0\r\n');
  t.is(await client.ask('DBSIZE'), ':1\r\n');
  t.is(await client.ask('RANDOMKEY'), '$-1\r\n');
  t.is(await client.ask('DBSIZE'), ':0\r\n');
  await client.ask('SET unseen 1 PX 1');
  await client.ask('DEBUG SET-ACTIVE-EXPIRE 1');
  await waitFor(async () => (await client.ask('DBSIZE')) === ':0\r\n', 'the expiry cycle');
  client.close();
});

test('who waits for replicas is forgotten when it goes', async (t) => {
  const node = await startTestNode(t);
  const client = await RawClient.connect(node.port);
  client.send('WAIT 1 0\r\nPING\r\n');
  await waitFor(() => node.state.clients.size === 1, 'the client');
  client.close();
  await waitFor(() => node.state.clients.size === 0, 'its end');
  const other = await RawClient.connect(node.port);
  t.is(await other.ask('WAIT 1 1'), ':0\r\n');
  other.close();
});

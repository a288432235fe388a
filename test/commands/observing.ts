/** What a node tells of itself: INFO, SLOWLOG and LATENCY. */
import test from 'ava';
import { shownArgs } from '../../lib/commands/monitor.js';
import { Settings } from '../../lib/config/settings.js';
import { Args } from '../../lib/protocol/args.js';
import { Node } from '../../lib/server.js';
import { FakeClock } from '../../lib/util/clock.js';
import { silentLog } from '../../lib/util/log.js';
import { RawClient, encode } from '../support/raw-client.js';
import { startTestNode } from '../support/test-node.js';
import { waitFor } from '../support/wait-for.js';
import type { ExecutionContext } from 'ava';
import { inMemory } from '../support/in-memory.js';

/** A node on which PING takes as many milliseconds as its argument says, by a clock moved by hand. */
async function startSlow(
  t: ExecutionContext, settings: Record<string, string>,
): Promise<{ node: Node; clock: FakeClock }> {
  const clock = new FakeClock();
  const given = { ...inMemory, port: 'any', 'line-port': '0', bind: '127.0.0.1', ...settings };
  const node = new Node({ settings: new Settings(given), log: silentLog, clock });
  await node.start();
  t.teardown(() => node.stop());
  node.executor.router = {
    tellOwners: () => undefined,
    admitToTransaction: () => undefined,
    route: (_session, command, args) => {
      if (command.name === 'ping' && args.count === 2) clock.advance(Number(args.text(1)));
      return false;
    },
  };
  return { node, clock };
}

/** The fields of INFO with these sections. */
async function info(client: RawClient, sections = ''): Promise<Map<string, string>> {
  const text = await client.ask(`INFO ${sections}`);
  const lines = text.split('\r\n').filter((line) => line.includes(':'));
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]));
}

test('INFO has the sections that are asked for', async (t) => {
  const node = await startTestNode(t);
  const client = await RawClient.connect(node.port);
  const titles = async (request: string): Promise<string[]> =>
    [...(await client.ask(request)).matchAll(/# (\w+)\r\n/g)].map((match) => match[1]!);
  const standard = [
    'Server', 'Clients', 'Memory', 'Persistence', 'Stats', 'Replication', 'CPU', 'Modules', 'Errorstats', 'Cluster',
    'Shards', 'Keyspace',
  ];
  t.deepEqual(await titles('INFO'), standard);
  t.deepEqual(await titles('INFO default'), standard);
  const all = [...standard.slice(0, 8), 'Commandstats', 'Errorstats', 'Latencystats', 'Cluster', 'Shards', 'Keyspace'];
  t.deepEqual(await titles('INFO all'), all);
  t.deepEqual(await titles('INFO everything'), all);
  t.deepEqual(await titles('INFO KEYSPACE server nosuch'), ['Server', 'Keyspace']);
  t.deepEqual(await titles('INFO default commandstats'), [...standard.slice(0, 8), 'Commandstats', ...standard.slice(8)]);
});

test('INFO counts what happens', async (t) => {
  const node = await startTestNode(t);
  const client = await RawClient.connect(node.port);
  await client.ask('SET name value');
  await client.ask('GET name');
  await client.ask('GET missing');
  await client.ask('GET');
  await client.ask('INCR name');
  await client.ask('NOSUCH');
  await client.ask('AUTH wrong');
  const fields = await info(client, 'everything');
  t.is(fields.get('redis_version'), '7.0.15');
  t.is(fields.get('loading'), '0');
  t.is(fields.get('tcp_port'), String(node.port));
  t.is(fields.get('connected_clients'), '1');
  t.is(fields.get('keyspace_hits'), '1');
  t.is(fields.get('keyspace_misses'), '1');
  t.is(fields.get('total_error_replies'), '4');
  t.is(fields.get('errorstat_ERR'), 'count=4');
  t.is(fields.get('total_commands_processed'), '5');
  t.is(fields.get('db0'), 'keys=1,expires=0,avg_ttl=0');
  t.regex(fields.get('cmdstat_get')!, /^calls=2,usec=\d+,usec_per_call=\d+\.\d\d,rejected_calls=1,failed_calls=0$/);
  t.regex(fields.get('cmdstat_incr')!, /^calls=1,.*rejected_calls=0,failed_calls=1$/);
  t.regex(fields.get('latency_percentiles_usec_get')!, /^p50=\d+\.\d{3},p99=\d+\.\d{3},p99\.9=\d+\.\d{3}$/);
  for (const name of ['used_memory', 'used_memory_rss', 'used_memory_peak', 'used_cpu_sys', 'total_net_input_bytes']) {
    t.true(Number(fields.get(name)) > 0, name);
  }
});

test('used memory grows with the data', async (t) => {
  const node = await startTestNode(t);
  const client = await RawClient.connect(node.port);
  const used = async (): Promise<number> => Number((await info(client, 'memory')).get('used_memory_dataset'));
  const before = await used();
  client.send(encode(['SET', 'large', Buffer.alloc(5_000_000)]));
  await client.reply();
  t.true((await used()) - before >= 5_000_000);
  t.true(Number((await info(client, 'memory')).get('used_memory_startup')) > 0);
});

test('the rates of INFO show the load of the last seconds', async (t) => {
  const node = await startTestNode(t);
  const client = await RawClient.connect(node.port);
  const rate = async (): Promise<number> =>
    Number((await info(client, 'stats')).get('instantaneous_ops_per_sec'));
  t.is(await rate(), 0);
  await waitFor(async () => (await rate()) > 0, 'a rate');
});

test('commands of one pipeline share their time, and all are counted', async (t) => {
  const { node } = await startSlow(t, {});
  const client = await RawClient.connect(node.port);
  // The first of a batch is timed alone; the 100 behind it share.
  client.send(`PING 1\r\n${'PING 2\r\n'.repeat(100)}ECHO end\r\n`);
  for (let count = 0; count < 101; count++) await client.reply();
  t.is(await client.reply(), '$3\r\nend\r\n');
  const fields = await info(client, 'commandstats');
  t.regex(fields.get('cmdstat_ping')!, /^calls=101,/);
  t.regex(fields.get('cmdstat_echo')!, /^calls=1,/);
  const times = [...fields.values()].map((value) => Number(/usec=(\d+)/.exec(value)![1]));
  const total = times.reduce((sum, each) => sum + each);
  t.true(Math.abs(total - 201_000) <= 2, String(total));
});

test('slow commands are in the slowlog, newest first, shortened', async (t) => {
  const { node } = await startSlow(t, { 'slowlog-log-slower-than': '5000', 'slowlog-max-len': '3' });
  const client = await RawClient.connect(node.port);
  const from = `127.0.0.1:${client.socket.localPort}`;
  await client.ask('CLIENT SETNAME worker');
  await client.ask('PING 4');
  t.is(await client.ask('SLOWLOG LEN'), ':0\r\n');
  await client.ask('PING 5');
  const length = String(from.length);
  t.is(
    await client.ask('SLOWLOG GET'),
    '*1\r\n*6\r\n:0\r\n:1700000000\r\n:5000\r\n*2\r\n$4\r\nPING\r\n$1\r\n5\r\n' +
      `$${length}\r\n${from}\r\n$6\r\nworker\r\n`,
  );
  for (const ms of ['6', '7', '8']) await client.ask(`PING ${ms}`);
  t.is(await client.ask('SLOWLOG LEN'), ':3\r\n');
  t.regex(await client.ask('SLOWLOG GET 1'), /^\*1\r\n\*6\r\n:3\r\n:1700000000\r\n:8000\r\n/);
  t.is(await client.ask('SLOWLOG RESET'), '+OK\r\n');
  t.is(await client.ask('SLOWLOG LEN'), ':0\r\n');
});

test('the slowlog keeps 32 arguments of 128 bytes', async (t) => {
  const node = await startTestNode(t, { 'slowlog-log-slower-than': '0' });
  const client = await RawClient.connect(node.port);
  await client.ask(`ECHO ${'x'.repeat(130)}`);
  t.true((await client.ask('SLOWLOG GET 1')).includes(`$146\r\n${'x'.repeat(128)}... (2 more bytes)\r\n`));
  await client.ask(`MGET ${'k '.repeat(40)}`);
  t.true((await client.ask('SLOWLOG GET 1')).includes('*32\r\n$4\r\nMGET\r\n'));
  t.true((await client.ask('SLOWLOG GET 2')).includes('$23\r\n... (10 more arguments)\r\n'));
  await client.ask('AUTH secret');
  t.true((await client.ask('SLOWLOG GET 1')).includes('*2\r\n$4\r\nAUTH\r\n$10\r\n(redacted)\r\n'));
});

test('an argument longer than a string can be is shown by its beginning', async (t) => {
  const node = await startTestNode(t, { 'slowlog-log-slower-than': '0' });
  // 512 MiB are one argument's most, and a little more than a string of JavaScript holds; no such value is sent here.
  const args = new Args();
  args.bytes = Buffer.from('x'.repeat(200));
  args.push(0, 2 ** 29);
  const [shown] = shownArgs(node.state.table.named('set')!, args, 1, 128);
  t.is(shown, `${'x'.repeat(128)}... (${2 ** 29 - 128} more bytes)`);
});

test('the latency monitor keeps what took long', async (t) => {
  const { node, clock } = await startSlow(t, { 'latency-monitor-threshold': '10' });
  const client = await RawClient.connect(node.port);
  await client.ask('PING 9');
  t.is(await client.ask('LATENCY LATEST'), '*0\r\n');
  await client.ask('PING 20');
  await client.ask('PING 10');
  clock.advance(2000);
  await client.ask('PING 15');
  t.is(await client.ask('LATENCY LATEST'), '*1\r\n*4\r\n$12\r\nfast-command\r\n:1700000002\r\n:15\r\n:20\r\n');
  t.is(await client.ask('LATENCY HISTORY fast-command'), '*2\r\n*2\r\n:1700000000\r\n:20\r\n*2\r\n:1700000002\r\n:15\r\n');
  const graph = await client.ask('LATENCY GRAPH fast-command');
  t.true(graph.includes('fast-command - high 20 ms, low 15 ms (all time high 20 ms)\n'), graph);
  t.true(graph.includes('# \n| \n| \n|_\n  \n20\nss\n'), graph);
  t.regex(await client.ask('LATENCY DOCTOR'), /1\. fast-command: 2 latency spikes \(average 18ms/);
  t.is(await client.ask('LATENCY RESET nosuch fast-command'), ':1\r\n');
  t.is(await client.ask('LATENCY LATEST'), '*0\r\n');
});

test('LATENCY HISTOGRAM gives the distribution of what has run', async (t) => {
  const { node } = await startSlow(t, {});
  const client = await RawClient.connect(node.port);
  for (const ms of ['1', '1', '5']) await client.ask(`PING ${ms}`);
  t.is(
    await client.ask('LATENCY HISTOGRAM ping nosuch'),
    '*2\r\n$4\r\nping\r\n*4\r\n$5\r\ncalls\r\n:3\r\n$14\r\nhistogram_usec\r\n*4\r\n:1024\r\n:2\r\n:8192\r\n:3\r\n',
  );
});

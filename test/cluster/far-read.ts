/**
 * A client that reads streams of two shards (cluster/far-read.ts) and is unblocked exactly while one is being read:
 * what the read brings is its reply, and only when it brings nothing it is told so. What comes from peers is held back
 * until the test lets it pass, so the moment is always met.
 */
import test from 'ava';
import { TestCluster } from '../support/cluster.js';
import { Gate } from '../support/gate.js';
import { RawClient } from '../support/raw-client.js';
import { waitFor } from '../support/wait-for.js';
import { dial } from '../../lib/cluster/wire.js';

interface Scene {
  /** What bar does when it has said that there is an entry, before it is asked for it. */
  meanwhile?: string;
  /** In what bar then answers. */
  found: string;
  unblock: string;
  reply: RegExp;
}

const unblocked = test.macro(async (t, { meanwhile, found, unblock, reply }: Scene) => {
  const gate = new Gate();
  const cluster = new TestCluster({
    names: ['front', 'foo', 'bar'], dialOf: (name) => (name === 'front' ? gate.dial : dial),
  });
  t.teardown(() => cluster.stop());
  await cluster.start();
  const [bar, reader, other] = await Promise.all(
    (['bar', 'front', 'front'] as const).map((name) => RawClient.connect(cluster.port(name))),
  ) as [RawClient, RawClient, RawClient];
  const id = /\d+/.exec(await reader.ask('CLIENT ID'))![0];
  for (const name of ['apple', 'pear']) t.is(await reader.ask(`XGROUP CREATE ${name} g 0 MKSTREAM`), '+OK\r\n');
  const heard = reader.ask('XREADGROUP GROUP g c BLOCK 0 STREAMS apple pear > >');
  await waitFor(() => ['foo', 'bar'].every((name) => cluster.node(name).state.waits.count === 1), 'the client to wait');
  gate.isClosed = true;
  await bar.ask('XADD pear 5-0 job one');
  await waitFor(() => gate.has(':0\r\n'), 'bar to say that there is an entry');
  if (meanwhile !== undefined) await bar.ask(meanwhile);
  gate.letPass();
  await waitFor(() => gate.has(found), 'what is read to be on its way');
  t.is(await other.ask(`CLIENT UNBLOCK ${id} ${unblock}`), ':1\r\n');
  gate.isClosed = false;
  gate.letPass();
  t.regex(await heard, reply);
  for (const client of [bar, reader, other]) client.close();
});

test('an entry that is being read when the client is unblocked is delivered', unblocked, {
  found: 'one', unblock: 'ERROR', reply: /^\*1\r\n\*2\r\n\$4\r\npear\r\n.*5-0.*job.*one/s,
});

test('who is unblocked while a read finds nothing hears of it when that is over', unblocked, {
  meanwhile: 'XDEL pear 5-0', found: '*-1\r\n', unblock: 'ERROR', reply: /^-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n$/,
});

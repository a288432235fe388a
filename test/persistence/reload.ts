/** DEBUG RELOAD and LOADAOF: data goes out to the disk and comes back, and everything else stays. */
import test from 'ava';
import { startDurable } from '../support/durable-node.js';
import { MemoryFiles } from '../support/memory-files.js';
import { RawClient } from '../support/raw-client.js';
import { waitFor } from '../support/wait-for.js';

for (const how of ['RELOAD', 'LOADAOF']) {
  test(`DEBUG ${how} keeps buckets, moments, clients and who waits`, async (t) => {
    const files = new MemoryFiles();
    const { node } = await startDurable(t, files);
    const client = await RawClient.connect(node.port);
    const [waiting, other] = [await RawClient.connect(node.port), await RawClient.connect(node.port)];
    await client.ask('SET k v PX 1000000');
    await client.ask('BUCKET CREATE empty');
    await client.ask('SELECT 3');
    await client.ask('RPUSH l a');
    await client.ask('CLIENT SETNAME me');
    const popped = waiting.ask('BLPOP later 0');
    await waitFor(async () => (await client.ask('INFO clients')).includes('blocked_clients:1'), 'a client that waits');
    await client.ask('WATCH l');
    let letGo: () => void = () => undefined;
    let isWaiting = false;
    const gate = new Promise<void>((resolve) => (letGo = resolve));
    files.delay = (kind) => {
      if (kind !== 'read') return undefined;
      isWaiting = true;
      return gate;
    };
    const reloaded = client.ask(`DEBUG ${how}`);
    await waitFor(() => isWaiting, 'the loading');
    t.is(await other.ask('SET k w'), '-LOADING Redis is loading the dataset in memory\r\n');
    letGo();
    t.is(await reloaded, '+OK\r\n');
    t.is(await client.ask('CLIENT GETNAME'), '$2\r\nme\r\n');
    t.is(await client.ask('LRANGE l 0 -1'), '*1\r\n$1\r\na\r\n');
    // As in redis-server: the store was emptied in between.
    for (const request of ['MULTI', 'PING']) await client.ask(request);
    t.is(await client.ask('EXEC'), '*-1\r\n');
    t.regex(await other.ask('PTTL k'), /^:9\d{5}\r\n$/);
    t.is(await other.ask('TYPE empty'), '+hash\r\n');
    t.is(await other.ask('RPUSH later x'), ':1\r\n');
    t.is(await popped, '*2\r\n$5\r\nlater\r\n$1\r\nx\r\n');
    for (const request of ['MULTI', `DEBUG ${how}`]) await other.ask(request);
    t.is(await other.ask('EXEC'), '*1\r\n-ERR Command not allowed inside a transaction\r\n');
    for (const each of [client, waiting, other]) each.close();
    await node.stop();
    const { node: again } = await startDurable(t, files.afterKill());
    const last = await RawClient.connect(again.port);
    t.is(await last.ask('MGET k later'), '*2\r\n$1\r\nv\r\n$-1\r\n');
    last.close();
  });
}

test('DEBUG RELOAD: NOSAVE, NOFLUSH and MERGE, and what cannot be loaded', async (t) => {
  const files = new MemoryFiles();
  const { node } = await startDurable(t, files, { appendonly: 'no' });
  const client = await RawClient.connect(node.port);
  const failed = '-ERR Error trying to load the RDB dump\r\n';
  await client.ask('SET a 1');
  t.is(await client.ask('DEBUG RELOAD NOSAVE'), failed);
  t.is(await client.ask('GET a'), '$1\r\n1\r\n');
  t.is(
    await client.ask('DEBUG RELOAD NOSAVE X'),
    '-ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.\r\n',
  );
  t.is(await client.ask('DEBUG RELOAD'), '+OK\r\n');
  await client.ask('MSET a 8 b 1');
  t.is(await client.ask('DEBUG RELOAD nosave noflush merge'), '+OK\r\n');
  t.is(await client.ask('MGET a b'), '*2\r\n$1\r\n1\r\n$1\r\n1\r\n');
  t.is(await client.ask('DEBUG RELOAD NOSAVE NOFLUSH'), failed);
  await client.ask('SET a 9');
  t.is(await client.ask('DEBUG RELOAD NOSAVE MERGE'), '+OK\r\n');
  t.is(await client.ask('MGET a b'), '*2\r\n$1\r\n1\r\n$-1\r\n');
  files.fault = (kind) => (kind === 'write' ? { error: 'EIO' } : undefined);
  t.is(await client.ask('DEBUG RELOAD'), '-ERR\r\n');
  t.is(await client.ask('GET a'), '$1\r\n1\r\n');
  client.close();
});

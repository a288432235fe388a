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

for (const [options, c] of [
  ['NOSAVE', undefined], ['NOSAVE NOFLUSH MERGE', '1'],
] as const) {
  for (const appendfsync of ['always', 'everysec']) {
    test(`${appendfsync}: killed at any operation of DEBUG RELOAD ${options}, a node has the one state or the other`, async (t) => {
      const files = new MemoryFiles();
      const { node } = await startDurable(t, files, { appendfsync });
      const client = await RawClient.connect(node.port);
      for (const request of ['SET a 1', 'SAVE', 'SET a 2', 'SET c 1']) t.is(await client.ask(request), '+OK\r\n');
      await waitFor(() => files.find('.incr.aof').includes('\r\nc\r\n'), 'the writes to be with the system');
      let isDone = false;
      const disks: { disk: MemoryFiles; isDone: boolean }[] = [];
      files.fault = () => {
        disks.push({ disk: files.afterKill(), isDone });
        return undefined;
      };
      t.is(await client.ask(`DEBUG RELOAD ${options}`), '+OK\r\n');
      isDone = true;
      t.is(await client.ask('APPEND a x'), ':2\r\n');
      disks.push({ disk: files.afterKill(), isDone });
      client.close();
      await node.stop();
      disks.push({ disk: files.afterKill(), isDone });
      t.true(disks.length > 10);
      let others = 0;
      for (const [index, { disk, isDone: isLoaded }] of disks.entries()) {
        const { node: again } = await startDurable(t, disk);
        const asked = await RawClient.connect(again.port);
        const found = await asked.ask('MGET a c');
        const loaded = ['1', '1x'].map((value) => mgetReply(value, c));
        t.true(loaded.includes(found) || (!isLoaded && found === mgetReply('2', '1')), `operation ${index}: ${found}`);
        if (!isLoaded && loaded.includes(found)) others++;
        if (index === disks.length - 1) t.is(found, mgetReply('1x', c));
        asked.close();
        await again.stop();
      }
      t.log(`${disks.length} operations, ${others} of the other state before the reply`);
    });
  }
}

function mgetReply(...values: (string | undefined)[]): string {
  const bulks = values.map((value) => (value === undefined ? '$-1\r\n' : `$${value.length}\r\n${value}\r\n`));
  return `*${values.length}\r\n${bulks.join('')}`;
}

test('DEBUG RELOAD NOSAVE on a disk that does not take the log anew: writes are refused until it does', async (t) => {
  const files = new MemoryFiles();
  const { node } = await startDurable(t, files);
  const client = await RawClient.connect(node.port);
  for (const request of ['SET a 1', 'SAVE', 'SET a 2']) t.is(await client.ask(request), '+OK\r\n');
  files.fault = (kind, path) => (kind === 'rename' && path.includes('temp-') ? { error: 'EIO' } : undefined);
  t.is(await client.ask('DEBUG RELOAD NOSAVE'), '+OK\r\n');
  t.is(await client.ask('GET a'), '$1\r\n1\r\n');
  t.regex(await client.ask('SET a 3'), /^-MISCONF .*Input\/output error/);
  files.fault = () => undefined;
  await waitFor(async () => (await client.ask('SET a 4')) === '+OK\r\n', 'the log');
  client.close();
  await node.stop();
  const { node: again } = await startDurable(t, files.afterKill());
  const last = await RawClient.connect(again.port);
  t.is(await last.ask('GET a'), '$1\r\n4\r\n');
  last.close();
});

test('DEBUG RELOAD NOSAVE of a snapshot that is damaged leaves the log as it is', async (t) => {
  const files = new MemoryFiles();
  const { node } = await startDurable(t, files);
  const client = await RawClient.connect(node.port);
  for (const request of ['SET a 1', 'SAVE', 'SET a 2']) t.is(await client.ask(request), '+OK\r\n');
  const whole = files.get('/data/dump.rdb')!;
  files.put('/data/dump.rdb', whole.subarray(0, whole.length - 12));
  t.is(await client.ask('DEBUG RELOAD NOSAVE'), '-ERR Error trying to load the RDB dump\r\n');
  client.close();
  await node.stop();
  const { node: again } = await startDurable(t, files.afterKill());
  const last = await RawClient.connect(again.port);
  t.is(await last.ask('GET a'), '$1\r\n2\r\n');
  last.close();
});

test('a log that is lost during DEBUG RELOAD NOSAVE is made anew with what was loaded', async (t) => {
  const files = new MemoryFiles();
  const { node, log } = await startDurable(t, files);
  const [client, other] = [await RawClient.connect(node.port), await RawClient.connect(node.port)];
  for (const request of ['SET a 1', 'SAVE', 'SET a 2']) t.is(await client.ask(request), '+OK\r\n');
  const gate = (): { reached: boolean; open: () => void; done: Promise<void> } => {
    let open = (): void => undefined;
    const done = new Promise<void>((resolve) => (open = resolve));
    return { reached: false, open, done };
  };
  const [reading, naming] = [gate(), gate()];
  files.delay = (kind, path) => {
    const at = kind === 'read' ? reading : kind === 'rename' && path.includes('temp-rewriteaof') ? naming : undefined;
    if (at !== undefined) at.reached = true;
    return at?.done;
  };
  const reloaded = client.ask('DEBUG RELOAD NOSAVE');
  await waitFor(() => reading.reached, 'the loading');
  files.removeFolder('/data/appendonlydir');
  // Its base is of a store that is empty.
  await waitFor(() => naming.reached, 'the log to be made anew');
  reading.open();
  await waitFor(() => log.some((line) => line.includes('DB loaded from disk')), 'the end of the loading');
  naming.open();
  t.is(await reloaded, '+OK\r\n');
  await waitFor(async () => (await other.ask('SET b 1')) === '+OK\r\n', 'the log');
  for (const each of [client, other]) each.close();
  await node.stop();
  const { node: again } = await startDurable(t, files.afterKill());
  const last = await RawClient.connect(again.port);
  t.is(await last.ask('MGET a b'), mgetReply('1', '1'));
  last.close();
});

for (const [before, to] of [['yes', 'no'], ['no', 'yes']] as const) {
  test(`the log is not switched ${to === 'yes' ? 'on' : 'off'} in the middle of DEBUG RELOAD`, async (t) => {
    const files = new MemoryFiles();
    const { node } = await startDurable(t, files, { appendonly: before });
    const [client, other] = [await RawClient.connect(node.port), await RawClient.connect(node.port)];
    t.is(await client.ask('SET a 1'), '+OK\r\n');
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    let isReading = false;
    files.delay = (kind) => {
      if (kind === 'read') isReading = true;
      return kind === 'read' ? gate : undefined;
    };
    const reloaded = client.ask('DEBUG RELOAD');
    await waitFor(() => isReading, 'the loading');
    t.regex(await other.ask(`CONFIG SET appendonly ${to}`), /'appendonly'\) - the data are being loaded: try again/);
    t.is(await other.ask(`CONFIG SET appendonly ${before}`), '+OK\r\n');
    open();
    t.is(await reloaded, '+OK\r\n');
    t.is(await other.ask(`CONFIG SET appendonly ${to}`), '+OK\r\n');
    const mark = `aof_enabled:${to === 'yes' ? 1 : 0}`;
    await waitFor(async () => (await other.ask('INFO persistence')).includes(mark), mark);
    t.is(await client.ask('SET b 1'), '+OK\r\n');
    for (const each of [client, other]) each.close();
    await node.stop();
    const { node: again } = await startDurable(t, files.afterKill());
    const last = await RawClient.connect(again.port);
    t.is(await last.ask('MGET a b'), mgetReply('1', to === 'yes' ? '1' : undefined));
    last.close();
  });
}

test('DEBUG RELOAD waits for a log that is being switched on', async (t) => {
  const files = new MemoryFiles();
  const { node } = await startDurable(t, files, { appendonly: 'no' });
  const [client, other] = [await RawClient.connect(node.port), await RawClient.connect(node.port)];
  for (const request of ['SET a 1', 'SAVE', 'SET b 1']) t.is(await client.ask(request), '+OK\r\n');
  let open = (): void => undefined;
  const gate = new Promise<void>((resolve) => (open = resolve));
  let isBeginning = false;
  // The folder is to be made, and no base is begun.
  files.delay = (kind, path) => {
    if (kind === 'makeFolder' && path.endsWith('appendonlydir')) isBeginning = true;
    return isBeginning && kind === 'makeFolder' ? gate : undefined;
  };
  const switched = other.ask('CONFIG SET appendonly yes');
  await waitFor(() => isBeginning, 'the log to begin');
  const reads: string[] = [];
  files.fault = (kind, path) => {
    if (kind === 'read') reads.push(path);
    return undefined;
  };
  const reloaded = client.ask('DEBUG RELOAD NOSAVE');
  const third = await RawClient.connect(node.port);
  t.is(await third.ask('GET b'), '$1\r\n1\r\n');
  t.deepEqual(reads, []);
  open();
  t.is(await switched, '+OK\r\n');
  t.is(await reloaded, '+OK\r\n');
  for (const each of [client, other, third]) each.close();
  await node.stop();
  const { node: again } = await startDurable(t, files.afterKill());
  const last = await RawClient.connect(again.port);
  t.is(await last.ask('MGET a b'), mgetReply('1', undefined));
  last.close();
});

/** What commands leave in the append log: what redis-server 7.0.15 writes, or what does the same. */
import test from 'ava';
import { recordsOf, startDurable } from '../support/durable-node.js';
import { MemoryFiles } from '../support/memory-files.js';
import { RawClient } from '../support/raw-client.js';

const MOMENT = '99999999999999';

/** Requests that are sent one after the other, and the records; a digit that depends on the time is shown as `#`. */
const rows: readonly (readonly [requests: string[], records: string[]])[] = [
  [['SET a 1'], ['SELECT 0', 'SET a 1']],
  [['SET a 1', 'GET a', 'DEL nothing', 'SET a 2 NX'], ['SELECT 0', 'SET a 1']],
  [['SET a 1', 'SELECT 3', 'SET b 1', 'SELECT 0', 'SET c 1'],
    ['SELECT 0', 'SET a 1', 'SELECT 3', 'SET b 1', 'SELECT 0', 'SET c 1']],
  [['SET a 1 EX 100'], ['SELECT 0', 'SET a 1 PXAT #############']],
  [['SET a 1 PX 100000'], ['SELECT 0', 'SET a 1 PXAT #############']],
  [[`SET a 1 PXAT ${MOMENT}`], ['SELECT 0', `SET a 1 PXAT ${MOMENT}`]],
  [['SETEX a 100 x'], ['SELECT 0', 'SET a x PXAT #############']],
  [['PSETEX a 100000 x'], ['SELECT 0', 'SET a x PXAT #############']],
  [['SET a 1', 'EXPIRE a 100'], ['SELECT 0', 'SET a 1', 'PEXPIREAT a #############']],
  [['SET a 1', 'EXPIRE a -1'], ['SELECT 0', 'SET a 1', 'DEL a']],
  [['SET a 1', 'EXPIRE a 100 XX'], ['SELECT 0', 'SET a 1']],
  [['SET a 1', `PEXPIREAT a ${MOMENT}`, 'PERSIST a', 'PERSIST a'],
    ['SELECT 0', 'SET a 1', `PEXPIREAT a ${MOMENT}`, 'PERSIST a']],
  [['SET a 1', 'GETEX a', 'GETEX a EX 100', 'GETEX a PERSIST'],
    ['SELECT 0', 'SET a 1', 'PEXPIREAT a #############', 'PERSIST a']],
  [['SET a 1', 'GETEX a PXAT 1'], ['SELECT 0', 'SET a 1', 'DEL a']],
  [['INCRBYFLOAT a 1.5', 'INCR b'], ['SELECT 0', 'SET a 1.5 KEEPTTL', 'INCR b']],
  [['HINCRBYFLOAT h f 1.5'], ['SELECT 0', 'HSET h f 1.5']],
  [['HSET h f 1', `HPEXPIREAT h ${MOMENT.slice(1)} FIELDS 1 f`, 'HINCRBYFLOAT h f 1.5'],
    ['SELECT 0', 'HSET h f 1', `HPEXPIREAT h ${MOMENT.slice(1)} FIELDS 1 f`, 'HSETEX h KEEPTTL FIELDS 1 f 2.5']],
  [['HSET h f 1 g 2 i 3', 'HEXPIRE h 100 FIELDS 2 f none', 'HEXPIRE h 100 NX FIELDS 1 f', 'HPERSIST h FIELDS 1 f'],
    ['SELECT 0', 'HSET h f 1 g 2 i 3', 'HPEXPIREAT h ############# FIELDS 1 f', 'HPERSIST h FIELDS 1 f']],
  [['HSET h f 1 g 2', 'HEXPIRE h 0 FIELDS 1 f', 'HGETDEL h FIELDS 2 g none'], ['SELECT 0', 'HSET h f 1 g 2', 'HDEL h f', 'HDEL h g']],
  [['HSETEX h EX 100 FNX FIELDS 1 f v', 'HSETEX h FXX KEEPTTL FIELDS 1 f w', 'HSETEX h PXAT 1 FIELDS 1 f x'],
    ['SELECT 0', 'HSETEX h PXAT ############# FIELDS 1 f v', 'HSETEX h KEEPTTL FIELDS 1 f w', 'HDEL h f']],
  [['HSET h f 1 g 2', 'HGETEX h FIELDS 1 f', 'HGETEX h EX 100 FIELDS 1 f', 'HGETEX h PERSIST FIELDS 2 f g', 'HGETEX h PXAT 1 FIELDS 1 f'],
    ['SELECT 0', 'HSET h f 1 g 2', 'HPEXPIREAT h ############# FIELDS 1 f', 'HPERSIST h FIELDS 1 f', 'HDEL h f']],
  [['SADD s a', 'SPOP s', 'SPOP s'], ['SELECT 0', 'SADD s a', 'SREM s a']],
  [['SADD s a', 'SPOP s 5'], ['SELECT 0', 'SADD s a', 'DEL s']],
  [['SADD s a', 'SPOP s 0'], ['SELECT 0', 'SADD s a']],
  [['LPUSH l', 'LPUSH l a', 'SADD l a'], ['SELECT 0', 'LPUSH l a']],
  [['FLUSHALL'], ['SELECT 0', 'FLUSHALL']],
  // Commands that redis-server does not know.
  [['BUCKET CREATE b', 'BUCKET CREATE b', 'BUCKET PUT b k v', 'BUCKET DELETE b k', 'BUCKET DELETE b k'],
    ['SELECT 0', 'ECHO pigeonhole BUCKET CREATE b', 'HSET b k v', 'HDEL b k']],
];

for (const [requests, records] of rows) {
  test(`${requests.join(', ')} leaves ${records.slice(1).join(', ')}`, async (t) => {
    const files = new MemoryFiles();
    const { node } = await startDurable(t, files);
    const client = await RawClient.connect(node.port);
    for (const request of requests) await client.ask(request);
    client.close();
    await node.stop();
    const hidden = recordsOf(files.find('.incr.aof')).map((record) => record.replace(/\b17\d{11}\b/g, '#############'));
    t.deepEqual(hidden, records);
  });
}

test('a bucket that expires leaves DEL', async (t) => {
  const files = new MemoryFiles();
  const { node } = await startDurable(t, files);
  const client = await RawClient.connect(node.port);
  await client.ask('DEBUG SET-ACTIVE-EXPIRE 0');
  await client.ask('SET a 1 PX 1');
  await new Promise((resolve) => setTimeout(resolve, 10));
  await client.ask('GET a');
  client.close();
  await node.stop();
  t.is(recordsOf(files.find('.incr.aof')).at(-1), 'DEL a');
});

test('a field that expires leaves HDEL', async (t) => {
  const files = new MemoryFiles();
  const { node } = await startDurable(t, files);
  const client = await RawClient.connect(node.port);
  await client.ask('HSETEX h PX 1 FIELDS 1 f v');
  await new Promise((resolve) => setTimeout(resolve, 10));
  await client.ask('HGET h f');
  client.close();
  await node.stop();
  t.is(recordsOf(files.find('.incr.aof')).at(-1), 'HDEL h f');
});

test('a request whose line ends are careless is recorded as it should be', async (t) => {
  const files = new MemoryFiles();
  const { node } = await startDurable(t, files);
  const client = await RawClient.connect(node.port);
  client.send('*3\rx$3\rxSETxx$1\rxaxx$1\rxbxxSET c d\r\n');
  await client.reply();
  await client.reply();
  client.close();
  await node.stop();
  t.deepEqual(recordsOf(files.find('.incr.aof')), ['SELECT 0', 'SET a b', 'SET c d']);
});

test('with aof-timestamp-enabled the log has the time', async (t) => {
  const files = new MemoryFiles();
  const { node } = await startDurable(t, files, { 'aof-timestamp-enabled': 'yes' });
  const client = await RawClient.connect(node.port);
  await client.ask('SET a 1');
  await node.stop();
  t.regex(files.find('.incr.aof').toString(), /^#SEAL:0:0:[0-9a-f]{8}\r\n#TS:\d{10}\r\n\*2\r\n\$6\r\nSELECT/);
});

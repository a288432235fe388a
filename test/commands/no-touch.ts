/** CLIENT NO-TOUCH: what such a client does with a bucket does not count as a use. Redis has it since 7.2. */
import test from 'ava';
import { Settings } from '../../lib/config/settings.js';
import { Node } from '../../lib/server.js';
import { FakeClock } from '../../lib/util/clock.js';
import { silentLog } from '../../lib/util/log.js';
import { RawClient } from '../support/raw-client.js';
import type { ExecutionContext } from 'ava';
import { inMemory } from '../support/in-memory.js';

async function startWithClock(t: ExecutionContext): Promise<{ client: RawClient; clock: FakeClock }> {
  const clock = new FakeClock();
  const node = new Node({ settings: new Settings({ ...inMemory, port: 'any', 'line-port': '0', bind: '127.0.0.1' }), log: silentLog, clock });
  await node.start();
  t.teardown(() => node.stop());
  const client = await RawClient.connect(node.port);
  t.teardown(() => client.close());
  return { client, clock };
}

for (const [prepare, use, bucket] of [
  ['SET s 1', 'GET s', 's'],
  ['SET s 1', 'INCR s', 's'],
  ['SET s 1', 'APPEND s 2', 's'],
  ['SET s 1', 'SETNX s 2', 's'],
  ['SET s 1', 'SETBIT s 1 1', 's'],
  ['SET s 1', 'EXPIRE s 1000', 's'],
  ['SET s 1', 'RENAME s t', 't'],
  ['HSET h f v', 'HGET h f', 'h'],
  ['HSET h f v', 'HSET h f w', 'h'],
  ['HSET h f v', 'BUCKET PUT h f w', 'h'],
] as const) {
  test(`${use} is no use of the bucket with NO-TOUCH`, async (t) => {
    const { client, clock } = await startWithClock(t);
    await client.ask(prepare);
    await client.ask('CLIENT NO-TOUCH ON');
    clock.advance(50_000);
    await client.ask(use);
    t.is(await client.ask(`OBJECT IDLETIME ${bucket}`), ':50\r\n');
  });
}

test('TOUCH, SET, and a client after RESET count as uses', async (t) => {
  const { client, clock } = await startWithClock(t);
  await client.ask('MSET a 1 b 1 c 1');
  await client.ask('CLIENT NO-TOUCH ON');
  clock.advance(50_000);
  await client.ask('TOUCH a');
  await client.ask('SET b 2');
  t.is(await client.ask('OBJECT IDLETIME a'), ':0\r\n');
  t.is(await client.ask('OBJECT IDLETIME b'), ':0\r\n');
  t.is(await client.ask('OBJECT IDLETIME c'), ':50\r\n');
  await client.ask('RESET');
  await client.ask('GET c');
  t.is(await client.ask('OBJECT IDLETIME c'), ':0\r\n');
});

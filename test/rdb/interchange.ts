/**
 * Values between a node and redis-server, by DUMP and RESTORE: random buckets of all types by seed, and the forms that
 * older servers wrote. The digests are redis-server's (DEBUG DIGEST-VALUE).
 */
import test from 'ava';
import { OLD_FORMS, oldStreamForms } from '../support/old-forms.js';
import { payload } from '../support/payload.js';
import { type Pair, startPair } from '../support/pair.js';
import { randomBuckets } from '../support/random-buckets.js';
import { seed, seedOf } from '../support/seed.js';
import { whyNoReference } from '../support/targets.js';

const ifReference = whyNoReference === undefined ? test.serial : test.serial.skip;
const BUCKETS = 60;
const ROUNDS = Number(process.env.ROUNDS ?? 6);

for (let round = 0; round < ROUNDS; round++) {
  ifReference(`random buckets, round ${round}`, async (t) => {
    seedOf(t);
    const pair = await startPair(t);
    for (const request of randomBuckets(seed + round, BUCKETS)) {
      t.is(await pair.ours(...request), await pair.theirs(...request), request.slice(0, 2).join(' '));
    }
    for (let index = 0; index < BUCKETS; index++) await compare(`b${index}`, pair);
  });
}

/** Dumps a bucket on both, restores each dump on the other side, and compares what became of it. */
async function compare(key: string, { t, ours, theirs }: Pair): Promise<void> {
  const [mine, yours] = [await ours('DUMP', key), await theirs('DUMP', key)];
  const encoding = await theirs('OBJECT', 'ENCODING', key);
  // A hash table goes in the order of a seed of its server.
  const isStream = encoding.includes('stream');
  const knowsTimes = isStream && (await ours('XINFO', 'GROUPS', key)) !== '*0\r\n';
  if (!encoding.includes('hashtable') && !knowsTimes) t.is(mine, yours, `${key} ${encoding}`);
  const expiresAt = (await theirs('PEXPIRETIME', key)).slice(1, -2);
  const ttl = expiresAt === '-1' ? '0' : expiresAt;
  t.is(await theirs('RESTORE', 'r', ttl, body(mine), 'ABSTTL', 'REPLACE'), '+OK\r\n', `${key} there`);
  t.is(await theirs('DEBUG', 'DIGEST-VALUE', 'r'), await theirs('DEBUG', 'DIGEST-VALUE', key), `${key} there`);
  if (isStream) t.is(shown(await theirs('XINFO', 'STREAM', 'r', 'FULL')), shown(await ours('XINFO', 'STREAM', key, 'FULL')));
  t.is(await ours('RESTORE', 'r', ttl, body(yours), 'ABSTTL', 'REPLACE'), '+OK\r\n', `${key} here`);
  t.is(await ours('OBJECT', 'ENCODING', 'r'), encoding, `${key} here`);
  t.is(await ours('PEXPIRETIME', 'r'), await theirs('PEXPIRETIME', key));
  t.is(await theirs('RESTORE', 'r', ttl, body(await ours('DUMP', 'r')), 'ABSTTL', 'REPLACE'), '+OK\r\n', `${key} back`);
  t.is(await theirs('DEBUG', 'DIGEST-VALUE', 'r'), await theirs('DEBUG', 'DIGEST-VALUE', key), `${key} back`);
  if (isStream) t.is(shown(await theirs('XINFO', 'STREAM', 'r', 'FULL')), shown(await theirs('XINFO', 'STREAM', key, 'FULL')));
}

/** What XINFO says, without how redis-server keeps its index. */
function shown(reply: string): string {
  return reply.replace(/radix-tree-nodes\r\n:\d+/, '');
}

/** The bytes of a bulk reply. */
function body(reply: string): string {
  return reply.slice(reply.indexOf('\r\n') + 2, -2);
}

for (const [name, form] of Object.entries(OLD_FORMS)) {
  ifReference(`an older form: ${name}`, async (t) => {
    const { ours, theirs } = await startPair(t);
    const bytes = payload(form);
    const reply = await theirs('RESTORE', 'k', '0', bytes);
    t.is(await ours('RESTORE', 'k', '0', bytes), reply);
    t.is(reply, '+OK\r\n');
    t.is(await ours('OBJECT', 'ENCODING', 'k'), await theirs('OBJECT', 'ENCODING', 'k'));
    t.is(await theirs('RESTORE', 'r', '0', body(await ours('DUMP', 'k'))), '+OK\r\n');
    t.is(await theirs('DEBUG', 'DIGEST-VALUE', 'r'), await theirs('DEBUG', 'DIGEST-VALUE', 'k'));
  });
}

ifReference('an older form: streams of 5.0, with and without a group', async (t) => {
  const { ours, theirs } = await startPair(t);
  for (const id of ['1-1', '2-1']) await theirs('XADD', 'stream', id, 'field', 'value');
  const forms = oldStreamForms(body(await theirs('DUMP', 'stream')));
  for (const [index, form] of forms.entries()) {
    const key = `old${index}`;
    t.is(await theirs('RESTORE', key, '0', payload(form)), '+OK\r\n');
    t.is(await ours('RESTORE', key, '0', payload(form)), '+OK\r\n');
    t.is(shown(await ours('XINFO', 'STREAM', key, 'FULL')), shown(await theirs('XINFO', 'STREAM', key, 'FULL')));
    t.is(await theirs('RESTORE', `r${index}`, '0', body(await ours('DUMP', key))), '+OK\r\n');
    t.is(await theirs('DEBUG', 'DIGEST-VALUE', `r${index}`), await theirs('DEBUG', 'DIGEST-VALUE', key));
  }
});

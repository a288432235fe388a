/**
 * Values between a node and redis-server, by DUMP and RESTORE: random buckets of all types by seed, and the forms that
 * older servers wrote. The digests are redis-server's (DEBUG DIGEST-VALUE).
 */
import test from 'ava';
import { payload, short, ziplist, zipmap } from '../support/payload.js';
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

/** Forms that redis-server 7.0 reads and does not write; without the footer. */
const OLD_FORMS: Readonly<Record<string, string>> = {
  list: '\x01\x03\x01a\xc0\x05\x02bc',
  'list ziplist': `\x0a${short(ziplist('a', 'bc', 100, 5, -300, 70_000, 2 ** 30, 2 ** 40, -1))}`,
  'list ziplist, long elements': `\x0a${long(ziplist('x'.repeat(300), 'y', 'z'.repeat(63), 'z'.repeat(64)))}`,
  quicklist: `\x0e\x02${short(ziplist('a', 'b'))}${short(ziplist(1, 2))}`,
  'quicklist 2, plain nodes': '\x12\x02\x01\x03abc\x01\xc1\x39\x30',
  'hash zipmap': `\x09${short(zipmap([['a', 'bc'], ['de', 'f']], 2))}`,
  'hash zipmap, long values': `\x09${long(zipmap([['a', 'b'.repeat(300)], ['c'.repeat(254), '1']]))}`,
  'hash ziplist': `\x0d${short(ziplist('a', 'bc', 'd', 100))}`,
  'sorted set as text': '\x03\x04\x01a\x031.5\x01b\xfe\x01c\xff\x01d\x05-2e-3',
  'sorted set ziplist': `\x0c${short(ziplist('a', 1, 'b', '1.5'))}`,
};

/** A string with its length in front, in two bytes. */
function long(text: string): string {
  return String.fromCharCode(0x40 | (text.length >> 8), text.length & 0xff) + text;
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

/** What is noted of requests in advance, against what the decoder makes of them when their turn comes. */
import test from 'ava';
import { COMPLETE, RequestDecoder } from '../../lib/protocol/request-decoder.js';
import { AHEAD_MAX, RequestsAhead } from '../../lib/protocol/requests-ahead.js';
import { type Random, seededRandom } from '../../lib/util/random.js';
import { encode } from '../support/raw-client.js';
import { seedOf } from '../support/seed.js';

const limits = { bulkBytesMax: 1e6, isAuthRequired: false };

interface Noted {
  key: string;
  member: string | undefined;
}

function noted({ bytes, count, keyOffsets, keyLengths, memberOffsets, memberLengths }: RequestsAhead): Noted[] {
  const text = (offset: number, length: number): string => bytes.toString('latin1', offset, offset + length);
  return Array.from({ length: count }, (_, i) => ({
    key: text(keyOffsets[i]!, keyLengths[i]!),
    member: memberLengths[i]! < 0 ? undefined : text(memberOffsets[i]!, memberLengths[i]!),
  }));
}

/** Everything that is noted while a decoder goes through `bytes`, and everything that it decodes. */
function goThrough(bytes: Buffer): { seen: Noted[]; decoded: Noted[] } {
  const decoder = new RequestDecoder(limits);
  const ahead = new RequestsAhead();
  const seen: Noted[] = [];
  const decoded: Noted[] = [];
  decoder.feed(bytes);
  for (;;) {
    if (decoder.lookAhead(ahead)) seen.push(...noted(ahead));
    if (decoder.next() !== COMPLETE) return { seen, decoded };
    const { args } = decoder;
    decoded.push({ key: args.text(1), member: args.count > 2 ? args.text(2) : undefined });
  }
}

function randomText(random: Random, lengthMax: number): string {
  return 'x\r\n$*9'.repeat(40).slice(0, Math.floor(random.next() * lengthMax));
}

test('keys and members of requests that arrive together are noted once each', (t) => {
  const random = seededRandom(seedOf(t));
  const requests = Array.from({ length: 5 * AHEAD_MAX + 3 }, () => {
    const count = 2 + Math.floor(random.next() * 4);
    return encode(Array.from({ length: count }, () => randomText(random, 130)));
  });
  const { seen, decoded } = goThrough(Buffer.concat(requests));
  t.is(decoded.length, requests.length);
  t.deepEqual(seen, decoded);
});

test('a request that comes alone is not noted', (t) => {
  t.deepEqual(goThrough(encode(['GET', 'a'])).seen, []);
});

test('what is not of the plain form is passed over, and what follows is noted', (t) => {
  const plain = [encode(['GET', 'a']), encode(['HGET', 'b', 'f'])];
  const others = [Buffer.from('GET inline\r\n'), encode(['PING']), encode(['MGET', ...'a b c d e f g h i j k l'.split(' ')])];
  for (const other of others) {
    const { seen } = goThrough(Buffer.concat([...plain, other, ...plain]));
    t.deepEqual(seen.map(({ key }) => key), ['a', 'b', 'a', 'b'], other.toString());
  }
});

test('requests that are cut anywhere are noted as far as they are whole', (t) => {
  const bytes = Buffer.concat([encode(['SET', 'a', '1']), encode(['SET', 'b', '2']), encode(['SET', 'c', '3'])]);
  for (let cut = 0; cut <= bytes.length; cut++) {
    const { seen, decoded } = goThrough(Buffer.from(bytes.subarray(0, cut)));
    t.deepEqual(seen, decoded.length > 1 ? decoded : [], `cut at ${cut}`);
  }
});

test('no bytes whatever lead the look out of what has arrived', (t) => {
  const random = seededRandom(seedOf(t));
  const ahead = new RequestsAhead();
  const pieces = ['*2\r\n', '*3\r\n', '$3\r\nGET\r\n', '$1\r\na\r\n', '$', '*', '-1', '99999999999', '\r\n', 'x', '$0\r\n\r\n'];
  for (let round = 0; round < 5000; round++) {
    const text = Array.from({ length: 12 }, () => pieces[Math.floor(random.next() * pieces.length)]!).join('');
    const bytes = Buffer.from(text, 'latin1');
    const end = Math.floor(random.next() * (bytes.length + 1));
    const reached = ahead.look(bytes, 0, end);
    t.true(reached <= end, text);
    for (let i = 0; i < ahead.count; i++) t.true(ahead.keyOffsets[i]! + ahead.keyLengths[i]! + 2 <= end, text);
  }
});

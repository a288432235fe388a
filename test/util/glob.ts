/** Glob patterns: known odd cases, and random patterns compared with redis-server where one is installed. */
import test from 'ava';
import { sliceOf } from '../../lib/util/bytes.js';
import { matchesGlob } from '../../lib/util/glob.js';
import { seededRandom } from '../../lib/util/random.js';
import { referenceTest, withReference } from '../support/macros.js';
import { RawClient, encode } from '../support/raw-client.js';
import { seedOf } from '../support/seed.js';

const matches = (pattern: string, text: string, ignoresCase = false): boolean =>
  matchesGlob(sliceOf(pattern), sliceOf(text), ignoresCase);

const MATCHING = [
  ['', ''], ['a', 'a'], ['*', 'a'], ['a*', 'a'], ['a**', 'a'], ['*a', 'bba'], ['*a*b*', 'xaxxbx'], ['a?c', 'abc'],
  ['[abc]', 'b'], ['[^abc]', 'd'], ['[a-c]', 'b'], ['[z-a]', 'm'], ['[a-', 'a'], ['[a-', '-'], ['[a-]', '_'],
  ['[abc', 'c'], ['[^', 'x'], ['\\*', '*'], ['\\', '\\'], ['[\\]]', ']'], ['a[^b]*\\?', 'acd?'], ['h[a-b]llo', 'hallo'],
  ['[\x80-z]', '\x00'], ['*ab', 'aaab'], ['*\0b', 'a\0b'],
] as const;

const NOT_MATCHING = [
  ['', 'a'], ['a', ''], ['*', ''], ['**', ''], ['[', 'a'], ['[]', ']'], ['[^abc]', 'a'], ['a?', 'a'], ['A', 'a'], ['[A-C]', 'b'],
  ['*a*b', 'bbba'], ['\\a', 'b'], ['[\x80-z]', '\x7f'], ['[a-]', 'b'],
] as const;

for (const [pattern, text] of MATCHING) test(`${JSON.stringify(pattern)} matches ${JSON.stringify(text)}`, (t) => t.true(matches(pattern, text)));
for (const [pattern, text] of NOT_MATCHING) {
  test(`${JSON.stringify(pattern)} does not match ${JSON.stringify(text)}`, (t) => t.false(matches(pattern, text)));
}

test('case is folded on request, but not behind a backslash in a class', (t) => {
  t.true(matches('aB[C-D]', 'Abd', true));
  t.true(matches('[xY]', 'y', true));
  t.false(matches('[\\Y]', 'y', true));
});

test('a pattern with many stars costs little on a text that it does not match', (t) => {
  const before = process.cpuUsage();
  t.false(matches('a*'.repeat(100) + 'b', 'a'.repeat(10_000)));
  t.true(process.cpuUsage(before).user < 1_000_000, 'microseconds of this process alone');
});

referenceTest('random patterns match as in redis-server', withReference, async (t, reference) => {
  const random = seededRandom(seedOf(t));
  const draw = (alphabet: string, lengthMax: number): string =>
    Array.from({ length: Math.floor(random.next() * lengthMax) }, () => alphabet[Math.floor(random.next() * alphabet.length)]!).join('');
  const client = await RawClient.connect(reference.port);
  t.teardown(() => client.close());
  const ask = async (...args: string[]): Promise<string> => {
    client.send(encode(args));
    return client.reply();
  };
  const bulk = /(?<=\$\d+\r\n)[^]*?(?=\r\n)/g;
  const found = (reply: string): string[] => [...reply.matchAll(bulk)].map((match) => match[0]);

  const texts = [...new Set(Array.from({ length: 400 }, () => draw('abc-]\\^z\x80\xff', 7)))];
  await ask('HSET', 'texts', ...texts.flatMap((text) => [text, '']));
  const names = found(await ask('COMMAND', 'LIST'));
  for (let round = 0; round < 1500; round++) {
    const pattern = draw('ab*[]^-\\?c\x80z', 9);
    // The reply is a cursor, then field, value, field, value.
    const fields = found(await ask('HSCAN', 'texts', '0', 'MATCH', pattern)).slice(1).filter((_, index) => index % 2 === 0);
    const ours = texts.filter((text) => pattern === '*' || matches(pattern, text));
    t.deepEqual(ours, fields, JSON.stringify(pattern));

    const folded = draw('aegSET*[]^-\\?|', 8);
    const listed = found(await ask('COMMAND', 'LIST', 'FILTERBY', 'PATTERN', folded)).sort();
    t.deepEqual(names.filter((name) => matches(folded, name, true)).sort(), listed, JSON.stringify(folded));
  }
});

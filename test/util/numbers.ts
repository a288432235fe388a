/** Integers and doubles as text, against BigInt, against cases written by hand and against redis-server's ZSCORE. */
import test from 'ava';
import {
  addIntegers, formatDouble, formatFixed, parseDouble, parseInteger, parsePlainDecimal,
} from '../../lib/util/numbers.js';
import { seededRandom } from '../../lib/util/random.js';
import { referenceTest, withReference } from '../support/macros.js';
import { RawClient, encode } from '../support/raw-client.js';
import { seedOf } from '../support/seed.js';

const DOUBLES = 20_000;
const BATCH = 500;


const integer = (text: string): number | bigint | undefined => parseInteger(Buffer.from(text, 'latin1'), 0, text.length);

for (const text of [
  '0', '1', '-1', '10', '999999999999999', '-999999999999999', '1000000000000000', '9007199254740991', '9007199254740992',
  '-9007199254740992', '9223372036854775807', '-9223372036854775808',
]) {
  test(`${text} is an integer`, (t) => {
    const value = integer(text);
    t.is(String(value), text);
    t.is(typeof value, Number.isSafeInteger(Number(text)) ? 'number' : 'bigint');
  });
}

for (const text of [
  '', '-', '+1', '-0', '00', '01', '-01', ' 1', '1 ', '1.0', '1e3', '0x10', 'a', '1a', '1\0', '9223372036854775808',
  '-9223372036854775809', '01000000000000000', '100000000000000x', '99999999999999999999', '-00000000000000000001',
]) {
  test(`${JSON.stringify(text)} is not an integer`, (t) => t.is(integer(text), undefined));
}

test('sums are exact, and end at the ends of int64', (t) => {
  t.is(addIntegers(2 ** 53 - 1, 1), 2n ** 53n);
  t.is(addIntegers(2n ** 53n, -1), 2 ** 53 - 1);
  t.is(addIntegers(2n ** 63n - 2n, 1), 2n ** 63n - 1n);
  t.is(addIntegers(2n ** 63n - 1n, 1), undefined);
  t.is(addIntegers(-(2n ** 63n), -1), undefined);
});

for (const [text, value] of [
  ['1', 1], ['+1', 1], ['1.', 1], ['.5', 0.5], ['1e3', 1000], ['0x10', 16], ['-0x1.8p1', -3], ['0x.8', 0.5],
  ['inf', Infinity], ['-Infinity', -Infinity], ['1e-310', 1e-310], ['0e-999', 0],
  ['', undefined], ['.', undefined], ['e3', undefined], ['nan', undefined], [' 1', undefined], ['1 ', undefined],
  ['1e400', undefined], ['1e-400', undefined], ['0x', undefined], ['0x.', undefined], ['1_000', undefined],
] as const) {
  test(`${JSON.stringify(text)} as a double is ${value}`, (t) => t.is(parseDouble(text), value));
}

referenceTest('doubles are printed as redis-server prints scores', withReference, async (t, reference) => {
  const random = seededRandom(seedOf(t));
  const client = await RawClient.connect(reference.port);
  t.teardown(() => client.close());
  const word = new DataView(new ArrayBuffer(8));
  const makers = [
    () => random.next(),
    () => Math.floor(random.next() * 2 ** 53) * (random.next() < 0.5 ? -1 : 1),
    () => 10 ** Math.floor(random.next() * 40 - 20),
    () => (2 * Math.floor(random.next() * 1000) + 1) * 2 ** -Math.floor(random.next() * 80),
    () => {
      word.setUint32(0, random.next() * 2 ** 32);
      word.setUint32(4, random.next() * 2 ** 32);
      return Number.isNaN(word.getFloat64(0)) ? 0 : word.getFloat64(0);
    },
  ];
  for (let done = 0; done < DOUBLES; done += BATCH) {
    const values = Array.from({ length: BATCH }, (_, index) => makers[index % makers.length]!());
    for (const value of values) {
      client.send(Buffer.concat([encode(['ZADD', 'z', String(value), 'm']), encode(['ZSCORE', 'z', 'm'])]));
    }
    for (const value of values) {
      await client.reply();
      const theirs = (await client.reply()).split('\r\n')[1] ?? '';
      t.is(formatDouble(value), theirs);
    }
  }
});

test('plain decimals are the same doubles as any others', (t) => {
  const random = seededRandom(seedOf(t));
  const digits = (count: number): string => Array.from({ length: count }, () => Math.floor(random.next() * 10)).join('');
  for (let round = 0; round < 50_000; round++) {
    const before = digits(1 + Math.floor(random.next() * 9));
    const behind = random.next() < 0.7 ? `.${digits(1 + Math.floor(random.next() * 7))}` : '';
    const text = (random.next() < 0.3 ? '-' : '') + before + behind;
    const plain = parsePlainDecimal(Buffer.from(text), 0, text.length);
    if (before.length + behind.length > 15) continue;
    t.true(Object.is(plain, Number(text)), text);
  }
  for (const text of ['', '-', '.', '5.', '.5', '-.5', '1.2.3', '1e3', '+1', ' 1', '1 ', 'inf', '0x1', '1234567890123456']) {
    t.is(parsePlainDecimal(Buffer.from(text), 0, text.length), NaN, text);
  }
});

for (const [value, decimals, shown] of [
  [0.25, 1, '0.2'], [0.75, 1, '0.8'], [-0.25, 1, '-0.2'], [0.03125, 4, '0.0312'], [0.09375, 4, '0.0938'],
  [-0, 2, '-0.00'], [1e22, 1, '10000000000000000000000.0'], [1.005, 2, '1.00'], [Infinity, 2, 'inf'],
] as const) {
  test(`${Object.is(value, -0) ? '-0' : value} with ${decimals} decimals is ${shown}`, (t) => t.is(formatFixed(value, decimals), shown));
}

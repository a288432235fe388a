/** The 80-bit floats against redis-server's, through INCRBYFLOAT, and against what can be said without it. */
import test from 'ava';
import { addLongDoubles, formatLongDouble, parseLongDouble } from '../../lib/util/long-double.js';
import { type Random, seededRandom } from '../../lib/util/random.js';
import { referenceTest, withReference } from '../support/macros.js';
import { RawClient, encode } from '../support/raw-client.js';
import { seedOf } from '../support/seed.js';

const PAIRS = 20_000;
const BATCH = 500;


/** What INCRBYFLOAT shows for a value and an increment; undefined when it refuses them. */
function sum(value: string, increment: string): string | undefined {
  const a = parseLongDouble(value);
  const b = parseLongDouble(increment);
  const total = a && b && addLongDoubles(a, b);
  return total === undefined || total.isInfinite ? undefined : formatLongDouble(total);
}

function randomNumber(random: Random): string {
  const whole = (below: number): number => Math.floor(random.next() * below);
  const digits = (count: number): string => Array.from({ length: count }, () => whole(10)).join('');
  const sign = ['', '', '-', '+'][whole(4)]!;
  switch (whole(8)) {
    case 0: return `${sign}${digits(1 + whole(6))}`;
    case 1: return `${sign}${digits(1 + whole(25))}.${digits(whole(25))}`;
    case 2: return `${sign}${digits(1)}.${digits(whole(20))}e${whole(60) - 30}`;
    case 3: return `${sign}${digits(1 + whole(20))}e${whole(10_000) - 5000}`;
    case 4: return `${sign}0x${whole(2 ** 31).toString(16)}.${whole(2 ** 31).toString(16)}p${whole(120) - 60}`;
    case 5: return `${sign}.${digits(1 + whole(30))}`;
    case 6: return `${sign}${(2n ** BigInt(60 + whole(8)) + BigInt(whole(5) - 2)).toString()}.${['0', '5', '25', '75'][whole(4)]}`;
    default: return `${sign}${(random.next() * 10 ** (whole(40) - 20)).toString()}`;
  }
}

referenceTest('sums are those of redis-server', withReference, async (t, reference) => {
  const random = seededRandom(seedOf(t));
  const client = await RawClient.connect(reference.port);
  t.teardown(() => client.close());
  for (let done = 0; done < PAIRS; done += BATCH) {
    const pairs = Array.from({ length: BATCH }, () => [randomNumber(random), randomNumber(random)] as const);
    for (const [value, increment] of pairs) client.send(Buffer.concat([encode(['SET', 'k', value]), encode(['INCRBYFLOAT', 'k', increment])]));
    for (const [value, increment] of pairs) {
      await client.reply();
      const reply = await client.reply();
      const theirs = reply.startsWith('-') ? undefined : reply.split('\r\n')[1];
      t.is(sum(value, increment), theirs, `${value} + ${increment}`);
    }
  }
});

for (const [value, increment, expected] of [
  ['0.1', '0.2', '0.3'],
  ['1e4932', '1e4932', undefined],
  ['1e4933', '0', undefined],
  ['1e-4960', '0', undefined],
  ['1e-4940', '0', '0'],
  ['inf', '1', undefined],
  ['inf', '-inf', undefined],
  ['-0', '0', '0'],
  ['nan', '0', undefined],
  [' 1', '0', undefined],
  ['', '0', undefined],
  ['.', '0', undefined],
  ['1e', '0', undefined],
  ['0x1p4', '0', '16'],
  ['18446744073709551615', '1', '18446744073709551616'],
  ['18446744073709551616', '1', '18446744073709551616'],
  ['18446744073709551616', '3', '18446744073709551620'],
] as const) {
  test(`${value} + ${increment} is ${expected}`, (t) => t.is(sum(value, increment), expected));
}

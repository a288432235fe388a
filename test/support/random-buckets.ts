/**
 * Requests that make buckets of all types, in all encodings and sizes, drawn under a seed: for the tests that carry
 * data between a node and redis-server.
 */
import { Draw } from '../generators/draw.js';
import { seededRandom } from '../../lib/util/random.js';

const INTEGERS = [
  '0', '12', '127', '128', '-1', '4095', '-4096', '4096', '32767', '-32768', '32768', '8388607', '-8388608', '8388608',
  '2147483647', '-2147483648', '2147483648', '9007199254740993', '9223372036854775807', '-9223372036854775808',
];
const NO_INTEGERS = ['01', '-0', '+1', '9223372036854775808', ' 1', '1e3', '', '\x00', '\xff\xfe'];
const SCORES = ['0', '1', '-1', '3.5', '-2.25', '1e300', 'inf', '-inf', '0.1', '4503599627370497', '9007199254740994', '1e-7'];
/** Around the limits of packed encodings, of lengths, and of pages. */
const LENGTHS = [1, 2, 11, 20, 21, 44, 63, 64, 65, 100, 127, 128, 300, 4095, 4096, 5000];
const SIZES = [1, 1, 2, 3, 5, 20, 127, 128, 129, 511, 512, 513, 700];

class Values {
  private drawn = 0;

  constructor(readonly draw: Draw) {}

  /** Different every time, so that it may be a field or a member. */
  distinct(): string {
    const { draw } = this;
    this.drawn++;
    if (draw.chance(0.3)) return String((this.drawn * 7919) % 100_003);
    return `${this.any().slice(0, draw.chance(0.1) ? 200 : 40)}~${this.drawn}`;
  }

  any(): string {
    const { draw } = this;
    if (draw.chance(0.3)) return draw.pick(INTEGERS);
    if (draw.chance(0.2)) return draw.pick(NO_INTEGERS);
    const length = draw.chance(0.05) ? draw.pick(LENGTHS) : draw.below(70);
    if (draw.chance(0.5)) return draw.pick(['x', 'ab', 'abcdefg', '\x00']).repeat(length).slice(0, length);
    return Array.from({ length }, () => String.fromCharCode(draw.chance(0.7) ? 97 + draw.below(4) : draw.below(256))).join('');
  }

  times<T>(count: number, make: () => T): T[] {
    return Array.from({ length: count }, make);
  }
}

/** Some streams have groups, which know when they were read. */
function stream(key: string, size: number, values: Values): string[][] {
  const { draw } = values;
  const requests: string[][] = [];
  const ids = values.times(size, () => 0).map((_, index) => `${1000 + Math.floor(index / 3)}-${index % 3}`);
  const fields = draw.pick([['f'], ['f', 'g'], ['temperature', '1', '']]);
  for (const id of ids) {
    const chosen = draw.chance(0.8) ? fields : [values.any()];
    requests.push(['XADD', key, id, ...chosen.flatMap((field) => [field, values.any()])]);
  }
  if (draw.chance(0.4)) requests.push(['XDEL', key, ...values.times(draw.between(1, size), () => draw.pick(ids))]);
  if (draw.chance(0.5)) return requests;
  for (const group of ['g', 'a group']) {
    requests.push(['XGROUP', 'CREATE', key, group, draw.pick(['0', '$', draw.pick(ids)])]);
    requests.push(['XGROUP', 'CREATECONSUMER', key, group, 'idle']);
    for (const consumer of ['c', 'd']) {
      requests.push(['XREADGROUP', 'GROUP', group, consumer, 'COUNT', String(draw.between(1, 5)), 'STREAMS', key, '>']);
    }
    if (draw.chance(0.5)) requests.push(['XACK', key, group, draw.pick(ids), draw.pick(ids)]);
  }
  return requests;
}

/** Requests for `count` buckets called `b0`, `b1` ... Some expire, hours ahead. */
export function randomBuckets(seed: number, count: number): string[][] {
  const draw = new Draw(seededRandom(seed));
  const values = new Values(draw);
  const requests: string[][] = [];
  for (let index = 0; index < count; index++) {
    const key = `b${index}`;
    requests.push(...bucket(key, values));
    if (draw.chance(0.2)) requests.push(['PEXPIREAT', key, String(4e12 + draw.below(1e9))]);
  }
  return requests;
}

function bucket(key: string, values: Values): string[][] {
  const { draw } = values;
  const size = draw.chance(0.5) ? draw.between(1, 10) : draw.pick(SIZES);
  switch (draw.below(7)) {
    case 0:
      return [['SET', key, values.any()]];
    case 1:
      return [['RPUSH', key, ...values.times(size, () => values.any())]];
    case 2:
      return [['SADD', key, ...values.times(size, () => values.distinct())]];
    case 3:
      return [['SADD', key, ...values.times(size, () => draw.pick(INTEGERS)), ...values.times(size, () => String(draw.below(1e6)))]];
    case 4:
      return [['HSET', key, ...values.times(size, () => [values.distinct(), values.any()]).flat()]];
    case 5:
      return stream(key, size, values);
    default:
      return [['ZADD', key, ...values.times(size, () => [draw.pick(SCORES), values.distinct()]).flat()]];
  }
}

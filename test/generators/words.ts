/**
 * The vocabularies: what stands for the named arguments of a syntax line. The plain one draws what makes commands work
 * most of the time, over few keys, so that requests meet; the nasty one draws what they must survive.
 */
import type { Draw } from './draw.js';
import type { Vocabulary } from './syntax.js';

export const KEYS = ['a', 'b', 'c', 'd', 'e', '{a}f'];
/** Further keys, of single families. */
export const ALL_KEYS = [...KEYS, '{s}a', '{s}b', '{s}c', '{s}d', '{s}e', '{s}f', 'w1', 'w2', 'w10', 'h1', 'none'];
export const FIELDS = ['f', 'g', 'h', '', '1', '\x00\xff'];

/** No large negative number but the least: HRANDFIELD answers with so many fields, on redis-server too. */
const EDGES = [
  '9223372036854775807', '-9223372036854775808', '9223372036854775808', '4294967296', '2147483648', '1048576', '1048575',
  '-1',
];
const NO_NUMBERS = ['', ' ', 'x', '1x', ' 1', '1 ', '+1', '01', '-0', '0x10', '1e3', '1.0', 'nan', '\x00'];
const FLOATS = ['0.1', '-2.5', '3', '1e10', '5.0e3', '-1.5e-5', '100', '0'];
const NO_FLOATS = ['inf', '-inf', 'nan', '1e400', '', 'x', ' 1.5', '1.5 ', '0x1p3', '1.7976931348623157e308'];
const VALUES = [
  '', '0', '1', '10', '-7', '3.5', 'abc', 'hello world', 'foobar', '\x00', '\xff\xf0\x00', '9223372036854775806',
  'x'.repeat(44), 'x'.repeat(45), 'x'.repeat(100),
];

const integer = (least: number, most: number) => (draw: Draw): string => {
  const odd = draw.below(25);
  if (odd === 0) return draw.pick(NO_NUMBERS);
  if (odd === 1) return draw.pick(EDGES);
  return String(draw.between(least, most));
};
const float = (draw: Draw): string => draw.pick(draw.chance(0.1) ? NO_FLOATS : FLOATS);
const key = (draw: Draw): string => draw.pick(KEYS);
const field = (draw: Draw): string => draw.pick(FIELDS);
const value = (draw: Draw): string => draw.pick(VALUES);
const index = integer(-12, 12);

/** Times are long ago, or so far ahead that no run sees them come. */
const NOW_SECONDS = Math.floor(Date.now() / 1000);
const PAST_OR_FUTURE = [0, 1, -1, NOW_SECONDS - 100, NOW_SECONDS + 1000, NOW_SECONDS + 2000, NOW_SECONDS + 3000];

export const plain: Vocabulary = {
  anything: value,
  key, key1: key, key2: key, newkey: key, source: key, destination: key, destkey: key,
  value, string: value, message: value, element: value,
  field, member: field,
  index, start: index, stop: index, end: index,
  count: integer(-5, 5), numkeys: integer(0, 3), len: integer(0, 8), 'min-match-len': integer(0, 4),
  integer: integer(-100, 100), increment: integer(-100, 100), decrement: integer(-100, 100),
  float,
  offset: integer(0, 100), bit: integer(0, 1), cursor: integer(0, 0),
  seconds: integer(1000, 9000), milliseconds: integer(1_000_000, 9_000_000),
  'unix-time-seconds': (draw) => String(draw.pick(PAST_OR_FUTURE)),
  'unix-time-milliseconds': (draw) => String(draw.pick(PAST_OR_FUTURE) * 1000),
  timestamp: (draw) => String(draw.pick(PAST_OR_FUTURE)),
  encoding: (draw) => draw.pick(['u', 'i', 'U', '']) + draw.pick(['1', '2', '8', '5', '16', '32', '63', '64', '65', '0', '']),
  'bit-offset': (draw) => draw.pick(['', '#', '#', '-']) + String(draw.below(70)),
  pattern: (draw) => draw.pick(['*', '?', '[a-c]', '[^a]', 'a*', '\\*', '{a}*', '', '[', 'f']),
  type: (draw) => draw.pick(['string', 'hash', 'list', 'set', 'zset', 'stream', 'STRING', 'x']),
  db: integer(0, 3), 'destination-db': integer(0, 3), index1: integer(0, 2), index2: integer(0, 2),
};

const OPTION_WORDS = [
  'NX', 'XX', 'GT', 'LT', 'EX', 'PX', 'EXAT', 'PXAT', 'KEEPTTL', 'GET', 'MATCH', 'COUNT', 'TYPE', 'BIT', 'BYTE', 'LEN',
  'IDX', 'REPLACE', 'DB', 'WITHVALUES', 'WITHSCORES', 'LIMIT', 'OVERFLOW', 'SYNC', 'ASYNC', 'STORE', 'ABSTTL', 'HELP',
];
const NASTY = [...EDGES, ...NO_NUMBERS, ...NO_FLOATS, ...VALUES, ...OPTION_WORDS, '\r\n', '*1\r\n', '$-1\r\n', '%s%n', '{', '{}'];

/** Whatever the name, often something that does not fit. */
export const nasty: Vocabulary = new Proxy(plain, {
  get: (names, name: string) => (draw: Draw) => {
    if (draw.chance(0.4)) return draw.pick(NASTY);
    return (names[name] ?? value)(draw);
  },
});

/** The same request with one argument lost, doubled, swapped or replaced; the command's name stays. */
export function mangle(request: readonly string[], draw: Draw): string[] {
  const mangled = [...request];
  const at = draw.between(1, Math.max(1, request.length - 1));
  switch (draw.below(4)) {
    case 0:
      mangled.splice(at, 1);
      break;
    case 1:
      mangled.splice(at, 0, mangled[at] ?? draw.pick(NASTY));
      break;
    case 2:
      mangled.splice(at, 1, draw.pick(NASTY));
      break;
    default:
      mangled.push(draw.pick(NASTY));
  }
  return mangled;
}

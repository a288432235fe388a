/** What is measured: one record a row. A further row is a further record. */
import type { Load } from './load.js';

export interface Row {
  title: string;
  /** Sent first, once. */
  prepare: readonly Load[];
  /** Sent before each round, onto nothing: for what a round uses up or fills. Gets the number of its requests. */
  renew?: (count: number) => readonly Load[];
  /** Asked after that, once: requests as for redis-cli, and the reply's bytes. */
  check: readonly (readonly [request: string, reply: string])[];
  /** The arguments of redis-benchmark behind its options, or a load of our own, whose count and depth are set. */
  measure: { benchmark: readonly string[]; keys: number; connections?: number } | { load: Load };
  /** The depths, where not all are measured. */
  depths?: readonly number[];
}

/** How many requests are measured at each depth. */
export type Counts = ReadonlyMap<number, number>;

export interface Sizes {
  keys: number;
  buckets: number;
  counts: Counts;
  rounds: number;
  memoryKeys: number;
  memoryBuckets: number;
  pauseKeys: number;
}

export const fullSizes: Sizes = {
  keys: 1_000_000,
  buckets: 10_000,
  counts: new Map([[1, 300_000], [16, 1_500_000], [100, 3_000_000]]),
  rounds: 5,
  memoryKeys: 5_000_000,
  memoryBuckets: 1_000_000,
  pauseKeys: 10_000_000,
};

export const quickSizes: Sizes = {
  keys: 20_000,
  buckets: 200,
  counts: new Map([[1, 20_000], [16, 100_000], [100, 200_000]]),
  rounds: 3,
  memoryKeys: 100_000,
  memoryBuckets: 100_000,
  pauseKeys: 200_000,
};

export const CONNECTIONS = 50;
const KEY = 'key:############';
const FIELDS = 100;

/** Every key once, in order. */
export function every(count: number, ranges: readonly number[], ...args: string[]): Load {
  return { args, ranges, numbers: 'in order', count, deep: 100, connections: CONNECTIONS };
}

/** The numbers in order, round and round; count and depth are the row's. */
function inTurn(ranges: readonly number[], ...args: string[]): Load {
  return { args, ranges, numbers: 'in order', count: 0, deep: 1, connections: CONNECTIONS };
}

/** Keys drawn at random; count and depth are the row's. */
export function random(ranges: readonly number[], ...args: string[]): Load {
  return { args, ranges, numbers: 'at random', count: 0, deep: 1, connections: CONNECTIONS };
}

export function rowsFor({ keys, buckets }: Sizes): readonly Row[] {
  const strings = every(keys, [keys], 'SET', KEY, 'xxx');
  const counters = every(keys, [keys], 'SET', 'counter:############', '1');
  const hashes = every(buckets * FIELDS, [buckets, FIELDS], 'HSET', 'bucket:############', 'field:##', 'xxx');
  const aField = [['HGET bucket:000000000007 field:42', '$3\r\nxxx\r\n'], ['HLEN bucket:000000000007', ':100\r\n']] as const;
  const aKey = [['GET key:000000000007', '$3\r\nxxx\r\n'], ['GET key:missing', '$-1\r\n']] as const;
  return [
    { title: 'GET', prepare: [strings], check: aKey, measure: { benchmark: ['GET', 'key:__rand_int__'], keys } },
    { title: 'SET', prepare: [strings], check: aKey, measure: { benchmark: ['SET', 'key:__rand_int__', 'xxx'], keys } },
    {
      title: 'INCR', prepare: [counters], check: [['INCR counter:000000000007', ':2\r\n']],
      measure: { benchmark: ['INCR', 'counter:__rand_int__'], keys },
    },
    {
      title: 'HSET', prepare: [hashes], check: aField,
      measure: { load: random([buckets, FIELDS], 'HSET', 'bucket:############', 'field:##', 'xxx') },
    },
    {
      title: 'HGET', prepare: [hashes], check: aField,
      measure: { load: random([buckets, FIELDS], 'HGET', 'bucket:############', 'field:##') },
    },
  ];
}

/** What is so rare to be drawn twice that it counts as new. */
const RARE = 1_000_000_000;
const ELEMENT = 'element:############';
const LIST_LENGTH = 100;

/** The types that hold many things, 16 deep. */
export function collectionRowsFor({ keys, buckets }: Sizes): readonly Row[] {
  const depths = [16];
  const lists = (length: number): Load =>
    every(buckets * length, [buckets, length], 'RPUSH', 'list:############', ELEMENT);
  const members = every(keys, [keys], 'SADD', 'set', ELEMENT);
  const scored = every(keys, [1, keys], 'ZADD', 'zset', '1#########', ELEMENT);
  const spread: Load = { ...random([RARE, RARE], 'ZADD', 'zset', '1#########', ELEMENT), count: keys, deep: 100 };
  return [
    {
      title: 'LPUSH', depths, prepare: [], renew: () => [], check: [['LPUSH list x', ':1\r\n']],
      measure: { load: random([buckets, RARE], 'LPUSH', 'list:############', ELEMENT) },
    },
    {
      title: 'RPOP', depths, prepare: [lists(1)], check: [['RPOP list:000000000000', '$20\r\nelement:000000000000\r\n']],
      renew: (count) => [lists(Math.ceil(count / buckets))],
      measure: { load: inTurn([buckets], 'RPOP', 'list:############') },
    },
    {
      title: 'LRANGE of 100', depths, prepare: [lists(LIST_LENGTH)], check: [['LLEN list:000000000007', ':100\r\n']],
      measure: { load: random([buckets], 'LRANGE', 'list:############', '0', '99') },
    },
    {
      title: 'SADD, new members', depths, prepare: [], renew: () => [], check: [['SADD set x', ':1\r\n']],
      measure: { load: inTurn([RARE], 'SADD', 'set', ELEMENT) },
    },
    {
      title: 'SADD, known members', depths, prepare: [members], check: [['SADD set element:000000000007', ':0\r\n']],
      measure: { load: random([keys], 'SADD', 'set', ELEMENT) },
    },
    {
      title: 'SPOP', depths, prepare: [members], check: [['SCARD set', `:${keys}\r\n`]],
      renew: (count) => [every(count, [count], 'SADD', 'set', ELEMENT)],
      measure: { load: inTurn([], 'SPOP', 'set') },
    },
    {
      title: 'ZADD, new members', depths, prepare: [], renew: () => [], check: [['ZADD zset 1.5 x', ':1\r\n']],
      measure: { load: random([RARE, RARE], 'ZADD', 'zset', '1#########', ELEMENT) },
    },
    {
      title: 'ZADD, known members', depths, prepare: [scored], check: [['ZADD zset 1 element:000000000007', ':0\r\n']],
      measure: { load: random([RARE, keys], 'ZADD', 'zset', '1#########', ELEMENT) },
    },
    {
      title: 'ZRANGEBYSCORE of 10', depths, prepare: [spread],
      check: [
        ['ZADD zset 1 a 2 b 3 c', ':3\r\n'],
        ['ZRANGEBYSCORE zset 2 +inf LIMIT 0 2', '*2\r\n$1\r\nb\r\n$1\r\nc\r\n'],
      ],
      measure: { load: random([RARE], 'ZRANGEBYSCORE', 'zset', '1#########', '+inf', 'LIMIT', '0', '10') },
    },
    {
      title: 'XADD', depths, prepare: [], renew: () => [], check: [['XADD stream 1-1 field x', '$3\r\n1-1\r\n']],
      measure: { load: random([RARE], 'XADD', 'stream', '*', 'field', ELEMENT) },
    },
  ];
}

/** Small buckets whose memory is measured, each made with one request. */
export function smallBuckets(count: number): readonly (readonly [title: string, load: Load])[] {
  const bucket = (...words: string[]): Load => every(count, [count], ...words);
  return [
    ['small hash', bucket('HSET', 'hash:############', ...'name Ada age 36 city London state active mail a@b.c'.split(' '))],
    ['small list', bucket('RPUSH', 'list:############', 'red', 'green', 'blue', 'yellow', 'violet')],
    ['small set', bucket('SADD', 'set:############', 'red', 'green', 'blue', 'yellow', 'violet')],
    ['small sorted set', bucket('ZADD', 'zset:############', ...'1 red 2.5 green 30 blue 400 yellow 5000 violet'.split(' '))],
    ['small stream', bucket('XADD', 'stream:############', '1-1', ...'name Ada age 36 city London'.split(' '))],
  ];
}

/** The data of the memory and pause figures: 16-byte keys, 100-byte values. */
export function bigKeys(count: number): Load {
  return every(count, [count], 'SET', KEY, 'x'.repeat(100));
}

export function bigReads(count: number): Load {
  return { ...random([count], 'GET', KEY), count, deep: 16 };
}

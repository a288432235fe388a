/** What is measured: one record a row. A further row is a further record. */
import type { Load } from './load.js';

export interface Row {
  title: string;
  /** Sent first, once. */
  prepare: readonly Load[];
  /** Asked after that, once: requests as for redis-cli, and the reply's bytes. */
  check: readonly (readonly [request: string, reply: string])[];
  /** The arguments of redis-benchmark behind its options, or a load of our own, whose count and depth are set. */
  measure: { benchmark: readonly string[]; keys: number } | { load: Load };
}

/** How many requests are measured at each depth. */
export type Counts = ReadonlyMap<number, number>;

export interface Sizes {
  keys: number;
  buckets: number;
  counts: Counts;
  rounds: number;
  memoryKeys: number;
  pauseKeys: number;
}

export const fullSizes: Sizes = {
  keys: 1_000_000,
  buckets: 10_000,
  counts: new Map([[1, 300_000], [16, 1_500_000], [100, 3_000_000]]),
  rounds: 5,
  memoryKeys: 5_000_000,
  pauseKeys: 10_000_000,
};

export const quickSizes: Sizes = {
  keys: 20_000,
  buckets: 200,
  counts: new Map([[1, 20_000], [16, 100_000], [100, 200_000]]),
  rounds: 3,
  memoryKeys: 100_000,
  pauseKeys: 200_000,
};

export const CONNECTIONS = 50;
const KEY = 'key:############';
const FIELDS = 100;

/** Every key once, in order. */
export function every(count: number, ranges: readonly number[], ...args: string[]): Load {
  return { args, ranges, numbers: 'in order', count, deep: 100, connections: CONNECTIONS };
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

/** The data of the memory and pause figures: 16-byte keys, 100-byte values. */
export function bigKeys(count: number): Load {
  return every(count, [count], 'SET', KEY, 'x'.repeat(100));
}

export function bigReads(count: number): Load {
  return { ...random([count], 'GET', KEY), count, deep: 16 };
}

/** Hashes, small and past the size at which their encoding changes. */
import type { Grammar } from './grammar.js';

export const hashGrammar: Grammar = {
  family: 'hash',
  requests: `
    HSET key field value [field value ...]
    HSET key field integer
    HSET key manyfields value [manyfields value ...]
    HSET key ${'manyfields value '.repeat(150)}
    HMSET key field value [field value ...]
    HSETNX key field value
    HGET key field
    HMGET key field [field ...]
    HDEL key field [field ...]
    HDEL key manyfields [manyfields ...]
    HEXISTS key field
    HGETALL key
    HKEYS key
    HVALS key
    HLEN key
    HSTRLEN key field
    HINCRBY key field increment
    HINCRBYFLOAT key field float
    HRANDFIELD key [count [WITHVALUES]]
    HSCAN key cursor [MATCH pattern] [COUNT count]
    SET key value
    DEL key
  `,
  words: { manyfields: (draw) => `field-${draw.below(300)}` },
  probes: `
    HGETALL key
    HLEN key
    TYPE key
    EXPIRETIME key
    OBJECT ENCODING key
  `,
};

/** Keys of whatever type. */
import type { Grammar } from './grammar.js';

export const genericGrammar: Grammar = {
  family: 'generic',
  requests: `
    SET key value
    SET key value EX seconds
    HSET key field value [field value ...]
    DEL key [key ...]
    UNLINK key [key ...]
    EXISTS key [key ...]
    TOUCH key [key ...]
    TYPE key
    RENAME key newkey
    RENAMENX key newkey
    COPY source destination [DB destination-db] [REPLACE]
    MOVE key db
    SELECT db
    DBSIZE
    KEYS pattern
    RANDOMKEY
    SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]
    OBJECT ENCODING|REFCOUNT|FREQ key
    SWAPDB index1 index2
    FLUSHDB [ASYNC|SYNC]
    PERSIST key
    TTL key
  `,
  probes: `
    TYPE key
    EXPIRETIME key
    DBSIZE
  `,
};

/** Strings, with the other types among the keys to trip over. */
import type { Grammar } from './grammar.js';

export const stringGrammar: Grammar = {
  family: 'string',
  requests: `
    SET key value
    SET key integer
    SET key value [NX|XX] [GET] [EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT unix-time-milliseconds|KEEPTTL]
    SETNX key value
    SETEX key seconds value
    PSETEX key milliseconds value
    GET key
    GETDEL key
    GETEX key [EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT unix-time-milliseconds|PERSIST]
    GETSET key value
    GETRANGE key start end
    SUBSTR key start end
    SETRANGE key offset value
    APPEND key value
    STRLEN key
    INCR key
    DECR key
    INCRBY key increment
    DECRBY key decrement
    INCRBYFLOAT key float
    MGET key [key ...]
    MSET key value [key value ...]
    MSETNX key value [key value ...]
    LCS key1 key2 [LEN] [IDX] [MINMATCHLEN min-match-len] [WITHMATCHLEN]
    HSET key field value
    DEL key
  `,
  probes: `
    GET key
    STRLEN key
    TYPE key
    EXPIRETIME key
    OBJECT ENCODING key
  `,
};

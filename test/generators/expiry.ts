/** When keys expire, and what keeps, moves or ends that. */
import type { Grammar } from './grammar.js';

export const expiryGrammar: Grammar = {
  family: 'expiry',
  requests: `
    SET key value
    SET key value [EX seconds|PXAT unix-time-milliseconds|KEEPTTL]
    HSET key field value
    APPEND key value
    INCR key
    GETEX key [EX seconds|PERSIST|EXAT unix-time-seconds]
    EXPIRE key seconds [NX|XX|GT|LT]
    PEXPIRE key milliseconds [NX|XX|GT|LT]
    EXPIREAT key unix-time-seconds [NX|XX|GT|LT]
    PEXPIREAT key unix-time-milliseconds [NX|XX|GT|LT]
    TTL key
    PTTL key
    EXPIRETIME key
    PEXPIRETIME key
    PERSIST key
    RENAME key newkey
    COPY source destination [REPLACE]
    DEL key
    EXISTS key
    GET key
  `,
  probes: `
    TYPE key
    EXPIRETIME key
    PEXPIRETIME key
    TTL key
  `,
};

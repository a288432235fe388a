/** DUMP of small values that have changed in many ways, and RESTORE of right and damaged payloads. */
import type { Grammar } from './grammar.js';
import { listpack, payload, short, ziplist } from '../support/payload.js';

const RIGHT = [
  '\x00\x05hello', '\x00\xc0\x05', '\x00\xc3\x06\x15\x01aa\xe0\x0a\x00', '\x02\x02\x01a\x02bc', '\x04\x01\x01f\x01v',
  '\x05\x02\x01a\0\0\0\0\0\0\xf0\x3f\x01b\0\0\0\0\0\0\0\x40', '\x0b\x0e\x02\0\0\0\x03\0\0\0\x01\0\x02\0\x03\0',
  `\x10${short(listpack('f', 'v', 'g', 100))}`, `\x11${short(listpack('a', 1, 'b', '1.5'))}`,
  `\x12\x01\x02${short(listpack('a', 7, ''))}`, `\x0d${short(ziplist('f', 'v'))}`, `\x0c${short(ziplist('a', 1, 'b', 2))}`,
].map((content) => payload(content));

const WRONG = [
  '', 'x', payload('\x12\x02'), payload('\x02\x02\x01a\x01a'), payload('\x01\x00'), payload('\x63\x00'),
  payload('\x00\x05hello', 11), `${RIGHT[0]!.slice(0, -1)}\0`,
];

export const dumpGrammar: Grammar = {
  family: 'dump',
  requests: `
    SET key value
    APPEND key value
    SETRANGE key count value
    INCRBY key integer
    INCRBYFLOAT key float
    RPUSH key value [value ...]
    LPUSH key value
    LPOP key
    LSET key index value
    LINSERT key BEFORE|AFTER value value
    SADD key integer [integer ...]
    SREM key integer
    SADD key field
    HSET key field value [field value ...]
    HDEL key field
    HINCRBY key field integer
    ZADD key float field [float field ...]
    ZINCRBY key float field
    ZREM key field
    COPY source destination
    RENAME key newkey
    EXPIRE key seconds
    DEL key
    DUMP key
    DUMP key
    RESTORE key 0 payload [REPLACE]
    RESTORE key 0 payload REPLACE
    RESTORE key milliseconds payload [REPLACE] [IDLETIME count] [FREQ count]
    RESTORE key unix-time-milliseconds payload [REPLACE] ABSTTL
    RESTORE key 0 damaged [REPLACE]
    RESTORE-ASKING key 0 payload
  `,
  words: {
    payload: (draw) => draw.pick(RIGHT),
    damaged: (draw) => draw.pick(WRONG),
  },
  probes: `
    DUMP key
    OBJECT ENCODING key
    TYPE key
    TTL key
  `,
};

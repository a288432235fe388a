/**
 * What is left when all families meet over the same keys: transactions, databases, settings that change meanwhile, time
 * that passes, large values, commands that wait, and SORT of whatever is there.
 */
import type { Draw } from './draw.js';
import type { Grammar } from './grammar.js';
import { CLEAR } from './sort.js';

/**
 * Encodings change at these, and all of them are what a connection begins with (`initialSettings`). No value of a hash
 * is so long that the hash is kept as a table and shown as a listpack: then DUMP has its fields in an order of our own.
 */
const LIMITS: Readonly<Record<string, readonly string[]>> = {
  'hash-max-listpack-entries': ['512', '0', '1', '4', '16', '128'],
  'hash-max-listpack-value': ['64', '0', '1', '10', '300'],
  'set-max-intset-entries': ['24', '0', '1', '5', '512'],
  'zset-max-listpack-entries': ['128', '0', '1', '4', '16'],
  'zset-max-listpack-value': ['64', '0', '1', '10', '300', '20000'],
  'list-max-listpack-size': ['-2', '-1', '-5', '1', '2', '7', '128'],
  'hll-sparse-max-bytes': ['500', '0', '20', '100', '3000', '16000'],
  'stream-node-max-bytes': ['4096', '0', '64', '300'],
  'stream-node-max-entries': ['6', '0', '1', '3', '100'],
};

/** Sets every setting that these requests change, as it is at the start. */
export const initialSettings: readonly string[] = [
  'CONFIG', 'SET', ...Object.entries(LIMITS).flatMap(([name, [initial]]) => [name, initial!]),
];

const changes = Object.entries(LIMITS).map(([name, values]) => `CONFIG SET ${name} ${values.join('|')}`);
const names = Object.fromEntries(Object.keys(LIMITS).map((name) => [name, () => name]));

const SIZES = [0, 1, 63, 64, 65, 255, 256, 1000, 4095, 4096, 8192, 16_378, 20_000, 70_000];
const TEXTS = ['x', '\x00', 'abcdefgh', '\xff\x00\x01', '0123456789'];

const text = (draw: Draw): string => {
  const part = draw.pick(TEXTS);
  return part.repeat(Math.ceil(draw.pick(SIZES) / part.length));
};

export const togetherGrammar: Grammar = {
  family: 'together',
  isKeptWhole: true,
  requests: `
    ${changes.join('\n')}
    CONFIG GET limits
    HELLO 2|3
    SELECT db
    SELECT 0
    SELECT 0
    SELECT 0
    SWAPDB 0 1
    MOVE key 1
    COPY key newkey DB 1 REPLACE
    OBJECT ENCODING key
    OBJECT ENCODING key
    OBJECT ENCODING key
    TYPE key
    DUMP key
    MULTI ; any ; any ; any ; EXEC
    MULTI ; any ; any ; any ; any ; any ; EXEC
    MULTI ; any ; any ; DISCARD
    MULTI ; MULTI ; WATCH key ; any ; EXEC
    WATCH key key ; any ; MULTI ; any ; any ; EXEC
    WATCH key ; UNWATCH ; any ; MULTI ; any ; EXEC
    MULTI ; GET ; any ; EXEC
    MULTI ; BLPOP key key 0.01 ; BRPOP key 0.01 ; BLMOVE key newkey LEFT RIGHT 0.01 ; EXEC
    MULTI ; BZPOPMIN key 0.01 ; BZMPOP 0.01 2 key key MAX COUNT few ; BLMPOP 0.01 1 key LEFT COUNT few ; EXEC
    MULTI ; XREAD BLOCK 10 STREAMS key $ ; BRPOPLPUSH key newkey 0.01 ; BZPOPMAX key key 0.01 ; EXEC
    MULTI ; PEXPIRE it 1 ; DEBUG SLEEP 0.003 ; TYPE it ; any ; EXEC ; TYPE it
    BLPOP key key timeout
    BRPOP key key timeout
    BLMOVE key newkey LEFT|RIGHT LEFT|RIGHT timeout
    BRPOPLPUSH key newkey timeout
    BLMPOP timeout 2 key key LEFT|RIGHT [COUNT few]
    BZPOPMIN key key timeout
    BZPOPMAX key key timeout
    BZMPOP timeout 2 key key MIN|MAX [COUNT few]
    XREAD BLOCK 1 STREAMS key key 0 $
    XREADGROUP GROUP g c BLOCK 1 STREAMS key unseen
    PEXPIRE it 1 ; DEBUG SLEEP 0.003
    PEXPIRE it 1 ; DEBUG SLEEP 0.003 ; any
    SET it value PX 1 ; DEBUG SLEEP 0.003 ; any ; RENAME it newkey
    SETRANGE key bigoffset value
    SET key large
    APPEND key large
    HSET key field large
    RPUSH key large element
    LPUSH key large
    SADD key large
    ZADD key 1 large
    XADD key later f large
    LINSERT key BEFORE element large
    ${CLEAR} ; SORT key [LIMIT offset count] [ASC|DESC]
    MULTI ; ${CLEAR} ; SORT key [ASC|DESC] ; SORT key ALPHA STORE newkey ; any ; EXEC
    ${CLEAR} ; SORT key [LIMIT offset count] [ASC|DESC] STORE newkey
    ${CLEAR} ; SORT key [LIMIT offset count] [ASC|DESC] ALPHA STORE newkey
    ${CLEAR} ; SORT key BY pattern [LIMIT offset count] [ASC|DESC] [GET get] [GET get]
    ${CLEAR} ; SORT key BY pattern [LIMIT offset count] [ASC|DESC] [GET get] STORE newkey
    ${CLEAR} ; SORT_RO key [LIMIT offset count] [GET get] [STORE newkey]
    MSET w1 value w2 integer w10 value wa integer
    HSET h1 f value
    FLUSHALL
  `,
  words: {
    ...names, limits: () => '*-max-listpack-*', unseen: () => '>', large: text,
    timeout: (draw) => draw.pick(['0.001', '0.002', '0.005', '-1', 'x', '0.001 ']),
    bigoffset: (draw) => draw.pick(['0', '1', '1000', '65536', '1000000', '1048575', '1048576']),
    few: (draw) => draw.pick(['1', '2', '3', '100', '0', '-1']),
    element: (draw) => draw.pick(['a', 'b', '', '10', '-7', '\x00']),
    none: () => 'none', x: () => 'x', g: () => 'g', c: () => 'c', f: () => 'f',
    w1: () => 'w1', w2: () => 'w2', w10: () => 'w10', wa: () => 'wa', h1: () => 'h1',
    later: (draw) => `${60 + draw.below(3000)}-${draw.below(3)}`,
    offset: (draw) => String(draw.between(-2, 6)), count: (draw) => draw.pick(['-1', '0', '1', '2', '5', '100']),
    pattern: (draw) => draw.pick(['w*', 'w*', 'h*->f', 'w*\x00']),
    get: (draw) => draw.pick(['w*', '#', 'h*->f', 'x', '*']),
  },
  probes: '',
};

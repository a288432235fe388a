/**
 * SORT over lists, sets and sorted sets, by themselves and by other buckets. What depends on the order of an index that
 * is seeded per process is not asked: sets without an order, and alphabetical order with ties.
 */
import type { Draw } from './draw.js';
import type { Grammar } from './grammar.js';

const NUMBERS = ['1', '2', '3', '10', '-1', '1.5', '0', '20', '7', '100', '3.0', ' 4', '1e2', '0x10'];
const ODD_NUMBERS = ['x', '', 'inf', '-inf', 'nan', '1 ', '1\x00x', '12345678901234567890'];
const WORDS = ['a', 'b', 'ab', 'B', '', 'z', '\x00', 'a\x00b', 'a\x00a', '\xff', '10', '9'];

const number = (draw: Draw): string => draw.pick(draw.chance(0.02) ? ODD_NUMBERS : NUMBERS);
const id = (draw: Draw): string => String(draw.below(12));
/**
 * SORT of redis-server does not reset errno before it reads numbers, so a number out of range in any earlier request
 * makes it refuse all that it sorts. This request resets it.
 */
export const CLEAR = 'ZADD none XX 1 x';
const LIMITS = '[LIMIT offset count]';

export const sortGrammar: Grammar = {
  family: 'sort',
  isKeptWhole: true,
  requests: `
    RPUSH list number [number ...] [number ...]
    RPUSH list id id id id id id id id id id id id id id id id
    LPUSH list id id id id id id id id id id id id id id id id id id id id id id id id id id id id id id id id
    RPUSH words word [word ...] [word ...]
    SADD set id [id ...]
    SADD wordset shortword [shortword ...]
    ZADD zset score id [score id ...]
    ZADD zset score shortword [score shortword ...]
    MSET w0 number w1 number w2 number w3 number w5 word w6 number w7 number w8 number
    MSET w9 number w10 number w2 number w11 number v1 word v2 word v3 word
    HSET h1 f number g word
    HSET h2 f number
    HSET h5 f number g word
    ${CLEAR} ; SORT list ${LIMITS} [ASC|DESC]
    ${CLEAR} ; SORT list ${LIMITS} [ASC|DESC] ALPHA
    ${CLEAR} ; SORT words ${LIMITS} [ASC|DESC] ALPHA
    ${CLEAR} ; SORT words ${LIMITS} [ASC|DESC] ALPHA STORE dest
    ${CLEAR} ; SORT set ${LIMITS} [ASC|DESC]
    ${CLEAR} ; SORT set ${LIMITS} [ASC|DESC] ALPHA
    ${CLEAR} ; SORT wordset ${LIMITS} [ASC|DESC] ALPHA STORE dest
    ${CLEAR} ; SORT zset ${LIMITS} [ASC|DESC]
    ${CLEAR} ; SORT zset ${LIMITS} [ASC|DESC] ALPHA
    ${CLEAR} ; SORT list BY pattern ${LIMITS} [ASC|DESC] [GET get] [GET get]
    ${CLEAR} ; SORT list BY pattern ${LIMITS} [ASC|DESC] ALPHA [GET get]
    ${CLEAR} ; SORT set BY w ${LIMITS} [ASC|DESC] [GET get ...]
    ${CLEAR} ; SORT zset BY w ${LIMITS} [ASC|DESC]
    ${CLEAR} ; SORT zset BY NOSORT ${LIMITS} [ASC|DESC] [GET get]
    ${CLEAR} ; SORT list BY NOSORT ${LIMITS} [ASC|DESC] [GET get]
    ${CLEAR} ; SORT list BY pattern ${LIMITS} [ASC|DESC] [GET get] STORE dest
    ${CLEAR} ; SORT list ${LIMITS} [ASC|DESC] [ALPHA] [GET get] STORE dest
    ${CLEAR} ; SORT_RO list ${LIMITS} [ASC|DESC] [BY pattern] [GET get] [ALPHA]
    ${CLEAR} ; SORT_RO zset ${LIMITS} [ASC|DESC] [STORE dest]
    ${CLEAR} ; SORT key BY pattern
    LRANGE dest 0 -1
    LRANGE list 0 -1
    OBJECT ENCODING zset
    TYPE dest
    OBJECT ENCODING dest
    EXPIRETIME dest
    SET key value
    DEL key
    DEL list
  `,
  words: {
    // Other families have no hand in these buckets: what they put there could have no order, or ties.
    key: (draw) => draw.pick(['{s}a', '{s}b', '{s}d', '{s}e', '{s}f']),
    list: (draw) => draw.pick(['{s}a', '{s}b']), words: (draw) => draw.pick(['{s}a', '{s}b']),
    set: () => '{s}c', wordset: () => '{s}c', zset: () => '{s}d', dest: (draw) => draw.pick(['{s}e', '{s}f', '{s}a']),
    number, id, none: () => 'none', x: () => 'x', word: (draw) => draw.pick(WORDS), shortword: (draw) => draw.pick(['a', 'b', 'ab', 'B', 'z', '\xff', '10']),
    score: (draw) => String(draw.below(4)),
    offset: (draw) => String(draw.between(-2, 6)), count: (draw) => draw.pick(['-1', '0', '1', '2', '3', '5', '10', '100']),
    pattern: (draw) => draw.pick(['w*', 'w*', 'v*', 'h*->f', 'h*->g', 'h*->', 'nosort', '*', '#', 'w*\x00', 'h*->f\x00']),
    get: (draw) => draw.pick(['w*', 'v*', '#', 'h*->f', 'h*->g', 'h*->', 'x', '*', '#x', '#\x00']),
    w: (draw) => draw.pick(['w*', 'h*->f']),
  },
  probes: `
    LRANGE key 0 -1
    TYPE key
    OBJECT ENCODING key
    EXPIRETIME key
  `,
};

/** Lists, small and past a page. */
import type { Grammar } from './grammar.js';

const SIZES = [0, 1, 127, 128, 4000, 8180, 16_383, 16_384, 20_000];

export const listGrammar: Grammar = {
  family: 'list',
  requests: `
    LPUSH key element [element ...]
    RPUSH key element [element ...]
    LPUSH key large
    RPUSH key large [large ...]
    LPUSHX key element [element ...]
    RPUSHX key element [element ...]
    LPOP key [count]
    RPOP key [count]
    LPOP key
    RPOP key
    LLEN key
    LRANGE key start stop
    LINDEX key index
    LSET key index element
    LSET key index large
    LINSERT key BEFORE|AFTER element element
    LINSERT key BEFORE|AFTER element large
    LREM key count element
    LTRIM key start stop
    LPOS key element [RANK rank] [COUNT num-matches] [MAXLEN len]
    LMOVE source destination LEFT|RIGHT LEFT|RIGHT
    RPOPLPUSH source destination
    LMPOP numkeys key [key ...] LEFT|RIGHT [COUNT count]
    COPY source destination
    RENAME key newkey
    SET key value
    EXPIRE key seconds
    DEL key
  `,
  words: {
    large: (draw) => draw.pick(['x', '\x00\xff', '\xc0']).repeat(draw.pick(SIZES)),
    element: (draw) => draw.pick(['a', 'b', 'c', '', '10', '-7', '\x00', '\xff\xf0\x00', 'x'.repeat(127), 'x'.repeat(128)]),
    rank: (draw) => (draw.chance(0.9) ? String(draw.between(-3, 3)) : draw.pick(['-9223372036854775808', 'x'])),
    'num-matches': (draw) => String(draw.between(-1, 4)),
    len: (draw) => String(draw.between(-1, 12)),
  },
  probes: `
    LRANGE key 0 -1
    LLEN key
    TYPE key
    OBJECT ENCODING key
  `,
};

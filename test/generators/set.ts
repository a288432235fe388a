/**
 * Sets of integers and of others, small and past the size at which their encoding changes. What SPOP leaves is
 * chance, so the set is deleted after it.
 */
import type { Draw } from './draw.js';
import type { Grammar } from './grammar.js';

const EDGES = [
  '32767', '32768', '-32768', '-32769', '2147483647', '2147483648', '-2147483648', '-2147483649', '9007199254740991',
  '9007199254740993', '-9007199254740993', '9223372036854775807', '-9223372036854775808', '9223372036854775808',
];
const NO_INTEGERS = ['', '+1', '01', '-0', '1 ', 'x', '\x00', 'f'.repeat(70)];

function integerMember(draw: Draw): string {
  return draw.chance(0.1) ? draw.pick(EDGES) : String(draw.between(-20, 20));
}

function member(draw: Draw): string {
  return draw.chance(0.1) ? draw.pick(NO_INTEGERS) : integerMember(draw);
}

export const setGrammar: Grammar = {
  family: 'set',
  requests: `
    SADD key integermember [integermember ...]
    SADD key integermember [integermember ...]
    SADD key member [member ...]
    SADD key manyintegers [manyintegers ...]
    SADD key manymembers [manymembers ...]
    SREM key member [member ...]
    SREM key integermember [integermember ...]
    SISMEMBER key member
    SMISMEMBER key member [member ...]
    SMEMBERS key
    SCARD key
    SRANDMEMBER key [count]
    SPOP it [count] ; SCARD it ; DEL it
    SPOP it 100000 ; EXISTS it
    SMOVE source destination member
    SINTER key [key ...]
    SINTERCARD numkeys key [key ...] [LIMIT limit]
    SINTERSTORE destination key [key ...]
    SUNION key [key ...]
    SUNIONSTORE destination key [key ...]
    SDIFF key [key ...]
    SDIFFSTORE destination key [key ...]
    SDIFFSTORE destination key key key key [key ...]
    SSCAN key cursor [MATCH pattern] [COUNT count]
    COPY source destination REPLACE
    RENAME key newkey
    EXPIRE key seconds
    SET key value
    DEL key
  `,
  words: {
    member, integermember: integerMember,
    manyintegers: (draw) => String(draw.below(90) * 7),
    manymembers: (draw) => `member-${draw.below(300)}`,
    limit: (draw) => draw.pick(['0', '1', '2', '5', '12', '-1', 'x', '512']),
  },
  probes: `
    SMEMBERS key
    SCARD key
    TYPE key
    EXPIRETIME key
    OBJECT ENCODING key
  `,
};

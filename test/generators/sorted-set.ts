/**
 * Sorted sets, small and past the size at which their encoding changes. Ranges by member are asked after all scores
 * have been made 0: elsewhere redis-server's own answer depends on the levels that its skip list has drawn.
 */
import type { Draw } from './draw.js';
import type { Grammar } from './grammar.js';

const SCORES = ['0', '1', '1', '2', '-1', '1.5', '3', '0.1', '-0', '1e20', '100', '70000', '-300', '5000000000'];
const ODD_SCORES = [
  'inf', '-inf', '+inf', 'nan', '', 'x', '0x10', '1e400', '1e-400', ' 1', '1 ', '-1.7976931348623157e308',
];
const MEMBERS = ['a', 'b', 'c', 'd', 'ab', 'abc', '', '1', '10', '2', '\x00\xff', 'm', 'z'];

const score = (draw: Draw): string => draw.pick(draw.chance(0.06) ? ODD_SCORES : SCORES);
const scoreEnd = (draw: Draw): string => draw.pick(['', '', '(']) + draw.pick(draw.chance(0.2) ? ODD_SCORES : SCORES);
const LONG_MEMBERS = ['x'.repeat(64), 'x'.repeat(65), '7'.repeat(300)];
const member = (draw: Draw): string => draw.pick(draw.chance(0.02) ? LONG_MEMBERS : MEMBERS);
const memberEnd = (draw: Draw): string => {
  if (draw.chance(0.3)) return draw.pick(['-', '+', '(', '[', '', '-x', '+x', 'x']);
  return draw.pick(['[', '(']) + draw.pick(MEMBERS);
};
const ONE_SCORE = 'ZUNIONSTORE it 1 it WEIGHTS 0';

export const sortedSetGrammar: Grammar = {
  family: 'sorted-set',
  requests: `
    ZADD key [NX|XX] [GT|LT] [CH] [INCR] score member [score member ...]
    ZADD key [NX|XX] [GT|LT] [CH] score member score member
    ZADD key score member score member score member score member
    ZADD key score manymembers score manymembers [score manymembers ...] [score manymembers ...] [score manymembers ...]
    ZADD key score manymembers score manymembers [score manymembers ...] [score manymembers ...] [score manymembers ...]
    ZADD key ${'score manymembers '.repeat(60)}
    ZADD key 0 member 0 member [0 member ...]
    ZADD key 0 manymembers [0 manymembers ...] [0 manymembers ...] [0 manymembers ...] [0 manymembers ...]
    ZINCRBY key score member
    ZINCRBY key score manymembers
    ZREM key member [member ...]
    ZREM key manymembers [manymembers ...]
    ZCARD key
    ZSCORE key member
    ZMSCORE key member [member ...]
    ZRANK key member
    ZREVRANK key manymembers
    ZCOUNT key scoreend scoreend
    ${ONE_SCORE} ; ZLEXCOUNT it memberend memberend
    ZRANGE key index index [WITHSCORES]
    ZRANGE key index index REV [WITHSCORES]
    ZRANGE key scoreend scoreend BYSCORE [REV] [LIMIT smalloffset count] [WITHSCORES]
    ${ONE_SCORE} ; ZRANGE it memberend memberend BYLEX [REV] [LIMIT smalloffset count]
    ZRANGE key index index [BYSCORE] [REV] [WITHSCORES] [LIMIT smalloffset count]
    ZRANGESTORE newkey key index index [REV]
    ZRANGESTORE newkey key scoreend scoreend BYSCORE [REV] [LIMIT smalloffset count]
    ${ONE_SCORE} ; ZRANGESTORE newkey it memberend memberend BYLEX [REV] [LIMIT smalloffset count]
    ZREVRANGE key index index [WITHSCORES]
    ZRANGEBYSCORE key scoreend scoreend [WITHSCORES] [LIMIT smalloffset count]
    ZREVRANGEBYSCORE key scoreend scoreend [LIMIT smalloffset count] [WITHSCORES]
    ${ONE_SCORE} ; ZRANGEBYLEX it memberend memberend [LIMIT smalloffset count]
    ${ONE_SCORE} ; ZREVRANGEBYLEX it memberend memberend [LIMIT smalloffset count]
    ZREMRANGEBYRANK key index index
    ZREMRANGEBYSCORE key scoreend scoreend
    ${ONE_SCORE} ; ZREMRANGEBYLEX it memberend memberend
    ZRANGE key index index BYLEX
    ZPOPMIN key [count]
    ZPOPMAX key [count]
    ZMPOP 2 key key MIN|MAX [COUNT count]
    ZMPOP numkeys key MIN|MAX [COUNT count]
    ZUNION 2 key key [WEIGHTS score score] [AGGREGATE SUM|MIN|MAX] [WITHSCORES]
    ZUNION numkeys key key [WEIGHTS score score] [AGGREGATE SUM|MIN|MAX] [WITHSCORES]
    ZINTER 2 key key [WEIGHTS score score] [AGGREGATE SUM|MIN|MAX] [WITHSCORES]
    ZINTER 3 key key key [AGGREGATE SUM|MIN|MAX] [WITHSCORES]
    ZDIFF 2 key key [WITHSCORES]
    ZDIFF 3 key key key [WITHSCORES]
    ZUNIONSTORE newkey 2 key key [WEIGHTS score score] [AGGREGATE SUM|MIN|MAX]
    ZUNIONSTORE newkey 3 key key key
    ZINTERSTORE newkey 2 key key [WEIGHTS score score] [AGGREGATE SUM|MIN|MAX]
    ZDIFFSTORE newkey 2 key key
    ZINTERCARD 2 key key [LIMIT count]
    ZRANDMEMBER key [count [WITHSCORES]]
    ZSCAN key cursor [MATCH pattern] [COUNT count]
    OBJECT ENCODING key
    COPY key newkey REPLACE
    SET key value
    DEL key
  `,
  words: {
    member,
    manymembers: (draw) => `m${draw.below(300)}`,
    score, scoreend: scoreEnd, memberend: memberEnd,
    smalloffset: (draw) => String(draw.between(-1, 4)),
  },
  probes: `
    ZRANGE key 0 -1 WITHSCORES
    ZCARD key
    TYPE key
    EXPIRETIME key
    OBJECT ENCODING key
  `,
};

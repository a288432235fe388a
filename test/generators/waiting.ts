/**
 * Random scenes of several clients, some of whom wait: for lists, sorted sets and streams that others fill, exchange,
 * rename or take away. The first client never waits, so that there is always one who can go on.
 */
import { seededRandom } from '../../lib/util/random.js';
import { Draw } from './draw.js';
import { Syntax, type Vocabulary } from './syntax.js';

/** What one client sends at a time, the first of it perhaps one that waits; without requests it goes and comes anew. */
export interface Move {
  who: number;
  requests: readonly string[][];
}

export const CLIENTS = 6;
export const KEYS = ['l1', 'l2', 'l3', 'z1', 'z2', 's1', 's2', 'k'];

/** Answers may keep these waiting: for ever, so that no clock has a say. */
const WAITS = `
  BLPOP list 0
  BLPOP list list list 0
  BRPOP list any 0
  BRPOP list list 0
  BLMOVE list list LEFT|RIGHT LEFT|RIGHT 0
  BLMOVE list list LEFT|RIGHT LEFT|RIGHT 0
  BRPOPLPUSH list any 0
  BLMPOP 0 2 list list LEFT|RIGHT [COUNT few]
  BLMPOP 0 1 list LEFT|RIGHT COUNT few
  BZPOPMIN zset 0
  BZPOPMIN zset any zset 0
  BZPOPMAX zset zset 0
  BZMPOP 0 2 zset zset MIN|MAX [COUNT few]
  BZMPOP 0 1 any MIN|MAX COUNT few
  XREAD BLOCK 0 STREAMS stream $
  XREAD BLOCK 0 STREAMS stream any $ $
  XREAD COUNT few BLOCK 0 STREAMS stream stream $ id
  XREADGROUP GROUP group consumer BLOCK 0 STREAMS stream unseen
  XREADGROUP GROUP group consumer COUNT few BLOCK 0 [NOACK] STREAMS stream unseen
  XREADGROUP GROUP group consumer BLOCK 0 STREAMS stream stream unseen unseen
  XREADGROUP GROUP group consumer BLOCK 0 STREAMS any unseen
  BLPOP list 0 ; RPUSH list element
  BLMOVE list list LEFT RIGHT 0 ; LRANGE list 0 -1 ; LPUSH list element
  BZPOPMIN zset 0 ; ZADD zset score element
  XREAD BLOCK 0 STREAMS stream $ ; XADD stream later f v
  SELECT 0|1
`;

/**
 * With SWAPDB one bucket comes at a time: of several, redis-server takes them in the order of an index that is seeded
 * per process. For lists that is in a transaction: else a BLMOVE that waits in database 1 makes two of the one first.
 */
const WAKES = `
  LPUSH list element
  RPUSH list element [element ...]
  RPUSH list element element element
  LPUSH any element element
  LINSERT list BEFORE element element
  RPUSHX list element
  LMOVE list list LEFT|RIGHT LEFT|RIGHT
  RPOPLPUSH list list
  LPOP list
  ZADD zset score element
  ZADD zset score element score element score element
  ZADD any NX score element
  ZINCRBY zset score element
  ZUNIONSTORE zset 2 zset zset
  ZRANGESTORE zset zset 0 -1
  ZPOPMIN zset few
  GEOADD zset 13.3 52.5 element
  XADD stream later f v
  XADD stream later f v
  XADD stream later f v ; XADD stream later f v
  XADD stream MAXLEN 0 later f v
  XADD any later f v
  XDEL stream id
  XTRIM stream MAXLEN 1
  XSETID stream id
  XGROUP CREATE stream group $ MKSTREAM
  XGROUP CREATE stream group 0 MKSTREAM
  XGROUP DESTROY stream group
  XGROUP SETID stream group 0
  XGROUP DELCONSUMER stream group consumer
  XACK stream group id
  RENAME any any
  RENAMENX list list
  COPY any any REPLACE
  COPY list list DB 1 REPLACE
  MOVE any 1
  SORT any ALPHA STORE list
  DEL any
  UNLINK any any
  SET any text
  GETDEL any
  EXPIRE any -1
  FLUSHDB
  FLUSHALL
  SELECT 1 ; RPUSH list element ; SELECT 0
  FLUSHALL ; SELECT 1 ; MULTI ; RPUSH list element element ; SWAPDB 0 1 ; EXEC ; SELECT 0
  FLUSHALL ; SELECT 1 ; ZADD zset score element score element ; SWAPDB 0 1 ; SELECT 0
  FLUSHALL ; SELECT 1 ; XADD stream later f v ; SWAPDB 0 1 ; SELECT 0
  RPUSH list element ; RPUSH list element ; ZADD zset score element
  MULTI ; RPUSH list element ; LPOP list ; EXEC
  MULTI ; RPUSH list element element ; DEL list ; RPUSH list element ; EXEC
  MULTI ; RPUSH list element ; LPUSH list element element ; ZADD zset score element ; XADD stream later f v ; EXEC
  MULTI ; ZADD zset score element ; ZADD zset score element ; EXEC
  MULTI ; XADD stream later f v ; XADD stream later f v ; DEL stream ; EXEC
  MULTI ; SET any text ; DEL any ; RENAME any any ; RPUSH list element ; EXEC
  MULTI ; BLPOP list 0 ; BLMOVE list list LEFT RIGHT 0 ; BZPOPMIN zset 0 ; XREAD BLOCK 0 STREAMS stream $ ; EXEC
  CLIENT UNBLOCK who
  CLIENT UNBLOCK who ERROR
  CLIENT UNBLOCK who TIMEOUT
  LRANGE list 0 -1
  ZRANGE zset 0 -1 WITHSCORES
  XRANGE stream - +
  XPENDING stream group
  XINFO GROUPS stream
  OBJECT ENCODING any
`;

const LISTS = KEYS.slice(0, 3);
const ZSETS = KEYS.slice(3, 5);
const STREAMS = KEYS.slice(5, 7);

/** The words of one scene: entries of streams come one after the other, most of them. */
function vocabulary(): Vocabulary {
  let last = 1;
  return {
    later: (draw) => String((last += draw.below(3))),
    id: (draw) => draw.pick(['0', '$', String(draw.between(1, last)), String(draw.between(1, last))]),
    ...words,
  };
}

const words: Vocabulary = {
  list: (draw) => draw.pick(LISTS),
  zset: (draw) => draw.pick(ZSETS),
  stream: (draw) => draw.pick(STREAMS),
  any: (draw) => draw.pick(KEYS),
  element: (draw) => draw.pick(['a', 'b', 'c', '1', '', 'x'.repeat(100)]),
  score: (draw) => draw.pick(['0', '1', '2', '-1.5']),
  few: (draw) => draw.pick(['1', '2', '3', '10']),
  group: (draw) => draw.pick(['g', 'g', 'h']),
  consumer: (draw) => draw.pick(['c', 'd']),
  /** The id of this client, which each server has for itself; see waiting-run.ts. */
  who: (draw) => `{${draw.below(CLIENTS)}}`,
  unseen: () => '>', f: () => 'f', v: () => 'v', text: () => 'text',
};

const linesOf = (text: string): Syntax[][] => {
  const lines = text.trim().split('\n');
  return lines.map((line) => line.trim().split(' ; ').map((each) => new Syntax(each)));
};
const waits = linesOf(WAITS);
const wakes = linesOf(WAKES);

const WAITING = 0.45;
const LEAVING = 0.02;

/** The scene that the seed stands for. */
export function scene(seed: number, length: number): Move[] {
  const draw = new Draw(seededRandom(seed));
  const drawn = vocabulary();
  return Array.from({ length }, () => {
    const isWait = draw.chance(WAITING);
    const who = isWait ? draw.between(1, CLIENTS - 1) : 0;
    if (isWait && draw.chance(LEAVING)) return { who, requests: [] };
    return { who, requests: draw.pick(isWait ? waits : wakes).map((each) => each.request(draw, drawn)) };
  });
}

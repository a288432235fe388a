/** Streams and their groups. IDs are given, so that both servers have the same; times are not compared. */
import type { Draw } from './draw.js';
import type { Grammar } from './grammar.js';

const MAX = '18446744073709551615';
const ODD_IDS = [
  '-', '+', '(1-1', '(-', '0-0', '0', `${MAX}-${MAX}`, `0-${MAX}`, MAX, '18446744073709551616-0', '9007199254740993-5',
  '9223372036854775808-9223372036854775807', '1-', '-1', '1-1-1', '01-1', ' 1-1', '1-x', '', '1-*', '3-\x00', '$', '>',
  '(', '()', '1-05', '1--05', '+1-1',
];

/** IDs near each other, and now and then the same again, so that they meet. */
const id = (draw: Draw): string => {
  if (draw.chance(0.06)) return draw.pick(ODD_IDS);
  return draw.chance(0.2) ? String(draw.below(60)) : `${draw.below(60)}-${draw.below(4)}`;
};
const group = (draw: Draw): string => draw.pick(['g', 'h', 'g\x00']);

export const streamGrammar: Grammar = {
  family: 'stream',
  requests: `
    XADD key new-id field value [field value ...]
    XADD key new-id f value
    XADD key new-id f value
    XADD key new-id f value g value
    XADD key later f value
    XADD key later f value
    XADD key later 1 large
    XADD key moment f value
    XADD it * f value ; XLEN it ; DEL it
    XADD it MAXLEN ~ 3 LIMIT 2 * f value ; XLEN it ; DEL it
    XADD key [NOMKSTREAM] [MAXLEN|MINID [=|~] threshold [LIMIT count]] new-id field value
    XADD key MAXLEN [=|~] small later f value
    XADD key MINID [=|~] start later f value
    XLEN key
    XRANGE key start end [COUNT count]
    XREVRANGE key end start [COUNT count]
    XDEL key id [id ...]
    XDEL key id
    XTRIM key MAXLEN|MINID [=|~] threshold [LIMIT count]
    XTRIM key MAXLEN small
    XTRIM key MINID start
    XSETID key id [ENTRIESADDED entries] [MAXDELETEDID id]
    XREAD [COUNT count] STREAMS key after
    XREAD [COUNT count] STREAMS key key after after
    XGROUP CREATE key group after [MKSTREAM] [ENTRIESREAD entries]
    XGROUP CREATE key group 0
    XGROUP CREATE key group $
    XGROUP SETID key group after [ENTRIESREAD entries]
    XGROUP DESTROY key group
    XGROUP CREATECONSUMER key group consumer
    XGROUP DELCONSUMER key group consumer
    XREADGROUP GROUP group consumer [COUNT count] [NOACK] STREAMS key unseen
    XREADGROUP GROUP group consumer [COUNT count] [NOACK] STREAMS key unseen
    XREADGROUP GROUP group consumer COUNT few STREAMS key unseen
    XREADGROUP GROUP group consumer [COUNT count] STREAMS key after
    XREADGROUP GROUP group consumer STREAMS key key unseen after
    XACK key group id [id ...]
    XACK key group id
    XPENDING key group
    XPENDING key group [IDLE idle] start end count [consumer]
    XCLAIM key group consumer idle id [id ...] [IDLE idle] [TIME idle] [RETRYCOUNT entries] [FORCE] [JUSTID] [LASTID id]
    XCLAIM key group consumer 0 id [id ...] [FORCE] [JUSTID]
    XAUTOCLAIM key group consumer idle start [COUNT count] [JUSTID]
    XAUTOCLAIM key group consumer 0 start COUNT few
    XINFO STREAM key
    XINFO STREAM key FULL [COUNT count]
    XINFO GROUPS key
    XINFO CONSUMERS key group
    COPY source destination
    RENAME key newkey
    SET key value
    DEL key
  `,
  words: {
    id, group,
    f: () => 'f',
    g: () => 'g',
    unseen: () => '>',
    'new-id': id,
    start: (draw) => (draw.chance(0.5) ? '-' : draw.chance(0.2) ? `(${id(draw)}` : id(draw)),
    end: (draw) => (draw.chance(0.5) ? '+' : draw.chance(0.2) ? `(${id(draw)}` : id(draw)),
    after: (draw) => (draw.chance(0.3) ? '0' : draw.chance(0.2) ? draw.pick(['$', '>']) : id(draw)),
    later: (draw) => `${60 + draw.below(draw.pick([20, 2000]))}-${draw.below(3)}`,
    moment: (draw) => `${draw.below(80)}-*`,
    field: (draw) => draw.pick(['f', 'g', '1', '-5', '', '\x00\xff', 'x'.repeat(64)]),
    large: (draw) => draw.pick(['x', '\x00\xff', '7']).repeat(draw.pick([0, 1, 20, 63, 64, 127, 128, 1000, 4095, 4096, 5000])),
    threshold: (draw) => (draw.chance(0.5) ? String(draw.below(12)) : id(draw)),
    small: (draw) => String(draw.below(8)),
    few: (draw) => String(draw.between(1, 3)),
    entries: (draw) => draw.pick(['0', '1', '3', '10', '-1', '-2', '9223372036854775807', '100', 'x']),
    consumer: (draw) => draw.pick(['c', 'd', 'cc', '']),
    idle: (draw) => draw.pick(['0', '0', '0', '-1', '1000000', 'x']),
  },
  probes: `
    XRANGE key - +
    XREVRANGE key + -
    XINFO STREAM key
    XINFO STREAM key FULL COUNT 0
    XINFO GROUPS key
    XPENDING key g - + 100
    XPENDING key h
    OBJECT ENCODING key
    TYPE key
    DUMP key
  `,
};

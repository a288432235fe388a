/**
 * A request or more for every command that writes, and the buckets that they meet: small and large ones of each type.
 * Names of large ones are capitals.
 */
import { parts } from './raw-client.js';

const long = (letter: string): string => letter.repeat(90);
const huge = (letter: string): string => letter.repeat(900);

function many(count: number, make: (index: number) => string): string {
  return Array.from({ length: count }, (_, index) => make(index)).join(' ');
}

/** So many words that are different and large. */
function numbered(count: number, word: string): string {
  return many(count, (index) => `${index}${word}`);
}

const EXPIRY = '9999999999999';

/** Brings all buckets into being, in an empty database. */
export const BEFORE: readonly string[][] = [
  `SET s ${long('s')}`, 'SET n 10', `SET t ${long('t')} PXAT ${EXPIRY}`, 'SETBIT bits 100 1',
  `RPUSH l ${many(12, (i) => `element-${i}`)}`, 'RPUSH l1 only', `RPUSH wide a ${huge('w')} b`,
  `RPUSH L ${numbered(30, huge('l'))}`,
  `HSET h a 1 b ${long('b')} c x`, `HSET H ${many(20, (i) => `f${i} ${huge('h')}`)}`, `HSET h1 f ${long('b')}`,
  `HSET ht a 1 b ${long('b')}`, `HPEXPIREAT ht ${EXPIRY} FIELDS 1 b`,
  `HSET HT ${many(20, (i) => `f${i} ${huge('h')}`)}`, `HPEXPIREAT HT ${EXPIRY} FIELDS 2 f1 f2`,
  'SADD i 1 2 3 4 5', `SADD e a ${long('e')} c`, 'SADD e1 a', `SADD E ${numbered(20, huge('e'))}`,
  `ZADD z 1 a 2 ${long('z')} 3 c`, 'ZADD z1 1 a', `ZADD Z ${many(140, (i) => `${i} m${i}`)}`,
  'GEOADD g 13.361389 38.115556 a 15.087269 37.502669 b',
  `XADD x 1-1 f ${long('v')}`, 'XADD x 2-1 f v', 'XADD x 3-1 other v', 'XGROUP CREATE x group 0',
  'XREADGROUP GROUP group one COUNT 2 STREAMS x >', 'XGROUP CREATECONSUMER x group two',
  ...Array.from({ length: 40 }, (_, i) => `XADD X ${i + 1}-1 f ${huge('v')}`), 'XGROUP CREATE X group 0',
  'XREADGROUP GROUP group one COUNT 20 STREAMS X >',
  `PFADD p ${many(20, (i) => `x${i}`)}`, 'PFADD q a b', 'BUCKET CREATE b',
].map((line) => parts(line));

/**
 * Whoever writes several things one after the other may end between them when there is no room: then each thing is
 * either as it was or as it is to be, and the log says the same as memory.
 */
export const MAY_END_BETWEEN = new Set<string>([
  'hexpire', 'hpexpire', 'hexpireat', 'hpexpireat', 'hpersist', 'hgetex', 'hsetex', 'hmset', 'hset',
  'lpush', 'rpush', 'mset', 'pfadd', 'pfmerge', 'sadd', 'xautoclaim', 'xclaim', 'xreadgroup', 'zadd',
]);

const grow = many(30, (i) => `new${i} ${long('n')}`);
const members = many(60, (i) => `${long('m')}${i}`);
const scored = many(60, (i) => `${i} ${long('m')}${i}`);

/**
 * By the command's full name. Commands of which there is none are in `NOT_TRIED`. `DUMP-OF-x` stands for what DUMP
 * gives for x.
 */
export const WRITE_REQUESTS: Readonly<Record<string, readonly string[]>> = {
  bitfield: ['BITFIELD s SET u8 90000 1', 'BITFIELD new SET u8 900 1 INCRBY u8 90000 1'],
  setbit: ['SETBIT bits 90000 1', 'SETBIT new 900 1', 'SETBIT t 90000 1'],
  bitop: ['BITOP NOT n s', 'BITOP OR new s t', 'BITOP AND L s t'],
  'bucket|create': ['BUCKET CREATE new'],
  'bucket|put': [`BUCKET PUT b f ${long('f')}`, `BUCKET PUT h a ${huge('f')}`],
  'bucket|delete': ['BUCKET DELETE h b', 'BUCKET DELETE h1 f', 'BUCKET DELETE H f1'],
  restore: [
    'RESTORE new 0 DUMP-OF-Z', 'RESTORE L 0 DUMP-OF-HT REPLACE', `RESTORE x ${EXPIRY} DUMP-OF-E REPLACE ABSTTL`,
    `RESTORE new ${EXPIRY} DUMP-OF-X ABSTTL`, 'RESTORE Z 0 DUMP-OF-L REPLACE', 'RESTORE t 0 DUMP-OF-i REPLACE',
  ],
  expire: ['EXPIRE s 1000', 'EXPIRE L 1000', 'EXPIRE h 1000', 'EXPIRE s -1'],
  pexpire: ['PEXPIRE Z 1000000'],
  expireat: ['EXPIREAT z 9999999999'],
  pexpireat: ['PEXPIREAT x 9999999999999', 'PEXPIREAT HT 9999999999999'],
  persist: ['PERSIST t'],
  rename: [
    'RENAME s another-name-of-it', 'RENAME L another-name-of-it', 'RENAME h L', 'RENAME HT another-name-of-it',
    'RENAME t n',
  ],
  renamenx: ['RENAMENX Z another-name-of-it', 'RENAMENX ht h2'],
  move: ['MOVE s 1', 'MOVE t 1', 'MOVE HT 1'],
  copy: [
    'COPY s new', 'COPY L new', 'COPY l new', 'COPY HT new', 'COPY ht new', 'COPY E new', 'COPY i new', 'COPY Z new',
    'COPY X new', 'COPY x L REPLACE', 'COPY Z t REPLACE DB 0', 'COPY t new DB 1',
  ],
  del: ['DEL s L H', 'DEL X'],
  unlink: ['UNLINK s L HT'],
  hincrby: ['HINCRBY h a 100000000', 'HINCRBY new f 1', 'HINCRBY H new 1'],
  hincrbyfloat: ['HINCRBYFLOAT h a 0.123456789012', 'HINCRBYFLOAT H new 1.5'],
  hexpire: ['HEXPIRE h 1000 FIELDS 2 a b', 'HEXPIRE H 1000 FIELDS 3 f1 f2 f3'],
  hpexpire: ['HPEXPIRE HT 1000000 FIELDS 2 f1 f5'],
  hexpireat: ['HEXPIREAT ht 9999999999 FIELDS 1 a', 'HEXPIREAT h 1 FIELDS 1 b'],
  hpexpireat: [`HPEXPIREAT H ${EXPIRY} FIELDS 1 f1`, 'HPEXPIREAT H 1 FIELDS 2 f1 f2'],
  hpersist: ['HPERSIST ht FIELDS 1 b', 'HPERSIST HT FIELDS 2 f1 f2'],
  hgetdel: ['HGETDEL h FIELDS 1 b', 'HGETDEL H FIELDS 2 f1 f2', 'HGETDEL h1 FIELDS 1 f'],
  hgetex: [
    `HGETEX h PXAT ${EXPIRY} FIELDS 2 a b`, `HGETEX H PXAT ${EXPIRY} FIELDS 2 f1 f2`,
    'HGETEX HT PERSIST FIELDS 2 f1 f2',
  ],
  hsetex: [
    `HSETEX h PXAT ${EXPIRY} FIELDS 30 ${grow}`, `HSETEX HT PXAT ${EXPIRY} FIELDS 2 f1 a f5 ${huge('z')}`,
    `HSETEX HT KEEPTTL FIELDS 2 f1 ${huge('zz')} f5 ${huge('zz')}`,
  ],
  hdel: ['HDEL h b', 'HDEL h1 f', 'HDEL H f1 f2', 'HDEL HT f1 f2 f3'],
  hmset: [`HMSET h ${grow}`],
  hset: [
    `HSET new f ${huge('z').repeat(14)}`, `HSET h ${grow}`, `HSET H ${grow} f1 ${huge('zz')}`, `HSET new ${grow}`,
    `HSET b ${grow}`, `HSET h b x ${many(20, (i) => `g${i} ${huge('g')}`)}`, `HSET HT f1 ${huge('zz')} f2 x`,
    'HSET h b x',
  ],
  hsetnx: [`HSETNX h new ${huge('x')}`, 'HSETNX new a b', 'HSETNX H new b'],
  georadius: [
    'GEORADIUS g 15 37 200 km STORE new', 'GEORADIUS g 15 37 200 km STORE L', 'GEORADIUS g 15 37 1 m STORE L',
  ],
  georadiusbymember: ['GEORADIUSBYMEMBER g a 200 km STOREDIST Z'],
  geosearchstore: ['GEOSEARCHSTORE s g FROMLONLAT 15 37 BYRADIUS 200 km ASC'],
  geoadd: [
    `GEOADD g 13.361389 38.115556 ${huge('g')}`, 'GEOADD new 13.361389 38.115556 x',
    `GEOADD Z 13.361389 38.115556 ${long('g')}`,
  ],
  pfdebug: ['PFDEBUG TODENSE p', 'PFDEBUG GETREG p'],
  pfadd: [`PFADD p ${many(300, (i) => `y${i}`)}`, 'PFADD new a b c'],
  pfmerge: ['PFMERGE p q', 'PFMERGE new p q'],
  flushall: ['FLUSHALL'],
  flushdb: ['FLUSHDB'],
  swapdb: ['SWAPDB 0 1'],
  blmove: ['BLMOVE l L LEFT RIGHT 0', 'BLMOVE l1 new LEFT RIGHT 0', 'BLMOVE wide wide LEFT RIGHT 0'],
  blmpop: ['BLMPOP 0 2 none L LEFT COUNT 10'],
  blpop: ['BLPOP none l1 0', 'BLPOP L 0'],
  brpop: ['BRPOP wide 0'],
  brpoplpush: ['BRPOPLPUSH L l 0', 'BRPOPLPUSH L L 0'],
  lmove: [
    'LMOVE l new LEFT RIGHT', 'LMOVE L l LEFT LEFT', 'LMOVE l L RIGHT LEFT', 'LMOVE L L LEFT RIGHT',
    'LMOVE l l RIGHT LEFT', 'LMOVE wide l1 RIGHT LEFT', 'LMOVE l1 L LEFT RIGHT',
  ],
  lmpop: ['LMPOP 2 none wide LEFT COUNT 2'],
  rpoplpush: ['RPOPLPUSH l new', 'RPOPLPUSH L L'],
  linsert: [
    `LINSERT l BEFORE element-1 ${huge('x').repeat(7)}`, `LINSERT l AFTER element-1 x`,
    `LINSERT L BEFORE 15${huge('l')} x`, `LINSERT L BEFORE 15${huge('l')} ${huge('x').repeat(7)}`,
  ],
  lpop: ['LPOP wide 2', 'LPOP l1', 'LPOP L', 'LPOP L 12'],
  lpush: [`LPUSH l ${members}`, `LPUSH L ${members}`, `LPUSH new ${numbered(20, huge('x'))}`],
  lpushx: [`LPUSHX l ${huge('x')}`],
  rpushx: [`RPUSHX L ${huge('x').repeat(7)}`],
  lrem: [`LREM wide 0 ${huge('w')}`, `LREM L 0 3${huge('l')}`, 'LREM l1 0 only'],
  lset: [
    `LSET l 0 ${huge('x')}`, `LSET l 5 ${huge('x').repeat(7)}`, `LSET L 15 ${huge('x').repeat(7)}`, `LSET L 15 x`,
    'LSET wide 1 x', `LSET L 0 ${huge('x')}more`, `LSET l1 0 ${huge('x')}`, `LSET L -1 ${huge('xyz')}`,
  ],
  ltrim: ['LTRIM wide 0 0', 'LTRIM L 5 9', 'LTRIM l 1 0'],
  rpop: ['RPOP L', 'RPOP l 11'],
  rpush: [
    `RPUSH new ${huge('z').repeat(7)}`, `RPUSH l ${members}`, `RPUSH L ${members}`,
    `RPUSH new ${numbered(20, huge('x'))}`,
  ],
  sdiffstore: ['SDIFFSTORE L E e'],
  sinterstore: ['SINTERSTORE new E E', 'SINTERSTORE e i e'],
  sunionstore: ['SUNIONSTORE s E e i', 'SUNIONSTORE e E e'],
  spop: ['SPOP e1', 'SPOP i 2', 'SPOP E 2', 'SPOP e 2'],
  sadd: [
    `SADD i 10 ${many(600, (i) => String(i))}`, `SADD i word`, `SADD e ${members}`, `SADD E ${members}`,
    `SADD new ${numbered(20, huge('x'))}`, 'SADD i 99999999999', `SADD new ${huge('z').repeat(14)}`,
  ],
  smove: [
    'SMOVE e E a', 'SMOVE e new a', 'SMOVE e1 i a', `SMOVE E e 3${huge('e')}`, `SMOVE E new 3${huge('e')}`,
    'SMOVE i e 3',
  ],
  srem: [`SREM e ${long('e')}`, 'SREM i 1 2', 'SREM e1 a', `SREM E 3${huge('e')}`],
  bzmpop: ['BZMPOP 0 1 Z MIN COUNT 30'],
  bzpopmax: ['BZPOPMAX z1 0'],
  bzpopmin: ['BZPOPMIN z 0'],
  sort: ['SORT l ALPHA STORE new', 'SORT L ALPHA STORE s', 'SORT L ALPHA STORE L', 'SORT l ALPHA STORE L'],
  zdiffstore: ['ZDIFFSTORE s 2 Z z'],
  zinterstore: ['ZINTERSTORE new 2 Z Z'],
  zunionstore: ['ZUNIONSTORE L 2 Z z', 'ZUNIONSTORE z 2 Z z'],
  zmpop: ['ZMPOP 2 none z MAX COUNT 2'],
  zpopmax: ['ZPOPMAX z 2', 'ZPOPMAX z1'],
  zpopmin: ['ZPOPMIN Z 100'],
  zrangestore: ['ZRANGESTORE new Z 0 -1', 'ZRANGESTORE L z 0 -1', 'ZRANGESTORE z Z 0 -1'],
  zremrangebylex: ['ZREMRANGEBYLEX z - +'],
  zremrangebyrank: ['ZREMRANGEBYRANK Z 1 -2', 'ZREMRANGEBYRANK z 1 1'],
  zremrangebyscore: ['ZREMRANGEBYSCORE z 2 2', 'ZREMRANGEBYSCORE Z 2 99'],
  zadd: [
    `ZADD z ${scored}`, `ZADD Z ${scored} 99 m1 -1 m100`, `ZADD new ${scored}`, 'ZADD new 1 a', 'ZADD Z 77 m1',
    'ZADD Z INCR 5 m3', 'ZADD z 0.1234567890123 a', `ZADD new 1 ${huge('z').repeat(14)}`,
  ],
  zincrby: ['ZINCRBY z 10 a', 'ZINCRBY Z 10 m1', `ZINCRBY z 10 ${huge('z')}`],
  zrem: ['ZREM z a', `ZREM z ${long('z')}`, 'ZREM z1 a', 'ZREM Z m1 m2'],
  'xgroup|create': ['XGROUP CREATE x other 0', 'XGROUP CREATE new other 0 MKSTREAM', 'XGROUP CREATE X other 5-1'],
  'xgroup|createconsumer': [`XGROUP CREATECONSUMER x group ${long('c')}`],
  'xgroup|delconsumer': ['XGROUP DELCONSUMER X group one'],
  'xgroup|destroy': ['XGROUP DESTROY X group'],
  'xgroup|setid': ['XGROUP SETID x group 1-1'],
  xack: ['XACK x group 1-1 2-1', 'XACK X group 1-1 2-1 3-1'],
  xautoclaim: ['XAUTOCLAIM x group three 0 0', 'XAUTOCLAIM X group two 0 0 COUNT 15'],
  xclaim: [
    'XCLAIM x group two 0 1-1 2-1', 'XCLAIM X group three 0 1-1 2-1 3-1 4-1 5-1 6-1',
    'XCLAIM x group three 0 3-1 FORCE',
  ],
  xreadgroup: [
    'XREADGROUP GROUP group one STREAMS x >', 'XREADGROUP GROUP group three STREAMS X >',
    'XREADGROUP GROUP group one STREAMS X x > >',
  ],
  xadd: [
    `XADD x 9-1 f ${huge('v').repeat(3)}`, `XADD X 99-1 f ${huge('v')}`, 'XADD new 1-1 f v',
    `XADD X MAXLEN 10 99-1 f v`, `XADD x 9-1 ${many(30, (i) => `f${i} ${long('v')}`)}`, 'XADD X MAXLEN 1 99-1 f v',
  ],
  xdel: ['XDEL x 1-1', 'XDEL X 1-1 2-1 3-1 20-1 40-1'],
  xsetid: ['XSETID x 99-1'],
  xtrim: ['XTRIM X MAXLEN 5', 'XTRIM x MAXLEN 1', 'XTRIM X MINID 21-1'],
  incr: ['INCR n', 'INCR new'],
  incrby: ['INCRBY n 1000000000000'],
  decr: ['DECR n'],
  decrby: ['DECRBY new 5'],
  incrbyfloat: ['INCRBYFLOAT n 0.1234567890123'],
  append: [`APPEND s ${huge('x')}`, 'APPEND new x', `APPEND t ${huge('x')}`],
  setrange: ['SETRANGE s 4000 x', 'SETRANGE new 400 x', 'SETRANGE t 4000 x'],
  set: [
    `SET s ${huge('x')}`, `SET new ${huge('x')}`, 'SET L x', `SET HT ${huge('x')}`, 'SET t x', 'SET s x EX 1000',
    `SET t ${huge('x')} KEEPTTL`, `SET s ${huge('x')} GET`,
  ],
  setnx: ['SETNX new x'],
  setex: ['SETEX s 1000 x', 'SETEX new 1000 x', `SETEX L 1000 ${huge('x')}`],
  psetex: ['PSETEX t 100000 x'],
  getset: [`GETSET s ${huge('x')}`, 'GETSET t x'],
  getdel: ['GETDEL s', 'GETDEL t'],
  getex: ['GETEX s EX 1000', 'GETEX t PERSIST'],
  mset: [`MSET ${many(6, (i) => `m${i} ${long('m')}`)} s ${huge('t')} L x`],
  msetnx: [`MSETNX ${many(6, (i) => `m${i} ${long('m')}`)}`],
};

/** Why no request of these is tried here. */
export const NOT_TRIED: Readonly<Record<string, string>> = {
  'restore-asking': 'as RESTORE',
  migrate: 'deletes what another node has taken',
  'shard|release': 'is a part of a hand-over',
};

/**
 * What a client writes in a crash round: steps, numbered from 1 on. A step is made of its client and its number alone,
 * so that a node which never crashed (the model) can be brought to where a crashed one has come to. All types, several
 * databases, expiry, and large values are in it. A step is a transaction, or one MSET, and says its number last.
 */
import { Draw } from '../generators/draw.js';
import { seededRandom } from '../../lib/util/random.js';

/** A moment that no test lives to see. */
const FAR_MS = 4_000_000_000_000;
export const SHORT_MS_MAX = 50;

export interface CrashClient {
  /** The hash tag of its keys. */
  tag: string;
  database: number;
  number: number;
}

/** The key that has the number of the last step. */
export const counterOf = ({ tag }: CrashClient): string => `{${tag}}:n`;

/** The requests of a step; more than one are a transaction. */
export function stepOf(client: CrashClient, step: number): string[][] {
  const draw = new Draw(seededRandom(client.number * 1_000_003 + step));
  const key = (name: string): string => `{${client.tag}}:${name}`;
  const counter = ['SET', counterOf(client), String(step)];
  if (draw.chance(0.2)) {
    const pairs = Array.from({ length: draw.between(1, 20) }, (_, index) => [key(`m${index}`), `${step}`.repeat(draw.between(1, 30))]);
    return [['MSET', ...pairs.flat(), ...counter.slice(1)]];
  }
  const requests = Array.from({ length: draw.between(1, 4) }, () => change(draw, step, key));
  return [...requests.flat(), counter];
}

function change(draw: Draw, step: number, key: (name: string) => string): string[][] {
  const some = String(draw.below(40));
  const word = draw.pick(['a', 'bc', 'x'.repeat(70), '\x00\r\n', String(step)]);
  const elements = Array.from({ length: draw.between(1, 5) }, (_, index) => `${word}${index}`);
  const field = `f${some}`;
  return draw.pick<() => string[][]>([
    () => [['SET', key('s'), word]],
    () => [['APPEND', key('s'), word]],
    () => [['SETRANGE', key('s'), some, word]],
    () => [['SET', key('large'), word.repeat(draw.chance(0.1) ? 2000 : 10)]],
    () => [['INCRBYFLOAT', key('f'), '0.5']],
    () => [['INCR', key('c')], ['SETBIT', key('b'), some, '1'], ['PFADD', key('p'), word]],
    () => [[draw.pick(['RPUSH', 'LPUSH']), key('l'), ...elements]],
    () => [['LPOP', key('l')], ['LMOVE', key('l'), key('l2'), 'LEFT', 'RIGHT'], ['LTRIM', key('l'), '0', '300']],
    () => [['LINSERT', key('l'), 'BEFORE', `${word}0`, 'inserted']],
    () => [['SORT', key('l'), 'ALPHA', 'STORE', key('sorted')]],
    () => [['HSET', key('h'), field, word, 'step', String(step)], ['HINCRBYFLOAT', key('h'), 'float', '1.25']],
    () => [['HDEL', key('h'), field], ['HPEXPIREAT', key('h'), String(FAR_MS / 100 + step), 'FIELDS', '1', 'step']],
    () => [['HSET', key('huge'), ...Array.from({ length: 40 }, (_, index) => [`${step % 30}:${index}`, some]).flat()]],
    () => [['SADD', key('set'), ...elements], ['SREM', key('set'), `${word}1`], ['SUNIONSTORE', key('u'), key('set'), key('set')]],
    // Never the same member twice, or what SPOP took would tell in the size.
    () => [['SADD', key('bag'), ...[1, 2, 3].map((part) => `${step}:${draw.below(1e9)}:${part}`)], ['SPOP', key('bag')]],
    () => [['ZADD', key('z'), some, word, String(step), `m${some}`], ['ZINCRBY', key('z'), '0.5', word]],
    () => [['ZREMRANGEBYRANK', key('z'), '0', '0'], ['ZUNIONSTORE', key('zu'), '1', key('z')]],
    () => [['XADD', key('x'), `${step}-*`, 'field', word, 'step', String(step)], ['XTRIM', key('x'), 'MAXLEN', '40']],
    () => [['XGROUP', 'CREATE', key('x'), `g${draw.below(2)}`, '0', 'MKSTREAM']],
    () => [['XREADGROUP', 'GROUP', 'g0', 'consumer', 'COUNT', '2', 'STREAMS', key('x'), '>'], ['XACK', key('x'), 'g0', `${step - 3}-0`]],
    () => [['GEOADD', key('geo'), '13.36', '38.11', word]],
    () => [['PEXPIREAT', key(draw.pick(['s', 'h', 'l', 'z'])), String(FAR_MS + step)], ['PERSIST', key('z')]],
    () => [['COPY', key('s'), key('copy'), 'REPLACE'], ['RENAME', key('s'), key('s2')]],
    () => [['DEL', key(draw.pick(['l', 'h', 'set', 'z', 'u', 'sorted']))]],
    () => [['BUCKET', 'CREATE', key('bucket')], ['HSET', key('bucket'), field, word], ['HDEL', key('bucket'), field]],
    () => [['SET', key('short'), word, 'PX', String(draw.between(1, SHORT_MS_MAX))]],
  ])();
}

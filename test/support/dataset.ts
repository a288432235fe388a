/** All that a server has, in a form that can be compared: each bucket's database, name, type, value and expiry. */
import { RawClient, encode } from './raw-client.js';
import { type RespValue, decode } from './resp-value.js';

const DATABASES = 16;

const READS: Readonly<Record<string, (key: string) => string[]>> = {
  string: (key) => ['GET', key],
  list: (key) => ['LRANGE', key, '0', '-1'],
  set: (key) => ['SMEMBERS', key],
  zset: (key) => ['ZRANGE', key, '0', '-1', 'WITHSCORES'],
  hash: (key) => ['HGETALL', key],
  stream: (key) => ['XRANGE', key, '-', '+'],
};

/** A line for each bucket, in order. */
export async function datasetOf(port: number): Promise<string[]> {
  const client = await RawClient.connect(port);
  const ask = async (...request: string[]): Promise<RespValue> => {
    client.send(encode(request));
    return decode(await client.reply());
  };
  const found: string[] = [];
  for (let db = 0; db < DATABASES; db++) {
    await ask('SELECT', String(db));
    for (const key of (await ask('KEYS', '*')) as string[]) {
      const type = ((await ask('TYPE', key)) as string).slice(1);
      const value = await ask(...READS[type]!(key));
      const groups = type === 'stream' ? withoutOddCounters(await ask('XINFO', 'GROUPS', key)) : null;
      const expiry = await ask('PEXPIRETIME', key);
      // It may have expired since.
      if (expiry !== -2) found.push(JSON.stringify([db, key, type, comparable(type, value), groups, expiry]));
    }
  }
  client.close();
  return found.toSorted();
}

/**
 * Without the counter of a group where there is none: one that has gone past 64 bits is negative, which no command can
 * say, so a log has none for it.
 */
function withoutOddCounters(groups: RespValue): RespValue {
  if (!Array.isArray(groups)) return groups;
  return groups.map((group) => {
    if (!Array.isArray(group)) return group;
    const entriesRead = group[group.indexOf('entries-read') + 1];
    const isCounted = typeof entriesRead === 'number' && entriesRead >= 0;
    return isCounted ? group : group.slice(0, group.indexOf('entries-read'));
  });
}

/** Sets and hashes have no order. */
function comparable(type: string, value: RespValue): RespValue {
  if (!Array.isArray(value)) return value;
  if (type === 'set') return value.toSorted();
  if (type !== 'hash') return value;
  const pairs = Array.from({ length: value.length / 2 }, (_, i) => [value[2 * i]!, value[2 * i + 1]!]);
  return pairs.toSorted(([one], [other]) => ((one as string) < (other as string) ? -1 : 1));
}

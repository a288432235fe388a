/**
 * All that a client can see of the buckets of some databases, the moments of fields and the state of groups included,
 * but not when an entry was delivered or a consumer seen.
 */
import { type RawClient, encode } from './raw-client.js';
import { type RespValue, decode } from './resp-value.js';

const READS: Readonly<Record<string, (key: string) => string[][]>> = {
  string: (key) => [['GET', key]],
  list: (key) => [['LRANGE', key, '0', '-1'], ['LLEN', key]],
  set: (key) => [['SMEMBERS', key], ['SCARD', key]],
  zset: (key) => [['ZRANGE', key, '0', '-1', 'WITHSCORES'], ['ZCARD', key]],
  hash: (key) => [['HKEYS', key], ['HLEN', key]],
  stream: (key) => [['XRANGE', key, '-', '+'], ['XINFO', 'STREAM', key, 'FULL', 'COUNT', '0']],
};

export async function askAll(client: RawClient, requests: readonly string[][]): Promise<RespValue[]> {
  client.send(Buffer.concat(requests.map((each) => encode(each))));
  const replies: RespValue[] = [];
  for (let left = requests.length; left > 0; left--) replies.push(decode(await client.reply()));
  return replies;
}

/** A line for each bucket, in order. The client is in the last of the databases afterwards. */
export async function contentsOf(client: RawClient, databases: readonly string[]): Promise<string[]> {
  const lines: string[] = [];
  for (const db of databases) {
    const [, keys] = (await askAll(client, [['SELECT', db], ['KEYS', '*']])) as [RespValue, string[]];
    const types = (await askAll(client, keys.map((key) => ['TYPE', key]))) as string[];
    const reads = keys.map((key, index) => [...READS[types[index]!.slice(1)]!(key), ['PEXPIRETIME', key]]);
    const replies = await askAll(client, reads.flat());
    for (const [index, key] of keys.entries()) {
      const values = replies.splice(0, reads[index]!.length);
      lines.push(JSON.stringify([db, key, types[index], ...(await comparable(client, key, types[index]!, values))]));
    }
  }
  return lines.toSorted();
}

async function comparable(client: RawClient, key: string, type: string, values: RespValue[]): Promise<RespValue[]> {
  const [first, second, ...rest] = values;
  if (type === '+hash') return [await fieldsOf(client, key, first as string[]), second!, ...rest];
  if (type === '+set') return [(first as string[]).toSorted(), second!, ...rest];
  return type === '+stream' ? [first!, withoutMoments(second!), ...rest] : values;
}

/** Each field with its value and the moment at which it expires. */
async function fieldsOf(client: RawClient, key: string, fields: readonly string[]): Promise<string[]> {
  if (fields.length === 0) return [];
  const count = String(fields.length);
  const asked = await askAll(client, [['HMGET', key, ...fields], ['HPEXPIRETIME', key, 'FIELDS', count, ...fields]]);
  const [values, moments] = asked as [string[], number[]];
  return fields.map((field, at) => `${field}=${values[at]!}@${moments[at]!}`).toSorted();
}

/** How a stream is kept, and when something was seen or delivered. */
const LEFT_OUT = ['radix-tree-keys', 'radix-tree-nodes', 'seen-time', 'active-time'];
const DELIVERY_MS_MIN = 1e12;

function withoutMoments(value: RespValue): RespValue {
  if (typeof value === 'number' && value > DELIVERY_MS_MIN) return 0;
  if (!Array.isArray(value)) return value;
  return value.flatMap((each, index) => {
    const isLeftOut = [index, index - 1].some((at) => LEFT_OUT.includes(value[at] as string));
    return isLeftOut ? [] : [withoutMoments(each)];
  });
}

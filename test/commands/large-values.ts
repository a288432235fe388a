/**
 * Values that take memory of their own, through every command that frees one while it replies: freed memory goes back
 * to the system at once, so nothing may read it afterwards.
 */
import test from 'ava';
import { RawClient, encode } from '../support/raw-client.js';
import { startTestNode } from '../support/test-node.js';

const MIB = 2 ** 20;
/** Below, at and above what shares a segment. */
const SIZES = [MIB / 4, MIB / 2 - 40, MIB / 2 + 40, 3 * MIB];

/** A value that shows where a piece of it is missing or has moved. */
function valueOf(length: number): string {
  return 'abcdefghijklmnopqrstuvwxyz0123456789-'.repeat(length / 37 + 1).slice(0, length);
}

const bulk = (value: string): string => `$${value.length}\r\n${value}\r\n`;

for (const length of SIZES) {
  test(`a value of ${length} bytes is whole wherever it goes`, async (t) => {
    const node = await startTestNode(t);
    const client = await RawClient.connect(node.port);
    const value = valueOf(length);
    const ask = (...args: string[]): Promise<string> => {
      client.send(encode(args));
      return client.reply();
    };
    const isWhole = async (what: string, ...args: string[]): Promise<void> => {
      t.true((await ask(...args)) === bulk(value), what);
    };
    await ask('SET', 'a', value);
    await isWhole('GET', 'GET', 'a');
    await ask('EXPIRE', 'a', '1000');
    await isWhole('EXPIRE moves it', 'GET', 'a');
    await ask('PERSIST', 'a');
    await isWhole('PERSIST moves it', 'GETEX', 'a', 'EX', '1000');
    await ask('RENAME', 'a', 'longer');
    await isWhole('RENAME moves it', 'GET', 'longer');
    await ask('COPY', 'longer', 'copy');
    await isWhole('COPY', 'GETDEL', 'copy');
    await ask('COPY', 'longer', 'b', 'REPLACE');
    await isWhole('SET with GET', 'SET', 'b', 'x', 'GET');
    await ask('COPY', 'longer', 'b', 'REPLACE');
    await isWhole('GETSET', 'GETSET', 'b', 'x');
    await ask('HSET', 'h', 'f', value, 'g', value);
    await isWhole('HGET', 'HGET', 'h', 'f');
    await ask('HDEL', 'h', 'f');
    await isWhole('HDEL of another', 'HGET', 'h', 'g');
    await ask('RENAME', 'h', 'other-hash');
    await isWhole('RENAME of a hash', 'HGET', 'other-hash', 'g');
    await ask('DEL', 'other-hash', 'b');
    await ask('APPEND', 'longer', value);
    t.true((await ask('GET', 'longer')) === bulk(value + value), 'APPEND moves it');
    await ask('FLUSHALL');
    t.is(await ask('DBSIZE'), ':0\r\n');
    client.close();
  });
}

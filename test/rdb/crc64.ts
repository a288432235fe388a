import test from 'ava';
import { Crc64 } from '../../lib/rdb/crc64.js';

function checksum(text: string, ...cuts: number[]): string {
  const bytes = Buffer.from(text, 'latin1');
  const crc = new Crc64();
  let from = 0;
  for (const to of [...cuts, bytes.length]) {
    crc.update(bytes, from, to);
    from = to;
  }
  const written = Buffer.alloc(8);
  crc.write(written, 0);
  return written.readBigUInt64LE(0).toString(16);
}

test('the check values of redis-server', (t) => {
  t.is(checksum('123456789'), 'e9c6d914c4b8d9ca');
  const lorem =
    'This is a test of the emergency broadcast system. Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do ' +
    'eiusmod tempor incididunt ut labore et dolore magna aliqua.';
  // However the bytes are cut.
  for (let cut = 0; cut <= lorem.length; cut++) t.is(checksum(lorem, cut), checksum(lorem), String(cut));
});

test('a flipped bit shows', (t) => {
  const whole = checksum('abcdefgh'.repeat(5));
  t.not(checksum(`${'abcdefgh'.repeat(4)}abcdefgi`), whole);
});

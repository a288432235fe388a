/** The hash against published vectors and against a second implementation. */
import test from 'ava';
import { halfSipHash } from '../../lib/util/half-siphash.js';
import { seededRandom } from '../../lib/util/random.js';
import { seedOf } from '../support/seed.js';

const MASK = 0xffffffffn;
const rotate = (word: bigint, by: bigint): bigint => ((word << by) | (word >> (32n - by))) & MASK;

/** HalfSipHash-1-3 word by word as its authors write it, with nothing in common with ours. */
function reference(message: Buffer, key: Buffer): number {
  const [low, high] = [BigInt(key.readUInt32LE(0)), BigInt(key.readUInt32LE(4))];
  let [v0, v1, v2, v3] = [low, high, 0x6c796765n ^ low, 0x74656462n ^ high];
  const round = (): void => {
    v0 = (v0 + v1) & MASK;
    v1 = rotate(v1, 5n) ^ v0;
    v0 = rotate(v0, 16n);
    v2 = (v2 + v3) & MASK;
    v3 = rotate(v3, 8n) ^ v2;
    v0 = (v0 + v3) & MASK;
    v3 = rotate(v3, 7n) ^ v0;
    v2 = (v2 + v1) & MASK;
    v1 = rotate(v1, 13n) ^ v2;
    v2 = rotate(v2, 16n);
  };
  const padded = Buffer.alloc(Math.ceil((message.length + 1) / 4) * 4);
  message.copy(padded);
  padded[padded.length - 1] = message.length & 0xff;
  for (let at = 0; at < padded.length; at += 4) {
    const word = BigInt(padded.readUInt32LE(at));
    v3 ^= word;
    round();
    v0 ^= word;
  }
  v2 ^= 0xffn;
  for (let i = 0; i < 3; i++) round();
  return Number(BigInt.asIntN(32, v1 ^ v3));
}

const KEY = Buffer.from([0, 1, 2, 3, 4, 5, 6, 7]);

/** The hashes of the messages `00`, `00 01`, ... from none to nine bytes. Source: Linux, lib/siphash_kunit.c. */
const VECTORS = [
  0x5814c896, 0xe7e864ca, 0xbc4b0e30, 0x01539939, 0x7e059ea6, 0x88e3d89b, 0xa0080b65, 0x9d38d9d6, 0x577999b1,
  0xc839caed,
];

test('the hashes are those of Linux', (t) => {
  const message = Buffer.from(VECTORS.map((_, index) => index));
  for (const [length, hash] of VECTORS.entries()) {
    t.is(halfSipHash(message, 0, length, KEY.readInt32LE(0), KEY.readInt32LE(4)) >>> 0, hash);
  }
});

test('any message under any key, anywhere in a buffer, has the hash of the textbook', (t) => {
  const random = seededRandom(seedOf(t));
  const draw = (limit: number): number => Math.floor(random.next() * limit);
  let wrong = 0;
  for (let i = 0; i < 5000; i++) {
    const buffer = Buffer.from(Array.from({ length: draw(300) + 8 }, () => draw(256)));
    const key = Buffer.from(Array.from({ length: 8 }, () => draw(256)));
    const offset = draw(8);
    const length = draw(buffer.length - offset + 1);
    const ours = halfSipHash(buffer, offset, length, key.readInt32LE(0), key.readInt32LE(4));
    if (ours !== reference(buffer.subarray(offset, offset + length), key)) wrong++;
  }
  t.is(wrong, 0);
});

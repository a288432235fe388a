/** LZF: what is compressed comes back, and damaged input is refused within its bounds. */
import test from 'ava';
import { canExpand, compress, decompress } from '../../lib/rdb/lzf.js';
import { RdbError } from '../../lib/rdb/rdb-error.js';
import { seededRandom } from '../../lib/util/random.js';
import { Draw } from '../generators/draw.js';
import { seedOf } from '../support/seed.js';

function pack(text: Buffer, room = text.length - 4): Buffer | undefined {
  const output = Buffer.alloc(text.length + 10, 0xee);
  const size = compress(text, 0, text.length, output, 3, room);
  if (size === 0) return undefined;
  return output.subarray(3, 3 + size);
}

function unpack(packed: Buffer, length: number): Buffer {
  const output = Buffer.alloc(length);
  decompress(packed, 0, packed.length, output, length);
  return output;
}

test('the bytes that redis-server makes', (t) => {
  t.is(pack(Buffer.from('a'.repeat(21)))!.toString('hex'), '016161e00a00');
  t.is(pack(Buffer.from('abcdefghijklmnopqrstuvwxyz')), undefined);
});

test('random texts come back', (t) => {
  const draw = new Draw(seededRandom(seedOf(t)));
  let packedCount = 0;
  for (let round = 0; round < 5000; round++) {
    const length = draw.chance(0.02) ? draw.between(1, 40_000) : draw.between(1, 400);
    const letters = draw.pick([1, 2, 4, 26, 256]);
    const text = Buffer.from(Array.from({ length }, () => draw.below(letters)));
    if (draw.chance(0.5)) text.copy(text, draw.below(length), 0, draw.below(length));
    const packed = pack(text);
    if (packed === undefined) continue;
    packedCount++;
    t.true(packed.length <= length - 4);
    t.true(canExpand(packed.length, length));
    if (!unpack(packed, length).equals(text)) t.fail(`round ${round}`);
  }
  t.true(packedCount > 1000);
});

test('damaged input is refused, or gives as many bytes as it should', (t) => {
  const draw = new Draw(seededRandom(seedOf(t)));
  const text = Buffer.from('the quick brown fox and the quick brown dog and the quick fox '.repeat(3));
  const packed = pack(text)!;
  let refused = 0;
  for (let round = 0; round < 20_000; round++) {
    const damaged = Buffer.from(packed.subarray(0, draw.chance(0.3) ? draw.below(packed.length) : packed.length));
    for (let flips = draw.between(1, 3); flips > 0 && damaged.length > 0; flips--) {
      damaged[draw.below(damaged.length)]! ^= 1 << draw.below(8);
    }
    try {
      unpack(damaged, text.length);
    } catch (error) {
      if (!(error instanceof RdbError)) throw error;
      refused++;
    }
  }
  t.true(refused > 1000);
});

test('no claim of a length leads to more room than the input can fill', (t) => {
  t.true(canExpand(3, 264));
  t.false(canExpand(3, 2 ** 30));
  t.false(canExpand(1000, 2 ** 31));
});

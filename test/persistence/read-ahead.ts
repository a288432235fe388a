/** Files that are read ahead: whole, whatever the reads give; and what becomes of a failure that nobody has met yet. */
import test from 'ava';
import { KEPT_BYTES_MAX, PIECE_BYTES, ReadAhead } from '../../lib/persistence/read-ahead.js';
import { OutOfBounds } from '../../lib/rdb/rdb-error.js';
import { seededRandom } from '../../lib/util/random.js';
import { seedOf } from '../support/seed.js';
import { MemoryFile } from '../support/memory-file.js';

const NOTHING: Buffer = Buffer.alloc(0);

function fileOf(byteCount: number, most = Infinity): MemoryFile {
  const file = new MemoryFile();
  file.bytes = Buffer.from(Array.from({ length: byteCount }, (_, index) => (index * 7919) >>> 8));
  file.most = most;
  return file;
}

test('pieces come in order, with what was kept of the one before in front', async (t) => {
  const random = seededRandom(seedOf(t));
  for (const most of [Infinity, 10_000]) {
    const file = fileOf(3 * PIECE_BYTES + 777, most);
    const pieces = new ReadAhead(file, file.bytes.length);
    let kept: Buffer = NOTHING;
    for (let from = 0, end = 0; end < file.bytes.length; ) {
      const piece = await pieces.next(kept);
      end = Math.min(end + PIECE_BYTES, file.bytes.length);
      t.true(piece.equals(file.bytes.subarray(from, end)), `from ${from} to ${end}`);
      from = end - Math.min(piece.length, Math.floor(random.next() * KEPT_BYTES_MAX));
      kept = piece.subarray(piece.length - (end - from));
    }
    t.is((await pieces.next(NOTHING)).length, 0);
    await pieces.end();
  }
});

test('the next piece is being read when one is given', async (t) => {
  const file = fileOf(3 * PIECE_BYTES);
  const positions: number[] = [];
  const read = (into: Buffer, position: number): Promise<number> => {
    positions.push(position);
    return file.read(into, position);
  };
  const pieces = new ReadAhead({ read }, file.bytes.length);
  await pieces.next(NOTHING);
  t.deepEqual(positions, [0, PIECE_BYTES]);
  await pieces.end();
});

test('a failure is thrown when its piece is asked for, and not before', async (t) => {
  const file = fileOf(2 * PIECE_BYTES);
  const failure = new Error('EIO');
  const read = async (into: Buffer, position: number): Promise<number> => {
    if (position > 0) throw failure;
    return file.read(into, position);
  };
  const [asked, left] = [new ReadAhead({ read }, file.bytes.length), new ReadAhead({ read }, file.bytes.length)];
  t.is((await asked.next(NOTHING)).length, PIECE_BYTES);
  t.is(await t.throwsAsync(asked.next(NOTHING)), failure);
  await left.next(NOTHING);
  await t.notThrowsAsync(left.end());
});

test('a file that has shrunk is out of bounds', async (t) => {
  const file = fileOf(100);
  await t.throwsAsync(new ReadAhead(file, 101).next(NOTHING), { instanceOf: OutOfBounds });
});

test('at the end nothing is being read any more', async (t) => {
  const file = fileOf(2 * PIECE_BYTES);
  let reading = 0;
  const read = async (into: Buffer, position: number): Promise<number> => {
    reading++;
    await new Promise(setImmediate);
    reading--;
    return file.read(into, position);
  };
  const pieces = new ReadAhead({ read }, file.bytes.length);
  await pieces.next(NOTHING);
  t.is(reading, 1);
  await pieces.end();
  t.is(reading, 0);
});

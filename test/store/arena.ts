/** The arena under random use: content, joining of what is free, and memory given back. */
import test from 'ava';
import { Arena, SEGMENT_SHIFT } from '../../lib/store/arena.js';
import { type Random, seededRandom } from '../../lib/util/random.js';
import { seed, seedOf } from '../support/seed.js';

const MIB = 2 ** 20;
/** What an empty arena may hold: the first segment, the one that is filled next, and one to spare. */
const HELD_EMPTY_MAX = 3 * 16 * MIB;

interface Block {
  ref: number;
  bytes: number;
  mark: number;
}

/** Fills what a block's owner may write with a mark. */
function fill(arena: Arena, { ref, bytes, mark }: Block): void {
  const start = Arena.byteOffset(ref);
  arena.bytes[ref >>> SEGMENT_SHIFT]!.fill(mark, start + 4, start + bytes);
}

function isIntact(arena: Arena, { ref, bytes, mark }: Block): boolean {
  const start = Arena.byteOffset(ref);
  const content = arena.bytes[ref >>> SEGMENT_SHIFT]!.subarray(start + 4, start + bytes);
  // Comparing with itself one place further on is native and so fast enough for megabytes.
  return content.length === 0 || (content[0] === mark && content.subarray(1).equals(content.subarray(0, -1)));
}

function below(random: Random, limit: number): number {
  return Math.floor(random.next() * limit);
}

/** Mostly small sizes, some in the way of the bitmaps' steps, few that take a segment of their own. */
function drawSize(random: Random): number {
  const kind = random.next();
  if (kind < 0.8) return 5 + below(random, 200);
  if (kind < 0.95) return 16 * (1 + below(random, 200)) + below(random, 3) - 1 + 5;
  if (kind < 0.9997) return 5 + below(random, 40_000);
  return 300_000 + below(random, 12_000_000);
}

function free(arena: Arena, blocks: Block[], index: number): Block {
  const block = blocks[index]!;
  blocks[index] = blocks[blocks.length - 1]!;
  blocks.pop();
  arena.free(block.ref);
  return block;
}

/** Bytes of all blocks that are in use, and of those that are free and of those in the lists, from their words. */
function walked(arena: Arena): { used: number; free: number; listed: number } {
  const { heads, topUnits } = arena as unknown as { heads: Int32Array; topUnits: number };
  const found = { used: 0, free: 0, listed: 0 };
  for (const words of arena.words) {
    for (let place = 0; place < words.length; ) {
      const bytes = (words[place]! >>> 2) * 16;
      if (words[place]! & 1) found.free += bytes;
      else found.used += bytes;
      place += bytes / 4;
    }
  }
  for (const head of heads) {
    for (let ref = head; ref !== 0; ref = wordsOf(arena, ref)[1]!) found.listed += (wordsOf(arena, ref)[0]! >>> 2) * 16;
  }
  // The rest of the newest segment and the block that is never given out are marked as in use.
  found.used -= (topUnits + 1) * 16;
  return found;
}

function wordsOf(arena: Arena, ref: number): Int32Array {
  return arena.words[ref >>> SEGMENT_SHIFT]!.subarray(Arena.byteOffset(ref) / 4);
}

test('blocks keep their content through 200,000 random allocations and frees', (t) => {
  const random = seededRandom(seedOf(t));
  const arena = new Arena();
  const blocks: Block[] = [];
  let spoilt = 0;
  let growing = true;
  for (let step = 0; step < 200_000; step++) {
    if (step % 20_000 === 0) growing = !growing;
    if (blocks.length === 0 || random.next() < (growing ? 0.7 : 0.4)) {
      const block = { ref: 0, bytes: drawSize(random), mark: below(random, 256) };
      block.ref = arena.allocate(block.bytes);
      if (block.ref <= 0 || arena.sizeOf(block.ref) < block.bytes) spoilt++;
      fill(arena, block);
      blocks.push(block);
    } else {
      const index = below(random, blocks.length);
      if (!isIntact(arena, blocks[index]!)) spoilt++;
      free(arena, blocks, index);
    }
    if (step % 10_000 > 0) continue;
    const { used, free: unused, listed } = walked(arena);
    t.is(arena.usedBytes, used, `step ${step}: what is counted is what there is`);
    t.is(listed, unused, `step ${step}: what is free is in the lists`);
  }
  t.is(spoilt, 0);
  t.is(arena.usedBytes, blocks.reduce((sum, { ref }) => sum + arena.sizeOf(ref), 0));
  while (blocks.length > 0) free(arena, blocks, below(random, blocks.length));
  t.is(arena.usedBytes, 0);
  t.true(arena.heldBytes <= HELD_EMPTY_MAX, `${arena.heldBytes} bytes are held`);
});

test('what is freed in any order joins again, whatever the sizes', (t) => {
  const random = seededRandom(seedOf(t));
  for (let round = 0; round < 5; round++) {
    const arena = new Arena();
    const blocks: Block[] = [];
    while (arena.heldBytes < 80 * MIB) {
      const bytes = 5 + below(random, 1 << (4 + below(random, 12)));
      blocks.push({ ref: arena.allocate(bytes), bytes, mark: 0 });
    }
    while (blocks.length > 0) free(arena, blocks, below(random, blocks.length));
    const before = arena.heldBytes;
    t.true(before <= HELD_EMPTY_MAX);
    // Half a segment is the largest block that shares one; two fit only into a segment that is whole again.
    for (let count = 0; count < 4; count++) arena.allocate(8 * MIB - 64);
    t.true(arena.heldBytes <= HELD_EMPTY_MAX, `round ${round}: ${arena.heldBytes} bytes, before ${before}`);
  }
});

test('the room of nine small blocks in ten serves larger ones', (t) => {
  const random = seededRandom(seedOf(t));
  const arena = new Arena();
  const refs = Array.from({ length: 800_000 }, () => arena.allocate(40 + below(random, 60)));
  const kept = refs.filter((ref) => {
    const isKept = random.next() < 0.1;
    if (!isKept) arena.free(ref);
    return isKept;
  });
  const held = arena.heldBytes;
  const room = held - arena.usedBytes;
  let placed = 0;
  while (arena.heldBytes === held) {
    arena.allocate(300);
    placed += 300;
  }
  t.true(placed > room * 0.6, `${placed} of ${room} free bytes were used again`);
  t.true(kept.length > 0);
});

test('two fresh arenas give the same refs: allocation draws nothing', (t) => {
  const refs = [0, 1].map(() => {
    const random = seededRandom(seed);
    const arena = new Arena();
    return Array.from({ length: 1000 }, () => arena.allocate(drawSize(random)));
  });
  t.deepEqual(refs[0], refs[1]);
});

test('segments that become empty go back one at a time, when somebody sees to it', (t) => {
  const arena = new Arena();
  let told = 0;
  arena.onEmptied = () => told++;
  const fillSegments = (): number[] => Array.from({ length: 10 }, () => arena.allocate(8 * MIB - 64));
  for (const ref of fillSegments()) arena.free(ref);
  const held = arena.heldBytes;
  t.is(told, 1);
  t.true(held >= 5 * 16 * MIB, 'nothing has gone back yet');
  t.true(arena.releaseEmptied());
  t.is(arena.heldBytes, held - 16 * MIB);
  for (const ref of fillSegments()) arena.free(ref);
  t.is(arena.heldBytes, held, 'what was on its way back is used again');
  while (arena.releaseEmptied());
  t.true(arena.heldBytes <= HELD_EMPTY_MAX);
  told = 0;
  for (const ref of fillSegments()) arena.free(ref);
  t.is(told, 1);
  arena.releaseSpares();
  t.true(arena.heldBytes <= HELD_EMPTY_MAX);
  t.false(arena.releaseEmptied());
});

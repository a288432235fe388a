/** How much memory a node uses and what for: the figures behind INFO and MEMORY. */
import type { Context } from './context.js';

/** In bytes. */
export interface MemoryUse {
  /** All that data, index, connections and program need now. */
  used: number;
  /** The part of `used` that is not in the arena. */
  overhead: number;
  /** The part of `used` that is in the arena: buckets and their indexes. */
  data: number;
  /** `used` and what is kept for the next use. */
  held: number;
  /** What the system counts as this process's. */
  resident: number;
  /** `used` at most, as far as somebody looked. */
  peak: number;
  heapUsed: number;
  heapHeld: number;
}

/** The figures at this moment; notes a new peak. */
export function memoryUse({ store: { arena }, node: { stats } }: Pick<Context, 'store' | 'node'>): MemoryUse {
  const { rss, heapTotal, heapUsed, external } = process.memoryUsage();
  // Memory of the arena is among what V8 calls external; of it only what blocks take is used.
  const overhead = heapUsed + Math.max(0, external - arena.heldBytes);
  const used = overhead + arena.usedBytes;
  stats.usedBytesPeak = Math.max(stats.usedBytesPeak, used);
  return {
    used, overhead, data: arena.usedBytes, held: heapTotal + external, resident: rss, peak: stats.usedBytesPeak,
    heapUsed, heapHeld: heapTotal,
  };
}

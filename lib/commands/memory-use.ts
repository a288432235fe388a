/** How much memory a node uses and what for: the figures behind INFO and MEMORY. */
import type { Context } from './context.js';

/** In bytes. */
export interface MemoryUse {
  /** What counts against `maxmemory`: the data, their indexes, and what waits in clients' buffers. */
  used: number;
  /** The parts of `used` that are not data: the databases' indexes, and requests and replies in buffers. */
  indexes: number;
  clients: number;
  /** The rest of `used`: buckets. */
  data: number;
  /** `used` at most, as far as somebody looked. */
  peak: number;
  /** What the arena holds for `used`: blocks that are free and spare segments are in it too. */
  held: number;
  /** What the program itself takes besides: V8's heap and the buffers of connections. */
  program: number;
  heapUsed: number;
  heapHeld: number;
  /** What the system counts as this process's. */
  resident: number;
}

/** The figures at this moment; notes a new peak. */
export function memoryUse({ store, node }: Pick<Context, 'store' | 'node'>): MemoryUse {
  const { arena } = store;
  const { rss, heapTotal, heapUsed, external } = process.memoryUsage();
  const clients = [...node.clients.values()].reduce((sum, each) => sum + each.bufferBytes(), 0);
  const indexes = store.keyspaces.reduce((sum, db) => sum + db.indexBytes + db.expiringIndexBytes, 0);
  const used = store.usedBytes + clients;
  node.stats.usedBytesPeak = Math.max(node.stats.usedBytesPeak, used);
  return {
    used, indexes, clients, data: used - indexes - clients, peak: node.stats.usedBytesPeak,
    held: arena.heldBytes + arena.besideBytes + clients,
    // Memory of the arena is among what V8 calls external.
    program: Math.max(0, heapUsed + external - arena.heldBytes - arena.besideBytes),
    heapUsed, heapHeld: heapTotal, resident: rss,
  };
}

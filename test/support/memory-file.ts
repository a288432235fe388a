/** A file in memory, to be written as a snapshot and read again. */
import type { ReadableFile } from '../../lib/persistence/read-ahead.js';
import type { WritableFile } from '../../lib/persistence/snapshot.js';

export class MemoryFile implements ReadableFile, WritableFile {
  bytes: Buffer = Buffer.alloc(0);
  syncs = 0;
  /** At most so many bytes are written, or read, at a time. */
  most = Infinity;
  failure: Error | undefined;

  async write(pieces: readonly Buffer[], position: number): Promise<number> {
    await new Promise(setImmediate);
    if (this.failure !== undefined) throw this.failure;
    const all = Buffer.concat(pieces);
    const taken = all.subarray(0, this.most);
    this.bytes = Buffer.concat([this.bytes.subarray(0, position), taken]);
    return taken.length;
  }

  sync(): Promise<void> {
    this.syncs++;
    return Promise.resolve();
  }

  read(into: Buffer, position: number): Promise<number> {
    const end = Math.min(this.bytes.length, position + Math.min(into.length, this.most));
    return Promise.resolve(this.bytes.copy(into, 0, position, end));
  }
}

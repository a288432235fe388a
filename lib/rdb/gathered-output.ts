/**
 * Serialised bytes that have to wait for their place in a file: what is written while a value is not complete, for
 * behind it or for inside it. They gather in blocks, so that none is copied as they become more.
 */
import { RdbOutput } from './rdb-output.js';

const BLOCK_BYTES = 128 * 1024;

export class GatheredOutput {
  readonly output: RdbOutput;
  private blocks: Buffer[] = [];
  private blockBytes = 0;

  constructor(compresses: boolean) {
    this.output = new RdbOutput(compresses);
  }

  get byteCount(): number {
    return this.blockBytes + this.output.length;
  }

  /** Call it after each writing to `output`. */
  gather(): void {
    if (this.output.length < BLOCK_BYTES) return;
    this.blockBytes += this.output.length;
    this.blocks.push(this.output.takeBytes());
  }

  /** All there is, in order; it is the caller's. */
  take(): Buffer[] {
    const { blocks } = this;
    this.blocks = [];
    this.blockBytes = 0;
    if (this.output.length > 0) blocks.push(this.output.takeBytes());
    return blocks;
  }
}

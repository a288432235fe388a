/** Serialised bytes that wait for their place in a file. They gather in blocks, so that none is copied as they grow. */
import { RdbOutput } from './rdb-output.js';

const BLOCK_BYTES = 128 * 1024;

export class GatheredOutput {
  readonly output: RdbOutput;
  private blocks: Buffer[] = [];

  constructor(compresses: boolean) {
    this.output = new RdbOutput(compresses);
  }

  /** Call it after each writing to `output`. */
  gather(): void {
    if (this.output.length >= BLOCK_BYTES) this.blocks.push(this.output.takeBytes());
  }

  /** All there is, in order; it is the caller's. */
  take(): Buffer[] {
    const { blocks } = this;
    this.blocks = [];
    if (this.output.length > 0) blocks.push(this.output.takeBytes());
    return blocks;
  }
}

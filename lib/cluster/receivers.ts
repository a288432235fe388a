/** Who gets the replies that come over a peer link, where it is not a client in its place. */
import type { Receiver } from '../commands/context.js';

/** A reply to `Asked` is not longer. */
const ASKED_BYTES_MAX = 256 * 1024;

/** Takes one short reply of the node's own and gives its text. */
export class Answered implements Receiver {
  wanted = 1;
  private text = '';

  constructor(
    private readonly then: (text: string) => void,
    private readonly failed: () => void = () => undefined,
  ) {}

  deliver(bytes: Buffer, start: number, end: number, whole: number): void {
    this.wanted -= whole;
    this.text += bytes.toString('latin1', start, end);
    if (this.wanted > 0) return;
    if (this.text.startsWith('-')) this.failed();
    else this.then(this.text.slice(1, -2));
  }

  fail(): void {
    this.wanted = 0;
    this.failed();
  }

  tear(): void {
    this.fail();
  }

  extend(): boolean {
    return false;
  }
}

/** Takes the one reply to a request of the introduction, which is short. */
export class Asked implements Receiver {
  wanted = 1;
  private readonly parts: Buffer[] = [];
  private byteCount = 0;

  constructor(
    private readonly then: (reply: Buffer) => void,
    private readonly isTooLong: () => void,
  ) {}

  deliver(bytes: Buffer, start: number, end: number, whole: number): void {
    this.byteCount += end - start;
    if (this.byteCount > ASKED_BYTES_MAX) return this.isTooLong();
    this.parts.push(Buffer.from(bytes.subarray(start, end)));
    if (whole > 0) this.then(Buffer.concat(this.parts));
  }

  fail(): void {
    this.wanted = 0;
  }

  tear(): void {
    this.fail();
  }

  extend(): boolean {
    return false;
  }
}

/** A gate in front of a node: what its peers send can be held back, so that a test meets a moment exactly. */
import { type Dial, dial } from '../../lib/cluster/wire.js';

/** Holds back what comes from peers while `isClosed`. */
export class Gate {
  isClosed = false;
  private held: { text: string; pass: () => void }[] = [];

  readonly dial: Dial = (address, events) => dial(address, {
    ...events,
    onChunk: (chunk) => {
      if (!this.isClosed) return events.onChunk(chunk);
      const copy = Buffer.from(chunk);
      this.held.push({ text: copy.toString('latin1'), pass: () => events.onChunk(copy) });
    },
  });

  has(text: string): boolean {
    return this.held.some((each) => each.text.includes(text));
  }

  /** Lets pass what has come until now. */
  letPass(): void {
    for (const { pass } of this.held.splice(0)) pass();
  }
}

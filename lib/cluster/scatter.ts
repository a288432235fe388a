/**
 * A scattered command: one request that concerns several shards. Its parts run on each of them, here or on peers, and
 * when the last reply is there they are merged into the one that the client gets.
 */
import type { PeerLink } from './peer-link.js';
import type { Deferred } from '../commands/context.js';
import { CommandError } from '../errors.js';

/** One shard's share of a scattered command, and later its reply. */
export class Part implements Deferred {
  wanted = 1;
  onAbandoned: (() => void) | undefined;
  /** The other parts go on, so this one does. */
  readonly isAbandoned = false;
  private readonly pieces: Buffer[] = [];

  constructor(
    private readonly scatter: Scatter,
    /** The node that runs this part. */
    readonly node: string,
    /** Which of the request's keys it has, counted from 0. */
    readonly keys: readonly number[] = [],
  ) {}

  get reply(): Buffer {
    return this.pieces.length === 1 ? this.pieces[0]! : Buffer.concat(this.pieces);
  }

  get isError(): boolean {
    return this.reply[0] === MINUS;
  }

  deliver(bytes: Buffer, start: number, end: number, whole: number): void {
    this.pieces.push(Buffer.from(bytes.subarray(start, end)));
    if (whole > 0) this.finish();
  }

  complete(pieces: readonly Buffer[]): void {
    this.pieces.push(...pieces);
    this.finish();
  }

  fail(error: string): void {
    this.pieces.length = 0;
    this.pieces.push(Buffer.from(`-${error}\r\n`, 'latin1'));
    this.finish();
  }

  tear(): void {
    this.fail(`PEERLOST ${this.node}: the connection was lost in the middle of the reply`);
  }

  extend(): boolean {
    return false;
  }

  /** Sends this part to a peer; a peer that is down fails the part. */
  send(link: PeerLink, request: Buffer, start = 0, end = request.length): void {
    try {
      link.send(this, request, start, end);
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      this.fail(error.message);
    }
  }

  private finish(): void {
    this.wanted = 0;
    this.scatter.partDone();
  }
}

/** Makes one reply of the parts' replies, none of which is an error. */
export type MergeParts = (parts: readonly Part[]) => Buffer[];

/** For a scatter that ends with the client's reply: the parts merged, or the first failure among them. */
export function answer(deferred: Deferred, merge: MergeParts): (parts: readonly Part[]) => void {
  return (parts) => deferred.complete(failureOf(parts) ?? merge(parts));
}

export class Scatter {
  readonly parts: Part[] = [];
  private missing = 0;
  private isWhole = false;

  constructor(private readonly onDone: (parts: readonly Part[]) => void) {}

  add(node: string, keys: readonly number[] = []): Part {
    const part = new Part(this, node, keys);
    this.parts.push(part);
    this.missing++;
    return part;
  }

  /** All parts have been added and sent. */
  close(): void {
    this.isWhole = true;
    this.completeIfDone();
  }

  partDone(): void {
    this.missing--;
    this.completeIfDone();
  }

  private completeIfDone(): void {
    if (this.isWhole && this.missing === 0) this.onDone(this.parts);
  }
}

const MINUS = 45;

/**
 * The first part's error, with the name of the node that it comes from; without, when all parts say the same, because
 * then it is the request that is wrong.
 */
export function failureOf(parts: readonly Part[]): Buffer[] | undefined {
  const failed = parts.find((part) => part.isError);
  if (failed === undefined) return undefined;
  const { reply } = failed;
  const text = reply.toString('latin1').trimEnd();
  if (text.startsWith('-PEER') || parts.every((part) => part.reply.equals(reply))) return [reply];
  return [Buffer.from(`${text} (on ${failed.node})\r\n`, 'latin1')];
}

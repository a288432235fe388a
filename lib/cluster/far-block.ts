/**
 * A client that waits at one other node, which owns all its keys (BLPOP, BLMOVE, XREAD, ...). The request goes there as
 * it came, over a link of its own, and the link stands in that node's queues as any client of that node does: so the
 * client is served by the same rules, and in the same order, as one that is connected there.
 *
 *     request          ->   waits there (execution/blocking.ts), or is answered at once
 *     CLIENT UNBLOCK   ->   PEER UNBLOCK, behind the request: the reply is what was taken before it, or that there was
 *                           nothing
 *     the client goes  ->   PEER UNBLOCK too. What was taken before it arrived goes back to where it was: nobody has it
 *     the link is lost      PEERLOST: what was on its way then is lost with it, as it is to a client of Redis
 *
 * Keys on several nodes: far-wait.ts and far-read.ts.
 */
import type { Peer } from './peer.js';
import type { PeerLink } from './peer-link.js';
import { Answered } from './receivers.js';
import type { Deferred, Receiver } from '../commands/context.js';
import type { Command } from '../commands/table.js';
import { unblocked } from '../errors.js';
import type { Unblockable } from '../execution/blocking.js';
import type { Session } from '../execution/session.js';
import type { TrackedAway } from '../execution/tracked-commands.js';
import { type Args, encodeRequest } from '../protocol/args.js';
import { textsOf } from '../protocol/reply-texts.js';

/** How to put back what a command has taken; it answers the name of the bucket and what it took, in any nesting. */
type PutBack = (key: Buffer, taken: Buffer[], args: readonly Buffer[]) => (string | Buffer)[];

const pushed = (word: string): PutBack => (key, taken) => [word, key, ...taken.reverse()];
const scored: PutBack = (key, taken) => ['ZADD', key, ...taken.map((_, at) => taken[at ^ 1]!)];
const PUT_BACK: Readonly<Partial<Record<string, PutBack>>> = {
  blpop: pushed('LPUSH'), brpop: pushed('RPUSH'), bzpopmin: scored, bzpopmax: scored, bzmpop: scored,
  blmpop: (key, taken, args) => pushed(isFromTail(args) ? 'RPUSH' : 'LPUSH')(key, taken, args),
};

/** BLMPOP timeout numkeys key ... LEFT|RIGHT. */
function isFromTail(args: readonly Buffer[]): boolean {
  return args[3 + Number(args[2]!.toString('latin1'))]!.toString('latin1').toUpperCase() === 'RIGHT';
}

export class FarBlock implements Receiver, Unblockable {
  wanted = 1;
  private readonly link: PeerLink;
  private readonly deferred: Deferred;
  private readonly tracked: TrackedAway | undefined;
  private readonly putBack: PutBack | undefined;
  /** The request, where something may have to be put back. */
  private readonly words: Buffer[];
  /** A part of the reply has gone to the client. */
  private hasBegun = false;
  /** What has come of a reply that nobody will get. */
  private readonly unread: Buffer[] = [];

  /** Throws a CommandError when the peer is down or has too much to do: then nothing was sent. */
  constructor(private readonly session: Session, command: Command, args: Args, private readonly peer: Peer) {
    this.link = peer.borrow(session.db.index, session.protocol, false);
    this.link.prepare();
    this.putBack = peer.address.kind === 'redis' ? undefined : PUT_BACK[command.name];
    this.words = this.putBack === undefined ? [] : Array.from({ length: args.count }, (_, index) => args.copy(index));
    this.tracked = session.node.trackedCommands.away(session, command, args);
    this.deferred = session.defer(true);
    this.deferred.onAbandoned = () => this.abandon();
    if (peer.address.kind !== 'redis') session.waiting = this;
    const { tracked } = this;
    if (tracked !== undefined) this.link.send(new Answered(() => undefined, tracked.failed), tracked.preface);
    this.link.send(this, args.bytes, args.start, args.end);
  }

  get isWaiting(): boolean {
    return this.wanted > 0;
  }

  // ---- the reply

  deliver(bytes: Buffer, start: number, end: number, whole: number): void {
    this.wanted -= whole;
    if (this.hasBegun || !this.deferred.isAbandoned) {
      this.hasBegun = true;
      this.deferred.deliver(bytes, start, end, whole);
    } else this.unread.push(Buffer.from(bytes.subarray(start, end)));
    if (whole === 0) return;
    if (this.unread.length > 0) this.restore(Buffer.concat(this.unread));
    this.tracked?.answered();
    this.rest();
  }

  fail(error: string): void {
    this.wanted = 0;
    this.deferred.fail(error);
  }

  tear(): void {
    this.wanted = 0;
    this.deferred.tear();
  }

  extend(): boolean {
    return false;
  }

  // ---- the end

  unblock(withError: boolean): void {
    if (this.link.state === 'up') return this.tellEnd(withError);
    // Nothing has left yet.
    this.wanted = 0;
    const nothing = this.session.protocol === 3 ? '_\r\n' : '*-1\r\n';
    this.deferred.complete([Buffer.from(withError ? `-${unblocked().message}\r\n` : nothing)]);
    this.link.close('the client does not wait any more');
  }

  private tellEnd(withError: boolean): void {
    const done = (): void => this.rest();
    this.link.tell(new Answered(done, done), encodeRequest(['PEER', 'UNBLOCK', withError ? 'ERROR' : 'TIMEOUT']));
  }

  private abandon(): void {
    const mayHaveTaken = this.putBack !== undefined && !this.hasBegun && this.link.state === 'up';
    if (mayHaveTaken) this.tellEnd(false);
    else this.link.close('the client has gone');
  }

  /** Puts back what was taken for a client that had gone. */
  private restore(reply: Buffer): void {
    const [key, ...taken] = textsOf(reply);
    if (this.putBack === undefined || key === undefined || taken.length === 0) return;
    const failed = (): void => {
      const { log } = this.session.node;
      log.warning(`${this.peer.name} did not take back what it had given to a client that has gone: ${taken.length} elements are lost`);
      this.rest();
    };
    this.link.tell(new Answered(() => this.rest(), failed), encodeRequest(this.putBack(key, taken, this.words)));
  }

  /** The link rests when nothing is on its way over it. */
  private rest(): void {
    if (this.wanted === 0 && this.link.inFlight === 0 && this.link.state === 'up') this.peer.giveBack(this.link, true);
  }
}

/**
 * A client that waits on several shards for something to take (BLPOP, BZPOPMIN, ...); where one shard owns all its keys
 * it waits there (far-block.ts). Nothing is taken for it that it does not get: its shards do not take, they say that
 * there is something.
 *
 *     try      each shard in the order of the keys is asked for what it has, as MULTI, the command, EXEC: in a
 *              transaction nobody waits. Whoever has something ends it, an error too
 *     wait     each shard is sent PEER AWAIT <type> <keys> and answers when one of them is ready; this node's own keys
 *              are waited for in execution/blocking.ts
 *     try      the shard that was first to answer is asked for that key. If somebody else was faster, it is sent AWAIT
 *              again; meanwhile others may have answered
 *
 * So CLIENT UNBLOCK, the end of the time, a client that leaves and a link that is lost while it waits cost no element:
 * only a link or a client that is lost between the last request and its reply does, as with redis-server.
 *
 * Order. A shard that has answered serves nobody else who waits for that bucket until the try has come, so that a
 * client here has its turn among those who came to the shard itself (for a second at most; then the queue goes on).
 * So what is promised is: whoever came first to a bucket is served first, at whichever node. Three things differ from
 * one node: a plain LPOP may come between, which sends the client to the end of that queue; the first shard that
 * answers counts, not the first whose bucket became ready; and only the bucket itself stands still, so somebody who
 * waits for it behind the client may be served first from another bucket that the same transaction made ready.
 *
 * Shards that are plain Redis servers cannot say that something is ready: a command for them and others is refused with
 * CROSSSLOT.
 */
import { BorrowedLinks } from './borrowed-links.js';
import type { Peer } from './peer.js';
import { DOUBT } from './peer-link.js';
import { Answered } from './receivers.js';
import { type Part, Scatter } from './scatter.js';
import { behindHeader, integerOf } from './merge.js';
import type { Deferred, Wait } from '../commands/context.js';
import type { Command } from '../commands/table.js';
import { readTimeout } from '../commands/waiting.js';
import { unblocked } from '../errors.js';
import type { Unblockable, Waiter } from '../execution/blocking.js';
import type { Session } from '../execution/session.js';
import type { TrackedAway } from '../execution/tracked-commands.js';
import { Args, encodeRequest, setArgs } from '../protocol/args.js';
import { LIST, SORTED_SET } from '../store/entry.js';
import { callAt } from '../util/call-at.js';

const MULTI = encodeRequest(['MULTI']);
const EXEC = encodeRequest(['EXEC']);
const NOTHING = new Set(['*-1\r\n', '$-1\r\n', '_\r\n']);
const STAR = 42;
const MINUS = 45;

/** Where a command has its timeout and its keys, and what they must hold. */
interface Shape {
  type: number;
  /** The place of the timeout; -1: the last. */
  timeout: number;
  /** The place of the number of keys; 0: there is none. */
  numkeys: number;
}

const list: Shape = { type: LIST, timeout: -1, numkeys: 0 };
const sortedSet: Shape = { ...list, type: SORTED_SET };
const SHAPES: Readonly<Partial<Record<string, Shape>>> = {
  blpop: list, brpop: list, bzpopmin: sortedSet, bzpopmax: sortedSet,
  blmpop: { ...list, timeout: 1, numkeys: 2 }, bzmpop: { ...sortedSet, timeout: 1, numkeys: 2 },
};

/** Whether a command waits in this way. */
export function waitsToTake(command: Command): boolean {
  return SHAPES[command.name] !== undefined;
}

/** What a wait needs of the router. */
export interface WaitRouter {
  /** What this node answers to a command that must not wait. */
  answerNow(session: Session, command: Command, args: Args): Buffer;
}

/** A key with the peer that owns it; undefined for this node. */
export interface PlacedKey {
  readonly position: number;
  readonly peer: Peer | undefined;
}

/** Some of the keys, all on one shard. */
interface Share {
  readonly peer: Peer | undefined;
  readonly names: Buffer[];
}

export class FarWait implements Unblockable {
  isWaiting = true;
  private readonly shape: Shape;
  private readonly words: Buffer[];
  private readonly head: number;
  private readonly tail: number;
  /** The keys as they stand, those beside each other of one shard together. */
  private readonly runs: Share[] = [];
  /** The keys by shard. */
  private readonly shares = new Map<Peer | undefined, Share>();
  private readonly links: BorrowedLinks;
  private readonly deferred: Deferred;
  private readonly tracked: TrackedAway | undefined;
  private waiter: Waiter | undefined;
  private cancelTimer: (() => void) | undefined;
  /** A shard is being asked for what it has. */
  private isTrying = false;
  /** Shards that have said that something is ready, and are to be asked. */
  private readonly ready: Share[] = [];
  /** What the client is told when there is nothing to take after all, because its waiting is over. */
  private verdict: Buffer | undefined;

  constructor(
    private readonly router: WaitRouter, private readonly session: Session, private readonly command: Command,
    args: Args, keys: readonly PlacedKey[],
  ) {
    this.links = new BorrowedLinks(session);
    this.shape = SHAPES[command.name]!;
    this.words = Array.from({ length: args.count }, (_, index) => args.copy(index));
    this.head = keys[0]!.position;
    this.tail = keys[keys.length - 1]!.position + 1;
    for (const { position, peer } of keys) {
      const name = this.words[position]!;
      const run = this.runs[this.runs.length - 1];
      if (run !== undefined && run.peer === peer) run.names.push(name);
      else this.runs.push({ peer, names: [name] });
      const share = this.shares.get(peer);
      if (share === undefined) this.shares.set(peer, { peer, names: [name] });
      else share.names.push(name);
    }
    this.tracked = session.node.trackedCommands.away(session, command, args);
    this.borrowLinks();
    this.deferred = session.defer(true);
    this.deferred.onAbandoned = () => this.close();
    session.waiting = this;
    this.tryRun(0);
  }

  /** Before anything is sent. Throws for a peer that is down. */
  private borrowLinks(): void {
    try {
      for (const each of this.shares.keys()) if (each !== undefined) this.links.to(each);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  // ---- trying

  private tryRun(index: number): void {
    const run = this.runs[index];
    if (run === undefined) return this.wait();
    this.try(run, () => this.tryRun(index + 1));
  }

  /** Asks a shard for what it has of some keys; calls `none` when it has nothing. */
  private try(share: Share, none: () => void): void {
    // The client may have gone a moment ago.
    if (this.deferred.isAbandoned) return this.close();
    this.isTrying = true;
    if (share.peer !== undefined) this.links.release(share.peer);
    this.ask(share, (reply) => {
      this.isTrying = false;
      if (!NOTHING.has(reply.toString('latin1', 0, 5))) return this.finish(reply);
      if (this.verdict !== undefined) this.finish(this.verdict);
      else none();
    });
  }

  private ask({ peer, names }: Share, then: (reply: Buffer) => void): void {
    const request = this.requestFor(names);
    if (peer === undefined) {
      return then(this.router.answerNow(this.session, this.command, setArgs(new Args(), request)));
    }
    const link = this.links.to(peer);
    link.isTimed = true;
    const scatter = new Scatter(([multi, queued, exec]) => {
      if (!this.isWaiting) return;
      const failed = [multi!, queued!].find((part) => part.isError) ?? exec!;
      // An array with the one reply.
      const { reply } = failed;
      then(reply[0] === STAR && integerOf(reply) === 1n ? reply.subarray(behindHeader(reply)) : reply);
    });
    for (const each of [MULTI, encodeRequest(request)]) scatter.add(peer.name).send(link, each);
    // Whose change it is, for a client that is not to be told of its own (CLIENT TRACKING NOLOOP).
    const { tracked } = this;
    if (tracked !== undefined) link.tell(new Answered(() => undefined, tracked.failed), tracked.preface);
    scatter.add(peer.name).send(link, EXEC);
    scatter.close();
  }

  /** The command with some of its keys. */
  private requestFor(names: readonly Buffer[]): Buffer[] {
    const { words, shape } = this;
    const head = words.slice(0, this.head);
    if (shape.numkeys > 0) head[shape.numkeys] = Buffer.from(String(names.length));
    return [...head, ...names, ...words.slice(this.tail)];
  }

  // ---- waiting

  /** Nothing is there: the arguments were right, or there would have been an error. */
  private wait(): void {
    const { session, shape, words } = this;
    const at = shape.timeout < 0 ? words.length - 1 : shape.timeout;
    const untilMs = readTimeout(session, setArgs(new Args(), words), at);
    if (untilMs > 0) this.cancelTimer = callAt(session.node.clock, untilMs, () => this.unblock(false));
    for (const share of this.shares.values()) this.awaitShare(share);
  }

  private awaitShare(share: Share): void {
    const { peer, names } = share;
    const scatter = new Scatter(([part]) => {
      if (!this.isWaiting) return;
      const { reply } = part!;
      if (reply[0] === MINUS) return this.finish(withoutDoubt(reply));
      if (peer !== undefined) this.links.hold(peer);
      this.onReady({ peer, names: [names[Number(integerOf(reply))]!] });
    });
    const part = scatter.add(peer?.name ?? '');
    if (peer === undefined) {
      this.awaitHere(names.map((name) => name.toString('latin1')), part);
    } else {
      const link = this.links.to(peer);
      link.isTimed = false;
      part.send(link, encodeRequest(['PEER', 'AWAIT', String(this.shape.type), ...names]));
    }
    scatter.close();
  }

  /** As a peer does for PEER AWAIT. */
  private awaitHere(keys: readonly string[], part: Part): void {
    const { session, shape: { type } } = this;
    const { waits } = session.node;
    // Something may have come while others were asked.
    const ready = waits.firstReady(session.db, keys, type);
    if (ready >= 0) return part.complete([Buffer.from(`:${ready}\r\n`)]);
    const retry: Wait['retry'] = (_context, key, reply) => {
      reply.integer(keys.indexOf(key.text()));
      return true;
    };
    this.waiter = waits.add(session, { keys, type, untilMs: 0, retry }, part);
  }

  private onReady(share: Share): void {
    if (this.isTrying) {
      this.ready.push(share);
      return;
    }
    this.try(share, () => {
      this.awaitShare(this.shares.get(share.peer)!);
      const next = this.ready.shift();
      if (next !== undefined) this.onReady(next);
    });
  }

  // ---- the end

  unblock(withError: boolean): void {
    this.verdict = Buffer.from(withError ? `-${unblocked().message}\r\n` : this.session.protocol === 3 ? '_\r\n' : '*-1\r\n');
    // What is being asked for may be on its way: then that is the reply.
    if (!this.isTrying) this.finish(this.verdict);
  }

  private finish(reply: Buffer): void {
    if (!this.isWaiting) return;
    this.close();
    this.deferred.complete([reply]);
  }

  private close(): void {
    this.isWaiting = false;
    this.cancelTimer?.();
    if (this.waiter !== undefined) this.session.node.waits.leave(this.waiter);
    this.links.giveBack();
  }
}

/** What is said when a link is lost over which nothing was taken. */
export function withoutDoubt(error: Buffer): Buffer {
  return Buffer.from(error.toString('latin1').replace(DOUBT, 'nothing was taken'), 'latin1');
}

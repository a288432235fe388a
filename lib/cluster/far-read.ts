/**
 * A client that reads streams of several shards, with XREAD or XREADGROUP, and may wait for them.
 *
 *     check    XREADGROUP: each shard is asked whether its groups are there, by a read of what is pending behind the
 *              last ID there is. With one missing nothing is delivered, as on one node
 *     pin      XREAD BLOCK: `$` is the newest entry of this moment; the shards say which that is
 *     read     all shards are asked in the order of the streams, and what they have makes one reply
 *     wait     nobody has anything: each shard is sent PEER READABLE <request> and answers which stream has something
 *              when one has; this node's own streams are waited for in execution/blocking.ts
 *     read     that stream alone. If somebody else was faster (XREADGROUP), its shard is sent READABLE again
 *
 * XREAD takes nothing, so nothing can be lost by it. XREADGROUP delivers: while it waits, to one stream's reader only,
 * and what a lost link or client does not get any more is pending with the consumer, who reads it again from ID 0, as
 * after any lost connection. A group that is removed between check and read makes the reply an error although other
 * shards have delivered: that is pending too.
 *
 * As for those who take (far-wait.ts), a shard that has answered serves nobody else who waits in the group until the
 * read has come. Shards that are plain Redis servers are read, but not waited for together with others.
 */
import { BorrowedLinks } from './borrowed-links.js';
import { type PlacedKey, type WaitRouter, withoutDoubt } from './far-wait.js';
import { behindHeader, concatenated, integerOf } from './merge.js';
import type { Peer } from './peer.js';
import { Answered } from './receivers.js';
import { type Part, Scatter } from './scatter.js';
import type { Deferred } from '../commands/context.js';
import { type Reading, awaitReadable, readRequest, waitedCount } from '../commands/stream-read.js';
import type { Command } from '../commands/table.js';
import { CommandError, unblocked } from '../errors.js';
import type { Unblockable } from '../execution/blocking.js';
import type { Session } from '../execution/session.js';
import type { TrackedAway } from '../execution/tracked-commands.js';
import { Args, encodeRequest, setArgs } from '../protocol/args.js';
import { ReplyFramer } from '../protocol/reply-framer.js';
import { ReplyWriter } from '../protocol/reply-writer.js';
import type { Slice } from '../util/bytes.js';
import { callAt } from '../util/call-at.js';

/** What is pending behind it is nothing, and it is not the ID that stands for new entries. */
const BEHIND_ALL = '18446744073709551615-18446744073709551614';
const NOTHING = new Set(['*-1\r\n', '_\r\n']);
const MINUS = 45;

/** One stream that is read, from behind an ID on. */
interface Source {
  readonly name: Buffer;
  after: string;
}

/** Streams of one shard; `peer` is undefined for this node. */
interface Share {
  readonly peer: Peer | undefined;
  readonly sources: Source[];
}

export class FarRead implements Unblockable {
  isWaiting = true;
  private readonly reading: Reading;
  private readonly isForGroup: boolean;
  /** The streams as they stand, those beside each other of one shard together. */
  private readonly runs: Share[] = [];
  /** The streams by shard. */
  private readonly shares: Share[] = [];
  private readonly links: BorrowedLinks;
  private readonly tracked: TrackedAway | undefined;
  private deferred!: Deferred;
  /** Ends what is waited for on this node. */
  private leaveHere: (() => void) | undefined;
  private cancelTimer: (() => void) | undefined;
  private isReading = false;
  /** What shards have said to be readable meanwhile. */
  private readonly ready: (() => void)[] = [];
  /** What the client is told when there is nothing, because its waiting is over. */
  private verdict: Buffer | undefined;

  /** Throws what is wrong with the request itself. */
  constructor(
    private readonly router: WaitRouter, private readonly session: Session, private readonly command: Command,
    args: Args, keys: readonly PlacedKey[],
  ) {
    this.links = new BorrowedLinks(session);
    this.isForGroup = command.name === 'xreadgroup';
    this.reading = readRequest(session, args, this.isForGroup);
    for (const { position, peer } of keys) {
      const source = { name: args.copy(position), after: args.text(position + this.reading.keyCount) };
      const last = this.runs[this.runs.length - 1];
      if (last !== undefined && last.peer === peer) last.sources.push(source);
      else this.runs.push({ peer, sources: [source] });
      const share = this.shares.find((each) => each.peer === peer);
      if (share === undefined) this.shares.push({ peer, sources: [source] });
      else share.sources.push(source);
    }
    this.tracked = session.node.trackedCommands.away(session, command, args);
  }

  get mayWait(): boolean {
    return this.reading.untilMs !== undefined;
  }

  /** Throws for a peer that is down, before anything is sent. */
  start(): void {
    try {
      for (const { peer } of this.shares) if (peer !== undefined) this.links.to(peer);
    } catch (error) {
      this.close();
      throw error;
    }
    this.deferred = this.session.defer(true);
    this.deferred.onAbandoned = () => this.close();
    if (this.mayWait) this.session.waiting = this;
    if (this.isForGroup) this.check();
    else if (this.mayWait) this.pin();
    else this.readAll();
  }

  // ---- before anything is read

  private check(): void {
    const requests = this.shares.map(({ peer, sources }) => {
      return { peer, words: this.request(sources.map(({ name }) => ({ name, after: BEHIND_ALL })), 1) };
    });
    this.askAll(requests, () => this.readAll());
  }

  private pin(): void {
    const open = this.runs.flatMap(({ peer, sources }) => {
      return sources.filter(({ after }) => after === '$').map((source) => ({ peer, source }));
    });
    const requests = open.map(({ peer, source }) => ({ peer, words: ['XREVRANGE', source.name, '+', '-', 'COUNT', '1'] }));
    this.askAll(requests, (replies) => {
      for (const [index, { source }] of open.entries()) source.after = newestId(replies[index]!);
      this.readAll();
    });
  }

  // ---- reading

  private readAll(): void {
    const requests = this.runs.map(({ peer, sources }) => ({ peer, words: this.request(sources, this.reading.count) }));
    this.read(requests, () => (this.mayWait ? this.wait() : this.finish(this.nothing())));
  }

  /** Sends requests that may find something; calls `none` when they do not. */
  private read(requests: readonly Request[], none: () => void): void {
    this.isReading = true;
    this.askAll(requests, (replies) => {
      this.isReading = false;
      const found = replies.filter((reply) => !NOTHING.has(reply.toString('latin1', 0, 5)));
      if (found.length > 0) this.finish(Buffer.concat(concatenated(found)));
      else if (this.verdict !== undefined) this.finish(this.verdict);
      else none();
    });
  }

  /** Calls `then` with the replies to requests, in their order; with an error among them the client gets that. */
  private askAll(requests: readonly Request[], then: (replies: Buffer[]) => void): void {
    // The client may have gone a moment ago.
    if (this.deferred.isAbandoned) return this.close();
    const scatter = new Scatter((parts) => {
      if (!this.isWaiting) return;
      const failed = parts.find((part) => part.isError);
      if (failed !== undefined) this.finish(failed.reply);
      else then(parts.map((part) => part.reply));
    });
    for (const { peer, words } of requests) this.ask(scatter.add(peer?.name ?? ''), peer, words);
    scatter.close();
  }

  private ask(part: Part, peer: Peer | undefined, words: readonly (string | Buffer)[]): void {
    const { session, command, tracked } = this;
    if (peer === undefined) {
      const args = setArgs(new Args(), words);
      const known = words[0] === command.name ? command : session.node.table.findWhole(args)!;
      return part.complete([this.router.answerNow(session, known, args)]);
    }
    const link = this.links.to(peer);
    link.isTimed = true;
    this.links.release(peer);
    // Who reads, for a client that keeps copies (CLIENT TRACKING).
    if (tracked !== undefined) link.tell(new Answered(() => undefined, tracked.failed), tracked.preface);
    part.send(link, encodeRequest(words));
  }

  /** The command for some streams, without BLOCK. */
  private request(sources: readonly Source[], count: number): (string | Buffer)[] {
    const { groupName, consumerName, isAcknowledged } = this.reading;
    return [
      this.command.name,
      ...(groupName === undefined ? [] : ['GROUP', groupName, consumerName]),
      ...(count === Infinity ? [] : ['COUNT', String(Math.min(count, Number.MAX_SAFE_INTEGER))]),
      ...(isAcknowledged ? ['NOACK'] : []),
      'STREAMS', ...sources.map(({ name }) => name), ...sources.map(({ after }) => after),
    ];
  }

  // ---- waiting

  private wait(): void {
    const untilMs = this.reading.untilMs!;
    if (untilMs > 0) this.cancelTimer = callAt(this.session.node.clock, untilMs, () => this.unblock(false));
    for (const share of this.shares) this.awaitShare(share);
  }

  private awaitShare(share: Share): void {
    const { peer, sources } = share;
    const words = this.request(sources, Infinity);
    const scatter = new Scatter(([part]) => {
      if (!this.isWaiting) return;
      const { reply } = part!;
      if (reply[0] === MINUS) return this.finish(withoutDoubt(reply));
      if (peer !== undefined && this.isForGroup) this.links.hold(peer);
      this.onReadable(share, sources[Number(integerOf(reply))]!);
    });
    const part = scatter.add(peer?.name ?? '');
    if (peer === undefined) this.awaitHere(words, part);
    else {
      const link = this.links.to(peer);
      link.isTimed = false;
      part.send(link, encodeRequest(['PEER', 'READABLE', ...words]));
    }
    scatter.close();
  }

  /** As a peer does for PEER READABLE. */
  private awaitHere(words: readonly (string | Buffer)[], part: Part): void {
    const { session } = this;
    const { waits } = session.node;
    const reply = new ReplyWriter(64);
    const isTaken = (key: Slice): boolean => this.isForGroup && waits.isHeld(session.db, key);
    const wait: Session['wait'] = (asked) => {
      const waiter = waits.add(session, asked, part);
      this.leaveHere = () => waits.leave(waiter);
    };
    try {
      awaitReadable(session, setArgs(new Args(), words), reply, isTaken, () => undefined, wait);
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      reply.error(error.message);
    }
    if (reply.length > 0) part.complete(reply.take());
  }

  private onReadable(share: Share, source: Source): void {
    if (this.isReading) return void this.ready.push(() => this.onReadable(share, source));
    const words = this.request([source], waitedCount(this.reading));
    this.read([{ peer: share.peer, words }], () => {
      this.awaitShare(share);
      this.ready.shift()?.();
    });
  }

  // ---- the end

  private nothing(): Buffer {
    return Buffer.from(this.session.protocol === 3 ? '_\r\n' : '*-1\r\n');
  }

  unblock(withError: boolean): void {
    this.verdict = withError ? Buffer.from(`-${unblocked().message}\r\n`) : this.nothing();
    // What is being read may be on its way: then that is the reply.
    if (!this.isReading) this.finish(this.verdict);
  }

  private finish(reply: Buffer): void {
    if (!this.isWaiting) return;
    this.close();
    this.deferred.complete([reply]);
    this.tracked?.answered();
  }

  private close(): void {
    this.isWaiting = false;
    this.cancelTimer?.();
    this.leaveHere?.();
    this.links.giveBack();
  }
}

interface Request {
  readonly peer: Peer | undefined;
  readonly words: readonly (string | Buffer)[];
}

/** The ID in the reply to XREVRANGE + - COUNT 1; the lowest when there is no entry. */
function newestId(reply: Buffer): string {
  if (integerOf(reply) === 0n) return '0-0';
  // *1, *2, and the ID as a bulk.
  const entry = behindHeader(reply);
  const id = entry + behindHeader(reply.subarray(entry));
  const text = id + behindHeader(reply.subarray(id));
  return reply.toString('latin1', text, new ReplyFramer().next(reply, id, reply.length) - 2);
}

/**
 * A transaction that runs on a peer. Its client has a link to the peer to itself as long as it watches something there,
 * and for EXEC.
 *
 *     WATCH           goes to the peer at once; the client is held until it is answered, so that what it reads next,
 *                     over the link that all share, is read after the watching began
 *     MULTI, queued   stay here: the request is checked, the shards of its keys must agree (ShardRouter), +QUEUED
 *     EXEC            MULTI, the queue and EXEC go out in one write; what comes back for EXEC is the client's reply
 *     DISCARD, ...    UNWATCH goes to the peer, and the link rests until another client wants one
 *
 * Commands that concern this node or the connection (CONFIG, CLIENT, ECHO, ...) run here when the peer has executed the
 * rest, and their replies are put into its array. SELECT and HELLO concern both ends: they run in both places.
 *
 * When the link is lost, what was watched is not known any more: EXEC answers EXECABORT and nothing was executed. When
 * it is lost after EXEC has left, nobody knows: the reply is PEERLOST, and says so.
 */
import type { Peer } from './peer.js';
import type { PeerLink } from './peer-link.js';
import { Answered } from './receivers.js';
import { type Part, Scatter } from './scatter.js';
import { behindHeader, integerOf } from './merge.js';
import type { Deferred } from '../commands/context.js';
import type { Command } from '../commands/table.js';
import { CommandError, execAbortedBy } from '../errors.js';
import type { Session } from '../execution/session.js';
import type { FarPlace, Transaction } from '../execution/transaction.js';
import { Args, encodeRequest, setArgs } from '../protocol/args.js';
import { ReplyFramer } from '../protocol/reply-framer.js';

const MULTI = encodeRequest(['MULTI']);
const EXEC = encodeRequest(['EXEC']);
const UNWATCH = encodeRequest(['UNWATCH']);
const STAR = 42;

/** Where a queued command runs. */
export type Side = 'far' | 'here' | 'both';

/** What EXEC needs of the router. */
export interface Sides {
  sideOf(command: Command, args: Args): Side;
  /** Runs a command on this node as a part of something larger. */
  runHere(part: Part, session: Session, command: Command, args: Args): void;
}

/** A command of the transaction that runs here, with what it is to be run with. */
interface Own {
  readonly command: Command;
  readonly args: Args;
  readonly side: Side;
}

export class FarTransaction implements FarPlace {
  private link: PeerLink | undefined;
  private database = 0;
  isWatching = false;
  /** The link is as good as new, but for what is watched. */
  private isClean = true;
  private lostBecause: string | undefined;

  constructor(readonly peer: Peer) {}

  /** Has the peer watch the keys of a request. Throws the CommandError of a peer that is down. */
  watch(session: Session, args: Args): void {
    const link = this.open(session);
    this.isWatching = true;
    link.send(session.defer(true), args.bytes, args.start, args.end);
  }

  /** Runs the transaction, which ends with it. Throws EXECABORT when it cannot even be sent. */
  exec(session: Session, transaction: Transaction, sides: Sides): void {
    transaction.place = undefined;
    try {
      const own: (Own | undefined)[] = [];
      const link = this.checked(session);
      const deferred = session.defer(true, false);
      deferred.onAbandoned = () => link.close('the client has gone');
      const wasClean = this.isClean;
      let staysAsItWas = true;
      // Until EXEC is answered.
      this.isClean = false;
      this.send(link, MULTI);
      transaction.forEach((command, args) => {
        const side = sides.sideOf(command, args);
        own.push(side === 'far' ? undefined : { command, args: copyOf(args), side });
        if (side !== 'here') this.send(link, args.raw());
        if (side === 'both') staysAsItWas = false;
      });
      const tracked = session.node.trackedCommands.transactionAway(session, transaction);
      if (tracked !== undefined) link.send(new Answered(() => undefined, tracked.failed), tracked.preface);
      const scatter = new Scatter(([part]) => {
        tracked?.answered();
        this.isWatching = false;
        this.isClean = wasClean && staysAsItWas;
        this.release();
        this.finish(session, sides, own, part!.reply, deferred);
      });
      scatter.add(this.peer.name).send(link, EXEC);
      scatter.close();
    } catch (error) {
      this.release();
      throw error instanceof CommandError ? execAbortedBy(error) : error;
    } finally {
      transaction.end();
    }
  }

  /** The link, when all that was watched over it is watched still. */
  private checked(session: Session): PeerLink {
    if (this.lostBecause !== undefined) {
      throw new CommandError(`PEERLOST ${this.peer.name}, which watched for it: ${this.lostBecause}`);
    }
    const link = this.open(session);
    link.prepare();
    return link;
  }

  private send(link: PeerLink, request: Buffer): void {
    link.send(new Answered(() => undefined), request);
  }

  /** The link, in the database and the protocol in which the client is now. */
  private open(session: Session): PeerLink {
    const { protocol, db } = session;
    if (this.link !== undefined && this.link.protocol !== protocol) {
      if (this.isWatching) throw new CommandError('ERR HELLO between WATCH and EXEC is not possible over shards');
      this.release();
    }
    if (this.link === undefined) {
      const link = (this.link = this.peer.borrow(db.index, protocol, true));
      this.database = db.index;
      link.onLost = (reason) => {
        this.link = undefined;
        if (this.isWatching) this.lostBecause = reason;
      };
      link.prepare();
    } else if (this.database !== db.index) {
      this.database = db.index;
      this.isClean = false;
      this.send(this.link, encodeRequest(['SELECT', String(db.index)]));
    }
    return this.link;
  }

  /** Gives the client its reply: the peer's array, with the replies of the commands that run here put in. */
  private finish(
    session: Session, sides: Sides, own: readonly (Own | undefined)[], reply: Buffer, deferred: Deferred,
  ): void {
    const isExecuted = reply[0] === STAR && integerOf(reply) >= 0n;
    if (!isExecuted || own.every((each) => each === undefined)) return deferred.complete([reply]);
    const wasTracking = session.tracking !== undefined;
    const scatter = new Scatter((parts) => {
      session.node.trackedCommands.endTransactionAway(session, wasTracking);
      deferred.complete(spliced(reply, own, parts));
    });
    for (const each of own) {
      if (each !== undefined) sides.runHere(scatter.add(''), session, each.command, each.args);
    }
    scatter.close();
  }

  release(): void {
    const { link } = this;
    this.link = undefined;
    if (link === undefined) return;
    if (this.isWatching && link.state === 'up') this.send(link, UNWATCH);
    this.isWatching = false;
    this.peer.giveBack(link, this.isClean);
  }
}

function copyOf(args: Args): Args {
  return setArgs(new Args(), Array.from({ length: args.count }, (_, index) => args.copy(index)));
}

/** The replies of all commands as one array, in order: those of `reply`, an array, and those of `parts`. */
function spliced(reply: Buffer, own: readonly (Own | undefined)[], parts: readonly Part[]): Buffer[] {
  const framer = new ReplyFramer();
  let at = behindHeader(reply);
  let part = 0;
  const pieces: Buffer[] = [Buffer.from(`*${own.length}\r\n`)];
  for (const each of own) {
    if (each?.side !== 'here') {
      const end = framer.next(reply, at, reply.length);
      if (each === undefined) pieces.push(reply.subarray(at, end));
      at = end;
    }
    if (each !== undefined) pieces.push(parts[part++]!.reply);
  }
  return pieces;
}

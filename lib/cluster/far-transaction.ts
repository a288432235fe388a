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
 * What is for this node or for the client itself is done when the peer has executed the rest, and looks to the client
 * as if it had been done in its place (far-replay.ts).
 *
 * When the link is lost, what was watched is not known any more: EXEC answers EXECABORT and nothing was executed. When
 * it is lost after EXEC has left, nobody knows: the reply is PEERLOST, and says so.
 */
import { FarReplay, type Sides } from './far-replay.js';
import type { Peer } from './peer.js';
import type { PeerLink } from './peer-link.js';
import { Answered } from './receivers.js';
import { Scatter } from './scatter.js';
import { CommandError, execAbortedBy } from '../errors.js';
import type { Session } from '../execution/session.js';
import type { FarPlace, Transaction } from '../execution/transaction.js';
import { type Args, encodeRequest } from '../protocol/args.js';

const MULTI = encodeRequest(['MULTI']);
const EXEC = encodeRequest(['EXEC']);
const UNWATCH = encodeRequest(['UNWATCH']);

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
      const replay = new FarReplay(session, sides);
      const link = this.checked(session);
      const deferred = session.defer(true, false);
      deferred.onAbandoned = () => link.close('the client has gone');
      const wasClean = this.isClean;
      let staysAsItWas = true;
      // Until EXEC is answered.
      this.isClean = false;
      this.send(link, MULTI);
      transaction.forEach((command, args) => {
        const side = replay.add(command, args);
        if (side !== 'here') this.send(link, args.raw());
        if (side === 'both') staysAsItWas = false;
      });
      const tracked = session.node.trackedCommands.transactionAway(session, transaction);
      if (tracked !== undefined) link.send(new Answered(() => undefined, tracked.failed), tracked.preface);
      if (replay.publishes && this.peer.address.kind !== 'redis') this.send(link, originOf(session));
      const wasTracking = session.tracking !== undefined;
      const scatter = new Scatter(([part]) => {
        tracked?.answered();
        this.isWatching = false;
        this.isClean = wasClean && staysAsItWas;
        this.release();
        replay.answer(part!.reply, (pieces) => {
          session.node.trackedCommands.endTransactionAway(session, wasTracking);
          deferred.complete(pieces);
        });
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

  release(): void {
    const { link } = this;
    this.link = undefined;
    if (link === undefined) return;
    if (this.isWatching && link.state === 'up') this.send(link, UNWATCH);
    this.isWatching = false;
    this.peer.giveBack(link, this.isClean);
  }
}

/** Tells the peer whose the next request is: what it publishes is not for this client. */
function originOf(session: Session): Buffer {
  return encodeRequest(['PEER', 'ORIGIN', session.node.runId, String(session.id)]);
}

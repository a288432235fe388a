/**
 * Clients that wait: those whose blocking command (BLPOP, XREAD BLOCK, ...) found nothing, and who they are served by.
 *
 *     handler --wait--> a waiter stands in the queue of each of its buckets
 *     a command makes a bucket (Store.onArrival), or says that one is ready (`signal`): its queue becomes ready
 *     the command is over (for EXEC: all of it) --serve--> the waiters of the ready queues try again, in order
 *
 * The order is that of redis-server 7.0: buckets in the order in which they became ready; of each bucket's waiters who
 * came first; a waiter that makes another bucket ready (BLMOVE) lets that one have its turn after the ones that are
 * ready already. A bucket is ready for those alone who wait for its type, and is looked at when its turn comes, not
 * before: it may be gone by then.
 *
 * A waiter that is served leaves all its queues at once, before anybody else is looked at, so nobody is served twice,
 * and nothing is taken for a client that has gone. All serving is done by `serveOne`.
 *
 * A client of another node waits here as any client does, over a link of its own (cluster/far-block.ts). One who waits
 * on several nodes waits here by deputy (cluster/far-wait.ts): the deputy is told that a bucket is ready, and
 * its node then takes what there is. Until it has had its chance, nobody behind it in that queue is served (`hold`).
 *
 * A waiter costs its names, a place in each queue, and a timer if its wait has an end. While nobody waits, the store
 * does not call here at all.
 *
 * Source: handleClientsBlockedOnKeys() in redis's blocked.c.
 */
import { writeError } from './refusal.js';
import type { NodeState } from './node-state.js';
import type { Session } from './session.js';
import type { Deferred, Wait, Waits } from '../commands/context.js';
import { CommandError, unblocked } from '../errors.js';
import { ReplyWriter } from '../protocol/reply-writer.js';
import { LIST, SORTED_SET, STREAM, entryType } from '../store/entry.js';
import type { Keyspace } from '../store/keyspace.js';
import { type Slice, sliceOf } from '../util/bytes.js';
import { callAt } from '../util/call-at.js';

/** What CLIENT UNBLOCK ends. */
export interface Unblockable {
  readonly isWaiting: boolean;
  /** Ends the waiting as if the time were over, or with an error. */
  unblock(withError: boolean): void;
}

/** One client that waits. */
export class Waiter implements Unblockable {
  isWaiting = true;
  queues: Queue[] = [];
  cancelTimer: (() => void) | undefined;

  constructor(
    private readonly clients: WaitingClients,
    readonly session: Session,
    readonly wait: Wait,
    readonly deferred: Deferred,
  ) {}

  unblock(withError: boolean): void {
    this.clients.giveUp(this, withError);
  }
}

/** How long a queue stands still for a deputy whose node does not come to take what is there. */
const HOLD_MS_MAX = 1000;

/** A queue that stands still, and for whom. */
export interface Hold {
  readonly queue: Queue;
  timer: NodeJS.Timeout;
}

/** Those who wait for one bucket, whether it is there or not. */
interface Queue {
  readonly db: Keyspace;
  readonly name: string;
  /** In the order in which they came. */
  readonly waiters: Set<Waiter>;
  isReady: boolean;
  /** It stands still; see `hold`. */
  isHeld: boolean;
}

export class WaitingClients implements Waits {
  /** Buckets are ready whose waiters have not been looked at. Asked after every command. */
  hasReady = false;
  /** How many clients wait, and how many of them for an end of the time. */
  count = 0;
  timedCount = 0;

  /** By database and name. */
  private readonly queues: Map<string, Queue>[];
  private ready: Queue[] = [];
  private isServing = false;
  /** Those for whom a queue stands still. */
  readonly holders = new Set<Session>();
  /** Data is being loaded: nobody is served from a part of it. */
  isSuspended = false;
  /** How many of the waiters wait for streams: while there are any, they are told when a bucket that is one goes. */
  private streamCount = 0;
  private readonly writer = new ReplyWriter(4096);

  constructor(private readonly node: NodeState) {
    this.queues = node.store.databases.map(() => new Map<string, Queue>());
  }

  // ---- coming and leaving

  /**
   * Puts a client at the end of the queues that it waits in. Its reply goes to `deferred`; without one, the client is
   * held until then.
   */
  add(session: Session, wait: Wait, deferred = session.defer(true)): Waiter {
    const waiter = new Waiter(this, session, wait, deferred);
    for (const name of wait.keys) this.enqueue(waiter, name);
    this.count++;
    if (wait.type === STREAM) this.streamCount++;
    if (wait.untilMs > 0) this.startTimer(waiter);
    this.attend();
    deferred.onAbandoned = () => this.leave(waiter);
    return waiter;
  }

  private enqueue(waiter: Waiter, name: string): void {
    const { db } = waiter.session;
    const queues = this.queues[db.index]!;
    let queue = queues.get(name);
    if (queue === undefined) {
      queue = { db, name, waiters: new Set(), isReady: false, isHeld: false };
      queues.set(name, queue);
    }
    if (queue.waiters.has(waiter)) return;
    queue.waiters.add(waiter);
    // A literal takes no more room than it needs; most wait in one queue.
    if (waiter.queues.length === 0) waiter.queues = [queue];
    else waiter.queues.push(queue);
  }

  private startTimer(waiter: Waiter): void {
    this.timedCount++;
    waiter.cancelTimer = callAt(this.node.clock, waiter.wait.untilMs, () => this.giveUp(waiter, false));
  }

  /** Takes a client out of its queues: it is served, has given up, or has gone. */
  leave(waiter: Waiter): void {
    if (!waiter.isWaiting) return;
    waiter.isWaiting = false;
    for (const queue of waiter.queues) {
      queue.waiters.delete(waiter);
      if (queue.waiters.size === 0) this.queues[queue.db.index]!.delete(queue.name);
    }
    if (waiter.cancelTimer !== undefined) {
      waiter.cancelTimer();
      this.timedCount--;
    }
    this.count--;
    if (waiter.wait.type === STREAM) this.streamCount--;
    this.attend();
  }

  /** Has the store call only while somebody waits. */
  private attend(): void {
    const { store } = this.node;
    store.onArrival = this.count > 0 ? this.onArrival : undefined;
    store.onDeparture = this.streamCount > 0 ? this.onDeparture : undefined;
  }

  /** Answers that there was nothing, or with an error, as if the time were over. */
  giveUp(waiter: Waiter, withError: boolean): void {
    const { writer } = this;
    writer.protocol = waiter.session.protocol;
    if (withError) writeError(this.node, unblocked(), undefined, writer);
    else if (waiter.wait.giveUp !== undefined) waiter.wait.giveUp(writer);
    else writer.nilArray();
    this.leave(waiter);
    this.reply(waiter);
  }

  // ---- becoming ready

  private readonly onArrival = (db: Keyspace, key: Slice, ref: number): void => {
    const type = entryType(this.node.store.arena, ref);
    if (type === LIST || type === SORTED_SET || type === STREAM) this.signal(db, key);
  };

  private readonly onDeparture = (db: Keyspace, key: Slice, ref: number): void => {
    if (entryType(this.node.store.arena, ref) === STREAM) this.signal(db, key);
  };

  signal(db: Keyspace, key: Slice): void {
    if (this.count === 0) return;
    const queue = this.queues[db.index]!.get(key.text());
    if (queue !== undefined) this.makeReady(queue);
  }

  private makeReady(queue: Queue): void {
    if (queue.isReady) return;
    queue.isReady = true;
    this.ready.push(queue);
    this.hasReady = true;
  }

  /** All buckets of a database are about to go or, with `successor`, to be exchanged for those of another. */
  onTurnover(db: Keyspace, successor: Keyspace | undefined): void {
    if (this.count === 0 || (successor === undefined && this.streamCount === 0)) return;
    for (const queue of this.queues[db.index]!.values()) this.makeReady(queue);
  }

  // ---- serving

  /** Serves who can be served; called when a command is over. */
  serve(): void {
    // A waiter's own command may make further buckets ready: they are for the round that is under way.
    if (this.isServing || this.isSuspended) return;
    this.isServing = true;
    try {
      while (this.ready.length > 0) {
        const { ready } = this;
        this.ready = [];
        for (const queue of ready) {
          queue.isReady = false;
          this.serveQueue(queue);
        }
      }
    } finally {
      this.isServing = false;
      this.hasReady = false;
    }
  }

  /**
   * Makes the queue of a bucket stand still for a client, whose node has been told that the bucket is ready, until
   * `release`; for a second at most. A client holds one queue at a time.
   */
  hold(session: Session, key: Slice): void {
    const queue = this.queues[session.db.index]!.get(key.text());
    if (queue === undefined) return;
    queue.isHeld = true;
    session.hold = { queue, timer: this.holdTimer(session) };
    this.holders.add(session);
  }

  /** Lets the queue go on that a client holds. */
  release(session: Session): void {
    const { hold } = session;
    if (hold === undefined) return;
    session.hold = undefined;
    clearTimeout(hold.timer);
    this.holders.delete(session);
    this.node.pause.arrived(session);
    hold.queue.isHeld = false;
    this.makeReady(hold.queue);
    this.serve();
  }

  private holdTimer(session: Session): NodeJS.Timeout {
    return setTimeout(() => this.endHold(session), HOLD_MS_MAX);
  }

  private endHold(session: Session): void {
    // Whoever comes to take may be held back by the pause, and nobody else is to take meanwhile.
    if (this.node.pause.isActive) {
      session.hold!.timer = this.holdTimer(session);
      return;
    }
    this.node.setNow();
    this.release(session);
  }

  /** The first of some buckets that is ready for those who wait for `type`, or -1. */
  firstReady(db: Keyspace, names: readonly string[], type: number): number {
    return names.findIndex((name) => typeOf(db, sliceOf(name)) === type && !this.isHeld(db, sliceOf(name)));
  }

  /** Whether what comes to a bucket is for a client who has been told of it. */
  isHeld(db: Keyspace, key: Slice): boolean {
    return this.queues[db.index]!.get(key.text())?.isHeld === true;
  }

  private serveQueue(queue: Queue): void {
    const { db, waiters } = queue;
    const key = sliceOf(queue.name);
    const type = typeOf(db, key);
    for (const waiter of waiters) {
      if (queue.isHeld || typeOf(db, key) !== type) break;
      if (type !== 0 && waiter.wait.type === type) this.serveOne(waiter, key);
    }
    if (this.streamCount === 0) return;
    for (const waiter of waiters) {
      if (waiter.wait.endsWithBucket === true && typeOf(db, key) !== waiter.wait.type) this.serveOne(waiter, key);
    }
  }

  /** Runs the command of one waiter again, now that the bucket `key` is ready. */
  private serveOne(waiter: Waiter, key: Slice): void {
    const { session, wait, deferred } = waiter;
    // The client may have gone a moment ago, and be on its way out of the queues.
    if (deferred.isAbandoned) return;
    const { writer } = this;
    writer.protocol = session.protocol;
    try {
      if (!wait.retry(session, key, writer)) return writer.rewind(0);
      this.node.propagation.recordServed(session);
    } catch (error) {
      writer.rewind(0);
      this.node.propagation.forget();
      // It ended in the middle, and what it was to do is not known here: the log is made anew from what there is.
      const { appendLog } = this.node;
      if (!(error instanceof CommandError) && appendLog.isOn && !appendLog.isRewriting) appendLog.rewrite();
      writeError(this.node, error, session.lastCommand, writer);
    }
    this.leave(waiter);
    this.reply(waiter);
  }

  private reply(waiter: Waiter): void {
    waiter.deferred.complete([Buffer.concat(this.writer.take())]);
    this.writer.reuse();
  }
}

/** What the bucket `key` holds; 0 for none and for a string, which nobody waits for. It does not count as a use. */
function typeOf(db: Keyspace, key: Slice): number {
  const ref = db.peek(key);
  return ref === 0 ? 0 : entryType(db.store.arena, ref);
}

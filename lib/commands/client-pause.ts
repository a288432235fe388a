/**
 * The pause of CLIENT PAUSE: until it is over no client's requests are run, or none that writes. A request that comes
 * meanwhile is held back whole by its connection, which registers here and is told when it may go on.
 *
 * Over shards. Many clients share a link from another node, and one request that were held back there would hold back
 * all others behind it. So the node at the other end holds its clients' requests back itself, and a link is told of
 * every change:
 *
 *     the node that pauses                            the node whose link it is (cluster/peer-link.ts)
 *     push [pause, <mode>, <number>]          ->      holds back what the mode says, each request with its client
 *                                             <-      PEER HOLDS <number>, behind all that it has sent until then
 *
 * What was on its way until then was sent before the pause, and is run. CLIENT PAUSE is answered when all links have
 * said that they hold, so that behind its reply nothing is run that the pause is for. A link whose node does not say so
 * in time is closed. One that comes during a pause is told before anything is sent over it.
 *
 * A link that serves one client alone is not told: what it sends is held back here, as a client's own requests are.
 */
import type { Clock } from '../util/clock.js';

/** A longer pause than a timer can take (24.8 days) is made of several. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** The append log, and a snapshot, be it `dump.rdb` or the base of the log. */
export type WrittenToDisk = 'log' | 'snapshot';

/** What is held back. */
export type PauseMode = 'none' | 'writes' | 'all';

/** The link of another node that holds its clients' requests back itself. */
export interface Follower {
  /** Tells its node what to hold back from now on; it answers with the number (`heard`). */
  tell(mode: PauseMode, number: number): void;
  /** Closes it: its node does not answer. */
  giveUp(): void;
}

/** What CLIENT PAUSE wants. */
export interface PauseWish {
  endsAtMs: number;
  holdsReads: boolean;
  /** How long a link may take to say that it holds. */
  patienceMs: number;
  /** Sessions of nodes that have been told to come and take something, and are on their way. */
  expected: Iterable<object>;
}

export class Pause {
  /** Looked at before every command; everything else here only while it is true. */
  isActive = false;
  /** CLIENT PAUSE is on. */
  private isPaused = false;
  /** For which of what is written to disk writes wait, because the disk does not keep up. */
  private readonly behind = new Set<WrittenToDisk>();
  /** The node is about to stop: what writes waits for whether it does. */
  private isStopping = false;

  private holdsReads = false;
  private endsAtMs = 0;
  private timer: NodeJS.Timeout | undefined;
  private readonly waiting = new Set<() => void>();

  /** By their sessions. */
  private readonly followers = new Map<object, Follower>();
  /** How often followers have been told something. */
  private number = 0;
  /** Sessions whose requests were on their way when the pause began, and are run. */
  private readonly ahead = new Set<object>();
  private patience: NodeJS.Timeout | undefined;
  private settling: (() => void)[] = [];

  constructor(
    private readonly clock: Clock,
    /** Told when a CLIENT PAUSE begins and ends. */
    private readonly onPause: (isPaused: boolean) => void,
  ) {}

  // ---- CLIENT PAUSE

  /** Begins a pause, or makes the one that is on stricter and longer, never milder or shorter. */
  begin({ endsAtMs, holdsReads, patienceMs, expected }: PauseWish): void {
    const { mode } = this;
    this.holdsReads = (this.isPaused && this.holdsReads) || holdsReads;
    this.endsAtMs = this.isPaused ? Math.max(this.endsAtMs, endsAtMs) : endsAtMs;
    this.isPaused = this.isActive = true;
    this.onPause(true);
    this.schedule();
    if (this.mode === mode) return;
    for (const session of this.followers.keys()) this.ahead.add(session);
    if (mode === 'none') for (const session of expected) this.ahead.add(session);
    this.tellFollowers();
    clearTimeout(this.patience);
    if (!this.isSettled) this.patience = setTimeout(() => this.giveUp(), patienceMs);
  }

  /** Ends the pause: what was held back is run. */
  end(): void {
    clearTimeout(this.timer);
    const wasPaused = this.isPaused;
    this.isPaused = this.holdsReads = false;
    this.onPause(false);
    if (wasPaused) this.tellFollowers();
    this.ahead.clear();
    this.settle();
    this.letGo();
  }

  private get mode(): PauseMode {
    return !this.isPaused ? 'none' : this.holdsReads ? 'all' : 'writes';
  }

  private schedule(): void {
    clearTimeout(this.timer);
    const leftMs = this.endsAtMs - this.clock.nowMs();
    const isOver = leftMs <= TIMER_MS_MAX;
    this.timer = setTimeout(() => (isOver ? this.end() : this.schedule()), Math.max(0, Math.min(leftMs, TIMER_MS_MAX)));
    this.timer.unref();
  }

  // ---- what was on its way

  /** Whether nothing more is run that the pause is for. */
  get isSettled(): boolean {
    return this.ahead.size === 0;
  }

  /** Calls `then` once, when that is so or the pause is over. */
  whenSettled(then: () => void): void {
    this.settling.push(then);
  }

  /** What was expected of a session has come, or comes no more. */
  arrived(session: object): void {
    if (this.ahead.delete(session) && this.isSettled) this.settle();
  }

  private settle(): void {
    clearTimeout(this.patience);
    for (const then of this.settling.splice(0)) then();
  }

  private giveUp(): void {
    const late = [...this.ahead];
    this.ahead.clear();
    for (const session of late) this.followers.get(session)?.giveUp();
    this.settle();
  }

  // ---- links of other nodes

  /** From now on the link is told of every change; gives what is to be held back now, and the number of that. */
  follow(session: object, follower: Follower): [PauseMode, number] {
    this.followers.set(session, follower);
    // Its node may have put something on its way before it heard over another link.
    if (!this.isSettled) this.ahead.add(session);
    return [this.mode, this.number];
  }

  unfollow(session: object): void {
    this.followers.delete(session);
    this.arrived(session);
  }

  /** A link's node holds back what it was told to with that number. */
  heard(session: object, number: number): void {
    if (number === this.number) this.arrived(session);
  }

  private tellFollowers(): void {
    this.number++;
    for (const follower of this.followers.values()) follower.tell(this.mode, this.number);
  }

  // ---- other reasons to wait

  /** Begins or ends the wait of what writes, for one of those that the disk has to take. Whether that is a change. */
  holdWrites(what: WrittenToDisk, isBehind: boolean): boolean {
    if (this.behind.has(what) === isBehind) return false;
    if (isBehind) {
      this.behind.add(what);
      this.isActive = true;
    } else {
      this.behind.delete(what);
      this.letGo();
    }
    return true;
  }

  /** Begins or ends the wait of what writes while the node brings its data to disk, to stop. */
  holdForStop(isStopping: boolean): void {
    this.isStopping = isStopping;
    if (isStopping) this.isActive = true;
    else this.letGo();
  }

  // ---- who waits

  /** Whether a session's request must wait; only asked while a pause is on. */
  holdsBack(session: object, writes: boolean): boolean {
    if (writes && (this.behind.size > 0 || this.isStopping)) return true;
    if (!this.isPaused || this.ahead.has(session)) return false;
    // The node at the other end of a link holds reads back; one that it sends is its own, and harms nothing.
    return writes || (this.holdsReads && !this.followers.has(session));
  }

  /** Calls `goOn` once, when the pause is over. */
  wait(goOn: () => void): void {
    this.waiting.add(goOn);
  }

  forget(goOn: () => void): void {
    this.waiting.delete(goOn);
  }

  /** Runs what was held back; what must wait for another reason comes back. */
  private letGo(): void {
    this.isActive = this.isPaused || this.behind.size > 0 || this.isStopping;
    const waiting = [...this.waiting];
    this.waiting.clear();
    for (const goOn of waiting) goOn();
  }
}

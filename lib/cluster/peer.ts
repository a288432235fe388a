/**
 * A peer: another node as this one sees it, with the links to it. One link is kept open all the time; it shows whether
 * the peer is there. A link for another database or protocol version is opened when it is first needed.
 */
import { HANDSHAKE_VERSION, type Exchange, isNonce, isProof, newNonce, proofOf } from './handshake.js';
import type { NodeAddress } from './node-address.js';
import type { Feeds } from './feeds.js';
import { type LinkLimits, type LinkOwner, type LinkState, PeerLink, isPausedFor } from './peer-link.js';
import { Latencies } from './latencies.js';
import { Answered } from './receivers.js';
import type { Dial } from './wire.js';
import type { PeerState } from '../commands/shard-services.js';
import type { PauseMode } from '../commands/client-pause.js';
import type { Context } from '../commands/context.js';
import type { Command } from '../commands/table.js';
import { CommandError } from '../errors.js';
import { HeldBack } from '../execution/held-back.js';
import type { Session } from '../execution/session.js';
import { type Reply, ReplyError, decodeReply } from '../protocol/reply-decoder.js';
import type { Protocol } from '../protocol/reply-writer.js';
import { encodeRequest } from '../protocol/args.js';
import type { Log } from '../util/log.js';
import type { Random } from '../util/random.js';

/** What all peers of a node have in common. */
export interface PeerServices {
  /** The name of this node. */
  self: string;
  limits: LinkLimits;
  log: Log;
  random: Random;
  dial: Dial;
  cookie(): string;
  /** The fingerprint of the shard map in force. */
  fingerprint(): string;
  feeds: Feeds;
}

/** So many clients at a time may have a link to one peer to themselves. */
const OWN_LINKS_MAX = 20_000;
/** So many links are kept for the next who wants one. */
const RESTED_LINKS_MAX = 64;
const RETRY_MS_MIN = 50;
const RETRY_MS_MAX = 2000;
/** A kept link that has nothing to do asks so often whether the peer is still there. */
const PING_MS = 1000;
const PING = encodeRequest(['PING']);
const NO_CHANGES = encodeRequest(['PEER', 'WANT']);
const STOPPING = 'this node is shutting down';

export class Peer implements LinkOwner {
  readonly latencies = new Latencies();
  readonly limits: LinkLimits;
  readonly dial: Dial;
  /** Since when the peer is up or down, in milliseconds since the epoch. */
  sinceMs = Date.now();
  /** The fingerprint of the peer's map, as it last said; undefined for a plain Redis server. */
  fingerprint: string | undefined;

  private readonly links: (PeerLink | undefined)[] = [];
  private readonly ownLinks = new Set<PeerLink>();
  /** Those of them that nobody has borrowed. */
  private rested: PeerLink[] = [];
  private readonly main: PeerLink;
  /** The link over which the peer sends what is published there; see feeds.ts. */
  private feed: PeerLink | undefined;
  private feedWasLost = false;
  /** Who waits until the peer knows what is listened to here. */
  private feedWaiting: (() => void)[] = [];
  /** What links counted that are no more. */
  private readonly gone = { requests: 0, lost: 0 };
  private reported = '';
  private timer: NodeJS.Timeout | undefined;
  private pingedMs = 0;
  private isRetired = false;
  /** Answers to notices of a pause that are to be given. */
  private unanswered: (() => void)[] = [];

  constructor(
    readonly name: string,
    readonly address: NodeAddress,
    private readonly services: PeerServices,
  ) {
    this.limits = services.limits;
    this.dial = services.dial;
    this.main = this.links[0] = new PeerLink(this, 0, 2, true);
  }

  start(): void {
    this.main.connect();
    // After what has arrived has been read: a peer is not silent because this process was held up.
    this.timer = setInterval(() => setImmediate(() => this.watch()), Math.min(PING_MS, this.limits.timeoutMs) / 4);
    this.timer.unref();
    if (this.services.feeds.areOpen) this.openFeed();
  }

  get state(): LinkState {
    return this.main.state;
  }

  get allLinks(): PeerLink[] {
    return [...this.links, this.feed, ...this.ownLinks].filter((link) => link !== undefined);
  }

  /** What SHARD PEERS shows. */
  describeState(): PeerState {
    const links = this.allLinks;
    const sum = (count: (link: PeerLink) => number): number => links.reduce((total, link) => total + count(link), 0);
    return {
      name: this.name,
      address: this.address.shown,
      state: this.main.state,
      reason: this.main.state === 'up' ? '' : this.main.reason,
      sinceMs: this.sinceMs,
      links: links.filter((link) => link.state === 'up').length,
      inFlight: sum((link) => link.inFlight),
      requests: sum((link) => link.requests) + this.gone.requests,
      errors: sum((link) => link.lost) + this.gone.lost,
      roundTripMs: { p50: this.latencies.percentile(0.5), p99: this.latencies.percentile(0.99) },
      fingerprint: this.fingerprint ?? '',
    };
  }

  /** The shared link for a database and a protocol version. */
  link(database: number, protocol: Protocol): PeerLink {
    const index = database * 2 + protocol - 2;
    const link = (this.links[index] ??= new PeerLink(this, database, protocol, false));
    // What is known of the peer holds for every link to it: none need find out for itself.
    if (link.state === 'idle' && this.main.state === 'down') return this.main;
    return link;
  }

  /** Sends a request of this node's own in front of the next one of a client, unless the peer is down. */
  preface(context: Context, request: Buffer, failed: () => void): void {
    try {
      this.link(context.db.index, context.client.protocol).send(new Answered(() => undefined, failed), request);
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
    }
  }

  /** What is paused there. The link that is kept says so. */
  get paused(): PauseMode | undefined {
    return this.main.paused;
  }

  /** Throws HeldBack for a request of a client that is not to be sent now over a link of its own. */
  holdBack(session: Session, command: Command): void {
    if (isPausedFor(this.paused, session, command)) throw new HeldBack(this.main);
  }

  whenSent(answer: () => void): void {
    this.unanswered.push(answer);
    this.answerPauses();
  }

  /** What a link that is being opened has queued was asked for before a pause was known: it goes first. */
  private answerPauses(): void {
    if (this.unanswered.length === 0 || this.links.some((link) => link?.hasQueued === true)) return;
    for (const answer of this.unanswered.splice(0)) answer();
  }

  // ---- links that one client has to itself

  /**
   * A link for one client alone, for what takes more than a request and its reply: a transaction, or a command that may
   * wait (then it is not timed). It is given back with `giveBack`. Throws a CommandError when the peer is down or too
   * many are lent.
   */
  borrow(database: number, protocol: Protocol, isTimed: boolean): PeerLink {
    if (this.main.state === 'down') this.main.prepare();
    const rested = this.rested.findLastIndex((link) => link.database === database && link.protocol === protocol);
    const link = rested < 0 ? this.openOwn(database, protocol) : this.rested.splice(rested, 1)[0]!;
    link.isTimed = isTimed;
    return link;
  }

  private openOwn(database: number, protocol: Protocol): PeerLink {
    if (this.ownLinks.size - this.rested.length >= OWN_LINKS_MAX) {
      throw new CommandError(
        `PEERBUSY ${this.describe()}: ${OWN_LINKS_MAX} clients of this node wait there or are in a transaction, which is ` +
          `the most; the request was not sent: connect further ones to ${this.name} itself, or to a third node`,
      );
    }
    const link = new PeerLink(this, database, protocol, false, true);
    this.ownLinks.add(link);
    return link;
  }

  /** Takes a link back; one that is not as good as new (`isClean`) is closed. */
  giveBack(link: PeerLink, isClean: boolean): void {
    link.onLost = undefined;
    if (!this.ownLinks.has(link)) return;
    const isKept = isClean && !this.isRetired && link.state === 'up' && this.rested.length < RESTED_LINKS_MAX;
    if (isKept) this.rested.push(link);
    else link.close('the client is done with it');
  }

  // ---- the feed

  /** Connects the link for messages, and keeps it. */
  openFeed(): void {
    if (this.feed !== undefined || this.address.kind === 'redis' || this.isRetired) return;
    this.feed = new PeerLink(this, 0, 2, true);
    this.feed.onPush = (push) => this.services.feeds.receive(push);
    this.feed.connect();
  }

  /**
   * Tells the peer what has changed in what is listened to here; nothing when `request` is undefined. Calls `done` when
   * the peer knows it and all that was told before, or is not there.
   */
  tellFeed(request: Buffer | undefined, done: () => void): void {
    const { feed } = this;
    if (feed === undefined || this.main.state !== 'up') return done();
    if (feed.state !== 'up') this.feedWaiting.push(done);
    else if (request === undefined && feed.inFlight === 0) done();
    else feed.tell(new Answered(done, done), request ?? NO_CHANGES);
  }

  /** As a link's `forward`, in the order of all that is told over the link for messages. */
  forwardOverFeed(context: Context, bytes: Buffer, start: number, end: number): void {
    this.openFeed();
    this.feed!.forward(context, bytes, start, end);
  }

  /** Sends a request over the link for messages, in the order of all that is told over it. */
  askFeed(request: Buffer, answered: Answered): void {
    this.openFeed();
    try {
      this.feed!.send(answered, request);
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      answered.fail();
    }
  }

  private onFeedState(feed: PeerLink): void {
    const then = (): void => {
      for (const done of this.feedWaiting.splice(0)) done();
    };
    if (feed.state === 'up') feed.tell(new Answered(then, then), this.services.feeds.greeting());
    else if (feed.state !== 'connecting') then();
    // When the link is lost, and again when it is back: what happened between was not told.
    if (feed.state === 'down' || (feed.state === 'up' && this.feedWasLost)) this.services.feeds.onGap();
    this.feedWasLost = feed.state === 'down' || (this.feedWasLost && feed.state !== 'up');
  }

  /** Ends the commands that wait for something to happen on the peer. */
  endWaits(reason = STOPPING): void {
    for (const link of this.ownLinks) link.close(reason);
  }

  /** Closes every link at once. */
  stop(): void {
    clearInterval(this.timer);
    for (const link of this.allLinks) link.close(STOPPING);
  }

  /** The map leads here no more: each link closes when what is in flight is answered, or has been for too long. */
  retire(): void {
    this.isRetired = true;
    this.endWaits('the shard map does not lead to it any more');
    for (const link of this.allLinks) link.retire();
  }

  // ---- for the links

  introduce(link: PeerLink, ready: () => void): void {
    if (this.address.kind === 'redis') this.introduceToRedis(link, ready);
    else this.introduceToNode(link, ready);
  }

  private introduceToNode(link: PeerLink, ready: () => void): void {
    const { self } = this.services;
    const cookie = this.services.cookie();
    const nonce = newNonce();
    link.ask(encodeRequest(['PEER', 'HELLO', HANDSHAKE_VERSION, self, nonce]), (hello) => {
      const [name, acceptorNonce] = textsOf(decodeReply(hello));
      if (name === undefined || !isNonce(acceptorNonce ?? '')) return link.lose(refusal(hello));
      if (name !== this.name) return link.lose(`the node at this address is called ${name}`);
      const exchange: Exchange = {
        initiator: self, initiatorNonce: nonce, acceptor: name, acceptorNonce: acceptorNonce!,
      };
      const proof = proofOf('initiator', exchange, cookie);
      const told = this.services.fingerprint();
      const rest = [String(link.database), String(link.protocol), told];
      link.ask(encodeRequest(['PEER', 'PROVE', proof, ...rest]), (proved) => {
        const [theirProof, fingerprint] = textsOf(decodeReply(proved));
        if (theirProof === undefined || fingerprint === undefined) return link.lose(refusal(proved));
        if (!isProof(theirProof, 'acceptor', exchange, cookie)) return link.lose('wrong cookie: it did not prove ours');
        this.learnFingerprint(fingerprint);
        const tellNews = (): void => this.tellNews(link, told, ready);
        if (link.isOwn) tellNews();
        else this.askForPauses(link, tellNews);
      });
    });
  }

  /** The map may have changed since the handshake told it, and what is queued goes by the new one. */
  private tellNews(link: PeerLink, told: string, ready: () => void): void {
    const fingerprint = this.services.fingerprint();
    if (fingerprint === told) return ready();
    link.ask(encodeRequest(['PEER', 'MAP', fingerprint]), () => this.tellNews(link, fingerprint, ready));
  }

  /** From here on the peer tells of its pauses. One that is older than this knows no such request. */
  private askForPauses(link: PeerLink, ready: () => void): void {
    link.ask(encodeRequest(['PEER', 'PAUSES']), (reply) => {
      const [mode, number] = textsOf(decodeReply(reply));
      if (mode === 'writes' || mode === 'all') link.learnPause(mode, number!);
      else link.learnPause('none', '');
      ready();
    });
  }

  private introduceToRedis(link: PeerLink, whenReady: () => void): void {
    // It does not tell of pauses.
    const ready = (): void => {
      link.learnPause('none', '');
      whenReady();
    };
    const { user, password } = this.address;
    const steps: string[][] = [];
    if (password !== undefined) steps.push(user === undefined ? ['AUTH', password] : ['AUTH', user, password]);
    steps.push(link.protocol === 3 ? ['HELLO', '3'] : ['PING']);
    if (link.database > 0) steps.push(['SELECT', String(link.database)]);
    const next = (): void => {
      const step = steps.shift();
      if (step === undefined) return ready();
      link.ask(encodeRequest(step), (reply) => (reply[0] === MINUS ? link.lose(refusal(reply)) : next()));
    };
    next();
  }

  private learnFingerprint(fingerprint: string): void {
    if (fingerprint !== this.fingerprint && fingerprint !== this.services.fingerprint()) {
      this.services.log.warning(
        `Peer ${this.describe()} has another shard map: its fingerprint is ${fingerprint}, ours is ${this.services.fingerprint()}`,
      );
    }
    this.fingerprint = fingerprint;
  }

  /** Tells the peer that our map has changed, in front of the first request that goes by the new one. */
  announceMap(): void {
    if (this.address.kind === 'redis') return;
    const request = encodeRequest(['PEER', 'MAP', this.services.fingerprint()]);
    for (const link of this.allLinks) {
      if (link.state === 'up') link.tell(new Answered((reply) => this.learnFingerprint(reply)), request);
    }
  }

  onLinkState(link: PeerLink, reason: string): void {
    this.answerPauses();
    if (link.state === 'idle' && this.ownLinks.delete(link)) {
      this.rested = this.rested.filter((each) => each !== link);
      this.gone.requests += link.requests;
      this.gone.lost += link.lost;
    }
    if (this.isRetired && this.allLinks.every(({ state }) => state === 'idle')) clearInterval(this.timer);
    if (link === this.feed) this.onFeedState(link);
    if (link !== this.main) return;
    // Commands that block are not timed, and a feed may be silent: what the kept link finds out ends them too.
    if (link.state === 'down') for (const own of this.ownLinks) own.lose(reason);
    if (link.state === 'down' && this.feed?.state === 'up') this.feed.lose(reason);
    const report = link.state === 'down' ? reason : link.state;
    if (report === this.reported || link.state === 'idle' || link.state === 'connecting') return;
    this.reported = report;
    this.sinceMs = Date.now();
    if (link.state === 'up') this.services.log.info(`Peer ${this.describe()} is up`);
    else this.services.log.warning(`Peer ${this.describe()} is down: ${reason}`);
  }

  onRoundTrip(ms: number): void {
    this.latencies.add(ms);
  }

  retryMs(failures: number): number {
    const most = Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** Math.min(failures - 1, 10));
    return most * (0.5 + 0.4 * this.services.random.next());
  }

  private watch(): void {
    const nowMs = performance.now();
    for (const link of this.allLinks) link.watch(nowMs);
    if (this.isRetired || this.main.state !== 'up' || this.main.inFlight > 0 || nowMs - this.pingedMs < PING_MS) return;
    this.pingedMs = nowMs;
    this.main.tell(new Answered(() => undefined), PING);
  }

  private describe(): string {
    return `${this.name} (${this.address.shown})`;
  }
}

const MINUS = 45;

/** The elements of an array of texts; empty for any other reply. */
function textsOf(reply: Reply): string[] {
  return Array.isArray(reply) ? reply.map(String) : [];
}

/** What a peer said that did not let us in. */
function refusal(bytes: Buffer): string {
  const reply = decodeReply(bytes);
  return reply instanceof ReplyError ? reply.message : 'it does not answer as a node does';
}

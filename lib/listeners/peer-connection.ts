/**
 * A connection on the peer port: another node's link to this one. Until it has proved the cookie (cluster/handshake.ts)
 * it may send the two short requests of the handshake and nothing else. Then it is a client that may do everything, and
 * whose requests are run here, never routed again.
 */
import { Connection } from './connection.js';
import type { Outbox } from './outbox.js';
import type { Accepted } from './tcp-listener.js';
import type { Cluster } from '../cluster/cluster.js';
import { type Exchange, HANDSHAKE_VERSION, isNonce, isProof, newNonce, proofOf } from '../cluster/handshake.js';
import { quoted } from '../cluster/range.js';
import { KeyPositions, findKeys } from '../commands/key-positions.js';
import { awaitReadable } from '../commands/stream-read.js';
import { namesOf } from '../commands/waiting.js';
import type { Executor } from '../execution/execute.js';
import { writeError } from '../execution/refusal.js';
import type { NodeState } from '../execution/node-state.js';
import { Args, setArgs } from '../protocol/args.js';
import { encodePush } from '../protocol/push.js';
import { Feed } from '../pubsub/feed.js';
import { WANT_KINDS } from '../pubsub/pubsub.js';
import { TrackingState } from '../pubsub/tracking.js';
import { COMPLETE, RequestDecoder } from '../protocol/request-decoder.js';
import type { Slice } from '../util/bytes.js';
import { RequestsAhead } from '../protocol/requests-ahead.js';

/** More than any request of the handshake needs. */
const UNPROVED_BULK_BYTES_MAX = 256;
const UNPROVED_REQUEST_BYTES_MAX = 1024;
const PROVED_BULK_BYTES_MAX = 2 ** 31 - 1;

const UNBLOCKED = Buffer.from(':1\r\n');

const keys = new KeyPositions();
const ahead = new RequestsAhead();

export class PeerConnection extends Connection {
  /** The peer's name; undefined until it has said it. */
  name: string | undefined;
  private readonly decoder: RequestDecoder;
  /** Narrow until the cookie is proved. */
  private readonly limits = { bulkBytesMax: UNPROVED_BULK_BYTES_MAX, isAuthRequired: true };
  private exchange: Exchange | undefined;
  private isProved = false;
  /** The fingerprint of the map by which the peer routes. */
  private peerMap = '';
  private readonly patience: NodeJS.Timeout;
  /** The last request waited; what was said of it holds until the next comes. */
  private endsLate = false;
  /** What the peer hears over this connection. */
  private newsFeed: Feed | undefined;

  constructor(
    accepted: Accepted,
    node: NodeState,
    executor: Executor,
    outbox: Outbox,
    private readonly cluster: Cluster,
  ) {
    super(accepted, node, executor, outbox);
    this.session.isAuthenticated = true;
    this.decoder = new RequestDecoder(this.limits);
    this.patience = setTimeout(() => this.destroy(), node.settings.integer('peer-timeout'));
  }

  protected feed(bytes: Buffer, length: number): void {
    this.decoder.feed(bytes, length);
  }

  protected runNext(): boolean {
    const { decoder } = this;
    if (decoder.lookAhead(ahead)) this.session.store.foresight.fetch(this.session.db, ahead);
    const status = decoder.next();
    if (status === COMPLETE) {
      const { args } = decoder;
      if (this.endsLate) this.requestIsOver();
      if (!this.isProved) this.shakeHands(args);
      else if (args.is(0, 'PEER')) this.answerPeer(args);
      else if (this.peerMap !== this.cluster.map.fingerprint && !this.ownsAll(args)) this.refuseNames(args);
      else this.execute(args);
      if (!args.is(0, 'PEER')) this.requestIsOver();
      return true;
    }
    if (status < 0 || (!this.isProved && decoder.pendingBytes > UNPROVED_REQUEST_BYTES_MAX)) {
      this.refuse(`ERR Protocol error: ${decoder.failure || 'too big a request before the cookie is proved'}`);
    }
    return false;
  }

  protected retain(): void {
    this.decoder.retain();
  }

  pendingBytes(): number {
    return this.decoder.pendingBytes;
  }

  spareBytes(): number {
    return this.decoder.spareBytes;
  }

  protected rest(): void {
    this.decoder.rest();
  }

  override keepLimits(): void {
    // The limits of clients are not for peers: many clients share a link.
  }

  // ---- the handshake

  private shakeHands(args: Args): void {
    if (args.is(0, 'PEER') && args.count === 5 && args.is(1, 'HELLO')) this.hello(args);
    else if (args.is(0, 'PEER') && args.count === 6 && args.is(1, 'PROVE') && this.exchange !== undefined) this.prove(args);
    else this.refuse('NOAUTH This port is for peers: prove the cookie first');
  }

  private hello(args: Args): void {
    const version = args.text(2);
    if (version !== HANDSHAKE_VERSION) {
      return this.refuse(`ERR peers of version ${HANDSHAKE_VERSION} are spoken to here, not ${quoted(version)}`);
    }
    if (!isNonce(args.text(4))) return this.refuse('ERR a nonce is 64 hex digits');
    this.name = args.text(3);
    this.exchange = {
      initiator: this.name, initiatorNonce: args.text(4), acceptor: this.cluster.self, acceptorNonce: newNonce(),
    };
    const { reply } = this.outbox;
    reply.array(2);
    reply.bulkText(this.cluster.self);
    reply.bulkText(this.exchange.acceptorNonce);
  }

  private prove(args: Args): void {
    const exchange = this.exchange!;
    // A nonce serves once.
    this.exchange = undefined;
    const { cookie } = this.cluster;
    if (cookie === '' || !isProof(args.text(2), 'initiator', exchange, cookie)) {
      this.node.log.warning(`Peer ${quoted(this.name!)} at ${this.address} was refused: wrong cookie`);
      return this.refuse(`WRONGCOOKIE wrong cookie: ${this.cluster.self} and ${this.name!} must be given the same`);
    }
    const database = this.node.store.databases[Number(args.text(3))];
    if (database === undefined) return this.refuse(`ERR ${this.cluster.self} has no database ${quoted(args.text(3))}`);
    clearTimeout(this.patience);
    this.isProved = true;
    // The node that the client is connected to has kept the client's limits.
    this.limits.bulkBytesMax = PROVED_BULK_BYTES_MAX;
    this.limits.isAuthRequired = false;
    this.peerMap = args.text(5);
    const { reply } = this.outbox;
    reply.array(2);
    reply.bulkText(proofOf('acceptor', exchange, cookie));
    reply.bulkText(this.cluster.map.fingerprint);
    this.session.db = database;
    this.session.protocol = args.text(4) === '3' ? 3 : 2;
    reply.protocol = this.session.protocol;
  }

  private requestIsOver(): void {
    const { session } = this;
    // One that waits is over when it is served: whose it is, is asked then.
    this.endsLate = session.waiting?.isWaiting === true;
    if (this.endsLate) return;
    session.origin = session.tracking = undefined;
    // Whoever was told that a bucket is ready has had its chance; it takes with a transaction.
    if (session.hold !== undefined && !session.isQueueing) this.node.waits.release(session);
  }

  /** `PEER UNBLOCK ERROR|TIMEOUT` ends the waiting of the request in front of it; see cluster/far-block.ts. */
  protected override hearHeld(): void {
    const { session, decoder } = this;
    const { waiting } = session;
    if (waiting?.isWaiting !== true || decoder.next() !== COMPLETE) return;
    const { args } = decoder;
    if (!args.is(0, 'PEER') || !args.is(1, 'UNBLOCK') || args.count !== 3) return this.destroy();
    waiting.unblock(args.is(2, 'ERROR'));
    this.push(UNBLOCKED);
  }

  /**
   * `PEER AWAIT <type> <key> ...`: answers the place of the first key that is ready, now or when it is, and takes
   * nothing; see cluster/far-wait.ts.
   */
  private awaitKeys(args: Args): void {
    const { session, node: { waits } } = this;
    waits.release(session);
    const type = Number(args.text(2));
    const keys = namesOf(args, 3, args.count);
    const ready = waits.firstReady(session.db, keys, type);
    if (ready < 0) {
      return session.wait({
        keys, type, untilMs: 0,
        retry: (_context, key, reply) => {
          reply.integer(keys.indexOf(key.text()));
          waits.hold(session, key);
          return true;
        },
      });
    }
    waits.hold(session, args.slice(3 + ready));
    this.outbox.reply.integer(ready);
  }

  /**
   * `PEER READABLE <request>`, with a request of XREAD or XREADGROUP: answers the place of the first stream that has
   * something for the reader, now or when it is, and reads nothing; see cluster/far-read.ts.
   */
  private awaitReadable(args: Args): void {
    const { session, node: { waits } } = this;
    waits.release(session);
    const request = setArgs(new Args(), Array.from({ length: args.count - 2 }, (_, index) => args.copy(index + 2)));
    const takes = request.is(0, 'XREADGROUP');
    const isTaken = (key: Slice): boolean => takes && waits.isHeld(session.db, key);
    try {
      awaitReadable(session, request, this.outbox.reply, isTaken, (key) => takes && waits.hold(session, key));
    } catch (error) {
      writeError(this.node, error, undefined, this.outbox.reply);
    }
  }

  private refuse(error: string): void {
    this.outbox.reply.error(error);
    this.closeAfterReply();
  }

  /** Requests that nodes make of each other, none of which a client can make. */
  private answerPeer(args: Args): void {
    if (args.is(1, 'MAP') && args.count === 3) this.learnMap(args);
    else if (args.is(1, 'FEED') && args.count >= 3) this.beginFeed(args);
    else if (args.is(1, 'WANT') && this.newsFeed !== undefined) this.learnWants(this.newsFeed, args, 2);
    else if (args.is(1, 'TRACK') && args.count >= 4) this.remember(args);
    else if (args.is(1, 'ORIGIN') && args.count === 4) this.learnOrigin(args);
    else if (args.is(1, 'TRACKED') && args.count === 5) this.learnTracked(args);
    else if (args.is(1, 'AWAIT') && args.count >= 4) this.awaitKeys(args);
    else if (args.is(1, 'READABLE') && args.count >= 6) this.awaitReadable(args);
    else if (args.is(1, 'PUBLISH') && args.count === 4) this.publish(args);
    else if (args.is(1, 'SPUBLISH') && args.count === 5) this.publishToShard(args);
    // It waited no more when this came.
    else if (args.is(1, 'UNBLOCK') && args.count === 3) this.outbox.reply.integer(0);
    else if (args.is(1, 'PAUSES') && args.count === 2) this.followPauses();
    else if (args.is(1, 'HOLDS') && args.count === 3) this.learnHolding(args);
    else this.outbox.reply.error('ERR unknown PEER request');
  }

  // ---- pauses; see commands/client-pause.ts

  /** `PEER PAUSES`: answers what is paused, and tells of every change; many clients share the link. */
  private followPauses(): void {
    const [mode, number] = this.node.pause.follow(this.session, {
      tell: (changed, changedNumber) => this.push(encodePush(['pause', changed, String(changedNumber)])),
      giveUp: () => this.endForSilence(),
    });
    const { reply } = this.outbox;
    reply.array(2);
    reply.bulkText(mode);
    reply.bulkText(String(number));
  }

  /** `PEER HOLDS <number>`: nothing comes over this link any more that the pause with that number is for. */
  private learnHolding(args: Args): void {
    this.node.pause.heard(this.session, Number(args.text(2)));
    this.outbox.reply.ok();
  }

  private endForSilence(): void {
    this.node.log.warning(`Peer ${quoted(this.name!)} does not answer that it holds what is paused: its connection is closed`);
    this.destroy();
  }

  // ---- messages; see cluster/feeds.ts

  /** `PEER FEED <run id> ...`: over this connection the peer hears what is published here. */
  private beginFeed(args: Args): void {
    const { feeds } = this.node.pubsub;
    const runId = args.text(2);
    // Its last connection may be lost and we have not noticed yet.
    for (const feed of feeds) if (feed.node === runId) this.endFeed(feed);
    this.newsFeed = new Feed(this.session.id, runId, (bytes) => this.push(bytes));
    feeds.add(this.newsFeed);
    this.learnWants(this.newsFeed, args, 3);
  }

  /** From argument `from` on: kind, number of listeners, name, and so on. */
  private learnWants(feed: Feed, args: Args, from: number): void {
    for (let i = from; i + 2 < args.count; i += 3) {
      const kind = WANT_KINDS.find((each) => each === args.text(i));
      if (kind === undefined) return this.outbox.reply.error('ERR unknown kind of subscription');
      feed.want(kind, args.text(i + 2), Number(args.text(i + 1)));
      if (kind === 'prefix') this.node.tracking.addFeed(feed);
    }
    this.node.pubsub.watchBuckets();
    this.outbox.reply.ok();
  }

  /** `PEER PUBLISH <channel> <text>`: the peer has no links from others, and publishes through this node. */
  private publish(args: Args): void {
    this.outbox.reply.integer(this.node.pubsub.publish(args.slice(2), args.slice(3), this.newsFeed));
  }

  /** `PEER SPUBLISH <run id> <channel> <text>`: who listens at that node has the message already. */
  private publishToShard(args: Args): void {
    const from = this.feedOf(args.text(2));
    this.outbox.reply.integer(this.node.pubsub.publishToShard(args.slice(3), args.slice(4), from));
  }

  protected override get outputKind(): 'normal' | 'pubsub' {
    return this.newsFeed === undefined ? 'normal' : 'pubsub';
  }

  override onClose(): void {
    super.onClose();
    clearTimeout(this.patience);
    this.node.pause.unfollow(this.session);
    if (this.newsFeed !== undefined) this.endFeed(this.newsFeed);
  }

  private endFeed(feed: Feed): void {
    this.node.pubsub.feeds.delete(feed);
    this.node.pubsub.watchBuckets();
    this.node.tracking.removeFeed(feed);
  }

  /** `PEER TRACK <run id> <key> ...`: clients of that node keep what they read next. */
  private remember(args: Args): void {
    const { tracking } = this.node;
    const feed = this.feedOf(args.text(2));
    if (feed === undefined) return this.outbox.reply.error('ERR there is no feed for that node');
    tracking.addFeed(feed);
    for (let i = 3; i < args.count; i++) tracking.remember(feed.id, args.text(i));
    this.outbox.reply.ok();
  }

  private feedOf(runId: string): Feed | undefined {
    return [...this.node.pubsub.feeds].find(({ node }) => node === runId);
  }

  /**
   * `PEER TRACKED <run id> <client> <reads>`: the next request, or transaction, is that client's (0: whose does not
   * matter); with `reads` 1 it keeps what it reads in it.
   */
  private learnTracked(args: Args): void {
    const feed = this.feedOf(args.text(2));
    if (feed === undefined) return this.outbox.reply.error('ERR there is no feed for that node');
    if (!args.is(3, '0')) this.session.origin = { node: args.text(2), client: args.text(3) };
    if (args.is(4, '1')) {
      this.node.tracking.addFeed(feed);
      this.session.tracking = new TrackingState(feed.id);
    }
    this.outbox.reply.ok();
  }

  /** `PEER ORIGIN <run id> <client>`: the next request is that client's. */
  private learnOrigin(args: Args): void {
    this.session.origin = { node: args.text(2), client: args.text(3) };
    this.outbox.reply.ok();
  }

  // ---- maps that differ

  /** `PEER MAP <fingerprint>`: from here on the peer routes by this map. */
  private learnMap(args: Args): void {
    this.peerMap = args.text(2);
    this.outbox.reply.status(this.cluster.map.fingerprint);
  }

  /** Whether every bucket that a request names belongs on this node. */
  private ownsAll(args: Args): boolean {
    return this.strayKey(args) === 0;
  }

  /** The position of the first key that does not belong here, or 0. */
  private strayKey(args: Args): number {
    const command = this.node.table.findWhole(args);
    if (command === undefined || !findKeys(command, args, keys)) return 0;
    for (let i = 0; i < keys.count; i++) {
      const position = keys.positions[i]!;
      if (!this.cluster.owns(args.bytes, args.offsets[position]!, args.lengths[position]!)) return position;
    }
    return 0;
  }

  private refuseNames(args: Args): void {
    if (this.session.isQueueing) this.session.transaction!.abort();
    const { self, map } = this.cluster;
    const stray = quoted(args.copy(this.strayKey(args)));
    const { reply } = this.outbox;
    reply.error(
      `WRONGMAP ${stray} does not belong on ${self}: ${self} has the shard map ${map.fingerprint}, ${this.name!} has ${this.peerMap}; give both the same`,
    );
  }
}

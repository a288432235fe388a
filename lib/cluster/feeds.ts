/**
 * Feeds: how messages that are published at peers reach the subscribers of this node.
 *
 * A node keeps a link of its own to each peer from the moment on when it has something to listen to. Over it, it says
 * what its clients listen to and how many they are, and the peer sends each message that somebody here wants, once:
 *
 *     PEER FEED <run id> <kind> <count> <name> ...   ->      everything, when the link is up
 *     PEER WANT <kind> <count> <name> ...            ->      what has changed
 *                                                    <-      push [message, <channel>, <text>, <client>]
 *                                                            or [smessage, <channel>, <text>, <client>]
 *                                                            or [line, <bucket>, <line>]
 *                                                            or [invalidate, <key>, <client>] or [flush]
 *
 * A message names the client of that node that has published it in a transaction, and gets it otherwise
 * (far-replay.ts).
 *
 * Every node has a link to each node that owns something, so what is published there reaches all of them directly. A
 * node that owns nothing has no links from others: what is published there goes over the feed's link to one owner, its
 * relay, and from there to everybody else (`PEER PUBLISH`). A message to a shard channel goes to its owner (`PEER
 * SPUBLISH`).
 *
 * Clients that keep copies of what they have read (pubsub/tracking.ts) are told over the same links. In front of a
 * read that it passes on, a node says over that read's link that it wants to be told (`PEER TRACK <run id> <key> ...`),
 * and in front of a write of a client that is not to be told of it, whose it is (`PEER ORIGIN <run id> <client>`). A
 * transaction or a command that may wait has both in one (`PEER TRACKED <run id> <client> <reads>`), over its own link.
 *
 * A subscription is confirmed when all peers that are up know it, so that whatever is published after the confirmation,
 * wherever, arrives. What is published while a link is down is lost to this node, as it is to a client of Redis that
 * has lost its connection.
 */
import type { Peer } from './peer.js';
import { Answered } from './receivers.js';
import { encodeRequest } from '../protocol/args.js';
import { type PubSub, TOPIC_KINDS } from '../pubsub/pubsub.js';
import type { WantKind } from '../pubsub/subscriber.js';
import type { Tracking } from '../pubsub/tracking.js';
import { Slice } from '../util/bytes.js';
import { textsOf } from '../protocol/reply-texts.js';

const NOTHING = Buffer.alloc(0);

export class Feeds {
  /** There has been something to listen to: the links are kept from then on. */
  areOpen = false;
  private readonly changes = new Map<string, string[]>();
  private waiting: (() => void)[] = [];
  private willTell = false;
  private readonly channel = new Slice();
  private readonly text = new Slice();

  constructor(
    private readonly pubsub: PubSub,
    private readonly tracking: Tracking,
    /** Tells this run of this node from all others. */
    private readonly runId: string,
    private readonly peers: () => readonly Peer[],
  ) {
    for (const kind of TOPIC_KINDS) {
      pubsub.topics[kind].onCount = (name, count) => this.note(kind, name, count);
    }
    tracking.prefixes.onCount = (prefix, count) => this.note('prefix', prefix, count);
  }

  /** Opens the links, now and to every peer that comes. */
  open(): void {
    if (this.areOpen) return;
    this.areOpen = true;
    for (const peer of this.peers()) peer.openFeed();
  }

  private note(kind: WantKind, name: string, count: number): void {
    if (this.pubsub.whenKnown === undefined) return;
    this.open();
    this.changes.set(`${kind} ${name}`, [kind, String(count), name]);
    this.tellSoon();
  }

  /** Calls `then` when all peers that are up know what has been noted until now. */
  whenKnown(then: () => void): void {
    this.open();
    this.waiting.push(then);
    this.tellSoon();
  }

  /** What comes together in one turn of the event loop is told together. */
  private tellSoon(): void {
    if (this.willTell) return;
    this.willTell = true;
    setImmediate(() => this.tell());
  }

  private tell(): void {
    const waiting = this.waiting.splice(0);
    const changes = [...this.changes.values()].flat();
    this.willTell = false;
    this.changes.clear();
    let missing = 1;
    const done = (): void => {
      if (--missing === 0) for (const then of waiting) then();
    };
    const request = changes.length === 0 ? undefined : encodeRequest(['PEER', 'WANT', ...changes]);
    for (const peer of this.peers()) {
      missing++;
      peer.tellFeed(request, done);
    }
    done();
  }

  /** What is said first on a link. */
  greeting(): Buffer {
    const parts = ['PEER', 'FEED', this.runId];
    for (const kind of TOPIC_KINDS) {
      const topics = this.pubsub.topics[kind];
      for (const [name, { size }] of topics.entries()) parts.push(kind, String(size), name);
    }
    for (const [prefix, count] of this.tracking.prefixes.counts()) parts.push('prefix', String(count), prefix);
    return encodeRequest(parts);
  }

  /** Takes what a peer has pushed. */
  receive(push: Buffer): void {
    const [kind, name = NOTHING, text = NOTHING, client] = textsOf(push);
    const except = client === undefined ? 0 : Number(client.toString('latin1'));
    const channel = this.channel.set(name, 0, name.length);
    const content = this.text.set(text, 0, text.length);
    switch (kind!.toString('latin1')) {
      case 'message':
        this.pubsub.deliver(channel, content, except);
        break;
      case 'smessage':
        this.pubsub.deliverToShard(channel, content, except);
        break;
      case 'line':
        // Kept by subscribers that read slowly.
        this.pubsub.deliverLine(channel.text(), Buffer.from(text));
        break;
      case 'invalidate':
        this.tracking.tell(channel.text(), Number(content.text()));
        break;
      case 'flush':
        this.tracking.flushedElsewhere();
    }
  }

  /** A peer has not told what has changed there for a while: clients that keep copies must forget them. */
  onGap(): void {
    this.tracking.flushedElsewhere();
  }

  /** Publishes through a relay what was published at this node; gives how many clients of other nodes got it. */
  publishThrough(relay: Peer, channel: Buffer, text: Buffer, then: (count: number) => void): void {
    relay.askFeed(encodeRequest(['PEER', 'PUBLISH', channel, text]), new Answered(
      (reply) => then(Number(reply)),
      () => then(0),
    ));
  }
}

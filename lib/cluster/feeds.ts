/**
 * Feeds: how messages that are published at peers reach the subscribers of this node.
 *
 * A node keeps a link of its own to each peer from the moment on when it has something to listen to. Over it, it says
 * what its clients listen to and how many they are, and the peer sends each message that somebody here wants, once:
 *
 *     PEER FEED <run id> <kind> <count> <name> ...   ->      everything, when the link is up
 *     PEER WANT <kind> <count> <name> ...            ->      what has changed
 *                                                    <-      push [message, <channel>, <text>]
 *
 * Every node has a link to each node that owns something, so what is published there reaches all of them directly. A
 * node that owns nothing has no links from others: what is published there goes over the feed's link to one owner, its
 * relay, and from there to everybody else (`PEER PUBLISH`).
 *
 * A subscription is confirmed when all peers that are up know it, so that whatever is published after the confirmation,
 * wherever, arrives. What is published while a link is down is lost to this node, as it is to a client of Redis that
 * has lost its connection.
 */
import { Answered, type Peer } from './peer.js';
import { encodeRequest } from '../protocol/args.js';
import { type PubSub, TOPIC_KINDS } from '../pubsub/pubsub.js';
import type { TopicKind } from '../pubsub/subscriber.js';
import { Slice } from '../util/bytes.js';
import { readPush } from '../protocol/push.js';

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
    /** Tells this run of this node from all others. */
    private readonly runId: string,
    private readonly peers: () => readonly Peer[],
  ) {
    for (const kind of TOPIC_KINDS) {
      pubsub.topics[kind].onCount = (name, count) => this.note(kind, name, count);
    }
  }

  /** Opens the links, now and to every peer that comes. */
  open(): void {
    if (this.areOpen) return;
    this.areOpen = true;
    for (const peer of this.peers()) peer.openFeed();
  }

  private note(kind: TopicKind, name: string, count: number): void {
    if (this.pubsub.whenKnown === undefined) return;
    this.open();
    this.changes.set(`${kind} ${name}`, [kind, String(count), name]);
    this.tellSoon();
  }

  /** Calls `then` when all peers that are up know what has been noted until now. */
  whenKnown(then: () => void): void {
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
    return encodeRequest(parts);
  }

  /** Takes what a peer has pushed. */
  receive(push: Buffer): void {
    const [kind, channel, text] = readPush(push);
    const topic = this.channel.set(channel!, 0, channel!.length);
    const content = this.text.set(text!, 0, text!.length);
    if (kind!.toString('latin1') === 'smessage') this.pubsub.deliverToShard(topic, content);
    else this.pubsub.deliver(topic, content);
  }

  /** Publishes through a relay what was published at this node; gives how many clients of other nodes got it. */
  publishThrough(relay: Peer, channel: Buffer, text: Buffer, then: (count: number) => void): void {
    relay.askFeed(encodeRequest(['PEER', 'PUBLISH', channel, text]), new Answered(
      (reply) => then(Number(reply)),
      () => then(0),
    ));
  }
}

/**
 * The router: decides, for each request of a client, where it runs. Most requests name one bucket, and either this node
 * owns it (the request goes on as if there were no cluster) or a peer does (its bytes go there as they came). The rest
 * follow the command table's routing policy.
 */
import { isForRedis, runOnRedis } from './bucket-on-redis.js';
import type { Side, Sides } from './far-replay.js';
import { FarTransaction } from './far-transaction.js';
import { FarBlock } from './far-block.js';
import { FarRead } from './far-read.js';
import { FarWait, type PlacedKey, type WaitRouter, waitsToTake } from './far-wait.js';
import type { Peer } from './peer.js';
import { mergeBy } from './merge.js';
import { type Part, Scatter, answer } from './scatter.js';
import { NO_OWNER, type ShardMap } from './shard-map.js';
import { specialRoutes } from './special-routes.js';
import { runTransfer, transferOf } from './transfer.js';
import { quoted } from './range.js';
import { KeyPositions, findKeys, hasKeys } from '../commands/key-positions.js';
import type {
  Client, Context, Deferred, EventClass, NodeServices, TransactionSteps, Word,
} from '../commands/context.js';
import type { Command } from '../commands/table.js';
import { CommandError, execAbortedBy, outOfMemory, wrongArity } from '../errors.js';
import type { Router } from '../execution/execute.js';
import { type Holder, isForPauseOfWrites } from '../execution/held-back.js';
import type { Session } from '../execution/session.js';
import type { Transaction } from '../execution/transaction.js';
import { Args } from '../protocol/args.js';
import { ReplyWriter } from '../protocol/reply-writer.js';
import type { Keyspace } from '../store/keyspace.js';
import type { Store } from '../store/store.js';
import type { Slice } from '../util/bytes.js';

/** The map in force, with the peers that it leads to. */
export interface Routes {
  readonly map: ShardMap;
  /** This node's number among the map's owners; NO_OWNER when it owns nothing. */
  readonly self: number;
  /** By owner's number; undefined for this node. */
  readonly peers: readonly (Peer | undefined)[];
}

/** The peer through which a node that owns nothing publishes. */
export interface Relay {
  /** Has it answer a request, behind what it has been told of subscriptions here. */
  forward(session: Session, args: Args): void;
  /** Calls `then` with how many clients of other nodes got the message. */
  publish(channel: Buffer, text: Buffer, then: (count: number) => void): void;
}

/** Several shards own the keys of one request. */
const SEVERAL = -2;

export class ShardRouter implements Router, Sides, WaitRouter {
  private readonly keys = new KeyPositions();
  /** The owners of `keys`, one for one. */
  private owners: number[] = [];
  private readonly partArgs = new Args();
  private readonly scratch = new ReplyWriter();

  /** Undefined where this node has links from all nodes that own something. */
  relay: () => Relay | undefined = () => undefined;

  constructor(public routes: Routes) {}

  /** Whether no other node owns anything. */
  get isAlone(): boolean {
    return this.routes.map.owners.length === 1 && this.routes.self === 0;
  }

  route(session: Session, command: Command, args: Args): boolean {
    const { onlyKey } = command;
    if (onlyKey === 0) return this.routeOther(session, command, args);
    const { map, self } = this.routes;
    const owner = map.ownerOf(args.bytes, args.offsets[onlyKey]!, args.lengths[onlyKey]!);
    if (owner === self && owner !== NO_OWNER) return false;
    this.keys.positions[0] = onlyKey;
    this.forward(session, command, args, owner);
    return true;
  }

  private routeOther(session: Session, command: Command, args: Args): boolean {
    switch (command.spec.routing ?? (hasKeys(command) ? 'one_shard' : 'local')) {
      case 'one_shard':
      case 'multi_shard':
        return this.routeByKeys(session, command, args);
      case 'all_shards':
        return this.scatterToAll(session, command, args);
      case 'special':
        return specialRoutes[command.fullName]?.(this, session, command, args) ?? false;
      default:
        return false;
    }
  }

  private routeByKeys(session: Session, command: Command, args: Args): boolean {
    // Wrong arguments, and no keys at all: the handler here says what is to be said.
    if (!findKeys(command, args, this.keys) || this.keys.count === 0) return false;
    const owner = this.commonOwner(args);
    if (owner === SEVERAL) {
      if (waitsToTake(command)) this.waitFar(session, command, args);
      else if (command.name === 'xread' || command.name === 'xreadgroup') this.readFar(session, command, args);
      else if (command.spec.routing === 'multi_shard') this.scatterByKeys(session, command, args);
      else this.transfer(session, command, args);
      return true;
    }
    if (owner === this.routes.self && owner !== NO_OWNER) return false;
    this.forward(session, command, args, owner);
    return true;
  }

  /** The one owner of all keys, or SEVERAL. Throws when a key has none. */
  private commonOwner(args: Args): number {
    const { map } = this.routes;
    const { positions, count } = this.keys;
    this.owners.length = count;
    let common = NO_OWNER;
    for (let i = 0; i < count; i++) {
      const position = positions[i]!;
      const owner = map.ownerOf(args.bytes, args.offsets[position]!, args.lengths[position]!);
      if (owner === NO_OWNER) throw noOwner(map, args.copy(position));
      this.owners[i] = owner;
      if (i === 0) common = owner;
      else if (owner !== common) common = SEVERAL;
    }
    return common;
  }

  /** The peer that owns the name that is argument `position`; undefined when it is this node. Throws for a gap. */
  peerOf(args: Args, position: number): Peer | undefined {
    const { map, peers } = this.routes;
    const owner = map.ownerOf(args.bytes, args.offsets[position]!, args.lengths[position]!);
    if (owner === NO_OWNER) throw noOwner(map, args.copy(position));
    return peers[owner];
  }

  /**
   * Sends `request` to every other node that owns one of the keys, over the link that the request itself will take.
   * `failed` is called with the keys of a node that refuses; not when it is down, for then the request fails too.
   */
  tellOwners(
    session: Session, command: Command, args: Args, keys: KeyPositions, request: (keys: readonly Buffer[]) => Buffer,
    failed: (keys: readonly Buffer[]) => void,
  ): void {
    const { map, peers } = this.routes;
    const names = new Map<Peer, Buffer[]>();
    for (let i = 0; i < keys.count; i++) {
      const position = keys.positions[i]!;
      const peer = peers[map.ownerOf(args.bytes, args.offsets[position]!, args.lengths[position]!)];
      if (peer !== undefined) names.set(peer, [...(names.get(peer) ?? []), args.copy(position)]);
    }
    // The request itself will have to wait with what goes in front of it.
    for (const peer of names.keys()) peer.link(session.db.index, session.protocol).holdBack(session, command);
    for (const [peer, theirs] of names) peer.preface(session, request(theirs), () => failed(theirs));
  }

  private forward(session: Session, command: Command, args: Args, owner: number): void {
    if (owner === NO_OWNER) throw noOwner(this.routes.map, args.copy(this.keys.positions[0]!));
    const peer = this.routes.peers[owner]!;
    if (command.isBlocking) this.block(session, command, args, peer);
    else if (peer.address.kind === 'redis' && isForRedis(command)) runOnRedis(peer, session, command, args);
    else {
      const link = peer.link(session.db.index, session.protocol);
      if (!link.isOpen) link.holdBack(session, command);
      link.forward(session, args.bytes, args.start, args.end);
    }
  }

  // ---- waiting

  /** Lets a client wait at the one peer that owns what it waits for. */
  private block(session: Session, command: Command, args: Args, peer: Peer): void {
    peer.holdBack(session, command);
    new FarBlock(session, command, args, peer);
  }

  /** Lets a client wait for buckets of several shards. A Redis server cannot say that one is ready. */
  private waitFar(session: Session, command: Command, args: Args): void {
    const placed = this.placedKeys();
    if (placed.some(({ peer }) => peer?.address.kind === 'redis')) throw this.crossSlot(args);
    for (const { peer } of placed) peer?.holdBack(session, command);
    new FarWait(this, session, command, args, placed);
  }

  /** Reads streams of several shards, or waits for them. A Redis server cannot say that a stream has something. */
  private readFar(session: Session, command: Command, args: Args): void {
    const placed = this.placedKeys();
    const read = new FarRead(this, session, command, args, placed);
    if (read.mayWait && placed.some(({ peer }) => peer?.address.kind === 'redis')) throw this.crossSlot(args);
    for (const { peer } of placed) peer?.holdBack(session, command);
    read.start();
  }

  private placedKeys(): PlacedKey[] {
    const { peers } = this.routes;
    return this.owners.slice(0, this.keys.count).map((each, index) => {
      return { position: this.keys.positions[index]!, peer: peers[each] };
    });
  }

  answerNow(session: Session, command: Command, args: Args): Buffer {
    const { node } = session;
    node.setNow();
    const reply = this.replyHere(new PartContext(session, new Scatter(() => undefined).add('')), command, args);
    if (node.waits.hasReady) node.waits.serve();
    return reply;
  }

  // ---- transactions

  admitToTransaction(session: Session, command: Command, args: Args): void {
    this.placeTransaction(session.transaction!, this.nodeFor(command, args));
    this.peerNamed(session.transaction!.node)?.holdBack(session, command);
  }

  /** The node where a queued command must run; undefined when any will do. Throws when it is more than one. */
  private nodeFor(command: Command, args: Args): string | undefined {
    const { map } = this.routes;
    const routing = command.spec.routing ?? (hasKeys(command) ? 'one_shard' : 'local');
    const isForAll = routing === 'all_shards' || command.name === 'scan' || command.name === 'randomkey';
    if (isForAll && map.owners.length > 1) throw concernsAllShards(command);
    if (isForAll) return map.owners[0];
    if (command.name === 'spublish') return map.owners[map.ownerOf(args.bytes, args.offsets[1]!, args.lengths[1]!)];
    if (!findKeys(command, args, this.keys) || this.keys.count === 0) return undefined;
    const owner = this.commonOwner(args);
    if (owner === SEVERAL) throw this.crossSlot(args);
    return map.owners[owner];
  }

  /** Binds a transaction to a node; it is bound to one at most. */
  private placeTransaction(transaction: Transaction, node: string | undefined): void {
    transaction.node = agreed(transaction.node, node);
    transaction.routedBy = this.routes;
  }

  /** WATCH: true when a peer watches, false when this node is to. */
  watch(session: Session, command: Command, args: Args): boolean {
    const transaction = session.steps;
    transaction.checkMayWatch();
    this.placeTransaction(transaction, this.nodeFor(command, args));
    const peer = this.peerNamed(transaction.node);
    if (peer === undefined) return false;
    peer.holdBack(session, command);
    const place = this.farPlace(transaction, peer);
    try {
      place.watch(session, args);
    } finally {
      // A peer that is down: nothing binds the transaction to it.
      if (!place.isWatching) transaction.end();
    }
    return true;
  }

  /** EXEC: true when the transaction runs on a peer, false when it is for this node. */
  exec(session: Session, command: Command): boolean {
    const { transaction } = session;
    if (!transaction?.isOpen) return false;
    if (transaction.routedBy !== this.routes) this.placeAgain(transaction);
    const peer = this.peerNamed(transaction.node);
    // What this node watches or has refused is the transaction's own matter.
    if (peer === undefined || !transaction.isRunnable) {
      // It names no bucket, but may publish.
      if (transaction.node === undefined) transaction.router = this;
      return false;
    }
    peer.holdBack(session, command);
    this.farPlace(transaction, peer).exec(session, transaction, this);
    return true;
  }

  private farPlace(transaction: Transaction, peer: Peer): FarTransaction {
    const { place } = transaction;
    if (place instanceof FarTransaction && place.peer === peer) return place;
    if (place === undefined) {
      const made = new FarTransaction(peer);
      transaction.place = made;
      return made;
    }
    // The node has got another address, and what was watched at the old one is not known any more.
    transaction.end();
    throw execAbortedBy(mapHasChanged());
  }

  /** The map has changed since the transaction began: it goes on only if it would be in the same place today. */
  private placeAgain(transaction: Transaction): void {
    let node: string | undefined;
    try {
      for (const { name } of transaction.watched) node = agreed(node, this.ownerOfName(name));
      transaction.forEach((command, args) => (node = agreed(node, this.nodeFor(command, args))));
      if (transaction.node !== undefined && transaction.node !== node) throw mapHasChanged();
      transaction.node = node;
    } catch (error) {
      transaction.end();
      throw error instanceof CommandError ? execAbortedBy(error) : error;
    }
  }

  private ownerOfName(name: string): string | undefined {
    const bytes = Buffer.from(name, 'latin1');
    return this.routes.map.owners[this.routes.map.ownerOf(bytes, 0, bytes.length)];
  }

  private peerNamed(node: string | undefined): Peer | undefined {
    return node === undefined ? undefined : this.routes.peers[this.routes.map.owners.indexOf(node)];
  }

  sideOf(command: Command, args: Args): Side {
    if (command.name === 'select' || command.name === 'hello') return 'both';
    if (command.name === 'publish' || command.parent?.name === 'pubsub') return 'far';
    return this.nodeFor(command, args) === undefined ? 'here' : 'far';
  }

  // ---- several shards

  private scatterByKeys(session: Session, command: Command, args: Args): void {
    const { peers } = this.routes;
    const { count, positions } = this.keys;
    // The last key lacks its value: no part is run.
    if (args.count - positions[count - 1]! !== positions[1]! - positions[0]!) throw wrongArity(command.fullName);
    const asked = [...new Set(this.owners)];
    // Before anything is sent: a part that must wait, or cannot be sent at all, leaves the others undone.
    for (const owner of asked) peers[owner]?.link(session.db.index, session.protocol).holdBack(session, command);
    for (const owner of asked) peers[owner]?.link(session.db.index, session.protocol).prepare();
    const scatter = new Scatter(answer(session.defer(false), mergeBy(command.spec.merge!)));
    // A part's reply may come back while the others are being made, never before this function has returned.
    for (const owner of asked) {
      const keys = this.owners.flatMap((each, index) => (each === owner ? [index] : []));
      const part = scatter.add(this.routes.map.owners[owner]!, keys);
      const peer = peers[owner];
      if (peer === undefined) this.runHere(part, session, command, this.selectKeys(args, keys));
      else part.send(peer.link(session.db.index, session.protocol), encode(this.selectKeys(args, keys)));
    }
    scatter.close();
  }

  /** The request with some of its keys alone, each with the arguments up to the next key. */
  private selectKeys(args: Args, keys: readonly number[]): Args {
    const { partArgs } = this;
    const { positions, count } = this.keys;
    partArgs.clear();
    partArgs.bytes = args.bytes;
    // It did not come as such.
    partArgs.start = partArgs.end = 0;
    const push = (index: number): void => partArgs.push(args.offsets[index]!, args.lengths[index]!);
    for (let i = 0; i < positions[0]!; i++) push(i);
    for (const key of keys) {
      const end = key + 1 < count ? positions[key + 1]! : args.count;
      for (let i = positions[key]!; i < end; i++) push(i);
    }
    return partArgs;
  }

  /** Runs a request on every shard. */
  private scatterToAll(session: Session, command: Command, args: Args): boolean {
    if (this.isAlone) return false;
    this.holdBackForAll(session, command);
    const scatter = new Scatter(answer(session.defer(false), mergeBy(command.spec.merge!)));
    this.askAll(scatter, session, command, args);
    return true;
  }

  /** Adds a part for every shard, with the same request. */
  askAll(scatter: Scatter, session: Session, command: Command, args: Args): void {
    this.routes.map.owners.forEach((node, owner) => this.askOwner(scatter.add(node), owner, session, command, args));
    scatter.close();
  }

  /** Asks an owner, in the client's database or in another one. */
  askOwner(
    part: Part, owner: number, session: Session, command: Command, args: Args, database = session.db.index,
  ): void {
    const peer = this.routes.peers[owner];
    if (peer !== undefined) {
      part.send(peer.link(database, session.protocol), encode(args));
      return;
    }
    const selected = session.db;
    session.db = session.store.databases[database]!;
    this.runHere(part, session, command, args);
    session.db = selected;
  }

  /** Who holds a request back that is to be sent to an owner, or run here; undefined when nobody does. */
  holderOf(owner: number, session: Session, command: Command, database: number): Holder | undefined {
    const peer = this.routes.peers[owner];
    const { pause } = session.node;
    if (peer === undefined) {
      return pause.isActive && pause.holdsBack(session, isForPauseOfWrites(session, command)) ? pause : undefined;
    }
    const link = peer.link(database, session.protocol);
    return link.isHeldBack(session, command) ? link : undefined;
  }

  /** For a request that concerns all shards: throws HeldBack when it must wait for one of them. */
  holdBackForAll(session: Session, command: Command): void {
    for (const peer of this.routes.peers) peer?.link(session.db.index, session.protocol).holdBack(session, command);
  }

  /** Carries a bucket from shard to shard, for the commands that can do without all keys on one. */
  private transfer(session: Session, command: Command, args: Args): void {
    const transfer = transferOf(session, command, args);
    if (transfer === undefined) throw this.crossSlot(args);
    for (const owner of this.owners) this.routes.peers[owner]?.holdBack(session, command);
    runTransfer(this, session, transfer);
  }

  /** Runs a command on this node as a part of something larger. */
  runHere(part: Part, session: Session, command: Command, args: Args): void {
    const context = new PartContext(session, part);
    const reply = this.replyHere(context, command, args);
    if (!context.isDeferred) part.deliver(reply, 0, reply.length, 1);
  }

  /** What this node answers to a request. */
  replyHere(context: Context, command: Command, args: Args): Buffer {
    const { scratch } = this;
    scratch.protocol = context.client.protocol;
    try {
      const { maxMemory } = context.node;
      if (maxMemory.isSet && maxMemory.refuses(command)) throw outOfMemory();
      context.node.propagation.run(context, command, args, scratch);
    } catch (error) {
      scratch.rewind(0);
      if (!(error instanceof CommandError)) throw error;
      scratch.error(error.message);
    }
    const reply = Buffer.concat(scratch.take());
    scratch.reuse();
    return reply;
  }

  private crossSlot(args: Args): CommandError {
    const { map } = this.routes;
    const shown = this.owners.slice(0, 16).map((owner, index) => {
      return `${quoted(args.copy(this.keys.positions[index]!))} is on ${map.owners[owner]!}`;
    });
    const more = this.owners.length > shown.length ? ', ...' : '';
    return new CommandError(`CROSSSLOT Keys in request don't hash to the same slot: ${shown.join(', ')}${more}`);
  }
}

/** What a handler works with that answers a part of a scattered command: a reply for later is the part's. */
class PartContext implements Context {
  isDeferred = false;
  readonly mayWait = false;

  constructor(
    private readonly session: Session,
    private readonly part: Part,
  ) {}

  get node(): NodeServices {
    return this.session.node;
  }

  get store(): Store {
    return this.session.store;
  }

  get client(): Client {
    return this.session;
  }

  get db(): Keyspace {
    return this.session.db;
  }

  set db(db: Keyspace) {
    this.session.db = db;
  }

  changed(key: Slice, eventClass: EventClass, event: string): void {
    this.session.changed(key, eventClass, event);
  }

  recordAs(...words: readonly Word[]): void {
    this.session.recordAs(...words);
  }

  get recordedAt(): number {
    return this.session.recordedAt;
  }

  set recordedAt(position: number) {
    this.session.recordedAt = position;
  }

  defer(): Deferred {
    this.isDeferred = true;
    return this.part;
  }

  get steps(): TransactionSteps {
    return this.session.steps;
  }

  wait(): void {
    throw new Error('a part of a scattered command does not wait');
  }
}

function noOwner(map: ShardMap, name: Buffer): CommandError {
  return new CommandError(`ERR ${map.describeGap(name)}`);
}

function concernsAllShards(command: Command): CommandError {
  return new CommandError(`CROSSSLOT ${command.fullName} concerns all shards, and a transaction runs on one`);
}

/** The one node that two things agree on, either of which may have no wish. Throws when they do not. */
function agreed(first: string | undefined, second: string | undefined): string | undefined {
  if (first !== undefined && second !== undefined && first !== second) throw otherShard(first, second);
  return first ?? second;
}

function otherShard(first: string, second: string): CommandError {
  return new CommandError(
    `CROSSSLOT Keys in request don't hash to the same slot: the transaction is on ${first}, this is on ${second}`,
  );
}

const mapHasChanged = (): CommandError => new CommandError('ERR the shard map has changed meanwhile');

const writer = new ReplyWriter(4096);

/** A request as RESP, in a buffer of its own. */
function encode(args: Args): Buffer {
  writer.array(args.count);
  for (let i = 0; i < args.count; i++) writer.bulk(args.bytes, args.offsets[i], args.lengths[i]);
  const request = Buffer.concat(writer.take());
  writer.reuse();
  return request;
}

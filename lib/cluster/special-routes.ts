/** The commands whose routing over several shards follows no rule of the command table. */
import { behindHeader, integerOf } from './merge.js';
import type { ShardRouter } from './router.js';
import { nextCursor, readPlace } from './scan-cursor.js';
import { type Part, Scatter, answer, failureOf } from './scatter.js';
import { readScanCursor, readScanOptions } from '../commands/scan-options.js';
import type { Command } from '../commands/table.js';
import type { Session } from '../execution/session.js';
import { Args, encodeRequest, setArgs } from '../protocol/args.js';
import { ReplyFramer } from '../protocol/reply-framer.js';
import { ReplyWriter } from '../protocol/reply-writer.js';
import type { Random } from '../util/random.js';

/** True when the request has been taken care of; false when it is to be run here. */
type SpecialRoute = (router: ShardRouter, session: Session, command: Command, args: Args) => boolean;

/**
 * A page from the shard where the cursor stands; from the next ones as well, when it ends before as many elements were
 * found as the client would like to have.
 */
const scan: SpecialRoute = (router, session, command, args) => {
  if (router.isAlone) return false;
  router.holdBackForAll(session, command);
  const place = readPlace(readScanCursor(args, 1));
  const { count } = readScanOptions(args, 2, (index) => (args.is(index, 'TYPE') && index + 1 < args.count ? 2 : 0));
  const { owners } = router.routes.map;
  const deferred = session.defer(false);
  const options: Buffer[] = [];
  for (let i = 2; i < args.count; i++) options.push(args.copy(i));
  const pages: Page[] = [];
  const ask = (owner: number, cursor: bigint): void => {
    const scatter = new Scatter((parts) => {
      const failure = failureOf(parts);
      if (failure !== undefined) return deferred.complete(failure);
      const page = readPage(parts[0]!.reply);
      pages.push(page);
      const found = pages.reduce((sum, each) => sum + each.count, 0);
      const next = nextCursor(owner, page.cursor, owners.length);
      if (page.cursor === 0n && next !== 0n && found < count) ask(owner + 1, 0n);
      else deferred.complete(joinPages(next, found, pages));
    });
    const request = setArgs(new Args(), ['SCAN', String(cursor), ...options]);
    router.askOwner(scatter.add(owners[owner]!), owner, session, command, request);
    scatter.close();
  };
  // A shard that the map does not have (any more) has nothing to show.
  if (place.owner < owners.length) ask(place.owner, place.cursor);
  else deferred.complete(joinPages(0n, 0, []));
  return true;
};

/** What one shard answered to SCAN. */
interface Page {
  cursor: bigint;
  count: number;
  /** The elements as they came. */
  elements: Buffer;
}

function readPage(reply: Buffer): Page {
  const cursorAt = behindHeader(reply);
  const listAt = new ReplyFramer().next(reply, cursorAt, reply.length);
  const list = reply.subarray(listAt);
  const cursor = BigInt(reply.toString('latin1', cursorAt, listAt).split('\r\n')[1]!);
  return { cursor, count: Number(integerOf(list)), elements: list.subarray(behindHeader(list)) };
}

function joinPages(cursor: bigint, count: number, pages: readonly Page[]): Buffer[] {
  const text = String(cursor);
  return [Buffer.from(`*2\r\n$${text.length}\r\n${text}\r\n*${count}\r\n`), ...pages.map((page) => page.elements)];
}

/** A key drawn from all shards, each as likely as it has keys: first their sizes are asked for, then one draws. */
const randomKey: SpecialRoute = (router, session, command, args) => {
  if (router.isAlone) return false;
  router.holdBackForAll(session, command);
  const { owners } = router.routes.map;
  const deferred = session.defer(false);
  const request = setArgs(new Args(), [args.copy(0)]);
  const sizes = new Scatter((parts) => {
    const failure = failureOf(parts);
    if (failure !== undefined) return deferred.complete(failure);
    const owner = draw(parts.map((part) => Number(integerOf(part.reply))), session.store.random);
    const scatter = new Scatter(answer(deferred, ([part]) => [part!.reply]));
    router.askOwner(scatter.add(owners[owner]!), owner, session, command, request);
    scatter.close();
  });
  router.askAll(sizes, session, session.node.table.named('dbsize')!, setArgs(new Args(), ['DBSIZE']));
  return true;
};

/** The place of one of `weights`, each as likely as it weighs; 0 when none weighs anything. */
function draw(weights: readonly number[], random: Random): number {
  let rest = random.next() * weights.reduce((sum, weight) => sum + weight, 0);
  return Math.max(0, weights.findIndex((weight) => (rest -= weight) < 0));
}

/** What this node says of itself, with the keyspace of all shards that answer. */
const info: SpecialRoute = (router, session, command, args) => {
  if (router.isAlone) return false;
  const own = bodyOf(router.replyHere(session, command, args));
  const at = own.indexOf(KEYSPACE_TITLE);
  if (at < 0) return false;
  // As it is now: a HELLO behind this request may change it before the last part is there.
  const { protocol } = session;
  const deferred = session.defer(false);
  const scatter = new Scatter((parts) => {
    // Client libraries ask for INFO before anything else: a peer that is down is left out rather than an error.
    const texts = parts.filter((part) => !part.isError).map((part) => bodyOf(part.reply));
    const reply = new ReplyWriter();
    reply.protocol = protocol;
    reply.verbatim('txt', own.slice(0, at) + KEYSPACE_TITLE + sumOfKeyspaces(texts));
    deferred.complete(reply.take());
  });
  router.askAll(scatter, session, command, setArgs(new Args(), ['INFO', 'keyspace']));
  return true;
};

/** The section that stands last. */
const KEYSPACE_TITLE = '# Keyspace\r\n';

/** The text of a bulk or verbatim string. */
function bodyOf(reply: Buffer): string {
  const start = behindHeader(reply) + (reply[0] === EQUALS ? 'txt:'.length : 0);
  return reply.toString('latin1', start, reply.length - 2);
}

const EQUALS = 61;

function sumOfKeyspaces(texts: readonly string[]): string {
  const sums = new Map<number, { keys: number; expires: number }>();
  for (const text of texts) {
    for (const [, database, keys, expires] of text.matchAll(/^db(\d+):keys=(\d+),expires=(\d+)/gm)) {
      const sum = sums.get(Number(database)) ?? { keys: 0, expires: 0 };
      sums.set(Number(database), { keys: sum.keys + Number(keys), expires: sum.expires + Number(expires) });
    }
  }
  const sorted = [...sums].sort(([one], [other]) => one - other);
  return sorted.map(([database, { keys, expires }]) => `db${database}:keys=${keys},expires=${expires},avg_ttl=0\r\n`).join('');
}

/** What is published at a node that owns nothing goes on through its relay. */
const publish: SpecialRoute = (router, session, _command, args) => {
  const relay = router.relay();
  if (relay === undefined) return false;
  const here = session.node.pubsub.publish(args.slice(1), args.slice(2));
  const deferred = session.defer(false);
  relay.publish(args.copy(1), args.copy(2), (elsewhere) => deferred.complete([Buffer.from(`:${here + elsewhere}\r\n`)]));
  return true;
};

/**
 * A shard channel belongs to the node that owns its name. Who listens here has the message at once, so that a client
 * has its own in front of the reply; the owner gives it to all others.
 */
const spublish: SpecialRoute = (router, session, command, args) => {
  const peer = router.peerOf(args, 1);
  if (peer === undefined || peer.address.kind === 'redis') return false;
  const { node } = session;
  const link = peer.link(session.db.index, session.protocol);
  link.holdBack(session, command);
  link.prepare();
  const here = node.pubsub.deliverToShard(args.slice(1), args.slice(2));
  const sum = ([part]: readonly Part[]): Buffer[] => [Buffer.from(`:${integerOf(part!.reply) + BigInt(here)}\r\n`)];
  const scatter = new Scatter(answer(session.defer(false), sum));
  scatter.add(peer.name).send(link, encodeRequest(['PEER', 'SPUBLISH', node.runId, args.copy(1), args.copy(2)]));
  scatter.close();
  return true;
};

/** What is listened to anywhere is known to every node that owns something. */
const askRelay: SpecialRoute = (router, session, _command, args) => {
  const relay = router.relay();
  if (relay === undefined) return false;
  relay.forward(session, args);
  return true;
};

export const specialRoutes: Readonly<Partial<Record<string, SpecialRoute>>> = {
  scan, randomkey: randomKey, info, publish, spublish,
  watch: (router, session, command, args) => router.watch(session, command, args),
  exec: (router, session, command) => router.exec(session, command),
  'pubsub|channels': askRelay, 'pubsub|numsub': askRelay, 'pubsub|numpat': askRelay,
  'pubsub|shardchannels': askRelay, 'pubsub|shardnumsub': askRelay,
};

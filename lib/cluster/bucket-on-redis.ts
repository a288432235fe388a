/**
 * Buckets on a shard that is a plain Redis server: the BUCKET subcommands of the line protocol in commands that Redis
 * knows. A hash without entries does not exist there, so CREATE makes nothing (it only finds out whether the name is
 * free), PUT makes what is missing, and a bucket whose last entry is deleted is gone.
 */
import type { Peer } from './peer.js';
import { Scatter, failureOf } from './scatter.js';
import type { Command } from '../commands/table.js';
import { bucketHolds, noBucket } from '../errors.js';
import type { Session } from '../execution/session.js';
import { type Args, encodeRequest } from '../protocol/args.js';

const OK = Buffer.from('+OK\r\n');
const ABSENT = ':0\r\n';

interface Translation {
  requests(name: Buffer, rest: readonly Buffer[]): (string | Buffer)[][];
  /** The reply made of the replies, none of which is an error. */
  reply(name: string, replies: readonly Buffer[]): Buffer;
}

/** Asks whether the bucket is there before anything else. */
function ofBucketThatIsThere(command: string): Translation {
  return {
    requests: (name, rest) => [['EXISTS', name], [command, name, ...rest]],
    reply: (name, [exists, reply]) => (exists!.toString('latin1') === ABSENT ? errorReply(noBucket(name)) : reply!),
  };
}

const translations: Readonly<Partial<Record<string, Translation>>> = {
  create: {
    requests: (name) => [['TYPE', name]],
    reply: (name, [type]) => {
      const holds = type!.toString('latin1', 1, type!.length - 2);
      return holds === 'none' || holds === 'hash' ? OK : errorReply(bucketHolds(name, holds));
    },
  },
  put: { requests: (name, rest) => [['HSET', name, ...rest]], reply: () => OK },
  get: ofBucketThatIsThere('HGET'),
  delete: ofBucketThatIsThere('HDEL'),
};

function errorReply(error: Error): Buffer {
  return Buffer.from(`-${error.message}\r\n`, 'latin1');
}

/** Whether the subcommand can be translated; others are for the server to refuse. */
export function isForRedis(command: Command): boolean {
  return command.parent?.name === 'bucket' && translations[command.name] !== undefined;
}

/** Runs a BUCKET subcommand on a Redis server. Throws the CommandError of a link that is down. */
export function runOnRedis(peer: Peer, session: Session, command: Command, args: Args): void {
  const translation = translations[command.name]!;
  const name = args.copy(2);
  const rest: Buffer[] = [];
  for (let i = 3; i < args.count; i++) rest.push(args.copy(i));
  const link = peer.link(session.db.index, session.protocol);
  link.prepare();
  const deferred = session.defer(false);
  const scatter = new Scatter((parts) => {
    const replies = parts.map((part) => part.reply);
    deferred.complete(failureOf(parts) ?? [translation.reply(name.toString('latin1'), replies)]);
  });
  for (const request of translation.requests(name, rest)) scatter.add(peer.name).send(link, encodeRequest(request));
  scatter.close();
}

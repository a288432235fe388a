/**
 * RENAME, RENAMENX and COPY from one shard to another, by DUMP there and RESTORE here. The node that the client asked
 * leads it over its links, with what any Redis server understands.
 *
 * The copy comes first and the old bucket is removed after it, so whatever breaks off in between, nothing is lost: the
 * bucket is under its old name or under both, and the reply says so. A bucket that is changed while its copy is on the
 * way is copied again: it is only removed when it is still as it was copied (SHARD RELEASE). A shard that is a plain
 * Redis server does not know that: there it is removed in any case.
 *
 * So it is not atomic. For a moment both names are there; and a new bucket under the new name that comes between two
 * copies is written over.
 */
import { askOwner } from './ask-owner.js';
import type { ShardRouter } from './router.js';
import type { Deferred } from '../commands/context.js';
import type { Command } from '../commands/table.js';
import { CommandError, databaseIndexOutOfRange, notAnInteger, syntaxError } from '../errors.js';
import type { Session } from '../execution/session.js';
import type { Args } from '../protocol/args.js';
import type { Reply } from '../protocol/reply-decoder.js';
import { parseInteger } from '../util/numbers.js';

/** A bucket that changes faster than it can be copied is given up after so many times. */
const ATTEMPTS_MAX = 16;
const CHECKSUM_BYTES = 8;

/** What is wanted of a transfer. */
export interface Transfer {
  from: Buffer;
  to: Buffer;
  /** The database of the new bucket. */
  database: number;
  /** Whether the old bucket goes. */
  isMove: boolean;
  replaces: boolean;
  /** The replies when it is done, when the new name is taken, and when there is no such bucket. */
  done: string;
  taken: string;
  missing: string;
}

const ONE = ':1';
const NONE = ':0';

/** What a command that names two shards means; undefined for one that is no transfer. Throws as the command would. */
export function transferOf(session: Session, command: Command, args: Args): Transfer | undefined {
  const common = { from: args.copy(1), to: args.copy(2), database: session.db.index };
  const move = { ...common, isMove: true, missing: '-ERR no such key' };
  switch (command.fullName) {
    case 'rename':
      return { ...move, replaces: true, done: '+OK', taken: '+OK' };
    case 'renamenx':
      return { ...move, replaces: false, done: ONE, taken: NONE };
    case 'copy':
      return { ...common, isMove: false, missing: NONE, done: ONE, taken: NONE, ...copyOptions(session, args) };
    default:
      return undefined;
  }
}

function copyOptions(session: Session, args: Args): { database: number; replaces: boolean } {
  const options = { database: session.db.index, replaces: false };
  for (let i = 3; i < args.count; i++) {
    if (args.is(i, 'REPLACE')) options.replaces = true;
    else if (args.is(i, 'DB') && i + 1 < args.count) {
      const index = parseInteger(args.bytes, args.offsets[++i]!, args.lengths[i]!);
      if (index === undefined) throw notAnInteger();
      if (session.store.databases[Number(index)] === undefined) throw databaseIndexOutOfRange();
      options.database = Number(index);
    } else throw syntaxError();
  }
  return options;
}

/** Carries a transfer out, and gives the client its reply. */
export function runTransfer(router: ShardRouter, session: Session, transfer: Transfer): void {
  // The client's next requests wait: they may speak of the new name.
  new RunningTransfer(router, session, transfer).run(session.defer(true));
}

class RunningTransfer {
  constructor(
    private readonly router: ShardRouter,
    private readonly session: Session,
    private readonly transfer: Transfer,
  ) {}

  run(deferred: Deferred): void {
    const answer = (line: string): void => deferred.complete([Buffer.from(`${line}\r\n`, 'latin1')]);
    this.copyAndRemove().then(answer, (error: unknown) => {
      if (error instanceof CommandError) return answer(`-${error.message}`);
      this.session.node.log.error(`Internal error, please report it: ${String((error as Error).stack)}`);
      answer('-ERR internal error');
    });
  }

  private async copyAndRemove(): Promise<string> {
    const { to, isMove, done, taken, missing } = this.transfer;
    for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
      const [payload, expiresAt] = await this.read();
      if (payload === null) return attempt === 1 ? missing : await this.takeBack();
      const expiresAtMs = Math.max(0, Number(expiresAt));
      // What was copied before is ours to be written over.
      const options = this.transfer.replaces || attempt > 1 ? ['ABSTTL', 'REPLACE'] : ['ABSTTL'];
      const restored = await this.restore(String(expiresAtMs), asBytes(payload), options);
      if (!restored) return taken;
      if (!isMove || (await this.remove(asBytes(payload), expiresAtMs))) return done;
    }
    throw new CommandError(`ERR the bucket changes faster than it can be moved, and is under both names: ${text(to)}`);
  }

  /** The old bucket's payload, and when it expires. */
  private read(): Promise<[Reply, Reply]> {
    const { from } = this.transfer;
    return Promise.all([this.ask(from, 'DUMP', from), this.ask(from, 'PEXPIRETIME', from)]);
  }

  /** The old bucket has gone meanwhile: what came of it goes too. */
  private async takeBack(): Promise<string> {
    await this.ask(this.transfer.to, 'DEL', this.transfer.to);
    return this.transfer.missing;
  }

  /** False when the new name is taken. */
  private async restore(expiresAtMs: string, payload: Buffer, options: string[]): Promise<boolean> {
    const { to } = this.transfer;
    try {
      await this.ask(to, 'RESTORE', to, expiresAtMs, payload, ...options);
      return true;
    } catch (error) {
      if (error instanceof CommandError && error.code === 'BUSYKEY') return false;
      throw error;
    }
  }

  /** Removes the old bucket; false when it is not what was copied. */
  private async remove(payload: Buffer, expiresAtMs: number): Promise<boolean> {
    const { from, to } = this.transfer;
    const checksum = payload.subarray(payload.length - CHECKSUM_BYTES);
    try {
      const reply = this.isOnRedis(from)
        ? await this.ask(from, 'DEL', from)
        : await this.ask(from, 'SHARD', 'RELEASE', from, checksum, String(expiresAtMs));
      return reply === 1;
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      throw new CommandError(`${error.message}; the bucket is under both names: ${text(from)} and ${text(to)}`);
    }
  }

  private ownerOf(key: Buffer): number {
    return this.router.routes.map.ownerOf(key, 0, key.length);
  }

  private isOnRedis(key: Buffer): boolean {
    return this.router.routes.peers[this.ownerOf(key)]?.address.kind === 'redis';
  }

  private ask(key: Buffer, ...request: readonly (string | Buffer)[]): Promise<Reply> {
    const { router, session, transfer } = this;
    const database = key === transfer.to ? transfer.database : session.db.index;
    return askOwner(router, session, key, database, request);
  }
}

function asBytes(reply: Reply): Buffer {
  if (typeof reply !== 'string') throw new CommandError('ERR a shard does not answer DUMP as it should');
  return Buffer.from(reply, 'latin1');
}

function text(name: Buffer): string {
  return JSON.stringify(name.toString('latin1'));
}

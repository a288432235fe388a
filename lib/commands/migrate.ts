/**
 * MIGRATE: moves buckets to another server by DUMP here and RESTORE there. redis-server stands still meanwhile; here
 * only the client that asked waits.
 *
 * So a bucket may be changed while its copy is on the way. Copies are therefore made first, and a bucket is removed
 * only when the other server has it exactly as it is at that moment: one that has changed is sent again, over the
 * copy, and of one that has gone the copy is taken back. Whatever breaks off in between, a bucket is here, or there, or
 * both, never nowhere.
 */
import { readExactInteger } from './arguments.js';
import type { Context, Deferred } from './context.js';
import { payloadOf } from './dump.js';
import { findAnyForRead } from './lookup.js';
import { LinkError, MigrateLink } from './migrate-link.js';
import type { CommandSpec, Handler } from './spec.js';
import { migrateKeysNeedEmptyKey, syntaxError } from '../errors.js';
import { type Args, encodeRequest } from '../protocol/args.js';
import { expiryOf } from '../store/entry.js';
import type { Keyspace } from '../store/keyspace.js';
import { sliceOf } from '../util/bytes.js';

const DEFAULT_TIMEOUT_MS = 1000;
const TIMEOUT_MS_MAX = 2 ** 31 - 1;
/** So many bytes of payloads are on the way at a time. */
const BATCH_BYTES = 1024 * 1024;
/** A bucket that changes faster than it can be sent is given up after so many times. */
const ATTEMPTS_MAX = 64;
const TOO_FAST = 'ERR A key changes faster than it can be moved: it is still here, and the other server has a copy';

interface MigrateRequest {
  host: string;
  port: string;
  database: string;
  timeoutMs: number;
  keys: Buffer[];
  isCopy: boolean;
  replaces: boolean;
  /** What AUTH is sent with. */
  credentials: Buffer[] | undefined;
}

/** Throws syntaxError(), notAnInteger() and migrateKeysNeedEmptyKey(). Source: redis's migrateCommand(). */
function readRequest(args: Args): MigrateRequest {
  const request: MigrateRequest = {
    host: args.text(1), port: args.text(2), database: '', timeoutMs: 0, keys: [args.copy(3)], isCopy: false,
    replaces: false, credentials: undefined,
  };
  for (let i = 6; i < args.count; i++) {
    const more = args.count - 1 - i;
    if (args.is(i, 'COPY')) request.isCopy = true;
    else if (args.is(i, 'REPLACE')) request.replaces = true;
    else if (args.is(i, 'AUTH') && more >= 1) request.credentials = [args.copy(++i)];
    else if (args.is(i, 'AUTH2') && more >= 2) request.credentials = [args.copy(++i), args.copy(++i)];
    else if (args.is(i, 'KEYS')) {
      if (args.lengths[3]! !== 0) throw migrateKeysNeedEmptyKey();
      request.keys = [];
      while (++i < args.count) request.keys.push(args.copy(i));
    } else throw syntaxError();
  }
  const timeoutMs = Number(readExactInteger(args, 5));
  request.timeoutMs = timeoutMs <= 0 ? DEFAULT_TIMEOUT_MS : Math.min(timeoutMs, TIMEOUT_MS_MAX);
  request.database = String(readExactInteger(args, 4));
  return request;
}

const migrate: Handler = (context, args, reply) => {
  const request = readRequest(args);
  const keys = request.keys.filter((key) => findAnyForRead(context, sliceOf(key)) !== 0);
  if (keys.length === 0) return reply.status('NOKEY');
  new Migration(context, request, keys).run(context.defer(true));
};

/** A bucket as it was sent. */
interface Sent {
  key: Buffer;
  payload: Buffer;
  expiresAtMs: number;
  attempts: number;
}

class Migration {
  private readonly db: Keyspace;
  /** The error that the client gets: the first one. */
  private failure: string | undefined;
  private link: MigrateLink | undefined;

  constructor(
    private readonly context: Context,
    private readonly request: MigrateRequest,
    private readonly keys: readonly Buffer[],
  ) {
    this.db = context.db;
  }

  run(deferred: Deferred): void {
    deferred.onAbandoned = () => this.link?.close();
    const answer = (line: string): void => deferred.complete([Buffer.from(`${line}\r\n`, 'latin1')]);
    this.migrate().then(answer, (error: unknown) => {
      answer(`-${this.describe(error)}`);
    }).finally(() => this.link?.close());
  }

  private describe(error: unknown): string {
    if (!(error instanceof LinkError)) {
      this.context.node.log.error(`Internal error in MIGRATE, please report it: ${String((error as Error).stack)}`);
      return 'ERR internal error';
    }
    if (error.phase === 'connecting') return 'IOERR error or timeout connecting to the client';
    return `IOERR error or timeout ${error.phase} to target instance`;
  }

  /** The reply. */
  private async migrate(): Promise<string> {
    const { host, port, timeoutMs } = this.request;
    const link = (this.link = await MigrateLink.open(host, Number.parseInt(port, 10) || 0, timeoutMs));
    await this.introduce(link);
    if (this.failure === undefined) await this.sendAll(link);
    return this.failure === undefined ? '+OK' : `-${this.failure}`;
  }

  private async introduce(link: MigrateLink): Promise<void> {
    const { credentials, database } = this.request;
    if (credentials !== undefined) this.note(await link.ask(encodeRequest(['AUTH', ...credentials])));
    if (this.failure === undefined) this.note(await link.ask(encodeRequest(['SELECT', database])));
  }

  /** Whether a reply is no refusal. */
  private note(line: string): boolean {
    if (!line.startsWith('-')) return true;
    this.failure ??= `ERR Target instance replied with error: ${line.slice(1)}`;
    return false;
  }

  private async sendAll(link: MigrateLink): Promise<void> {
    let waiting: { key: Buffer; attempts: number }[] = this.keys.map((key) => ({ key, attempts: 0 }));
    while (waiting.length > 0) {
      const batch: Sent[] = [];
      let byteCount = 0;
      while (waiting.length > batch.length && byteCount < BATCH_BYTES) {
        const sent = this.dump(waiting[batch.length]!);
        batch.push(sent);
        byteCount += sent.payload.length;
      }
      waiting = waiting.slice(batch.length);
      const alive = batch.filter(({ payload }) => payload.length > 0);
      const replies = alive.map((sent) => link.ask(this.restoreRequest(sent)));
      // The link fails all that are waited for; the first is enough.
      for (const reply of replies) reply.catch(() => undefined);
      for (const [index, sent] of alive.entries()) {
        if (!this.note(await replies[index]!) || this.request.isCopy || this.removeWhatWasSent(sent)) continue;
        if (!this.isThere(sent.key)) this.note(await link.ask(encodeRequest(['DEL', sent.key])));
        else if (sent.attempts < ATTEMPTS_MAX) waiting.push(sent);
        else this.failure ??= TOO_FAST;
      }
    }
  }

  /** The bucket as it is now; its payload is empty when it has gone meanwhile. */
  private dump({ key, attempts }: { key: Buffer; attempts: number }): Sent {
    const { context, db } = this;
    context.store.setNow(context.node.clock.nowMs());
    const ref = db.peek(sliceOf(key));
    if (ref === 0) return { key, payload: Buffer.alloc(0), expiresAtMs: 0, attempts };
    const expiresAtMs = expiryOf(context.store.arena, ref);
    return { key, payload: payloadOf(context, db, ref), expiresAtMs, attempts: attempts + 1 };
  }

  private restoreRequest({ key, payload, expiresAtMs, attempts }: Sent): Buffer {
    const ttlMs = expiresAtMs === 0 ? 0 : Math.max(1, expiresAtMs - this.context.store.nowMs);
    // The copy that was sent before is ours.
    const options = this.request.replaces || attempts > 1 ? ['REPLACE'] : [];
    return encodeRequest(['RESTORE', key, String(ttlMs), payload, ...options]);
  }

  private isThere(key: Buffer): boolean {
    return this.db.peek(sliceOf(key)) !== 0;
  }

  /** Removes a bucket that is still as it was sent; false when it is not. */
  private removeWhatWasSent({ key, payload, expiresAtMs }: Sent): boolean {
    const { context, db } = this;
    const now = this.dump({ key, attempts: 0 });
    if (!now.payload.equals(payload) || now.expiresAtMs !== expiresAtMs) return false;
    const slice = sliceOf(key);
    db.remove(slice, db.peek(slice));
    const selected = context.db;
    context.db = db;
    context.recordAs('DEL', slice);
    context.node.propagation.recordServed(context);
    context.changed(slice, 'g', 'del');
    context.db = selected;
    return true;
  }
}

export const migrateCommands: readonly CommandSpec[] = [
  {
    name: 'migrate', arity: -6, flags: ['write', 'movablekeys'],
    keys: [
      { flags: 'RW access delete', begin: 3, find: { last: 0, step: 1, limit: 0 } },
      { flags: 'RW access delete incomplete', begin: { keyword: 'KEYS', from: -2 }, find: { last: -1, step: 1, limit: 0 } },
    ],
    categories: ['keyspace', 'dangerous'], tips: ['nondeterministic_output'], routing: 'one_shard', mayWait: true,
    group: 'generic', since: '2.6.0',
    complexity:
      'This command actually executes a DUMP+DEL in the source instance, and a RESTORE in the target instance. See the ' +
      'pages of these commands for time complexity. Also an O(N) data transfer between the two instances is performed.',
    summary: 'Moves buckets to another server.',
    syntax:
      'host port <key|""> destination-db timeout:integer [COPY] [REPLACE] ' +
      '[[AUTH password]|[AUTH2 username password]] [KEYS key [key ...]]',
    history: [
      ['3.0.0', 'Added the `COPY` and `REPLACE` options.'],
      ['3.0.6', 'Added the `KEYS` option.'],
      ['4.0.7', 'Added the `AUTH` option.'],
      ['6.0.0', 'Added the `AUTH2` option.'],
    ],
    handler: migrate,
  },
];

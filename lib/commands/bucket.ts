/**
 * BUCKET: our own commands for what the line protocol can say and Redis's commands cannot. A bucket here is a hash; one
 * made with BUCKET CREATE is there while it is empty, and stays when its last entry goes, until it is deleted.
 */
import { bucketEntryCommands, checkHoldsEntries } from './bucket-entry.js';
import type { Context } from './context.js';
import { helpHandler } from './help.js';
import { findForRead } from './lookup.js';
import type { CommandSpec, Handler } from './spec.js';
import { oneKey } from './spec.js';
import { noSuchKey, wrongArity } from '../errors.js';
import { ReplyWriter } from '../protocol/reply-writer.js';
import { CURSOR_END } from '../store/byte-table.js';
import { HASH, entryType, expiryOf, keySlice } from '../store/entry.js';
import {
  createHash, fieldCount, hashBytes, hashEncoding, keepWhenEmpty, staysWhenEmpty,
} from '../store/hash-value.js';
import type { Keyspace } from '../store/keyspace.js';
import { Slice, sliceOf } from '../util/bytes.js';
import { matchesGlob } from '../util/glob.js';

/**
 * What BUCKET CREATE is in the append log: an ECHO of this and the bucket's name. Redis's tools and redis-server, which
 * knows no such command, load it as nothing, and everything else as it is.
 */
export const CREATION_MARK = Buffer.from('pigeonhole BUCKET CREATE ');

/** OK whether the bucket is new or was there, whoever made it. Throws bucketHolds() when it holds another type. */
const create: Handler = (context, args, reply) => {
  const { db, store: { arena } } = context;
  const name = args.slice(2);
  let ref = db.find(name);
  if (ref === 0) ref = createHash(db, name);
  else checkHoldsEntries(context, name, ref);
  if (!staysWhenEmpty(arena, ref)) {
    keepWhenEmpty(arena, ref);
    context.recordAs('ECHO', Buffer.concat([CREATION_MARK, name.copyOf()]));
    context.changed(name, 'h', 'create');
  }
  reply.ok();
};

/**
 * A map: `type`, `entries`, `encoding` as OBJECT ENCODING shows it, `bytes` of memory, `created` whether it stays when
 * empty, `ttl-ms` or -1. Throws noSuchKey() and wrongType().
 */
const info: Handler = (context, args, reply) => {
  const { db, store } = context;
  const ref = findForRead(context, args.slice(2), HASH);
  if (ref === 0) throw noSuchKey();
  const expiresAtMs = expiryOf(store.arena, ref);
  reply.map(6);
  reply.bulkText('type');
  reply.bulkText('hash');
  reply.bulkText('entries');
  reply.integer(fieldCount(db, ref));
  reply.bulkText('encoding');
  reply.bulkText(hashEncoding(db, ref));
  reply.bulkText('bytes');
  reply.integer(hashBytes(db, ref));
  reply.bulkText('created');
  reply.boolean(staysWhenEmpty(store.arena, ref));
  reply.bulkText('ttl-ms');
  reply.integer(expiresAtMs === 0 ? -1 : expiresAtMs - store.nowMs);
};

/** A database with more buckets than this is listed in several turns of the event loop. */
const LISTED_AT_ONCE_MAX = 10_000;
/** So many buckets are looked at in a turn: about a millisecond's work. */
const LISTED_PER_TURN = 5000;

/**
 * The names of the buckets that are hashes and match the pattern, in any order. From a large database they are
 * gathered in slices; as with SCAN, a bucket that is there from start to end is listed. Throws wrongArity().
 */
const list: Handler = (context, args, reply) => {
  if (args.count > 3) throw wrongArity('bucket|list');
  const pattern = args.count === 3 ? sliceOf(args.copy(2)) : undefined;
  const names = new NameList(context.db, pattern);
  if (context.db.size <= LISTED_AT_ONCE_MAX) {
    names.gather(Infinity);
    for (const bytes of names.reply()) reply.raw(bytes);
  } else listInSlices(context, names);
};

function listInSlices(context: Context, names: NameList): void {
  const owed = context.defer(true);
  let isAbandoned = false;
  owed.onAbandoned = () => (isAbandoned = true);
  const turn = (): void => {
    if (isAbandoned) return;
    if (names.gather(LISTED_PER_TURN)) setImmediate(turn);
    else owed.complete(names.reply());
  };
  turn();
}

/** The reply of BUCKET LIST as it grows. */
class NameList {
  private readonly names = new ReplyWriter();
  private count = 0;
  private cursor = 0;
  private readonly name = new Slice();

  constructor(
    private readonly db: Keyspace,
    private readonly pattern: Slice | undefined,
  ) {}

  /** Looks at about `limit` buckets more; false when there are none left. */
  gather(limit: number): boolean {
    let visited = 0;
    const visit = (ref: number): void => {
      visited++;
      this.add(ref);
    };
    while (this.cursor < CURSOR_END && visited < limit) this.cursor = this.db.scan(this.cursor, visit);
    return this.cursor < CURSOR_END;
  }

  private add(ref: number): void {
    const { arena, nowMs } = this.db.store;
    if (entryType(arena, ref) !== HASH) return;
    const expiresAtMs = expiryOf(arena, ref);
    if (expiresAtMs !== 0 && expiresAtMs <= nowMs) return;
    const name = keySlice(arena, ref, this.name);
    if (this.pattern !== undefined && !matchesGlob(this.pattern, name)) return;
    this.names.slice(name);
    this.count++;
  }

  reply(): Buffer[] {
    const head = new ReplyWriter(64);
    head.array(this.count);
    return [...head.take(), ...this.names.take()];
  }
}

const help = helpHandler('BUCKET', [
  'CREATE <name>',
  '    Make a bucket that stays when it is empty, until it is deleted.',
  'DELETE <name> <field>',
  '    Delete a field of a bucket that is there.',
  'GET <name> <field>',
  '    Return the value of a field of a bucket that is there.',
  'INFO <name>',
  '    Show the number of entries, encoding, memory and life of a bucket.',
  'LIST [<pattern>]',
  '    List the buckets that hold entries, or may, whose name matches the pattern.',
  'PUT <name> <field> <value>',
  '    Set the value of a field of a bucket that is there.',
]);

const SHARED = { categories: ['hash'], group: 'hash', since: '0.1.0' } as const;

export const bucketCommands: readonly CommandSpec[] = [
  {
    ...SHARED, name: 'bucket', arity: -2, flags: [], complexity: 'Depends on subcommand.',
    summary: 'A container for commands over buckets as the line protocol knows them.',
    subcommands: [
      {
        ...SHARED, name: 'create', arity: 3, flags: ['write', 'denyoom', 'fast'], keys: oneKey('RW insert', 2),
        routing: 'one_shard', complexity: 'O(1)', summary: 'Makes a bucket that stays when it is empty.', syntax: 'name',
        handler: create,
      },
      {
        ...SHARED, name: 'help', arity: 2, flags: ['loading', 'stale'], complexity: 'O(1)',
        summary: 'Lists the subcommands.', handler: help,
      },
      {
        ...SHARED, name: 'info', arity: 3, flags: ['readonly', 'fast'], keys: oneKey('RO', 2), routing: 'one_shard',
        tips: ['nondeterministic_output'], complexity: 'O(1)', summary: 'Describes a bucket.', syntax: 'name', handler: info,
      },
      {
        ...SHARED, name: 'list', arity: -2, flags: ['readonly'], tips: ['nondeterministic_output_order'],
        routing: 'all_shards', merge: 'concat', complexity: 'O(N) where N is the number of buckets in the database.',
        summary: 'Lists the buckets that are hashes.', syntax: '[pattern]', handler: list,
      },
      ...bucketEntryCommands,
    ],
  },
];

/** DEBUG: for tests and for a look inside. It must be allowed by `enable-debug-command`, as in redis-server. */
import { readInteger } from './arguments.js';
import type { Context } from './context.js';
import { helpHandler } from './help.js';
import { mayDoProtected } from './protected.js';
import type { CommandSpec, Handler } from './spec.js';
import { parseBytes } from '../config/setting-value.js';
import { CommandError, hasNoFolder, noSuchKey, notInTransactions, saveInProgress, subcommandSyntax } from '../errors.js';
import type { ReplyWriter } from '../protocol/reply-writer.js';
import { SLOT_BYTES } from '../store/byte-table.js';
import { accessOf, valueLength } from '../store/entry.js';
import { valueTypeOf } from '../store/value-types.js';
import { sliceOf } from '../util/bytes.js';
import { matchesGlob } from '../util/glob.js';

const debug: Handler = (context, args, reply) => {
  if (!mayDoProtected(context, 'enable-debug-command')) throw notAllowed();
  const name = args.text(1).toUpperCase();
  const subcommand = SUBCOMMANDS.get(name);
  if (subcommand === undefined || args.count < subcommand.min + 2 || args.count > subcommand.max + 2) {
    throw subcommandSyntax(args.text(1), 'debug');
  }
  subcommand.handler(context, args, reply);
};

function notAllowed(): CommandError {
  return new CommandError(
    'ERR DEBUG command not allowed. If the enable-debug-command option is set to "local", you can run it from a local ' +
      'connection, otherwise you need to set this option in the configuration file, and then restart the server.',
  );
}

/** The longest that a client may hold a node up. */
const SLEEP_MS_MAX = 2 ** 31 - 1;

/** Nothing else happens meanwhile: that is what it is for. A text that is no number is 0, as in redis-server. */
const sleep: Handler = (_context, args, reply) => {
  const ms = Math.min((Number.parseFloat(args.text(2)) || 0) * 1000, SLEEP_MS_MAX);
  if (ms > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  reply.ok();
};

/** `at` is the entry's ref in the arena; `serializedlength` the bytes of its value there. */
const object: Handler = ({ db, store }, args, reply) => {
  const { arena, access } = store;
  const ref = db.peek(args.slice(2));
  if (ref === 0) throw noSuchKey();
  const encoding = valueTypeOf(db, ref).encoding(db, ref);
  const used = accessOf(arena, ref);
  const idleSeconds = access.idleSeconds(used);
  reply.status(
    `Value at:0x${ref.toString(16)} refcount:1 encoding:${encoding} serializedlength:${valueLength(arena, ref)} ` +
      `lru:${used} lru_seconds_idle:${idleSeconds}`,
  );
};

const setActiveExpire: Handler = ({ node }, args, reply) => {
  // As atoi() reads it: no number is 0.
  node.isExpiringActively = (Number.parseInt(args.text(2), 10) || 0) !== 0;
  reply.ok();
};

/** Accepted: there is no replication whose id could change, and no listpack whose threshold could be moved. */
const accept: Handler = (_context, _args, reply) => reply.ok();

const quicklistPackedThreshold: Handler = (context, args, reply) => {
  const bytes = parseBytes(args.text(2));
  if (Number.isNaN(bytes) || bytes > 2 ** 32) {
    throw new CommandError('ERR argument must be a memory value bigger than 1 and smaller than 4gb');
  }
  accept(context, args, reply);
};

/** Writes the snapshot (not with NOSAVE), empties the store (not with NOFLUSH), and loads it (MERGE: over what is). */
const reload: Handler = (context, args) => {
  const { node } = context;
  const words = new Set<string>();
  for (let i = 2; i < args.count; i++) {
    const word = ['MERGE', 'NOFLUSH', 'NOSAVE'].find((each) => args.is(i, each));
    if (word === undefined) {
      throw new CommandError('ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.');
    }
    words.add(word);
  }
  const saves = !words.has('NOSAVE');
  checkMayReload(context);
  if (!node.snapshots.hasFolder) throw hasNoFolder();
  if (node.snapshots.isSaving) throw saveInProgress();
  const deferred = context.defer(true);
  const replies = {
    done: '+OK\r\n', 'not saved': '-ERR\r\n', 'not loaded': '-ERR Error trying to load the RDB dump\r\n',
  } as const;
  void node.reload({ saves, empties: !words.has('NOFLUSH'), replaces: words.has('MERGE') }).then((outcome) => {
    deferred.complete([Buffer.from(replies[outcome])]);
  });
};

/** Takes a while, in which clients are told -LOADING: not in the middle of a transaction. */
function checkMayReload({ mayWait }: Context): void {
  if (!mayWait) throw notInTransactions();
}

/** Loads the append log anew. */
const loadaof: Handler = (context) => {
  checkMayReload(context);
  const deferred = context.defer(true);
  const reply = (text: string): void => deferred.complete([Buffer.from(text)]);
  context.node.appendLog.reload().then(
    () => reply('+OK\r\n'),
    (error: unknown) => {
      context.node.log.warning(`DEBUG LOADAOF: ${error instanceof Error ? error.message : String(error)}`);
      reply('-ERR Error trying to load the AOF files, check server logs.\r\n');
    },
  );
};

/** The index of a database, in the words of redis-server where they fit. */
const htstats: Handler = ({ store }, args, reply) => {
  const index = readInteger(args, 2);
  const db = store.databases[index];
  if (db === undefined) throw new CommandError('ERR Out of range database');
  const table = (title: string, size: number, bytes: number): string =>
    `[${title}]\n table size: ${bytes / SLOT_BYTES}\n number of elements: ${size}\n bytes: ${bytes}\n`;
  const expires = table('Expires HT', db.expiringSize, db.expiringIndexBytes);
  reply.verbatim('txt', table('Dictionary HT', db.size, db.indexBytes) + expires);
};

/** How full the store is. */
const store: Handler = ({ store: { arena, databases, reclaimer } }, _args, reply) => {
  const figures = new Map<string, number>([
    ['arena.used', arena.usedBytes],
    ['arena.held', arena.heldBytes],
    ['buckets', databases.reduce((sum, db) => sum + db.size, 0)],
    ['index.bytes', databases.reduce((sum, db) => sum + db.indexBytes, 0)],
    ['expiring', databases.reduce((sum, db) => sum + db.expiringSize, 0)],
    ['expiring.bytes', databases.reduce((sum, db) => sum + db.expiringIndexBytes, 0)],
    ['reclaimer.pending', reclaimer.pending],
  ]);
  reply.map(figures.size);
  for (const [name, figure] of figures) {
    reply.bulkText(name);
    reply.integer(figure);
  }
};

const log: Handler = ({ node }, args, reply) => {
  node.log.warning(`DEBUG LOG: ${args.text(2)}`);
  reply.ok();
};

const error: Handler = (_context, args, reply) => reply.error(args.text(2));

/** A reply of each type, for the tests of client libraries. */
const protocol: Handler = (_context, args, reply) => {
  const example = EXAMPLES.get(args.text(2).toLowerCase());
  if (example === undefined) {
    const names = [...EXAMPLES.keys()].join('|');
    throw new CommandError(`ERR Wrong protocol type name. Please use one of the following: ${names}`);
  }
  example(reply);
};

const EXAMPLES = new Map<string, (reply: ReplyWriter) => void>([
  ['string', (reply) => reply.bulkText('Hello World')],
  ['integer', (reply) => reply.integer(12345)],
  ['double', (reply) => reply.double('3.141')],
  ['bignum', (reply) => reply.bigNumber('1234567999999999999999999999999999999')],
  ['null', (reply) => reply.nil()],
  ['array', (reply) => {
    reply.array(3);
    for (let i = 0; i < 3; i++) reply.integer(i);
  }],
  ['set', (reply) => {
    reply.set(3);
    for (let i = 0; i < 3; i++) reply.integer(i);
  }],
  ['map', (reply) => {
    reply.map(3);
    for (let i = 0; i < 3; i++) {
      reply.integer(i);
      reply.boolean(i === 1);
    }
  }],
  ['attrib', (reply) => {
    if (reply.protocol === 3) {
      reply.attribute(1);
      reply.bulkText('key-popularity');
      reply.array(2);
      reply.bulkText('key:123');
      reply.integer(90);
    }
    reply.bulkText('Some real reply following the attribute');
  }],
  ['push', (reply) => {
    if (reply.protocol === 2) throw new CommandError('ERR RESP2 is not supported by this command');
    reply.push(2);
    reply.bulkText('server-cpu-usage');
    reply.integer(42);
    reply.bulkText('Some real reply following the push reply');
  }],
  ['verbatim', (reply) => reply.verbatim('txt', 'This is a verbatim\nstring')],
  ['true', (reply) => reply.boolean(true)],
  ['false', (reply) => reply.boolean(false)],
]);


/** The longest text that a pattern is tried on. */
const TEXT_BYTES_MAX = 2 ** 20;

const stringmatchLen: Handler = (_context, args, reply) => {
  const text = Buffer.alloc(Math.min(Math.max(readInteger(args, 2), 0), TEXT_BYTES_MAX), 'a');
  reply.integer(matchesGlob(args.slice(3), sliceOf(text)) ? 1 : 0);
};

const help = helpHandler('DEBUG', [
  'CHANGE-REPL-ID',
  '    Accepted; this node has no replication ID.',
  'ERROR <string>',
  '    Return a Redis protocol error with <string> as message. Useful for clients',
  '    unit tests to simulate Redis errors.',
  'LOADAOF',
  '    Flush the append log to disk and load it anew.',
  'RELOAD [option ...]',
  '    Save the RDB on disk and reload it back to memory. Valid <option> values:',
  '    * MERGE: conflicting keys will be loaded from RDB.',
  '    * NOFLUSH: the existing database will not be removed before load.',
  '    * NOSAVE: the database will be loaded from an existing RDB file.',
  'LOG <message>',
  '    Write <message> to the server log.',
  'HTSTATS <dbid>',
  '    Return hash table statistics of the specified Redis database.',
  'OBJECT <key>',
  '    Show low level info about `key` and associated value.',
  'PROTOCOL <type>',
  '    Reply with a test value of the specified type. <type> can be: string,',
  '    integer, double, bignum, null, array, set, map, attrib, push, verbatim,',
  '    true, false.',
  'SET-ACTIVE-EXPIRE <0|1>',
  '    Setting it to 0 disables expiring keys in background when they are not',
  '    accessed (otherwise the Redis behavior). Setting it to 1 reenables back the',
  '    default.',
  'QUICKLIST-PACKED-THRESHOLD <size>',
  '    Accepted; lists are kept in another way.',
  'SLEEP <seconds>',
  '    Stop the server for <seconds>. Decimals allowed.',
  'STORE',
  '    Show how full the arena and the indexes are.',
  'STRINGMATCH-LEN <length> <pattern>',
  '    Match <pattern> against a text of <length> bytes.',
]);

interface Subcommand {
  handler: Handler;
  /** How many arguments follow its name. */
  min: number;
  max: number;
}

const SUBCOMMANDS = new Map<string, Subcommand>([
  ['CHANGE-REPL-ID', { handler: accept, min: 0, max: 0 }],
  ['ERROR', { handler: error, min: 1, max: 1 }],
  ['HELP', { handler: help, min: 0, max: 0 }],
  ['HTSTATS', { handler: htstats, min: 1, max: 1 }],
  ['RELOAD', { handler: reload, min: 0, max: Infinity }],
  ['LOADAOF', { handler: loadaof, min: 0, max: 0 }],
  ['LOG', { handler: log, min: 1, max: 1 }],
  ['OBJECT', { handler: object, min: 1, max: 1 }],
  ['PROTOCOL', { handler: protocol, min: 1, max: 1 }],
  ['QUICKLIST-PACKED-THRESHOLD', { handler: quicklistPackedThreshold, min: 1, max: 1 }],
  ['SET-ACTIVE-EXPIRE', { handler: setActiveExpire, min: 1, max: 1 }],
  ['SLEEP', { handler: sleep, min: 1, max: 1 }],
  ['STORE', { handler: store, min: 0, max: 0 }],
  ['STRINGMATCH-LEN', { handler: stringmatchLen, min: 2, max: 2 }],
]);

export const debugCommands: readonly CommandSpec[] = [
  {
    name: 'debug', arity: -2, flags: ['admin', 'noscript', 'loading', 'stale'], categories: [], routing: 'local',
    group: 'server', since: '1.0.0', complexity: 'Depends on subcommand.', isSystem: true,
    summary: 'For tests and for a look inside.', handler: debug,
  },
];

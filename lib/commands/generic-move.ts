/** The commands that give a bucket another name or database, or copy it. */
import type { Context } from './context.js';
import { findAnyForRead, findAnyForWrite } from './lookup.js';
import { readIntegerBetween } from './arguments.js';
import type { CommandSpec, Handler } from './spec.js';
import { oneKey } from './spec.js';
import { databaseIndexOutOfRange, noSuchKey, sameObject, syntaxError } from '../errors.js';
import type { Args } from '../protocol/args.js';
import { expiryOf } from '../store/entry.js';
import type { Keyspace } from '../store/keyspace.js';
import { valueTypeOf } from '../store/value-types.js';
import type { Slice } from '../util/bytes.js';

const INT_MAX = 2 ** 31 - 1;

/** The database whose number is argument `index`. Throws notAnInteger(), notAnInt() and databaseIndexOutOfRange(). */
function readDatabase(context: Context, args: Args, index: number): Keyspace {
  const number = readIntegerBetween(args, index, -INT_MAX - 1, INT_MAX);
  const db = context.store.databases[number];
  if (db === undefined) throw databaseIndexOutOfRange();
  return db;
}

/** Says that a bucket was changed in a database that need not be the selected one. */
function changedIn(context: Context, db: Keyspace, key: Slice, event: string): void {
  const selected = context.db;
  context.db = db;
  context.changed(key, 'g', event);
  context.db = selected;
}

/** RENAME, or RENAMENX with `onlyNew`. */
function renameHandler(onlyNew: boolean): Handler {
  return (context, args, reply) => {
    const { db } = context;
    const key = args.slice(1);
    const newKey = args.slice(2);
    const ref = findAnyForWrite(context, key);
    if (ref === 0) throw noSuchKey();
    const isSame = key.equals(newKey);
    const taken = isSame ? ref : db.find(newKey);
    if (onlyNew && taken !== 0) return reply.integer(0);
    if (!isSame) {
      db.rename(key, ref, newKey, taken);
      context.changed(key, 'g', 'rename_from');
      context.changed(newKey, 'g', 'rename_to');
    }
    if (onlyNew) reply.integer(1);
    else reply.ok();
  };
}

const move: Handler = (context, args, reply) => {
  const from = context.db;
  const to = readDatabase(context, args, 2);
  if (from === to) throw sameObject();
  const key = args.slice(1);
  const ref = findAnyForWrite(context, key);
  if (ref === 0 || to.find(key) !== 0) return reply.integer(0);
  from.moveTo(to, key, ref);
  changedIn(context, from, key, 'move_from');
  changedIn(context, to, key, 'move_to');
  reply.integer(1);
};

function readCopyOptions(context: Context, args: Args): { to: Keyspace; replaces: boolean } {
  const options = { to: context.db, replaces: false };
  for (let i = 3; i < args.count; i++) {
    if (args.is(i, 'REPLACE')) options.replaces = true;
    else if (args.is(i, 'DB') && i + 1 < args.count) options.to = readDatabase(context, args, ++i);
    else throw syntaxError();
  }
  return options;
}

const copy: Handler = (context, args, reply) => {
  const { db } = context;
  const { to, replaces } = readCopyOptions(context, args);
  const key = args.slice(1);
  const newKey = args.slice(2);
  if (db === to && key.equals(newKey)) throw sameObject();
  const ref = findAnyForRead(context, key);
  if (ref === 0) return reply.integer(0);
  const taken = to.find(newKey);
  if (taken !== 0 && !replaces) return reply.integer(0);
  const copied = valueTypeOf(db, ref).copy(db, ref, newKey, expiryOf(context.store.arena, ref));
  if (taken === 0) to.add(newKey, copied);
  else {
    to.makeRoomFor(newKey.hash, copied);
    to.remove(newKey, taken);
    to.add(newKey, copied);
  }
  changedIn(context, to, newKey, 'copy_to');
  reply.integer(1);
};

const RECORD = { categories: ['keyspace'], routing: 'one_shard', group: 'generic' } as const;

const MOVE_COMPLEXITY = 'O(1), and the length of a value that is kept with its key when the key gets longer or shorter';

export const genericMoveCommands: readonly CommandSpec[] = [
  {
    name: 'rename', arity: 3, flags: ['write'], keys: [...oneKey('RW access delete'), ...oneKey('OW update', 2)],
    ...RECORD, since: '1.0.0', complexity: MOVE_COMPLEXITY, summary: 'Gives a bucket another name.',
    syntax: 'key newkey', handler: renameHandler(false),
  },
  {
    name: 'renamenx', arity: 3, flags: ['write', 'fast'],
    keys: [...oneKey('RW access delete'), ...oneKey('OW insert', 2)], ...RECORD, since: '1.0.0',
    complexity: MOVE_COMPLEXITY, summary: 'Gives a bucket another name, unless that one is taken.',
    history: [['3.2.0', 'The command no longer returns an error when source and destination names are the same.']],
    syntax: 'key newkey', handler: renameHandler(true),
  },
  {
    name: 'move', arity: 3, flags: ['write', 'fast'], keys: oneKey('RW access update'), ...RECORD, since: '1.0.0',
    complexity: 'O(1)', summary: 'Moves a bucket to another database.', syntax: 'key db', handler: move,
  },
  {
    name: 'copy', arity: -3, flags: ['write', 'denyoom'], keys: [...oneKey('RO access'), ...oneKey('OW update', 2)],
    ...RECORD, since: '6.2.0', summary: 'Copies a bucket.',
    complexity: 'O(N) worst case for collections, where N is the number of nested items. O(1) for string values.',
    syntax: 'source destination [DB destination-db] [REPLACE]', handler: copy,
  },
];

/** XGROUP: the groups that read a stream, and their consumers. */
import { readExactInteger } from './arguments.js';
import type { Context } from './context.js';
import { helpHandler } from './help.js';
import { findForWrite } from './lookup.js';
import { type CommandSpec, type Handler, oneKey } from './spec.js';
import { readId, readIdOrExtreme } from './stream-arguments.js';
import { badEntriesRead, groupExists, noSuchGroup, streamMissing, subcommandSyntax } from '../errors.js';
import type { Args } from '../protocol/args.js';
import { STREAM } from '../store/entry.js';
import { type StreamConsumer, type StreamGroup, UNKNOWN_READ } from '../store/stream-group.js';
import { StreamId } from '../store/stream-id.js';
import { createStream, streamOf } from '../store/stream-value.js';
import type { Stream } from '../store/stream.js';
import type { Slice } from '../util/bytes.js';

/** The consumer of this name, who is seen now, or a new one. */
export function findConsumer(context: Context, key: Slice, group: StreamGroup, name: string): StreamConsumer {
  const { timeMs } = context.store;
  const found = group.consumers.get(name);
  if (found !== undefined) {
    found.seenAtMs = timeMs;
    return found;
  }
  const consumer = group.addConsumer(name, timeMs);
  context.recordAs('XGROUP', 'CREATECONSUMER', key, group.name, name);
  context.changed(key, 't', 'xgroup-createconsumer');
  return consumer;
}

/** For the append log: how far a group has read. */
export function recordProgress(context: Context, key: Slice, { name, lastId, entriesRead }: StreamGroup): void {
  // A number that was wound beyond its end cannot be said; the group counts anew.
  const count = entriesRead < UNKNOWN_READ ? UNKNOWN_READ : entriesRead;
  context.recordAs('XGROUP', 'SETID', key, name, lastId.text(), 'ENTRIESREAD', String(count));
}

interface GroupOptions {
  makesStream: boolean;
  entriesRead: number | bigint;
}

/** The options behind the ID of CREATE and SETID. Throws notAnInteger(), badEntriesRead() and subcommandSyntax(). */
function readGroupOptions(args: Args, isCreate: boolean): GroupOptions {
  const options: GroupOptions = { makesStream: false, entriesRead: UNKNOWN_READ };
  for (let index = 5; index < args.count; ) {
    if (isCreate && args.is(index, 'MKSTREAM')) {
      options.makesStream = true;
      index++;
    } else if (args.is(index, 'ENTRIESREAD') && index + 1 < args.count) {
      options.entriesRead = readExactInteger(args, index + 1);
      if (options.entriesRead < UNKNOWN_READ) throw badEntriesRead();
      index += 2;
    } else throw subcommandSyntax(args.text(1), 'XGROUP');
  }
  return options;
}

/** The stream of argument 2. Throws wrongType() and streamMissing(). */
function findStream(context: Context, args: Args): Stream {
  const ref = findForWrite(context, args.slice(2), STREAM);
  if (ref === 0) throw streamMissing();
  return streamOf(context.db, ref);
}

/** The group of argument 3. Throws noSuchGroup(). */
function findGroup(stream: Stream, args: Args): StreamGroup {
  const group = stream.groups.get(args.text(3));
  if (group === undefined) throw noSuchGroup(args.text(3), args.text(2));
  return group;
}

/** The arguments of CREATE with all of its options once. */
const CREATE_ARGS_MAX = 8;

const create: Handler = (context, args, reply) => {
  const { makesStream, entriesRead } = readGroupOptions(args, true);
  const key = args.slice(2);
  const ref = findForWrite(context, key, STREAM);
  if (ref === 0 && !makesStream) throw streamMissing();
  if (args.count > CREATE_ARGS_MAX) throw subcommandSyntax(args.text(1), 'XGROUP');
  const known = ref === 0 ? undefined : streamOf(context.db, ref);
  const id = new StreamId();
  if (!isNewest(args, 4)) readId(args, 4, id);
  else if (known !== undefined) id.copyFrom(known.lastId);
  const name = args.text(3);
  if (known?.groups.has(name) === true) throw groupExists();
  const stream = known ?? createStream(context.db, key);
  stream.addGroup(name, id, entriesRead);
  context.changed(key, 't', 'xgroup-create');
  reply.ok();
};

/** Whether an argument is `$`, the newest entry of a stream. */
function isNewest(args: Args, index: number): boolean {
  return args.lengths[index]! > 0 && args.textStart(index, 2).split('\0', 1)[0] === '$';
}

const setid: Handler = (context, args, reply) => {
  const { entriesRead } = readGroupOptions(args, false);
  const stream = findStream(context, args);
  const group = findGroup(stream, args);
  if (args.count !== 5 && args.count !== 7) throw subcommandSyntax(args.text(1), 'XGROUP');
  const id = new StreamId();
  if (isNewest(args, 4)) id.copyFrom(stream.lastId);
  else readIdOrExtreme(args, 4, id);
  group.lastId.copyFrom(id);
  group.entriesRead = entriesRead;
  context.changed(args.slice(2), 't', 'xgroup-setid');
  reply.ok();
};

const destroy: Handler = (context, args, reply) => {
  const stream = findStream(context, args);
  const group = stream.groups.get(args.text(3));
  if (group === undefined) return reply.integer(0);
  stream.removeGroup(group);
  context.changed(args.slice(2), 't', 'xgroup-destroy');
  context.node.waits.signal(context.db, args.slice(2));
  reply.integer(1);
};

const createconsumer: Handler = (context, args, reply) => {
  const group = findGroup(findStream(context, args), args);
  const name = args.text(4);
  if (group.consumers.has(name)) return reply.integer(0);
  findConsumer(context, args.slice(2), group, name);
  reply.integer(1);
};

const delconsumer: Handler = (context, args, reply) => {
  const group = findGroup(findStream(context, args), args);
  const consumer = group.consumers.get(args.text(4));
  if (consumer === undefined) return reply.integer(0);
  const pendingCount = consumer.pending.size;
  group.removeConsumer(consumer);
  context.changed(args.slice(2), 't', 'xgroup-delconsumer');
  reply.integer(pendingCount);
};

const help = helpHandler('XGROUP', [
  'CREATE <key> <groupname> <id|$> [option]',
  '    Create a new consumer group. Options are:',
  '    * MKSTREAM',
  '      Create the empty stream if it does not exist.',
  '    * ENTRIESREAD entries_read',
  "      Set the group's entries_read counter (internal use).",
  'CREATECONSUMER <key> <groupname> <consumer>',
  '    Create a new consumer in the specified group.',
  'DELCONSUMER <key> <groupname> <consumer>',
  '    Remove the specified consumer.',
  'DESTROY <key> <groupname>',
  '    Remove the specified group.',
  'SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]',
  '    Set the current group ID and entries_read counter.',
]);

const RECORD = {
  categories: ['stream'], routing: 'one_shard', group: 'stream', since: '5.0.0', complexity: 'O(1)',
} as const;

export const streamGroupCommands: readonly CommandSpec[] = [
  {
    name: 'xgroup', arity: -2, flags: [], categories: [], group: 'stream', since: '5.0.0',
    complexity: 'Depends on subcommand.', summary: 'Holds the commands for the groups that read a stream.',
    subcommands: [
      {
        name: 'create', ...RECORD, arity: -5, flags: ['write', 'denyoom'], keys: oneKey('RW insert', 2),
        history: [['7.0.0', 'Added the `entries_read` named argument.']], summary: 'Makes a group.',
        syntax: 'key groupname id|$ [MKSTREAM] [ENTRIESREAD entries_read]', handler: create,
      },
      {
        name: 'createconsumer', ...RECORD, arity: 5, flags: ['write', 'denyoom'], keys: oneKey('RW insert', 2),
        since: '6.2.0', summary: 'Makes a consumer in a group.', syntax: 'key groupname consumername',
        handler: createconsumer,
      },
      {
        name: 'delconsumer', ...RECORD, arity: 5, flags: ['write'], keys: oneKey('RW delete', 2),
        summary: 'Removes a consumer, and what is pending with it.', syntax: 'key groupname consumername',
        handler: delconsumer,
      },
      {
        name: 'destroy', ...RECORD, arity: 4, flags: ['write'], keys: oneKey('RW delete', 2),
        complexity: "O(N) where N is the number of entries in the group's pending entries list (PEL).",
        summary: 'Removes a group.', syntax: 'key groupname', handler: destroy,
      },
      {
        name: 'help', ...RECORD, arity: 2, flags: ['loading', 'stale'], routing: 'local',
        summary: 'Lists the subcommands.', handler: help,
      },
      {
        name: 'setid', ...RECORD, arity: -5, flags: ['write'], keys: oneKey('RW update', 2),
        history: [['7.0.0', 'Added the optional `entries_read` argument.']],
        summary: 'Sets up to where a group has read.', syntax: 'key groupname id|$ [ENTRIESREAD entries_read]',
        handler: setid,
      },
    ],
  },
];

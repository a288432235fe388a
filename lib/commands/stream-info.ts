/** XINFO: what a stream, its groups and their consumers are made of. */
import { readInteger } from './arguments.js';
import type { Context } from './context.js';
import { helpHandler } from './help.js';
import { findForRead } from './lookup.js';
import { type CommandSpec, type Handler, oneKey } from './spec.js';
import { replyId } from './stream-arguments.js';
import { replyEntries, replyEntry } from './stream.js';
import { noSuchGroup, noSuchKey, subcommandSyntax } from '../errors.js';
import type { Args } from '../protocol/args.js';
import type { ReplyWriter } from '../protocol/reply-writer.js';
import { STREAM } from '../store/entry.js';
import { RadixNodes } from '../store/radix-nodes.js';
import { type StreamConsumer, type StreamGroup, UNKNOWN_READ, sortedByName } from '../store/stream-group.js';
import { StreamId } from '../store/stream-id.js';
import { lagOf } from '../store/stream-progress.js';
import { streamOf } from '../store/stream-value.js';
import type { Stream } from '../store/stream.js';

const FIRST = new StreamId();
const LAST = new StreamId().setMax();
/** How much of each list FULL shows, unless COUNT says it. */
const FULL_COUNT = 10;

/** The stream of argument 2. Throws noSuchKey() and wrongType(). */
function findStream(context: Context, args: Args): Stream {
  const ref = findForRead(context, args.slice(2), STREAM);
  if (ref === 0) throw noSuchKey();
  return streamOf(context.db, ref);
}

// ---- XINFO STREAM

const stream: Handler = (context, args, reply) => {
  const found = findStream(context, args);
  const count = readFullCount(args);
  reply.map(count === undefined ? 10 : 9);
  replyFigures(found, reply);
  if (count !== undefined) return replyFull(found, count, reply);
  reply.bulkText('groups');
  reply.integer(found.groups.size);
  reply.bulkText('first-entry');
  replyEdge(found, false, reply);
  reply.bulkText('last-entry');
  replyEdge(found, true, reply);
};

/** How much FULL shows of each list; undefined without FULL. Throws subcommandSyntax() and notAnInteger(). */
function readFullCount(args: Args): number | undefined {
  if (args.count === 3) return undefined;
  const isFull = (args.count === 4 || args.count === 6) && args.is(3, 'FULL');
  if (!isFull || (args.count === 6 && !args.is(4, 'COUNT'))) throw subcommandSyntax(args.text(1), 'XINFO');
  if (args.count === 4) return FULL_COUNT;
  const count = readInteger(args, 5);
  return count < 0 ? FULL_COUNT : count === 0 ? Infinity : count;
}

function replyFigures(found: Stream, reply: ReplyWriter): void {
  const radix = new RadixNodes();
  found.forEachNode((id) => radix.add(id));
  reply.bulkText('length');
  reply.integer(found.length);
  reply.bulkText('radix-tree-keys');
  reply.integer(found.nodeCount);
  reply.bulkText('radix-tree-nodes');
  reply.integer(radix.count());
  reply.bulkText('last-generated-id');
  replyId(reply, found.lastId);
  reply.bulkText('max-deleted-entry-id');
  replyId(reply, found.maxDeletedId);
  reply.bulkText('entries-added');
  reply.integer(found.entriesAdded);
  reply.bulkText('recorded-first-entry-id');
  replyId(reply, found.firstId);
}

/** Writes the oldest entry, or the newest. */
function replyEdge(found: Stream, isNewest: boolean, reply: ReplyWriter): void {
  const walk = found.walk(FIRST, LAST, isNewest);
  if (walk.next()) replyEntry(reply, walk);
  else reply.nil();
}

function replyFull(found: Stream, count: number, reply: ReplyWriter): void {
  reply.bulkText('entries');
  replyEntries(reply, found.walk(FIRST, LAST), count);
  reply.bulkText('groups');
  const groups = sortedByName(found.groups);
  reply.array(groups.length);
  for (const group of groups) {
    reply.map(7);
    replyGroup(found, group, reply);
    reply.bulkText('pel-count');
    reply.integer(group.pending.size);
    reply.bulkText('pending');
    replyGroupPending(group, count, reply);
    reply.bulkText('consumers');
    const consumers = sortedByName(group.consumers);
    reply.array(consumers.length);
    for (const consumer of consumers) replyFullConsumer(group, consumer, count, reply);
  }
}

function replyGroupPending(group: StreamGroup, count: number, reply: ReplyWriter): void {
  const { pending } = group;
  const id = new StreamId();
  reply.array(Math.min(count, pending.size));
  let isThere = pending.seekFirst();
  for (let left = count; isThere && left > 0; left--) {
    reply.array(4);
    replyId(reply, pending.readId(id));
    reply.bulkText(group.owner().name);
    reply.integer(pending.deliveredAtMs);
    reply.integer(pending.deliveries);
    isThere = pending.next();
  }
}

function replyFullConsumer(group: StreamGroup, consumer: StreamConsumer, count: number, reply: ReplyWriter): void {
  const { pending } = consumer;
  reply.map(4);
  reply.bulkText('name');
  reply.bulkText(consumer.name);
  reply.bulkText('seen-time');
  reply.integer(consumer.seenAtMs);
  reply.bulkText('pel-count');
  reply.integer(pending.size);
  reply.bulkText('pending');
  reply.array(Math.min(count, pending.size));
  const id = new StreamId();
  let isThere = pending.seekFirst();
  for (let left = count; isThere && left > 0; left--) {
    group.pending.seek(pending.readId(id));
    reply.array(3);
    replyId(reply, id);
    reply.integer(group.pending.deliveredAtMs);
    reply.integer(group.pending.deliveries);
    isThere = pending.next();
  }
}

// ---- XINFO GROUPS and CONSUMERS

const groups: Handler = (context, args, reply) => {
  const found = findStream(context, args);
  reply.array(found.groups.size);
  for (const group of sortedByName(found.groups)) {
    reply.map(6);
    reply.bulkText('name');
    reply.bulkText(group.name);
    reply.bulkText('consumers');
    reply.integer(group.consumers.size);
    reply.bulkText('pending');
    reply.integer(group.pending.size);
    replyProgress(found, group, reply);
  }
};

/** The name of a group, and how far it has read. */
function replyGroup(found: Stream, group: StreamGroup, reply: ReplyWriter): void {
  reply.bulkText('name');
  reply.bulkText(group.name);
  replyProgress(found, group, reply);
}

function replyProgress(found: Stream, group: StreamGroup, reply: ReplyWriter): void {
  reply.bulkText('last-delivered-id');
  replyId(reply, group.lastId);
  reply.bulkText('entries-read');
  if (group.entriesRead === UNKNOWN_READ) reply.nil();
  else reply.integer(group.entriesRead);
  reply.bulkText('lag');
  const lag = lagOf(found, group);
  if (lag === undefined) reply.nil();
  else reply.integer(lag);
}

const consumers: Handler = (context, args, reply) => {
  const group = findStream(context, args).groups.get(args.text(3));
  if (group === undefined) throw noSuchGroup(args.text(3), args.text(2));
  reply.array(group.consumers.size);
  for (const consumer of sortedByName(group.consumers)) {
    reply.map(3);
    reply.bulkText('name');
    reply.bulkText(consumer.name);
    reply.bulkText('pending');
    reply.integer(consumer.pending.size);
    reply.bulkText('idle');
    reply.integer(Math.max(0, context.store.nowMs - consumer.seenAtMs));
  }
};

const help = helpHandler('XINFO', [
  'CONSUMERS <key> <groupname>',
  '    Show consumers of <groupname>.',
  'GROUPS <key>',
  '    Show the stream consumer groups.',
  'STREAM <key> [FULL [COUNT <count>]',
  '    Show information about the stream.',
]);

const RECORD = {
  flags: ['readonly'], keys: oneKey('RO access', 2), categories: ['stream'], routing: 'one_shard', group: 'stream',
  since: '5.0.0', complexity: 'O(1)',
} as const;

export const streamInfoCommands: readonly CommandSpec[] = [
  {
    name: 'xinfo', arity: -2, flags: [], categories: [], group: 'stream', since: '5.0.0',
    complexity: 'Depends on subcommand.', summary: 'Holds the commands that show what a stream is made of.',
    subcommands: [
      {
        name: 'consumers', ...RECORD, arity: 4, tips: ['nondeterministic_output'], summary: 'Lists the consumers of a group.',
        syntax: 'key groupname', handler: consumers,
      },
      {
        name: 'groups', ...RECORD, arity: 3, history: [['7.0.0', 'Added the `entries-read` and `lag` fields']],
        summary: 'Lists the groups of a stream.', syntax: 'key', handler: groups,
      },
      {
        name: 'help', arity: 2, flags: ['loading', 'stale'], categories: ['stream'], routing: 'local', group: 'stream',
        since: '5.0.0', complexity: 'O(1)', summary: 'Lists the subcommands.', handler: help,
      },
      {
        name: 'stream', ...RECORD, arity: -3,
        history: [
          ['6.0.0', 'Added the `FULL` modifier.'],
          ['7.0.0', 'Added the `max-deleted-entry-id`, `entries-added`, `recorded-first-entry-id`, `entries-read` and `lag` fields'],
        ],
        summary: 'Shows the figures of a stream, or with FULL what is in it.', syntax: 'key [FULL <[COUNT count]>]',
        handler: stream,
      },
    ],
  },
];

/**
 * One command as COMMAND INFO describes it, and the facts in it that follow from the record: ACL categories, tips and
 * the range of keys.
 */
import type { CommandSpec, KeySpec } from './spec.js';
import type { Command } from './table.js';
import type { ReplyWriter } from '../protocol/reply-writer.js';

/** Every ACL category, in the order in which they are listed. */
export const CATEGORIES: readonly string[] = [
  'keyspace', 'read', 'write', 'set', 'sortedset', 'list', 'hash', 'string', 'bitmap', 'hyperloglog', 'geo', 'stream',
  'pubsub', 'admin', 'fast', 'slow', 'blocking', 'dangerous', 'connection', 'transaction', 'scripting',
];

/**
 * The ACL categories of a command without the @: those of its record and those that its flags bring.
 * Source: setImplicitACLCategories() in redis's server.c.
 */
export function categoriesOf({ flags, categories }: CommandSpec): string[] {
  const all = new Set(categories);
  if (flags.includes('write')) all.add('write');
  if (flags.includes('readonly') && !all.has('scripting')) all.add('read');
  if (flags.includes('admin')) all.add('admin').add('dangerous');
  if (flags.includes('pubsub')) all.add('pubsub');
  if (flags.includes('blocking')) all.add('blocking');
  all.add(flags.includes('fast') ? 'fast' : 'slow');
  return CATEGORIES.filter((category) => all.has(category));
}

/** The tips for clients, among them how a cluster's client should route the command. */
export function tipsOf({ tips, routing, merge }: CommandSpec): readonly string[] {
  if (tips !== undefined) return tips;
  const derived: string[] = [];
  if (routing === 'multi_shard' || routing === 'all_shards' || routing === 'special') derived.push(`request_policy:${routing}`);
  if (merge === 'agg_sum' || merge === 'all_succeeded') derived.push(`response_policy:${merge}`);
  return derived;
}

/** Writes the ten elements that describe a command; a container's last is the same of its subcommands. */
export function writeCommandInfo(command: Command, reply: ReplyWriter): void {
  const { spec } = command;
  reply.array(10);
  reply.bulkText(command.fullName);
  reply.integer(command.arity);
  writeWords(spec.flags, reply);
  reply.integer(command.firstKey);
  reply.integer(command.lastKey);
  reply.integer(command.keyStep);
  writeWords(categoriesOf(spec).map((category) => `@${category}`), reply);
  const tips = tipsOf(spec);
  reply.set(tips.length);
  for (const tip of tips) reply.bulkText(tip);
  const keys = spec.keys ?? [];
  reply.set(keys.length);
  for (const key of keys) writeKeySpec(key, reply);
  if (command.subcommands === undefined) return reply.set(0);
  reply.array(command.subcommands.size);
  for (const subcommand of command.subcommands.values()) writeCommandInfo(subcommand, reply);
}

/** A set of statuses. */
export function writeWords(words: readonly string[], reply: ReplyWriter): void {
  reply.set(words.length);
  for (const word of words) reply.status(word);
}

function writeKeySpec({ notes, flags, begin, find }: KeySpec, reply: ReplyWriter): void {
  reply.map(notes === undefined ? 3 : 4);
  if (notes !== undefined) {
    reply.bulkText('notes');
    reply.bulkText(notes);
  }
  reply.bulkText('flags');
  writeWords(flags.split(' '), reply);
  reply.bulkText('begin_search');
  if (begin === 'unknown') writeSearch('unknown', [], reply);
  else if (typeof begin === 'number') writeSearch('index', [['index', begin]], reply);
  else writeSearch('keyword', [['keyword', begin.keyword], ['startfrom', begin.from]], reply);
  reply.bulkText('find_keys');
  if (find === 'unknown') writeSearch('unknown', [], reply);
  else if ('last' in find) writeSearch('range', [['lastkey', find.last], ['keystep', find.step], ['limit', find.limit]], reply);
  else writeSearch('keynum', [['keynumidx', find.count], ['firstkey', find.first], ['keystep', find.step]], reply);
}

function writeSearch(type: string, spec: readonly (readonly [string, string | number])[], reply: ReplyWriter): void {
  reply.map(2);
  reply.bulkText('type');
  reply.bulkText(type);
  reply.bulkText('spec');
  reply.map(spec.length);
  for (const [name, value] of spec) {
    reply.bulkText(name);
    if (typeof value === 'number') reply.integer(value);
    else reply.bulkText(value);
  }
}

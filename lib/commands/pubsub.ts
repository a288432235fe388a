/** Publish and subscribe: the commands over channels, patterns and shard channels. */
import type { Context } from './context.js';
import { helpHandler } from './help.js';
import { type CommandSpec, type Flag, type Handler, type KeySpec } from './spec.js';
import { ssubscribeNotInTransactions, subcommandSyntax } from '../errors.js';
import type { Args } from '../protocol/args.js';
import { ReplyWriter } from '../protocol/reply-writer.js';
import type { TopicKind } from '../pubsub/subscriber.js';

/** Buckets are subscribed to over the line protocol. */
type Kind = Exclude<TopicKind, 'bucket'>;

// ---- subscribing

/** What the replies to a command of one kind are called: `psubscribe`, `sunsubscribe`, ... */
const PREFIXES: Readonly<Record<Kind, string>> = { channel: '', pattern: 'p', shard: 's' };

const subscribe = (kind: Kind): Handler => (context, args, reply) => {
  if (kind === 'shard' && !context.mayWait) throw ssubscribeNotInTransactions();
  const word = `${PREFIXES[kind]}subscribe`;
  confirm(context, reply, (out) => {
    for (let i = 1; i < args.count; i++) {
      const name = args.text(i);
      context.node.pubsub.subscribe(kind, context.client, name);
      confirmOne(context, out, word, kind, name);
    }
  });
};

const unsubscribe = (kind: Kind): Handler => (context, args, reply) => {
  const { client, node: { pubsub } } = context;
  const word = `${PREFIXES[kind]}unsubscribe`;
  const names = args.count > 1 ? textsFrom(args, 1) : [...(client.subscriptions?.names(kind) ?? [])];
  confirm(context, reply, (out) => {
    for (const name of names) {
      pubsub.unsubscribe(kind, client, name);
      confirmOne(context, out, word, kind, name);
    }
    if (names.length === 0) confirmOne(context, out, word, kind, undefined);
  });
};

function textsFrom(args: Args, from: number): string[] {
  const texts: string[] = [];
  for (let i = from; i < args.count; i++) texts.push(args.text(i));
  return texts;
}

/**
 * Has `write` confirm what it does, also to a client that wants no replies: a confirmation is a push. Where there are
 * peers it leaves when they know, so that what is published after it arrives, wherever that is.
 */
function confirm(context: Context, reply: ReplyWriter, write: (out: ReplyWriter) => void): void {
  const { client, node: { pubsub } } = context;
  if (!client.isMuted && pubsub.whenKnown === undefined) return write(reply);
  const out = new ReplyWriter(1024);
  out.protocol = client.protocol;
  write(out);
  const confirmation = out.take();
  if (client.isMuted) return confirmation.forEach((piece) => client.push(piece));
  const deferred = context.defer(false);
  pubsub.whenKnown!(() => deferred.complete(confirmation));
}

/** The word, the name, and how many subscriptions the client has now; those to shard channels are counted apart. */
function confirmOne(context: Context, out: ReplyWriter, word: string, kind: Kind, name: string | undefined): void {
  const count = (of: Kind): number => context.client.subscriptions?.count(of) ?? 0;
  out.push(3);
  out.bulkText(word);
  if (name === undefined) out.nil();
  else out.bulkText(name);
  out.integer(kind === 'shard' ? count('shard') : count('channel') + count('pattern'));
}

// ---- publishing

const publish: Handler = ({ client, node: { pubsub } }, args, reply) =>
  reply.integer(pubsub.publish(args.slice(1), args.slice(2), undefined, client.origin));

const spublish: Handler = ({ client, node: { pubsub } }, args, reply) =>
  reply.integer(pubsub.publishToShard(args.slice(1), args.slice(2), undefined, client.origin));

// ---- looking

const channels = (kind: 'channel' | 'shard'): Handler => ({ node }, args, reply) => {
  if (args.count > 3) throw subcommandSyntax(args.text(1), 'pubsub');
  const names = node.pubsub.channels(kind, args.count === 3 ? args.slice(2) : undefined);
  reply.array(names.length);
  for (const name of names) reply.bulkText(name);
};

const counts = (kind: 'channel' | 'shard'): Handler => ({ node }, args, reply) => {
  reply.array((args.count - 2) * 2);
  for (const name of textsFrom(args, 2)) {
    reply.bulkText(name);
    reply.integer(node.pubsub.listenerCount(kind, name));
  }
};

const numpat: Handler = ({ node }, _args, reply) => reply.integer(node.pubsub.patternCount);

const help = helpHandler('PUBSUB', [
  'CHANNELS [<pattern>]',
  "    Return the currently active channels matching a <pattern> (default: '*').",
  'NUMPAT',
  '    Return number of subscriptions to patterns.',
  'NUMSUB [<channel> ...]',
  '    Return the number of subscribers for the specified channels, excluding',
  '    pattern subscriptions(default: no channels).',
  'SHARDCHANNELS [<pattern>]',
  "    Return the currently active shard level channels matching a <pattern> (default: '*').",
  'SHARDNUMSUB [<shardchannel> ...]',
  '    Return the number of subscribers for the specified shard level channel(s)',
]);

// ---- the records

const SUBSCRIBER: readonly Flag[] = ['pubsub', 'noscript', 'loading', 'stale'];
const PUBLISHER: readonly Flag[] = ['pubsub', 'loading', 'stale', 'fast'];
const WATCHER: readonly Flag[] = ['pubsub', 'loading', 'stale'];
const common = { flags: SUBSCRIBER, categories: [], group: 'pubsub', since: '2.0.0', routing: 'local' } as const;
const look = { ...common, flags: WATCHER, since: '2.8.0', routing: 'special', tips: [] } as const;
const LISTING = 
  'O(N) where N is the number of active channels, and assuming constant time pattern matching (relatively short ' +
  'channels and patterns)';
const SHARD_LISTING = 
  'O(N) where N is the number of active shard channels, and assuming constant time pattern matching (relatively ' +
  'short shard channels).';

/** Shard channels are routed as keys are, and are none. */
function shardChannels(last: number): KeySpec[] {
  return [{ flags: 'not_key', begin: 1, find: { last, step: 1, limit: 0 } }];
}

export const pubsubCommands: readonly CommandSpec[] = [
  {
    ...common, name: 'subscribe', arity: -2, complexity: 'O(N) where N is the number of channels to subscribe to.',
    summary: 'Subscribes to channels.', syntax: 'channel [channel ...]', handler: subscribe('channel'),
  },
  {
    ...common, name: 'unsubscribe', arity: -1, complexity: 'O(N) where N is the number of clients already subscribed to a channel.',
    summary: 'Ends subscriptions to channels, all of them when none is named.', syntax: '[channel [channel ...]]',
    handler: unsubscribe('channel'),
  },
  {
    ...common, name: 'psubscribe', arity: -2, complexity: 'O(N) where N is the number of patterns the client is already subscribed to.',
    summary: 'Subscribes to all channels that match a pattern.', syntax: 'pattern [pattern ...]',
    handler: subscribe('pattern'),
  },
  {
    ...common, name: 'punsubscribe', arity: -1, complexity: 'O(N+M) where N is the number of patterns the client is already subscribed and M is the number of total patterns subscribed in the system (by any client).',
    summary: 'Ends subscriptions to patterns, all of them when none is named.', syntax: '[pattern [pattern ...]]',
    handler: unsubscribe('pattern'),
  },
  {
    ...common, name: 'ssubscribe', arity: -2, keys: shardChannels(-1), since: '7.0.0',
    complexity: 'O(N) where N is the number of shard channels to subscribe to.', summary: 'Subscribes to shard channels.',
    syntax: 'shardchannel [shardchannel ...]', handler: subscribe('shard'),
  },
  {
    ...common, name: 'sunsubscribe', arity: -1, keys: shardChannels(-1), since: '7.0.0',
    complexity: 'O(N) where N is the number of clients already subscribed to a shard channel.',
    summary: 'Ends subscriptions to shard channels, all of them when none is named.',
    syntax: '[shardchannel [shardchannel ...]]', handler: unsubscribe('shard'),
  },
  {
    ...common, name: 'publish', arity: 3, flags: PUBLISHER, mayReplicate: true, routing: 'special', tips: [],
    complexity: 'O(N+M) where N is the number of clients subscribed to the receiving channel and M is the total number of subscribed patterns (by any client).',
    summary: 'Sends a message to those who have subscribed to a channel, and counts them.', syntax: 'channel message',
    handler: publish,
  },
  {
    ...common, name: 'spublish', arity: 3, flags: PUBLISHER, mayReplicate: true, keys: shardChannels(0),
    routing: 'special', tips: [], since: '7.0.0',
    complexity: 'O(N) where N is the number of clients subscribed to the receiving shard channel.',
    summary: 'Sends a message to those who have subscribed to a shard channel, and counts them.',
    syntax: 'shardchannel message', handler: spublish,
  },
  {
    ...common, name: 'pubsub', arity: -2, flags: [], since: '2.8.0', complexity: 'Depends on subcommand.',
    summary: 'Who listens to what.',
    subcommands: [
      {
        ...look, name: 'channels', arity: -2, complexity: LISTING, summary: 'Lists the channels that have a subscriber.',
        syntax: '[pattern]', handler: channels('channel'),
      },
      {
        ...common, name: 'help', arity: 2, flags: ['loading', 'stale'], since: '6.2.0', complexity: 'O(1)',
        summary: 'Says how PUBSUB is used.', handler: help,
      },
      {
        ...look, name: 'numpat', arity: 2, complexity: 'O(1)', summary: 'Counts the patterns that have a subscriber.',
        handler: numpat,
      },
      {
        ...look, name: 'numsub', arity: -2, complexity: 'O(N) for the NUMSUB subcommand, where N is the number of requested channels',
        summary: 'Counts the subscribers of channels.', syntax: '[channel [channel ...]]', handler: counts('channel'),
      },
      {
        ...look, name: 'shardchannels', arity: -2, since: '7.0.0', complexity: SHARD_LISTING,
        summary: 'Lists the shard channels that have a subscriber.', syntax: '[pattern]', handler: channels('shard'),
      },
      {
        ...look, name: 'shardnumsub', arity: -2, since: '7.0.0',
        complexity: 'O(N) for the SHARDNUMSUB subcommand, where N is the number of requested shard channels',
        summary: 'Counts the subscribers of shard channels.', syntax: '[shardchannel [shardchannel ...]]',
        handler: counts('shard'),
      },
    ],
  },
];

/** CLIENT TRACKING and its like: clients that keep copies of what they read are told when it changes. */
import { readInteger } from './arguments.js';
import type { Client, Context } from './context.js';
import type { CommandSpec, Handler } from './spec.js';
import {
  broadcastExcludesChoice, broadcastIsFixed, cachingNeedsChoice, cachingNoNeedsOptout, cachingYesNeedsOptin,
  choiceIsFixed, noSuchRedirect, noTrackingOverRedis, optinExcludesOptout, prefixNeedsBroadcast, prefixesOverlap,
  redirectsToOne, syntaxError,
} from '../errors.js';
import type { Args } from '../protocol/args.js';
import type { ReplyWriter } from '../protocol/reply-writer.js';
import type { TrackingState } from '../pubsub/tracking.js';

interface Options {
  redirect: number;
  isBroadcast: boolean;
  isOptin: boolean;
  isOptout: boolean;
  isLoopless: boolean;
  prefixes: string[];
}

const tracking: Handler = (context, args, reply) => {
  const { client, node } = context;
  const options = readOptions(context, args);
  if (args.is(2, 'ON')) {
    check(client, options);
    if (node.shards.hasRedisServers) throw noTrackingOverRedis();
    const { isOptin, isOptout, prefixes, ...choice } = options;
    node.tracking.enable(client, { ...choice, reads: isOptin ? 'optin' : isOptout ? 'optout' : 'all' }, prefixes);
    confirm(context, reply);
  } else if (args.is(2, 'OFF')) {
    node.tracking.disable(client);
    reply.ok();
  } else throw syntaxError();
};

function readOptions({ node }: Context, args: Args): Options {
  const options: Options = {
    redirect: 0, isBroadcast: false, isOptin: false, isOptout: false, isLoopless: false, prefixes: [],
  };
  for (let at = 3; at < args.count; at++) {
    const hasMore = at + 1 < args.count;
    if (args.is(at, 'REDIRECT') && hasMore) {
      if (options.redirect !== 0) throw redirectsToOne();
      options.redirect = readInteger(args, ++at);
      if (!node.clients.has(options.redirect)) throw noSuchRedirect();
    } else if (args.is(at, 'BCAST')) options.isBroadcast = true;
    else if (args.is(at, 'OPTIN')) options.isOptin = true;
    else if (args.is(at, 'OPTOUT')) options.isOptout = true;
    else if (args.is(at, 'NOLOOP')) options.isLoopless = true;
    else if (args.is(at, 'PREFIX') && hasMore) options.prefixes.push(args.text(++at));
    else throw syntaxError();
  }
  return options;
}

/** Whether the options fit each other and what the client has chosen before. */
function check({ tracking: state }: Client, { isBroadcast, isOptin, isOptout, prefixes }: Options): void {
  if (!isBroadcast && prefixes.length > 0) throw prefixNeedsBroadcast();
  if (state !== undefined && state.isBroadcast !== isBroadcast) throw broadcastIsFixed();
  if (isBroadcast && (isOptin || isOptout)) throw broadcastExcludesChoice();
  if (isOptin && isOptout) throw optinExcludesOptout();
  if ((isOptin && state?.reads === 'optout') || (isOptout && state?.reads === 'optin')) throw choiceIsFixed();
  if (isBroadcast) checkPrefixes(prefixes, state);
}

/** No prefix may begin with another: its client would be told twice. */
function checkPrefixes(prefixes: readonly string[], state: TrackingState | undefined): void {
  const chosen = prefixesOf(state);
  for (const [i, prefix] of prefixes.entries()) {
    for (const other of chosen) if (overlap(prefix, other)) throw prefixesOverlap(prefix, other, false);
    for (const other of prefixes.slice(i + 1)) if (overlap(prefix, other)) throw prefixesOverlap(prefix, other, true);
  }
}

function overlap(one: string, other: string): boolean {
  return one.startsWith(other) || other.startsWith(one);
}

/** OK; where there are peers, when they know that they are to tell this node what changes. */
function confirm(context: Context, reply: ReplyWriter): void {
  const { whenKnown } = context.node.pubsub;
  if (whenKnown === undefined) return reply.ok();
  const deferred = context.defer(false);
  whenKnown(() => deferred.complete([OK]));
}

const OK = Buffer.from('+OK\r\n');

const caching: Handler = ({ client: { tracking: state } }, args, reply) => {
  if (state === undefined) throw cachingNeedsChoice();
  if (args.is(2, 'YES')) {
    if (state.reads !== 'optin') throw cachingYesNeedsOptin();
  } else if (args.is(2, 'NO')) {
    if (state.reads !== 'optout') throw cachingNoNeedsOptout();
  } else throw syntaxError();
  state.isCachingGiven = true;
  reply.ok();
};

/** The client that is told; 0 for the one that tracks, -1 when it does not. */
const getredir: Handler = ({ client }, _args, reply) => reply.integer(client.tracking?.redirect ?? -1);

const trackinginfo: Handler = ({ client: { tracking: state } }, _args, reply) => {
  const flags = flagsOf(state);
  reply.map(3);
  reply.bulkText('flags');
  reply.set(flags.length);
  for (const flag of flags) reply.bulkText(flag);
  reply.bulkText('redirect');
  reply.integer(state?.redirect ?? -1);
  reply.bulkText('prefixes');
  const prefixes = prefixesOf(state);
  reply.array(prefixes.length);
  for (const prefix of prefixes) reply.bulkText(prefix);
};

/** In order of their bytes. */
function prefixesOf(state: TrackingState | undefined): string[] {
  return [...(state?.prefixes ?? [])].sort();
}

function flagsOf(state: TrackingState | undefined): string[] {
  if (state === undefined) return ['off'];
  const { isBroadcast, reads, isCachingGiven, isLoopless, isRedirectBroken } = state;
  const flags = ['on'];
  if (isBroadcast) flags.push('bcast');
  if (reads !== 'all') flags.push(reads);
  if (reads !== 'all' && isCachingGiven) flags.push(reads === 'optin' ? 'caching-yes' : 'caching-no');
  if (isLoopless) flags.push('noloop');
  if (isRedirectBroken) flags.push('broken_redirect');
  return flags;
}

const common = {
  flags: ['noscript', 'loading', 'stale'], categories: ['connection'], routing: 'local', group: 'connection',
  complexity: 'O(1)',
} as const;

/** Subcommands of CLIENT. */
export const clientTrackingCommands: readonly CommandSpec[] = [
  {
    ...common, name: 'caching', arity: 3, since: '6.0.0',
    summary: 'Says whether the keys of the next request are remembered.', syntax: 'YES|NO', handler: caching,
  },
  {
    ...common, name: 'getredir', arity: 2, since: '6.0.0',
    summary: 'Gives the client that is told of changes in place of this one.', handler: getredir,
  },
  {
    ...common, name: 'tracking', arity: -3, since: '6.0.0', complexity: 'O(1). Some options may introduce additional complexity.',
    summary: 'Has the client told when what it has read changes.',
    syntax: '<ON|OFF> [REDIRECT client-id] [PREFIX prefix [PREFIX prefix ...]] [BCAST] [OPTIN] [OPTOUT] [NOLOOP]',
    handler: tracking,
  },
  {
    ...common, name: 'trackinginfo', arity: 2, since: '6.2.0', summary: 'Says what is tracked for the connection.',
    handler: trackinginfo,
  },
];

/** The SHARD command, ours: which node owns what, how the peers are, and taking over a changed map. */
import { helpHandler } from './help.js';
import { readInteger } from './arguments.js';
import { payloadOf } from './dump.js';
import { type CommandSpec, type Handler, oneKey } from './spec.js';
import { syntaxError } from '../errors.js';
import { SettingError } from '../config/settings.js';
import { ReplyWriter } from '../protocol/reply-writer.js';
import { expiryOf } from '../store/entry.js';

const map: Handler = ({ node }, _args, reply) => {
  reply.array(node.shards.shards.length);
  for (const { range, node: owner } of node.shards.shards) {
    reply.array(2);
    reply.bulkText(range);
    reply.bulkText(owner);
  }
};

const of: Handler = ({ node }, args, reply) => {
  reply.array(args.count - 2);
  for (let i = 2; i < args.count; i++) {
    const owner = node.shards.nodeOf(args.slice(i));
    if (owner === undefined) reply.nil();
    else reply.bulkText(owner);
  }
};

const peers: Handler = ({ node }, _args, reply) => {
  const states = node.shards.peerStates();
  reply.array(states.length);
  for (const state of states) {
    const fields: Record<string, string | number> = {
      name: state.name, address: state.address, state: state.state, reason: state.reason,
      since: Math.floor(state.sinceMs / 1000), links: state.links, 'in-flight': state.inFlight,
      requests: state.requests, errors: state.errors,
      'round-trip-p50-ms': state.roundTripMs.p50.toFixed(3), 'round-trip-p99-ms': state.roundTripMs.p99.toFixed(3),
      fingerprint: state.fingerprint,
    };
    reply.map(Object.keys(fields).length);
    for (const [name, value] of Object.entries(fields)) {
      reply.bulkText(name);
      if (typeof value === 'number') reply.integer(value);
      else reply.bulkText(value);
    }
  }
};

const fingerprint: Handler = ({ node }, _args, reply) => reply.bulkText(node.shards.fingerprint);

const reload: Handler = (context, args) => {
  const isForced = args.count === 3;
  if (args.count > 3 || (isForced && !args.is(2, 'FORCE'))) throw syntaxError();
  const deferred = context.defer(true);
  const finish = (write: (reply: ReplyWriter) => void): void => {
    const reply = new ReplyWriter(1024);
    write(reply);
    deferred.complete(reply.take());
  };
  context.node.shards.reload(isForced).then(
    (changes) => finish((reply) => {
      reply.array(changes.length);
      for (const change of changes) reply.bulkText(change);
    }),
    (error: unknown) => finish((reply) => {
      if (!(error instanceof Error)) throw error;
      if (!(error instanceof SettingError)) context.node.log.warning(`The config could not be read again: ${error.message}`);
      reply.error(`ERR ${error.message}`);
    }),
  );
};

/** Whether the bucket is what a payload with this checksum said of it: then it goes. For the other nodes. */
const release: Handler = (context, args, reply) => {
  const { db, store } = context;
  const key = args.slice(2);
  const ref = db.peek(key);
  if (ref === 0) return reply.integer(0);
  const payload = payloadOf(context, db, ref);
  const isSame = args.copy(3).equals(payload.subarray(-CHECKSUM_BYTES)) &&
    expiryOf(store.arena, ref) === readInteger(args, 4);
  if (!isSame) return reply.integer(0);
  db.remove(key, ref);
  context.recordAs('DEL', key);
  context.changed(key, 'g', 'del');
  reply.integer(1);
};

const CHECKSUM_BYTES = 8;

const common = { group: 'server', since: '7.0.0', complexity: 'O(1)', categories: [], routing: 'local' } as const;

export const shardCommands: readonly CommandSpec[] = [
  {
    ...common, name: 'shard', arity: -2, flags: [],
    summary: 'A container for commands about the shard map and the peers; of Pigeonhole alone.',
    subcommands: [
      {
        ...common, name: 'fingerprint', arity: 2, flags: ['loading', 'stale'],
        summary: 'Gives the fingerprint of the shard map; nodes with the same route alike.', handler: fingerprint,
      },
      {
        ...common, name: 'help', arity: 2, flags: ['loading', 'stale'], summary: 'Lists the subcommands.',
        handler: helpHandler('SHARD', [
          'FINGERPRINT', '    The fingerprint of the shard map.',
          'MAP', '    The ranges, each with the node that owns it.',
          'OF <name> [<name> ...]', '    The node that owns each bucket; nil for one that none owns.',
          'PEERS', '    The other nodes: state, links, requests, round trips.',
          'RELOAD [FORCE]', '    Take over nodes and shards from the config; FORCE leaves buckets behind.',
        ]),
      },
      {
        ...common, name: 'map', arity: 2, flags: ['loading', 'stale'], complexity: 'O(N) for N ranges',
        summary: 'Lists the ranges of the shard map, each with the node that owns it.', handler: map,
      },
      {
        ...common, name: 'of', arity: -3, flags: ['loading', 'stale', 'fast'], complexity: 'O(N) for N names',
        summary: 'Tells which node owns each bucket.', syntax: 'name [name ...]', handler: of,
      },
      {
        ...common, name: 'peers', arity: 2, flags: ['loading', 'stale'], complexity: 'O(N) for N peers',
        summary: 'Lists the peers with their state and figures.', handler: peers,
      },
      {
        ...common, name: 'release', arity: 5, flags: ['write'], keys: oneKey('RW access delete', 2),
        categories: ['keyspace'], routing: 'one_shard', complexity: 'O(N) for N bytes of the value', isSystem: true,
        summary: 'Removes a bucket that has been copied to another shard, if it is still as it was copied.',
        syntax: 'key checksum expires-at-ms:integer', handler: release,
      },
      {
        ...common, name: 'reload', arity: -2, flags: ['admin', 'noscript'], complexity: 'O(N) for N stored buckets',
        categories: ['admin', 'dangerous'],
        summary: 'Takes over the shard map as it now stands in the config.', syntax: '[FORCE]', handler: reload,
      },
    ],
  },
];

/** The settings of a cluster taken together: a shard map, and addresses that lead to everybody in it. */
import { type NodeAddress, parseNodes } from './node-address.js';
import { ShardMapError } from './range.js';
import { ShardMap } from './shard-map.js';
import { SettingError } from '../config/settings.js';

/** A map with the addresses of its nodes, found to be without contradiction. */
export interface Plan {
  map: ShardMap;
  nodes: Map<string, NodeAddress>;
}

/**
 * The plan that `node`, `nodes`, `shards` and `cookie` make; `text` gives their values. Throws SettingError, whose text
 * names the entry and the remedy.
 */
export function planShards(text: (name: string) => string): Plan {
  try {
    return plan(text('node'), text('nodes'), text('shards'), text('cookie'));
  } catch (error) {
    if (!(error instanceof ShardMapError)) throw error;
    throw new SettingError(error.message.slice(0, error.message.indexOf(':')), error.message);
  }
}

function plan(self: string, nodesText: string, shardsText: string, cookie: string): Plan {
  const nodes = parseNodes(nodesText);
  const map = ShardMap.parse(shardsText === '' ? `*=${self}` : shardsText);
  for (const { range, node } of map.shards) {
    if (node === self || nodes.has(node)) continue;
    throw new ShardMapError(`shards: '${range}=${node}': no node is called ${node}; add '${node}=host:port' to nodes`);
  }
  if (nodes.get(self)?.kind === 'redis') {
    throw new ShardMapError(`nodes: '${self}' is this node: give it the form host:port, without redis://`);
  }
  const others = map.owners.filter((name) => name !== self && nodes.get(name)!.kind === 'pigeonhole');
  if (others.length > 0 && cookie === '') {
    throw new ShardMapError(`cookie: it is empty, but ${others.join(', ')} must prove it: set the same cookie on every node`);
  }
  return { map, nodes };
}

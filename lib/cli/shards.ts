/**
 * `pigeonhole shards`: the shard map and the peers of a running node, as tables. It is the node in whose place the verb
 * is run, or the one that listens on --port.
 */
import { existsSync } from 'node:fs';
import type { CommandModule } from 'yargs';
import { askNode } from './ask.js';
import { withSettings } from './flags.js';
import { type Target, findTarget, reach } from './reach.js';

export const shards: CommandModule<object, Record<string, unknown>> = {
  command: 'shards',
  describe: 'Print the shard map of the running node and the state of its peers',
  builder: withSettings,
  handler: async (flags) => {
    const target = await findTarget(flags);
    const isNear = flags.port === undefined && (existsSync(target.place.socket) || target.settings.text('port') === '0');
    const replies = isNear ? await askNear(target) : await askNode(target.settings, ...REQUESTS);
    const [map, peers, fingerprint] = replies as [string[][], (string | number)[][], string];
    const isColoured = process.stdout.isTTY && process.env.NO_COLOR === undefined;
    console.log(showShards(map, peers.map(asRecord), fingerprint, isColoured));
  },
};

const REQUESTS = [['SHARD', 'MAP'], ['SHARD', 'PEERS'], ['SHARD', 'FINGERPRINT']] as const;

/** Asks by the control socket, where the node's is in its place: a storage node has no other way in. */
async function askNear(target: Target): Promise<unknown[]> {
  const client = await reach(target);
  const replies = [];
  for (const request of REQUESTS) replies.push(await client.ask(...request));
  client.close();
  return replies;
}

type Peer = Record<string, string | number>;

function asRecord(pairs: readonly (string | number)[]): Peer {
  const record: Peer = {};
  for (let i = 0; i < pairs.length; i += 2) record[String(pairs[i])] = pairs[i + 1]!;
  return record;
}

/** The tables as text. A node without a line among the peers is the one that was asked. */
export function showShards(
  map: readonly string[][], peers: readonly Peer[], fingerprint: string, isColoured: boolean,
): string {
  const paint = (code: number, text: string): string => (isColoured ? `\x1b[${code}m${text}\x1b[0m` : text);
  const byName = new Map(peers.map((peer) => [String(peer.name), peer]));
  const state = (name: string): string => String(byName.get(name)?.state ?? 'this node');
  const coloured = (cell: string): string => paint(cell.startsWith('down') ? RED : cell === 'connecting' ? YELLOW : GREEN, cell);
  const ranges = map.map(([range, node]) => [range!, node!, state(node!)]);
  const rows = peers.map((peer) => PEER_COLUMNS.map(([, field]) => String(peer[field] ?? '')));
  const parts = [
    `shard map ${fingerprint}`,
    table(['range', 'node', 'state'], ranges, (cell, column) => (column === 2 ? coloured(cell.trimEnd()) : cell)),
  ];
  if (peers.length > 0) {
    const titles = PEER_COLUMNS.map(([title]) => title);
    const blanks = (cell: string): string => cell.slice(cell.trimEnd().length);
    const paintCell = (cell: string, column: number): string => {
      return column === 2 ? coloured(cell.trimEnd()) + blanks(cell) : cell;
    };
    parts.push('', table(titles, rows, paintCell));
  }
  return parts.join('\n');
}

const RED = 31;
const GREEN = 32;
const YELLOW = 33;

const PEER_COLUMNS: readonly (readonly [title: string, field: string])[] = [
  ['peer', 'name'], ['address', 'address'], ['state', 'state'], ['links', 'links'], ['in flight', 'in-flight'],
  ['requests', 'requests'], ['errors', 'errors'], ['p50 ms', 'round-trip-p50-ms'], ['p99 ms', 'round-trip-p99-ms'],
  ['reason', 'reason'],
];

function table(
  titles: readonly string[], rows: readonly (readonly string[])[], paint: (cell: string, column: number) => string,
): string {
  const widths = titles.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]!.length)));
  const line = (cells: readonly string[]): string[] => cells.map((cell, column) => cell.padEnd(widths[column]!));
  const lines = [line(titles), ...rows.map((row) => line(row).map(paint))];
  return lines.map((cells) => cells.join('  ').trimEnd()).join('\n');
}

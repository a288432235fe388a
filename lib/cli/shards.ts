/** `pigeonhole shards`: the shard map and the peers of a running node, as tables. */
import type { CommandModule } from 'yargs';
import { askNode } from './ask.js';
import { loadRequest, withSettings } from './flags.js';
import { loadSettings } from '../config/load.js';

export const shards: CommandModule<object, Record<string, unknown>> = {
  command: 'shards',
  describe: "Print the running node's shard map and its peers",
  builder: withSettings,
  handler: async (flags) => {
    const { settings } = await loadSettings(loadRequest(flags));
    const replies = await askNode(settings, ['SHARD', 'MAP'], ['SHARD', 'PEERS'], ['SHARD', 'FINGERPRINT']);
    const [map, peers, fingerprint] = replies as [string[][], (string | number)[][], string];
    const isColoured = process.stdout.isTTY && process.env.NO_COLOR === undefined;
    console.log(showShards(map, peers.map(asRecord), fingerprint, isColoured));
  },
};

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

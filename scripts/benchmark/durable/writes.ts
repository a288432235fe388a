/** What a write costs that is recorded: CPU time of the whole process, the threads that write and sync included. */
import type { DurableSizes } from './main.js';
import { type Policy, durablePrograms } from './programs.js';
import { type Figures, measure, prepare } from '../measure.js';
import { median } from '../report.js';
import { CONNECTIONS, type Row, collectionRowsFor, fullSizes, rowsFor } from '../rows.js';
import { type Server, start } from '../servers.js';
import { RawClient } from '../../../test/support/raw-client.js';

interface DurableRow {
  row: Row;
  clients: number;
  deep: number;
  count: number;
}

/** No command is recorded in fewer bytes. */
const RECORD_BYTES_MIN = 30;

function everysecRows({ keys, writes }: DurableSizes): readonly DurableRow[] {
  const sizes = { ...fullSizes, keys, buckets: Math.ceil(keys / 100) };
  const rows = [...rowsFor(sizes), ...collectionRowsFor(sizes)];
  const wanted = ['SET', 'INCR', 'HSET', 'LPUSH'].map((title) => rows.find((row) => row.title === title)!);
  return wanted.map((row) => ({ row, clients: CONNECTIONS, deep: 16, count: writes }));
}

function alwaysRows({ keys, syncedWrites }: DurableSizes): readonly DurableRow[] {
  const check = [['SET key:000000000007 xxx', '+OK\r\n'], ['GET key:000000000007', '$3\r\nxxx\r\n']] as const;
  const set = (clients: number): Row => ({
    title: 'SET', prepare: [], check,
    measure: { benchmark: ['SET', 'key:__rand_int__', 'xxx'], keys, connections: clients },
  });
  return [
    { row: set(50), clients: 50, deep: 1, count: syncedWrites },
    { row: set(50), clients: 50, deep: 16, count: 5 * syncedWrites },
    { row: set(1), clients: 1, deep: 1, count: Math.ceil(syncedWrites / 10) },
    { row: set(1), clients: 1, deep: 16, count: syncedWrites },
  ];
}

export async function compareWrites(policy: Policy, sizes: DurableSizes): Promise<void> {
  console.log(`\nCPU time for one write with \`appendfsync ${policy}\`, in microseconds, and thousand writes a second:\n`);
  console.log('| command | clients | deep | redis-server | pigeonhole | ratio | redis-server k/s | pigeonhole k/s | ratio |');
  console.log('| --- | --- | --- | --- | --- | --- | --- | --- | --- |');
  const rows = policy === 'always' ? alwaysRows(sizes) : everysecRows(sizes);
  for (const row of rows) console.log(line(row, await compare(policy, row, sizes.rounds)));
}

async function compare(
  policy: Policy, { row, clients, deep, count }: DurableRow, rounds: number,
): Promise<readonly [Figures, Figures][]> {
  const [theirProgram, ourProgram] = durablePrograms(policy);
  const theirs = await start(theirProgram);
  const ours = await start(ourProgram);
  try {
    for (const server of [theirs, ours]) {
      await prepare(row, server);
      // Not a figure: what is compiled while running is to be compiled.
      await measure(row, server, count, deep);
    }
    const figures: [Figures, Figures][] = [];
    for (let round = 0; round < rounds; round++) {
      console.error(`${policy}, ${row.title}, ${clients} clients, ${deep} deep, round ${round + 1} of ${rounds}`);
      const pair: Figures[] = [];
      for (const server of [theirs, ours]) {
        const before = await logBytes(server);
        pair.push(await measure(row, server, count, deep));
        if ((await logBytes(server)) - before < count * RECORD_BYTES_MIN) throw new Error(`${server.name} records nothing`);
      }
      figures.push([pair[0]!, pair[1]!]);
    }
    return figures;
  } finally {
    await ours.stop();
    await theirs.stop();
  }
}

async function logBytes(server: Server): Promise<number> {
  const client = await RawClient.connect(server.port);
  const info = await client.ask('INFO persistence');
  client.close();
  return Number(/^aof_current_size:(\d+)\r$/m.exec(info)?.[1]);
}

function line({ row, clients, deep }: DurableRow, figures: readonly [Figures, Figures][]): string {
  const of = (figure: (pair: [Figures, Figures]) => number): string => median(figures.map(figure)).toFixed(2);
  const cells = [
    row.title, clients, deep, of(([theirs]) => theirs.cpuUs), of(([, ours]) => ours.cpuUs),
    of(([theirs, ours]) => ours.cpuUs / theirs.cpuUs),
    of(([theirs]) => theirs.perSecond / 1000), of(([, ours]) => ours.perSecond / 1000),
    of(([theirs, ours]) => ours.perSecond / theirs.perSecond),
  ];
  return `| ${cells.join(' | ')} |`;
}

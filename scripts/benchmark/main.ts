/**
 * The bench: a node beside a redis-server, in turns, on one machine.
 * `scripts/bench [--quick] [--only word,word,...] [--rounds number]`: rows whose titles begin with one of the words.
 *
 * What counts is the CPU time that the server's process takes for a command: a noisy machine disturbs it least, and the
 * load generator's own work is not in it. Each figure is the median of the rounds; a ratio is the median of the
 * rounds' ratios. Progress goes to standard error, the tables, in Markdown, to standard output.
 */
import { type Figures, longestPauseMs, measure, memoryPerKey, prepare } from './measure.js';
import { machine, median, warnOfOthers } from './report.js';
import { type Row, type Sizes, bigKeys, collectionRowsFor, fullSizes, quickSizes, rowsFor, smallBuckets } from './rows.js';
import { type Server, node, redisServer, start } from './servers.js';
import { scriptArguments } from '../arguments.js';

/** Requests before the first round, so that what is compiled while running has been. */
const WARM_UP = 50_000;

const given = scriptArguments('bench', 'CPU time, throughput, memory and pauses beside redis-server. Other benches, with '
  + 'the flag in front: --hop, --boot, --clients, --durable', {
  quick: { type: 'boolean', describe: 'few requests, to see that it works' },
  only: { type: 'string', describe: 'rows whose titles begin with one of these words, parted by commas' },
  rounds: { type: 'number', describe: 'how often each row is measured' },
});
const ofAll = given.quick === true ? quickSizes : fullSizes;
const sizes = { ...ofAll, rounds: given.rounds ?? ofAll.rounds };
const only = given.only?.toLowerCase().split(',');
const isWanted = (title: string): boolean => only?.some((word) => title.toLowerCase().startsWith(word)) ?? true;

warnOfOthers();
console.log(machine());
console.log('\nCPU time of the server for one command, in microseconds, and thousand commands a second:\n');
console.log('| command | deep | redis-server | pigeonhole | ratio | redis-server k/s | pigeonhole k/s |');
console.log('| --- | --- | --- | --- | --- | --- | --- |');
for (const row of [...rowsFor(sizes), ...collectionRowsFor(sizes)]) if (isWanted(row.title)) await compare(row, sizes);

console.log('\n| | redis-server | pigeonhole |');
console.log('| --- | --- | --- |');
if (isWanted('start')) await compareOnce('start to ready, ms', (server) => Promise.resolve(server.readyMs));
if (isWanted('memory')) {
  const title = `memory per key, bytes (${sizes.memoryKeys} keys)`;
  await compareOnce(title, (server) => memoryPerKey(server, bigKeys(sizes.memoryKeys)));
  for (const [what, load] of smallBuckets(sizes.memoryBuckets)) {
    await compareOnce(`memory per ${what}, bytes (${sizes.memoryBuckets} of them)`, (server) => memoryPerKey(server, load));
  }
}
if (isWanted('pause')) {
  const title = `longest pause, ms (${sizes.pauseKeys} keys stored and read)`;
  await compareOnce(title, (server) => longestPauseMs(server, sizes.pauseKeys));
}

/** Measures a row at every depth, and prints its lines. */
async function compare(row: Row, { counts, rounds }: Sizes): Promise<void> {
  const theirs = await start(redisServer);
  const ours = await start(node);
  try {
    for (const server of [theirs, ours]) await prepare(row, server);
    for (const [deep, count] of counts) {
      if (row.depths?.includes(deep) === false) continue;
      for (const server of [theirs, ours]) await measure(row, server, Math.max(WARM_UP, count / 5), deep);
      const figures: [Figures, Figures][] = [];
      for (let round = 0; round < rounds; round++) {
        console.error(`${row.title}, ${deep} deep, round ${round + 1} of ${rounds}`);
        figures.push([await measure(row, theirs, count, deep), await measure(row, ours, count, deep)]);
      }
      console.log(line(row.title, deep, figures));
    }
  } finally {
    await ours.stop();
    await theirs.stop();
  }
}

function line(title: string, deep: number, figures: readonly [Figures, Figures][]): string {
  const of = (figure: (pair: [Figures, Figures]) => number): string => median(figures.map(figure)).toFixed(2);
  const cells = [
    title, deep, of(([theirs]) => theirs.cpuUs), of(([, ours]) => ours.cpuUs),
    of(([theirs, ours]) => ours.cpuUs / theirs.cpuUs),
    of(([theirs]) => theirs.perSecond / 1000), of(([, ours]) => ours.perSecond / 1000),
  ];
  return `| ${cells.join(' | ')} |`;
}

/** Measures one figure on a new server of each kind, one after the other, and prints its line. */
async function compareOnce(title: string, figure: (server: Server) => Promise<number>): Promise<void> {
  const cells = [];
  for (const program of [redisServer, node]) {
    console.error(`${title}: ${program.name}`);
    const server = await start(program);
    try {
      cells.push((await figure(server)).toFixed(1));
    } finally {
      await server.stop();
    }
  }
  console.log(`| ${title} | ${cells.join(' | ')} |`);
}

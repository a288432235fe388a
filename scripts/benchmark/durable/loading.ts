/**
 * How long a start takes that loads a file: snapshots and logs that redis-server and a node have written, each loaded
 * by both. What counts is the time from the start of the command until it says that it is ready, less that of a start
 * with an empty folder.
 */
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DurableSizes } from './main.js';
import { untilInfoHas } from './patience.js';
import { durablePrograms } from './programs.js';
import { type Load, run } from '../load.js';
import { cpuUs } from '../process.js';
import { median } from '../report.js';
import { random, smallBuckets } from '../rows.js';
import { type Program, start } from '../servers.js';
import { RawClient } from '../../../test/support/raw-client.js';

/** Numbers that are hardly ever drawn twice. */
const RARE = 1e12;
const NUMBER = '############';
const PIPELINE = 100;

interface Data {
  title: string;
  loads: readonly Load[];
}

interface Loading {
  ms: number;
  cpuMs: number;
}

/**
 * What is in the files: strings of 100 bytes that do not compress well, small buckets that redis-server packs, and
 * small streams, which are larger and dearer than those in either server, and have a row of their own for that.
 */
function dataOf(count: number): readonly Data[] {
  const value = Array.from({ length: 8 }, () => NUMBER).join(':').slice(0, 100);
  const strings = random(Array.from({ length: 9 }, () => RARE), 'SET', `key:${NUMBER}`, value);
  const loadsOf = (...kinds: string[]): Load[] =>
    smallBuckets(count / 4).filter(([title]) => kinds.includes(title)).map(([, load]) => load);
  return [
    { title: `${count} strings of 100 bytes`, loads: [{ ...strings, count, deep: PIPELINE }] },
    {
      title: `${count} small hashes, lists, sets and sorted sets`,
      loads: loadsOf('small hash', 'small list', 'small set', 'small sorted set'),
    },
    { title: `${count / 4} small streams`, loads: loadsOf('small stream') },
  ];
}

export async function compareLoading({ loadedKeys, loadingRounds }: DurableSizes): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), 'pigeonhole-bench-'));
  const [withLog, withoutLog] = [durablePrograms('everysec'), durablePrograms('everysec', '--appendonly', 'no')];
  try {
    console.log('\nLoading, in milliseconds, the time of a start with nothing to load taken off:\n');
    console.log('| what | written by | redis-server | pigeonhole | ratio | redis-server CPU | pigeonhole CPU |');
    console.log('| --- | --- | --- | --- | --- | --- | --- |');
    const empty = await Promise.all(withoutLog.map((program) => emptyStart(program, loadingRounds)));
    for (const { title, loads } of dataOf(loadedKeys)) {
      for (const [index, writer] of withLog.entries()) {
        const source = join(root, `${index}`);
        mkdirSync(source);
        const keys = await write(writer, source, loads);
        for (const [file, loaders] of [['dump.rdb', withoutLog], ['appendonlydir', withLog]] as const) {
          const rounds: Loading[][] = [];
          for (let round = 0; round < loadingRounds; round++) {
            console.error(`loading ${file} of ${writer.name}: ${title}, round ${round + 1} of ${loadingRounds}`);
            const pair: Loading[] = [];
            for (const [which, loader] of loaders.entries()) {
              const { ms, cpuMs } = await load(loader, join(source, file), file, keys);
              pair.push({ ms: ms - empty[which]!.ms, cpuMs: cpuMs - empty[which]!.cpuMs });
            }
            rounds.push(pair);
          }
          console.log(line(`${file}: ${title}`, writer.name, rounds));
        }
        rmSync(source, { recursive: true });
      }
    }
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

function line(title: string, writer: string, rounds: readonly Loading[][]): string {
  const of = (figure: (pair: readonly Loading[]) => number, digits = 0): string =>
    median(rounds.map(figure)).toFixed(digits);
  const cells = [
    title, writer, of(([theirs]) => theirs!.ms), of(([, ours]) => ours!.ms),
    of(([theirs, ours]) => ours!.ms / theirs!.ms, 2), of(([theirs]) => theirs!.cpuMs), of(([, ours]) => ours!.cpuMs),
  ];
  return `| ${cells.join(' | ')} |`;
}

/** Has a server write both files into a folder. Gives how many buckets are in them. */
async function write(writer: Program, folder: string, loads: readonly Load[]): Promise<string> {
  console.error(`${writer.name} writes what is loaded`);
  const server = await start(writer, folder);
  try {
    for (const each of loads) await run(each, server.port);
    const client = await RawClient.connect(server.port);
    const keys = await client.ask('DBSIZE');
    await client.ask('BGSAVE');
    await untilInfoHas(client, 'rdb_bgsave_in_progress:0');
    await client.ask('SHUTDOWN NOSAVE');
    return keys;
  } finally {
    await server.stop();
  }
}

async function emptyStart(program: Program, rounds: number): Promise<Loading> {
  const starts: Loading[] = [];
  for (let round = 0; round < rounds; round++) {
    const server = await start(program);
    starts.push({ ms: server.readyMs, cpuMs: cpuUs(server.pid) / 1000 });
    await server.stop();
  }
  return { ms: median(starts.map(({ ms }) => ms)), cpuMs: median(starts.map(({ cpuMs }) => cpuMs)) };
}

/** Starts a server with a copy of a file, and checks that all is there. */
async function load(loader: Program, from: string, file: string, keys: string): Promise<Loading> {
  const folder = mkdtempSync(join(tmpdir(), 'pigeonhole-bench-'));
  cpSync(from, join(folder, file), { recursive: true });
  const server = await start(loader, folder);
  try {
    const cpuMs = cpuUs(server.pid) / 1000;
    const client = await RawClient.connect(server.port);
    const there = await client.ask('DBSIZE');
    client.close();
    if (there !== keys) throw new Error(`${loader.name} has loaded ${there} of ${keys} buckets`);
    return { ms: server.readyMs, cpuMs };
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

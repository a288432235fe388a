/**
 * What it costs to keep data on disk, beside redis-server with the same policy, in turns, on the same disk:
 * `scripts/bench --durable [--quick] [--only word]`. The words are everysec, always, loading, pauses and memory.
 *
 * The files are in the folder for temporary ones (TMPDIR). The tables, in Markdown, go to standard output.
 */
import { statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { compareLoading } from './loading.js';
import { comparePauses } from './pauses.js';
import { compareWrites } from './writes.js';
import { machine, warnOfOthers } from '../report.js';
import { scriptArguments } from '../../arguments.js';

export interface DurableSizes {
  /** Different keys that are written; requests in a round, and in one of requests that wait for the disk. */
  keys: number;
  writes: number;
  syncedWrites: number;
  rounds: number;
  /** Buckets in the files that are loaded. */
  loadedKeys: number;
  loadingRounds: number;
  /** Buckets while a snapshot is written, and writes a second meanwhile. */
  savedKeys: number;
  writesPerSecond: number;
}

const fullSizes: DurableSizes = {
  keys: 1_000_000, writes: 1_000_000, syncedWrites: 30_000, rounds: 5, loadedKeys: 1_000_000, loadingRounds: 3,
  savedKeys: 5_000_000, writesPerSecond: 20_000,
};
const quickSizes: DurableSizes = {
  keys: 20_000, writes: 100_000, syncedWrites: 3000, rounds: 3, loadedKeys: 50_000, loadingRounds: 1,
  savedKeys: 200_000, writesPerSecond: 20_000,
};

const { quick, only } = scriptArguments('bench --durable', 'What it costs to keep data on disk', {
  quick: { type: 'boolean', describe: 'few keys, to see that it works' },
  only: { choices: ['everysec', 'always', 'loading', 'pauses', 'memory'], describe: 'one part' },
});
const sizes = quick === true ? quickSizes : fullSizes;
const isWanted = (title: string): boolean => only === undefined || title === only;

const TMPFS = 0x01021994;
if (statfsSync(tmpdir()).type === TMPFS) console.error(`${tmpdir()} is no disk: set TMPDIR to a folder on one.`);
warnOfOthers();
console.log(machine());
if (isWanted('everysec')) await compareWrites('everysec', sizes);
if (isWanted('always')) await compareWrites('always', sizes);
if (isWanted('loading')) await compareLoading(sizes);
if (isWanted('pauses')) await comparePauses(sizes, 'pauses');
if (isWanted('memory')) await comparePauses(sizes, 'memory');

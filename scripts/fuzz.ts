/**
 * Random commands, on a node and on redis-server, until the minutes are over:
 * `scripts/fuzz [minutes] [seed] [family ...]`.
 *
 * Two kinds of rounds take turns. One draws sequences from the families' grammars and compares replies; the other draws
 * nasty arguments for every command there is, and asks only that each gets one well-formed reply. The first failure of
 * each command is printed, shrunk, with the seed that brings it back; the others are counted.
 */
import { families } from '../lib/commands/families.js';
import { CommandTable } from '../lib/commands/table.js';
import { grammars } from '../test/generators/families.js';
import { Sequences } from '../test/generators/grammar.js';
import { nastyRequests } from '../test/generators/nasty-requests.js';
import { KEYS } from '../test/generators/words.js';
import { type Difference, describe, findDifference, quoted, shrink } from '../test/support/differential.js';
import { findIllFormed } from '../test/support/one-reply.js';
import { nodeProcess, reference, smallLimits, whyNoReference } from '../test/support/targets.js';

const LENGTH = 300;

if (whyNoReference !== undefined) throw new Error(whyNoReference);
const [minutes = '1', seedText = String(Date.now() % 2 ** 31), ...only] = process.argv.slice(2);
const table = new CommandTable(families);
const chosen = grammars.filter(({ family }) => only.length === 0 || only.includes(family));
const sequences = new Sequences(chosen, table, KEYS);
const endMs = Date.now() + Number(minutes) * 60_000;
const failed = new Map<string, number>();

const theirs = await reference.start(smallLimits);
let ours = await nodeProcess.start(smallLimits);
let seed = Number(seedText);
const firstSeed = seed;
console.log(`fuzz: SEED=${seed}, ${minutes} minutes`);
for (; Date.now() < endMs; seed++) {
  await compare(seed);
  await abuse(seed);
}
await ours.stop();
await theirs.stop();
const total = [...failed.values()].reduce((sum, count) => sum + count, 0);
console.log(`fuzz: ${seed - firstSeed} rounds, ${total} failures, of these commands: ${[...failed.keys()].join(' ') || '-'}`);
process.exitCode = total === 0 ? 0 : 1;

async function compare(roundSeed: number): Promise<void> {
  const found = await find(sequences.sequence(roundSeed, LENGTH));
  if (found !== undefined && isFirst(found.requests.at(-1)![0]!)) {
    console.log(`\nSEED=${roundSeed}\n${describe(await shrink(found, find))}`);
  }
}

/** A difference between the two; a node that went down over it is started again. */
async function find(requests: readonly string[][]): Promise<Difference | undefined> {
  const found = await findDifference(requests, ours.port, theirs.port);
  if (found?.ours.endsWith('<closed>')) await restart();
  return found;
}

async function abuse(roundSeed: number): Promise<void> {
  const found = await findIllFormed(nastyRequests(table, roundSeed, LENGTH), ours.port);
  if (found === undefined) return;
  await restart();
  if (isFirst(found.request[0]!)) console.log(`\nSEED=${roundSeed}\n> ${found.request.map(quoted).join(' ')}\n  ${found.what}`);
}

/** Counts a failure; true for a command's first, which is told at length. */
function isFirst(command: string): boolean {
  const count = (failed.get(command.toUpperCase()) ?? 0) + 1;
  failed.set(command.toUpperCase(), count);
  return count === 1;
}

async function restart(): Promise<void> {
  await ours.stop();
  ours = await nodeProcess.start(smallLimits);
}

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
import { describe, findDifference, quoted, shrink } from '../test/support/differential.js';
import { findIllFormed } from '../test/support/one-reply.js';
import { type Running, nodeProcess, reference, whyNoReference } from '../test/support/targets.js';

const LENGTH = 300;
/** Keeps strings small on both: SETRANGE at 512 MB would be all that a round does. */
const SETTINGS = { 'proto-max-bulk-len': '1048576' };

if (whyNoReference !== undefined) throw new Error(whyNoReference);
const [minutes = '1', seedText = String(Date.now() % 2 ** 31), ...only] = process.argv.slice(2);
const table = new CommandTable(families);
const chosen = grammars.filter(({ family }) => only.length === 0 || only.includes(family));
const sequences = new Sequences(chosen, table, KEYS);
const endMs = Date.now() + Number(minutes) * 60_000;
const failed = new Map<string, number>();

const theirs = await reference.start(SETTINGS);
let ours = await nodeProcess.start(SETTINGS);
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
  const found = await findDifference(sequences.sequence(roundSeed, LENGTH), ours.port, theirs.port);
  if (found === undefined) return;
  const command = found.requests.at(-1)![0]!;
  if (found.ours.endsWith('<closed>')) ours = await restarted(ours);
  if (isFirst(command)) console.log(`\nSEED=${roundSeed}\n${describe(await shrink(found, ours.port, theirs.port))}`);
}

async function abuse(roundSeed: number): Promise<void> {
  const found = await findIllFormed(nastyRequests(table, roundSeed, LENGTH), ours.port);
  if (found === undefined) return;
  ours = await restarted(ours);
  if (isFirst(found.request[0]!)) console.log(`\nSEED=${roundSeed}\n> ${found.request.map(quoted).join(' ')}\n  ${found.what}`);
}

/** Counts a failure; true for a command's first, which is told at length. */
function isFirst(command: string): boolean {
  const count = (failed.get(command.toUpperCase()) ?? 0) + 1;
  failed.set(command.toUpperCase(), count);
  return count === 1;
}

async function restarted(node: Running): Promise<Running> {
  await node.stop();
  return nodeProcess.start(SETTINGS);
}

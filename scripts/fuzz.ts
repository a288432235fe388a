/**
 * Random commands, on a node and on redis-server, until the minutes are over:
 *
 *     scripts/fuzz [--minutes 1] [--seed N] [--length 300] [--front one|two] [family ...]
 *
 * Rounds take turns. One draws a sequence of `length` requests from the families' grammars and compares replies; the
 * other draws nasty arguments for every command there is, and asks only that each gets one well-formed reply. The
 * family `together` is all families over the same keys, with what both servers hold compared every so often, and a
 * scene in each round, of several clients who wait and wake each other; `waiting` is such scenes alone. With `--front`
 * the node is one that owns nothing in a cluster: all buckets are on one other node or on two, and there are no scenes:
 * who is seen waiting there may have been served elsewhere.
 *
 * The first difference of each command is printed, shrunk, with the seed that brings it back (`--seed`, with the same
 * length and families); the others are counted. What it does not know it refuses, and says how it is used.
 */
import { parseArgs } from 'node:util';
import { families } from '../lib/commands/families.js';
import { CommandTable } from '../lib/commands/table.js';
import { allTogether, grammars } from '../test/generators/families.js';
import { Sequences } from '../test/generators/grammar.js';
import { nastyRequests } from '../test/generators/nasty-requests.js';
import { initialSettings } from '../test/generators/together.js';
import { type Move, scene } from '../test/generators/waiting.js';
import { ALL_KEYS, KEYS } from '../test/generators/words.js';
import { type Difference, type Options, describe, findDifference, quoted, shrink } from '../test/support/differential.js';
import { REFUSAL, frontOfOne, frontOfTwo, outOfReach } from '../test/support/fronts.js';
import { findIllFormed } from '../test/support/one-reply.js';
import { type Target, nodeProcess, reference, smallLimits, whyNoReference } from '../test/support/targets.js';
import { type SceneDifference, describeScene, findSceneDifference } from '../test/support/waiting-run.js';

const TOGETHER = 'together';
const WAITING = 'waiting';
const LENGTH = { together: 20_000, other: 300 };
const SCENE_LENGTH = 300;
const NASTY_LENGTH = 300;

const FAMILIES = [...grammars.map(({ family }) => family), TOGETHER, WAITING];
const USAGE = `usage: scripts/fuzz [--minutes 1] [--seed N] [--length 300] [--front one|two] [family ...]
families: ${FAMILIES.join(' ')}`;

if (whyNoReference !== undefined) throw new Error(whyNoReference);
const { values, only } = readArguments();
const table = new CommandTable(families);
const isTogether = only.includes(TOGETHER);
const isWaitingOnly = only.includes(WAITING);
const sequences = sequencesOf();
const length = numberOf('length', isTogether ? LENGTH.together : LENGTH.other);
const minutes = numberOf('minutes', 1);
const endMs = Date.now() + minutes * 60_000;
const failed = new Map<string, number>();
/** How many requests have been compared, by the group of their command. */
const compared = new Map<string, number>();
const scenes = { moves: 0, waited: 0, served: 0 };

const theirs = await reference.start(smallLimits);
const target = targetOf(values.front);
let ours = await target.start(smallLimits);
const options: Options = {
  first: target === nodeProcess ? [initialSettings] : [],
  ...(values.front === 'two' ? { refusal: REFUSAL } : {}),
  onCompared: count,
};
const firstSeed = numberOf('seed', Date.now() % 2 ** 31);
let seed = firstSeed;
console.log(`fuzz: --seed ${seed} --length ${length} ${only.join(' ')}, ${minutes} minutes, against ${target.name}`);
for (; Date.now() < endMs; seed++) {
  if (isWaitingOnly || (isTogether && values.front === undefined)) await play(seed);
  if (isWaitingOnly) continue;
  await compare(seed);
  await abuse(seed);
}
await ours.stop();
await theirs.stop();
const total = [...failed.values()].reduce((sum, each) => sum + each, 0);
console.log(`fuzz: ${seed - firstSeed} rounds, ${total} failures, of these commands: ${[...failed.keys()].join(' ') || '-'}`);
const groups = [...compared].sort(([a], [b]) => (a < b ? -1 : 1)).map(([group, each]) => `${group} ${each}`);
console.log(`fuzz: compared ${[...compared.values()].reduce((sum, each) => sum + each, 0)}: ${groups.join(', ')}`);
if (scenes.moves > 0) console.log(`fuzz: scenes: ${scenes.moves} moves, ${scenes.waited} waited, ${scenes.served} served`);
process.exitCode = total === 0 ? 0 : 1;

/** The options, and the families that were named, all of which there are. */
function readArguments() {
  try {
    const option = { type: 'string' } as const;
    const { values: given, positionals } = parseArgs({
      allowPositionals: true, options: { minutes: option, seed: option, length: option, front: option },
    });
    const unknown = positionals.filter((name) => !FAMILIES.includes(name));
    if (unknown.length > 0) refuse(`there is no family ${unknown.join(', ')}`);
    if (positionals.includes(WAITING) && given.front !== undefined) refuse('there are no scenes with --front');
    return { values: given, only: positionals };
  } catch (error) {
    return refuse((error as Error).message);
  }
}

function numberOf(name: 'minutes' | 'seed' | 'length', otherwise: number): number {
  const number = Number(values[name] ?? otherwise);
  return number >= 0 ? number : refuse(`--${name} is a number, not ${values[name]}`);
}

function refuse(what: string): never {
  console.error(`fuzz: ${what}\n${USAGE}`);
  process.exit(2);
}

function targetOf(front: string | undefined): Target {
  if (front === undefined) return nodeProcess;
  if (front !== 'one' && front !== 'two') return refuse('--front is one or two: on how many nodes the buckets are');
  return front === 'one' ? frontOfOne : frontOfTwo;
}

/** What is drawn from: the families that were named, or all by themselves, or all together. */
function sequencesOf(): Sequences {
  const known = { named: (name: string) => (outOfReach(values.front, name) ? undefined : table.named(name)) };
  if (isTogether || isWaitingOnly) return new Sequences(allTogether, known, ALL_KEYS);
  return new Sequences(grammars.filter(({ family }) => only.length === 0 || only.includes(family)), known, KEYS);
}

async function compare(roundSeed: number): Promise<void> {
  const requests = isTogether ? sequences.longSequence(roundSeed, length) : sequences.sequence(roundSeed, length);
  const found = await find(requests);
  if (found !== undefined && isFirst(found.requests.at(-1)![0]!)) {
    console.log(`\nSEED=${roundSeed}\n${describe(await shrink(found, find))}`);
  }
}

async function play(roundSeed: number): Promise<void> {
  const findIn = (moves: readonly Move[]): Promise<SceneDifference | undefined> => {
    return findSceneDifference(moves, ours.port, theirs.port, scenes);
  };
  const found = await findIn(scene(roundSeed, SCENE_LENGTH));
  if (found !== undefined && isFirst(WAITING)) console.log(`\nSEED=${roundSeed}\n${await describeScene(found, findIn)}`);
}

/** A difference between the two; a node that went down over it is started again. */
async function find(requests: readonly string[][]): Promise<Difference | undefined> {
  const found = await findDifference(requests, ours.port, theirs.port, options);
  if (found?.ours.endsWith('<closed>')) await restart();
  return found;
}

function count(request: readonly string[]): void {
  const group = table.named(request[0]!)?.spec.group ?? 'unknown';
  compared.set(group, (compared.get(group) ?? 0) + 1);
}

async function abuse(roundSeed: number): Promise<void> {
  const found = await findIllFormed(nastyRequests(table, roundSeed, NASTY_LENGTH), ours.port);
  if (found === undefined) return;
  await restart();
  if (isFirst(found.request[0]!)) console.log(`\nSEED=${roundSeed}\n> ${found.request.map(quoted).join(' ')}\n  ${found.what}`);
}

/** Counts a failure; true for a command's first, which is told at length. */
function isFirst(command: string): boolean {
  const times = (failed.get(command.toUpperCase()) ?? 0) + 1;
  failed.set(command.toUpperCase(), times);
  return times === 1;
}

async function restart(): Promise<void> {
  await ours.stop();
  ours = await target.start(smallLimits);
}

/**
 * Runs every scenario of `test/scenarios/*.play` on one node, on redis-server, and on a node that owns nothing in front
 * of two that share the alphabet; see test/support/scenarios.ts. With PLAY in the environment only the files that begin
 * with it.
 */
import { readdirSync } from 'node:fs';
import test from 'ava';
import { TestCluster } from '../support/cluster.js';
import { RawClient } from '../support/raw-client.js';
import { type Play, type Stage, differencesOf, pauses, readPlays, runPlay } from '../support/scenarios.js';
import { reference, startNode } from '../support/targets.js';

interface Theatre {
  name: string;
  isAvailable: boolean;
  isSharded: boolean;
  open(settings: Record<string, string>): Promise<Stage & { stop(): Promise<void> }>;
}

const oneNode: Theatre = {
  name: 'a node', isAvailable: true, isSharded: false,
  open: async (settings) => {
    const node = await startNode(settings);
    return { port: node.port, stop: () => node.stop(), waitingCount: () => node.state.waits.count };
  },
};

const redis: Theatre = {
  name: reference.name, isAvailable: reference.isAvailable, isSharded: false,
  open: async (settings) => {
    const running = await reference.start(settings);
    const prompter = await RawClient.connect(running.port);
    const waitingCount = async (): Promise<number> =>
      Number(/blocked_clients:(\d+)/.exec(await prompter.ask('INFO clients'))![1]);
    return { port: running.port, stop: () => running.stop(), waitingCount };
  },
};

async function openTwoShards(
  settings: Record<string, string>,
): Promise<Stage & { stop(): Promise<void>; owners: number[] }> {
  const cluster = new TestCluster({ names: ['front', 'foo', 'bar'], shards: 'a-m=foo,*=bar', settings });
  await cluster.start();
  const waitingCount = (): number =>
    [...cluster.nodes.values()].reduce((sum, node) => sum + node.state.waits.count, 0);
  const owners = ['foo', 'bar'].map((name) => cluster.port(name));
  return { port: cluster.port('front'), owners, stop: () => cluster.stop(), waitingCount };
}

const twoShards: Theatre = {
  name: 'a node before two shards', isAvailable: true, isSharded: true, open: openTwoShards,
};

const pausedShards: Theatre = {
  name: 'a node before two shards that are paused', isAvailable: true, isSharded: true,
  open: async (settings) => {
    const stage = await openTwoShards(settings);
    return { ...stage, pausedPorts: stage.owners };
  },
};

const folder = new URL('../../../test/scenarios/', import.meta.url).pathname;
const only = process.env.PLAY ?? '';

let opened: { theatre: Theatre; settings: string; stage: Stage & { stop(): Promise<void> } } | undefined;

/** The stage that is open, when it is the right one, or another. */
async function stageOf(theatre: Theatre, { settings }: Play): Promise<Stage> {
  const wanted = JSON.stringify(settings);
  if (opened?.theatre === theatre && opened.settings === wanted) return opened.stage;
  await opened?.stage.stop();
  opened = undefined;
  opened = { theatre, settings: wanted, stage: await theatre.open(settings) };
  return opened.stage;
}

test.after.always(() => opened?.stage.stop());

for (const file of readdirSync(folder).filter((name) => name.endsWith('.play') && name.startsWith(only))) {
  const plays = readPlays(folder + file);
  for (const theatre of [oneNode, redis, twoShards, pausedShards]) {
    const run = theatre.isAvailable ? test.serial : test.serial.skip;
    for (const play of plays) {
      if (theatre.isSharded && play.isForOneNode) continue;
      if (theatre === pausedShards && (play.paused === 'here' || !pauses(play))) continue;
      if (theatre === twoShards && play.paused === 'there') continue;
      run(`${theatre.name}: ${file}: ${play.title}`, async (t) => {
        t.is(differencesOf(play, await runPlay(play, await stageOf(theatre, play))), '');
      });
    }
  }
}

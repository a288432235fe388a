/**
 * Scenarios: what several clients do, one after the other, and what each of them hears, in files that read like a play.
 * `test/scenarios/*.play` holds them; `test/scenarios/plays.ts` runs each on one node, on redis-server, and on a node
 * that owns nothing in front of two that do. What pauses clients is run once more in front of two: there CLIENT PAUSE
 * and UNPAUSE are for those two nodes instead.
 *
 *     # a comment
 *     == Who waited first is served first          a scenario; it begins with an empty store and no clients
 *     -- one node: why                             it is not run over shards
 *     -- here: why                                 nor with pauses at the nodes that own what it is about
 *     -- there: why                                nor with pauses at the node that is asked, where it owns nothing
 *     -- settings: notify-keyspace-events KEA      each begins a line of its own
 *     Ann waits: BLPOP queue 0                     she sends a request, and it is made sure that she is waiting
 *     Cleo: RPUSH queue one two                    she sends a request and hears the reply,
 *         :2\r\n                                   which redis-server gave, its bytes four blanks in
 *     Ann hears                                    the next thing that comes to her: a reply, a message, ...
 *         *2\r\n$5\r\nqueue\r\n$3\r\none\r\n
 *     Ann sends: PING                              she sends a request and does not listen yet
 *     Ann hears nothing                            for a moment
 *     Ann hears the end                            her connection is closed
 *     Ann leaves                                   she closes her connection
 *     After 50 ms
 *
 * A client comes when it is first named. `{Ann}` in a request stands for her client id. Marks behind a name say how its
 * replies are compared, as in `.rows` files: `Ann~:` in any order, `Ann#:` digits may differ, `Ann?:` not at all.
 *
 * `node build/scripts/capture-scenarios.js [file ...]` records what is heard; it leaves the rest as it is.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { RawClient, encode, parts } from './raw-client.js';
import { comparable, escape, unescape } from './rows.js';
import { waitFor } from './wait-for.js';

export type Verb = 'asks' | 'sends' | 'waits' | 'hears' | 'hears nothing' | 'hears the end' | 'leaves' | 'after';

export interface Step {
  /** As it stands in the file. */
  text: string;
  who: string;
  verb: Verb;
  marks: string;
  request: string;
  ms: number;
  /** What redis-server gave, escaped; undefined when nothing is recorded, or nothing is to be heard. */
  heard: string | undefined;
}

export interface Play {
  title: string;
  isForOneNode: boolean;
  /** Which nodes its pauses are for, when it matters: the one that its clients are connected to, or the owners. */
  paused: 'here' | 'there' | 'any';
  settings: Record<string, string>;
  steps: Step[];
}

/** Where plays are run: a server, and how many clients wait for something on it. */
export interface Stage {
  port: number;
  /** The nodes that are paused when a client says CLIENT PAUSE; otherwise its own. */
  pausedPorts?: readonly number[];
  waitingCount(): Promise<number> | number;
}

const QUIET_MS = 40;
const SETTLING_MS = 15;
const PATIENCE_MS = 60_000;

/** Whether a step gives something to compare. */
export function isHeard({ verb }: Step): boolean {
  return verb === 'asks' || verb === 'hears' || verb === 'hears the end';
}

const ofAnyKind = { isForOneNode: false, paused: 'any' } as const;
const PAUSE = /^CLIENT (UN)?PAUSE\b/;

/** Whether clients are paused in it. */
export function pauses({ steps }: Play): boolean {
  return steps.some(({ request }) => PAUSE.test(request));
}

export function readPlays(file: string): Play[] {
  const plays: Play[] = [];
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const play = plays.at(-1);
    if (line.startsWith('== ')) plays.push({ title: line.slice(3), ...ofAnyKind, settings: {}, steps: [] });
    else if (line.startsWith('#') || line.trim() === '') continue;
    else if (play === undefined) throw new Error(`${file}: no scenario has begun: ${line}`);
    else if (line.startsWith('-- one node')) play.isForOneNode = true;
    else if (line.startsWith('-- here')) play.paused = 'here';
    else if (line.startsWith('-- there')) play.paused = 'there';
    else if (line.startsWith('-- settings: ')) {
      const [name, ...value] = line.slice('-- settings: '.length).split(' ');
      play.settings[name!] = value.join(' ');
    } else if (line.startsWith('    ')) play.steps.at(-1)!.heard = line.slice(4);
    else play.steps.push(readStep(file, line));
  }
  return plays;
}

function readStep(file: string, text: string): Step {
  const step = { text, who: '', marks: '', request: '', ms: 0, heard: undefined };
  const after = /^After (\d+) ms$/.exec(text);
  if (after !== null) return { ...step, verb: 'after', ms: Number(after[1]) };
  const match = /^(\w+)([~#?]*)(?:( sends| waits)?: (.+)| (hears nothing|hears the end|hears|leaves))$/.exec(text);
  if (match === null) throw new Error(`${file}: not a step: ${text}`);
  const [, who, marks, verb, request, other] = match;
  const kind = (other ?? verb?.trim() ?? 'asks') as Verb;
  return { ...step, who: who!, marks: marks!, verb: kind, request: request ?? '' };
}

/** Runs a scenario and gives what is heard in each step that hears something; the other places are undefined. */
export async function runPlay(play: Play, stage: Stage): Promise<(string | undefined)[]> {
  const cast = new Cast(stage);
  try {
    await waitFor(async () => (await stage.waitingCount()) === 0, 'the stage to be empty');
    const prompter = await RawClient.connect(stage.port);
    await prompter.ask('CLIENT UNPAUSE');
    await askEach(stage.pausedPorts ?? [], 'CLIENT UNPAUSE');
    await prompter.ask('FLUSHALL');
    prompter.close();
    const heard: (string | undefined)[] = [];
    for (const step of play.steps) heard.push(await inTime(step, cast.play(step)));
    return heard;
  } finally {
    cast.dismiss();
  }
}

async function inTime<T>(step: Step, played: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${PATIENCE_MS} ms were not enough for: ${step.text}`)), PATIENCE_MS);
  });
  try {
    return await Promise.race([played, patience]);
  } finally {
    clearTimeout(timer);
  }
}

interface Player {
  client: RawClient;
  id: string;
  isWaiting: boolean;
}

class Cast {
  private readonly players = new Map<string, Player>();

  constructor(private readonly stage: Stage) {}

  async play(step: Step): Promise<string | undefined> {
    const { verb, ms, request } = step;
    if (verb === 'after') {
      await delay(ms);
      return undefined;
    }
    const player = await this.player(step.who);
    const { client } = player;
    const { pausedPorts } = this.stage;
    if (pausedPorts !== undefined && PAUSE.test(request)) return askEach(pausedPorts, request);
    if (verb === 'asks' || verb === 'sends') await this.send(player, request);
    if (verb === 'waits') await this.wait(player, request);
    if (verb === 'leaves') await this.leave(player);
    if (verb === 'hears nothing') {
      await delay(QUIET_MS);
      if (!client.isSilent) throw new Error(`${step.who} hears something: ${await client.reply()}`);
    }
    if (verb === 'hears the end') return client.untilClosed();
    if (verb !== 'asks' && verb !== 'hears') return undefined;
    const heard = await client.reply();
    if (verb === 'hears') player.isWaiting = false;
    return heard;
  }

  dismiss(): void {
    for (const { client } of this.players.values()) client.close();
  }

  private async player(name: string): Promise<Player> {
    const known = this.players.get(name);
    if (known !== undefined) return known;
    const client = await RawClient.connect(this.stage.port);
    const id = /\d+/.exec(await client.ask('CLIENT ID'))![0];
    const player = { client, id, isWaiting: false };
    this.players.set(name, player);
    return player;
  }

  private async send({ client }: Player, request: string): Promise<void> {
    for (const [, name] of request.matchAll(/\{([A-Z]\w*)\}/g)) await this.player(name!);
    const line = request.replace(/\{([A-Z]\w*)\}/g, (_all, name: string) => this.players.get(name)!.id);
    client.send(encode(parts(line)));
  }

  private async wait(player: Player, request: string): Promise<void> {
    const before = await this.settledCount();
    await this.send(player, request);
    player.isWaiting = true;
    await waitFor(async () => (await this.settledCount()) > before, `the one who sent ${request} to wait`);
  }

  /** How many wait, when that does not change any more: one who waits on several shards comes and goes in steps. */
  private async settledCount(): Promise<number> {
    for (let last = -1; ; ) {
      const now = await this.stage.waitingCount();
      if (now === last) return now;
      last = now;
      await delay(SETTLING_MS);
    }
  }

  private async leave(player: Player): Promise<void> {
    const before = await this.stage.waitingCount();
    player.client.close();
    if (!player.isWaiting) return;
    await waitFor(async () => (await this.stage.waitingCount()) < before, 'the server to notice who has left');
  }
}

/** Has each of several nodes answer a request; gives their replies, which are the same. */
async function askEach(ports: readonly number[], request: string): Promise<string> {
  const replies: string[] = [];
  for (const port of ports) {
    const client = await RawClient.connect(port);
    replies.push(await client.ask(request));
    client.close();
  }
  const [first = ''] = replies;
  return replies.every((reply) => reply === first) ? first : replies.join('; ');
}

/** The steps at which something else was heard than is recorded, as a text; empty when all is the same. */
export function differencesOf(play: Play, heard: readonly (string | undefined)[]): string {
  const differences = play.steps.flatMap((step, index) => {
    if (!isHeard(step)) return [];
    const got = escape(comparable(heard[index]!, step.marks));
    const recorded = step.heard ?? (step.verb === 'hears the end' ? '' : '(not recorded)');
    return got === (step.marks === '' ? recorded : escapedAgain(recorded, step.marks))
      ? []
      : [`${step.text}\n  expected ${recorded}\n  got      ${got}`];
  });
  return differences.join('\n');
}

/** A recorded reply in the form in which it is compared under its marks. */
function escapedAgain(recorded: string, marks: string): string {
  return escape(comparable(unescape(recorded), marks));
}

/**
 * Runs a scene of several clients (generators/waiting.ts) on two servers at once, and compares what each client hears
 * of each move: so who is served, with what, and in what order.
 *
 * Nothing hangs on time. A move is over when every client has either all its replies or is seen waiting: CLIENT LIST,
 * asked by a further client, has it flagged as blocked. What it is blocked by is behind all that was done before.
 */
import { Comparison } from '../generators/accepted-replies.js';
import { CLIENTS, KEYS, type Move } from '../generators/waiting.js';
import { quoted, withFewer } from './differential.js';
import { RawClient, encode } from './raw-client.js';
import { escape } from './rows.js';

export interface SceneDifference {
  /** What differs comes of the last one. */
  moves: readonly Move[];
  what: string;
}

/** How many moves there were, those that had their client wait, and replies that came of another's move. */
export interface Tally {
  moves: number;
  waited: number;
  served: number;
}

/** A client, and what it has sent and not heard of. */
class Player {
  id = '';
  owed: (readonly string[])[] = [];

  private constructor(readonly client: RawClient) {}

  static async enter(port: number): Promise<Player> {
    const player = new Player(await RawClient.connect(port));
    player.id = (await player.client.ask('CLIENT ID')).slice(1, -2);
    return player;
  }

  /** Takes the replies that it is owed: only the first of its requests can have made it wait. */
  async hear(): Promise<string[]> {
    const replies: string[] = [];
    for (const _request of this.owed) replies.push(await this.client.reply());
    return replies;
  }
}

interface Heard {
  who: number;
  requests: readonly (readonly string[])[];
  replies: string[];
}

/** One server, and the clients on it. */
class Stage {
  private constructor(
    private readonly port: number,
    private readonly onlooker: RawClient,
    private readonly players: Player[],
  ) {}

  static async open(port: number): Promise<Stage> {
    const onlooker = await RawClient.connect(port);
    await onlooker.ask('FLUSHALL');
    const players: Player[] = [];
    while (players.length < CLIENTS) players.push(await Player.enter(port));
    return new Stage(port, onlooker, players);
  }

  isWaiting(who: number): boolean {
    return this.players[who]!.owed.length > 0;
  }

  /** What was heard of this move, by client. */
  async play({ who, requests }: Move): Promise<Heard[]> {
    const player = this.players[who]!;
    if (requests.length === 0) {
      player.client.close();
      while ((await this.flags()).has(player.id));
      this.players[who] = await Player.enter(this.port);
      return this.settle();
    }
    const named = (arg: string): string => arg.replace(/^\{(\d)\}$/, (_, of) => this.players[Number(of)]!.id);
    player.owed = requests.map((request) => request.map(named));
    player.client.send(Buffer.concat(player.owed.map((request) => encode(request))));
    return this.settle();
  }

  /** Takes what is heard until nobody has anything to come but those who wait. */
  private async settle(): Promise<Heard[]> {
    const heard: Heard[] = [];
    for (;;) {
      const flags = await this.flags();
      const served = this.players.findIndex(({ owed, id }) => owed.length > 0 && !(flags.get(id) ?? '').includes('b'));
      if (served < 0) return heard.sort((a, b) => a.who - b.who);
      const player = this.players[served]!;
      // What it sent may not have been read yet, and make it wait in a moment.
      if (!player.client.hasReply) continue;
      heard.push({ who: served, requests: player.owed, replies: await player.hear() });
      player.owed = [];
    }
  }

  private async flags(): Promise<Map<string, string>> {
    const list = await this.onlooker.ask('CLIENT LIST');
    return new Map([...list.matchAll(/id=(\d+) .*? flags=(\w+)/g)].map(([, id, flags]) => [id!, flags!]));
  }

  /** What is there at the end. */
  async rest(): Promise<Heard[]> {
    const requests = ['0', '1'].flatMap((db) => [['SELECT', db], ...KEYS.flatMap((key) => [['TYPE', key], ['DUMP', key]])]);
    this.onlooker.send(Buffer.concat(requests.map((request) => encode(request))));
    const replies: string[] = [];
    for (const _request of requests) replies.push(await this.onlooker.reply());
    return [{ who: CLIENTS, requests, replies }];
  }

  close(): void {
    for (const { client } of [...this.players, { client: this.onlooker }]) client.close();
  }
}

/** The first move of which something else is heard on the two; undefined when there is none. */
export async function findSceneDifference(
  moves: readonly Move[], ourPort: number, theirPort: number, tally?: Tally,
): Promise<SceneDifference | undefined> {
  const [ours, theirs] = await Promise.all([Stage.open(ourPort), Stage.open(theirPort)]);
  const comparisons = Array.from({ length: CLIENTS + 1 }, () => new Comparison());
  try {
    for (const [at, move] of moves.entries()) {
      // Who waits says nothing.
      if (move.requests.length > 0 && ours.isWaiting(move.who)) continue;
      const [mine, expected] = await Promise.all([ours.play(move), theirs.play(move)]);
      const what = difference(mine, expected, comparisons);
      if (what !== undefined) return { moves: moves.slice(0, at + 1), what };
      if (tally === undefined) continue;
      tally.moves++;
      if (ours.isWaiting(move.who)) tally.waited++;
      tally.served += expected.filter(({ who }) => who !== move.who).length;
    }
    const what = difference(await ours.rest(), await theirs.rest(), comparisons);
    return what === undefined ? undefined : { moves, what };
  } finally {
    ours.close();
    theirs.close();
  }
}

function difference(
  mine: readonly Heard[], expected: readonly Heard[], comparisons: readonly Comparison[],
): string | undefined {
  const isSame = mine.length === expected.length && expected.every(({ who, requests, replies }, i) => {
    const { who: whoHere, replies: ours } = mine[i]!;
    if (who !== whoHere || replies.length !== ours.length) return false;
    return requests.every((request, n) => comparisons[who]!.isSame(request, ours[n]!, replies[n]!));
  });
  return isSame ? undefined : `  redis-server\n${told(expected)}\n  node\n${told(mine)}`;
}

function told(heard: readonly Heard[]): string {
  const lines = heard.flatMap(({ who, requests, replies }) => requests.map((request, n) => {
    return `    client ${who} hears of ${request.map(quoted).join(' ')}: ${escape(replies[n]!)}`;
  }));
  return lines.join('\n') || '    nobody hears anything';
}

/** The same with as few moves as can be found, for people. */
export async function describeScene(
  found: SceneDifference, find: (moves: readonly Move[]) => Promise<SceneDifference | undefined>,
): Promise<string> {
  const { moves, what } = await withFewer(found, ({ moves: all }) => all, find);
  const lines = moves.map(({ who, requests }) => {
    const sent = requests.map((request) => request.map(quoted).join(' ')).join(' ; ');
    return `client ${who}: ${sent || 'leaves, and another comes'}`;
  });
  return [...lines, what].join('\n');
}

/**
 * Runs the same requests on two servers and finds the first reply that differs; then leaves out requests, arguments and
 * bytes as long as there is a difference, so that what is left can be read.
 */
import { Comparison, isSoon } from '../generators/accepted-replies.js';
import { isJoined } from '../generators/grammar.js';
import { RawClient, encode } from './raw-client.js';
import { escape } from './rows.js';

export interface Difference {
  /** The last one is the request whose replies differ. */
  requests: string[][];
  ours: string;
  theirs: string;
}

/** The first request whose replies differ, with those before it; undefined when there is none. */
export type Find = (requests: readonly string[][]) => Promise<Difference | undefined>;

/** A server that says nothing for so long has lost a reply: it counts as having closed the connection. */
const SILENCE_MS = 20_000;

/** So many requests are on their way at a time. */
const BATCH = 1000;

/** A connection to a server that has been emptied. */
class Run {
  private constructor(private readonly client: RawClient) {}

  static async begin(port: number, first: readonly (readonly string[])[]): Promise<Run> {
    const run = new Run(await RawClient.connect(port));
    await run.replies([['FLUSHALL'], ...first]);
    return run;
  }

  async replies(requests: readonly (readonly string[])[]): Promise<string[]> {
    const { client } = this;
    const silence = setTimeout(() => client.close(), SILENCE_MS);
    client.send(Buffer.concat(requests.map((request) => encode(request))));
    const replies: string[] = [];
    for (const _request of requests) {
      replies.push(await client.reply());
      silence.refresh();
    }
    clearTimeout(silence);
    return replies;
  }

  end(): void {
    this.client.close();
  }
}

export interface Options {
  /** Requests that bring both servers into the state that is the same for all sequences. */
  first?: readonly (readonly string[])[];
  /** A request that our node answers with such an error has changed nothing, and redis-server is not asked. */
  refusal?: string;
  /** Is told of every request whose replies were compared. */
  onCompared?: (request: readonly string[]) => void;
}

/** Runs `requests` on two empty servers until a reply differs. */
export async function findDifference(
  requests: readonly string[][], ourPort: number, theirPort: number, { first = [], refusal, onCompared }: Options = {},
): Promise<Difference | undefined> {
  const [ours, theirs] = await Promise.all([Run.begin(ourPort, first), Run.begin(theirPort, first)]);
  const comparison = new Comparison();
  const isAnswered = (reply: string): boolean => refusal === undefined || !reply.startsWith(`-${refusal} `);
  try {
    for (let at = 0; at < requests.length; at += BATCH) {
      const batch = requests.slice(at, at + BATCH);
      const mine = await ours.replies(batch);
      const expected = await theirs.replies(batch.filter((_request, i) => isAnswered(mine[i]!)));
      let next = 0;
      for (const [i, request] of batch.entries()) {
        if (!isAnswered(mine[i]!)) continue;
        const reply = expected[next++]!;
        onCompared?.(request);
        if (!comparison.isSame(request, mine[i]!, reply)) {
          return { requests: requests.slice(0, at + i + 1), ours: mine[i]!, theirs: reply };
        }
      }
    }
    return undefined;
  } finally {
    ours.end();
    theirs.end();
  }
}

/** A difference with as little in front of it as can be found by leaving out. */
export async function shrink(found: Difference, find: Find): Promise<Difference> {
  return withShorterArguments(await withFewerRequests(found, find), find);
}

function withFewerRequests(found: Difference, find: Find): Promise<Difference> {
  return withFewer(found, ({ requests }) => linesOf(requests), (lines) => find(lines.flat()));
}

/** Leaves out runs of what there is in front of the last, long ones first. */
export async function withFewer<Found, Line>(
  found: Found,
  linesIn: (found: Found) => readonly Line[],
  find: (lines: readonly Line[]) => Promise<Found | undefined>,
): Promise<Found> {
  let least = found;
  for (let length = linesIn(found).length >> 1; length > 0; length >>= 1) {
    for (let at = 0; at + length < linesIn(least).length; ) {
      const difference = await find(linesIn(least).toSpliced(at, length));
      if (difference === undefined) at += length;
      else least = difference;
    }
  }
  return least;
}

/** Requests that belong together (grammar.ts) stay together. */
function linesOf(requests: readonly string[][]): string[][][] {
  const lines: string[][][] = [];
  for (const request of requests) {
    if (isJoined(request)) lines.at(-1)?.push(request);
    else lines.push([request]);
  }
  return lines;
}

/** Leaves out arguments, and halves of long ones, of requests that stand alone. */
async function withShorterArguments(found: Difference, find: Find): Promise<Difference> {
  let least = found;
  const isStill = async (at: number, request: string[]): Promise<boolean> => {
    const difference = isSoon(request) ? undefined : await find(least.requests.with(at, request));
    if (difference === undefined) return false;
    least = difference;
    return true;
  };
  const isAlone = (at: number): boolean => [at, at + 1].every((i) => !isJoined(least.requests[i] ?? []));
  for (let at = found.requests.length - 1; at >= 0; at--) {
    for (let arg = 1; arg < (least.requests[at]?.length ?? 0) && isAlone(at); ) {
      const request = least.requests[at]!;
      if (await isStill(at, request.toSpliced(arg, 1))) continue;
      const { length } = request[arg]!;
      if (length > 1 && (await isStill(at, request.with(arg, request[arg]!.slice(0, length >> 1))))) continue;
      arg++;
    }
  }
  return least;
}

/** For people: the requests as one would type them, then the two replies. */
export function describe({ requests, ours, theirs }: Difference): string {
  const lines = requests.map((request) => `> ${request.map(quoted).join(' ')}`);
  return [...lines, `  redis-server ${escape(theirs)}`, `  node         ${escape(ours)}`].join('\n');
}

/** An argument as it may stand in a row. */
export function quoted(arg: string): string {
  if (/^[!#-&(-~]+$/.test(arg)) return arg;
  const escaped = arg.replace(/[^ -~]|["\\]/g, (char) => {
    if (char === '"' || char === '\\') return `\\${char}`;
    return `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
  return `"${escaped}"`;
}

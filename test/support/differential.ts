/**
 * Runs the same requests on two servers and finds the first reply that differs; then leaves out requests as long as
 * there is a difference, so that what is left can be read.
 */
import { RawClient, encode } from './raw-client.js';
import { escape } from './rows.js';
import { comparableReply, endsComparison } from '../generators/accepted-replies.js';

export interface Difference {
  /** The last one is the request whose replies differ. */
  requests: string[][];
  ours: string;
  theirs: string;
}

/** A server that says nothing for so long has lost a reply: it counts as having closed the connection. */
const SILENCE_MS = 20_000;

/** The replies to all requests, on an empty server and a new connection. */
export async function repliesOf(port: number, requests: readonly (readonly string[])[]): Promise<string[]> {
  const client = await RawClient.connect(port);
  const silence = setTimeout(() => client.close(), SILENCE_MS);
  try {
    const all = [['FLUSHALL'], ...requests];
    client.send(Buffer.concat(all.map((request) => encode(request))));
    const replies: string[] = [];
    while (replies.length < all.length) {
      replies.push(await client.reply());
      silence.refresh();
    }
    return replies.slice(1);
  } finally {
    clearTimeout(silence);
    client.close();
  }
}

/** The first request whose replies differ, with those before it; undefined when there is none. */
export async function findDifference(
  requests: readonly string[][], ourPort: number, theirPort: number,
): Promise<Difference | undefined> {
  const [ours, theirs] = await Promise.all([repliesOf(ourPort, requests), repliesOf(theirPort, requests)]);
  const end = requests.findIndex((request, i) => endsComparison(request, theirs[i]!));
  const at = requests.findIndex(
    (request, i) => comparableReply(request, ours[i]!) !== comparableReply(request, theirs[i]!),
  );
  if (at < 0 || (end >= 0 && at >= end)) return undefined;
  return { requests: requests.slice(0, at + 1), ours: ours[at]!, theirs: theirs[at]! };
}

/**
 * A difference with as few requests before it as can be found by leaving out runs of them, long ones first. `find` is
 * findDifference on some pair of servers.
 */
export async function shrink(
  found: Difference, find: (requests: readonly string[][]) => Promise<Difference | undefined>,
): Promise<Difference> {
  let least = found;
  for (let length = found.requests.length >> 1; length > 0; length >>= 1) {
    for (let at = 0; at + length < least.requests.length; ) {
      const difference = await find(least.requests.toSpliced(at, length));
      if (difference === undefined) at += length;
      else least = difference;
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

/**
 * Checks that every request gets one well-formed reply: behind each stands a PING with a number, whose answer must come
 * next. The framer of lib/ takes its peers' word; this one looks at every byte.
 */
import { RawClient, encode } from './raw-client.js';
import { escape } from './rows.js';

export interface IllFormed {
  request: string[];
  what: string;
}

/** The first request that gets no reply, more than one, or one that is no RESP. */
export async function findIllFormed(requests: readonly string[][], port: number): Promise<IllFormed | undefined> {
  const client = await RawClient.connect(port);
  try {
    client.send(encode(['FLUSHALL']));
    await client.reply();
    client.send(Buffer.concat(requests.flatMap((request, i) => [encode(request), encode(['PING', `ping ${i}`])])));
    for (const [i, request] of requests.entries()) {
      const reply = await client.reply();
      if (!isWellFormed(reply)) return { request, what: `no well-formed reply: ${escape(reply)}` };
      const pong = await client.reply();
      if (!pong.endsWith(`ping ${i}\r\n`)) return { request, what: `one reply too many: ${escape(reply + pong)}` };
    }
    return undefined;
  } finally {
    client.close();
  }
}

/** Whether this is one reply in RESP2 or RESP3, one char a byte, and nothing behind it. */
export function isWellFormed(reply: string): boolean {
  return endOf(reply, 0) === reply.length;
}

/** Where the reply that begins at `at` ends, or NaN when it is none. */
function endOf(reply: string, at: number): number {
  const lineEnd = reply.indexOf('\r\n', at);
  if (lineEnd < 0) return NaN;
  const line = reply.slice(at + 1, lineEnd);
  const next = lineEnd + 2;
  switch (reply[at]) {
    case '+':
    case '-':
      return /[\r\n]/.test(line) ? NaN : next;
    case ':':
      return /^-?\d+$/.test(line) ? next : NaN;
    case '(':
      return /^-?\d+$/.test(line) ? next : NaN;
    case ',':
      return /^(-?\d+(\.\d+)?(e[-+]?\d+)?|-?inf|nan)$/i.test(line) ? next : NaN;
    case '#':
      return line === 't' || line === 'f' ? next : NaN;
    case '_':
      return line === '' ? next : NaN;
    case '$':
    case '=':
      return endOfBulk(reply, line, next);
    case '*':
    case '~':
    case '>':
      return line === '-1' ? next : endOfMany(reply, Number(/^\d+$/.exec(line)?.[0]), next);
    case '%':
      return endOfMany(reply, 2 * Number(/^\d+$/.exec(line)?.[0]), next);
    default:
      return NaN;
  }
}

function endOfBulk(reply: string, line: string, start: number): number {
  if (line === '-1') return start;
  if (!/^\d+$/.test(line)) return NaN;
  const end = start + Number(line);
  return reply.startsWith('\r\n', end) ? end + 2 : NaN;
}

function endOfMany(reply: string, count: number, start: number): number {
  if (Number.isNaN(count)) return NaN;
  let at = start;
  for (let i = 0; i < count && !Number.isNaN(at); i++) at = endOf(reply, at);
  return at;
}

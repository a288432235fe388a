/**
 * Rows: requests and the replies that redis-server gives to them, in files that read like a session.
 *
 *     # a comment
 *     > SET name value          a request, as one would type it for redis-cli
 *     < +OK\r\n                 the reply's bytes, recorded from redis-server
 *                               a blank line ends a scenario: the next begins with an empty store
 *
 * The mark in front of a request may say more than `>`:
 *
 *     >~   the elements of the reply come in any order
 *     >#   digits may differ (`#` stands for a run of digits)
 *     >?   the reply may differ altogether; it is not compared
 *     >!   a command of ours: the reply is written by hand, and redis-server is not asked
 *     2>   a second client (3>, 4>, ...); marks combine as in `2>~`
 *
 * `scripts/capture-reference` fills in and renews the `<` lines. A scenario with `>!` is not run on redis-server.
 */
import { readFileSync } from 'node:fs';
import { RawClient, encode, parts } from './raw-client.js';
import { replyEnd } from './reply-end.js';

export interface Row {
  client: number;
  marks: string;
  request: string;
  /** The recorded reply, one char a byte; undefined when there is none yet. */
  reply: string | undefined;
}

export interface Scenario {
  title: string;
  rows: Row[];
}

/** The scenarios of a `.rows` file. */
export function readScenarios(file: string): Scenario[] {
  const scenarios: Scenario[] = [];
  let rows: Row[] = [];
  const finish = (): void => {
    if (rows.length > 0) scenarios.push({ title: rows.map((row) => row.request).join(' | '), rows });
    rows = [];
  };
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const request = /^(\d*)>([~#?!]*) (.*)$/.exec(line);
    if (request) {
      rows.push({ client: request[1] === '' ? 1 : Number(request[1]), marks: request[2]!, request: request[3]!, reply: undefined });
    } else if (line.startsWith('< ')) rows[rows.length - 1]!.reply = unescape(line.slice(2));
    else if (line.trim() === '') finish();
    else if (!line.startsWith('#')) throw new Error(`${file}: not a row: ${line}`);
  }
  finish();
  return scenarios;
}

/** Runs a scenario's requests on the node or server at `port`, which it empties first, and gives the raw replies. */
export async function runScenario(scenario: Scenario, port: number): Promise<string[]> {
  const clients = new Map<number, RawClient>();
  const replies: string[] = [];
  try {
    const first = await RawClient.connect(port);
    clients.set(1, first);
    await first.ask('FLUSHALL');
    for (const row of scenario.rows) {
      let client = clients.get(row.client);
      if (client === undefined) clients.set(row.client, (client = await RawClient.connect(port)));
      client.send(encode(parts(row.request)));
      replies.push(await client.reply());
    }
  } finally {
    for (const client of clients.values()) client.close();
  }
  return replies;
}

/** A reply brought into the form in which it is compared under its marks. */
export function comparable(reply: string, marks: string): string {
  if (marks.includes('?')) return '';
  let shown = reply;
  if (marks.includes('~')) shown = sorted(shown);
  if (marks.includes('#')) shown = shown.replace(/\d+/g, '#');
  return shown;
}

/** An aggregate's elements in order of their bytes; in a map, the pairs. */
function sorted(reply: string): string {
  if (!'*~%>'.includes(reply[0]!)) return reply;
  const bytes = Buffer.from(reply, 'latin1');
  const head = reply.indexOf('\r\n') + 2;
  const elements: string[] = [];
  for (let at = head; at < bytes.length; ) {
    let end = replyEnd(bytes, at, bytes.length);
    if (reply.startsWith('%')) end = replyEnd(bytes, end, bytes.length);
    elements.push(sorted(reply.slice(at, end)));
    at = end;
  }
  return reply.slice(0, head) + elements.sort().join('');
}

/** Bytes as they stand in a `.rows` file. */
export function escape(reply: string): string {
  return reply.replace(/[^ -~]|\\/g, (char) => {
    if (char === '\r') return '\\r';
    if (char === '\n') return '\\n';
    if (char === '\\') return '\\\\';
    return `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
}

/** The bytes that `escape` showed. */
export function unescape(text: string): string {
  return text.replace(/\\(r|n|\\|x([0-9a-f]{2}))/g, (_all, code: string, hex: string | undefined) => {
    if (hex !== undefined) return String.fromCharCode(parseInt(hex, 16));
    return code === 'r' ? '\r' : code === 'n' ? '\n' : '\\';
  });
}

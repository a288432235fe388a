/** Malformed requests: a node answers with redis-server's bytes, and closes where redis-server does. */
import { once } from 'node:events';
import { connect } from 'node:net';
import test from 'ava';
import { referenceTest } from '../support/macros.js';
import { escape } from '../support/rows.js';
import { type Target, oneNode, reference } from '../support/targets.js';

const PING = '*1\r\n$4\r\nPING\r\n';

/** Each is sent whole, with the client's side closed behind it, so that an unfinished request ends too. */
const inputs = [
  '*x\r\n', '*-1\r\n', '*0\r\n', '*-5\r\n', '*01\r\n', '*+1\r\n', '*1 \r\n', '* 1\r\n', '*\r\n', '*2147483647\r\n', '*2147483648\r\n',
  '*9223372036854775807\r\n', '*9223372036854775808\r\n', '*99999999999999999999999\r\n', '*1\r\n', '*1\r\n$', '*1\r\n$4\r\nPI',
  '*1\r\nPING\r\n', '*1\r\n+PING\r\n', '*1\r\n:1\r\n', '*1\r\n*1\r\n$4\r\nPING\r\n', '*1\r\n\r\n', '*1\r\n\xff\r\n',
  '*1\r\n$-1\r\n', '*1\r\n$-0\r\n', '*1\r\n$x\r\n', '*1\r\n$\r\n', '*1\r\n$04\r\nPING\r\n', '*1\r\n$4 \r\nPING\r\n', '*1\r\n$+4\r\nPING\r\n',
  '*1\r\n$536870912\r\n', '*1\r\n$536870913\r\n', '*1\r\n$9223372036854775808\r\n', '*1\r\n$0\r\n\r\n', '*2\r\n$4\r\nPING\r\n$-1\r\n',
  '*1\r\n$4\r\nPINGxx', `*1\r\n$4\r\nPINGxx${PING}`, '*1\n$4\nPING\n', '*1\r$4\r\n', '*1\rx$4\r\nPING\r\n', '*1\r\n$4\rxPING\r\n',
  '\r\n', '\n', ' \r\n', '\t\r\n', 'PING\n', 'PING\r\n', 'PING\r\r\n', ' PING \r\n', 'PING "a b"\r\n', 'PING "a\r\n', "PING 'a\r\n",
  'PING "a"b\r\n', "PING 'a'b\r\n", 'PING a"b"\r\n', 'PING "\\x41\\n\\q\\""\r\n', "PING 'it\\'s'\r\n", 'PING "\\x4"\r\n', 'PING ""\r\n',
  'PING', 'x'.repeat(65536), 'x'.repeat(70000), `*${'1'.repeat(65536)}`, `*1\r\n$${'1'.repeat(65540)}`,
  'POST / HTTP/1.1\r\n\r\n', 'post /\r\n', 'Host: x\r\n', 'host:\r\n', 'NOSUCH a b\r\n', '*1\r\n$6\r\nNOSUCH\r\n',
  '*2\r\n$6\r\nNOSUCH\r\n$3\r\na\rb\r\n', '*1\r\n$0\r\n\r\n', '*3\r\n$6\r\nNO\r\nSU\r\n$0\r\n\r\n$1\r\n\x00\r\n',
  `*2\r\n$${'N'.repeat(200).length}\r\n${'N'.repeat(200)}\r\n$200\r\n${'a'.repeat(200)}\r\n`,
];

/**
 * redis-server takes a zero byte in a line for the end of what has arrived, and waits for more for ever; a node decodes
 * the line or refuses it.
 */
const inputsWithZeroBytes = ['*1\r\n\x00\r\n', '\x00\r\n', 'PING \x00\r\n', 'PING a\x00b\r\n'];

/** What a client may send before AUTH. */
const unauthenticatedInputs = [
  ...['PING\r\n', 'GET a\r\n', 'NOSUCH\r\n', 'GET\r\n', 'AUTH\r\n', 'AUTH wrong\r\n', 'AUTH secret\r\nPING\r\n'],
  ...['*10\r\n$4\r\nPING\r\n', '*11\r\n$4\r\nPING\r\n', '*1\r\n$16384\r\n', '*1\r\n$16385\r\n', '*-1\r\n', '*x\r\n'],
];

/** All that a server sends in answer to `bytes`, until it closes. */
async function answerTo(bytes: string, port: number): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  let answer = '';
  socket.on('data', (chunk) => (answer += chunk.toString('latin1')));
  // A server may close while bytes are on their way to it; what it said before is what counts.
  socket.on('error', () => undefined);
  socket.end(Buffer.from(bytes, 'latin1'));
  if (!socket.closed) await once(socket, 'close');
  return answer;
}

type Settings = Readonly<Record<string, string>>;

async function answersOf(target: Target, bytes: readonly string[], settings: Settings): Promise<string[]> {
  const running = await target.start(settings);
  try {
    return await Promise.all(bytes.map((each) => answerTo(each, running.port)));
  } finally {
    await running.stop();
  }
}

function shown(bytes: string): string {
  return bytes.length > 100 ? `${escape(bytes.slice(0, 40))}... (${bytes.length} bytes)` : escape(bytes);
}

for (const [title, cases, settings] of [
  ['malformed requests get the same answer', inputs.flatMap((each) => [each, each + PING]), {}],
  ['before AUTH as well', unauthenticatedInputs, { requirepass: 'secret' }],
] as const) {
  referenceTest(title, async (t) => {
    const ours = await answersOf(oneNode, cases, settings);
    const theirs = await answersOf(reference, cases, settings);
    const wrong = cases.flatMap((each, i) =>
      ours[i] === theirs[i] ? [] : [`${shown(each)}\n  redis-server ${escape(theirs[i]!)}\n  node         ${escape(ours[i]!)}`],
    );
    t.is(wrong.join('\n'), '');
  });
}

test('a line with a zero byte in it does not keep a node waiting', async (t) => {
  const answers = await answersOf(oneNode, inputsWithZeroBytes.map((each) => each + PING), {});
  for (const answer of answers) t.regex(answer, /^(\+PONG|\$1|-ERR Protocol error)/);
});

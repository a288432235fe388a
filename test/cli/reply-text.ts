/** Replies as `command` prints them, beside what the real redis-cli prints of the same bytes. */
import { execFile, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import test from 'ava';
import { replyText } from '../../lib/cli/reply-text.js';
import { type Random, seededRandom } from '../../lib/util/random.js';
import { seedOf } from '../support/seed.js';

const hasCli = spawnSync('redis-cli', ['--version']).status === 0;

/** What redis-cli prints of a reply to a request, as for a terminal or for a pipe. */
type Cli = (reply: Buffer, args: readonly string[], isTerminal: boolean) => Promise<string>;

/** Runs `use` with a redis-cli that gets whatever reply it is to print. */
async function withCli(use: (cli: Cli) => Promise<void>): Promise<void> {
  let reply = Buffer.alloc(0);
  const server = createServer((socket) => socket.once('data', () => socket.write(reply)).on('error', () => undefined));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const port = String((server.address() as AddressInfo).port);
  try {
    await use(async (bytes, args, isTerminal) => {
      reply = Buffer.from(bytes);
      const flags = ['-p', port, isTerminal ? '--no-raw' : '--raw'];
      return new Promise((resolve) => {
        execFile('redis-cli', [...flags, ...args], { encoding: 'latin1', timeout: 60_000 }, (_error, output) => resolve(output));
      });
    });
  } finally {
    server.close();
  }
}

const bulk = (text: string): string => `$${text.length}\r\n${text}\r\n`;
const elevens = `*11\r\n${Array.from({ length: 10 }, (_, i) => `:${i}\r\n`).join('')}*2\r\n${bulk('a')}*1\r\n${bulk('b')}`;
const everyByte = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).join('');

const replies = [
  '+OK\r\n', '-ERR no such thing\r\n', ':0\r\n', ':-9223372036854775808\r\n', '$-1\r\n', '*-1\r\n', '_\r\n', bulk(''),
  bulk('plain'), bulk('"quotes" and \\ and \'these\''), bulk('lines\r\nof\ttext\x07\b\x00'), bulk(everyByte), bulk('ä€'),
  '*0\r\n', '*1\r\n*0\r\n', `*2\r\n${bulk('a')}$-1\r\n`, `*3\r\n*2\r\n:1\r\n:2\r\n*1\r\n*1\r\n+deep\r\n-ERR inside\r\n`, elevens,
  ',3.25\r\n', ',inf\r\n', ',-inf\r\n', ',1e+20\r\n', '#t\r\n', '#f\r\n', '=8\r\ntxt:abcd\r\n', '=9\r\nmkd:a\nb\r\n\r\n',
  '%1\r\n+text\r\n=9\r\ntxt:a\nb\r\n\r\n', '%1\r\n+text\r\n*1\r\n=9\r\ntxt:a\nb\r\n\r\n',
  '%0\r\n', '~0\r\n', `%2\r\n${bulk('name')}:1\r\n${bulk('list')}*2\r\n:1\r\n%1\r\n+a\r\n~2\r\n,1.5\r\n_\r\n`,
  `~3\r\n${bulk('a')}:1\r\n*2\r\n#t\r\n#f\r\n`, `*2\r\n%1\r\n+k\r\n*0\r\n%1\r\n*1\r\n:1\r\n+v\r\n`,
  // Keys in several rows: of a map, of a map that is a value, of one in an array, beside a value in several rows.
  '%1\r\n*2\r\n:1\r\n:2\r\n+v\r\n', '%1\r\n:1\r\n%1\r\n*2\r\n:1\r\n:2\r\n+v\r\n',
  '%1\r\n:1\r\n*1\r\n%1\r\n~2\r\n:1\r\n:2\r\n*1\r\n+v\r\n', '%1\r\n:1\r\n%1\r\n*2\r\n:1\r\n:2\r\n*2\r\n:1\r\n:2\r\n',
  '%1\r\n:1\r\n%1\r\n%1\r\n:1\r\n*2\r\n:1\r\n:2\r\n+v\r\n', '%1\r\n:1\r\n%2\r\n*2\r\n:1\r\n:2\r\n+v\r\n+k\r\n+v\r\n',
];

(hasCli ? test : test.skip)('each type is printed as redis-cli prints it', async (t) => {
  await withCli(async (cli) => {
    for (const reply of replies) {
      const bytes = Buffer.from(reply, 'latin1');
      for (const isTerminal of [true, false]) {
        const ours = replyText(bytes, ['GET', 'x'], isTerminal).toString('latin1');
        t.is(ours, await cli(bytes, ['GET', 'x'], isTerminal), JSON.stringify(reply));
      }
    }
  });
});

(hasCli ? test : test.skip)('what redis-cli takes for a text is a text here', async (t) => {
  const reply = Buffer.from(bulk('id=3 name="x"\n'));
  const requests = [
    'info', 'INFO server', 'lolwut version 5', 'debug htstats 0', 'debug htstats-key x', 'debug object x', 'memory doctor',
    'memory malloc-stats', 'memory usage x', 'cluster nodes', 'cluster info', 'cluster nodes x', 'CLIENT list',
    'client list type normal', 'client info', 'client id', 'latency graph command', 'latency graph', 'latency doctor',
    'latency doctor x', 'information',
  ];
  await withCli(async (cli) => {
    for (const request of requests) {
      for (const isTerminal of [true, false]) {
        const args = request.split(' ');
        t.is(replyText(reply, args, isTerminal).toString(), await cli(reply, args, isTerminal), request);
      }
    }
  });
});

(hasCli ? test : test.skip)('replies of random shapes are printed as redis-cli prints them', async (t) => {
  const random = seededRandom(seedOf(t));
  await withCli(async (cli) => {
    for (let i = 0; i < 300; i++) {
      const reply = Buffer.from(randomReply(random, 3), 'latin1');
      const isTerminal = i % 3 > 0;
      const ours = replyText(reply, ['EVAL', 'x'], isTerminal).toString('latin1');
      t.is(ours, await cli(reply, ['EVAL', 'x'], isTerminal), JSON.stringify(reply.toString('latin1')));
    }
  });
});

function randomReply(random: Random, depth: number): string {
  const below = (end: number): number => Math.floor(random.next() * end);
  const inner = (count: number): string => Array.from({ length: count }, () => randomReply(random, depth - 1)).join('');
  const text = (): string => Array.from({ length: below(12) }, () => String.fromCharCode(below(256))).join('');
  const count = below(random.next() < 0.1 ? 13 : 4);
  const plain = ['$-1\r\n', '_\r\n', `:${below(1e6)}\r\n`, `,${random.next()}\r\n`, '#t\r\n', '+OK\r\n', '-ERR x\r\n', bulk(text()), bulk(text())];
  const kinds = depth === 0 ? 0 : 5;
  const kind = below(plain.length + kinds) - plain.length;
  if (kind < 0) return plain[kind + plain.length]!;
  if (kind === 0) return `%${count}\r\n${inner(2 * count)}`;
  return `${kind === 1 ? '~' : '*'}${count}\r\n${inner(count)}`;
}

test('a huge map is printed in time that grows with its size only', (t) => {
  const count = 200_000;
  const reply = Buffer.from(`%${count}\r\n${`${bulk('field')}${bulk('value')}`.repeat(count)}`);
  const lines = replyText(reply, ['HGETALL', 'x'], true).toString().split('\n');
  t.is(lines.length, count + 1);
  t.is(lines[count - 1], '200000# "field" => "value"');
});

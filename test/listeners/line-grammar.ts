import test from 'ava';
import { LineGrammar, linesOf } from '../../lib/listeners/line-grammar.js';
import { LineReader } from '../../lib/listeners/line-reader.js';
import { Args } from '../../lib/protocol/args.js';
import { encode } from '../support/raw-client.js';

/** The arguments of the request that a line means, and the request as RESP. */
function requestOf(line: string): { args: string[]; raw: string } | undefined {
  const reader = new LineReader(() => 2 ** 20);
  const args = new Args();
  reader.feed(Buffer.from(`${line}\n`, 'latin1'));
  reader.next();
  if (!new LineGrammar().read(reader, args)) return undefined;
  return { args: Array.from({ length: args.count }, (_, i) => args.text(i)), raw: args.raw().toString('latin1') };
}

const long = 'v'.repeat(100_000);
for (const [line, args] of [
  ['CREATE b', ['BUCKET', 'CREATE', 'b']],
  ['PUT b k v', ['BUCKET', 'PUT', 'b', 'k', 'v']],
  ['GET b k', ['BUCKET', 'GET', 'b', 'k']],
  ['DELETE b k', ['BUCKET', 'DELETE', 'b', 'k']],
  [`PUT b \xff\x00 ${long}`, ['BUCKET', 'PUT', 'b', '\xff\x00', long]],
] as const) {
  test(`${line.slice(0, 20)} is ${args.slice(0, 2).join(' ')}, as arguments and as RESP`, (t) => {
    const request = requestOf(line);
    t.deepEqual(request?.args, [...args]);
    t.is(request?.raw, encode(args).toString('latin1'));
  });
}

for (const [reply, lines] of [
  ['+OK\r\n', 'OK\r\n'],
  [':0\r\n', 'OK\r\n'],
  ['$5\r\nmilk \r\n', 'milk \r\nOK\r\n'],
  ['$0\r\n\r\n', '\r\nOK\r\n'],
  ['$2\r\n\r\n\r\n', '\r\n\r\nOK\r\n'],
  ['$-1\r\n', '\r\nOK\r\n'],
  ['-NOBUCKET no bucket is called "b"\r\n', 'NOT FOUND\r\n'],
  ['-WRONGTYPE bucket "b" holds a list\r\n', 'ERROR bucket "b" holds a list\r\n'],
  ['-ERR no shard owns "1abc": no range covers byte 0x31 ("1")\r\n', 'ERROR no shard owns "1abc": no range covers byte 0x31 ("1")\r\n'],
  ['-PEERDOWN bar (host:1): refused\r\n', 'ERROR PEERDOWN bar (host:1): refused\r\n'],
  ['-NOAUTH Authentication required.\r\n', 'ERROR NOAUTH Authentication required.\r\n'],
] as const) {
  test(`the reply ${JSON.stringify(reply)} is ${JSON.stringify(lines)}, whole and in pieces`, (t) => {
    const bytes = Buffer.from(reply, 'latin1');
    t.is(Buffer.concat(linesOf([bytes])).toString('latin1'), lines);
    for (let cut = 1; cut < bytes.length; cut++) {
      t.is(Buffer.concat(linesOf([bytes.subarray(0, cut), bytes.subarray(cut)])).toString('latin1'), lines);
    }
  });
}

/** The reply framer, fed whole, byte by byte, and in pieces of every size. */
import test from 'ava';
import { NOT_RESP, ReplyFramer, UNFINISHED } from '../../lib/protocol/reply-framer.js';
import { replyEnd } from '../support/reply-end.js';

const replies = [
  '+OK\r\n', '-ERR no\r\n', ':12\r\n', ':-9223372036854775808\r\n', '$3\r\nabc\r\n', '$0\r\n\r\n', '$-1\r\n', '*-1\r\n',
  '*0\r\n', '*2\r\n$1\r\na\r\n:1\r\n', '*2\r\n*2\r\n+a\r\n*0\r\n$-1\r\n', '_\r\n', ',3.25\r\n', ',-inf\r\n', '#t\r\n',
  '(3492890328409238509324850943850943825024385\r\n', '=8\r\ntxt:abcd\r\n', '!5\r\nERR x\r\n', '%1\r\n+k\r\n~2\r\n:1\r\n:2\r\n',
  '>2\r\n+message\r\n$4\r\n\r\n\r\n\r\n', '|1\r\n+ttl\r\n:3600\r\n*1\r\n:7\r\n', '%0\r\n', `$70\r\n${'\r\n'.repeat(35)}\r\n`,
  `+${'long '.repeat(50)}\r\n`, '*1\r\n|1\r\n+a\r\n+b\r\n+c\r\n',
];

for (const reply of replies) {
  test(`framed: ${JSON.stringify(reply.slice(0, 60))}`, (t) => {
    const bytes = Buffer.from(reply, 'latin1');
    t.is(replyEnd(bytes, 0, bytes.length), bytes.length);
    t.is(replyEnd(Buffer.concat([bytes, Buffer.from('+x\r\n')]), 0, bytes.length + 4), bytes.length);
    for (let cut = 0; cut < bytes.length; cut++) t.is(replyEnd(bytes, 0, cut), UNFINISHED, `cut at ${cut}`);
  });
}

test('the ends are the same however the bytes are cut', (t) => {
  const bytes = Buffer.from(replies.join(''), 'latin1');
  const ends: number[] = [];
  let total = 0;
  for (const reply of replies) ends.push((total += reply.length));
  for (let size = 1; size < 64; size++) {
    const framer = new ReplyFramer();
    const found: number[] = [];
    for (let start = 0; start < bytes.length; start += size) {
      const chunk = bytes.subarray(start, start + size);
      for (let at = framer.next(chunk, 0, chunk.length); at >= 0; at = framer.next(chunk, at, chunk.length)) {
        found.push(start + at);
        if (at === chunk.length) break;
      }
    }
    t.deepEqual(found, ends, `pieces of ${size}`);
  }
});

test('what is not RESP is told', (t) => {
  for (const text of ['HTTP/1.1 400\r\n', '\r\n', '$abc\r\n', '*1\r\nx\r\n']) {
    t.is(replyEnd(Buffer.from(text), 0, text.length), NOT_RESP, text);
  }
});

test('a deep array and a large value in small chunks are looked at once', (t) => {
  const framer = new ReplyFramer();
  const depth = 1_000_000;
  const deep = Buffer.from('*1\r\n'.repeat(depth) + ':1\r\n');
  for (let at = 0; at < deep.length; at += 1000) {
    const isLast = at + 1000 >= deep.length;
    t.is(framer.next(deep, at, Math.min(at + 1000, deep.length)), isLast ? deep.length : UNFINISHED);
  }
  const chunk = Buffer.alloc(1000, 120);
  const head = Buffer.from('$100000000\r\n');
  t.is(framer.next(head, 0, head.length), UNFINISHED);
  for (let i = 0; i < 100_000; i++) if (framer.next(chunk, 0, 1000) !== UNFINISHED) t.fail();
  t.is(framer.next(Buffer.from('\r\n+'), 0, 3), 2);
});

import test from 'ava';
import { LINE, LINE_TOO_LONG, LineReader, NO_LINE } from '../../lib/listeners/line-reader.js';
import { seededRandom } from '../../lib/util/random.js';
import { seedOf } from '../support/seed.js';

/** Feeds the pieces and gives the lines found, `<long>` for one that is too long. */
function linesIn(pieces: readonly string[], bytesMax = 100): string[] {
  const reader = new LineReader(() => bytesMax);
  const lines: string[] = [];
  for (const piece of pieces) {
    const chunk = Buffer.from(piece, 'latin1');
    reader.feed(chunk);
    for (let status = reader.next(); status !== NO_LINE; status = reader.next()) {
      if (status === LINE) lines.push(reader.bytes.toString('latin1', reader.start, reader.end));
      if (status === LINE_TOO_LONG) lines.push('<long>');
    }
    // The chunk's owner uses it again.
    chunk.fill(0x0a);
  }
  return lines;
}

function chars(text: string): string[] {
  return Array.from({ length: text.length }, (_, i) => text[i]!);
}

test('lines are found in one chunk and in single bytes alike', (t) => {
  const text = 'a\r\n\nbc\r\r\n\0\xff\nunfinished';
  const lines = ['a\r', '', 'bc\r\r', '\0\xff'];
  t.deepEqual(linesIn([text]), lines);
  t.deepEqual(linesIn(chars(text)), lines);
});

test('a line may have as many bytes as allowed, its end not counted, and no more', (t) => {
  const longest = 'x'.repeat(100);
  for (const end of ['\n', '\r\n']) {
    for (const text of [`${longest}${end}a\n`, `${longest}y${end}a\n`]) {
      const first = text.includes('y') ? '<long>' : longest + end.slice(0, -1);
      t.deepEqual(linesIn([text]), [first, 'a']);
      t.deepEqual(linesIn(chars(text)), [first, 'a']);
    }
  }
});

test('a line that never ends is not kept', (t) => {
  const reader = new LineReader(() => 1000);
  for (let i = 0; i < 10_000; i++) {
    reader.feed(Buffer.alloc(1000, 'x'));
    t.is(reader.next(), NO_LINE);
    t.true(reader.pendingBytes <= 1001);
  }
  reader.feed(Buffer.from('\nGET\n'));
  t.is(reader.next(), LINE_TOO_LONG);
  t.is(reader.next(), LINE);
});

test('what was retained is given out later', (t) => {
  const reader = new LineReader(() => 1000);
  const chunk = Buffer.from('one\ntwo\nthr');
  reader.feed(chunk);
  t.is(reader.next(), LINE);
  reader.retain();
  chunk.fill(0);
  reader.feed(Buffer.from('ee\n'));
  const lines: string[] = [];
  while (reader.next() === LINE) lines.push(reader.bytes.toString('latin1', reader.start, reader.end));
  t.deepEqual(lines, ['two', 'three']);
});

test('lines cut anywhere are the lines that were sent', (t) => {
  const random = seededRandom(seedOf(t));
  for (let run = 0; run < 2000; run++) {
    const sent = Array.from({ length: 20 }, () => 'z'.repeat(Math.floor(random.next() ** 3 * 150)));
    const pieces: string[] = [];
    for (let rest = sent.map((line) => `${line}\n`).join(''); rest !== ''; ) {
      const length = 1 + Math.floor(random.next() ** 2 * 200);
      pieces.push(rest.slice(0, length));
      rest = rest.slice(length);
    }
    t.deepEqual(linesIn(pieces), sent.map((line) => (line.length > 100 ? '<long>' : line)));
  }
});

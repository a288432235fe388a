/** Values in the forms that older redis-servers wrote, to 4.0 and before, without what stands behind them in a DUMP. */
import { short, ziplist, zipmap } from './payload.js';

/** Forms that redis-server 7.0 reads and does not write; without the footer. */
export const OLD_FORMS: Readonly<Record<string, string>> = {
  list: '\x01\x03\x01a\xc0\x05\x02bc',
  'list ziplist': `\x0a${short(ziplist('a', 'bc', 100, 5, -300, 70_000, 2 ** 30, 2 ** 40, -1))}`,
  'list ziplist, long elements': `\x0a${long(ziplist('x'.repeat(300), 'y', 'z'.repeat(63), 'z'.repeat(64)))}`,
  quicklist: `\x0e\x02${short(ziplist('a', 'b'))}${short(ziplist(1, 2))}`,
  'quicklist 2, plain nodes': '\x12\x02\x01\x03abc\x01\xc1\x39\x30',
  'hash zipmap': `\x09${short(zipmap([['a', 'bc'], ['de', 'f']], 2))}`,
  'hash zipmap, long values': `\x09${long(zipmap([['a', 'b'.repeat(300)], ['c'.repeat(254), '1']]))}`,
  'hash ziplist': `\x0d${short(ziplist('a', 'bc', 'd', 100))}`,
  'sorted set as text': '\x03\x04\x01a\x031.5\x01b\xfe\x01c\xff\x01d\x05-2e-3',
  'sorted set ziplist': `\x0c${short(ziplist('a', 1, 'b', '1.5'))}`,
};

/** A string with its length in front, in two bytes. */
function long(text: string): string {
  return String.fromCharCode(0x40 | (text.length >> 8), text.length & 0xff) + text;
}

const FOOTER_BYTES = 10;
/** Behind the entries of `1-1` and `2-1`: length, last id, first id, highest deleted id, entries ever, no groups. */
const TAIL = '\x02\x02\x01\x01\x01\x00\x00\x02\x00';

/** A stream of the entries `1-1` and `2-1`, as 5.0 wrote it, made of the DUMP of 7.0: without a group, and with one. */
export function oldStreamForms(dump: string): string[] {
  const value = dump.slice(1, -FOOTER_BYTES);
  if (!value.endsWith(TAIL)) throw new Error('it is not the stream that was expected');
  const entries = `\x0f${value.slice(0, -TAIL.length)}\x02\x02\x01`;
  return [`${entries}\x00`, `${entries}\x01\x05group\x01\x01\x00\x00`];
}

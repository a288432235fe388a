/** Payloads of DUMP in the form in which they are compared: what differs between two redis-servers is left out. */
import { RdbInput, StringHolder } from '../../lib/rdb/rdb-input.js';

/** The forms of sets and hashes that are tables: they go in the order of an index that is seeded per process. */
const TABLES = ['\x02', '\x04'];

/** A list: how its elements are cut into nodes depends on how it was made, and so differs from that of its copy. */
const LIST = '\x12';
const LISTPACK_HEADER_BYTES = 6;

/** A stream, and the moments in it, of this century: when consumers were seen, and entries delivered. */
const STREAM = '\x13';
const MOMENTS = /[^]{4}[\xa0-\xff]\p{Cc}{3}/gu;

const FOOTER_BYTES = 10;

/** `reply` is DUMP's. What is left out is the footer, whose checksum is of the rest. */
export function comparableDump(reply: string): string {
  if (reply.startsWith('$-1') || !reply.startsWith('$')) return reply;
  const content = reply.slice(reply.indexOf('\r\n') + 2, -2 - FOOTER_BYTES);
  const form = content.charAt(0);
  if (form === STREAM) return content.replace(MOMENTS, '#');
  if (form === LIST) return elementsOf(content);
  return TABLES.includes(form) ? [...Buffer.from(content, 'latin1')].sort().join() : reply;
}

/** The elements of all nodes as they stand in their listpacks. */
function elementsOf(list: string): string {
  const bytes = Buffer.from(list, 'latin1');
  const input = new RdbInput(bytes, 1);
  const node = new StringHolder();
  const elements: string[] = [];
  for (let left = input.count(); left > 0; left--) {
    input.count();
    const { bytes: held, offset, length } = input.string(node);
    elements.push(held.toString('latin1', offset + LISTPACK_HEADER_BYTES, offset + length - 1));
  }
  return elements.join('');
}

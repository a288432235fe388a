/**
 * Where a node's replies may differ from redis-server's, and why. A rule is for a command, or for a command with its
 * first argument; its marks are those of a row (test/support/rows.ts).
 */
import { comparable } from '../support/rows.js';

interface Rule {
  command: string;
  marks?: string;
  /** What is not compared. */
  hides?: RegExp;
  reason: string;
}

const rules: readonly Rule[] = [
  { command: 'HELLO', marks: '?', reason: 'says which server and connection it is' },
  { command: 'RANDOMKEY', marks: '?', reason: 'is drawn at random' },
  { command: 'HRANDFIELD', marks: '?', reason: 'is drawn at random' },
  { command: 'DBSIZE', marks: '#', reason: 'counts what has expired until it is met, and who meets it is chance' },
  { command: 'SCAN', marks: '?', reason: 'goes in the order of an index that is seeded per process' },
  { command: 'HSCAN', marks: '?', reason: 'goes in the order of an index that is seeded per process' },
  { command: 'ZRANDMEMBER', marks: '?', reason: 'is drawn at random' },
  { command: 'ZSCAN', marks: '?', reason: 'goes in the order of an index that is seeded per process' },
  { command: 'KEYS', marks: '~', reason: 'goes in the order of an index that is seeded per process' },
  { command: 'HGETALL', marks: '~', reason: 'a large hash goes in the order of an index that is seeded per process' },
  { command: 'HKEYS', marks: '~', reason: 'a large hash goes in the order of an index that is seeded per process' },
  { command: 'HVALS', marks: '~', reason: 'a large hash goes in the order of an index that is seeded per process' },
  { command: 'SRANDMEMBER', marks: '?', reason: 'is drawn at random' },
  { command: 'SSCAN', marks: '?', reason: 'goes in the order of an index that is seeded per process' },
  { command: 'SMEMBERS', marks: '~', reason: 'goes in the order of an index that is seeded per process' },
  { command: 'SINTER', marks: '~', reason: 'goes in the order of an index that is seeded per process' },
  { command: 'SUNION', marks: '~', reason: 'goes in the order of an index that is seeded per process' },
  { command: 'SDIFF', marks: '~', reason: 'goes in the order of an index that is seeded per process' },
  { command: 'XPENDING', hides: /:\d+(?=\r\n:)/g, reason: 'says how many milliseconds ago entries were delivered' },
  {
    command: 'XINFO', hides: /(?<=idle\r\n):\d+|:1\d{12}(?=\r)/g,
    reason: 'says when consumers were seen and entries delivered',
  },
  { command: 'PTTL', marks: '#', reason: 'the two are asked at different milliseconds' },
  { command: 'PEXPIRETIME', marks: '#', reason: 'a span is counted from different milliseconds' },
  { command: 'TTL', marks: '#', reason: 'the second may turn between the two' },
  { command: 'EXPIRETIME', marks: '#', reason: 'the second may turn between the two' },
  { command: 'OBJECT REFCOUNT', marks: '#', reason: 'redis-server shares small integers' },
];

/** The forms of sets and hashes that are tables: they go in the order of an index that is seeded per process. */
const TABLES = ['\x02', '\x04'];

/** A stream, and the moments in it, of this century: when consumers were seen, and entries delivered. */
const STREAM = '\x13';
const MOMENTS = /[^]{4}[\xa0-\xff]\p{Cc}{3}/gu;

/** A payload as it is; that of a table without its footer and with its bytes in order. */
function comparableDump(reply: string): string {
  const content = reply.slice(reply.indexOf('\r\n') + 2, -12);
  if (content.startsWith(STREAM)) return content.replace(MOMENTS, '#');
  return TABLES.includes(content.charAt(0)) ? [...Buffer.from(content, 'latin1')].sort().join() : reply;
}

/**
 * A reply in the form in which it is compared. An error is compared as it stands, whatever the rule; where nothing else
 * is compared, that it is none still is.
 */
export function comparableReply(request: readonly string[], reply: string): string {
  if (reply.startsWith('-')) return reply;
  const command = request[0]!.toUpperCase();
  if (command === 'DUMP') return comparableDump(reply);
  const withFirst = `${command} ${(request[1] ?? '').toUpperCase()}`;
  const rule = rules.find((each) => each.command === command || each.command === withFirst);
  const shown = rule?.hides === undefined ? reply : reply.replace(rule.hides, ':#');
  return comparable(shown, rule?.marks ?? '');
}

/**
 * Whether a reply of redis-server is such that nothing can be compared from it on. It does not reset errno before SORT
 * reads numbers, so a number out of range in any earlier request makes it refuse all that it sorts.
 */
export function endsComparison(request: readonly string[], theirs: string): boolean {
  return /^SORT(_RO)?$/i.test(request[0]!) && theirs.startsWith("-ERR One or more scores can't be converted");
}

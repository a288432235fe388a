/**
 * Where a node's replies may differ from redis-server's, and why. A rule is for a command, or for a command with its
 * first argument. An error is compared as it stands, whatever the rule.
 */
import { replyEnd } from '../support/reply-end.js';
import { comparable } from '../support/rows.js';
import { comparableDump } from './comparable-dump.js';

/** Brings both replies into the form in which they must be equal. */
type Form = (reply: string, other: string, request: readonly string[]) => string;

interface Rule {
  commands: readonly string[];
  form: Form;
  reason: string;
}

const whatever: Form = () => '';
const unordered: Form = (reply) => comparable(reply, '~');
const digits: Form = (reply) => comparable(reply, '#');
const hiding = (hidden: RegExp): Form => (reply) => reply.replace(hidden, ':#');

/** The kind of reply, and how many elements it has; of a text only that there is one. */
const shape: Form = (reply) => {
  if (!reply.startsWith('$') || reply.startsWith('$-1')) return reply.slice(0, reply.indexOf('\r\n'));
  return '$';
};

/** Of a walk that is not done with one call, in one of the two, only that there is a reply. */
const walk: Form = (reply, other, [command, first, second]) => {
  const isFromStart = (command!.toUpperCase() === 'SCAN' ? first : second) === '0';
  const isWhole = isFromStart && [reply, other].every((each) => each.startsWith(WALKED));
  return isWhole ? comparable(reply.slice(WALKED.length), '~') : '';
};
const WALKED = '*2\r\n$1\r\n0\r\n';

/** The digits of a time, unless the two are further apart than a slow machine makes them. */
const near = (apart: number): Form => (reply, other) => {
  const [mine, theirs] = [reply, other].map((each) => Number(each.slice(1, -2)));
  return mine! >= 0 && theirs! >= 0 && Math.abs(mine! - theirs!) <= apart ? ':#' : reply;
};
const APART_SECONDS = 30;

const SEEDED = 'goes in the order of an index that is seeded per process';
const RANDOM = 'is drawn at random';

const rules: readonly Rule[] = [
  { commands: ['HELLO'], form: whatever, reason: 'says which server and connection it is' },
  { commands: ['RANDOMKEY', 'HRANDFIELD', 'SRANDMEMBER', 'ZRANDMEMBER', 'SPOP'], form: shape, reason: RANDOM },
  { commands: ['DBSIZE'], form: digits, reason: 'counts what has expired until it is met, and who meets it is chance' },
  { commands: ['SCAN', 'HSCAN', 'SSCAN', 'ZSCAN'], form: walk, reason: SEEDED },
  { commands: ['KEYS', 'SMEMBERS', 'SINTER', 'SUNION', 'SDIFF'], form: unordered, reason: SEEDED },
  { commands: ['HGETALL', 'HKEYS', 'HVALS'], form: unordered, reason: `a large hash ${SEEDED}` },
  { commands: ['CONFIG GET'], form: unordered, reason: `the settings' table of redis-server ${SEEDED}` },
  { commands: ['DUMP'], form: comparableDump, reason: 'see comparable-dump.ts' },
  { commands: ['XADD'], form: (reply) => reply.replace(/^\$\d+\r\n\d{13}-\d+/, '#'), reason: 'with `*` the ID is the time' },
  {
    commands: ['XPENDING'], form: hiding(/:\d+(?=\r\n:)/g), reason: 'says how many milliseconds ago entries were delivered',
  },
  {
    commands: ['XINFO'], form: hiding(/(?<=idle\r\n):\d+|:1\d{12}(?=\r)/g),
    reason: 'says when consumers were seen and entries delivered',
  },
  { commands: ['TTL', 'EXPIRETIME'], form: near(APART_SECONDS), reason: 'the second may turn between the two' },
  { commands: ['PTTL', 'PEXPIRETIME'], form: near(APART_SECONDS * 1000), reason: 'the two are asked at different milliseconds' },
  { commands: ['OBJECT REFCOUNT'], form: digits, reason: 'redis-server shares small integers' },
  { commands: ['OBJECT IDLETIME'], form: digits, reason: 'the second may turn between the two' },
];

/** Requests that our node takes, and redis-server 7.0 refuses, as the accepted differences of the records say. */
export function isNewer([command, ...args]: readonly string[]): boolean {
  return /^z(rev)?rank$/i.test(command!) && args.length === 3;
}

/** Whether a request may set a time that comes during the run, and so sooner on one server than on the other. */
export function isSoon([name, ...args]: readonly string[]): boolean {
  const takesTime = /^(p?expire|p?setex|restore(-asking)?)$/i.test(name!) || args.some((arg) => /^[ep]x$/i.test(arg));
  return takesTime && args.some((arg) => Number(arg) > 0 && Number(arg) < SOON_MS);
}
const SOON_MS = 600_000;

const forms = new Map(rules.flatMap(({ commands, form }) => commands.map((command) => [command, form])));

function formOf(request: readonly string[]): Form | undefined {
  const command = request[0]!.toUpperCase();
  return forms.get(command) ?? forms.get(`${command} ${(request[1] ?? '').toUpperCase()}`);
}

function areAlike(request: readonly string[], ours: string, theirs: string): boolean {
  if (ours === theirs) return true;
  if (ours.startsWith('-') || theirs.startsWith('-')) return false;
  const form = formOf(request);
  return form !== undefined && form(ours, theirs, request) === form(theirs, ours, request);
}

/** Compares the replies of two connections, one request after the other: a transaction's replies come with its EXEC. */
export class Comparison {
  private queued: (readonly string[])[] = [];

  isSame(request: readonly string[], ours: string, theirs: string): boolean {
    const command = request[0]!.toUpperCase();
    if (ours === '+QUEUED\r\n' && theirs === ours) {
      this.queued.push(request);
      return true;
    }
    const { queued } = this;
    if (command === 'MULTI' || command === 'DISCARD' || command === 'EXEC') this.queued = [];
    if (command !== 'EXEC' || !ours.startsWith('*') || !theirs.startsWith('*')) return areAlike(request, ours, theirs);
    const [mine, expected] = [elementsOf(ours), elementsOf(theirs)];
    if (mine.length !== expected.length) return false;
    return queued.every((each, i) => mine[i] === undefined || areAlike(each, mine[i], expected[i]!));
  }
}

function elementsOf(reply: string): string[] {
  const bytes = Buffer.from(reply, 'latin1');
  const elements: string[] = [];
  for (let at = reply.indexOf('\r\n') + 2; at < bytes.length; ) {
    const end = replyEnd(bytes, at, bytes.length);
    elements.push(reply.slice(at, end));
    at = end;
  }
  return elements;
}

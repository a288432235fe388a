/**
 * A grammar: requests of one family, one syntax line each (see syntax.ts), as often as they shall be drawn. A family is
 * added with a file of its own and a line in families.ts.
 *
 * Requests that only make sense together stand in one line with ` ; ` between them, and are never mangled. In such a
 * line `it` is one key throughout, and `any` is any other line.
 */
import { isNewer, isSoon } from './accepted-replies.js';
import { Draw } from './draw.js';
import { Syntax, type Vocabulary } from './syntax.js';
import { mangle, plain } from './words.js';
import type { CommandTable } from '../../lib/commands/table.js';
import { seededRandom } from '../../lib/util/random.js';

export interface Grammar {
  family: string;
  requests: string;
  /** Names that mean something else here than in words.ts. */
  words?: Vocabulary;
  /** Whether its requests are never mangled. */
  isKeptWhole?: true;
  /** Asked of every key at the end of a sequence, so that differences in what is stored come out. */
  probes: string;
}

const MANGLED = 0.1;
const IN_RESP3 = 0.3;
/** How often the encoding is asked for behind a line. */
const LOOKED_AT = 0.2;

interface Line {
  syntaxes: readonly Syntax[];
  vocabulary: Vocabulary;
  /** How often its request is mangled. */
  mangled: number;
}

/** Requests of a line that is not to be pulled apart, but for its first. */
const joined = new WeakSet<readonly string[]>();

/** Whether a request of a sequence belongs to the one in front of it. */
export function isJoined(request: readonly string[]): boolean {
  return joined.has(request);
}

/** What the databases hold is asked after so many requests of a long sequence. */
const STATE_EVERY = 1000;
const DATABASES = 4;

/** Draws sequences of requests from grammars, of those commands that `table` has. */
export class Sequences {
  private readonly lines: Line[] = [];
  private readonly probes: string[];

  constructor(
    grammars: readonly Grammar[],
    private readonly table: Pick<CommandTable, 'named'>,
    private readonly keys: readonly string[],
  ) {
    for (const { requests, words, isKeptWhole } of grammars) {
      const vocabulary = { ...plain, ...words };
      for (const line of this.known(requests)) {
        const syntaxes = line.split(' ; ').map((each) => new Syntax(each));
        const mangled = isKeptWhole === true || syntaxes.length > 1 ? 0 : MANGLED;
        this.lines.push({ syntaxes, vocabulary, mangled });
      }
    }
    this.probes = grammars.flatMap(({ probes }) => this.known(probes));
  }

  get isEmpty(): boolean {
    return this.lines.length === 0;
  }

  private known(lines: string): string[] {
    const isKnown = (request: string): boolean => request === 'any' || this.table.named(request.split(' ')[0]!) !== undefined;
    const trimmed = lines.split('\n').map((line) => line.trim());
    return trimmed.filter((line) => line !== '' && line.split(' ; ').every(isKnown));
  }

  /** A sequence that the seed stands for: `length` requests, then the probes of every key. */
  sequence(seed: number, length: number): string[][] {
    const draw = new Draw(seededRandom(seed));
    const requests: string[][] = [];
    if (this.table.named('hello') !== undefined && draw.chance(IN_RESP3)) requests.push(['HELLO', '3']);
    while (requests.length < length) requests.push(...this.drawAndLook(draw));
    for (const key of this.keys) {
      for (const probe of this.probes) requests.push(probe.split(' ').map((word) => (word === 'key' ? key : word)));
    }
    return requests;
  }

  /** As `sequence`, but what all databases hold is asked every so often, and nothing else is. */
  longSequence(seed: number, length: number): string[][] {
    const draw = new Draw(seededRandom(seed));
    const requests: string[][] = [];
    for (let drawn = 0, asked = 0; drawn < length; ) {
      const more = this.drawAndLook(draw);
      requests.push(...more);
      drawn += more.length;
      if (drawn - asked < STATE_EVERY && drawn < length) continue;
      asked = drawn;
      for (let db = 0; db < DATABASES; db++) requests.push(['SELECT', String(db)], ['KEYS', '*'], ...this.keys.flatMap(stateOf));
      requests.push(['SELECT', '0']);
    }
    return requests;
  }

  /** The requests of one line; of some, how the bucket that they begin with is packed afterwards. */
  private drawAndLook(draw: Draw): string[][] {
    const requests = this.draw(draw);
    const bucket = requests[0]![1];
    const isLook = draw.chance(LOOKED_AT) && bucket !== undefined && this.keys.includes(bucket);
    return isLook ? [...requests, ['OBJECT', 'ENCODING', bucket]] : requests;
  }

  /** The requests of one line. */
  private draw(draw: Draw, isInside = false): string[][] {
    const { syntaxes, vocabulary, mangled } = draw.pick(this.lines);
    if (syntaxes.length === 1) {
      const request = syntaxes[0]!.request(draw, vocabulary);
      if (!draw.chance(mangled)) return [request];
      const changed = mangle(request, draw);
      return [isNewer(changed) || isSoon(changed) ? request : changed];
    }
    // Lines of several requests do not stand in each other.
    if (isInside) return this.draw(draw, true);
    const it = vocabulary.key!(draw);
    const words = { ...vocabulary, it: () => it };
    const requests = syntaxes.flatMap((syntax) => (syntax.line === 'any' ? this.draw(draw, true) : [syntax.request(draw, words)]));
    for (const request of requests.slice(1)) joined.add(request);
    return requests;
  }
}

/** All that can be compared of what a key holds. */
const stateOf = (key: string): string[][] => [
  ['TYPE', key], ['OBJECT', 'ENCODING', key], ['PEXPIRETIME', key], ['DUMP', key],
];

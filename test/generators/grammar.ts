/**
 * A grammar: requests of one family, one syntax line each (see syntax.ts), as often as they shall be drawn. A family is
 * added with a file of its own and a line in families.ts.
 */
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
  /** Its requests are never mangled. */
  isKeptWhole?: true;
  /** Asked of every key at the end of a sequence, so that differences in what is stored come out. */
  probes: string;
}

const MANGLED = 0.1;
const IN_RESP3 = 0.3;

/** Draws sequences of requests from grammars, of those commands that `table` has. */
export class Sequences {
  private readonly syntaxes: { syntax: Syntax; vocabulary: Vocabulary; mangled: number }[] = [];
  private readonly probes: string[];

  constructor(
    grammars: readonly Grammar[],
    private readonly table: CommandTable,
    private readonly keys: readonly string[],
  ) {
    for (const { requests, words, isKeptWhole } of grammars) {
      const vocabulary = { ...plain, ...words };
      const mangled = isKeptWhole === true ? 0 : MANGLED;
      for (const line of this.known(requests)) this.syntaxes.push({ syntax: new Syntax(line), vocabulary, mangled });
    }
    this.probes = grammars.flatMap(({ probes }) => this.known(probes));
  }

  get isEmpty(): boolean {
    return this.syntaxes.length === 0;
  }

  private known(lines: string): string[] {
    const trimmed = lines.split('\n').map((line) => line.trim());
    return trimmed.filter((line) => line !== '' && this.table.named(line.split(' ')[0]!) !== undefined);
  }

  /** A sequence that the seed stands for: `length` requests, then the probes of every key. */
  sequence(seed: number, length: number): string[][] {
    const draw = new Draw(seededRandom(seed));
    const requests: string[][] = [];
    if (this.table.named('hello') !== undefined && draw.chance(IN_RESP3)) requests.push(['HELLO', '3']);
    while (requests.length < length) {
      const { syntax, vocabulary, mangled } = draw.pick(this.syntaxes);
      const request = syntax.request(draw, vocabulary);
      requests.push(draw.chance(mangled) ? mangle(request, draw) : request);
    }
    for (const key of this.keys) {
      for (const probe of this.probes) requests.push(probe.split(' ').map((word) => (word === 'key' ? key : word)));
    }
    return requests;
  }
}

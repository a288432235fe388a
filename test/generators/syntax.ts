/**
 * Requests from a syntax line, written as in the command records: `SET key value [NX|XX] [EX seconds|PX milliseconds]`.
 *
 *     WORD        stands for itself
 *     name        is drawn from the vocabulary; `name:type` is the same name
 *     [ ... ]     is there or not; `[x ...]` any number of times
 *     a|b         one of these: in brackets what stands between the bars, outside one word
 *     < ... >     only groups
 */
import type { Draw } from './draw.js';

export type Vocabulary = Readonly<Record<string, (draw: Draw) => string>>;

type Part =
  | { kind: 'word'; choices: string[] }
  | { kind: 'optional' | 'group' | 'repeated'; choices: Part[][] };

const REPEATS_MAX = 3;

export class Syntax {
  private readonly parts: Part[];

  constructor(readonly line: string) {
    const words = line.match(/[[\]<>]|\.\.\.|[^\s[\]<>]+/g) ?? [];
    const reader = new Reader(words);
    this.parts = reader.sequence();
    if (!reader.isAtEnd) throw new Error(`unbalanced brackets: ${line}`);
  }

  /** One request, one char a byte. */
  request(draw: Draw, vocabulary: Vocabulary): string[] {
    const args: string[] = [];
    for (const part of this.parts) write(part, args, draw, vocabulary);
    return args;
  }
}

function write(part: Part, args: string[], draw: Draw, vocabulary: Vocabulary): void {
  if (part.kind === 'word') {
    args.push(argument(draw.pick(part.choices), draw, vocabulary));
    return;
  }
  let times = 1;
  if (part.kind === 'optional') times = draw.chance(0.4) ? 1 : 0;
  if (part.kind === 'repeated') times = draw.below(REPEATS_MAX + 1);
  for (; times > 0; times--) {
    for (const each of draw.pick(part.choices)) write(each, args, draw, vocabulary);
  }
}

/** A word without a small letter is a token. */
function argument(word: string, draw: Draw, vocabulary: Vocabulary): string {
  if (!/[a-z]/.test(word)) return word.replaceAll('"', '');
  const name = word.split(':')[0]!;
  const drawn = vocabulary[name] ?? vocabulary.anything;
  if (drawn === undefined) throw new Error(`the vocabulary has no ${name}`);
  return drawn(draw);
}

class Reader {
  private at = 0;

  constructor(private readonly words: readonly string[]) {}

  get isAtEnd(): boolean {
    return this.at >= this.words.length;
  }

  /** Parts up to the end or a closing bracket. */
  sequence(): Part[] {
    const parts: Part[] = [];
    for (; !this.isAtEnd && !this.isAt(']') && !this.isAt('>'); this.at++) {
      const word = this.words[this.at]!;
      if (word === '[' || word === '<') parts.push(this.bracket());
      else if (word !== '...') parts.push({ kind: 'word', choices: word.split('|').filter((each) => each !== '') });
    }
    return parts.filter((part) => part.choices.length > 0);
  }

  private isAt(word: string): boolean {
    return this.words[this.at] === word;
  }

  /** From an opening bracket to its closing one, where the reader then stands. */
  private bracket(): Part {
    const open = this.words[this.at]!;
    const close = this.closing();
    const inside = this.words.slice(this.at + 1, close);
    this.at = close;
    const isRepeated = inside.at(-1) === '...';
    const choices = alternatives(inside).map((words) => new Reader(words).sequence());
    if (open === '<') return { kind: 'group', choices };
    return { kind: isRepeated ? 'repeated' : 'optional', choices };
  }

  private closing(): number {
    let depth = 0;
    for (let at = this.at; at < this.words.length; at++) {
      const word = this.words[at]!;
      if (word === '[' || word === '<') depth++;
      if ((word === ']' || word === '>') && --depth === 0) return at;
    }
    throw new Error(`unbalanced brackets: ${this.words.join(' ')}`);
  }
}

/** What stands between the bars; bars inside deeper brackets belong to those. */
function alternatives(words: readonly string[]): string[][] {
  const found: string[][] = [[]];
  let depth = 0;
  for (const word of words) {
    if (word === '[' || word === '<') depth++;
    if (word === ']' || word === '>') depth--;
    const pieces = depth === 0 ? word.split('|') : [word];
    pieces.forEach((piece, index) => {
      if (index > 0) found.push([]);
      if (piece !== '') found.at(-1)!.push(piece);
    });
  }
  return found;
}

/**
 * The syntax line of a command record, read into the argument tree that COMMAND DOCS gives. The line is written as
 * redis-cli prints its hints:
 *
 *     key value [NX|XX] [EX seconds|PX milliseconds|KEEPTTL]
 *
 *     WORD             a token, to be typed as it stands: a word without a small letter
 *     name             an argument; its type follows from its name, or is said: `timeout:integer`
 *     WORD name        an argument behind its token; with several names, a block behind its token
 *     [ ... ]          may be left out
 *     a|b              one of these. Inside brackets a bar parts everything between them, unless two tokens begin:
 *                      `[EX seconds|PX milliseconds]`, but `[AGGREGATE SUM|MIN]`. Outside, it parts two words.
 *     < ... >          brackets that only group
 *     x [x ...]        once or more often; `[x ...]` for any number, `[GET x [GET x ...]]` when the token is repeated
 */

export type ArgumentType =
  | 'string' | 'integer' | 'double' | 'key' | 'pattern' | 'unix-time' | 'pure-token' | 'oneof' | 'block';

export interface Argument {
  name: string;
  type: ArgumentType;
  token?: string;
  isOptional?: boolean;
  isMultiple?: boolean;
  /** The token is repeated with each value. */
  isTokenMultiple?: boolean;
  /** Of a oneof or a block. */
  arguments?: Argument[];
}

const NAMES_BY_TYPE: Partial<Record<ArgumentType, string>> = {
  integer:
    'bit bits client-id cluster_bus_port config-epoch count cursor db decrement destination-db end end-slot entries_added ' +
    'entries_read frequency increment index index1 index2 len limit milliseconds ms num-matches numkeys numreplicas ' +
    'offset port protover rank seconds slot start start-slot stop ttl version weight',
  double: 'height latitude longitude max min radius score timeout width',
  key: 'destination destkey dst key key1 key2 newkey source sourcekey src',
  pattern: 'pattern',
  'unix-time': 'unix-time-seconds unix-time-milliseconds',
  string: '',
};

const TYPE_OF_NAME = new Map<string, ArgumentType>(
  Object.entries(NAMES_BY_TYPE).flatMap(([type, names]) => names.split(' ').map((name) => [name, type as ArgumentType])),
);

/** The arguments that a syntax line names. Throws Error when the line is not one. */
export function readSyntax(syntax: string): Argument[] {
  const words = syntax.match(/[[\]<>|]|[^\s[\]<>|]+/g) ?? [];
  const reader = new SyntaxReader(words, syntax);
  return readSequence(reader.elements(undefined), true);
}

/** The type that an argument has when the syntax line does not say it. */
export function typeOfName(name: string): ArgumentType {
  return TYPE_OF_NAME.get(name) ?? 'string';
}

type Element = string | { kind: '[' | '<'; elements: Element[] };

/** First step: brackets into a tree. */
class SyntaxReader {
  private at = 0;

  constructor(
    private readonly words: readonly string[],
    private readonly syntax: string,
  ) {}

  elements(closing: string | undefined): Element[] {
    const elements: Element[] = [];
    for (;;) {
      const word = this.words[this.at++];
      if (word === closing) return elements;
      if (word === undefined || word === ']' || word === '>') throw new Error(`brackets do not match in: ${this.syntax}`);
      if (word === '[' || word === '<') elements.push({ kind: word, elements: this.elements(word === '[' ? ']' : '>') });
      else elements.push(word);
    }
  }
}

function isToken(element: Element | undefined): element is string {
  return typeof element === 'string' && element !== '|' && element !== '...' && !/[a-z]/.test(element);
}

/** Second step: what stands between brackets, as one argument. */
function readGroup(elements: Element[]): Argument {
  if (elements[elements.length - 1] === '...') return { ...readGroup(elements.slice(0, -1)), isMultiple: true };
  const isChoiceBehindToken = isToken(elements[0]) && elements[1] !== '|' && isToken(elements[1]) && elements[2] === '|';
  if (elements.includes('|') && !isChoiceBehindToken) return choice(parted(elements).map(readGroup));
  const sequence = readSequence(elements, isChoiceBehindToken);
  return sequence.length === 1 ? sequence[0]! : block(sequence);
}

function parted(elements: Element[]): Element[][] {
  const parts: Element[][] = [[]];
  for (const element of elements) {
    if (element === '|') parts.push([]);
    else parts[parts.length - 1]!.push(element);
  }
  return parts;
}

/** Arguments one after the other. With `hasChoices`, a bar parts the two words beside it. */
function readSequence(given: Element[], hasChoices: boolean): Argument[] {
  const elements = hasChoices ? gatherChoices(given) : given;
  const result: Argument[] = [];
  for (let i = 0; i < elements.length; ) {
    const element = elements[i]!;
    if (isToken(element)) {
      let end = i + 1;
      while (end < elements.length && isOperand(elements[end]!)) end++;
      result.push(behindToken(element, foldRepetitions(elements.slice(i + 1, end))));
      i = end;
    } else {
      i++;
      result.push(readElement(element));
    }
    // What is repeated may be the token's own words, so look behind each argument.
    const repetition = elements[i];
    if (isRepetition(repetition)) {
      foldRepetition(result, repetition);
      i++;
    }
  }
  return result;
}

/** `a | b | c` into one group. */
function gatherChoices(elements: Element[]): Element[] {
  const result: Element[] = [];
  for (let i = 0; i < elements.length; i++) {
    if (elements[i + 1] !== '|') {
      result.push(elements[i]!);
      continue;
    }
    const alternatives: Element[] = [elements[i]!];
    while (elements[i + 1] === '|') {
      alternatives.push('|', elements[i + 2]!);
      i += 2;
    }
    result.push({ kind: '<', elements: alternatives });
  }
  return result;
}

/** What belongs to the token in front of it. */
function isOperand(element: Element): boolean {
  if (typeof element === 'string') return !isToken(element);
  return element.kind === '<' || (isRepetition(element) && !isToken(element.elements[0]));
}

function isRepetition(element: Element | undefined): element is { kind: '['; elements: Element[] } {
  return typeof element === 'object' && element.kind === '[' && element.elements[element.elements.length - 1] === '...';
}

function foldRepetitions(elements: Element[]): Argument[] {
  const result: Argument[] = [];
  for (const element of elements) {
    if (isRepetition(element)) foldRepetition(result, element);
    else result.push(readElement(element));
  }
  return result;
}

/** Marks what stands before `[x ...]` as repeated when it is x; otherwise x may come any number of times. */
function foldRepetition(before: Argument[], repetition: { elements: Element[] }): void {
  const repeated = readSequence(repetition.elements.slice(0, -1), true);
  const same = before.slice(-repeated.length);
  const last = same[same.length - 1];
  if (JSON.stringify(same) === JSON.stringify(repeated)) {
    before.splice(-repeated.length);
    const whole = repeated.length === 1 ? repeated[0]! : block(repeated);
    before.push({ ...whole, isMultiple: true, ...(whole.token === undefined ? {} : { isTokenMultiple: true }) });
  } else if (last?.token !== undefined && repeated.length === 1 && last.name === repeated[0]!.name) {
    last.isMultiple = true;
  } else {
    const whole = repeated.length === 1 ? repeated[0]! : block(repeated);
    before.push({ ...whole, isOptional: true, isMultiple: true });
  }
}

function readElement(element: Element): Argument {
  if (typeof element === 'string') return isToken(element) ? pureToken(element) : named(element);
  const argument = readGroup(element.elements);
  return element.kind === '[' ? { ...argument, isOptional: true } : argument;
}

function named(word: string): Argument {
  const [, name, type] = /^(.+):([a-z-]+)$/.exec(word) ?? [];
  if (name !== undefined && type !== undefined && type in NAMES_BY_TYPE) return { name, type: type as ArgumentType };
  return { name: word, type: typeOfName(word) };
}

function pureToken(word: string): Argument {
  return { name: word.toLowerCase(), type: 'pure-token', token: word === '""' ? '' : word };
}

function behindToken(token: string, operands: Argument[]): Argument {
  if (operands.length === 0) return pureToken(token);
  return { ...(operands.length === 1 ? operands[0]! : block(operands)), token };
}

function choice(alternatives: Argument[]): Argument {
  return { name: nameOf(alternatives), type: 'oneof', arguments: alternatives };
}

function block(parts: Argument[]): Argument {
  return { name: nameOf(parts), type: 'block', arguments: parts };
}

function nameOf(parts: Argument[]): string {
  return parts.map((part) => part.name).join('_');
}

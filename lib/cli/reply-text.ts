/**
 * A reply as redis-cli prints it: on a terminal with types and quotes, elsewhere the bare values, one a line.
 * Source: redis-cli.c of Redis 7.0, cliFormatReplyTTY() and cliFormatReplyRaw(); the tests ask redis-cli.
 */

const LF = 10;

/** Commands whose reply is meant to be read as text also on a terminal, with how many arguments. */
const TEXTS: readonly (readonly [words: RegExp, leastWords: number, mostWords: number])[] = [
  [/^(info|lolwut)\b/, 1, Infinity],
  [/^debug htstats(-key)?$/, 2, Infinity],
  [/^memory (malloc-stats|doctor)$/, 2, Infinity],
  [/^cluster (nodes|info)$/, 2, 2],
  [/^client (list|info)$/, 2, Infinity],
  [/^latency graph$/, 3, 3],
  [/^latency doctor$/, 2, 2],
];

/** The bytes to print for the bytes of one whole reply, RESP2 or RESP3, to a request. */
export function replyText(reply: Buffer, args: readonly string[], isTerminal: boolean): Buffer {
  const reader = new Reader(reply);
  // A text ends its lines itself.
  const shown = isText(args) ? bare(reader) : isTerminal ? onTerminal(reader, '') : `${bare(reader)}\n`;
  return Buffer.from(shown, 'latin1');
}

function isText(args: readonly string[]): boolean {
  const words = args.slice(0, 2).join(' ').toLowerCase();
  return TEXTS.some(([pattern, least, most]) => pattern.test(words) && args.length >= least && args.length <= most);
}

/** Reads a reply piece by piece; texts have one char a byte. */
class Reader {
  private at = 0;
  /** How many elements so far, but for those in keys of maps, were not the first of theirs: each begins a row. */
  rows = 0;

  constructor(private readonly bytes: Buffer) {}

  line(): [type: string, text: string] {
    const end = this.bytes.indexOf(LF, this.at);
    const line = this.bytes.toString('latin1', this.at, end - 1);
    this.at = end + 1;
    return [line[0]!, line.slice(1)];
  }

  bulk(length: number): string {
    const text = this.bytes.toString('latin1', this.at, this.at + length);
    this.at += length + 2;
    return text;
  }
}

/** The sign between a number and its element, and what stands for none, by the type of an aggregate. */
const AGGREGATES: Readonly<Record<string, readonly [sign: string, none: string]>> = {
  '*': [')', '(empty array)'], '~': ['~', '(empty set)'], '%': ['#', '(empty hash)'],
};

function onTerminal(reader: Reader, indent: string): string {
  const [type, text] = reader.line();
  const count = Number(text);
  const aggregate = AGGREGATES[type];
  if (type === '_' || (count < 0 && (type === '$' || aggregate !== undefined))) return '(nil)\n';
  if (aggregate !== undefined) return elementsOnTerminal(reader, indent, count, type, aggregate);
  switch (type) {
    case '-': return `(error) ${text}\n`;
    case ':': return `(integer) ${text}\n`;
    case ',': return `(double) ${text}\n`;
    case '#': return text === 't' ? '(true)\n' : '(false)\n';
    case '$': return `${quoted(reader.bulk(count))}\n`;
    case '=': return `${verbatim(reader, count)}\n`;
    default: return `${text}\n`;
  }
}

function elementsOnTerminal(
  reader: Reader, indent: string, count: number, type: string, [sign, none]: readonly [string, string],
): string {
  if (count === 0) return `${none}\n`;
  const width = String(count).length;
  const inner = `${indent}${' '.repeat(width + 2)}`;
  let shown = '';
  for (let i = 1; i <= count; i++) {
    if (i > 1) reader.rows++;
    const { rows } = reader;
    const element = onTerminal(reader, inner);
    shown += `${i === 1 ? '' : indent}${String(i).padStart(width)}${sign} `;
    if (type === '%') reader.rows = rows;
    shown += type === '%' ? `${element.slice(0, -1)} => ${valueOnTerminal(reader, inner)}` : element;
  }
  return shown;
}

/**
 * A value of a map: elements in several rows begin on a line of their own. redis-cli does not look at the keys of a
 * value that is a map itself, so a key in several rows begins beside its `=>`.
 */
function valueOnTerminal(reader: Reader, indent: string): string {
  const { rows } = reader;
  const shown = onTerminal(reader, indent);
  return reader.rows > rows ? `\n${indent}${shown}` : shown;
}

function bare(reader: Reader): string {
  const [type, text] = reader.line();
  const count = Number(text);
  if (type === '_' || (count < 0 && '$*~%'.includes(type))) return '';
  switch (type) {
    case '-': return `${text}\n`;
    case '#': return text === 't' ? '(true)' : '(false)';
    case '$': return reader.bulk(count);
    case '=': return verbatim(reader, count);
    case '%': return Array.from({ length: count }, () => `${bare(reader)} ${bare(reader)}`).join('\n');
    case '*': case '~': return Array.from({ length: count }, () => bare(reader)).join('\n');
    default: return text;
  }
}

/** A text without the three letters of its format. */
function verbatim(reader: Reader, length: number): string {
  return reader.bulk(length).slice('txt:'.length);
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\\\', '"': '\\"', '\n': '\\n', '\r': '\\r', '\t': '\\t', '\x07': '\\a', '\b': '\\b',
};

function quoted(text: string): string {
  const shown = text.replace(/[^ !#-[\]-~]/g, (char) => {
    return ESCAPES[char] ?? `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
  return `"${shown}"`;
}

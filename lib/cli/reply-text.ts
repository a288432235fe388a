/**
 * A reply as redis-cli prints it: on a terminal with types and quotes, elsewhere the bare values, one a line.
 * Source: redis-cli.c of Redis 7.0, cliFormatReplyTTY() and cliFormatReplyRaw().
 */

const LF = 10;

/** Commands whose reply is meant to be read as text also on a terminal. */
const TEXTS = [
  /^info$/, /^lolwut$/, /^debug htstats/, /^memory (malloc-stats|doctor)$/, /^cluster (nodes|info)$/,
  /^client (list|info)$/, /^latency (graph|doctor)/,
];

/** The bytes to print for the bytes of one whole RESP2 reply. */
export function replyText(reply: Buffer, args: readonly string[], isTerminal: boolean): Buffer {
  const words = args.slice(0, 2).join(' ').toLowerCase();
  const isText = TEXTS.some((pattern) => pattern.test(words) || pattern.test(args[0]!.toLowerCase()));
  const reader = new Reader(reply);
  if (isTerminal && !isText) return Buffer.from(onTerminal(reader, ''), 'latin1');
  return Buffer.from(`${bare(reader)}\n`, 'latin1');
}

/** Reads a reply piece by piece; texts have one char a byte. */
class Reader {
  private at = 0;

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

function onTerminal(reader: Reader, indent: string): string {
  const [type, text] = reader.line();
  const count = Number(text);
  if (type === '-') return `(error) ${text}\n`;
  if (type === ':') return `(integer) ${text}\n`;
  if (type === '+') return `${text}\n`;
  if (count < 0) return '(nil)\n';
  if (type === '$') return `${quoted(reader.bulk(count))}\n`;
  if (count === 0) return '(empty array)\n';
  const width = String(count).length;
  const inner = `${indent}${' '.repeat(width + 2)}`;
  let shown = '';
  for (let i = 1; i <= count; i++) {
    shown += `${i === 1 ? '' : indent}${String(i).padStart(width)}) ${onTerminal(reader, inner)}`;
  }
  return shown;
}

function bare(reader: Reader): string {
  const [type, text] = reader.line();
  const count = Number(text);
  if (type === '-') return `${text}\n`;
  if (type === ':' || type === '+') return text;
  if (count < 0) return '';
  if (type === '$') return reader.bulk(count);
  return Array.from({ length: count }, () => bare(reader)).join('\n');
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

/**
 * Inline requests: a command typed as a line. Arguments are parted by blanks; double quotes allow \n \r \t \b \a \xHH
 * and other escapes, single quotes only \'. Follows the rules that redis-server applies to such lines.
 */

const BLANK = /[ \n\r\t\v\f\0]/;
const ESCAPES: Record<string, string> = { n: '\n', r: '\r', t: '\t', b: '\b', a: '\x07' };

/** The line's arguments as latin1 text, or undefined when its quotes are unbalanced. */
export function splitInline(line: string): string[] | undefined {
  const parts: string[] = [];
  let at = 0;
  for (;;) {
    while (at < line.length && isSpace(line[at]!)) at++;
    if (at >= line.length || line[at] === '\0') return parts;
    let part = '';
    while (at < line.length && !BLANK.test(line[at]!)) {
      const char = line[at]!;
      if (char !== '"' && char !== "'") {
        part += char;
        at++;
        continue;
      }
      const quoted = char === '"' ? readDoubleQuoted(line, at + 1) : readSingleQuoted(line, at + 1);
      if (quoted === undefined) return undefined;
      part += quoted.text;
      at = quoted.end;
      // A closing quote ends the argument.
      if (at < line.length && !isSpace(line[at]!)) return undefined;
      break;
    }
    parts.push(part);
  }
}

function isSpace(char: string): boolean {
  return char !== '\0' && BLANK.test(char);
}

interface Quoted {
  text: string;
  /** The place behind the closing quote. */
  end: number;
}

function readDoubleQuoted(line: string, start: number): Quoted | undefined {
  let text = '';
  for (let at = start; at < line.length; at++) {
    const char = line[at]!;
    if (char === '"') return { text, end: at + 1 };
    if (char !== '\\' || at + 1 >= line.length) {
      text += char;
      continue;
    }
    const hex = /^\\x([0-9a-fA-F]{2})/.exec(line.slice(at, at + 4));
    if (hex) {
      text += String.fromCharCode(parseInt(hex[1]!, 16));
      at += 3;
    } else {
      at++;
      text += ESCAPES[line[at]!] ?? line[at]!;
    }
  }
  return undefined;
}

function readSingleQuoted(line: string, start: number): Quoted | undefined {
  let text = '';
  for (let at = start; at < line.length; at++) {
    if (line[at] === "'") return { text, end: at + 1 };
    if (line[at] === '\\' && line[at + 1] === "'") at++;
    text += line[at]!;
  }
  return undefined;
}

const ESCAPED: Record<string, string> = { '\\': '\\\\', '"': '\\"', '\n': '\\n', '\r': '\\r', '\t': '\\t', '\x07': '\\a', '\b': '\\b' };

/** Latin1 text in double quotes, as `splitInline` reads it back. */
export function quoted(text: string): string {
  const escape = (char: string): string =>
    ESCAPED[char] ?? `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`;
  return `"${text.replace(/[^ !#-[\]-~]/g, escape)}"`;
}

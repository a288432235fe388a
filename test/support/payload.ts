/** DUMP payloads and what is in them, made by hand; all text is one char a byte. */
import { Crc64 } from '../../lib/rdb/crc64.js';

/** A form and a value with a right footer behind them. */
export function payload(content: string, version = 10): string {
  const bytes = Buffer.from(`${content}${'\0'.repeat(10)}`, 'latin1');
  bytes.writeUInt16LE(version, bytes.length - 10);
  new Crc64().update(bytes, 0, bytes.length - 8).write(bytes, bytes.length - 8);
  return bytes.toString('latin1');
}

/** A short string with its length in front. */
export function short(text: string): string {
  if (text.length > 63) throw new Error('too long for one byte of length');
  return String.fromCharCode(text.length) + text;
}

function word(value: number): string {
  return String.fromCharCode(value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, value >>> 24);
}

/** A listpack of strings of up to 63 bytes, with numbers from 0 to 127 as such. */
export function listpack(...elements: (string | number)[]): string {
  const body = elements.map((element) =>
    typeof element === 'number'
      ? `${String.fromCharCode(element)}\x01`
      : `${String.fromCharCode(0x80 | element.length)}${element}${String.fromCharCode(element.length + 1)}`,
  ).join('');
  return `${word(body.length + 7)}${String.fromCharCode(elements.length)}\0${body}\xff`;
}

/** The mark of an integer in a ziplist and its bytes. */
function ziplistInteger(value: number): string {
  if (value >= 0 && value <= 12) return String.fromCharCode(0xf1 + value);
  if (value >= -128 && value < 128) return `\xfe${word(value)[0]}`;
  if (value >= -32_768 && value < 32_768) return `\xc0${word(value).slice(0, 2)}`;
  if (value >= -(2 ** 23) && value < 2 ** 23) return `\xf0${word(value).slice(0, 3)}`;
  if (value >= -(2 ** 31) && value < 2 ** 31) return `\xd0${word(value)}`;
  return `\xe0${word(value)}${word(Math.floor(value / 2 ** 32))}`;
}

/** A ziplist. Strings may be of any length, numbers are kept as such. */
export function ziplist(...elements: (string | number)[]): string {
  let body = '';
  let lastAt = 10;
  let before = 0;
  for (const element of elements) {
    lastAt = 10 + body.length;
    const mark = typeof element === 'number' ? ziplistInteger(element) : ziplistString(element);
    const entry = (before < 254 ? String.fromCharCode(before) : `\xfe${word(before)}`) + mark;
    before = entry.length;
    body += entry;
  }
  return `${word(body.length + 11)}${word(lastAt)}${String.fromCharCode(elements.length)}\0${body}\xff`;
}

function ziplistString(text: string): string {
  if (text.length < 64) return short(text);
  if (text.length < 16_384) return String.fromCharCode(0x40 | (text.length >> 8), text.length & 0xff) + text;
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  return `\x80${length.toString('latin1')}${text}`;
}

/** A zipmap of pairs; each value has `free` bytes behind it. */
export function zipmap(pairs: readonly (readonly [string, string])[], free = 0): string {
  const length = (text: string): string =>
    text.length < 254 ? String.fromCharCode(text.length) : `\xfe${word(text.length)}`;
  const body = pairs.map(([field, value]) =>
    `${length(field)}${field}${length(value)}${String.fromCharCode(free)}${value}${'x'.repeat(free)}`,
  );
  return `${String.fromCharCode(pairs.length)}${body.join('')}\xff`;
}

/**
 * RESP replies as plain values, for tests that look inside them and for recordings in JSON. Nothing is lost, so that
 * equal values mean equal bytes:
 *
 *     bulk "text"   status "+OK"   error "-ERR ..."   integer 7   null null   array [...]
 *     map {"map": [[key, value], ...]}   set {"set": [...]}   push {"push": [...]}   double {"double": "1.5"}
 */
import { replyEnd } from './reply-end.js';

export type RespValue =
  | string | number | null | RespValue[]
  | { map: [RespValue, RespValue][] } | { set: RespValue[] } | { push: RespValue[] }
  | { double: string } | { boolean: boolean } | { verbatim: string };

/** The first reply in `reply`, one char a byte. Throws when it is not whole or not RESP. */
export function decode(reply: string): RespValue {
  const bytes = Buffer.from(reply, 'latin1');
  if (replyEnd(bytes, 0, bytes.length) <= 0) throw new Error(`not a whole reply: ${reply.slice(0, 200)}`);
  return new Decoder(reply).value();
}

class Decoder {
  private at = 0;

  constructor(private readonly reply: string) {}

  value(): RespValue {
    const line = this.line();
    const rest = line.slice(1);
    switch (line[0]) {
      case '+':
      case '-':
        return line;
      case ':':
        return Number(rest);
      case '_':
        return null;
      case ',':
        return { double: rest };
      case '#':
        return { boolean: rest === 't' };
      case '$':
        return rest === '-1' ? null : this.bulk(Number(rest));
      case '=':
        return { verbatim: this.bulk(Number(rest)) };
      case '*':
        return rest === '-1' ? null : this.values(Number(rest));
      case '~':
        return { set: this.values(Number(rest)) };
      case '>':
        return { push: this.values(Number(rest)) };
      case '%':
        return { map: Array.from({ length: Number(rest) }, () => [this.value(), this.value()]) };
      default:
        throw new Error(`not a RESP value: ${line}`);
    }
  }

  private values(count: number): RespValue[] {
    return Array.from({ length: count }, () => this.value());
  }

  private line(): string {
    const end = this.reply.indexOf('\r\n', this.at);
    const line = this.reply.slice(this.at, end);
    this.at = end + 2;
    return line;
  }

  private bulk(length: number): string {
    const text = this.reply.slice(this.at, this.at + length);
    this.at += length + 2;
    return text;
  }
}

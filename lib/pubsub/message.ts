/**
 * A message on its way to subscribers: encoded at most once for each protocol, however many get it. RESP3 says it as a
 * push, RESP2 as an array; the two differ in their first byte.
 */
import { ReplyWriter } from '../protocol/reply-writer.js';
import type { Protocol } from '../protocol/reply-writer.js';
import type { Slice } from '../util/bytes.js';

const STAR = 42;
const writer = new ReplyWriter(4096);
writer.protocol = 3;

export class Message {
  private asArray: Buffer | undefined;

  constructor(private readonly asPush: Buffer) {}

  /** `kind` with the pattern that matched, if any, the channel and the text. */
  static of(kind: 'message' | 'pmessage' | 'smessage' | 'line', channel: Slice, text: Slice, pattern?: string): Message {
    writer.push(pattern === undefined ? 3 : 4);
    writer.bulkText(kind);
    if (pattern !== undefined) writer.bulkText(pattern);
    writer.slice(channel);
    writer.slice(text);
    const bytes = Buffer.concat(writer.take());
    writer.reuse();
    return new Message(bytes);
  }

  /** For the node of a client that is not to get it. */
  static without(client: string, kind: 'message' | 'smessage', channel: Slice, text: Slice): Buffer {
    writer.push(4);
    writer.bulkText(kind);
    writer.slice(channel);
    writer.slice(text);
    writer.bulkText(client);
    const bytes = Buffer.concat(writer.take());
    writer.reuse();
    return bytes;
  }

  in(protocol: Protocol): Buffer {
    return protocol === 3 ? this.asPush : (this.asArray ??= arrayOf(this.asPush));
  }
}

function arrayOf(push: Buffer): Buffer {
  const bytes = Buffer.from(push);
  bytes[0] = STAR;
  return bytes;
}

/** What a client is told when it is to forget keys: the keys, or null for all of them. */
import { ReplyWriter, type Protocol } from '../protocol/reply-writer.js';

/** The channel on which RESP2 clients are told. */
const CHANNEL = '__redis__:invalidate';

const writer = new ReplyWriter(4096);

function written(protocol: Protocol, write: () => void): Buffer {
  writer.protocol = protocol;
  write();
  const bytes = Buffer.concat(writer.take());
  writer.reuse();
  return bytes;
}

export class Invalidation {
  /** `keys` is undefined for all. */
  private constructor(private readonly keys: readonly string[] | undefined) {}

  static of(keys: readonly string[]): Invalidation {
    return new Invalidation(keys);
  }

  static ofAll(): Invalidation {
    return new Invalidation(undefined);
  }

  /** `protocol` is that of the client that tracks: it decides how null is said, whoever is told. */
  asPush(protocol: Protocol): Buffer {
    return written(3, () => {
      writer.push(2);
      writer.bulkText('invalidate');
      this.writeKeys(protocol);
    });
  }

  asMessage(protocol: Protocol): Buffer {
    return written(2, () => {
      writer.array(3);
      writer.bulkText('message');
      writer.bulkText(CHANNEL);
      this.writeKeys(protocol);
    });
  }

  private writeKeys(protocol: Protocol): void {
    writer.protocol = protocol;
    if (this.keys === undefined) return writer.nil();
    writer.array(this.keys.length);
    for (const key of this.keys) writer.bulkText(key);
  }

  /** The client that was to be told instead has gone. */
  static brokenRedirect(id: number): Buffer {
    return written(3, () => {
      writer.push(2);
      writer.bulkText('tracking-redir-broken');
      writer.integer(id);
    });
  }

  /** For another node: the key, and which of its own clients has changed it (`0`: none). */
  static forNode(key: string, author: string): Buffer {
    return written(3, () => {
      writer.push(3);
      for (const part of ['invalidate', key, author]) writer.bulkText(part);
    });
  }

  static ofAllForNode(): Buffer {
    return written(3, () => {
      writer.push(1);
      writer.bulkText('flush');
    });
  }
}

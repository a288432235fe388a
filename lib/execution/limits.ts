/** The limits that connections keep, as numbers, because they are asked for often. They follow the settings. */
import type { Settings } from '../config/settings.js';

/** How many bytes of replies a client may leave unread: `hardBytes` never, `softBytes` for `softMs`. 0: no limit. */
export interface OutputLimit {
  readonly hardBytes: number;
  readonly softBytes: number;
  readonly softMs: number;
}

const NO_LIMIT: OutputLimit = { hardBytes: 0, softBytes: 0, softMs: 0 };

export class Limits {
  bulkBytesMax = 0;
  queryBytesMax = 0;
  lineBytesMax = 0;
  clientsMax = 0;
  /** 0: idle clients may stay. */
  idleMsMax = 0;
  /** 0: no probes. */
  keepAliveMs = 0;
  /** How long a connection that is being closed may take to read its last replies. */
  lingerMs = 5000;

  private output = new Map<string, OutputLimit>();

  constructor(settings: Settings) {
    const follow = (name: string, take: (value: number) => void): void =>
      settings.watch(name, () => take(settings.integer(name)));
    follow('proto-max-bulk-len', (value) => (this.bulkBytesMax = value));
    follow('client-query-buffer-limit', (value) => (this.queryBytesMax = value));
    follow('line-max-bytes', (value) => (this.lineBytesMax = value));
    follow('maxclients', (value) => (this.clientsMax = value));
    follow('timeout', (value) => (this.idleMsMax = value * 1000));
    follow('tcp-keepalive', (value) => (this.keepAliveMs = value * 1000));
    settings.watch('client-output-buffer-limit', () => {
      this.output = readOutputLimits(settings.text('client-output-buffer-limit'));
    });
  }

  /** The limit of a class of clients; all zero when there is none. */
  outputOf(kind: 'normal' | 'pubsub'): OutputLimit {
    return this.output.get(kind) ?? NO_LIMIT;
  }
}

/** `class hard soft seconds`, several times, in bytes as CONFIG GET prints them. */
function readOutputLimits(text: string): Map<string, OutputLimit> {
  const limits = new Map<string, OutputLimit>();
  const words = text.split(' ');
  for (let at = 0; at + 3 < words.length; at += 4) {
    const [hardBytes, softBytes, seconds] = words.slice(at + 1, at + 4).map(Number) as [number, number, number];
    limits.set(words[at]!, { hardBytes, softBytes, softMs: seconds * 1000 });
  }
  return limits;
}

/** Transcripts: sessions of the line protocol, as test/listeners/line-protocol.transcript explains. */
import { readFileSync } from 'node:fs';

export interface Exchange {
  /** As it stands in the file. */
  shown: string;
  sent: Buffer;
  received: string;
}

export interface Session {
  title: string;
  exchanges: Exchange[];
}

export function readSessions(file: string): Session[] {
  const sessions: Session[] = [];
  for (const block of readFileSync(file, 'utf8').split(/\n\n+/)) {
    const lines = block.split('\n');
    const title = lines.filter((line) => line.startsWith('#')).map((line) => line.slice(2)).join(' ');
    const sent = lines.filter((line) => line.startsWith('> ')).map((line) => line.slice(2));
    const received = lines.filter((line) => line.startsWith('< ')).map((line) => line.slice(2));
    if (sent.length !== received.length) throw new Error(`${file}: ${title}: a line without its answer`);
    if (sent.length === 0) continue;
    const exchanges = sent.map((shown, i) => ({ shown, sent: bytesOf(shown), received: textOf(received[i]!) }));
    sessions.push({ title, exchanges });
  }
  return sessions;
}

const ESCAPES: Record<string, string> = { r: '\r', n: '\n', t: '\t', '0': '\0' };

function textOf(shown: string): string {
  return shown.replace(/\\([rnt0]|x([0-9a-f]{2}))/g, (_all, code: string, hex: string | undefined) =>
    hex === undefined ? ESCAPES[code]! : String.fromCharCode(parseInt(hex, 16)),
  );
}

function bytesOf(shown: string): Buffer {
  return Buffer.from(textOf(shown), 'latin1');
}

/**
 * Seals: how damage in the log is told from a tail that was never safe. Whatever is written to the log in one go ends
 * with a line such as
 *
 *     #SEAL:4096:81920:1c291ca3
 *
 * the number of bytes since the seal before, the offset up to which the file was known to be on the disk at that time,
 * and the CRC-32 of these bytes and of the line so far. Lines that begin with # are annotations: redis-server 7 and
 * redis-check-aof pass over them. A seal of 0 bytes begins a new count, for what another server has written in between.
 *
 * A log that cannot be read to its end is torn there when no later seal vouches for the place; otherwise something that
 * was safe has been changed, and must not be cut off.
 */
import { crc32 } from 'node:zlib';

export const SEAL = '#SEAL:';

/** The seal of these bytes, CRLF included. */
export function sealOf(pieces: readonly Buffer[], byteCount: number, synced: number): string {
  let sum = 0;
  for (const piece of pieces) sum = crc32(piece, sum);
  return sealOfSum(sum, byteCount, synced);
}

/** The seal of bytes with this CRC-32. */
export function sealOfSum(sum: number, byteCount: number, synced: number): string {
  const head = `${SEAL}${byteCount}:${synced}:`;
  return `${head}${hex(crc32(head, sum))}\r\n`;
}

export interface Seal {
  byteCount: number;
  synced: number;
  /** Whether it fits bytes with this CRC-32. */
  fits(sum: number): boolean;
}

/** Reads the line of a seal, without its end; undefined when it is none. */
export function parseSeal(line: string): Seal | undefined {
  const match = /^(#SEAL:(\d{1,15}):(\d{1,15}):)([0-9a-f]{8})$/.exec(line);
  if (match === null) return undefined;
  const [, head, byteCount, synced, sum] = match as unknown as [string, string, string, string, string];
  return {
    byteCount: Number(byteCount), synced: Number(synced),
    fits: (ofBytes) => hex(crc32(head, ofBytes)) === sum,
  };
}

function hex(sum: number): string {
  return sum.toString(16).padStart(8, '0');
}

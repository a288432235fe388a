/**
 * The longest common subsequence of two runs of bytes, by the table of all prefixes: cell (i, j) is the length for the
 * first i bytes of one and the first j of the other. The table also leads back along one such subsequence; where
 * several are equally long it is the one that redis-server finds.
 *
 * Source: lcsCommand() in redis's t_string.c.
 */
import type { Slice } from './bytes.js';

/** A run of bytes that both have, by its places in each. */
export interface Match {
  startInA: number;
  startInB: number;
  length: number;
}

export class LongestCommon {
  /** How long the subsequence is. */
  readonly length: number;
  /** A length is at most that of the shorter, which LCS's limit on the table's size keeps below 2 ** 16. */
  private readonly table: Uint16Array;
  private readonly columns: number;

  constructor(
    private readonly a: Slice,
    private readonly b: Slice,
  ) {
    this.columns = b.length + 1;
    this.table = new Uint16Array((a.length + 1) * this.columns);
    this.fill();
    this.length = this.table[this.table.length - 1]!;
  }

  private fill(): void {
    const { a, b, table, columns } = this;
    for (let i = 1; i <= a.length; i++) {
      const byte = a.bytes[a.offset + i - 1]!;
      const row = i * columns;
      let left = 0;
      for (let j = 1; j < columns; j++) {
        const above = table[row - columns + j]!;
        if (byte === b.bytes[b.offset + j - 1]) left = table[row - columns + j - 1]! + 1;
        else if (above > left) left = above;
        table[row + j] = left;
      }
    }
  }

  /** The subsequence itself. */
  bytes(): Buffer {
    const bytes = Buffer.allocUnsafe(this.length);
    let end = this.length;
    for (const { startInA, length } of this.matches()) {
      end -= length;
      const from = this.a.offset + startInA;
      this.a.bytes.copy(bytes, end, from, from + length);
    }
    return bytes;
  }

  /** The runs that make up the subsequence, the last one first. */
  matches(): Match[] {
    const { a, b, table, columns } = this;
    const matches: Match[] = [];
    let run: Match | undefined;
    let i = a.length;
    let j = b.length;
    while (i > 0 && j > 0) {
      if (a.bytes[a.offset + i - 1] === b.bytes[b.offset + j - 1]) {
        if (run === undefined) matches.push((run = { startInA: i, startInB: j, length: 0 }));
        run.startInA = --i;
        run.startInB = --j;
        run.length++;
      } else {
        run = undefined;
        if (table[(i - 1) * columns + j]! > table[i * columns + j - 1]!) i--;
        else j--;
      }
    }
    return matches;
  }
}

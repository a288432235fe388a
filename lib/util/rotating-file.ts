/**
 * A log file that does not grow for ever: when it is full it becomes NAME.1, what was NAME.1 becomes NAME.2, and so on;
 * the oldest goes. Lines are written at once, so that the last words before a crash are there.
 */
import { closeSync, existsSync, fstatSync, ftruncateSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';

export class RotatingFile {
  private descriptor: number;
  private bytes: number;
  private lostLines = 0;

  /** Opens or makes the file. Throws the system's error. */
  constructor(
    readonly path: string,
    private readonly bytesMax: number,
    /** How many files there may be, the one that is written to included. */
    private readonly filesMax: number,
  ) {
    this.descriptor = openSync(path, 'a', 0o600);
    this.bytes = fstatSync(this.descriptor).size;
  }

  /** Adds a line. Throws the system's error, and then nothing was added. */
  write(line: string): void {
    const bytes = Buffer.from(line);
    if (this.bytes > 0 && this.bytes + bytes.length > this.bytesMax) this.rotate();
    this.writeWhole(bytes);
    this.bytes += bytes.length;
  }

  /** A disk that becomes full takes a part of a line: that part is taken back. */
  private writeWhole(bytes: Buffer): void {
    let written = 0;
    try {
      while (written < bytes.length) written += writeSync(this.descriptor, bytes, written);
    } catch (error) {
      if (written > 0) ftruncateSync(this.descriptor, fstatSync(this.descriptor).size - written);
      throw error;
    }
  }

  /** Adds a line if that can be done. After a gap the first line that can be written says how many are missing. */
  writeIfPossible(line: string): void {
    try {
      if (this.lostLines > 0) this.write(`(${this.lostLines} lines could not be written here)\n`);
      this.lostLines = 0;
      this.write(line);
    } catch {
      this.lostLines++;
    }
  }

  close(): void {
    closeSync(this.descriptor);
  }

  private rotate(): void {
    closeSync(this.descriptor);
    for (let number = this.filesMax - 1; number >= 1; number--) {
      const from = number === 1 ? this.path : `${this.path}.${number - 1}`;
      if (existsSync(from)) renameSync(from, `${this.path}.${number}`);
    }
    if (this.filesMax === 1) rmSync(this.path);
    this.descriptor = openSync(this.path, 'a', 0o600);
    this.bytes = fstatSync(this.descriptor).size;
  }
}

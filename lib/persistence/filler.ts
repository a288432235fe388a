/**
 * The filler: lines of # that stand at the end of a log file with `appendfsync always`, to be written over.
 *
 * A write that makes a file longer is two on the disk, one of the bytes and one of the file system's own notes about
 * the file, with a wait for either. A write over bytes that are there already is one. So the file is made longer now
 * and then, by many small writes' worth, and they lie within it. Large writes need no filler: their bytes are what
 * takes the time.
 *
 * Lines that begin with # are annotations, which this node, redis-server 7 and redis-check-aof pass over; a log with
 * filler at its end, or in its midst after a killed node has started again, is as good as one without. Whatever is
 * written must not end in front of a lone line end, which would be no annotation. Where lines end depends on the offset
 * alone, and pages of a file hold whole lines: when the loss of power leaves whole pages, it leaves whole lines.
 */
const FILL_BYTES = 256 * 1024;
/** What is no longer than this is a small write, and there is filler for one. */
const SMALL_BYTES = FILL_BYTES / 8;
const LINE_BYTES = 64;
const MARK = '#';
const LF = 10;

export class Filler {
  /** Where it ends; nothing is left of it when that is not behind what is written. */
  private end = 0;
  /** It is not made again when it could not be made: a disk that is full may have room for a few records yet. */
  private isOff = false;

  /** Whether more is to be made: the last write, `byteCount` bytes up to `written`, was small, as the next may be. */
  isDue(written: number, byteCount: number): boolean {
    const isSmall = byteCount <= SMALL_BYTES && this.end - written < SMALL_BYTES;
    return isSmall && !this.isOff && !isBeforeLineEnd(written);
  }

  /** Has `write` make more, behind what is written and what is left. Rejects as `write` does. */
  async make(written: number, write: (bytes: Buffer, position: number) => Promise<void>): Promise<void> {
    const from = Math.max(written, this.end);
    const bytes = linesAt(from);
    this.isOff = true;
    await write(bytes, from);
    this.isOff = false;
    this.end = from + bytes.length;
  }

  /** Whether some of it is left behind what is written. */
  isLeft(written: number): boolean {
    return written < this.end;
  }

  /** Whether a lone line end is left there. */
  leavesLineEnd(written: number): boolean {
    return this.isLeft(written) && isBeforeLineEnd(written);
  }

  /** The file has been cut off. */
  forget(): void {
    this.end = 0;
  }
}

function isBeforeLineEnd(offset: number): boolean {
  return offset % LINE_BYTES === LINE_BYTES - 1;
}

function linesAt(offset: number): Buffer {
  const before = offset % LINE_BYTES;
  const bytes = Buffer.alloc(FILL_BYTES - before, MARK);
  for (let at = LINE_BYTES - 1 - before; at < bytes.length; at += LINE_BYTES) bytes[at] = LF;
  return bytes;
}

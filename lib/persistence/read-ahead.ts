/**
 * A file that is read from its start to its end, a piece at a time: the next piece is on its way while the one before
 * is worked on. Loading would otherwise stand still for each piece, longest while the machine is busy.
 */
import { OutOfBounds } from '../rdb/rdb-error.js';

/** A file that is read: `read` fills `into` from its start with the bytes at `position`, and gives how many. */
export interface ReadableFile {
  read(into: Buffer, position: number): Promise<number>;
}

/** A quarter of a MiB stays in the processor's cache until it has been worked on. */
export const PIECE_BYTES = 256 * 1024;
/** What was left of a piece, and is put in front of the next, has at most so many bytes. */
export const KEPT_BYTES_MAX = 64 * 1024;

const roomForPiece = (): Buffer => Buffer.allocUnsafeSlow(KEPT_BYTES_MAX + PIECE_BYTES);

export class ReadAhead {
  /** The one is worked on, the other is read into. */
  private current = roomForPiece();
  private coming = roomForPiece();
  private reading: Promise<number> | undefined;
  private position = 0;

  /** Reads the first `size` bytes of a file. */
  constructor(
    private readonly file: ReadableFile,
    private readonly size: number,
  ) {}

  /**
   * The next PIECE_BYTES bytes, or all that there are, with `kept` in front of them, which may lie in the piece before.
   * They are valid until the next call. Rejects with the file's errors, and OutOfBounds when the file has shrunk.
   */
  async next(kept: Buffer): Promise<Buffer> {
    const count = await (this.reading ?? this.read());
    const bytes = this.coming;
    const start = KEPT_BYTES_MAX - kept.length;
    kept.copy(bytes, start);
    this.coming = this.current;
    this.current = bytes;
    this.reading = this.read();
    // It is thrown when the piece is asked for; until then nobody waits for it.
    this.reading.catch(() => undefined);
    return bytes.subarray(start, KEPT_BYTES_MAX + count);
  }

  /** Waits until nothing is being read any more. */
  async end(): Promise<void> {
    await this.reading?.catch(() => undefined);
  }

  private async read(): Promise<number> {
    const { coming, position } = this;
    const count = Math.min(PIECE_BYTES, this.size - position);
    for (let read = 0; read < count; ) {
      const room = coming.subarray(KEPT_BYTES_MAX + read, KEPT_BYTES_MAX + count);
      const more = await this.file.read(room, position + read);
      if (more === 0) throw new OutOfBounds();
      read += more;
    }
    this.position = position + count;
    return count;
  }
}

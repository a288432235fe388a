/**
 * Serialised bytes of a file on their way in. They are in memory a piece at a time; `fill` brings more, between the
 * steps of whoever reads (`isReady` says when).
 */
import { Crc64 } from '../rdb/crc64.js';
import { OutOfBounds } from '../rdb/rdb-error.js';
import { HEAD_BYTES_MAX, RdbInput } from '../rdb/rdb-input.js';
import { KEPT_BYTES_MAX, PIECE_BYTES, ReadAhead, type ReadableFile } from './read-ahead.js';

const NO_BYTES = Buffer.alloc(0);
/** What may stand behind a string and be read with it: counts, marks, a score as text. */
const SPARE_BYTES = 512;

export class RdbFileInput extends RdbInput {
  private readonly crc = new Crc64();
  /** Up to here in `bytes` the checksum has been taken. */
  private checkedUpTo = 0;
  /** Where in the file `bytes` begins. */
  private base = 0;
  /** So many bytes were found missing; 0 when none were. */
  private wanted = 1;
  private readonly pieces: ReadAhead;

  /** Reads a file of `size` bytes. Call `fill` before anything else. */
  constructor(
    file: ReadableFile,
    private readonly size: number,
  ) {
    super(NO_BYTES, 0, 0);
    this.pieces = new ReadAhead(file, size);
  }

  /** Where in the file the next byte is. */
  get offset(): number {
    return this.base + this.at;
  }

  override get left(): number {
    return this.size - this.offset;
  }

  /** Throws OutOfBounds when the string is longer than the rest of the file. */
  override isReady(): boolean {
    if (!this.has(HEAD_BYTES_MAX)) return false;
    const before = this.at;
    this.passString();
    const needed = this.at - before;
    this.at = before;
    if (needed > this.left + 2 * HEAD_BYTES_MAX) throw new OutOfBounds();
    return this.has(needed + SPARE_BYTES);
  }

  override hasRaw(byteCount: number): boolean {
    return this.has(byteCount + SPARE_BYTES);
  }

  /** Whether so many bytes, or all that there are, are in memory. Otherwise the next `fill` brings them. */
  has(byteCount: number): boolean {
    if (this.end - this.at >= byteCount || this.base + this.end === this.size) return true;
    this.wanted = byteCount;
    return false;
  }

  /** Whether something was found missing. */
  get isShort(): boolean {
    return this.wanted > 0;
  }

  /** Brings the bytes that were found missing. Rejects with the file's errors, and OutOfBounds when it has shrunk. */
  async fill(): Promise<void> {
    this.takeIn();
    const kept = this.bytes.subarray(this.at, this.end);
    const isSmall = this.wanted <= PIECE_BYTES && kept.length <= KEPT_BYTES_MAX;
    const bytes = isSmall ? await this.pieces.next(kept) : await this.gather(kept);
    this.base += this.at;
    this.bytes = bytes;
    this.end = bytes.length;
    this.at = this.checkedUpTo = this.wanted = 0;
  }

  /** `kept` and what follows it, in as many pieces as are wanted, in room of its own. */
  private async gather(kept: Buffer): Promise<Buffer> {
    const bytes = Buffer.allocUnsafeSlow(Math.min(this.wanted + PIECE_BYTES, this.left));
    let end = kept.copy(bytes);
    while (end < Math.min(this.wanted, bytes.length)) end += (await this.pieces.next(NO_BYTES)).copy(bytes, end);
    return bytes.subarray(0, end);
  }

  /** Waits until nothing is being read any more. */
  close(): Promise<void> {
    return this.pieces.end();
  }

  private takeIn(): void {
    this.crc.update(this.bytes, this.checkedUpTo, this.at);
    this.checkedUpTo = this.at;
  }

  /** Reads the eight bytes of a checksum: whether they are that of all bytes before, or all 0, for none. */
  readChecksum(): boolean {
    this.takeIn();
    const at = this.at;
    const isNone = this.int64() === 0;
    return isNone || this.crc.matches(this.bytes, at);
  }
}

/**
 * Serialised bytes of a file on their way in. They are in memory a piece at a time; `fill` brings more, between the
 * steps of whoever reads (`isReady` says when).
 */
import { Crc64 } from '../rdb/crc64.js';
import { OutOfBounds } from '../rdb/rdb-error.js';
import { HEAD_BYTES_MAX, RdbInput } from '../rdb/rdb-input.js';

/** A file that is read: `read` fills `into` from its start with the bytes at `position`, and gives how many. */
export interface ReadableFile {
  read(into: Buffer, position: number): Promise<number>;
}

const CHUNK_BYTES = 1024 * 1024;
/** What may stand behind a string and be read with it: counts, marks, a score as text. */
const SPARE_BYTES = 512;

export class RdbFileInput extends RdbInput {
  private readonly crc = new Crc64();
  /** Up to here in `bytes` the checksum has been taken. */
  private checkedUpTo = 0;
  /** Where in the file `bytes` begins, and where the bytes go on that have not been read. */
  private base: number;
  private next: number;
  private wanted = CHUNK_BYTES;
  /** Something was found missing. */
  private isShort = true;

  /** Reads the file from `start` to `size`. Call `fill` before anything else. */
  constructor(
    private readonly file: ReadableFile,
    private readonly size: number,
    start = 0,
  ) {
    super(Buffer.allocUnsafeSlow(CHUNK_BYTES), 0, 0);
    this.base = this.next = start;
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

  override hasStrings(count: number, bytesBehind: number): boolean {
    const before = this.at;
    let left = count;
    while (left > 0 && this.isReady()) {
      this.passString();
      this.at += bytesBehind;
      left--;
    }
    this.at = before;
    return left === 0;
  }

  override hasRaw(byteCount: number): boolean {
    return this.has(byteCount + SPARE_BYTES);
  }

  /** Whether so many bytes, or all that there are, are in memory. Otherwise the next `fill` brings them. */
  has(byteCount: number): boolean {
    if (this.end - this.at >= byteCount || this.next === this.size) return true;
    this.wanted = byteCount;
    this.isShort = true;
    return false;
  }

  /** Brings the bytes that were found missing. Rejects with the file's errors, and OutOfBounds when it has shrunk. */
  async fill(): Promise<void> {
    if (!this.isShort) return;
    this.isShort = false;
    this.discard();
    const room = Math.max(this.wanted, CHUNK_BYTES);
    if (this.bytes.length < room || this.bytes.length > room * 4) {
      const bytes = Buffer.allocUnsafeSlow(room);
      this.bytes.copy(bytes, 0, 0, this.end);
      this.bytes = bytes;
    }
    const most = Math.min(this.bytes.length - this.end, this.size - this.next);
    for (let read = 0; read < most; ) {
      const count = await this.file.read(this.bytes.subarray(this.end, this.end + most - read), this.next);
      if (count === 0) throw new OutOfBounds();
      read += count;
      this.end += count;
      this.next += count;
    }
  }

  /** Lets go of the bytes that have been read. */
  private discard(): void {
    this.takeIn();
    this.bytes.copyWithin(0, this.at, this.end);
    this.base += this.at;
    this.end -= this.at;
    this.at = this.checkedUpTo = 0;
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

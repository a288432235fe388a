/**
 * Small helpers over bytes, and `Slice`: a run of bytes inside somebody else's buffer.
 *
 * Requests are decoded without copying: an argument is a slice of the read buffer. A slice is valid until the
 * handler that got it returns; what is kept longer must be copied (`copyOf`).
 */

/**
 * Below these lengths a plain loop beats a call into native code, which takes 60 ns to copy and more to compare. The
 * loop takes 1.4 ns a byte.
 */
const COPY_LOOP_BYTES_MAX = 40;
const COMPARE_LOOP_BYTES_MAX = 96;

const NOTHING = Buffer.alloc(0);

export class Slice {
  bytes: Buffer = NOTHING;
  offset = 0;
  length = 0;
  /** Set by the byte table that looked the bytes up, for the calls that follow. */
  hash = 0;

  /** Points this slice elsewhere and returns it. */
  set(bytes: Buffer, offset: number, length: number): this {
    this.bytes = bytes;
    this.offset = offset;
    this.length = length;
    return this;
  }

  /** The bytes as text, one char a byte (latin1), so that nothing binary is lost. */
  text(): string {
    return this.bytes.toString('latin1', this.offset, this.offset + this.length);
  }

  /** A buffer of its own with these bytes. */
  copyOf(): Buffer {
    return Buffer.from(this.bytes.subarray(this.offset, this.offset + this.length));
  }

  equals(other: Slice): boolean {
    return (
      this.length === other.length && sameBytes(this.bytes, this.offset, other.bytes, other.offset, this.length)
    );
  }
}

/** A slice over a whole buffer, or over a string taken as latin1. */
export function sliceOf(content: Buffer | string): Slice {
  const bytes = typeof content === 'string' ? Buffer.from(content, 'latin1') : content;
  return new Slice().set(bytes, 0, bytes.length);
}

/** The same bytes for reading and writing by words. */
export function viewOf({ buffer, byteOffset, length }: Buffer): DataView {
  return new DataView(buffer, byteOffset, length);
}

export function copyBytes(from: Buffer, fromOffset: number, to: Buffer, toOffset: number, length: number): void {
  if (length <= COPY_LOOP_BYTES_MAX) {
    for (let i = 0; i < length; i++) to[toOffset + i] = from[fromOffset + i]!;
  } else from.copy(to, toOffset, fromOffset, fromOffset + length);
}

export function sameBytes(a: Buffer, aOffset: number, b: Buffer, bOffset: number, length: number): boolean {
  if (length > COMPARE_LOOP_BYTES_MAX) {
    return a.compare(b, bOffset, bOffset + length, aOffset, aOffset + length) === 0;
  }
  for (let i = 0; i < length; i++) if (a[aOffset + i] !== b[bOffset + i]) return false;
  return true;
}

/** Below 0, 0 or above 0, as memcmp and then the lengths. */
export function compareBytes(
  a: Buffer, aOffset: number, aLength: number, b: Buffer, bOffset: number, bLength: number,
): number {
  const shared = aLength < bLength ? aLength : bLength;
  if (shared > COMPARE_LOOP_BYTES_MAX) {
    return a.compare(b, bOffset, bOffset + bLength, aOffset, aOffset + aLength);
  }
  for (let i = 0; i < shared; i++) {
    const difference = a[aOffset + i]! - b[bOffset + i]!;
    if (difference !== 0) return difference;
  }
  return aLength - bLength;
}

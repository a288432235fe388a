/**
 * The payload of DUMP and RESTORE: a value's form, the value, the version of the format, and a checksum.
 *
 *     | form, 1 | value ... | version, 2 | CRC-64 of all in front, 8 |
 */
import { CRC64_BYTES, Crc64 } from './crc64.js';
import { RdbError } from './rdb-error.js';
import { RdbInput } from './rdb-input.js';
import type { RdbOutput } from './rdb-output.js';
import { RDB_VERSION, RDB_VERSION_7_4, RdbType } from './rdb-types.js';
import { isKnownForm, readValue } from './value-reader.js';
import { finish, valueForm, writeValue } from './value-writer.js';
import type { Keyspace } from '../store/keyspace.js';
import type { Slice } from '../util/bytes.js';

const VERSION_BYTES = 2;
const FOOTER_BYTES = VERSION_BYTES + CRC64_BYTES;

/** The version in which values of this form are written. */
function versionOf(form: number): number {
  return form === RdbType.hashMetadata || form === RdbType.hashListpackEx ? RDB_VERSION_7_4 : RDB_VERSION;
}

/** Writes a bucket's payload to an output that is empty. */
export function writePayload(output: RdbOutput, db: Keyspace, ref: number): void {
  const form = valueForm(db, ref);
  output.byte(form);
  finish(writeValue(output, db, ref));
  output.reserve(FOOTER_BYTES);
  const { bytes, length } = output;
  bytes.writeUInt16LE(versionOf(form), length);
  new Crc64().update(bytes, 0, length + VERSION_BYTES).write(bytes, length + VERSION_BYTES);
  output.length += FOOTER_BYTES;
}

/** Whether the version is one that is read here and the checksum agrees. */
export function isPayload({ bytes, offset, length }: Slice): boolean {
  if (length < FOOTER_BYTES) return false;
  const versionAt = offset + length - FOOTER_BYTES;
  if (bytes.readUInt16LE(versionAt) > versionOf(bytes[offset]!)) return false;
  return new Crc64().update(bytes, offset, versionAt + VERSION_BYTES).matches(bytes, versionAt + VERSION_BYTES);
}

/**
 * Reads a payload into the bucket `key` of the workbench, which is empty, and gives its entry's ref. Throws RdbError
 * when the payload is damaged; then the workbench is empty again.
 */
export function readPayload({ bytes, offset, length }: Slice, workbench: Keyspace, key: Slice): number {
  const input = new RdbInput(bytes, offset, offset + length - FOOTER_BYTES);
  try {
    const form = input.byte();
    if (!isKnownForm(form)) throw new RdbError(`values of form ${form} are not known`);
    workbench.find(key);
    finish(readValue(form, input, workbench, key));
    return workbench.find(key);
  } catch (error) {
    const ref = workbench.find(key);
    if (ref !== 0) workbench.remove(key, ref);
    throw error;
  }
}

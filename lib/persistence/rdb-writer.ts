/**
 * Writing a snapshot as an RDB file of version 10, piece by piece; see persistence/snapshot.ts for who walks the store.
 *
 * What only Pigeonhole has is written so that redis-server loads the rest. A bucket that stays when it is empty has an
 * aux field behind it, or instead of it when it is empty: redis-server passes over fields that it does not know.
 *
 *     aux   pigeonhole-bucket   "<expiry in ms, 0 for none> <name>"
 */
import { type HeldBucket, SnapshotWriter, type TakeBytes, type WriteOptions } from './snapshot-writer.js';
import { Crc64 } from '../rdb/crc64.js';
import { holdValue, rdbForms } from '../rdb/held-values.js';
import { RdbOutput } from '../rdb/rdb-output.js';
import { Opcode, RDB_VERSION } from '../rdb/rdb-types.js';
import { finish, valueForm, writeValue } from '../rdb/value-writer.js';
import { REDIS_VERSION } from '../config/version.js';
import { HASH, accessOf, entryType, expiryOf, keySlice } from '../store/entry.js';
import { fieldCount, staysWhenEmpty } from '../store/hash-value.js';
import type { Keyspace } from '../store/keyspace.js';
import type { Store } from '../store/store.js';
import { Slice } from '../util/bytes.js';

export const BUCKET_FIELD = 'pigeonhole-bucket';

const CHECKSUM_BYTES = 8;

export class RdbWriter extends SnapshotWriter {
  private readonly crc = new Crc64();
  private readonly key = new Slice();

  constructor(
    private readonly store: Store,
    private readonly options: WriteOptions,
    take: TakeBytes,
  ) {
    super(options.compresses, take);
  }

  /** What stands in front of all buckets. Source: rdbSaveInfoAuxFields() in redis's rdb.c. */
  begin(nowMs: number): void {
    const { output, options } = this;
    const magic = Buffer.from(`REDIS${String(RDB_VERSION).padStart(4, '0')}`);
    output.raw(magic, 0, magic.length);
    writeAux(output, 'redis-ver', REDIS_VERSION);
    writeAux(output, 'redis-bits', '64');
    writeAux(output, 'ctime', String(Math.floor(nowMs / 1000)));
    writeAux(output, 'used-mem', String(this.store.arena.heldBytes));
    writeAux(output, 'aof-base', options.isLogBase ? '1' : '0');
    for (const library of options.functions) {
      output.byte(Opcode.function2);
      output.string(library, 0, library.length);
    }
  }

  beginDatabase(index: number, size: number, expiringSize: number): void {
    const { output } = this;
    this.select(index);
    output.byte(Opcode.resizeDb);
    output.count(size);
    output.count(expiringSize);
  }

  writeBucket(db: Keyspace, index: number, ref: number): void {
    const { output } = this;
    this.select(index);
    if (hasValue(db, ref)) {
      this.writeHead(output, db, ref);
      finish(writeValue(output, db, ref));
    }
    this.writeTail(output, ref);
    this.flush();
  }

  hold(db: Keyspace, index: number, ref: number): HeldBucket | undefined {
    const value = holdValue(db, ref, rdbForms, this.options.compresses);
    if (value === undefined) return undefined;
    const output = new RdbOutput(this.options.compresses);
    this.writeHead(output, db, ref);
    const head = output.takeBytes();
    this.writeTail(output, ref);
    return { index, head, tail: output.takeBytes(), value };
  }

  protected writeSelect(index: number): void {
    this.output.byte(Opcode.selectDb);
    this.output.count(index);
  }

  /** What stands in front of a bucket's value: what is known of its use, the form of the value, its name. */
  private writeHead(output: RdbOutput, db: Keyspace, ref: number): void {
    const { options } = this;
    const { arena, access } = this.store;
    const expiresAtMs = expiryOf(arena, ref);
    if (expiresAtMs !== 0) {
      output.byte(Opcode.expireTimeMs);
      output.int64(BigInt(expiresAtMs));
    }
    if (options.notesUse === 'idle') {
      output.byte(Opcode.idle);
      output.count(access.idleSeconds(accessOf(arena, ref)));
    } else if (options.notesUse === 'frequency') {
      output.byte(Opcode.frequency);
      output.byte(access.frequency(accessOf(arena, ref)));
    }
    output.byte(valueForm(db, ref));
    output.slice(keySlice(arena, ref, this.key));
  }

  /** What stands behind the value of a bucket that stays when it is empty. */
  private writeTail(output: RdbOutput, ref: number): void {
    const { arena } = this.store;
    if (entryType(arena, ref) !== HASH || !staysWhenEmpty(arena, ref)) return;
    writeAux(output, BUCKET_FIELD, `${expiryOf(arena, ref)} ${keySlice(arena, ref, this.key).text()}`);
  }

  protected sum(bytes: Buffer, start: number, end: number): void {
    if (this.options.hasChecksum) this.crc.update(bytes, start, end);
  }

  end(): void {
    const { output } = this;
    output.byte(Opcode.end);
    this.handOn();
    const checksum = Buffer.alloc(CHECKSUM_BYTES);
    if (this.options.hasChecksum) this.crc.write(checksum, 0);
    output.raw(checksum, 0, checksum.length);
    this.handOn();
  }
}

/** An empty bucket has none: Redis's files have no empty values. A stream is never without one. */
export function hasValue(db: Keyspace, ref: number): boolean {
  const { arena } = db.store;
  return entryType(arena, ref) !== HASH || !staysWhenEmpty(arena, ref) || fieldCount(db, ref) > 0;
}

function writeAux(output: RdbOutput, name: string, value: string): void {
  output.byte(Opcode.aux);
  output.text(name);
  output.text(value);
}

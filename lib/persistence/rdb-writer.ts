/**
 * Writing a snapshot as an RDB file of version 10, piece by piece; see persistence/snapshot.ts for who walks the store.
 *
 * What only Pigeonhole has is written so that redis-server loads the rest. A bucket that stays when it is empty has an
 * aux field behind it, or instead of it when it is empty: redis-server passes over fields that it does not know.
 *
 *     aux   pigeonhole-bucket   "<expiry in ms, 0 for none> <name>"
 */
import { Crc64 } from '../rdb/crc64.js';
import { RdbOutput } from '../rdb/rdb-output.js';
import { Opcode, RDB_VERSION } from '../rdb/rdb-types.js';
import { type Steps, finish, valueForm, writeValue } from '../rdb/value-writer.js';
import { REDIS_VERSION } from '../config/version.js';
import { HASH, accessOf, entryType, expiryOf, keySlice } from '../store/entry.js';
import { fieldCount, staysWhenEmpty } from '../store/hash-value.js';
import type { Keyspace } from '../store/keyspace.js';
import type { Store } from '../store/store.js';
import { Slice } from '../util/bytes.js';

export const BUCKET_FIELD = 'pigeonhole-bucket';

export interface WriteOptions {
  /** `rdbcompression` and `rdbchecksum`. */
  compresses: boolean;
  hasChecksum: boolean;
  /** Whether, and how, it is noted when or how often buckets were used. */
  notesUse: 'idle' | 'frequency' | undefined;
  /** It is the base of an append log. */
  isLogBase: boolean;
  /** Libraries of functions that were read from a file and are kept. */
  functions: readonly Buffer[];
}

/** Takes the file's bytes, in order; they are its own from then on. */
export type TakeBytes = (bytes: Buffer) => void;

const TAKEN_BYTES = 128 * 1024;
const CHECKSUM_BYTES = 8;

export class RdbWriter {
  private readonly output: RdbOutput;
  private readonly crc = new Crc64();
  private readonly key = new Slice();
  /** The database that was selected last. */
  private selected = -1;
  /** While a large value is being written: the buckets that come behind it. */
  private behind: RdbOutput | undefined;
  private readonly fullBehind: Buffer[] = [];

  constructor(
    private readonly store: Store,
    private readonly options: WriteOptions,
    private readonly take: TakeBytes,
  ) {
    this.output = new RdbOutput(options.compresses);
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

  /** Says how many buckets a database has, and how many of them expire. */
  beginDatabase(index: number, size: number, expiringSize: number): void {
    const output = this.behind ?? this.output;
    this.select(output, index);
    output.byte(Opcode.resizeDb);
    output.count(size);
    output.count(expiringSize);
  }

  /** Writes a bucket, which was in database `index` at the moment of the snapshot, at one go. */
  writeBucket(db: Keyspace, index: number, ref: number): void {
    const output = this.behind ?? this.output;
    this.select(output, index);
    finish(this.writeRecord(output, db, ref));
    if (output === this.output) this.flush();
    else if (output.length >= TAKEN_BYTES) this.fullBehind.push(output.takeBytes());
  }

  /**
   * Writes a bucket piece by piece, and hands on the pieces. Its value must not change until that is done. Other
   * buckets may be written meanwhile: they come behind it.
   */
  *writeLargeBucket(db: Keyspace, index: number, ref: number): Steps {
    const { output } = this;
    this.select(output, index);
    this.behind = new RdbOutput(this.options.compresses);
    const steps = this.writeRecord(output, db, ref);
    while (steps !== undefined && steps.next().done !== true) {
      this.flush();
      yield;
    }
    this.handOn(output.takeBytes());
    for (const bytes of this.fullBehind.splice(0)) this.handOn(bytes);
    this.handOn(this.behind.takeBytes());
    this.behind = undefined;
  }

  private select(output: RdbOutput, index: number): void {
    if (index === this.selected) return;
    this.selected = index;
    output.byte(Opcode.selectDb);
    output.count(index);
  }

  private writeRecord(output: RdbOutput, db: Keyspace, ref: number): Steps | undefined {
    const { arena } = this.store;
    if (entryType(arena, ref) !== HASH || !staysWhenEmpty(arena, ref)) return this.writeValue(output, db, ref);
    return this.writeKeptBucket(output, db, ref);
  }

  private *writeKeptBucket(output: RdbOutput, db: Keyspace, ref: number): Steps {
    const { arena } = this.store;
    const field = `${expiryOf(arena, ref)} ${keySlice(arena, ref, this.key).text()}`;
    const steps = fieldCount(db, ref) > 0 ? this.writeValue(output, db, ref) : undefined;
    if (steps !== undefined) yield* steps;
    writeAux(output, BUCKET_FIELD, field);
  }

  private writeValue(output: RdbOutput, db: Keyspace, ref: number): Steps | undefined {
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
    return writeValue(output, db, ref);
  }

  /** Hands on what has gathered, when it is enough. */
  flush(): void {
    if (this.output.length >= TAKEN_BYTES) this.handOn(this.output.takeBytes());
  }

  private handOn(bytes: Buffer): void {
    if (this.options.hasChecksum) this.crc.update(bytes);
    if (bytes.length > 0) this.take(bytes);
  }

  /** What stands behind all buckets. */
  end(): void {
    this.output.byte(Opcode.end);
    this.handOn(this.output.takeBytes());
    const checksum = Buffer.alloc(CHECKSUM_BYTES);
    if (this.options.hasChecksum) this.crc.write(checksum, 0);
    this.take(checksum);
  }
}

function writeAux(output: RdbOutput, name: string, value: string): void {
  output.byte(Opcode.aux);
  output.text(name);
  output.text(value);
}

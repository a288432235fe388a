/**
 * Writing the base of the append log as commands (`aof-use-rdb-preamble no`), piece by piece; see snapshot.ts for who
 * walks the store. redis-server loads it; how buckets were used is not in it, there as here.
 *
 * It begins with an empty seal and ends with one of everything (seal.ts). So a file that was cut or changed since is
 * told from a whole one, which redis-server's commands alone do not allow.
 */
import { crc32 } from 'node:zlib';
import { hasValue } from './rdb-writer.js';
import { sealOf, sealOfSum } from './seal.js';
import { type HeldBucket, SnapshotWriter, type TakeBytes, type WriteOptions } from './snapshot-writer.js';
import { CREATION_MARK } from '../commands/bucket.js';
import { type HeldForms, holdValue } from '../rdb/held-values.js';
import { RdbOutput } from '../rdb/rdb-output.js';
import { commandForms, writeCommand, writeValueCommands } from '../rdb/value-commands.js';
import { HASH, entryType, expiryOf, keySlice } from '../store/entry.js';
import { staysWhenEmpty } from '../store/hash-value.js';
import type { Keyspace } from '../store/keyspace.js';
import type { Store } from '../store/store.js';
import { Slice, sliceOf } from '../util/bytes.js';

const NO_BYTES = Buffer.alloc(0);

export class CommandWriter extends SnapshotWriter {
  private readonly key = new Slice();
  private readonly forms: HeldForms;
  /** CRC-32 of what was handed on. */
  private crc = 0;
  private sealBytes = 0;

  constructor(
    private readonly store: Store,
    private readonly options: WriteOptions,
    take: TakeBytes,
  ) {
    super(false, take);
    this.forms = commandForms(store.arena);
  }

  begin(nowMs: number): void {
    this.writeLine(sealOf([], 0, 0));
    this.handOn();
    this.sealBytes = this.writtenBytes;
    this.crc = 0;
    if (this.options.notesTime === true) this.writeLine(`#TS:${Math.floor(nowMs / 1000)}\r\n`);
    for (const library of this.options.functions) writeCommand(this.output, 'FUNCTION', 'LOAD', sliceOf(library));
  }

  beginDatabase(index: number): void {
    this.select(index);
  }

  protected writeSelect(index: number): void {
    writeCommand(this.output, 'SELECT', String(index));
  }

  writeBucket(db: Keyspace, index: number, ref: number): void {
    this.select(index);
    if (hasValue(db, ref)) writeValueCommands(this.output, db, ref);
    this.writeTail(this.output, ref);
    this.flush();
  }

  hold(db: Keyspace, index: number, ref: number): HeldBucket | undefined {
    const value = holdValue(db, ref, this.forms, false);
    if (value === undefined) return undefined;
    const tail = new RdbOutput(false);
    this.writeTail(tail, ref);
    return { index, head: NO_BYTES, tail: tail.takeBytes(), value };
  }

  /** What stands behind the value: that the bucket stays when it is empty, and when it expires. */
  private writeTail(output: RdbOutput, ref: number): void {
    const { arena } = this.store;
    const name = keySlice(arena, ref, this.key);
    if (entryType(arena, ref) === HASH && staysWhenEmpty(arena, ref)) {
      writeCommand(output, 'ECHO', sliceOf(Buffer.concat([CREATION_MARK, name.copyOf()])));
    }
    const expiresAtMs = expiryOf(arena, ref);
    if (expiresAtMs !== 0) writeCommand(output, 'PEXPIREAT', name, String(expiresAtMs));
  }

  end(): void {
    this.handOn();
    this.writeLine(sealOfSum(this.crc, this.writtenBytes - this.sealBytes, 0));
    this.handOn();
  }

  private writeLine(line: string): void {
    const bytes = Buffer.from(line, 'latin1');
    this.output.raw(bytes, 0, bytes.length);
  }

  protected sum(bytes: Buffer, start: number, end: number): void {
    this.crc = crc32(bytes.subarray(start, end), this.crc);
  }
}

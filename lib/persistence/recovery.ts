/**
 * Recovery: the state that a log describes, loaded into the store before a node serves anybody. The files that the
 * manifest names are run in order, through the same handlers that clients' requests go through, at a time at which
 * nothing expires.
 *
 * The end of the last increment may be torn, by a crash or by the loss of power: it is cut off where it was never safe.
 * Anything else that is wrong stops the start. Nothing is guessed, and nothing is left out in silence.
 */

import type { DataFile } from './file-system.js';
import type { LoadProgress } from './load-progress.js';
import type { LogFolder } from './log-folder.js';
import { type Damage, LogReader, RecordError } from './log-reader.js';
import { RdbFileError, RdbReader } from './rdb-reader.js';
import { codeOf, reasonOf } from './system-error.js';
import type { LogFileEntry, Manifest } from './manifest.js';
import { CREATION_MARK } from '../commands/bucket.js';
import type { Command } from '../commands/table.js';
import type { NodeState } from '../execution/node-state.js';
import { Session } from '../execution/session.js';
import { detached } from '../execution/detached.js';
import { CommandError } from '../errors.js';
import { Args, setArgs } from '../protocol/args.js';
import { ReplyWriter } from '../protocol/reply-writer.js';

/** Why a node does not start with what is in its folder; the message names file and offset, and what to do. */
export class RecoveryError extends Error {}

export interface RecoveryParts {
  node: NodeState;
  folder: LogFolder;
  /** `aof-load-truncated`. */
  mayCut: boolean;
  progress: LoadProgress;
}

/** How long other things wait at most. */
const SLICE_US = 10_000;
const WARNINGS_MAX = 10;

export class Recovery {
  private readonly session: Session;
  private readonly reply = new ReplyWriter();
  private warnings = 0;
  private pausedAtUs: number;
  /** Bytes of the files before the one that is being read. */
  private bytesBefore = 0;
  records = 0;
  /** The file that is being read is the base. */
  private isBase = false;
  /** And it was put in its place when it was written to its end; a log of one file, from before Redis 7, was not. */
  private isWhole = false;
  /** Libraries of functions that a base of commands has. */
  private functions: Buffer[] = [];

  constructor(private readonly parts: RecoveryParts) {
    const { node } = parts;
    this.session = new Session(0, node, node.store, detached);
    this.session.isAuthenticated = true;
    this.pausedAtUs = node.clock.elapsedUs();
  }

  /** Loads the files of a manifest; the store is empty before. Rejects with RecoveryError. */
  async load(manifest: Manifest): Promise<void> {
    const { store } = this.parts.node;
    while (!(await this.loadOnce(manifest))) store.empty(store.databases);
    store.changes = 0;
  }

  /** False when the log had to be cut in front of records that were run: then it is to be loaded anew. */
  private async loadOnce({ files, base }: Manifest): Promise<boolean> {
    const { progress } = this.parts;
    progress.totalBytes = progress.loadedBytes = this.bytesBefore = this.records = 0;
    const sizes = new Map<LogFileEntry, number>();
    for (const entry of files) sizes.set(entry, await this.sizeOf(entry));
    for (const size of sizes.values()) progress.totalBytes += size;
    for (const [index, entry] of files.entries()) {
      const isLast = files.slice(index + 1).every((later) => sizes.get(later) === 0);
      this.session.db = this.parts.node.store.databases[0]!;
      this.isBase = entry === base;
      this.isWhole = this.isBase && WHOLE.test(entry.name);
      if (!(await this.loadFile(entry, isLast))) return false;
    }
    return true;
  }

  private async sizeOf(entry: LogFileEntry): Promise<number> {
    const { folder } = this.parts;
    const path = folder.pathOf(entry);
    try {
      const file = await folder.files.open(path, 'read');
      try {
        return await file.size();
      } finally {
        await file.close();
      }
    } catch (error) {
      if (codeOf(error) === 'ENOENT') throw new RecoveryError(`The AOF file ${path} doesn't exist, and the manifest names it`);
      throw new RecoveryError(`The AOF file ${path} can't be opened: ${reasonOf(error)}`, { cause: error });
    }
  }

  /** Loads one file. False when everything is to be loaded anew. */
  private async loadFile(entry: LogFileEntry, isLast: boolean): Promise<boolean> {
    const { folder, node } = this.parts;
    const path = folder.pathOf(entry);
    const file = await folder.files.open(path, 'read');
    try {
      const size = await file.size();
      const from = await this.loadSnapshot(file, path, size);
      const reader = new LogReader(file, size, {
        run: (args) => this.run(args),
        pause: (offset) => this.pause(offset, size),
      }, from);
      this.functions = [];
      const damage = (await this.read(reader, path)) ?? this.missingEnd(reader, size);
      if (this.functions.length > 0) node.keepFunctions(this.functions, 'The base of the append log');
      this.bytesBefore += size;
      this.records += reader.records;
      if (damage === undefined) return true;
      await this.cut(path, reader, damage, isLast);
      return damage.isCutShort;
    } finally {
      await file.close();
      node.beginBatch();
    }
  }

  /** Loads the snapshot that a base is, or begins with. Gives where it ends; 0 when there is none. */
  private async loadSnapshot(file: DataFile, path: string, size: number): Promise<number> {
    const magic = Buffer.alloc(SNAPSHOT_MAGIC.length);
    await file.read(magic, 0);
    if (!magic.equals(SNAPSHOT_MAGIC)) {
      if (!path.endsWith(SNAPSHOT_ENDING)) return 0;
      throw this.refusal(path, 0, 'it is no snapshot');
    }
    this.beginSlice();
    const { node } = this.parts;
    const reader = new RdbReader(node.store, file, size, { leavesOutExpired: false });
    try {
      const { endOffset, functions } = await reader.readAll((offset) => this.pause(offset, size));
      node.keepFunctions(functions, 'The base of the append log');
      return endOffset;
    } catch (error) {
      const where = error instanceof RdbFileError ? ` at offset ${error.offset}` : '';
      node.log.error(`The snapshot ${path} could not be loaded`);
      throw new RecoveryError(
        `The base of the append log ${path} is damaged${where}: ${reasonOf(error)}. ` +
          `Look at it with redis-check-aof ${this.parts.folder.manifestPath}`,
        { cause: error },
      );
    }
  }

  private async read(reader: LogReader, path: string): Promise<Damage | undefined> {
    this.beginSlice();
    try {
      return await reader.readAll();
    } catch (error) {
      if (!(error instanceof RecordError)) throw new RecoveryError(`Unrecoverable error reading the append only file ${path}: ${reasonOf(error)}`);
      throw this.refusal(path, error.offset, error.message);
    }
  }

  /** A base of commands that was written here begins with a seal and ends with one (command-writer.ts). */
  private missingEnd(reader: LogReader, size: number): Damage | undefined {
    if (!this.isWhole || reader.seals === 0 || (reader.seals > 1 && reader.sealedUpTo === size)) return undefined;
    return { offset: size, reason: 'its end is missing', isCutShort: true };
  }

  /** Cuts off what is torn. Rejects with RecoveryError when it is not torn but damaged, or when it must stay. */
  private async cut(path: string, reader: LogReader, damage: Damage, isLast: boolean): Promise<void> {
    const { folder, node, mayCut } = this.parts;
    const { offset, reason, isCutShort } = damage;
    if (this.isWhole) throw this.refusal(path, offset, `${reason}, and a base is whole when it gets its name`);
    if (!isLast) throw this.refusal(path, offset, `${reason}, and there are later files`);
    const isTorn = (isCutShort || reader.hasSeals) && !(await reader.wasSafe(offset));
    if (!isTorn) throw this.refusal(path, offset, reason);
    if (!mayCut) throw this.refusal(path, offset, `${reason}; with aof-load-truncated yes it is cut off there`);
    const upTo = isCutShort ? reader.wholeUpTo : reader.sealedUpTo;
    const file = await folder.files.open(path, 'write');
    try {
      const lost = (await file.size()) - upTo;
      await file.truncate(upTo);
      await file.sync();
      node.log.warning(`AOF ${path} was not written to its end (${reason} at offset ${offset}): ${lost} bytes were cut off`);
    } finally {
      await file.close();
    }
  }

  private refusal(path: string, offset: number, reason: string): RecoveryError {
    return new RecoveryError(
      `Bad file format reading the append only file ${path} at offset ${offset}: ${reason}. ` +
        `Make a backup, then use redis-check-aof --fix ${this.parts.folder.manifestPath}`,
    );
  }

  // ---- between records

  /** Lets other things happen, when they have waited, and says once a second how far it is. */
  private async pause(offset: number, size: number): Promise<void> {
    const { node, progress } = this.parts;
    progress.note(this.bytesBefore + Math.min(offset, size));
    if (node.clock.elapsedUs() - this.pausedAtUs < SLICE_US) return;
    await new Promise(setImmediate);
    this.beginSlice();
  }

  /** Nothing expires while the log is loaded: that it did has a record of its own. */
  private beginSlice(): void {
    const { node } = this.parts;
    node.beginBatch();
    node.store.nowMs = 0;
    this.pausedAtUs = node.clock.elapsedUs();
  }

  // ---- records

  private run(args: Args): void {
    const { node } = this.parts;
    if (this.isBase && args.count === 3 && args.is(0, 'FUNCTION') && args.is(1, 'LOAD')) {
      this.functions.push(args.copy(2));
      return;
    }
    const command = node.table.findWhole(args);
    if (command?.handler === undefined) {
      const name = args.textStart(0, TEXT_BYTES_MAX);
      throw new Error(`unknown command '${name}', which BGREWRITEAOF on the server that wrote it puts into the base`);
    }
    if (!command.takes(args.count)) throw new Error(`wrong number of arguments for '${command.fullName}'`);
    const { name } = command;
    // redis-server records a PFCOUNT, which keeps its count in the value, and is no write.
    if (command.isRecorded || command.isReadOnly || name === 'select') this.call(command, args);
    else if (name === 'echo') this.runMark(args);
    else throw new Error(`the command '${command.fullName}' does not belong in a log`);
  }

  private call(command: Command, args: Args): void {
    const { session, reply } = this;
    try {
      command.handler!(session, args, reply);
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      if (this.warnings++ < WARNINGS_MAX) {
        this.parts.node.log.warning(`The log has a '${command.fullName}' that is refused: ${error.message}`);
      }
    }
    reply.rewind(0);
  }

  /** See CREATION_MARK. Any other ECHO does nothing. */
  private runMark(args: Args): void {
    const text = args.copy(1);
    const { length } = CREATION_MARK;
    if (CREATION_MARK.compare(text, 0, Math.min(length, text.length)) !== 0) return;
    const create = setArgs(new Args(), ['BUCKET', 'CREATE', text.subarray(length)]);
    this.call(this.parts.node.table.findWhole(create)!, create);
  }
}

const SNAPSHOT_MAGIC = Buffer.from('REDIS');
/** A file with this name is a snapshot, and not an older log that may begin with one, or be empty. */
const SNAPSHOT_ENDING = '.base.rdb';
const WHOLE = /\.base\.(rdb|aof)$/;
const TEXT_BYTES_MAX = 128;

/**
 * The append log: records of what commands changed, as RESP, on their way to the current increment. Its front is the
 * `Recorder` that execution writes to; behind it are the buffer and the writer of one file.
 *
 * Positions run on over all increments, so that who waits for one need not know of files.
 */
import type { DataFile } from './file-system.js';
import { Gathering } from './gathering.js';
import { LogBuffer } from './log-buffer.js';
import { LogWriter, type SyncRules, type WriterEvents } from './log-writer.js';
import type { DurabilityWaiter, Recorder } from '../execution/propagation.js';
import type { Args } from '../protocol/args.js';
import { ReplyWriter } from '../protocol/reply-writer.js';
import type { Clock } from '../util/clock.js';

/**
 * The log is behind: with so many bytes not written, or kept in memory because they are not safe, or an operation that
 * takes so long, writers must wait.
 */
const UNWRITTEN_BYTES_MAX = 32 * 1024 * 1024;
const KEPT_BYTES_MAX = 48 * 1024 * 1024;
/** Within a turn of the event loop it is looked whether it is behind when so much has been recorded. */
const LOOK_BYTES = 1024 * 1024;
/**
 * What the node removes by itself is recorded while writers wait or are refused, too. When that has come to so much,
 * the log is given up and made anew from memory.
 */
const GIVEN_UP_BYTES = 64 * 1024 * 1024;
const OPERATION_US_MAX = 2_000_000;

const MULTI = '*1\r\n$5\r\nMULTI\r\n';
const EXEC = '*1\r\n$4\r\nEXEC\r\n';

export interface LogEvents {
  onFailure(operation: 'write' | 'sync', error: unknown): void;
  onRecovery(): void;
  onDone(operation: 'write' | 'sync', durationUs: number): void;
}

interface Waiting {
  position: number;
  waiter: DurabilityWaiter;
}

export class AppendLog implements Recorder {
  durable = 0;
  /** What is on the disk, though nobody is told yet: the base in front of it is not there (see `holdBack`). */
  private safe = 0;
  private isHeldBack = false;
  /** `aof-timestamp-enabled`: the second is noted when it is another than that of the record before. */
  notesTime = false;
  /** Called when much has been appended in one turn, to look whether the log is behind. */
  onTurn: () => void = () => undefined;

  private buffer: LogBuffer;
  private writer: LogWriter;
  /** The writer of the file before, as long as it has something to write; the current one waits for it. */
  private retiring: LogWriter | undefined;
  /** The position of the current file's first byte. */
  private base = 0;
  /** The database that the records before have selected; -1 when none is. */
  private database = -1;
  private isTransaction = false;
  private isMultiOwed = false;
  private isScheduled = false;
  /** Where it is to be looked next whether the log is behind. */
  private lookAt = 0;
  /** Why nothing is recorded: the log is to be made anew. */
  private lost: Error | undefined;
  private notedSecond = 0;
  private waiting: Waiting[] = [];
  /** How many records there have been, how many of them a write has taken, and how many are on the disk. */
  private records = 0;
  private taken = 0;
  private synced = 0;
  private readonly gathering = new Gathering(() => this.records - this.taken, () => this.writer.wake());
  private readonly encoded = new ReplyWriter(4096);

  /** Goes on at the end of a file, `size` bytes from its start. */
  constructor(
    file: DataFile,
    size: number,
    readonly rules: SyncRules,
    private readonly clock: Clock,
    private readonly events: LogEvents,
  ) {
    this.buffer = new LogBuffer(size);
    this.writer = this.newWriter(file, Promise.resolve());
    this.durable = this.safe = size;
  }

  private newWriter(file: DataFile, mayBegin: Promise<void>): LogWriter {
    const { base, buffer } = this;
    const events: WriterEvents = {
      mayWrite: () => this.mayWrite(),
      onSafe: (offset) => this.onSafe(buffer, base, offset),
      onFailure: (operation, error) => this.onFailure(operation, error),
      onRecovery: () => this.events.onRecovery(),
      onDone: (operation, durationUs) => this.events.onDone(operation, durationUs),
    };
    return new LogWriter(file, buffer, this.rules, this.clock, events, mayBegin);
  }

  /**
   * Goes on in another file, which is empty. What was recorded before is brought to the disk first, so that the files
   * together are the log without a gap, whatever happens.
   */
  switchTo(file: DataFile): void {
    const { writer } = this;
    this.base = this.position;
    this.buffer = new LogBuffer(0);
    this.database = -1;
    this.lookAt = 0;
    this.retiring = writer;
    const drained = writer.drain().then(async () => {
      if (this.retiring === writer) this.retiring = undefined;
      await writer.close();
    });
    this.writer = this.newWriter(file, drained);
  }

  /**
   * Nothing of this log is believed any more, and nothing is recorded until it goes on in another file, in front of
   * which stands a base with everything.
   */
  giveUp(reason: Error): void {
    this.lost = reason;
    this.retiring?.stop();
    void this.writer.close().catch(() => undefined);
    this.abandon();
  }

  /** Goes on in a file that is empty, after `giveUp`. */
  beginAnew(file: DataFile): void {
    this.base = this.position;
    this.lost = this.retiring = undefined;
    this.buffer = new LogBuffer(0);
    this.database = -1;
    this.isTransaction = false;
    this.lookAt = 0;
    this.writer = this.newWriter(file, Promise.resolve());
  }

  // ---- records

  get position(): number {
    return this.base + this.buffer.end;
  }

  /** Bytes of the current file, those included that are not written yet. */
  get size(): number {
    return this.buffer.end;
  }

  /** Bytes that are not written. */
  get unwritten(): number {
    return this.buffer.end - this.writer.written + (this.retiring?.unwritten ?? 0);
  }

  get isSyncing(): boolean {
    return this.writer.busySinceUs !== undefined && this.unwritten === 0;
  }

  /** Bytes that are held in memory until they are safe. */
  get kept(): number {
    return this.writer.kept + (this.retiring?.kept ?? 0);
  }

  get failure(): unknown {
    return this.lost ?? this.retiring?.failure ?? this.writer.failure;
  }

  /** So much has gathered that it is better to begin anew. */
  get isOverfull(): boolean {
    return this.lost === undefined && this.kept > GIVEN_UP_BYTES && !this.isTransaction;
  }

  get holdsReplies(): boolean {
    return this.rules.policy === 'always';
  }

  request(database: number, args: Args): void {
    if (this.lost !== undefined) return;
    this.prepare(database);
    const { start, end } = args;
    if (end > start && isPlain(args)) this.buffer.append(args.bytes, start, end - start);
    else this.appendArgs(args);
    this.afterRecord();
  }

  requests(database: number, resp: readonly Buffer[]): void {
    if (this.lost !== undefined) return;
    this.prepare(database);
    for (const bytes of resp) this.buffer.append(bytes, 0, bytes.length);
    this.afterRecord();
  }

  private afterRecord(): void {
    if (!this.isScheduled) this.schedule();
    if (this.buffer.end < this.lookAt) return;
    this.lookAt = this.buffer.end + LOOK_BYTES;
    this.onTurn();
  }

  /** A request that has no bytes of its own, or some that a careless client wrote. */
  private appendArgs(args: Args): void {
    const { encoded } = this;
    encoded.array(args.count);
    for (let i = 0; i < args.count; i++) encoded.bulk(args.bytes, args.offsets[i], args.lengths[i]);
    for (const bytes of encoded.take()) this.buffer.append(bytes, 0, bytes.length);
    encoded.reuse();
  }

  /** Whatever must stand in front of a record for this database. */
  private prepare(database: number): void {
    this.records++;
    if (this.notesTime) this.noteTime();
    if (database !== this.database) {
      const digits = String(database);
      this.buffer.appendText(`*2\r\n$6\r\nSELECT\r\n$${digits.length}\r\n${digits}\r\n`);
      this.database = database;
    }
    if (this.isMultiOwed) {
      this.isMultiOwed = false;
      this.isTransaction = true;
      this.buffer.appendText(MULTI);
    }
  }

  private noteTime(): void {
    const second = Math.floor(this.clock.nowMs() / 1000);
    if (second === this.notedSecond || this.isTransaction) return;
    this.notedSecond = second;
    this.buffer.appendText(`#TS:${second}\r\n`);
  }

  beginTransaction(): void {
    this.isMultiOwed = true;
  }

  endTransaction(): void {
    this.isMultiOwed = false;
    if (!this.isTransaction) return;
    this.isTransaction = false;
    if (this.lost === undefined) this.buffer.appendText(EXEC);
  }

  // ---- towards the disk

  /** What a turn of the event loop has recorded is written at its end. */
  private schedule(): void {
    this.isScheduled = true;
    setImmediate(this.onTurnEnd);
  }

  private readonly onTurnEnd = (): void => {
    this.isScheduled = false;
    if (this.lost === undefined && this.gathering.isOver()) this.writer.wake();
    this.onTurn();
  };

  /** The write that follows takes all. */
  private mayWrite(): boolean {
    if (!this.gathering.isOver()) return false;
    this.taken = this.records;
    return true;
  }

  /** Settings have changed. */
  wake(): void {
    this.writer.wake();
  }

  /** Whether the disk does not keep up, so that what writes must wait. */
  get isBehind(): boolean {
    const { busySinceUs } = this.retiring ?? this.writer;
    if (this.lost !== undefined) return false;
    if (this.unwritten > UNWRITTEN_BYTES_MAX || this.kept > KEPT_BYTES_MAX) return true;
    return busySinceUs !== undefined && this.unwritten > 0 && this.clock.elapsedUs() - busySinceUs > OPERATION_US_MAX;
  }

  /** Resolves when everything recorded so far is on the disk. Rejects when the disk does not take it. */
  flush(): Promise<void> {
    return this.lost === undefined ? this.writer.flush() : Promise.reject(this.lost);
  }

  /** Syncs and closes the file. Rejects when the disk does not take what is left, and closes all the same. */
  async close(): Promise<void> {
    const { retiring, lost } = this;
    if (lost !== undefined) throw lost;
    try {
      await retiring?.flush();
      await this.writer.flush();
    } finally {
      this.gathering.stop();
      retiring?.stop();
      await this.writer.close();
      this.abandon();
    }
  }

  // ---- who waits

  whenDurable(position: number, waiter: DurabilityWaiter): void {
    if (position <= this.durable) waiter.onDurable();
    else if (this.failure !== undefined) waiter.onNotDurable();
    else this.waiting.push({ position, waiter });
  }

  private onSafe(buffer: LogBuffer, base: number, offset: number): void {
    buffer.release(offset);
    // A writer that was given up may come to its end all the same: nobody is told.
    if (this.lost !== undefined || base + offset <= this.safe) return;
    this.safe = base + offset;
    if (this.holdsReplies && buffer === this.buffer) this.gathering.begin(this.taken - this.synced);
    this.synced = this.taken;
    if (!this.isHeldBack) this.tellSafe();
  }

  /** Nothing counts as durable until `letGo`: what is written is of no use before there is a base in front of it. */
  holdBack(): void {
    this.isHeldBack = true;
  }

  letGo(): void {
    this.isHeldBack = false;
    this.tellSafe();
  }

  private tellSafe(): void {
    this.durable = this.safe;
    if (this.waiting.length === 0) return;
    const done = this.waiting.filter(({ position }) => position <= this.durable);
    this.waiting = this.waiting.filter(({ position }) => position > this.durable);
    for (const { waiter } of done) waiter.onDurable();
  }

  /** Nobody is left to wait for what may never come: whether their writes are kept is open. */
  private onFailure(operation: 'write' | 'sync', error: unknown): void {
    this.events.onFailure(operation, error);
    this.abandon();
  }

  private abandon(): void {
    const { waiting } = this;
    this.waiting = [];
    for (const { waiter } of waiting) waiter.onNotDurable();
  }
}

const CR = 13;
const LF = 10;
const STAR = 42;

/**
 * Whether the bytes that a request came as are what the log has: line ends as they should be. The decoder, as that of
 * redis-server, passes over what stands in the place of an LF; whoever reads the log does not.
 */
function isPlain(args: Args): boolean {
  const { bytes, start, count, offsets, lengths } = args;
  if (bytes[start] !== STAR) return false;
  const lineEnd = start + (count < 10 ? 2 : 1 + String(count).length);
  if (bytes[lineEnd] !== CR || bytes[lineEnd + 1] !== LF) return false;
  for (let i = 0; i < count; i++) {
    const offset = offsets[i]!;
    const behind = offset + lengths[i]!;
    if (bytes[offset - 1] !== LF || bytes[behind] !== CR || bytes[behind + 1] !== LF) return false;
  }
  return true;
}

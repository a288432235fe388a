/**
 * Keeps the snapshot file of a node, `dump.rdb`: loads it at the start, writes it for SAVE and BGSAVE and when the save
 * points say so. A snapshot is written beside the file, synced, and put in its place; then the folder is synced. So the
 * old file is there until the new one is whole, and a snapshot that fails leaves nothing behind.
 */
import { dirname, join, resolve } from 'node:path';
import type { DataFile, FileSystem } from './file-system.js';
import type { FolderHold } from './folder-hold.js';
import { LoadProgress } from './load-progress.js';
import { PersistenceError } from './persistence-error.js';
import { RdbFileError, RdbReader } from './rdb-reader.js';
import { snapshotOptions } from './snapshot-options.js';
import { Snapshot, type WritableFile } from './snapshot.js';
import type { SnapshotTurn } from './snapshot-turn.js';
import { codeOf, reasonOf } from './system-error.js';
import type { ReloadOptions, SnapshotServices } from '../commands/context.js';
import { hasNoFolder, snapshotFailed } from '../errors.js';
import type { NodeState } from '../execution/node-state.js';
import { refuseWrites } from '../execution/refusals.js';
import { isAlive } from '../util/is-alive.js';

const LOOK_PERIOD_MS = 100;
/** After a failure the save points wait so long before the next attempt. */
const RETRY_MS = 5000;
/** Other things wait so long at most while the file is loaded. */
const SLICE_US = 10_000;
/** What a process that was killed left behind; redis-server's have a name of this form too. */
const TEMPORARY = /^temp-(?:bg-)?(\d+)(?:-\d+)?\.rdb$/;

/** For the names of files that are being written, all over the process. */
let written = 0;

/** A file that may still be on its way to be opened. */
class OpeningFile implements WritableFile {
  constructor(private readonly file: Promise<DataFile>) {}

  async write(pieces: readonly Buffer[], position: number): Promise<number> {
    return (await this.file).write(pieces, position);
  }

  async sync(): Promise<void> {
    await (await this.file).sync();
  }
}

export class SnapshotKeeper implements SnapshotServices {
  lastSavedAtMs: number;
  lastStatus: 'ok' | 'err' = 'ok';
  lastSeconds = -1;
  lastWaitingBytes = 0;
  saves = 0;
  keysLoaded = 0;
  keysExpired = 0;
  startedAtMs: number | undefined;
  isScheduled = false;
  loading: LoadProgress | undefined;
  /** What is being written. */
  snapshot: Snapshot | undefined;
  private changesAtSave = 0;
  private triedAtMs = 0;
  /** Resolves when nothing is being written. */
  private work: Promise<void> = Promise.resolve();
  private isStopped = false;
  private timer: NodeJS.Timeout | undefined;
  private points: { ms: number; changes: number }[] = [];

  constructor(
    private readonly node: NodeState,
    private readonly files: FileSystem,
    private readonly turn: SnapshotTurn,
    private readonly hold: FolderHold,
  ) {
    this.lastSavedAtMs = node.startedAtMs;
    const { settings } = node;
    settings.watch('save', () => {
      const words = settings.text('save').split(' ').map(Number);
      this.points = [];
      for (let i = 0; i + 1 < words.length; i += 2) this.points.push({ ms: words[i]! * 1000, changes: words[i + 1]! });
      this.judge();
    });
    settings.watch('stop-writes-on-bgsave-error', () => this.judge());
  }

  get isSaving(): boolean {
    return this.startedAtMs !== undefined;
  }

  get hasFolder(): boolean {
    return this.node.settings.text('dir') !== '';
  }

  get hasPoints(): boolean {
    return this.points.length > 0;
  }

  get changesSinceSave(): number {
    return this.node.store.changes - this.changesAtSave;
  }

  private get path(): string {
    const { settings } = this.node;
    return join(resolve(settings.text('dir')), settings.text('dbfilename'));
  }

  // ---- writing

  /** SAVE, and the last snapshot before the node ends: of this moment, or of when what is being written has ended. */
  save(): Promise<void> {
    if (!this.hasFolder) return Promise.reject(hasNoFolder());
    return this.run(async () => {
      await this.write();
      this.note('ok');
    });
  }

  /** BGSAVE: of this moment, when nothing else is being written. How it went is in INFO. */
  saveInBackground(): void {
    const startedAtMs = this.node.clock.nowMs();
    this.triedAtMs = startedAtMs;
    const saved = this.run(async () => {
      try {
        await this.write();
        this.note('ok');
      } catch {
        // It is in the log.
        this.note('err');
      }
      this.lastSeconds = Math.round((this.node.clock.nowMs() - startedAtMs) / 1000);
    });
    void saved;
  }

  /** BGSAVE SCHEDULE: as soon as nothing else is being written. */
  schedule(): void {
    if (this.isScheduled) return;
    this.isScheduled = true;
    const goOn = (giveBack: () => void): void => {
      giveBack();
      const isWanted = this.isScheduled && !this.isStopped && !this.isSaving;
      this.isScheduled = false;
      if (isWanted) this.saveInBackground();
    };
    void this.turn.take().then(goOn);
  }

  private run(act: () => Promise<void>): Promise<void> {
    if (this.isSaving) throw new Error('a snapshot is being written already');
    this.startedAtMs = this.node.clock.nowMs();
    const done = this.inTurn(act).finally(() => (this.startedAtMs = undefined));
    this.work = done.catch(() => undefined);
    return done;
  }

  private async inTurn(act: () => Promise<void>): Promise<void> {
    const giveBack = this.turn.tryTake() ?? (await this.turn.take());
    try {
      await act();
    } finally {
      giveBack();
    }
  }

  /** Writes a snapshot of this moment and puts it in the place of the one before. Rejects with the disk's error. */
  private async write(): Promise<void> {
    const { node, files, path } = this;
    const { changes } = node.store;
    const folder = dirname(path);
    const temporary = join(folder, `temp-${process.pid}-${written++}.rdb`);
    this.saves++;
    // The snapshot is of this moment; the folder may be taken and the file opened later.
    const opening = this.openAnew(folder, temporary);
    try {
      await this.writeFile(opening.then(({ file }) => file));
      await files.rename(temporary, path);
      await files.syncFolder(folder);
      this.lastSavedAtMs = node.clock.nowMs();
      this.changesAtSave = changes;
      node.log.info(`DB saved on disk: ${path}`);
    } catch (error) {
      node.log.warning(`The snapshot ${path} could not be written: ${reasonOf(error)}`);
      // The first error is the one to tell. What cannot be removed goes at the next start.
      await files.remove(temporary).catch(() => undefined);
      throw error;
    } finally {
      await opening.then(({ letGo }) => letGo(), () => undefined);
    }
  }

  private async writeFile(opening: Promise<DataFile>): Promise<void> {
    const { node } = this;
    const snapshot = new Snapshot(node.store, new OpeningFile(opening), snapshotOptions(node, 'rdb', false));
    this.snapshot = snapshot;
    if (this.isStopped) snapshot.abort();
    try {
      await snapshot.done;
    } finally {
      this.snapshot = undefined;
      this.lastWaitingBytes = snapshot.waitingBytesPeak;
      const file = await opening.catch(() => undefined);
      await file?.close();
    }
  }

  private async openAnew(folder: string, path: string): Promise<{ file: DataFile; letGo: () => void }> {
    const letGo = await this.hold.take(folder);
    try {
      return { file: await this.files.open(path, 'create'), letGo };
    } catch (error) {
      letGo();
      throw error;
    }
  }

  private note(status: 'ok' | 'err'): void {
    this.lastStatus = status;
    this.judge();
  }

  /** Writes are refused while snapshots are wanted and the last one has failed (`stop-writes-on-bgsave-error`). */
  private judge(): void {
    const isRefused = this.lastStatus === 'err' && this.hasPoints && this.node.settings.flag('stop-writes-on-bgsave-error');
    this.node.refuseFor('snapshot', isRefused ? refuseWrites(snapshotFailed()) : undefined);
  }

  /** Looks at the save points from time to time. */
  start(): void {
    this.timer = setInterval(() => this.look(), LOOK_PERIOD_MS);
    this.timer.unref();
  }

  private look(): void {
    if (this.turn.isTaken) return;
    const nowMs = this.node.clock.nowMs();
    if (this.lastStatus === 'err' && nowMs - this.triedAtMs < RETRY_MS) return;
    const { changesSinceSave } = this;
    const due = this.points.find(({ ms, changes }) => changesSinceSave >= changes && nowMs - this.lastSavedAtMs > ms);
    if (due === undefined || changesSinceSave === 0) return;
    this.node.log.info(`${due.changes} changes in ${due.ms / 1000} seconds. Saving...`);
    this.saveInBackground();
  }

  /** Gives up what is being written. */
  abort(): void {
    this.isScheduled = false;
    this.snapshot?.abort();
  }

  /** The same, and its file is gone when this resolves. */
  async giveUp(): Promise<void> {
    this.abort();
    await this.work;
  }

  /** As `giveUp`, and nothing is written any more. */
  async stop(): Promise<void> {
    this.isStopped = true;
    clearInterval(this.timer);
    await this.giveUp();
  }

  // ---- loading

  /** Removes what a process that was killed was writing. */
  async removeTemporary(): Promise<void> {
    const folder = dirname(this.path);
    for (const name of await this.files.list(folder)) {
      const pid = TEMPORARY.exec(name)?.[1];
      if (pid === undefined) continue;
      // A process may get the number of one before it, in a container the same one every time.
      if (Number(pid) === process.pid || !isAlive(Number(pid))) await this.files.remove(join(folder, name));
    }
  }

  /** There is a file. */
  async isThere(): Promise<boolean> {
    return (await this.files.identityOf(this.path)) !== undefined;
  }

  /** Loads the file. False when there is none. Rejects with PersistenceError. */
  async load({ replaces = false }: ReloadOptions = {}): Promise<boolean> {
    const { node, path, files } = this;
    try {
      const file = await files.open(path, 'read');
      try {
        await this.read(file, replaces);
      } finally {
        this.loading = undefined;
        await file.close();
      }
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return false;
      if (error instanceof RdbFileError) {
        throw new PersistenceError(
          `the snapshot ${path} is damaged at offset ${error.offset}: ${error.message}. ` +
            `Look at it with redis-check-rdb ${path}`, { cause: error },
        );
      }
      throw new PersistenceError(`the snapshot ${path} cannot be read: ${reasonOf(error)}`, { cause: error });
    }
    node.store.changes = this.changesAtSave = 0;
    await node.afterLoading();
    return true;
  }

  private async read(file: DataFile, replaces: boolean): Promise<void> {
    const { node } = this;
    const progress = (this.loading = new LoadProgress(node.clock, node.log, 'the snapshot'));
    const size = (progress.totalBytes = await file.size());
    let pausedAtUs = node.clock.elapsedUs();
    const reader = new RdbReader(node.store, file, size, { leavesOutExpired: true, replaces });
    const { keysLoaded, keysExpired, functions } = await reader.readAll(async (offset) => {
      progress.note(offset);
      progress.usedMemory = Number(reader.summary.aux.get('used-mem') ?? 0);
      if (node.clock.elapsedUs() - pausedAtUs < SLICE_US) return;
      await new Promise(setImmediate);
      pausedAtUs = node.clock.elapsedUs();
    });
    this.keysLoaded = keysLoaded;
    this.keysExpired = keysExpired;
    node.keepFunctions(functions, 'The snapshot');
    node.log.info(`DB loaded from disk: ${progress.seconds} seconds, ${keysLoaded} buckets, ${keysExpired} had expired`);
  }
}

/**
 * Keeps the snapshot file of a node, `dump.rdb`: loads it at the start, writes it for SAVE and BGSAVE and when the save
 * points say so. A snapshot is written beside the file, synced, and put in its place; then the folder is synced.
 */
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { RdbFileError, RdbReader } from './rdb-reader.js';
import { Snapshot, type WritableFile } from './snapshot.js';
import type { SnapshotServices } from '../commands/context.js';
import { SettingError } from '../config/settings.js';
import type { NodeState } from '../execution/node-state.js';

/** What keeps a node from starting in the folder that `dir` names; the message names the file, and what to do. */
export class SnapshotFileError extends SettingError {
  constructor(message: string) {
    super('dir', message);
  }
}

const LOOK_PERIOD_MS = 100;
/** After a failure the save points wait so long before the next attempt. */
const RETRY_MS = 5000;
const LINE_PERIOD_MS = 1000;
const SLICE_MS = 10;

/** A file that may still be on its way to be opened. */
class OpeningFile implements WritableFile {
  constructor(private readonly handle: Promise<FileHandle>) {}

  async write(pieces: readonly Buffer[], position: number): Promise<number> {
    return (await (await this.handle).writev([...pieces], position)).bytesWritten;
  }

  async sync(): Promise<void> {
    await (await this.handle).datasync();
  }
}

export class SnapshotKeeper implements SnapshotServices {
  lastSavedAtMs: number;
  lastStatus: 'ok' | 'err' = 'ok';
  lastSeconds = -1;
  saves = 0;
  keysLoaded = 0;
  keysExpired = 0;
  startedAtMs: number | undefined;
  private changesAtSave = 0;
  private triedAtMs = 0;
  private snapshot: Snapshot | undefined;
  private functions: readonly Buffer[] = [];
  private timer: NodeJS.Timeout | undefined;
  private points: { ms: number; changes: number }[] = [];

  constructor(private readonly node: NodeState) {
    this.lastSavedAtMs = node.startedAtMs;
    const { settings } = node;
    settings.watch('save', () => {
      const words = settings.text('save').split(' ').map(Number);
      this.points = [];
      for (let i = 0; i + 1 < words.length; i += 2) this.points.push({ ms: words[i]! * 1000, changes: words[i + 1]! });
    });
  }

  get isSaving(): boolean {
    return this.startedAtMs !== undefined;
  }

  get changesSinceSave(): number {
    return this.node.store.changes - this.changesAtSave;
  }

  get keysWritten(): number {
    return this.snapshot?.keysWritten ?? 0;
  }

  get keysTotal(): number {
    return this.snapshot?.keysTotal ?? 0;
  }

  private get path(): string {
    const { settings } = this.node;
    return join(resolve(settings.text('dir')), settings.text('dbfilename'));
  }

  // ---- writing

  /** Writes a snapshot of this moment. Rejects with the disk's error. None may be on its way. */
  async save(): Promise<void> {
    const { node, path } = this;
    if (this.isSaving) throw new Error('a snapshot is being written already');
    this.startedAtMs = this.triedAtMs = node.clock.nowMs();
    const changes = node.store.changes;
    const temporary = join(dirname(path), `temp-${process.pid}-${this.saves++}.rdb`);
    try {
      await this.write(temporary);
      await rename(temporary, path);
      await syncFolder(dirname(path));
      this.lastStatus = 'ok';
      this.lastSavedAtMs = node.clock.nowMs();
      this.changesAtSave = changes;
      node.log.info(`DB saved on disk: ${path}`);
    } catch (error) {
      this.lastStatus = 'err';
      node.log.warning(`The snapshot ${path} could not be written: ${(error as Error).message}`);
      await rm(temporary, { force: true }).catch(() => undefined);
      throw error;
    } finally {
      this.lastSeconds = Math.round((node.clock.nowMs() - this.startedAtMs) / 1000);
      this.startedAtMs = undefined;
    }
  }

  private async write(temporary: string): Promise<void> {
    const { settings, store, clock } = this.node;
    const policy = settings.text('maxmemory-policy');
    // The snapshot is of this moment; the file may be opened later.
    const opening = openAnew(temporary);
    try {
      this.snapshot = new Snapshot(store, new OpeningFile(opening), {
        compresses: settings.flag('rdbcompression'), hasChecksum: settings.flag('rdbchecksum'),
        notesUse: policy.includes('lru') ? 'idle' : policy.includes('lfu') ? 'frequency' : undefined,
        isLogBase: false, functions: this.functions, nowMs: clock.nowMs(), elapsedUs: () => clock.elapsedUs(),
        syncsOften: settings.flag('rdb-save-incremental-fsync'),
      });
      await this.snapshot.done;
    } finally {
      this.snapshot = undefined;
      await opening.then((handle) => handle.close(), () => undefined);
    }
  }

  /** Looks at the save points from time to time. */
  start(): void {
    this.timer = setInterval(() => this.look(), LOOK_PERIOD_MS);
    this.timer.unref();
  }

  private look(): void {
    if (this.isSaving) return;
    const nowMs = this.node.clock.nowMs();
    if (this.lastStatus === 'err' && nowMs - this.triedAtMs < RETRY_MS) return;
    const { changesSinceSave } = this;
    const due = this.points.find(({ ms, changes }) => changesSinceSave >= changes && nowMs - this.lastSavedAtMs > ms);
    if (due === undefined || changesSinceSave === 0) return;
    this.node.log.info(`${due.changes} changes in ${due.ms / 1000} seconds. Saving...`);
    this.save().catch(() => undefined);
  }

  /** Ends what is on its way; its file goes. */
  stop(): void {
    clearInterval(this.timer);
    this.snapshot?.abort();
  }

  // ---- loading

  /** Loads the file, if it is there. Rejects with SnapshotFileError. */
  async load(): Promise<void> {
    const { node, path } = this;
    const handle = await open(path, 'r').catch((error: unknown) => {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return undefined;
      throw new SnapshotFileError(`the snapshot ${path} cannot be read: ${message}`);
    });
    if (handle === undefined) return;
    try {
      await this.read(handle);
    } catch (error) {
      const where = error instanceof RdbFileError ? ` at offset ${error.offset}` : '';
      throw new SnapshotFileError(
        `the snapshot ${path} is damaged${where}: ${(error as Error).message}. Look at it with redis-check-rdb ${path}`,
      );
    } finally {
      await handle.close();
    }
    node.store.changes = this.changesAtSave = 0;
    await node.afterLoading();
  }

  private async read(handle: FileHandle): Promise<void> {
    const { node } = this;
    const { size } = await handle.stat();
    const startedMs = node.clock.nowMs();
    let linedMs = startedMs;
    let pausedMs = startedMs;
    const read = async (into: Buffer, position: number): Promise<number> =>
      (await handle.read(into, 0, into.length, position)).bytesRead;
    const reader = new RdbReader(node.store, { read }, size, { leavesOutExpired: true });
    const { keysLoaded, keysExpired, functions } = await reader.readAll(async (offset) => {
      const nowMs = node.clock.nowMs();
      if (nowMs - linedMs >= LINE_PERIOD_MS) {
        linedMs = nowMs;
        node.log.info(`Loading the snapshot: ${Math.floor((offset / size) * 100)}% of ${size} bytes`);
      }
      if (nowMs - pausedMs < SLICE_MS) return;
      await new Promise(setImmediate);
      pausedMs = node.clock.nowMs();
    });
    this.keysLoaded = keysLoaded;
    this.keysExpired = keysExpired;
    this.functions = functions;
    if (functions.length > 0) {
      node.log.warning(`The snapshot has ${functions.length} libraries of functions: they are kept, and not run`);
    }
    const seconds = ((node.clock.nowMs() - startedMs) / 1000).toFixed(3);
    node.log.info(`DB loaded from disk: ${seconds} seconds, ${keysLoaded} buckets, ${keysExpired} had expired`);
  }
}

async function openAnew(path: string): Promise<FileHandle> {
  await mkdir(dirname(path), { recursive: true });
  return open(path, 'w');
}

async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

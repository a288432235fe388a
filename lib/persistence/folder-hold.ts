/**
 * What a node holds of its data folder: the lock that keeps other processes off. While the node may write there by
 * itself, to the append log or at save points, it holds the folder from its start to its stop; otherwise for the time
 * of what it is asked to write. All who write share one lock of a folder, and it is given back when the last is done.
 */
import { resolve } from 'node:path';
import type { FileSystem, Lock } from './file-system.js';
import { reasonOf } from './system-error.js';
import { SettingError } from '../config/settings.js';
import { FolderInUse } from '../errors.js';
import type { NodeState } from '../execution/node-state.js';

interface Held {
  lock: Lock;
  uses: number;
}

export class FolderHold {
  private readonly held = new Map<string, Held>();
  /** Ends the keeping of the folder that is kept. */
  private kept: (() => void) | undefined;
  /** Locks are taken one after the other. */
  private work: Promise<unknown> = Promise.resolve();
  private isStarted = false;
  private isForLog = false;

  constructor(
    private readonly node: NodeState,
    private readonly files: FileSystem,
  ) {
    const { settings } = node;
    settings.guard(['dir', 'save'], (proposed) => this.refuseShared(proposed));
    for (const name of ['dir', 'save']) settings.watch(name, () => void this.follow());
  }

  /** From now on the folder is kept when there are save points. Rejects with FolderInUse. */
  start(): Promise<void> {
    this.isStarted = true;
    return this.keepForSavePoints();
  }

  /** Keeps the folder for the log, until `leaveLog`. Rejects as `take`. */
  keepForLog(folder: string): Promise<void> {
    this.isStarted = this.isForLog = true;
    return this.keep(folder);
  }

  leaveLog(): Promise<void> {
    this.isForLog = false;
    return this.follow();
  }

  stop(): Promise<void> {
    this.isStarted = this.isForLog = false;
    return this.keepNone();
  }

  /**
   * Takes a folder, which is made where it is missing, and gives what lets it go. A lock that was removed with its
   * folder is taken anew. Rejects with FolderInUse, and with the system's errors.
   */
  take(folder: string): Promise<() => void> {
    return this.inOrder(async () => {
      const letGo = await this.takeNow(folder);
      // It could not be locked before.
      if (this.kept === undefined && folder === this.folderToKeep) this.kept = await this.takeNow(folder);
      return letGo;
    });
  }

  // ---- settings

  /** That of the settings, when there are save points. */
  private get folderToKeep(): string | undefined {
    const { settings } = this.node;
    if (!this.isStarted || settings.text('save') === '' || settings.text('dir') === '') return undefined;
    return resolve(settings.text('dir'));
  }

  /** CONFIG SET dir and save: where this node would write by itself from now on, nobody else may. */
  private refuseShared(proposed: (name: string) => string): void {
    const dir = proposed('dir');
    if (!this.isStarted || this.isForLog || proposed('save') === '' || dir === '') return;
    const folder = resolve(dir);
    try {
      if (!this.held.has(folder)) this.files.checkLock(folder);
    } catch (error) {
      // What else may be wrong with the folder is told when it is written to.
      if (!(error instanceof FolderInUse)) return;
      const name = dir === this.node.settings.text('dir') ? 'save' : 'dir';
      throw new SettingError(name, `${name}: ${error.message}`, error.message);
    }
  }

  /** The settings have changed, or the log is off. Whoever took the folder a moment ago is told of at each snapshot. */
  private async follow(): Promise<void> {
    if (this.isForLog) return;
    try {
      await this.keepForSavePoints();
    } catch (error) {
      this.node.log.warning(`No snapshots are written: ${reasonOf(error)}`);
    }
  }

  /**
   * Keeps the folder when there are save points, and none otherwise. Rejects with FolderInUse. That a folder cannot be
   * locked, because it cannot be written, is told: as with redis-server it is the snapshots that fail.
   */
  private async keepForSavePoints(): Promise<void> {
    const { folderToKeep: folder } = this;
    if (folder === undefined) return this.keepNone();
    try {
      await this.keep(folder);
    } catch (error) {
      if (error instanceof FolderInUse) throw error;
      this.node.log.warning(`The folder ${folder} cannot be locked: ${reasonOf(error)}. It is tried again with each snapshot`);
    }
  }

  // ---- locks

  /** From now on keeps this folder, and lets go of the one before when it has it. */
  private keep(folder: string): Promise<void> {
    return this.inOrder(async () => {
      const letGo = await this.takeNow(folder);
      this.kept?.();
      this.kept = letGo;
    });
  }

  /** Keeps no folder any more; who still writes has it until that is done. */
  private keepNone(): Promise<void> {
    return this.inOrder(() => {
      this.kept?.();
      this.kept = undefined;
      return Promise.resolve();
    });
  }

  private async takeNow(folder: string): Promise<() => void> {
    await this.files.makeFolder(folder);
    const held = this.held.get(folder) ?? { lock: await this.files.lock(folder), uses: 0 };
    if (!held.lock.isInPlace) {
      held.lock.release();
      held.lock = await this.files.lock(folder);
    }
    this.held.set(folder, held);
    held.uses++;
    return () => this.letGo(folder, held);
  }

  private letGo(folder: string, held: Held): void {
    if (--held.uses > 0) return;
    this.held.delete(folder);
    held.lock.release();
  }

  private inOrder<T>(act: () => Promise<T>): Promise<T> {
    const done = this.work.then(act);
    this.work = done.catch(() => undefined);
    return done;
  }
}

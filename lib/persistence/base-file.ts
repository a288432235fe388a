/**
 * The base of the append log: a snapshot of one moment, in a file of the log's folder. It is written under another name
 * and gets its own when it is whole.
 */
import { join } from 'node:path';
import type { DataFile } from './file-system.js';
import type { LogFolder } from './log-folder.js';
import type { LogFileEntry } from './manifest.js';
import { snapshotOptions } from './snapshot-options.js';
import { Snapshot } from './snapshot.js';
import type { NodeState } from '../execution/node-state.js';

export class BaseFile {
  snapshot: Snapshot | undefined;
  private isFinished = false;

  private constructor(
    private readonly node: NodeState,
    private readonly folder: LogFolder,
    private readonly path: string,
    private readonly file: DataFile,
    /** That of RDB, or commands. */
    readonly form: 'rdb' | 'aof',
  ) {}

  /**
   * Makes the file, so that nothing need be waited for when the moment comes. When `act` rejects, or does not come to
   * `finish`, the file is removed.
   */
  static async making(node: NodeState, folder: LogFolder, act: (base: BaseFile) => Promise<void>): Promise<void> {
    const base = await BaseFile.open(node, folder);
    try {
      await act(base);
    } finally {
      if (!base.isFinished) await base.remove();
    }
  }

  private static async open(node: NodeState, folder: LogFolder): Promise<BaseFile> {
    await folder.files.makeFolder(folder.path);
    const path = join(folder.path, `temp-rewriteaof-bg-${process.pid}.aof`);
    const form = node.settings.flag('aof-use-rdb-preamble') ? 'rdb' : 'aof';
    return new BaseFile(node, folder, path, await folder.files.open(path, 'create'), form);
  }

  /** Begins the snapshot: the moment is now. */
  begin(): void {
    const { node, file } = this;
    this.snapshot = new Snapshot(node.store, file, snapshotOptions(node, this.form, true));
    // Whoever waits for the end takes the error; until somebody does it is nobody's.
    this.snapshot.done.catch(() => undefined);
  }

  /**
   * Waits for the end and puts the file in its place. Gives its size. Rejects with the disk's error when it is not to
   * be.
   */
  async finish(entry: LogFileEntry): Promise<number> {
    const { files } = this.folder;
    const size = await this.snapshot!.done;
    await this.file.close();
    await files.rename(this.path, this.folder.pathOf(entry));
    await files.syncFolder(this.folder.path);
    this.isFinished = true;
    return size;
  }

  /** Ends it in the middle; `finish` rejects then. */
  abort(): void {
    this.snapshot?.abort();
  }

  private async remove(): Promise<void> {
    await this.file.close().catch(() => undefined);
    await this.folder.files.remove(this.path).catch(() => undefined);
  }
}

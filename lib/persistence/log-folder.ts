/**
 * The log's folder: its manifest and the files that it names. Whatever changes here is done so that a crash at any
 * moment leaves the state before or the state after: a manifest is written beside the old one, synced, and renamed.
 */
import { join } from 'node:path';
import type { DataFile, FileSystem } from './file-system.js';
import { type LogFileEntry, Manifest, ManifestError } from './manifest.js';

const TEMPORARY = 'temp-';

export class LogFolder {
  readonly path: string;

  /** `folder` is the setting dir, `name` appenddirname, `prefix` appendfilename. */
  constructor(
    readonly files: FileSystem,
    readonly folder: string,
    name: string,
    readonly prefix: string,
  ) {
    this.path = join(folder, name);
  }

  pathOf({ name }: LogFileEntry): string {
    return join(this.path, name);
  }

  get manifestPath(): string {
    return join(this.path, Manifest.fileName(this.prefix));
  }

  /** The manifest; undefined when there is none. Rejects with ManifestError and with the system's errors. */
  async readManifest(): Promise<Manifest | undefined> {
    const names = await this.files.list(this.path);
    if (!names.includes(Manifest.fileName(this.prefix))) return undefined;
    const text = await this.readText(this.manifestPath);
    try {
      return Manifest.parse(this.prefix, text);
    } catch (error) {
      if (error instanceof ManifestError) throw new ManifestError(`${this.manifestPath}: ${error.message}`, { cause: error });
      throw error;
    }
  }

  /** Puts a manifest in force. */
  async writeManifest(manifest: Manifest): Promise<void> {
    await this.files.makeFolder(this.path);
    const name = Manifest.fileName(this.prefix);
    const temporary = join(this.path, TEMPORARY + name);
    const file = await this.files.open(temporary, 'create');
    try {
      const text = Buffer.from(manifest.text(), 'latin1');
      for (let at = 0; at < text.length;) at += await file.write([text.subarray(at)], at);
      await file.sync();
    } finally {
      await file.close();
    }
    await this.files.rename(temporary, join(this.path, name));
    await this.files.syncFolder(this.path);
  }

  /** Makes the folder, and the file that a new increment goes to. */
  async create(entry: LogFileEntry): Promise<DataFile> {
    await this.files.makeFolder(this.path);
    return this.files.open(this.pathOf(entry), 'create');
  }

  /**
   * Makes the file of an increment, and puts the manifest that names it in force. When the disk refuses, the manifest
   * `before` stays in force and the file is removed, as far as the disk takes that.
   */
  async addIncrement(entry: LogFileEntry, manifest: Manifest, before: Manifest): Promise<DataFile> {
    const file = await this.create(entry);
    try {
      await this.writeManifest(manifest);
      return file;
    } catch (error) {
      await file.close().catch(() => undefined);
      await this.takeBack(entry, before);
      throw error;
    }
  }

  private async takeBack(entry: LogFileEntry, before: Manifest): Promise<void> {
    try {
      // The new one may be in force already, when it was its folder that could not be synced: then the file must stay.
      await this.writeManifest(before);
      await this.files.remove(this.pathOf(entry));
    } catch {
      // The file is empty, and the next rewrite writes over it.
    }
  }

  async sizeOf(entry: LogFileEntry): Promise<number> {
    const file = await this.files.open(this.pathOf(entry), 'read');
    try {
      return await file.size();
    } finally {
      await file.close();
    }
  }

  /**
   * Whether there is an old log of one file beside the folder: no manifest is there yet, or one that `adopt` wrote
   * before it was stopped in the middle. Source: aof.c, loadAppendOnlyFiles.
   */
  async isToAdopt(manifest: Manifest | undefined): Promise<boolean> {
    const { files, prefix } = this;
    const isThere = async (folder: string): Promise<boolean> => (await files.list(folder)).includes(prefix);
    if (manifest === undefined) return isThere(this.folder);
    const isNamed = manifest.base?.name === prefix && manifest.files.length === 1;
    return isNamed && !(await isThere(this.path)) && isThere(this.folder);
  }

  /** Makes the one file of an old log, which lies beside the folder, the base of a log of several. */
  async adopt(): Promise<void> {
    const manifest = new Manifest(this.prefix);
    manifest.base = { name: this.prefix, sequence: 1 };
    await this.writeManifest(manifest);
    await this.files.rename(join(this.folder, this.prefix), this.pathOf(manifest.base));
    // The new name first: without power in between the file would have none.
    await this.files.syncFolder(this.path);
    await this.files.syncFolder(this.folder);
  }

  /** Removes what the manifest calls history, and gives the manifest without it. */
  async removeHistory(manifest: Manifest): Promise<Manifest> {
    const clean = manifest.copy();
    clean.history = [];
    if (manifest.history.length === 0) return clean;
    for (const entry of manifest.history) await this.files.remove(this.pathOf(entry));
    await this.writeManifest(clean);
    return clean;
  }

  /** Removes what a rewrite that did not come to its end has left behind. */
  async removeTemporary(): Promise<void> {
    for (const name of await this.files.list(this.path)) {
      if (name.startsWith(TEMPORARY)) await this.files.remove(join(this.path, name));
    }
  }

  private async readText(path: string): Promise<string> {
    const file = await this.files.open(path, 'read');
    try {
      const bytes = Buffer.alloc(await file.size());
      const count = await file.read(bytes, 0);
      return bytes.toString('latin1', 0, count);
    } finally {
      await file.close();
    }
  }
}

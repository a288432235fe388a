/**
 * A disk in memory, for tests of what is kept on one. Every operation may be made to fail, or to write less than it was
 * given. Power may fail: then what was synced is there, and of what was not, each write by itself is there, in part, or
 * not at all, in any order, as on a real disk; of names that were changed and not synced, a beginning is there.
 */
import { dirname } from 'node:path';
import type { DataFile, FileSystem, OpenMode } from '../../lib/persistence/file-system.js';
import type { Random } from '../../lib/util/random.js';

/** What an operation does instead of what it should. */
export type Fault = { error: string } | { short: number };

export type Operation = 'open' | 'write' | 'read' | 'sync' | 'truncate' | 'rename' | 'remove' | 'makeFolder' | 'syncFolder' | 'list' | 'lock';

/** A change of a file's content that is not on the disk. */
type Unsynced = { position: number; bytes: Buffer } | { length: number };

let contents = 0;

class Content {
  readonly number = ++contents;
  bytes: Buffer = Buffer.alloc(0);
  synced: Buffer = Buffer.alloc(0);
  unsynced: Unsynced[] = [];
}

type Names = Map<string, Content>;

export class MemoryFiles implements FileSystem {
  /** Called before each operation; what it gives happens instead. */
  fault: (operation: Operation, path: string) => Fault | undefined = () => undefined;
  /** Called as an operation is asked for; resolves when it may be done, for a slow disk. */
  delay: (operation: Operation, path: string) => Promise<void> | undefined = () => undefined;
  operations = 0;
  /** Files that were opened and are not closed. */
  opened = 0;
  /** Locks that were taken and not released. */
  locked = 0;

  private names: Names = new Map();
  /** Folders that were removed, and not made again. */
  private readonly removed = new Set<string>();
  private readonly syncedNames: Names = new Map();
  /** Names that were changed since their folder was synced, in order. */
  private changedNames: { path: string; content: Content | undefined }[] = [];

  /** What a disk has after the power failed and came back. */
  afterPowerCut(random: Random): MemoryFiles {
    const disk = new MemoryFiles();
    const names = new Map(this.syncedNames);
    const kept = Math.floor(random.next() * (this.changedNames.length + 1));
    for (const { path, content } of this.changedNames.slice(0, kept)) setName(names, path, content);
    const contents = new Map<Content, Content>();
    for (const [path, content] of names) {
      const survived = contents.get(content) ?? survivorOf(content, random);
      contents.set(content, survived);
      disk.names.set(path, survived);
      disk.syncedNames.set(path, survived);
    }
    return disk;
  }

  /** What a disk has after the process was killed: everything that was written. */
  afterKill(): MemoryFiles {
    const disk = new MemoryFiles();
    for (const [path, { bytes }] of this.names) disk.put(path, bytes);
    return disk;
  }

  paths(): string[] {
    return [...this.names.keys()].toSorted();
  }

  get(path: string): Buffer | undefined {
    return this.names.get(path)?.bytes;
  }

  /** The file whose name ends so. */
  find(end: string): Buffer {
    const path = this.paths().find((each) => each.endsWith(end));
    if (path === undefined) throw new Error(`no file ends with ${end} in ${this.paths().join(' ')}`);
    return this.get(path)!;
  }

  put(path: string, bytes: Buffer): void {
    const content = new Content();
    content.bytes = content.synced = Buffer.from(bytes);
    this.names.set(path, content);
    this.syncedNames.set(path, content);
  }

  /** Removes a folder with everything in it, as somebody else does; files that are open take writes as before. */
  removeFolder(folder: string): void {
    for (const path of this.paths()) if (path.startsWith(`${folder}/`)) this.changeName(path, undefined);
    this.removed.add(folder);
  }

  // ---- FileSystem

  async open(path: string, mode: OpenMode): Promise<DataFile> {
    await this.begin('open', path);
    let content = this.names.get(path);
    if (content === undefined) {
      if (mode === 'read' || this.removed.has(dirname(path))) throw systemError('ENOENT');
      content = new Content();
      this.changeName(path, content);
    } else if (mode === 'create') truncate(content, 0);
    this.opened++;
    return this.fileOf(path, content);
  }

  async rename(from: string, to: string): Promise<void> {
    await this.begin('rename', from);
    const content = this.names.get(from);
    if (content === undefined) throw systemError('ENOENT');
    // A rename is one change: either both names have changed or none.
    this.names.delete(from);
    this.names.set(to, content);
    this.changedNames.push({ path: to, content });
    this.changedNames.push({ path: from, content: undefined });
  }

  async remove(path: string): Promise<void> {
    await this.begin('remove', path);
    if (this.names.has(path)) this.changeName(path, undefined);
  }

  async list(folder: string): Promise<string[]> {
    await this.begin('list', folder);
    return this.paths().filter((path) => dirname(path) === folder).map((path) => path.slice(folder.length + 1));
  }

  async makeFolder(path: string): Promise<void> {
    await this.begin('makeFolder', path);
    for (let folder = path; folder !== dirname(folder); folder = dirname(folder)) this.removed.delete(folder);
  }

  async syncFolder(path: string): Promise<void> {
    await this.begin('syncFolder', path);
    const isHere = (change: { path: string }): boolean => dirname(change.path) === path;
    for (const change of this.changedNames.filter(isHere)) setName(this.syncedNames, change.path, change.content);
    this.changedNames = this.changedNames.filter((change) => !isHere(change));
  }

  /** What keeps others off is tried with real folders. */
  async lock(folder: string): Promise<{ isInPlace: boolean; release: () => void }> {
    await this.begin('lock', folder);
    this.locked++;
    return { isInPlace: true, release: () => this.locked-- };
  }

  checkLock(): void {
    // Nobody else is here.
  }

  identityOf(path: string): Promise<string | undefined> {
    const content = this.names.get(path);
    return Promise.resolve(content === undefined ? undefined : String(content.number));
  }

  private changeName(path: string, content: Content | undefined): void {
    setName(this.names, path, content);
    this.changedNames.push({ path, content });
  }

  /** Throws the fault's error, or gives how many bytes of a write are done. */
  private async begin(operation: Operation, path: string): Promise<number> {
    await (this.delay(operation, path) ?? new Promise(setImmediate));
    this.operations++;
    const fault = this.fault(operation, path);
    if (fault === undefined) return Infinity;
    if ('error' in fault) throw systemError(fault.error);
    return fault.short;
  }

  private fileOf(path: string, content: Content): DataFile {
    let isOpen = true;
    return {
      write: async (pieces, position) => {
        const count = await this.begin('write', path);
        const all = Buffer.concat(pieces);
        const bytes = all.subarray(0, Math.max(1, Math.min(count, all.length)));
        write(content, bytes, position);
        return bytes.length;
      },
      writeThrough: async (pieces, position) => {
        const count = await this.begin('write', path);
        const all = Buffer.concat(pieces);
        const bytes = all.subarray(0, Math.max(1, Math.min(count, all.length)));
        const change = { position, bytes: Buffer.from(bytes) };
        content.unsynced.push(change);
        content.bytes = written(content.bytes, bytes, position);
        await this.begin('sync', path);
        // What is on the disk can be read there, so the lengths that the file was given before it are settled too.
        const place = content.unsynced.indexOf(change);
        const isSettled = (each: Unsynced, index: number): boolean => index < place && 'length' in each;
        for (const [index, each] of content.unsynced.entries()) {
          if (isSettled(each, index)) content.synced = resized(content.synced, (each as { length: number }).length);
        }
        content.unsynced = content.unsynced.filter((each, index) => each !== change && !isSettled(each, index));
        content.synced = written(content.synced, bytes, position);
        return bytes.length;
      },
      read: async (into, position) => {
        await this.begin('read', path);
        return content.bytes.copy(into, 0, position);
      },
      sync: async () => {
        // What is written while the sync is under way is not part of it.
        const upTo = content.unsynced.length;
        const bytes = Buffer.from(content.bytes);
        await this.begin('sync', path);
        content.synced = bytes;
        content.unsynced = content.unsynced.slice(upTo);
      },
      truncate: async (length) => {
        await this.begin('truncate', path);
        truncate(content, length);
      },
      size: () => Promise.resolve(content.bytes.length),
      close: () => {
        if (isOpen) this.opened--;
        isOpen = false;
        return Promise.resolve();
      },
    };
  }
}

function setName(names: Names, path: string, content: Content | undefined): void {
  if (content === undefined) names.delete(path);
  else names.set(path, content);
}

function write(content: Content, bytes: Buffer, position: number): void {
  content.unsynced.push({ position, bytes: Buffer.from(bytes) });
  content.bytes = written(content.bytes, bytes, position);
}

function truncate(content: Content, length: number): void {
  content.unsynced.push({ length });
  content.bytes = resized(content.bytes, length);
}

function written(before: Buffer, bytes: Buffer, position: number): Buffer {
  const after = resized(before, Math.max(before.length, position + bytes.length));
  bytes.copy(after, position);
  return after;
}

function resized(before: Buffer, length: number): Buffer {
  const after = Buffer.alloc(length);
  before.copy(after);
  return after;
}

/** A file as the power cut leaves it. */
function survivorOf(content: Content, random: Random): Content {
  const survivor = new Content();
  let bytes = content.synced;
  for (const change of content.unsynced) {
    const luck = random.next();
    if ('length' in change) {
      if (luck < 0.5) bytes = resized(bytes, change.length);
    } else if (luck < 0.4) bytes = written(bytes, change.bytes, change.position);
    else if (luck < 0.7) {
      const part = change.bytes.subarray(0, Math.floor(random.next() * change.bytes.length));
      bytes = written(bytes, part, change.position);
    }
  }
  survivor.bytes = survivor.synced = bytes;
  return survivor;
}

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: made by a test`), { code });
}
